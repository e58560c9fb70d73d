"""Random cases for a cell: weights with no zero among them, inputs, states, output gradients."""

from typing import Any, NamedTuple

import numpy as np

from unrolled import tree


class Case(NamedTuple):
    """Parameters, inputs (T, B, D), a tuple of initial states, gradients (T, B, H)."""

    p: Any
    x: np.ndarray
    states: tuple[np.ndarray, ...]
    dh: np.ndarray


def shaken(p, rng, by=0.4):
    """Returns parameters moved at random, so that biases that begin at zero are none."""
    return tree.map(lambda w: w + by * rng.standard_normal(w.shape), p)


def with_long_steps(p):
    """Returns parameters in which the length of a step, if the cell has one, is about 0.6.

    With steps of 0.01, gradients are so small that a difference of losses rounds them away.
    """
    fields = getattr(p, "_fields", ())
    if "log_dt" in fields:
        return p._replace(log_dt=0.1 * p.log_dt)
    if "log_A" in fields:  # the bias of the length is the only one that is not 0
        return p._replace(b=0.1 * p.b)
    return p


def cell_case(cell, T, B, D, H, seed=0, by=0.4):
    """Returns a case for a cell, everything of order 1."""
    rng = np.random.default_rng(seed)
    p = shaken(with_long_steps(cell.init(rng, D, H)), rng, by)
    x, dh = rng.standard_normal((T, B, D)), rng.standard_normal((T, B, H))
    states = tuple(rng.standard_normal(s.shape) for s in cell.initial_state(p, B))
    return Case(p, x, states, dh)


def logistic(a):
    """Returns the sigmoid as the equations write it, which shares no code with the package."""
    return 1 / (1 + np.exp(-a))
