"""The equations of the chapter on the five ways; that they agree is in test_forward_mode.py."""

import tracemalloc

import numpy as np
import pytest

from tests.support.closeness import distance
from tests.support.output_network import EXACT, case, loss, own_output
from unrolled import tree
from unrolled.cells import rnn
from unrolled.gradients import forward_mode, gradcheck


@pytest.mark.equation("eq-rtrl")
def test_the_gradient_so_far_is_that_of_the_losses_so_far():
    p, h0, x, targets = case(6, 31)
    cache, dh = own_output(p, h0, x, targets)
    h, sensitivity = h0, forward_mode.start(p.cell, 2)
    so_far = tree.map(np.zeros_like, p.cell)
    for t in range(6):
        h, sensitivity = forward_mode.step(p.cell, x[t], h, sensitivity)
        so_far = tree.map(
            lambda g, s, row=dh[t]: g + np.einsum("bj,b...j->...", row, s),
            so_far,
            sensitivity.p,
        )
        _, part = rnn.forward(p.cell, x[: t + 1], h0)
        assert distance(so_far, rnn.backward(p.cell, part, dh[: t + 1])[0]) <= EXACT
    assert distance(so_far, forward_mode.gradient(p.cell, x, dh, h0)[0]) == 0


@pytest.mark.equation("eq-rtrl-cost")
@pytest.mark.parametrize(("D", "H"), [(3, 4), (5, 2), (1, 1)])
def test_what_forward_mode_carries_and_multiplies(D, H, monkeypatch):
    p = rnn.init(np.random.default_rng(32), D, H)
    carried = forward_mode.start(p, 1)
    assert sum(leaf.size for leaf in carried.p) == H**2 * (D + H + 1)
    multiplied = []

    def einsum(letters, J, s, *more, real=np.einsum):
        result = real(letters, J, s, *more)
        multiplied.append(result.size * J.shape[-1])
        return result

    monkeypatch.setattr(forward_mode.np, "einsum", einsum)
    forward_mode.step(p, np.ones((1, D)), np.ones((1, H)), carried)
    assert sum(multiplied) == H**3 * (D + H + 1) + H**3  # the second for h_0


def test_the_memory_of_forward_mode_does_not_grow_with_the_sequence():
    p = rnn.init(np.random.default_rng(33), 4, 16)
    peaks = []
    for T in (20, 400):
        dh = np.broadcast_to(np.ones(1), (T, 2, 16))
        x = np.broadcast_to(np.eye(4)[0], (T, 2, 4))
        tracemalloc.start()
        forward_mode.gradient(p, x, dh)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.05 * peaks[0]


@pytest.mark.equation("eq-complex-step", "eq-difference-error")
def test_both_steps_err_by_a_sixth_of_the_third_derivative():
    point = np.array([0.7])

    def f(x):
        return np.exp(2 * x).sum()

    slope, third = 2 * np.exp(1.4), 8 * np.exp(1.4)
    for e in (1e-2, 1e-3):
        difference = gradcheck.central_difference(f, point, e)[0] - slope
        complex_step = gradcheck.complex_step(f, point, e)[0] - slope
        assert difference == pytest.approx(+(e**2) / 6 * third, rel=1e-3)
        assert complex_step == pytest.approx(-(e**2) / 6 * third, rel=1e-3)
    rounding = {
        e: abs(gradcheck.central_difference(f, point, e)[0] - slope)
        for e in (1e-9, 1e-13)
    }
    size = f(point) * np.finfo(float).eps
    for e, error in rounding.items():
        assert 0 < error < 10 * size / e
    assert rounding[1e-13] > 10 * rounding[1e-9]  # it grows as ε shrinks
    assert (
        abs(gradcheck.complex_step(f, point, 1e-30)[0] - slope) <= 4 * slope * 1.2e-16
    )


@pytest.mark.claim(
    "complex-step-finds-a-rounded-array",
    "A check by a complex step finds an array that is rounded to float32 on its way; a check by "
    "central differences, with the tolerance that these need, does not.",
)
@pytest.mark.parametrize("seed", range(3))
def test_a_complex_step_finds_an_array_that_was_rounded(seed):
    """The distance to each numeric gradient, before and after rounding, with the limits."""
    p, h0, x, targets = case(30, seed)
    cache, dh = own_output(p, h0, x, targets)
    right = rnn.backward(p.cell, cache, dh)[0]
    rounded = rnn.backward(p.cell, cache, dh.astype(np.float32).astype(float))[0]

    def of_cell(cell):
        return loss(p._replace(cell=cell), h0, x, targets)

    numeric = gradcheck.complex_step(of_cell, p.cell)
    assert distance(right, numeric) <= EXACT
    assert distance(rounded, numeric) > 1000 * EXACT
    assert distance(rounded, gradcheck.central_difference(of_cell, p.cell)) < 1e-7
