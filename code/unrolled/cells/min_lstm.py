r"""The minimal LSTM of Feng et al. (2024): gates that do not read the state, and sum to 1.

    f_t = sigmoid(x_t W_xf + b_f)                           forget gate   (eq-min-lstm-gates)
    i_t = sigmoid(x_t W_xi + b_i)                           input gate
    ~h_t = positive(x_t W_xh + b_h)                         candidate
    k_t = f_t / (f_t + i_t)                                 share kept    (eq-min-lstm-share)
    h_t = k_t * h_{t-1} + (1 - k_t) * ~h_t                  state         (eq-min-lstm-state)

    k_t = sigmoid(log f_t - log i_t)                                      (eq-min-lstm-is-min-gru)

The last line is how k_t is computed: it needs no division, and is right even if both gates
underflow. The blocks f, i, h of a weight lie side by side. T time, B batch, D input, H hidden; rows
are examples.
"""

from typing import Any, NamedTuple

import numpy as np

from unrolled.arguments import fields, names_arguments, parts, vectors_or_ids
from unrolled.functional import (
    check_sequence,
    check_state,
    dpositive,
    dproject,
    dsigmoid,
    log_positive,
    log_sigmoid,
    positive,
    project,
    sigmoid,
)
from unrolled.layers import log_scan
from unrolled.layers import scan as scans

Array = Any


class Params(NamedTuple):
    """Weights; gradients are a Params too."""

    W_x: Array  # (D, 3H), blocks f, i, h
    b: Array  # (3H,)


class Cache(NamedTuple):
    """What backward needs from forward, and what figures draw."""

    x: Array  # (T, B, D), or (T, B) ids
    h0: Array  # (B, H): the state before the first step
    f: Array  # (T, B, H): the gates, the share kept and the candidate of each step
    i: Array
    kept: Array
    candidate: Array
    h: Array  # (T, B, H): the state after each step


WEIGHTS = fields(Params, W_x="D 3H", b="3H")
# forward has looked at x, and dproject looks again
CACHE = fields(
    Cache,
    x=vectors_or_ids("T B", "X"),
    h0="B H",
    f="T B H",
    i="T B H",
    kept="T B H",
    candidate="T B H",
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
    """Returns the state before the first step, (h,): zeros of shape (*batch, H)."""
    return (np.zeros((*batch, len(p.b) // 3), p.b.dtype),)


@names_arguments(p=WEIGHTS, h="... H", x_t=vectors_or_ids("...", "D"))
def step(p, x_t, h):
    """Returns the state after input x_t; h, (H,) or (B, H), is the state before it."""
    a_f, a_i, a_h = np.split(project(x_t, p.W_x) + p.b, 3, axis=-1)
    kept = sigmoid(log_sigmoid(a_f) - log_sigmoid(a_i))  # f / (f + i)
    return kept * h + (1 - kept) * positive(a_h)


@names_arguments(p=WEIGHTS)
def forward(p, x, h0=None, scan=scans.sequential):
    """Runs the network over a batch of sequences.

    Args:
        p: Params.
        x: (T, B, D) vectors, or (T, B) ids that stand for one-hot vectors.
        h0: (B, H) initial state; zeros if left out.
        scan: the function of ``layers.scan`` that computes the recurrence.

    Returns:
        h: (T, B, H), the state after every step.
        cache: what ``backward`` needs.

    Raises:
        ValueError: shapes do not fit together.
    """
    _, B = check_sequence(x, len(p.W_x))
    h0 = initial_state(p, B)[0] if h0 is None else h0
    check_state("h0", h0, B, len(p.b) // 3)
    a_f, a_i, a_h = np.split(project(x, p.W_x) + p.b, 3, axis=-1)
    kept = sigmoid(log_sigmoid(a_f) - log_sigmoid(a_i))  # f / (f + i)
    candidate = positive(a_h)
    h = scan(kept, (1 - kept) * candidate, h0)
    return h, Cache(x, h0, sigmoid(a_f), sigmoid(a_i), kept, candidate, h)


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
        dh0: (B, H), gradient with respect to the initial state.
    """
    x, h0, f, i, kept, candidate, h = cache
    dfactor, dg, dh0 = scans.backward(kept, h, dh, h0, scan)
    dkept = dfactor - dg * candidate  # g_t = (1 - k_t) ~h_t
    dlog_ratio = dsigmoid(kept, dkept)  # k_t = sigmoid(log f_t - log i_t)
    da_f = dlog_ratio * (1 - f)  # the slope of log sigmoid(a) is 1 - sigmoid(a)
    da_i = -dlog_ratio * (1 - i)
    da_h = dpositive(candidate, dg * (1 - kept))
    da = np.concatenate([da_f, da_i, da_h], axis=-1)
    dx, dW_x = dproject(x, p.W_x, da)  # a_t = x_t W_x + b
    return Params(dW_x, da.sum(axis=(0, 1))), dx, dh0


@names_arguments(p=WEIGHTS, h0="B H")
def forward_log(p, x, h0=None):
    """Returns the states (T, B, H) of ``forward``, computed with logarithms.

    Args:
        p: Params.
        x: as in ``forward``.
        h0: (B, H) initial state, 0 or more; zeros if left out.

    Raises:
        ValueError: shapes do not fit together, or an entry of h0 is negative.
    """
    check_sequence(x, len(p.W_x))
    a_f, a_i, a_h = np.split(project(x, p.W_x) + p.b, 3, axis=-1)
    ratio = log_sigmoid(a_f) - log_sigmoid(a_i)
    log_h0 = None if h0 is None else log_scan.logarithm(h0)
    log_g = log_sigmoid(-ratio) + log_positive(a_h)
    return np.exp(log_scan.hillis_steele(log_sigmoid(ratio), log_g, log_h0))
