r"""A layer without memory, in the form of a cell: its state is the empty tuple.

    h_t = tanh(x_t W_x + b)

It is used where a cell without memory is needed, for example as the controller of a Neural Turing
Machine whose only memory is the tape.
T time, B batch, D input, H hidden.
"""

from typing import Any, NamedTuple

import numpy as np

from unrolled.arguments import fields, names_arguments, vectors_or_ids
from unrolled.functional import check_sequence, dproject, dtanh, project

Array = Any


class Params(NamedTuple):
    """Weights; gradients are a Params too."""

    W_x: Array  # (D, H)
    b: Array  # (H,)


class Cache(NamedTuple):
    """What backward needs from forward."""

    x: Array  # (T, B, D)
    h: Array  # (T, B, H)


WEIGHTS = fields(Params, W_x="D H", b="H")
CACHE = fields(Cache, x=vectors_or_ids("T B", "D"), h="T B H")


@names_arguments
def init(rng, D, H, dtype=np.float64, input_scale=None):
    """Returns random Params: W_x uniform within ± input_scale (1/√D if left out), b zero.

    Raises:
        ValueError: a size is below 1.
    """
    if D < 1 or H < 1:
        raise ValueError(f"sizes must be at least 1, got D={D}, H={H}")
    scale = 1 / np.sqrt(D) if input_scale is None else input_scale
    return Params(rng.uniform(-scale, scale, (D, H)).astype(dtype), np.zeros(H, dtype))


def initial_state(p, *batch):
    """Returns the state before the first step: there is none, ()."""
    return ()


@names_arguments(p=WEIGHTS, x_t=vectors_or_ids("...", "D"))
def step(p, x_t):
    """Returns tanh(x_t W_x + b), (H,) or (B, H)."""
    return np.tanh(project(x_t, p.W_x) + p.b)


@names_arguments(p=WEIGHTS)
def forward(p, x):
    """Applies the layer to every step by itself.

    Args:
        p: Params.
        x: (T, B, D) vectors, or (T, B) integer ids.

    Returns:
        h: (T, B, H).
        cache: what ``backward`` needs.

    Raises:
        ValueError: x does not fit.
    """
    check_sequence(x, len(p.W_x))
    h = step(p, x)
    return h, Cache(x, h)


@names_arguments(p=WEIGHTS, cache=CACHE, dh="T B H")
def backward(p, cache, dh):
    """Returns (dp, dx), given dh (T, B, H); there is no initial state to have a gradient."""
    da = dtanh(cache.h, dh)  # h = tanh(a)
    dx, dW_x = dproject(cache.x, p.W_x, da)  # a = x W_x + b
    return Params(dW_x, da.sum(axis=(0, 1))), dx
