"""The recurrent cell: the equation, its gradient through time, its truncations."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.closeness import assert_same
from unrolled import functional, tree
from unrolled.cells import rnn
from unrolled.gradients import gradcheck

T, B, D, H = 5, 3, 4, 6


def case(seed=0, T=T, B=B, D=D, H=H):
    """Weights, inputs, initial state and output gradients, all of order 1."""
    rng = np.random.default_rng(seed)
    p = rnn.Params(
        rng.standard_normal((D, H)),
        0.5 * rng.standard_normal((H, H)),
        rng.standard_normal(H),
    )
    x, h0, dh = (rng.standard_normal(s) for s in [(T, B, D), (B, H), (T, B, H)])
    return p, x, h0, dh


def test_forward_is_the_equation_unit_by_unit():
    p, x, h0, _ = case()
    h, _ = rnn.forward(p, x, h0)
    for b, j in np.ndindex(B, H):
        previous = h0[b]
        for t in range(T):
            a = sum(x[t, b, i] * p.W_x[i, j] for i in range(D))
            a += sum(previous[i] * p.W_h[i, j] for i in range(H)) + p.b[j]
            assert h[t, b, j] == pytest.approx(np.tanh(a), abs=1e-12)
            previous = h[t, b]


def test_forward_is_repeated_step():
    p, x, h0, _ = case()
    h, state = rnn.forward(p, x, h0)[0], h0
    for t in range(T):
        state = rnn.step(p, x[t], state)
        np.testing.assert_allclose(h[t], state, rtol=1e-14)


def test_ids_stand_for_one_hot_vectors():
    p, _, h0, dh = case()
    ids = np.random.default_rng(1).integers(0, D, (T, B))
    h, cache = rnn.forward(p, ids, h0)
    h_vectors, cache_vectors = rnn.forward(p, np.eye(D)[ids], h0)
    np.testing.assert_allclose(h, h_vectors, rtol=1e-14)
    dp, dx, dh0 = rnn.backward(p, cache, dh)
    dp_vectors, _, dh0_vectors = rnn.backward(p, cache_vectors, dh)
    assert dx is None
    assert_same((dp, dh0), (dp_vectors, dh0_vectors))


NONLINEARITIES = [
    (np.tanh, functional.dtanh),
    (functional.sigmoid, functional.dsigmoid),
    (functional.relu, functional.drelu),
]


@pytest.mark.parametrize(("f", "df"), NONLINEARITIES)
@pytest.mark.parametrize(("T", "B"), [(5, 3), (1, 1), (9, 2)])
def test_backward_is_the_gradient_of_forward(f, df, T, B):
    p, x, h0, dh = case(seed=T, T=T, B=B)

    def loss(everything):
        h, _ = rnn.forward(*everything, f=f)
        return float((h * dh).sum())

    _, cache = rnn.forward(p, x, h0, f=f)
    worst = gradcheck.check(
        loss, (p, x, h0), rnn.backward(p, cache, dh, df=df), tolerance=1e-7
    )
    assert len(worst) == 5


def test_backward_along_a_random_direction_of_a_large_case():
    p, x, h0, dh = case(seed=7, T=30, B=8, D=20, H=40)
    p = p._replace(W_h=0.3 * p.W_h)
    rng = np.random.default_rng(8)
    direction = tree.map(lambda leaf: rng.standard_normal(leaf.shape), (p, x, h0))
    numeric = gradcheck.directional_difference(
        lambda e: float((rnn.forward(*e)[0] * dh).sum()), (p, x, h0), direction
    )
    gradient = rnn.backward(p, rnn.forward(p, x, h0)[1], dh)
    pairs = zip(tree.leaves(gradient), tree.leaves(direction), strict=True)
    assert sum(float((g * d).sum()) for g, d in pairs) == pytest.approx(
        numeric, rel=1e-7
    )


def test_loops_and_matrix_products_give_one_gradient():
    p, x, h0, dh = case(T=12)
    _, cache = rnn.forward(p, x, h0)
    assert_same(rnn.backward_loops(p, cache, dh), rnn.backward(p, cache, dh))


@given(st.integers(0, 9), st.integers(1, 8), st.integers(0, 2**32 - 1))
def test_a_window_is_the_loops_cut_short(window, T, seed):
    p, x, h0, dh = case(seed, T=T, B=2, D=3, H=4)
    _, cache = rnn.forward(p, x, h0)
    assert_same(
        rnn.backward_window(p, cache, dh, window),
        rnn.backward_loops(p, cache, dh, window),
        1e-10,
    )


def without_history(p, x, h0, dh, kept):
    """The truncated gradient from its definition: of each output, only ``kept(output, t)`` steps.

    Every pair (output, step) is differentiated by itself: the output's gradient is carried back to
    the step with all other outputs silent.
    """
    _, cache = rnn.forward(p, x, h0)
    da_kept = np.zeros_like(dh)
    dh0 = np.zeros_like(h0)
    for output in range(len(dh)):
        dh_t = dh[output]
        for t in range(output, -1, -1):
            if not kept(output, t):
                break
            da = dh_t * (1 - cache.h[t] ** 2)
            da_kept[t] += da
            dh_t = da @ p.W_h.T
            if t == 0:
                dh0 += dh_t
    W_x = np.einsum("tbd,tbh->dh", x, da_kept)
    W_h = np.einsum("tbg,tbh->gh", cache.h_previous, da_kept)
    return rnn.Params(W_x, W_h, da_kept.sum(axis=(0, 1))), da_kept @ p.W_x.T, dh0


@pytest.mark.parametrize("k", [0, 1, 2, 4, 7, 8])
def test_each_truncation_keeps_the_pairs_of_its_name(k):
    T = 7
    p, x, h0, dh = case(T=T)
    _, cache = rnn.forward(p, x, h0)
    window = without_history(p, x, h0, dh, lambda output, t: output - t <= k)
    assert_same(rnn.backward_window(p, cache, dh, k), window)
    last = without_history(p, x, h0, dh, lambda output, t: t >= T - k)
    assert_same(rnn.backward_last(p, cache, dh, k), last)
    if k:
        chunks = without_history(p, x, h0, dh, lambda output, t: output // k == t // k)
        assert_same(rnn.backward_chunks(p, cache, dh, k), chunks)


def test_the_three_truncations_differ_and_all_end_in_the_full_gradient():
    p, x, h0, dh = case(T=8)
    _, cache = rnn.forward(p, x, h0)
    full = rnn.backward(p, cache, dh)
    truncated = {
        "window": rnn.backward_window,
        "last": rnn.backward_last,
        "chunks": rnn.backward_chunks,
    }
    found = {name: f(p, cache, dh, 3)[0].W_h for name, f in truncated.items()}
    for f in truncated.values():
        assert_same(f(p, cache, dh, 8), full)
    names = list(found)
    for i, one in enumerate(names):
        assert np.abs(found[one] - full[0].W_h).max() > 0.01
        for other in names[i + 1 :]:
            assert np.abs(found[one] - found[other]).max() > 0.01


def test_a_split_sequence_with_its_state_carried_is_the_whole():
    p, x, h0, _ = case()
    whole, _ = rnn.forward(p, x, h0)
    first, _ = rnn.forward(p, x[:2], h0)
    second, _ = rnn.forward(p, x[2:], first[-1])
    np.testing.assert_allclose(np.concatenate([first, second]), whole, rtol=1e-14)


def test_batch_rows_do_not_see_each_other():
    p, x, h0, dh = case()
    together, cache = rnn.forward(p, x, h0)
    _, dx, dh0 = rnn.backward(p, cache, dh)
    for b in range(B):
        alone, cache_b = rnn.forward(p, x[:, [b]], h0[[b]])
        np.testing.assert_allclose(alone[:, 0], together[:, b], rtol=1e-13)
        _, dx_b, dh0_b = rnn.backward(p, cache_b, dh[:, [b]])
        np.testing.assert_allclose(dx_b[:, 0], dx[:, b], rtol=1e-12)
        np.testing.assert_allclose(dh0_b[0], dh0[b], rtol=1e-12)


def test_no_steps_leave_the_state_and_give_a_gradient_of_zero():
    p, x, h0, dh = case(T=0)
    h, cache = rnn.forward(p, x, h0)
    assert h.shape == (0, B, H)
    for backward in (
        rnn.backward,
        rnn.backward_loops,
        lambda *a: rnn.backward_window(*a, 2),
        lambda *a: rnn.backward_last(*a, 2),
        lambda *a: rnn.backward_chunks(*a, 2),
    ):
        dp, dx, dh0 = backward(p, cache, dh)
        assert (
            not any(leaf.any() for leaf in tree.leaves((dp, dh0)))
            and dx.shape == x.shape
        )


def test_float32_stays_float32_and_is_near_float64():
    p, x, h0, dh = case()
    single = tree.map(lambda leaf: leaf.astype(np.float32), (p, x, h0, dh))
    h, cache = rnn.forward(*single[:3])
    gradients = rnn.backward(single[0], cache, single[3])
    assert {leaf.dtype for leaf in tree.leaves((h, gradients))} == {
        np.dtype(np.float32)
    }
    expected = rnn.backward(p, rnn.forward(p, x, h0)[1], dh)
    assert_same(gradients, expected, 1e-4)


def test_init_has_an_orthogonal_W_h_and_the_scale_it_was_asked_for():
    p = rnn.init(np.random.default_rng(0), 400, 30)
    np.testing.assert_allclose(p.W_h @ p.W_h.T, np.eye(30), atol=1e-12)
    assert 0.99 / 20 < np.abs(p.W_x).max() <= 1 / 20 and not p.b.any()
    assert (
        0.29
        < np.abs(rnn.init(np.random.default_rng(0), 400, 30, input_scale=0.3).W_x).max()
    )


@pytest.mark.parametrize(
    ("x", "h0", "message"),
    [
        (np.zeros((T, B, D + 1)), None, r"x must be \(T, B, 4\)"),
        (np.zeros((T, D)), None, r"x must be \(T, B, 4\)"),
        (
            np.zeros((T, B, D)),
            np.zeros((B + 1, H)),
            r"h0 must be \(3, 6\), got \(4, 6\)",
        ),
        (np.full((T, B), D), None, r"ids must lie in 0..3, got 4..4"),
        (np.full((T, B), -1), None, r"ids must lie in 0..3, got -1..-1"),
    ],
)
def test_what_does_not_fit_is_named(x, h0, message):
    with pytest.raises(ValueError, match=message):
        rnn.forward(case()[0], x, h0)


def test_impossible_windows_and_sizes_are_refused():
    p, x, h0, dh = case()
    _, cache = rnn.forward(p, x, h0)
    for truncation, message in [
        (rnn.backward_loops, "^window must be at least 0, got -1"),
        (rnn.backward_window, "^window must be at least 0, got -1"),
        (rnn.backward_last, "^steps must be at least 0, got -1"),
        (rnn.backward_chunks, "at least 1 step, got length=-1"),
    ]:
        with pytest.raises(ValueError, match=message):
            truncation(p, cache, dh, -1)
    with pytest.raises(ValueError, match="at least 1"):
        rnn.backward_chunks(p, cache, dh, 0)
    with pytest.raises(ValueError, match="sizes"):
        rnn.init(np.random.default_rng(0), 0, 3)
