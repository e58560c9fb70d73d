r"""Causal linear attention as a recurrent network (Katharopoulos et al., 2020).

    q_t = phi(x_t W_q + b_q)                                     query    (eq-linear-inputs)
    k_t = phi(x_t W_k + b_k)                                     key
    v_t = x_t W_v + b_v                                          value
    S_t = S_{t-1} + k_t^T v_t                                    sum of values    (eq-linear-state)
    n_t = n_{t-1} + k_t                                          sum of keys
    h_t = q_t S_t / (q_t n_t^T)                                  output   (eq-linear-output)

phi(a) = elu(a) + 1 is positive, so h_t is a weighted mean of the values v_1 ... v_t, with the
weights q_t k_s^T. In the code, n_t is the last column of S_t: it is what S_t would store for a
value of 1.

The output h of a step is its first state, as in every cell of this book, but no step reads it.
The blocks q, k, v of a weight lie side by side. T time, B batch, D input, H entries of a query, a
key and a value; rows are examples.
"""

from typing import Any, NamedTuple

import numpy as np

from unrolled.arguments import fields, names_arguments, parts, vectors_or_ids
from unrolled.functional import (
    check_sequence,
    check_state,
    delu_plus_1,
    dproject,
    elu_plus_1,
    project,
)
from unrolled.layers import matrix_states
from unrolled.layers import scan as scans

Array = Any


class Params(NamedTuple):
    """Weights; gradients are a Params too."""

    W_x: Array  # (D, 3H), blocks q, k, v
    b: Array  # (3H,)


class Cache(NamedTuple):
    """What backward needs from forward, and what figures draw."""

    x: Array  # (T, B, D), or (T, B) ids
    S0: Array  # (B, H, H+1): the state before the first step
    q: Array  # (T, B, H)
    k: Array  # (T, B, H)
    v: Array  # (T, B, H+1): the values, and a 1
    S: Array  # (T, B, H, H+1): the state after each step
    read: Array  # (T, B, H+1): q S, the weighted sum of the values and of the 1
    h: Array  # (T, B, H): the output of each step


WEIGHTS = fields(Params, W_x="D 3H", b="3H")
# forward has looked at x, and dproject looks again
CACHE = fields(
    Cache,
    x=vectors_or_ids("T B", "X"),
    S0="B H H+1",
    q="T B H",
    k="T B H",
    v="T B H+1",
    S="T B H H+1",
    read="T B H+1",
    h="T B H",
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
    W_x = rng.uniform(-scale, scale, (D, 3 * H)).astype(dtype)
    return Params(W_x, np.zeros(3 * H, dtype))


@names_arguments(p=parts(W_x="D 3H", b="3H"))
def initial_state(p, *batch):
    """Returns (h, S) before the first step: zeros of shapes (*batch, H) and (*batch, H, H+1)."""
    H = len(p.b) // 3
    zeros = np.zeros((*batch, H, H + 1), p.b.dtype)
    return zeros[..., 0], zeros


@names_arguments(p=WEIGHTS, x=vectors_or_ids("...", "D"))
def inputs(p, x):
    """Returns q, k and [v, 1], for one step or for all."""
    q, k, v = np.split(project(x, p.W_x) + p.b, 3, axis=-1)
    ones = np.ones_like(v[..., :1])
    return elu_plus_1(q), elu_plus_1(k), np.concatenate([v, ones], axis=-1)


@names_arguments
def mean(read):
    """Returns the sum of the values over the sum of the weights; 0 if that is 0."""
    total = read[..., -1:]
    return read[..., :-1] / np.where(total == 0, 1, total)


@names_arguments(p=WEIGHTS, h="... H", S="... H H+1", x_t=vectors_or_ids("...", "D"))
def step(p, x_t, h, S):
    """Returns (h, S) after input x_t, given S, (H, H+1) or (B, H, H+1), before it."""
    q, k, v = inputs(p, x_t)
    S = S + k[..., :, None] * v[..., None, :]
    return mean((q[..., None, :] @ S)[..., 0, :]), S


@names_arguments(p=WEIGHTS, S0="B H H+1")
def forward(p, x, h0=None, S0=None, scan=scans.sequential):
    """Runs the network over a batch of sequences.

    Args:
        p: Params.
        x: (T, B, D) vectors, or (T, B) ids that stand for one-hot vectors.
        h0: (B, H), the output before the first step, which is not read.
        S0: (B, H, H+1) initial state; zeros if left out.
        scan: the function of ``layers.scan`` that computes the recurrence.

    Returns:
        h: (T, B, H), the output of every step.
        cache: what ``backward`` needs.

    Raises:
        ValueError: shapes do not fit together.
    """
    _, B = check_sequence(x, len(p.W_x))
    if h0 is not None:
        check_state("h0", h0, B, len(p.b) // 3)
    if S0 is None:
        _, S0 = initial_state(p, B)
    q, k, v = inputs(p, x)
    ones = np.ones_like(k[..., :1])  # nothing is forgotten
    read, S = matrix_states.recurrent(q, k, v, ones, S0, scan)
    h = mean(read)
    return h, Cache(x, S0, q, k, v, S, read, h)


@names_arguments(p=WEIGHTS, cache=CACHE, dh="T B H")
def backward(p, cache, dh, scan=scans.sequential):
    """Returns the exact gradient, by a scan from the last step to the first.

    Args:
        p: the Params that forward had.
        cache: the cache that forward returned.
        dh: (T, B, H), the gradient of each step's own loss with respect to h_t.
        scan: as in ``forward``.

    Returns:
        dp: Params, gradients summed over time and batch.
        dx: gradient with respect to x; None for integer ids.
        dh0: (B, H), zeros, because no step reads the output before it.
        dS0: (B, H, H+1), gradient with respect to the initial state.
    """
    x, S0, q, k, v, S, read, h = cache
    total = read[..., -1:]
    dsum = dh / np.where(total == 0, 1, total)  # h_t = sum / total
    dtotal = -(dsum * h).sum(axis=-1, keepdims=True)
    dread = np.concatenate([dsum, dtotal], axis=-1)
    ones = np.ones_like(k[..., :1])
    dq, dk, dv, _, dS0 = matrix_states.backward(q, k, v, ones, S, dread, S0, scan)
    parts = [delu_plus_1(q, dq), delu_plus_1(k, dk), dv[..., :-1]]
    da = np.concatenate(parts, axis=-1)
    dx, dW_x = dproject(x, p.W_x, da)  # a_t = x_t W_x + b
    dh0 = np.zeros_like(dh, shape=dh.shape[1:])
    return Params(dW_x, da.sum(axis=(0, 1))), dx, dh0, dS0
