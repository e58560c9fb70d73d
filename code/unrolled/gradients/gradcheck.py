r"""Gradient checks: compares a gradient with differences of the loss.

    dL/dθ_i ≈ (L(θ + ε e_i) - L(θ - ε e_i)) / 2ε                   (eq-central-difference)

The error of the approximation falls with ε² until rounding, which grows as 1/ε, takes over; in
float64 the best ε is near the cube root of the machine precision, about 6e-6. In float32 a check
means little: use float64.
"""

from typing import NamedTuple

import numpy as np

from unrolled import tree
from unrolled.arguments import above_0, names_arguments, trees

EPSILON = 6e-6


class Mismatch(NamedTuple):
    """The worst entry of one array."""

    name: str
    entry: tuple[int, ...]
    analytic: float
    numeric: float
    error: float


def float64_arrays(name):
    """Returns a check that all leaves of a tree are arrays of float64, and of this machine's."""

    def check(params, sizes):
        for leaf, weight in tree.named_leaves(params, name):
            if getattr(weight, "dtype", None) != np.float64:
                kind = getattr(weight, "dtype", type(weight).__name__)
                raise TypeError(f"{leaf}: a gradient check needs float64, got {kind}")

    return check


@names_arguments(params=float64_arrays, epsilon=above_0)
def central_difference(loss, params, epsilon=EPSILON):
    """Returns the numeric gradient of ``loss`` at ``params``, entry by entry.

    Evaluates the loss twice for every number in params, so use it on small models.

    Args:
        loss: a function of a tree, returning a number.
        params: a tree of float64 arrays; unchanged afterwards.
        epsilon: the step.

    Returns:
        A tree like params.

    Raises:
        TypeError: a leaf is not float64.
    """

    def gradient(weight):
        if weight.dtype != np.float64:
            raise TypeError(f"a gradient check needs float64, got {weight.dtype}")
        slope = np.empty_like(weight)
        for index in np.ndindex(weight.shape):
            kept = weight[index]
            weight[index] = kept + epsilon
            above = loss(params)
            weight[index] = kept - epsilon
            below = loss(params)
            weight[index] = kept
            slope[index] = (above - below) / (2 * epsilon)
        return slope

    return tree.map(gradient, params)


@names_arguments(params=float64_arrays, epsilon=above_0)
def complex_step(loss, params, epsilon=1e-30):
    """Returns the gradient of ``loss`` at ``params`` by steps in the imaginary direction.

        dL/dθ_i = Im L(θ + iε e_i) / ε + O(ε²)                  (eq-complex-step)

    No difference of two nearly equal numbers is taken, so no digits cancel, and ε can be so
    small that ε² is below every precision: the result is about as accurate as the loss
    itself (Squire & Trapp, 1998). The loss must be analytic and computed in complex
    arithmetic throughout: no abs, no float(), no comparison of imaginary parts.

    Args:
        loss: a function of a tree of complex arrays, returning a complex number.
        params: a tree of float64 arrays.
        epsilon: the step.

    Returns:
        A tree like params.

    Raises:
        TypeError: a leaf is not float64, or the loss returns a real number.
    """
    if any(weight.dtype != np.float64 for weight in tree.leaves(params)):
        raise TypeError("a complex step needs float64 arrays")
    params = tree.map(lambda weight: weight.astype(np.complex128), params)

    def gradient(weight):
        slope = np.empty(weight.shape)
        for index in np.ndindex(weight.shape):
            kept = weight[index]
            weight[index] = kept + 1j * epsilon
            value = loss(params)
            weight[index] = kept
            if not np.iscomplexobj(value):
                raise TypeError(
                    "the loss is a real number: it drops the imaginary part"
                )
            slope[index] = value.imag / epsilon
        return slope

    return tree.map(gradient, params)


@names_arguments(params=trees("p"), direction=trees("p"), epsilon=above_0)
def directional_difference(loss, params, direction, epsilon=EPSILON):
    """Returns the slope of ``loss`` along ``direction``, from two evaluations.

    Along a random direction, an error in any entry changes the slope (with probability
    1), but the slope does not tell which entry is wrong.

    Args:
        loss: a function of a tree, returning a number.
        params: a tree of float64 arrays.
        direction: a tree like params.
        epsilon: the step.
    """

    def moved(sign):
        return tree.map(
            lambda weight, change: weight + sign * epsilon * change, params, direction
        )

    return (loss(moved(+1)) - loss(moved(-1))) / (2 * epsilon)


@names_arguments
def relative_error(analytic, numeric, scale):
    """Returns |analytic - numeric| / max(|analytic|, |numeric|, scale), entry by entry.

    If both are 0, the error is 0, for a scale above 0. Without the scale, the rounding
    error of a very small entry would count as a large relative error.
    """
    size = np.maximum(np.maximum(np.abs(analytic), np.abs(numeric)), scale)
    return np.abs(analytic - numeric) / size


@names_arguments(params=float64_arrays, epsilon=above_0)
def check(loss, params, gradients, tolerance=1e-7, epsilon=EPSILON):
    """Compares gradients with central differences, every entry of every array.

    Check at weights of ordinary size. If the gradient of an array is far smaller than
    the loss, as for W_h at the start of training, the rounding error of the difference,
    about 1e-16 L / ε, can exceed the tolerance although the gradient is right.

    Args:
        loss: a function of a tree, returning a number.
        params: a tree of float64 arrays, unchanged afterwards.
        gradients: the gradients to be checked, a tree like params.
        tolerance: the largest relative error allowed. An entry's error is relative to
            the entry or to 1 % of the largest entry of its array, whichever is larger.
        epsilon: the step of the difference.

    Returns:
        The worst Mismatch of each array.

    Raises:
        ValueError: shapes differ.
        AssertionError: an error above the tolerance, or a gradient that is not finite;
            the message names the array and, if all are finite, the entry and both values.
    """
    worst = []
    numeric_tree = central_difference(loss, params, epsilon)
    for (name, analytic), numeric in zip(
        tree.named_leaves(gradients), tree.leaves(numeric_tree), strict=True
    ):
        if np.shape(analytic) != numeric.shape:
            raise ValueError(
                f"{name}: gradient {np.shape(analytic)}, parameter {numeric.shape}"
            )
        if not np.isfinite(analytic).all():
            raise AssertionError(
                f"{name}: the gradient has entries that are not finite"
            )
        largest = np.abs(numeric).max(initial=0)
        errors = relative_error(
            analytic, numeric, 0.01 * largest + np.finfo(float).tiny
        )
        index = tuple(int(i) for i in np.unravel_index(np.argmax(errors), errors.shape))
        worst.append(
            Mismatch(
                name,
                index,
                float(analytic[index]),
                float(numeric[index]),
                float(errors[index]),
            )
        )
    bad = [m for m in worst if not m.error <= tolerance]
    if bad:
        raise AssertionError(
            "; ".join(
                f"{m.name}{list(m.entry)}: gradient {m.analytic:.6g}, difference {m.numeric:.6g}"
                f" (relative error {m.error:.1e})"
                for m in bad
            )
        )
    return worst
