r"""DeltaNet, a recurrent network with a matrix as state (Schlag et al., 2021; Yang et al., 2024).

    q_t = unit(x_t W_q + b_q)                               query        (eq-delta-net-inputs)
    k_t = unit(x_t W_k + b_k)                               key
    v_t = x_t W_v + b_v                                     value
    beta_t = high sigmoid(x_t w + b)                        share that is written
    S_t = S_{t-1} + beta_t k_t^T (v_t - k_t S_{t-1})        state        (eq-delta-rule)
    h_t = q_t S_t                                           output       (eq-matrix-read)

unit(a) = a / |a| gives queries and keys the length 1. A key of length 0 writes nothing. With
high = 1, the default, every share lies between 0 and 1. ``below`` returns the cell with another
high, up to 2 (Grazzi et al., 2025): the share 2 reflects what is stored under the key.

The output h of a step is its first state, as in every cell of this book, but no step reads it.
The blocks q, k, v, beta of a weight lie side by side. T time, B batch, D input, H entries of a
query, a key and a value; rows are examples.
"""

from functools import partial
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from unrolled.arguments import fields, names_arguments, parts, vectors_or_ids
from unrolled.functional import (
    check_sequence,
    check_state,
    dproject,
    dsigmoid,
    dunit,
    project,
    sigmoid,
    unit,
)
from unrolled.layers import delta_rule
from unrolled.layers.delta_rule import look_up, outer

Array = Any


class Params(NamedTuple):
    """Weights; gradients are a Params too."""

    W_x: Array  # (D, 3H + 1), blocks q, k, v, beta
    b: Array  # (3H + 1,)


class Cache(NamedTuple):
    """What backward needs from forward, and what figures draw."""

    x: Array  # (T, B, D), or (T, B) ids
    S0: Array  # (B, H, H): the state before the first step
    a: Array  # (T, B, 2H): the queries and keys before they get length 1
    q: Array  # (T, B, H)
    k: Array  # (T, B, H)
    v: Array  # (T, B, H)
    beta: Array  # (T, B, 1)
    S: Array  # (T, B, H, H): the state after each step
    h: Array  # (T, B, H): the output of each step


WEIGHTS = fields(Params, W_x="D 3H+1", b="3H+1")
# forward has looked at x, and dproject looks again
CACHE = fields(
    Cache,
    x=vectors_or_ids("T B", "X"),
    S0="B H H",
    a="T B 2H",
    q="T B H",
    k="T B H",
    v="T B H",
    beta="T B 1",
    S="T B H H",
    h="T B H",
)


def below(high):
    """Returns the cell whose shares lie between 0 and high.

    Raises:
        ValueError: high is not above 0 and at most 2.
    """
    if not 0 < high <= 2:
        raise ValueError(f"need 0 < high <= 2, got {high}")
    return SimpleNamespace(
        Params=Params,
        init=init,
        initial_state=initial_state,
        step=partial(step, high=high),
        forward=partial(forward, high=high),
        backward=partial(backward, high=high),
    )


@names_arguments
def init(rng, D, H, dtype=np.float64, input_scale=None):
    """Returns random Params: W_x uniform within ± input_scale (1/√D if left out), b zero.

    Raises:
        ValueError: a size is below 1.
    """
    if D < 1 or H < 1:
        raise ValueError(f"sizes must be at least 1, got D={D}, H={H}")
    scale = 1 / np.sqrt(D) if input_scale is None else input_scale
    W_x = rng.uniform(-scale, scale, (D, 3 * H + 1)).astype(dtype)
    return Params(W_x, np.zeros(3 * H + 1, dtype))


@names_arguments(p=parts(W_x="D 3H+1", b="3H+1"))
def initial_state(p, *batch):
    """Returns (h, S) before the first step: zeros of shapes (*batch, H) and (*batch, H, H)."""
    H = (len(p.b) - 1) // 3
    zeros = np.zeros((*batch, H, H), p.b.dtype)
    return zeros[..., 0], zeros


@names_arguments(p=WEIGHTS, x=vectors_or_ids("...", "D"))
def inputs(p, x, high=1.0):
    """Returns a (queries and keys before ``unit``), q, k, v and beta, for any steps."""
    H = (len(p.b) - 1) // 3
    a, v, a_beta = np.split(project(x, p.W_x) + p.b, [2 * H, 3 * H], axis=-1)
    q, k = unit(a[..., :H]), unit(a[..., H:])
    return a, q, k, v, high * sigmoid(a_beta)


@names_arguments(p=WEIGHTS, S="... H H", h="... H", x_t=vectors_or_ids("...", "D"))
def step(p, x_t, h, S, high=1.0):
    """Returns (h, S) after input x_t, given S, (H, H) or (B, H, H), before it."""
    _, q, k, v, beta = inputs(p, x_t, high)
    missing = v - look_up(k, S)
    S = S + outer(k, beta * missing)
    return look_up(q, S), S


@names_arguments(p=WEIGHTS, S0="B H H")
def forward(p, x, h0=None, S0=None, high=1.0):
    """Runs the network over a batch of sequences.

    Args:
        p: Params.
        x: (T, B, D) vectors, or (T, B) ids that stand for one-hot vectors.
        h0: (B, H), the output before the first step, which is not read.
        S0: (B, H, H) initial state; zeros if left out.
        high: the shares lie between 0 and this.

    Returns:
        h: (T, B, H), the output of every step.
        cache: what ``backward`` needs.

    Raises:
        ValueError: shapes do not fit together.
    """
    _, B = check_sequence(x, len(p.W_x))
    if h0 is not None:
        check_state("h0", h0, B, (len(p.b) - 1) // 3)
    if S0 is None:
        _, S0 = initial_state(p, B)
    a, q, k, v, beta = inputs(p, x, high)
    h, S = delta_rule.recurrent(q, k, v, beta, np.ones_like(beta), S0)
    return h, Cache(x, S0, a, q, k, v, beta, S, h)


@names_arguments(p=WEIGHTS, cache=CACHE, dh="T B H")
def backward(p, cache, dh, high=1.0):
    """Returns the exact gradient, from the last step to the first.

    Args:
        p: the Params that forward had.
        cache: the cache that forward returned.
        dh: (T, B, H), the gradient of each step's own loss with respect to h_t.
        high: as in ``forward``.

    Returns:
        dp: Params, gradients summed over time and batch.
        dx: gradient with respect to x; None for integer ids.
        dh0: (B, H), zeros, because no step reads the output before it.
        dS0: (B, H, H), gradient with respect to the initial state.
    """
    x, S0, a, q, k, v, beta, S, _ = cache
    H = dh.shape[-1]
    ones = np.ones_like(beta)  # nothing is forgotten
    dq, dk, dv, dbeta, _, dS0 = delta_rule.backward(q, k, v, beta, ones, S, dh, S0)
    dqk = [dunit(a[..., :H], dq), dunit(a[..., H:], dk)]
    da_beta = dsigmoid(beta / high, high * dbeta)  # β = high sigmoid(a)
    da = np.concatenate([*dqk, dv, da_beta], axis=-1)
    dx, dW_x = dproject(x, p.W_x, da)  # a_t = x_t W_x + b
    dh0 = np.zeros_like(dh, shape=dh.shape[1:])
    return Params(dW_x, da.sum(axis=(0, 1))), dx, dh0, dS0
