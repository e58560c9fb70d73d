r"""Dropout: in training, a random share of a layer's outputs is hidden from the next layer.

    y_t = m_t x_t,   entries of m_t: 0 with probability s, else 1/(1-s)

The mean of y_t is x_t, so that evaluation uses the layer as it is (Srivastava et al., 2014). In a
stack, this layer lies between two others and its masks are fresh at every step, while the states
of a cell pass from step to step unchanged: dropout of the connections that are not recurrent
(Zaremba, Sutskever & Vinyals, 2014). It has the functions of a cell without state and without
weights. T time, B batch, D entries of a vector, s the share that is hidden.
"""

from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from unrolled.arguments import fields, names_arguments

Array = Any


class Cache(NamedTuple):
    """What backward needs from forward."""

    m: Array  # (T, B, D): 0 or 1/(1-s)


def valid_share(name):
    """Returns a check that a share is in 0 <= share < 1."""

    def check(share, sizes):
        if not 0 <= share < 1:
            raise ValueError(f"the {name} must be in 0 <= {name} < 1, got {share}")

    return check


def of(share, rng):
    """Returns dropout as a layer of a stack: init, initial_state, step, forward, backward.

    Args:
        share: s, of the entries that are hidden.
        rng: a ``numpy.random.Generator`` that chooses them.

    Raises:
        ValueError: a share outside 0 <= share < 1.
    """
    if not 0 <= share < 1:
        raise ValueError(f"the share must be in 0 <= share < 1, got {share}")
    return SimpleNamespace(
        init=init,
        initial_state=initial_state,
        step=step,
        forward=partial(forward, share=share, rng=rng),
        backward=backward,
    )


def init(rng, D, H, dtype=np.float64, input_scale=None):
    """Returns (): the layer has no weights."""
    return ()


def initial_state(p, *batch):
    """Returns (): the layer has no state."""
    return ()


@names_arguments
def step(p, x_t):
    """Returns x_t: outside of training, nothing is hidden."""
    return x_t


@names_arguments(x="...", share=valid_share)
def forward(p, x, *, share, rng):
    """Returns (y, cache) of vectors x (T, B, D), in training."""
    shown = rng.random(x.shape, np.float32) >= share
    m = shown / x.dtype.type(1 - share)
    return x * m, Cache(m)


@names_arguments(cache=fields(Cache, m="..."), dy="...")
def backward(p, cache, dy):
    """Returns ((), dx): the gradient passes where the entry was shown."""
    return (), dy * cache.m
