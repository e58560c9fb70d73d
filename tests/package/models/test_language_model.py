"""The language model: loss and gradient, the two forms of one algorithm, generation."""

import numpy as np
import pytest

from unrolled import tree
from unrolled.cells import rnn
from unrolled.data import text
from unrolled.gradients import gradcheck
from unrolled.models import language_model as lm
from unrolled.training.optimizers import adam

V, H = 11, 5


def model(seed=0, V=V, H=H, dtype=np.float64):
    rng = np.random.default_rng(seed)
    p = lm.init(rng, V, H, dtype=dtype)
    return tree.map(lambda w: (w + 0.5 * rng.standard_normal(w.shape)).astype(dtype), p)


def batch(seed=0, T=6, B=4, V=V):
    rng = np.random.default_rng(seed)
    ids = rng.integers(0, V, (T + 1, B))
    lengths = rng.integers(1, T + 1, B)
    lengths[0] = T
    return text.Batch(ids[:-1], ids[1:], np.arange(T)[:, None] < lengths)


def loss_by_definition(p, b):
    """The mean of -log softmax(h W_y + b_y)[target] over real words, one word at a time."""
    losses = []
    for column in range(b.inputs.shape[1]):
        h = np.zeros(len(p.cell.b))
        for t in range(len(b.inputs)):
            h = np.tanh(p.cell.W_x[b.inputs[t, column]] + h @ p.cell.W_h + p.cell.b)
            e = np.exp(h @ p.W_y + p.b_y)
            if b.mask[t, column]:
                losses.append(-np.log(e[b.targets[t, column]] / e.sum()))
    return np.mean(losses), len(losses)


def test_loss_is_the_mean_over_real_words():
    p, b = model(), batch()
    expected, N = loss_by_definition(p, b)
    found, words = lm.loss(p, b)
    assert words == N
    assert found == pytest.approx(expected, rel=1e-12)
    assert lm.loss_and_gradient(p, b)[0] == pytest.approx(expected, rel=1e-12)
    assert lm.loss_and_gradient(p, b, reduction="sum")[0] == pytest.approx(
        N * expected, rel=1e-12
    )


def test_a_sentence_read_in_two_parts_has_the_logits_of_the_whole():
    p, b = model(), batch()
    whole, cache = lm.forward(p, b.inputs)
    rest, _ = lm.forward(p, b.inputs[2:], cache.h[1])
    np.testing.assert_allclose(rest, whole[2:], rtol=1e-12)


def test_gradient_against_central_differences():
    p, b = model(), batch()
    _, dp = lm.loss_and_gradient(p, b)
    worst = gradcheck.check(lambda q: lm.loss(q, b)[0], p, dp, tolerance=1e-7)
    assert [m.name for m in worst] == ["cell.W_x", "cell.W_h", "cell.b", "W_y", "b_y"]


def test_gradient_of_the_sum_is_N_times_that_of_the_mean():
    p, b = model(), batch()
    mean, total = (lm.loss_and_gradient(p, b, reduction=r)[1] for r in ("mean", "sum"))
    for m, s in zip(tree.leaves(mean), tree.leaves(total), strict=True):
        np.testing.assert_allclose(b.mask.sum() * m, s, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("window", [None, 0, 4, 99])
def test_the_loops_give_the_gradient_of_the_matrix_products(window):
    p, T = model(seed=3), 12
    ids = np.random.default_rng(3).integers(0, V, T + 1)
    loss, dp = lm.loss_and_gradient_loops(p, ids[:-1], ids[1:], window)
    one = text.Batch(ids[:-1, None], ids[1:, None], np.ones((T, 1), bool))
    expected_loss, expected = lm.loss_and_gradient(p, one, reduction="sum")
    if window is not None:
        h, cache = rnn.forward(p.cell, one.inputs)
        _, dh, *_ = lm.output_layer(h[:, 0], p.W_y, p.b_y, ids[1:])
        cell, *_ = rnn.backward_window(p.cell, cache, dh[:, None], window)
        expected = expected._replace(cell=cell)
    assert loss == pytest.approx(expected_loss, rel=1e-13)
    for a, e in zip(tree.leaves(dp), tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, e, rtol=1e-12, atol=1e-12)


def test_the_output_layer_takes_rows_of_very_different_size():
    h = np.array([[1000.0, 0.0], [0.0, 0.0]])
    W_y = np.array([[1.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    loss, dh, _, _ = lm.output_layer(h, W_y, np.zeros(3), np.array([1, 0]))
    assert loss == pytest.approx(1000 + np.log(3))
    assert np.allclose(dh, [[1.0, -1.0], [-1.0, 1 / 3]])


def test_the_output_layer_does_not_depend_on_how_its_rows_are_cut(monkeypatch):
    rng = np.random.default_rng(4)
    h, W_y, b_y = (
        rng.standard_normal((23, H)),
        rng.standard_normal((H, V)),
        rng.random(V),
    )
    targets = rng.integers(0, V, 23)
    whole = lm.output_layer(h, W_y, b_y, targets, 0.3)
    monkeypatch.setattr(lm, "ROWS_AT_ONCE", 4)
    for a, e in zip(lm.output_layer(h, W_y, b_y, targets, 0.3), whole, strict=True):
        np.testing.assert_allclose(a, e, rtol=1e-12, atol=1e-14)


def test_padding_changes_nothing():
    p, b = model(), batch()
    longer = text.Batch(
        *(
            np.concatenate([array, np.full((3, array.shape[1]), fill)])
            for array, fill in zip(b, (7, 9, False), strict=True)
        )
    )
    loss, dp = lm.loss_and_gradient(p, b)
    padded_loss, padded_dp = lm.loss_and_gradient(p, longer)
    assert padded_loss == pytest.approx(loss, rel=1e-13)
    for a, e in zip(tree.leaves(padded_dp), tree.leaves(dp), strict=True):
        np.testing.assert_allclose(a, e, rtol=1e-12, atol=1e-15)


def test_an_untrained_model_holds_all_words_almost_equally_likely():
    p = lm.init(np.random.default_rng(0), 8000, 100)
    loss, _ = lm.loss(p, batch(T=30, B=10, V=8000))
    assert loss == pytest.approx(np.log(8000), abs=0.01)


def test_training_on_one_batch_learns_it():
    p, b, state = lm.init(np.random.default_rng(1), V, 20), batch(seed=1), None
    before = lm.loss(p, b)[0]
    for _ in range(200):
        _, dp = lm.loss_and_gradient(p, b)
        p, state = adam(p, dp, state, learning_rate=0.02)
    assert before > 2 and lm.loss(p, b)[0] < 0.6


# --- generation ----------------------------------------------------------------------------------


def test_generated_words_follow_the_models_distribution():
    p = model(seed=5)
    rng = np.random.default_rng(0)
    first = [lm.generate(p, rng, 1, 2, limit=1) for _ in range(4000)]
    logits, _ = lm.forward(p, np.array([[1]]))
    e = np.exp(logits[0, 0])
    expected = e / e.sum()
    counts = np.bincount([words[0] if words else 2 for words in first], minlength=V)
    assert np.abs(counts / 4000 - expected).max() < 4 * 0.5 / np.sqrt(4000)


def test_every_word_is_drawn_given_all_words_before_it():
    p = model(seed=6)
    words = lm.generate(
        p, np.random.default_rng(1), 1, 2, minimum=12, limit=12, temperature=0
    )
    for n in range(12):
        logits, _ = lm.forward(p, np.array([[1, *words[:n]]]).T)
        allowed = logits[-1, 0].copy()
        allowed[2] = -np.inf
        assert words[n] == allowed.argmax()


def test_a_prefix_is_read_and_not_returned():
    p = model(seed=6)
    whole = lm.generate(p, None, 1, 2, temperature=0, minimum=8, limit=8)
    rest = lm.generate(p, None, [1, *whole[:3]], 2, temperature=0, minimum=5, limit=5)
    assert rest == whole[3:]


def test_generation_obeys_its_limits():
    p, rng = model(), np.random.default_rng(2)
    p.b_y[[0, 2]] += 5  # END and the forbidden word are by far the likeliest
    drawn = [
        lm.generate(p, rng, 1, 2, forbidden=(0, 1), minimum=3, limit=7)
        for _ in range(200)
    ]
    assert {len(words) for words in drawn} <= set(range(3, 8))
    assert min(len(words) for words in drawn) == 3
    assert not {0, 1, 2} & {word for words in drawn for word in words}


def test_top_k_draws_among_the_k_likeliest():
    p, rng = model(seed=7), np.random.default_rng(3)
    logits = lm.forward(p, np.array([[1]]))[0][0, 0]
    best = set(np.argsort(logits)[-3:].tolist())
    drawn = {tuple(lm.generate(p, rng, 1, 2, top_k=3, limit=1)) for _ in range(300)}
    assert {word for words in drawn for word in (words or (2,))} == best


def test_top_k_draws_among_the_k_likeliest_of_many():
    p, rng = tree.map(np.zeros_like, model(V=2000)), np.random.default_rng(3)
    for _ in range(5):
        p.b_y[:] = 0.001 * rng.permutation(2000)
        best = set(np.argsort(p.b_y)[-2:].tolist())
        drawn = [lm.generate(p, rng, 1, 2, top_k=2, limit=1) for _ in range(30)]
        assert {word for words in drawn for word in (words or (2,))} == best


def test_the_likeliest_word_alone_is_what_temperature_0_draws():
    p = model(seed=7)
    drawn = lm.generate(p, np.random.default_rng(3), 1, 2, top_k=1, limit=4)
    assert drawn == lm.generate(p, None, 1, 2, temperature=0, limit=4)


def test_generation_draws_up_to_60_words_at_temperature_1_if_not_told_otherwise():
    p = model(seed=7)
    p.b_y[2] = -50  # END
    drawn = lm.generate(p, np.random.default_rng(3), 1, 2)
    again = lm.generate(p, np.random.default_rng(3), 1, 2, temperature=1.0, limit=60)
    assert len(drawn) == 60 and drawn == again
    p.b_y[2] = 50
    assert lm.generate(p, np.random.default_rng(3), 1, 2) == []


def test_low_temperature_is_sharper():
    p = model(seed=8)
    likeliest = lm.generate(p, None, 1, 2, temperature=0, minimum=1, limit=1)
    shares = [
        np.mean(
            [
                lm.generate(p, rng, 1, 2, temperature=t, minimum=1, limit=1)
                == likeliest
                for _ in range(500)
            ]
        )
        for t, rng in ((0.3, np.random.default_rng(0)), (3.0, np.random.default_rng(0)))
    ]
    assert shares[0] > shares[1] + 0.2


# --- what does not fit ---------------------------------------------------------------------------


def test_what_does_not_fit_is_named():
    p, b = model(), batch()
    with pytest.raises(ValueError, match="mask is all False"):
        lm.loss(p, b._replace(mask=np.zeros_like(b.mask)))
    with pytest.raises(
        ValueError, match=r"targets: ids must lie in 0..10, got .*\.\.11"
    ):
        lm.loss_and_gradient(p, b._replace(targets=np.full_like(b.targets, 11)))
    with pytest.raises(ValueError, match="ids must lie in 0..10"):
        lm.loss(p, b._replace(inputs=b.inputs + 11))
    with pytest.raises(ValueError, match='"mean" or "sum"'):
        lm.loss_and_gradient(p, b, reduction="total")
    with pytest.raises(ValueError, match="temperature >= 0"):
        lm.generate(p, np.random.default_rng(0), 1, 2, temperature=-1)
    with pytest.raises(ValueError, match="start, end and forbidden"):
        lm.generate(p, np.random.default_rng(0), 1, V)
    with pytest.raises(ValueError, match="start is empty: give at least one id"):
        lm.generate(p, np.random.default_rng(0), [], 2)
