r"""The minimal GRU of Feng et al. (2024): its gate and its candidate do not read the state.

    z_t = sigmoid(x_t W_xz + b_z)                           update gate   (eq-min-gru-gate)
    ~h_t = positive(x_t W_xh + b_h)                         candidate     (eq-min-gru-candidate)
    h_t = z_t * h_{t-1} + (1 - z_t) * ~h_t                  state         (eq-min-gru-state)

The state is a linear recurrence with the factor z_t, so any scan computes it. ``positive`` makes
the candidate positive, so that the recurrence can be computed with logarithms too. As in ``gru``, z
is the share that is kept; Feng et al. call 1 - z by this letter. The blocks z, h of a weight lie
side by side. T time, B batch, D input, H hidden; rows are examples.
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

    W_x: Array  # (D, 2H), blocks z, h
    b: Array  # (2H,)


class Cache(NamedTuple):
    """What backward needs from forward, and what figures draw."""

    x: Array  # (T, B, D), or (T, B) ids
    h0: Array  # (B, H): the state before the first step
    z: Array  # (T, B, H): the gate and the candidate of each step
    candidate: Array
    h: Array  # (T, B, H): the state after each step


WEIGHTS = fields(Params, W_x="D 2H", b="2H")
# forward has looked at x, and dproject looks again
CACHE = fields(
    Cache,
    x=vectors_or_ids("T B", "X"),
    h0="B H",
    z="T B H",
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
    W_x = rng.uniform(-scale, scale, (D, 2 * H)).astype(dtype)
    return Params(W_x, np.zeros(2 * H, dtype))


@names_arguments(p=parts(W_x="D 2H", b="2H"))
def initial_state(p, *batch):
    """Returns the state before the first step, (h,): zeros of shape (*batch, H)."""
    return (np.zeros((*batch, len(p.b) // 2), p.b.dtype),)


@names_arguments(p=WEIGHTS, x=vectors_or_ids("...", "D"))
def gate_and_candidate(p, x):
    """Returns z and the candidate, (..., H) each, for one step or for all."""
    a_z, a_h = np.split(project(x, p.W_x) + p.b, 2, axis=-1)
    return sigmoid(a_z), positive(a_h)


@names_arguments(p=WEIGHTS, h="... H", x_t=vectors_or_ids("...", "D"))
def step(p, x_t, h):
    """Returns the state after input x_t; h, (H,) or (B, H), is the state before it."""
    z, candidate = gate_and_candidate(p, x_t)
    return z * h + (1 - z) * candidate


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
    check_state("h0", h0, B, len(p.b) // 2)
    z, candidate = gate_and_candidate(p, x)
    h = scan(z, (1 - z) * candidate, h0)
    return h, Cache(x, h0, z, candidate, h)


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
    x, h0, z, candidate, h = cache
    df, dg, dh0 = scans.backward(z, h, dh, h0, scan)  # h_t = f_t h_{t-1} + g_t
    dz = df - dg * candidate  # f_t = z_t, g_t = (1 - z_t) ~h_t
    dcandidate = dg * (1 - z)
    da = np.concatenate([dsigmoid(z, dz), dpositive(candidate, dcandidate)], axis=-1)
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
    a_z, a_h = np.split(project(x, p.W_x) + p.b, 2, axis=-1)
    log_f = log_sigmoid(a_z)
    log_g = log_sigmoid(-a_z) + log_positive(a_h)  # 1 - sigmoid(a) = sigmoid(-a)
    log_h0 = None if h0 is None else log_scan.logarithm(h0)
    return np.exp(log_scan.hillis_steele(log_f, log_g, log_h0))
