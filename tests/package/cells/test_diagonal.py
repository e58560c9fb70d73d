"""The diagonal recurrence with factors of either sign: every scan, its bounds, its gradient."""

import numpy as np
import pytest

from tests.support.cell_cases import cell_case
from tests.support.closeness import assert_same
from tests.support.scans import SCANS
from unrolled.cells import diagonal
from unrolled.gradients import gradcheck

T, B, D, H = 7, 3, 4, 5
every_scan = pytest.mark.parametrize("scan", SCANS.values(), ids=SCANS)
every_low = pytest.mark.parametrize("low", [0.0, -0.5, -1.0])


@every_scan
@every_low
@pytest.mark.parametrize("T", [1, 7])
def test_every_scan_gives_the_states_and_the_gradient_of_repeated_steps(scan, low, T):
    p, x, (h0,), dh = cell_case(diagonal, T, B, D, H)
    states, cache = diagonal.forward(p, x, h0, scan, low)
    h = h0
    for t in range(T):
        h = diagonal.step(p, x[t], h, low)
        np.testing.assert_allclose(states[t], h, rtol=1e-10, atol=1e-12)

    def loss(everything):
        return float((diagonal.forward(*everything, scan, low)[0] * dh).sum())

    gradient = diagonal.backward(p, cache, dh, scan, low)
    gradcheck.check(loss, (p, x, h0), gradient, 1e-7)


@every_low
def test_the_factors_lie_between_low_and_1_and_reach_both_ends(low):
    p, x, _, _ = cell_case(diagonal, 200, B, D, H)
    f, _ = diagonal.factor_and_term(p, 100 * x, low)
    assert f.min() == low and f.max() == 1


@every_low
def test_the_first_factors_are_uniform(low):
    p = diagonal.init(np.random.default_rng(0), 2, 20_000)
    f, _ = diagonal.factor_and_term(p, np.zeros((1, 2)), low)
    share = (f - low) / (1 - low)
    for part in (0.1, 0.5, 0.9):
        assert np.mean(share < part) == pytest.approx(part, abs=0.02)


def test_a_cell_keeps_its_least_factor():
    p, x, (h0,), dh = cell_case(diagonal, T, B, D, H)
    cell = diagonal.between(0.25)
    h, cache = cell.forward(p, x, h0)
    assert_same(h, diagonal.forward(p, x, h0, low=0.25)[0], 0)
    assert_same(cell.step(p, x[0], h0), h[0], 1e-13)
    assert_same(
        cell.backward(p, cache, dh), diagonal.backward(p, cache, dh, low=0.25), 0
    )


@pytest.mark.parametrize("low", [-1.01, 1.0, float("nan")])
def test_a_least_factor_outside_the_circle_is_refused(low):
    with pytest.raises(ValueError, match="low must be from -1 to below 1, got"):
        diagonal.between(low)
