"""Right before fast: what a library computes, against NumPy in float64."""

import numpy as np

TOLERANCE = 1e-3


class Wrong(Exception):
    """A library's answer is not NumPy's; the message says how far it is off, and where."""


def gap(found, exact):
    """Returns {name: largest difference, relative to the array's largest entry}; NaN counts as inf.

    Args:
        found: {name: array}.
        exact: the same in float64.

    Raises:
        Wrong: other names or shapes.
    """
    if found.keys() != exact.keys():
        raise Wrong(f"arrays {sorted(found)} instead of {sorted(exact)}")
    gaps = {}
    for name, right in exact.items():
        array = np.asarray(found[name], np.float64)
        if array.shape != right.shape:
            raise Wrong(f"{name} is {array.shape} instead of {right.shape}")
        difference = np.nan_to_num(np.abs(array - right), nan=np.inf).max()
        gaps[name] = float(difference / np.abs(right).max())
    return gaps


def prove(found, exact, tolerance=TOLERANCE):
    """Returns the largest gap, or raises Wrong if it is above the tolerance."""
    gaps = gap(found, exact)
    worst = max(gaps, key=lambda name: gaps[name])
    if not gaps[worst] <= tolerance:
        raise Wrong(
            f"{worst} is off by {gaps[worst]:.1e} of its largest entry ({tolerance:.0e})"
        )
    return gaps[worst]
