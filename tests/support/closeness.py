"""How near two numbers, arrays or trees of arrays are to each other."""

import numpy as np

from unrolled import tree
from unrolled.gradients import gradcheck


def distance(found, wanted):
    """The largest difference over all arrays, relative to the largest entry of all."""
    found, wanted = tree.leaves(found), tree.leaves(wanted)
    assert [f.shape for f in found] == [w.shape for w in wanted]
    scale = max(np.abs(w).max(initial=0) for w in wanted) or 1.0
    return (
        max(np.abs(f - w).max(initial=0) for f, w in zip(found, wanted, strict=True))
        / scale
    )


def gap(found, wanted):
    """The largest difference, relative to the largest entry of its own array, or to 1 if 0."""
    pairs = zip(tree.leaves(found), tree.leaves(wanted), strict=True)
    # a NaN is a gap too
    return max(
        float(np.nan_to_num(np.abs(np.asarray(f) - w), nan=np.inf).max())
        / (np.abs(w).max() or 1)
        for f, w in pairs
    )


def assert_same(found, wanted, tolerance=1e-12):
    """Leaf by leaf, each entry relative to itself or to 1."""
    for (name, f), w in zip(tree.named_leaves(found), tree.leaves(wanted), strict=True):
        np.testing.assert_allclose(f, w, rtol=tolerance, atol=tolerance, err_msg=name)


def assert_close(found, wanted, tolerance=1e-11):
    """Each entry relative to itself, or within a hundredth of the tolerance."""
    np.testing.assert_allclose(found, wanted, rtol=tolerance, atol=tolerance / 100)


def assert_gradient(loss, p, dp):
    """Every entry within 1e-7 of a central difference of fourth order.

    Through so many layers some gradients are 1e-5 of the loss, and the plain difference rounds
    them at 1e-6. Two differences with long steps, combined so that their errors cancel
    (Richardson), lose less than 1e-9.
    """
    far, near = (
        gradcheck.central_difference(loss, p, epsilon) for epsilon in (2e-3, 1e-3)
    )
    for (name, analytic), a, b in zip(
        tree.named_leaves(dp), tree.leaves(far), tree.leaves(near), strict=True
    ):
        numeric = (4 * b - a) / 3
        error = gradcheck.relative_error(
            analytic, numeric, 0.01 * np.abs(numeric).max()
        )
        assert error.max() <= 1e-7, name
