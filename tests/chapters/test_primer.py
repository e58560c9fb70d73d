"""The primer: its equations, and the numbers of its cells."""

import numpy as np
import pytest

from tests.support.page_cells import defined
from unrolled import functional
from unrolled.gradients import gradcheck

PAGE = "primer.md"


@pytest.mark.equation("eq-primer-softmax")
def test_the_softmax_is_exponentials_over_their_sum():
    u = np.random.default_rng(0).normal(size=(6, 4))
    p = defined(PAGE)["softmax"](u)
    for row, scores in zip(p, u, strict=True):
        total = sum(np.exp(score) for score in scores)
        assert row == pytest.approx([np.exp(score) / total for score in scores])
    np.testing.assert_allclose(p, functional.softmax(u), rtol=1e-12)


@pytest.mark.equation("eq-primer-loss")
def test_the_loss_is_the_mean_of_minus_log_p_of_the_right_class():
    ns, u = defined(PAGE), np.random.default_rng(1).normal(size=(6, 4))
    y = np.array([0, 3, 1, 1, 2, 0])
    p = ns["softmax"](u)
    expected = np.mean([-np.log(p[n, y[n]]) for n in range(6)])
    assert ns["cross_entropy"](p, y) == pytest.approx(expected, rel=1e-13)


@pytest.mark.equation("eq-primer-du", "eq-primer-dw")
def test_the_gradients_of_scores_weights_and_bias_are_slopes_of_the_loss():
    ns, rng = defined(PAGE), np.random.default_rng(2)
    x, W, b, y = rng.normal(size=(1, 2)), rng.normal(size=(2, 3)), rng.normal(size=3), 1

    def loss_of_scores(u):
        return ns["cross_entropy"](ns["softmax"](u), np.array([y]))

    u = x @ W + b
    du = ns["softmax"](u) - np.eye(3)[y]
    np.testing.assert_allclose(du, gradcheck.central_difference(loss_of_scores, u))
    slopes = gradcheck.central_difference(
        lambda p: loss_of_scores(x @ p[0] + p[1]), (W, b)
    )
    np.testing.assert_allclose(x.T @ du, slopes[0], atol=1e-9)
    np.testing.assert_allclose(du[0], slopes[1], atol=1e-9)


@pytest.mark.equation("eq-primer-network")
def test_forward_is_the_equations_unit_by_unit():
    ns, rng = defined(PAGE), np.random.default_rng(3)
    W_x, b, W_y, b_y = weights = [
        rng.normal(size=shape) for shape in ((2, 5), (5,), (5, 2), (2,))
    ]
    x = rng.normal(size=(4, 2))
    h, p = ns["forward"](weights, x)
    for n in range(4):
        units = [np.tanh(x[n] @ W_x[:, j] + b[j]) for j in range(5)]
        assert h[n] == pytest.approx(units, rel=1e-12)
        e = np.exp([np.dot(units, W_y[:, k]) + b_y[k] for k in range(2)])
        assert p[n] == pytest.approx(e / e.sum(), rel=1e-12)


def test_backward_is_the_gradient_of_the_loss():
    ns, rng = defined(PAGE), np.random.default_rng(4)
    weights = tuple(rng.normal(size=shape) for shape in ((2, 5), (5,), (5, 2), (2,)))
    x, y = ns["examples"](rng, 7)
    h, p = ns["forward"](weights, x)
    found = ns["backward"](weights, x, y, h, p)
    exact = gradcheck.complex_step(
        lambda w: ns["cross_entropy"](ns["forward"](w, x)[1], y), weights
    )
    for ours, theirs in zip(found, exact, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-14)


def test_the_line_fails_and_three_units_succeed():
    ns = defined(PAGE)
    x, y = ns["x"], ns["y"]
    by_line = (x @ ns["W_y"] + ns["b_y"]).argmax(axis=1)
    assert np.mean(by_line == y) == pytest.approx(y.mean(), abs=0.01)
    by_network = ns["forward"](ns["weights"], x)[1].argmax(axis=1)
    assert np.mean(by_network == y) > 0.99
    assert np.mean(ns["new_p"].argmax(axis=1) == ns["new_y"]) > 0.97


def border_at(weights, angles):
    """How far from the origin the border lies in each direction: [] if it does not."""
    radius = np.linspace(0, 2.2, 2201)
    found = []
    for angle in angles:
        ray = radius[:, None] * np.array([np.cos(angle), np.sin(angle)])
        ring = defined(PAGE)["forward"](weights, ray)[1].argmax(axis=1)
        found.append(radius[1:][np.diff(ring) != 0])
    return found


def test_the_border_is_a_rounded_triangle_between_the_disc_and_the_ring():
    """As the text and the figure's description say, with the lines of the three units."""
    ns = defined(PAGE)
    x, y, weights = ns["x"], ns["y"], ns["weights"]
    W_x, b = weights[0], weights[1]
    pairs = ([0, 1], [0, 2], [1, 2])
    corners = np.stack([np.linalg.solve(W_x[:, two].T, -b[two]) for two in pairs])
    shares = np.linalg.solve(np.vstack([corners.T, np.ones(3)]), [0, 0, 1])
    assert (shares > 0.2).all()  # the origin lies well inside the three lines

    angles = np.radians(np.arange(360))
    crossings = border_at(weights, angles)
    assert all(len(radii) == 1 for radii in crossings)  # closed, around the origin
    border = np.concatenate(crossings)
    farthest = (border > np.roll(border, 15)) & (border > np.roll(border, -15))
    ends = np.flatnonzero(farthest & ~np.roll(farthest, 1))
    assert len(ends) == 3  # corners, one near each corner of the lines' triangle
    directions = np.sort(np.arctan2(corners[:, 1], corners[:, 0]) % (2 * np.pi))
    of_end = np.array(
        [angles[farthest & (abs(angles - d) < 1)].mean() for d in directions]
    )
    assert np.abs(of_end - directions).max() < 0.4
    answers = ns["forward"](weights, x)[1].argmax(axis=1)
    np.testing.assert_array_equal(answers, y)  # all circles inside, all crosses outside


def trained(seed, H):
    """The weights and predictions after the page's training from a random start."""
    ns, rng = defined(PAGE), np.random.default_rng(seed)
    x, y = ns["x"], ns["y"]
    weights = [rng.normal(size=shape) for shape in ((2, H), (H,), (H, 2), (2,))]
    for _ in range(2000):
        h, p = ns["forward"](weights, x)
        for w, dw in zip(weights, ns["backward"](weights, x, y, h, p), strict=True):
            w -= 0.5 * dw
    return weights, np.mean(p.argmax(axis=1) == y)


def test_one_random_start_ends_near_80_percent_with_two_almost_parallel_lines():
    """The border crosses each row of the figure twice, along two nearly straight lines."""
    weights, right = trained(seed=3, H=3)
    assert 0.75 < right < 0.85
    across, rows = np.linspace(-2.2, 2.2, 2201), np.linspace(-2.2, 2.2, 45)
    crossings = []
    for height in rows:
        points = np.stack([across, np.full_like(across, height)], axis=1)
        ring = defined(PAGE)["forward"](weights, points)[1].argmax(axis=1)
        crossings.append(across[1:][np.diff(ring) != 0])
    assert all(len(places) == 2 for places in crossings)
    lines = np.polyfit(rows, np.array(crossings), 1)  # across = slope · height + start
    slopes, starts = lines
    assert np.ptp(np.degrees(np.arctan(slopes))) < 10
    off = np.array(crossings) - (rows[:, None] * slopes + starts)
    assert np.abs(off).max() < 0.1


@pytest.mark.slow
def test_eight_units_succeed_from_30_random_starts():
    assert all(trained(seed, H=8)[1] > 0.99 for seed in range(30))
