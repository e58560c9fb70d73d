r"""One vector per word: the layer between ids and a recurrent cell.

    v_t = E[x_t]                                                             (eq-embedding)

It has the functions of a cell without state, so that it can be the first layer of a stack.
T time, B batch, V vocabulary, D entries of a vector.
"""

from typing import Any, NamedTuple

import numpy as np

from unrolled.functional import check_sequence, dproject

Array = Any


class Params(NamedTuple):
    """Weights; gradients are a Params too."""

    E: Array  # (V, D)


class Cache(NamedTuple):
    """What backward needs from forward."""

    x: Array  # (T, B) ids


def init(rng, V, D, dtype=np.float64, input_scale=None):
    """Returns random Params, uniform within ± input_scale (0.1 if left out)."""
    scale = 0.1 if input_scale is None else input_scale
    return Params(rng.uniform(-scale, scale, (V, D)).astype(dtype))


def initial_state(p, *batch):
    """Returns (): the layer has no state."""
    return ()


def step(p, x_t):
    """Returns the vectors of the ids x_t, (..., D)."""
    return p.E[x_t]


def forward(p, x):
    """Returns the vectors (T, B, D) of ids (T, B), and the cache."""
    if x.dtype.kind not in "iu":
        raise ValueError(f"an embedding takes integer ids, got {x.dtype}")
    check_sequence(x, len(p.E))
    return p.E[x], Cache(x)


def backward(p, cache, dv):
    """Returns (dp, None): a row of E gets the sum over all positions of its id."""
    _, dE = dproject(cache.x, p.E, dv)
    return Params(dE), None
