"""Products of reflections: lengths, determinants, the gradient, directions of length 0."""

import numpy as np
import pytest

from tests.support.cell_cases import cell_case
from tests.support.closeness import assert_same
from unrolled.cells import reflections
from unrolled.gradients import gradcheck

T, B, D, H = 6, 3, 4, 5


@pytest.mark.parametrize("n", [1, 2, 3])
@pytest.mark.parametrize("high", [1.0, 2.0])
@pytest.mark.parametrize("T", [1, 6])
def test_forward_is_repeated_steps_and_backward_its_gradient(n, high, T):
    cell = reflections.below(high, n)
    p, x, (h0,), dh = cell_case(cell, T, B, D, H)
    states, cache = cell.forward(p, x, h0)
    h = h0
    for t in range(T):
        h = cell.step(p, x[t], h)
        np.testing.assert_allclose(states[t], h, rtol=1e-12)
    assert_same(cell.step(p, x[0, 1], h0[1]), states[0, 1], 1e-13)

    def loss(everything):
        return float((cell.forward(*everything)[0] * dh).sum())

    gradcheck.check(loss, (p, x, h0), cell.backward(p, cache, dh), 1e-7)


def test_a_strength_of_2_keeps_the_length_and_smaller_ones_never_lengthen():
    rng = np.random.default_rng(0)
    h, k = rng.standard_normal((2, 50, H))
    u = k / np.linalg.norm(k, axis=1, keepdims=True)
    lengths = np.linalg.norm(h, axis=1)
    for beta in (0.0, 0.3, 1.0, 1.7, 2.0):
        after = np.linalg.norm(reflections.reflect(h, u, beta), axis=1)
        if beta in (0, 2):
            np.testing.assert_allclose(after, lengths, rtol=1e-12)
        else:
            assert (after < lengths).all()


def test_a_direction_of_length_0_changes_nothing_and_has_no_gradient():
    p, x, (h0,), dh = cell_case(reflections, T, B, D, H)
    p.W_x[:, :H] = 0
    p.b[:H] = 0  # k_1
    h, cache = reflections.forward(p, x, h0)
    alone = reflections.Params(p.W_x[:, H:-2], p.b[H:-2])
    alone = reflections.Params(
        np.column_stack([alone.W_x, p.W_x[:, -1]]), np.append(alone.b, p.b[-1])
    )
    assert_same(h, reflections.forward(alone, x, h0, n=1)[0], 1e-12)
    dp, dx, dh0 = reflections.backward(p, cache, dh)
    assert not dp.b[:H].any() and not dp.W_x[:, :H].any()
    assert np.isfinite(dx).all() and np.isfinite(dh0).all()


@pytest.mark.parametrize(("high", "n"), [(0.0, 2), (2.5, 2), (1.0, 0)])
def test_settings_that_let_the_state_grow_are_refused(high, n):
    with pytest.raises(ValueError, match="need 0 < high <= 2 and n >= 1, got"):
        reflections.below(high, n)


def test_weights_of_another_number_of_reflections_are_refused():
    p = reflections.init(np.random.default_rng(0), D, 4, n=3)
    with pytest.raises(ValueError, match=r"p.b must be .* got \(19,\) and n = 2"):
        reflections.forward(p, np.zeros((T, B, D)))


def test_no_steps_have_no_states_and_no_gradient():
    p, x, (h0,), dh = cell_case(reflections, 0, B, D, H)
    h, cache = reflections.forward(p, x, h0)
    dp, dx, dh0 = reflections.backward(p, cache, dh)
    assert h.shape == (0, B, H) and dx.shape == (0, B, D) and dh0.shape == (B, H)
    assert not dp.W_x.any() and not dp.b.any() and not dh0.any()
