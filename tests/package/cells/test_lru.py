"""The linear recurrent unit: its equation, its factors, every scan, and what it refuses."""

from functools import partial

import numpy as np
import pytest

from tests.support.cell_cases import cell_case
from tests.support.closeness import assert_same
from tests.support.scans import INVARIANT
from unrolled import tree
from unrolled.cells import lru
from unrolled.gradients import gradcheck

T, B, D, H = 7, 3, 4, 6
every_scan = pytest.mark.parametrize("scan", INVARIANT.values(), ids=INVARIANT)


@pytest.mark.equation("eq-lru-state", "eq-lru-eigenvalues")
def test_a_step_is_a_rotation_and_a_scaling_unit_by_unit():
    p, x, (h,), _ = cell_case(lru, T, B, D, H)
    after = lru.step(p, x[0], h)
    for b, n in np.ndindex(B, H // 2):
        size = np.exp(-np.exp(p.nu[n]))
        turn = np.exp(p.theta[n])
        re, im = h[b, n], h[b, n + H // 2]
        a_re, a_im = (x[0, b] @ p.W_x[:, k] for k in (n, n + H // 2))
        wanted = (
            size * (np.cos(turn) * re - np.sin(turn) * im)
            + np.exp(p.log_gamma[n]) * a_re,
            size * (np.sin(turn) * re + np.cos(turn) * im)
            + np.exp(p.log_gamma[n]) * a_im,
        )
        np.testing.assert_allclose(after[b, [n, n + H // 2]], wanted, atol=1e-14)


@every_scan
def test_every_scan_gives_the_states_of_repeated_steps(scan):
    p, x, (h0,), _ = cell_case(lru, T, B, D, H)
    h = h0
    states, _ = lru.forward(p, x, h0, scan)
    for x_t, state in zip(x, states, strict=True):
        h = lru.step(p, x_t, h)
        assert_same(state, h, 1e-10)


@every_scan
def test_backward_is_the_gradient_of_forward_with_every_scan(scan):
    p, x, (h0,), dh = cell_case(lru, T, B, D, H)

    def loss(everything):
        return float((lru.forward(*everything, scan)[0] * dh).sum())

    _, cache = lru.forward(p, x, h0, scan)
    gradcheck.check(loss, (p, x, h0), lru.backward(p, cache, dh, scan), 1e-7)


@every_scan
@pytest.mark.parametrize("T", [0, 1])
def test_no_step_and_one_step(scan, T):
    p, x, (h0,), dh = cell_case(lru, T, B, D, H)
    h, cache = lru.forward(p, x, h0, scan)
    assert h.shape == (T, B, H)
    dp, dx, dh0 = lru.backward(p, cache, dh, scan)
    assert dx.shape == x.shape and dh0.shape == h0.shape
    assert all(leaf.any() == (T == 1) for leaf in tree.leaves(dp))


def test_the_first_factors_fill_a_ring_evenly():
    p = lru.init(np.random.default_rng(0), 1, 200_000, ring=(0.6, 0.9), turn=1.0)
    factors = lru.eigenvalues(p)
    size, angle = np.abs(factors), np.angle(factors)
    assert 0.6 <= size.min() < 0.601 and 0.899 < size.max() <= 0.9
    assert 0 < angle.min() < 0.001 and 0.999 < angle.max() <= 1.0
    # as many factors inside a circle as the share of the ring's area that lies inside it
    for radius in (0.7, 0.8):
        share = (radius**2 - 0.6**2) / (0.9**2 - 0.6**2)
        assert np.mean(size < radius) == pytest.approx(share, abs=0.01)
    np.testing.assert_allclose(np.exp(p.log_gamma), np.sqrt(1 - size**2))


@pytest.mark.parametrize("ring", [(0.0, 0.5), (0.9, 0.99)])
def test_gamma_makes_the_variance_of_the_states_that_of_the_inputs(ring):
    rng = np.random.default_rng(1)
    p = lru.init(rng, 8, 200, ring=ring)
    x = rng.standard_normal((1500, 10, 8))
    h, cache = lru.forward(p, x, scan=partial(lru.linear.chunked, chunk=40))
    variance = np.square(h[800:]).mean(axis=(0, 1)).reshape(2, -1).sum(axis=0)
    inputs = np.square(cache.a).mean(axis=(0, 1)).reshape(2, -1).sum(axis=0)
    assert np.median(variance / inputs) == pytest.approx(1, abs=0.05)


def test_no_weights_give_a_factor_outside_the_circle():
    p = lru.init(np.random.default_rng(2), 2, 4)
    for nu in (-50.0, 0.0, 5.0):
        assert np.all(np.abs(lru.eigenvalues(p._replace(nu=p.nu * 0 + nu))) <= 1)


@pytest.mark.parametrize("ring", [(0.0, 1.0), (0.999999, 1.0)])
def test_rings_that_touch_the_circle_and_the_centre_have_finite_weights(ring):
    p = lru.init(np.random.default_rng(3), 2, 10_000, np.float32, ring=ring)
    assert all(np.isfinite(leaf).all() for leaf in tree.leaves(p))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"H": 3}, "an odd H=3"),
        ({"ring": (0.5, 0.5)}, "0 <= inner < outer <= 1"),
        ({"ring": (0.5, 1.1)}, "0 <= inner < outer <= 1"),
        ({"ring": (-0.1, 0.5)}, "0 <= inner < outer <= 1"),
        ({"turn": 0.0}, "turn > 0"),
    ],
)
def test_settings_that_do_not_exist_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        lru.init(np.random.default_rng(0), 2, arguments.pop("H", 4), **arguments)
