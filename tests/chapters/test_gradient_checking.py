"""The equations and claims of the chapter "Gradient checking"."""

import math
from unittest import mock

import numpy as np
import pytest
from numpy.testing import assert_allclose

from unrolled import functional, tree
from unrolled.cells import rnn
from unrolled.data import text
from unrolled.gradients import gradcheck
from unrolled.models import language_model


def model_and_batch(seed=0, V=11, H=5, lengths=(9, 7, 4)):
    rng = np.random.default_rng(seed)
    model = tree.map(lambda w: rng.normal(size=w.shape), language_model.init(rng, V, H))
    return model, text.pad([rng.integers(0, V, n) for n in lengths])


@pytest.mark.equation("eq-central-difference")
def test_each_entry_is_moved_up_and_down_alone():
    theta = (np.array([[0.5, -1.0], [2.0, 0.1]]), np.array([3.0]))

    def loss(t):
        return (
            math.exp(t[0][0, 0]) * t[0][0, 1]
            + t[0][1, 0] ** 2 * t[1][0]
            + math.sin(t[0][1, 1])
        )

    epsilon = 0.01
    matrix, vector = gradcheck.central_difference(loss, theta, epsilon)
    for index in np.ndindex(2, 2):
        up, down = theta[0].copy(), theta[0].copy()
        up[index] += epsilon
        down[index] -= epsilon
        expected = (loss((up, theta[1])) - loss((down, theta[1]))) / (2 * epsilon)
        assert_allclose(matrix[index], expected, rtol=1e-12)
    expected = (
        loss((theta[0], theta[1] + 0.01)) - loss((theta[0], theta[1] - 0.01))
    ) / 0.02
    assert_allclose(vector[0], expected, rtol=1e-12)


@pytest.mark.equation("eq-central-taylor")
def test_the_remainder_is_a_sixth_of_epsilon_squared_times_the_third_derivative():
    # A cubic has no fifth derivative: there the formula is exact, without the O(epsilon^4).
    theta, epsilon = np.array([1.5]), 0.1
    slope = gradcheck.central_difference(lambda t: float(t[0] ** 3), theta, epsilon)[0]
    assert_allclose(slope, 3 * 1.5**2 + epsilon**2 / 6 * 6, rtol=1e-12)
    # For exp the rest is epsilon^4 / 120: a quarter of epsilon, a 256th of the rest.
    rests = [
        gradcheck.central_difference(lambda t: float(np.exp(t[0])), np.zeros(1), e)[0]
        - (1 + e**2 / 6)
        for e in (0.4, 0.1)
    ]
    assert_allclose(rests[0] / rests[1], 256, rtol=0.01)


@pytest.mark.equation("eq-central-error")
@pytest.mark.parametrize("epsilon", 10.0 ** np.arange(-10, 0))
def test_the_error_stays_below_the_bound(epsilon):
    # L = 1 + sin: |L'''| <= 1 near 0, each loss is rounded by at most 2^-53 of itself or a little
    # more, because numpy's sine is not always the nearest number.
    for at in np.linspace(-0.5, 0.5, 21):
        slope = gradcheck.central_difference(
            lambda t: float(1 + np.sin(t[0])), np.array([at]), epsilon
        )[0]
        moved = 2.0**-53 / epsilon  # theta ± epsilon is rounded too
        bound = epsilon**2 / 6 + 2.0**-53 * (1 + abs(math.sin(at)) + epsilon) / epsilon
        assert abs(slope - math.cos(at)) <= bound + 2 * moved


@pytest.mark.equation("eq-best-epsilon")
@pytest.mark.parametrize(("loss", "third"), [(1.0, 1.0), (3.0, 0.2), (0.01, 40.0)])
def test_the_best_epsilon_is_the_minimum_of_the_bound(loss, third):
    rounding = 2.0**-53
    grid = np.geomspace(1e-9, 1e-2, 200_001)
    bound = grid**2 / 6 * third + rounding * loss / grid
    best = (3 * rounding * loss / third) ** (1 / 3)
    assert_allclose(grid[bound.argmin()], best, rtol=1e-3)
    assert_allclose(bound.min(), 1.5 * rounding * loss / best, rtol=1e-6)
    if loss == third == 1:
        assert best / 2 < gradcheck.EPSILON < 2 * best


def test_measured_errors_have_their_valley_at_the_packages_epsilon():
    model, batch = model_and_batch()
    _, gradient = language_model.loss_and_gradient(model, batch)
    rng = np.random.default_rng(1)
    errors = np.empty((20, 3))
    for row in errors:
        v = tree.map(lambda w: rng.normal(size=w.shape), model)
        exact = sum(
            np.vdot(g, d) for g, d in zip(*map(tree.leaves, (gradient, v)), strict=True)
        )
        for i, epsilon in enumerate((6e-9, gradcheck.EPSILON, 6e-3)):
            slope = gradcheck.directional_difference(
                lambda m: language_model.loss(m, batch)[0], model, v, epsilon
            )
            row[i] = abs(slope - exact) / abs(exact)
    left, middle, right = np.median(errors, axis=0)
    assert middle < 1e-8 and left > 20 * middle and right > 1000 * middle


@pytest.mark.equation("eq-relative-error")
def test_an_entry_is_compared_with_itself_or_one_percent_of_the_largest():
    analytic, numeric = (
        np.array([1.0, 0.005, 0.0, 0.5]),
        np.array([1.1, 0.004, 0.0, 0.4]),
    )
    s = 0.01 * 1.1
    expected = [0.1 / 1.1, 0.001 / s, 0, 0.1 / 0.5]
    assert_allclose(
        gradcheck.relative_error(analytic, numeric, s), expected, rtol=1e-12
    )
    # and check applies that scale: its worst entry is the one that the rule says
    (worst,) = gradcheck.check(
        lambda t: float(t @ numeric), np.zeros(4), analytic, tolerance=1.0
    )
    assert worst.entry == (3,)
    assert_allclose(worst.error, 0.2, rtol=1e-6)
    small = np.array([1.0, 1e-4])  # far below 1 % of the largest: s is the measure
    (worst,) = gradcheck.check(
        lambda t: float(t @ small),
        np.zeros(2),
        small + np.array([0, 1e-5]),
        tolerance=1.0,
    )
    assert_allclose(worst.error, 1e-5 / 0.01, rtol=1e-4)


def planted(name, model, batch):
    """The gradient of the language model with one of the chapter's errors in it."""
    _, d = language_model.loss_and_gradient(model, batch)
    if name == "flipped":
        d.W_y[2, 3] *= -1
    elif name == "one step short":
        window = batch.inputs.shape[0] - 2
        with mock.patch.object(
            rnn,
            "backward",
            lambda p, cache, dh: rnn.backward_window(p, cache, dh, window),
        ):
            _, d = language_model.loss_and_gradient(model, batch)
    elif name == "too large":
        d = d._replace(cell=d.cell._replace(W_h=1.0005 * d.cell.W_h))
    elif name == "repeated words once":

        def sum_rows(ids, rows, D):
            total = np.zeros((D, rows.shape[1]))
            total[ids] += rows
            return total

        with mock.patch.object(functional, "sum_rows", sum_rows):
            _, d = language_model.loss_and_gradient(model, batch)
    elif name == "not a number":
        d.b_y[0] = np.nan
    return d


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("flipped", "W_y"),
        ("one step short", "cell"),
        ("too large", r"cell\.W_h"),
        ("repeated words once", r"cell\.W_x"),
        ("not a number", "b_y"),
    ],
)
def test_each_planted_error_is_refused_and_the_right_gradient_passes(name, array):
    model, batch = model_and_batch()

    def loss(m):
        return language_model.loss(m, batch)[0]

    gradcheck.check(loss, model, planted("none", model, batch))
    with pytest.raises(AssertionError, match=array):
        gradcheck.check(loss, model, planted(name, model, batch))


def without_time(model, batch, d):
    logits, cache = language_model.forward(model, batch.inputs)
    weight = batch.mask / batch.mask.sum()
    dh = functional.dcross_entropy(logits, batch.targets, weight) @ model.W_y.T
    return d._replace(cell=rnn.backward_window(model.cell, cache, dh, 0)[0])


def transposed(model, batch, d):
    return d._replace(cell=d.cell._replace(W_h=d.cell.W_h.T))


def without_biases(model, batch, d):
    return d._replace(cell=d.cell._replace(b=0 * d.cell.b), b_y=0 * d.b_y)


def test_wrong_gradients_lower_the_loss_but_less_than_the_right_one():
    """The chapter's reason for checking: the fall of the loss does not tell them apart."""
    found = []
    for wrong in (lambda model, batch, d: d, without_time, transposed, without_biases):
        model, batch = model_and_batch(4)
        model = tree.map(lambda w: 0.5 * w, model)
        first = language_model.loss(model, batch)[0]
        for _ in range(100):
            d = wrong(model, batch, language_model.loss_and_gradient(model, batch)[1])
            model = tree.map(lambda w, g: w - 0.5 * g, model, d)
        found.append(language_model.loss(model, batch)[0] / first)
    assert max(found) < 0.5 and found[0] == min(found)


def test_a_small_entry_passes_with_fewer_than_seven_equal_digits():
    """The right gradient of the page's test case: every error is below the limit, but one entry
    differs from the difference by more than a millionth of itself."""
    model, batch = model_and_batch()

    def loss(m):
        return language_model.loss(m, batch)[0]

    gradient = language_model.loss_and_gradient(model, batch)[1]
    worst = gradcheck.check(loss, model, gradient)
    assert max(mismatch.error for mismatch in worst) < 1e-7
    numeric = gradcheck.central_difference(loss, model)
    plain = [
        np.abs(a - n)[n != 0] / np.abs(n)[n != 0]
        for a, n in zip(tree.leaves(gradient), tree.leaves(numeric), strict=True)
    ]
    assert max(errors.max() for errors in plain) > 1e-6


def test_very_small_weights_fail_because_the_difference_is_rounded():
    """At weights a thousandth as large, the gradient of W_h is right, and far above the rounding
    error of the loss, but not above that of the difference; that of b_y has its ordinary size."""
    model, batch = model_and_batch()
    model = tree.map(lambda weight: weight / 1000, model)

    def loss(m):
        return language_model.loss(m, batch)[0]

    gradient = language_model.loss_and_gradient(model, batch)[1]
    with pytest.raises(AssertionError, match="W_h"):
        gradcheck.check(loss, model, gradient)
    largest = np.abs(gradient.cell.W_h).max()
    assert largest > 1e6 * np.spacing(loss(model))
    numeric = gradcheck.central_difference(loss, model)
    assert np.abs(numeric.b_y - gradient.b_y).max() < 1e-7 * np.abs(gradient.b_y).max()


def test_the_measured_errors_have_the_size_of_the_formula():
    """With L, L' and L''' along random directions, both precisions: of the same size, and in
    float64 not above the bound."""
    model, batch = model_and_batch()
    model = tree.map(lambda weight: weight / 2, model)
    rng = np.random.default_rng(1)

    def loss(m, dtype):
        cast = tree.map(lambda weight: weight.astype(dtype), m)
        return language_model.loss(cast, batch)[0]

    def slope(m, v):
        gradient = language_model.loss_and_gradient(m, batch)[1]
        return sum(map(np.vdot, tree.leaves(gradient), tree.leaves(v)))

    rows = []
    for _ in range(40):
        v = tree.map(lambda w: rng.normal(size=w.shape), model)

        def moved(step, v=v):
            return tree.map(lambda w, c: w + step * c, model, v)

        first, far = slope(model, v), 1e-3
        third = (slope(moved(far), v) - 2 * first + slope(moved(-far), v)) / far**2
        row = [abs(first), abs(third)]
        for dtype, rounding, step in (
            (np.float64, 2.0**-53, 3e-6),
            (np.float32, 2.0**-24, 3e-3),
        ):
            size = loss(model, np.float64)
            best = (3 * rounding * size / abs(third)) ** (1 / 3)
            difference = loss(moved(step), dtype) - loss(moved(-step), dtype)
            measured = abs(difference / (2 * step) - first) / abs(first)
            row += [1.5 * rounding * size / best / abs(first), measured]
        rows.append(row)
    first, third, bound64, error64, bound32, error32 = np.median(rows, axis=0)
    assert 0.3 < first < 0.6 and 10 < third < 30
    assert 1.5e-10 < bound64 < 3e-10 and bound64 / 4 < error64 < bound64
    assert 5e-5 < bound32 < 2e-4 and bound32 / 4 < error32 < 2 * bound32
