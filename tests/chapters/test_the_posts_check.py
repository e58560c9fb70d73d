"""The holes of the check that the chapter "A check that lets errors pass" takes apart."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tests.support.page_cells import defined
from unrolled.cells import rnn
from unrolled.functional import dcross_entropy
from unrolled.gradients import chain_rule, gradcheck
from unrolled.models import language_model


@pytest.mark.equation("eq-post-criterion")
@pytest.mark.parametrize("n", [3.0, -0.002])
def test_the_posts_rule_lets_two_percent_pass(n):
    def error(q):
        return abs((1 + q) * n - n) / (abs((1 + q) * n) + abs(n))

    for q in (0.0005, 0.01, 0.5):
        assert_allclose(error(q), q / (2 + q), rtol=1e-9)
    assert error(2 / 99 - 1e-9) <= 0.01 < error(2 / 99 + 1e-9)
    assert error(0.02) <= 0.01 < error(-0.02)  # a gradient 2 % too small is refused


def test_the_posts_settings_give_960_quotients_of_zero_by_zero():
    V, H = 100, 10
    model = language_model.init(np.random.default_rng(0), V, H, dtype=np.float64)
    words = np.arange(5)

    def loss(m):
        return language_model.loss_and_gradient_loops(m, words[:-1], words[1:])[0]

    _, analytic = language_model.loss_and_gradient_loops(model, words[:-1], words[1:])
    W_x = gradcheck.central_difference(
        lambda W: loss(model._replace(cell=model.cell._replace(W_x=W))),
        model.cell.W_x,
        1e-3,
    )
    with np.errstate(invalid="ignore"):
        error = np.abs(analytic.cell.W_x - W_x) / (
            np.abs(analytic.cell.W_x) + np.abs(W_x)
        )
    assert np.isnan(error).sum() == 960
    assert not (error > 0.01).any()
    nothing = np.full_like(W_x, np.nan)
    with np.errstate(invalid="ignore"):
        assert not (
            np.abs(nothing - W_x) / (np.abs(nothing) + np.abs(W_x)) > 0.01
        ).any()
    with pytest.raises(AssertionError, match="not finite"):
        gradcheck.check(
            lambda W: loss(model._replace(cell=model.cell._replace(W_x=W))),
            model.cell.W_x,
            nothing,
        )


def truncated(kind, T, size, seed=0, V=20, H=6, scale=1.0):
    """The gradient of W_h by a truncation and by full backpropagation, and the pairs they keep."""
    rng = np.random.default_rng(seed)
    model = language_model.init(rng, V, H, dtype=np.float64)
    model = model._replace(cell=model.cell._replace(W_h=scale * model.cell.W_h))
    ids = rng.integers(0, V, T + 1)[:, None]
    logits, cache = language_model.forward(model, ids[:-1])
    dh = dcross_entropy(logits, ids[1:], 1.0) @ model.W_y.T
    vectors = cache._replace(x=np.eye(V)[cache.x])
    return (
        kind(model.cell, cache, dh, size)[0].W_h,
        rnn.backward(model.cell, cache, dh)[0].W_h,
        lambda keep: chain_rule.gradient(model.cell, vectors, dh, keep)[0].W_h,
    )


@pytest.mark.parametrize("T", [4, 5])
def test_a_window_of_four_is_the_full_gradient_of_a_sentence_of_four_words(T):
    window, full, _ = truncated(rnn.backward_window, T, 4)
    assert_allclose(window, full, rtol=1e-13)


@pytest.mark.claim(
    "four-words-hide-a-truncation",
    "On a sentence of four words, a window of four steps and the last four steps both give the "
    "full gradient. On five words the window still does. On six words neither does.",
)
@pytest.mark.parametrize("T", [4, 5, 6])
def test_a_check_on_four_words_cannot_tell_a_truncated_gradient(T):
    """Every array of the cell's gradient, for a window of 4 and the last 4 of T steps."""
    rng = np.random.default_rng(T)
    p = rnn.init(rng, 3, 5)
    _, cache = rnn.forward(p, rng.standard_normal((T, 2, 3)))
    dh = rng.standard_normal((T, 2, 5))
    full = rnn.backward(p, cache, dh)[0]
    for cut, hidden in ((rnn.backward_window, T <= 5), (rnn.backward_last, T == 4)):
        found = cut(p, cache, dh, 4)[0]
        agree = [
            np.allclose(a, b, rtol=1e-12) for a, b in zip(found, full, strict=True)
        ]
        assert all(agree) == hidden


@pytest.mark.parametrize("w", [0, 1, 4, 20])
def test_the_loops_with_a_window_give_the_same_gradient_as_the_batch_code(w):
    rng = np.random.default_rng(2)
    model = language_model.init(rng, 7, 4, dtype=np.float64)
    ids = rng.integers(0, 5, 10)
    _, loops = language_model.loss_and_gradient_loops(model, ids[:-1], ids[1:], w)
    logits, cache = language_model.forward(model, ids[:-1, None])
    dh = dcross_entropy(logits, ids[1:, None], 1.0) @ model.W_y.T
    expected = rnn.backward_window(model.cell, cache, dh, w)[0]
    assert_allclose(loops.cell.W_h, expected.W_h, atol=1e-13)
    assert_allclose(loops.cell.W_x, expected.W_x, atol=1e-13)


@pytest.mark.parametrize("w", [0, 1, 4, 20])
def test_a_window_counts_the_outputs_own_step_and_w_before_it(w):
    found, _, of_pairs = truncated(rnn.backward_window, 9, w)
    t, k = np.arange(1, 10)[:, None], np.arange(1, 10)
    assert_allclose(found, of_pairs((k <= t) & (t - k <= w)), atol=1e-12)


@pytest.mark.parametrize("n", [0, 1, 4, 9])
def test_the_last_steps_count_only_pairs_among_themselves(n):
    found, _, of_pairs = truncated(rnn.backward_last, 9, n)
    t, k = np.arange(1, 10)[:, None], np.arange(1, 10)
    assert_allclose(found, of_pairs((k <= t) & (k > 9 - n)), atol=1e-12)


@pytest.mark.slow
def test_the_table_of_the_page_separates_the_two_starts():
    """Medians over 12 seeds: the window is close with uniform weights only; last is far in both."""
    names = defined("02-language-model/the-posts-check.md")
    away = {
        k: names["compare"](W_h, seeds=12)[:, 0] for k, W_h in names["starts"].items()
    }
    assert away["uniform"][0] < 0.1 and away["orthogonal"][0] > 0.3
    assert min(away["uniform"][1], away["orthogonal"][1]) > 0.7
    rng = np.random.default_rng(3)
    stretch = np.linalg.svd(names["starts"]["uniform"](rng, 200), compute_uv=False)
    assert np.mean(stretch < 1) > 0.8
    assert np.sqrt(np.mean(stretch**2)) == pytest.approx(1 / np.sqrt(3), rel=0.02)


def test_the_window_loses_more_where_the_weights_preserve_the_gradient():
    """Medians over 20 seeds: an orthogonal W_h against one that is half as large."""

    def distance(scale):
        pairs = (
            truncated(rnn.backward_window, 12, 4, s, scale=scale) for s in range(20)
        )
        return np.median(
            [np.linalg.norm(w - f) / np.linalg.norm(f) for w, f, _ in pairs]
        )

    assert distance(1.0) > 5 * distance(0.5)


def test_the_last_four_of_twelve_steps_lose_most_of_the_gradient():
    for seed in range(10):
        last, full, _ = truncated(rnn.backward_last, 12, 4, seed)
        assert np.linalg.norm(last - full) > 0.4 * np.linalg.norm(full)
