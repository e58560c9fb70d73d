r"""Gated DeltaNet, a DeltaNet that also forgets (Yang, Kautz & Hatamizadeh, 2025).

    q_t, k_t, v_t, beta_t as in DeltaNet                                 (eq-delta-net-inputs)
    f_t = sigmoid(x_t w_f + b_f)                            forget gate  (eq-gated-delta-gate)
    u_t = beta_t (v_t - k_t (f_t S_{t-1}))                  correction   (eq-gated-correction)
    S_t = f_t S_{t-1} + k_t^T u_t                           state        (eq-gated-delta-rule)
    h_t = q_t S_t                                           output       (eq-matrix-read)

The forget gate is one number. The authors compute it as in Mamba-2, by exp(-A softplus(z)) with a
learned A > 0. For A = 1 this is sigmoid(-z), which is what we use.

The output h of a step is its first state, as in every cell of this book, but no step reads it.
The blocks q, k, v, beta, f of a weight lie side by side. T time, B batch, D input, H entries of a
query, a key and a value; rows are examples.
"""

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

    W_x: Array  # (D, 3H + 2), blocks q, k, v, beta, f
    b: Array  # (3H + 2,)


class Cache(NamedTuple):
    """What backward needs from forward, and what figures draw."""

    x: Array  # (T, B, D), or (T, B) ids
    S0: Array  # (B, H, H): the state before the first step
    a: Array  # (T, B, 2H): the queries and keys before they get length 1
    q: Array  # (T, B, H)
    k: Array  # (T, B, H)
    v: Array  # (T, B, H)
    beta: Array  # (T, B, 1)
    f: Array  # (T, B, 1)
    S: Array  # (T, B, H, H): the state after each step
    h: Array  # (T, B, H): the output of each step


WEIGHTS = fields(Params, W_x="D 3H+2", b="3H+2")
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
    f="T B 1",
    S="T B H H",
    h="T B H",
)


@names_arguments
def init(rng, D, H, dtype=np.float64, input_scale=None, forget_bias=3.0):
    """Returns random Params: W_x uniform within ± input_scale (1/√D if left out), b mostly 0.

    Args:
        rng: a ``numpy.random.Generator``.
        D: entries of an input vector, or number of ids.
        H: entries of a query, a key and a value.
        dtype: floating-point type of the weights.
        input_scale: the range of W_x.
        forget_bias: the forget gate's part of b; with 3, f is about 0.95 at the start.

    Raises:
        ValueError: a size is below 1.
    """
    if D < 1 or H < 1:
        raise ValueError(f"sizes must be at least 1, got D={D}, H={H}")
    scale = 1 / np.sqrt(D) if input_scale is None else input_scale
    W_x = rng.uniform(-scale, scale, (D, 3 * H + 2)).astype(dtype)
    b = np.zeros(3 * H + 2, dtype)
    b[-1] = forget_bias
    return Params(W_x, b)


@names_arguments(p=parts(W_x="D 3H+2", b="3H+2"))
def initial_state(p, *batch):
    """Returns (h, S) before the first step: zeros of shapes (*batch, H) and (*batch, H, H)."""
    H = (len(p.b) - 2) // 3
    zeros = np.zeros((*batch, H, H), p.b.dtype)
    return zeros[..., 0], zeros


@names_arguments(p=WEIGHTS, x=vectors_or_ids("...", "D"))
def inputs(p, x):
    """Returns a (queries and keys before ``unit``), q, k, v, beta and f, for any steps."""
    H = (len(p.b) - 2) // 3
    a, v, gates = np.split(project(x, p.W_x) + p.b, [2 * H, 3 * H], axis=-1)
    q, k = unit(a[..., :H]), unit(a[..., H:])
    gates = sigmoid(gates)
    return a, q, k, v, gates[..., :1], gates[..., 1:]


@names_arguments(p=WEIGHTS, S="... H H", h="... H", x_t=vectors_or_ids("...", "D"))
def step(p, x_t, h, S):
    """Returns (h, S) after input x_t, given S, (H, H) or (B, H, H), before it."""
    _, q, k, v, beta, f = inputs(p, x_t)
    S = f[..., None] * S
    missing = v - look_up(k, S)
    S = S + outer(k, beta * missing)
    return look_up(q, S), S


@names_arguments(p=WEIGHTS, S0="B H H")
def forward(p, x, h0=None, S0=None):
    """Runs the network over a batch of sequences.

    Args:
        p: Params.
        x: (T, B, D) vectors, or (T, B) ids that stand for one-hot vectors.
        h0: (B, H), the output before the first step, which is not read.
        S0: (B, H, H) initial state; zeros if left out.

    Returns:
        h: (T, B, H), the output of every step.
        cache: what ``backward`` needs.

    Raises:
        ValueError: shapes do not fit together.
    """
    _, B = check_sequence(x, len(p.W_x))
    if h0 is not None:
        check_state("h0", h0, B, (len(p.b) - 2) // 3)
    if S0 is None:
        _, S0 = initial_state(p, B)
    a, q, k, v, beta, f = inputs(p, x)
    h, S = delta_rule.recurrent(q, k, v, beta, f, S0)
    return h, Cache(x, S0, a, q, k, v, beta, f, S, h)


@names_arguments(p=WEIGHTS, cache=CACHE, dh="T B H")
def backward(p, cache, dh):
    """Returns the exact gradient, from the last step to the first.

    Args:
        p: the Params that forward had.
        cache: the cache that forward returned.
        dh: (T, B, H), the gradient of each step's own loss with respect to h_t.

    Returns:
        dp: Params, gradients summed over time and batch.
        dx: gradient with respect to x; None for integer ids.
        dh0: (B, H), zeros, because no step reads the output before it.
        dS0: (B, H, H), gradient with respect to the initial state.
    """
    x, S0, a, q, k, v, beta, f, S, _ = cache
    H = dh.shape[-1]
    dq, dk, dv, dbeta, df, dS0 = delta_rule.backward(q, k, v, beta, f, S, dh, S0)
    dqk = [dunit(a[..., :H], dq), dunit(a[..., H:], dk)]
    da = np.concatenate([*dqk, dv, dsigmoid(beta, dbeta), dsigmoid(f, df)], axis=-1)
    dx, dW_x = dproject(x, p.W_x, da)  # a_t = x_t W_x + b
    dh0 = np.zeros_like(dh, shape=dh.shape[1:])
    return Params(dW_x, da.sum(axis=(0, 1))), dx, dh0, dS0
