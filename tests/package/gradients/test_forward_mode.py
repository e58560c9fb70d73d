"""One gradient in five ways, and the forward one by itself."""

import numpy as np
import pytest

from tests.support.closeness import distance
from tests.support.output_network import EXACT, case, loss, own_output
from unrolled import tree
from unrolled.cells import rnn
from unrolled.gradients import chain_rule, forward_mode, gradcheck

APPROXIMATE = 1e-7
LENGTHS = [0, 1, 2, 5, 30]


def five_ways(T, seed):
    """(dp of the cell, dh0) by each way."""
    p, h0, x, targets = case(T, seed)
    cache, dh = own_output(p, h0, x, targets)
    dp, _, dh0 = rnn.backward(p.cell, cache, dh)

    def of_cell(weights):
        cell, state = weights
        return loss(p._replace(cell=cell), state, x, targets)

    return {
        "sum over pairs": chain_rule.gradient(p.cell, cache, dh),
        "reverse mode": (dp, dh0),
        "forward mode": forward_mode.gradient(p.cell, x, dh, h0),
        "complex step": gradcheck.complex_step(of_cell, (p.cell, h0)),
        "central difference": gradcheck.central_difference(of_cell, (p.cell, h0)),
    }


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("T", LENGTHS)
def test_five_ways_agree(T, seed):
    gradients = five_ways(T, seed)
    reverse = gradients["reverse mode"]
    for name in ("sum over pairs", "forward mode", "complex step"):
        assert distance(gradients[name], reverse) <= EXACT, name
    assert distance(gradients["central difference"], reverse) <= APPROXIMATE
    largest = max(np.abs(leaf).max(initial=0) for leaf in tree.leaves(reverse))
    assert T == 0 or largest > 0.1  # not the agreement of five zeros


@pytest.mark.equation("eq-bptt-total")
def test_the_sensitivity_is_the_derivative_of_the_state():
    p, h0, x, _ = case(6, 3)
    h, sensitivity = h0, forward_mode.start(p.cell, 2)
    for t in range(6):
        h, sensitivity = forward_mode.step(p.cell, x[t], h, sensitivity)
    for unit in range(4):
        for row in range(2):

            def state(weights, row=row, unit=unit):
                cell, start = weights
                return rnn.forward(cell, x, start)[0][-1, row, unit]

            wanted = gradcheck.complex_step(state, (p.cell, h0))
            found = tree.map(
                lambda s, row=row, unit=unit: s[row, ..., unit], sensitivity
            )
            assert distance(found.p, wanted[0]) <= EXACT
            assert distance(found.h0, wanted[1][row]) <= EXACT
            assert np.all(wanted[1][1 - row] == 0)  # rows of a batch are strangers


def test_integer_inputs_stand_for_one_hot_vectors():
    rng = np.random.default_rng(4)
    p = rnn.init(rng, 6, 3)
    ids = rng.integers(0, 6, (5, 2))
    dh = rng.standard_normal((5, 2, 3))
    found = forward_mode.gradient(p, ids, dh)
    dp, _, dh0 = rnn.backward(p, rnn.forward(p, ids)[1], dh)
    assert distance(found, (dp, dh0)) <= EXACT


def test_the_gradient_so_far_needs_nothing_of_the_future():
    p, h0, x, targets = case(8, 5)
    _, dh = own_output(p, h0, x, targets)
    early = np.where(np.arange(8)[:, None, None] < 5, dh, 0)
    whole = forward_mode.gradient(p.cell, x, early, h0)
    part = forward_mode.gradient(p.cell, x[:5], dh[:5], h0)
    assert distance(whole, part) == 0


def test_a_gradient_of_another_shape_is_refused():
    p, h0, x, targets = case(4, 6)
    _, dh = own_output(p, h0, x, targets)
    with pytest.raises(ValueError, match=r"dh must be \(4, 2, 4\).*got \(3, 2, 4\)"):
        forward_mode.gradient(p.cell, x, dh[:3], h0)


def test_complex_step_refuses_what_it_cannot_differentiate():
    with pytest.raises(TypeError, match="drops the imaginary part"):
        gradcheck.complex_step(lambda w: np.abs(w).sum(), np.ones(2))
    with pytest.raises(TypeError, match="needs float64"):
        gradcheck.complex_step(lambda w: w.sum(), np.ones(2, np.float32))


@pytest.mark.equation("eq-complex-step")
def test_complex_step_is_exact_where_a_difference_is_not():
    point = np.array([1.5])

    def f(x):
        return (np.exp(x) / np.sqrt(np.sin(x) ** 3 + np.cos(x) ** 3))[0]

    s, c = np.sin(1.5), np.cos(1.5)
    wanted = f(point) * (1 - 1.5 * s * c * (s - c) / (s**3 + c**3))
    assert gradcheck.complex_step(f, point)[0] == pytest.approx(wanted, rel=4e-16)
    errors = {
        e: abs(gradcheck.complex_step(f, point, e)[0] / wanted - 1)
        for e in (1e-2, 1e-3, 1e-4)
    }
    # O(ε²) while ε is large
    assert errors[1e-2] / errors[1e-3] == pytest.approx(100, rel=0.02)
    assert errors[1e-3] / errors[1e-4] == pytest.approx(100, rel=0.02)
