r"""A linear recurrence with one real factor for each unit, which the input computes.

    f_t = low + (1 - low) sigmoid(x_t W_xf + b_f)         factor         (eq-diagonal-factor)
    h_t = f_t * h_{t-1} + x_t W_xg + b_g                  state          (eq-diagonal-state)

The factor lies between ``low`` and 1. With low = 0 it is a gate, which keeps or erases. With
low = -1, the default, it can also turn the sign of the state. The state is a linear recurrence, so
any scan computes it. ``between`` returns the cell with another ``low``. The blocks f, g of a weight
lie side by side. T time, B batch, D input, H hidden; rows are examples.
"""

from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from unrolled.arguments import fields, names_arguments, vectors_or_ids
from unrolled.functional import (
    check_sequence,
    check_state,
    dproject,
    project,
    sigmoid,
)
from unrolled.layers import scan as scans

Array = Any
LOW = -1.0


class Params(NamedTuple):
    """Weights; gradients are a Params too."""

    W_x: Array  # (D, 2H), blocks f, g
    b: Array  # (2H,)


class Cache(NamedTuple):
    """What backward needs from forward, and what figures draw."""

    x: Array  # (T, B, D), or (T, B) ids
    h0: Array  # (B, H): the state before the first step
    f: Array  # (T, B, H): the factor of each step
    h: Array  # (T, B, H): the state after each step


WEIGHTS = fields(Params, W_x="D 2H", b="2H")
CACHE = fields(Cache, x=vectors_or_ids("T B", "X"), h0="B H", f="T B H", h="T B H")


def between(low):
    """Returns the cell whose factors lie between low and 1.

    Raises:
        ValueError: low is not from -1 to below 1.
    """
    if not -1 <= low < 1:
        raise ValueError(f"low must be from -1 to below 1, got {low}")
    return SimpleNamespace(
        Params=Params,
        init=init,
        initial_state=initial_state,
        step=partial(step, low=low),
        forward=partial(forward, low=low),
        backward=partial(backward, low=low),
    )


@names_arguments
def init(rng, D, H, dtype=np.float64, input_scale=None):
    """Returns random Params: W_x uniform within ± input_scale (1/√D if left out).

    b_f is such that, without input, the factors are uniform between low and 1. b_g is zero.

    Raises:
        ValueError: a size is below 1.
    """
    if D < 1 or H < 1:
        raise ValueError(f"sizes must be at least 1, got D={D}, H={H}")
    scale = 1 / np.sqrt(D) if input_scale is None else input_scale
    W_x = rng.uniform(-scale, scale, (D, 2 * H)).astype(dtype)
    share = rng.uniform(1e-3, 1 - 1e-3, H)
    b_f = np.log(share / (1 - share))  # sigmoid(b_f) = share
    return Params(W_x, np.concatenate([b_f, np.zeros(H)]).astype(dtype))


@names_arguments(p=WEIGHTS)
def initial_state(p, *batch):
    """Returns the state before the first step, (h,): zeros of shape (*batch, H)."""
    return (np.zeros((*batch, len(p.b) // 2), p.b.dtype),)


@names_arguments(p=WEIGHTS)
def factor_and_term(p, x, low=LOW):
    """Returns f and g, (..., H) each, for one step or for all."""
    a_f, g = np.split(project(x, p.W_x) + p.b, 2, axis=-1)
    return low + (1 - low) * sigmoid(a_f), g


@names_arguments(p=WEIGHTS, h="... H", x_t=vectors_or_ids("...", "D"))
def step(p, x_t, h, low=LOW):
    """Returns the state after input x_t; h, (H,) or (B, H), is the state before it."""
    f, g = factor_and_term(p, x_t, low)
    return f * h + g


@names_arguments(p=WEIGHTS)
def forward(p, x, h0=None, scan=scans.sequential, low=LOW):
    """Runs the network over a batch of sequences.

    Args:
        p: Params.
        x: (T, B, D) vectors, or (T, B) ids that stand for one-hot vectors.
        h0: (B, H) initial state; zeros if left out.
        scan: the function of ``layers.scan`` that computes the recurrence.
        low: the factors lie between this and 1.

    Returns:
        h: (T, B, H), the state after every step.
        cache: what ``backward`` needs.

    Raises:
        ValueError: shapes do not fit together.
    """
    _, B = check_sequence(x, len(p.W_x))
    h0 = initial_state(p, B)[0] if h0 is None else h0
    check_state("h0", h0, B, len(p.b) // 2)
    f, g = factor_and_term(p, x, low)
    h = scan(f, g, h0)
    return h, Cache(x, h0, f, h)


@names_arguments(p=WEIGHTS, cache=CACHE, dh="T B H")
def backward(p, cache, dh, scan=scans.sequential, low=LOW):
    """Returns the exact gradient, by a scan from the last step to the first.

    Args:
        p: the Params that forward had.
        cache: the cache that forward returned.
        dh: (T, B, H), the gradient of each step's own loss with respect to h_t.
        scan: as in ``forward``.
        low: as in ``forward``.

    Returns:
        dp: Params, gradients summed over time and batch.
        dx: gradient with respect to x; None for integer ids.
        dh0: (B, H), gradient with respect to the initial state.
    """
    x, h0, f, h = cache
    df, dg, dh0 = scans.backward(f, h, dh, h0, scan)  # h_t = f_t h_{t-1} + g_t
    da_f = df * (f - low) * (1 - f) / (1 - low)  # f = low + (1 - low) sigmoid(a_f)
    da = np.concatenate([da_f, dg], axis=-1)
    dx, dW_x = dproject(x, p.W_x, da)  # a_t = x_t W_x + b
    return Params(dW_x, da.sum(axis=(0, 1))), dx, dh0
