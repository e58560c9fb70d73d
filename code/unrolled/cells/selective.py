r"""A selective state-space layer, the core of Mamba (Gu & Dao, 2023).

    u_t = x_t W_u + b_u                                     content       (eq-selective-inputs)
    Δ_t = softplus(x_t W_Δ + b_Δ)                           step size
    B_t = x_t W_B + b_B                                     what is written to each entry
    C_t = x_t W_C + b_C                                     what is read from each entry
    S_t = exp(Δ_t^T A) * S_{t-1} + (Δ_t * u_t)^T B_t        memory        (eq-selective-state)
    h_t = C_t S_t^T + d * u_t                               output        (eq-selective-output)

Δ_t stands as a column where a transpose is written, and multiplies the rows of A = -exp(log_A).
Every one of the H channels has a memory of N numbers. If W_Δ, W_B and W_C are 0, the layer does the
same at every step, as a time-invariant state-space model.

The output h of a step is its first state, as in every cell of this book, but no step reads it.
The blocks u, Δ, B, C of a weight lie side by side. T time, B batch, D input, H channels, N numbers
in the memory of a channel; rows are examples.
"""

from typing import Any, NamedTuple

import numpy as np

from unrolled.arguments import fields, names_arguments, parts, vectors_or_ids
from unrolled.functional import (
    check_sequence,
    check_state,
    dproject,
    dsoftplus,
    project,
    softplus,
)
from unrolled.layers import scan as scans

Array = Any


class Params(NamedTuple):
    """Weights; gradients are a Params too."""

    W_x: Array  # (D, 2H + 2N), blocks u, Δ, B, C
    b: Array  # (2H + 2N,)
    log_A: Array  # (H, N)
    d: Array  # (H,)


class Cache(NamedTuple):
    """What backward needs from forward, and what figures draw."""

    x: Array  # (T, B, D), or (T, B) ids
    S0: Array  # (B, H, N): the memory before the first step
    u: Array  # (T, B, H)
    delta: Array  # (T, B, H)
    B: Array  # (T, B, N)
    C: Array  # (T, B, N)
    f: Array  # (T, B, H, N): the factors exp(Δ A)
    S: Array  # (T, B, H, N): the memory after each step
    h: Array  # (T, B, H): the output of each step


WEIGHTS = fields(Params, log_A="H N", d="H", W_x="D 2H+2N", b="2H+2N")
# forward has looked at x, and dproject looks again
CACHE = fields(
    Cache,
    x=vectors_or_ids("T B", "X"),
    S0="B H N",
    u="T B H",
    delta="T B H",
    B="T B N",
    C="T B N",
    f="T B H N",
    S="T B H N",
    h="T B H",
)


@names_arguments
def init(rng, D, H, dtype=np.float64, input_scale=None, N=4):
    """Returns random Params; A is -1, -2, ..., -N in every channel, and Δ about 0.001 to 0.1.

    Args:
        rng: a ``numpy.random.Generator``.
        D: entries of an input vector, or number of ids.
        H: channels.
        dtype: floating-point type of the weights.
        input_scale: W_x lies within ± this; 1/√D if left out.
        N: numbers in the memory of a channel.

    Raises:
        ValueError: a size is below 1.
    """
    if D < 1 or H < 1 or N < 1:
        raise ValueError(f"sizes must be at least 1, got D={D}, H={H}, N={N}")
    scale = 1 / np.sqrt(D) if input_scale is None else input_scale
    W_x = rng.uniform(-scale, scale, (D, 2 * H + 2 * N)).astype(dtype)
    b = np.zeros(2 * H + 2 * N, dtype)
    delta = np.exp(rng.uniform(np.log(0.001), np.log(0.1), H))
    b[H : 2 * H] = np.log(np.expm1(delta))  # softplus(b) = delta
    log_A = np.tile(np.log(np.arange(1, N + 1)), (H, 1)).astype(dtype)
    return Params(W_x, b, log_A, np.ones(H, dtype))


@names_arguments(p=parts(log_A="H N", d="H", b="2H+2N"))
def initial_state(p, *batch):
    """Returns (h, S) before the first step: zeros of shapes (*batch, H) and (*batch, H, N)."""
    zeros = np.zeros((*batch, *p.log_A.shape), p.b.dtype)
    return zeros[..., 0], zeros


@names_arguments(p=WEIGHTS, x=vectors_or_ids("...", "D"))
def inputs(p, x):
    """Returns u, Δ, B, C and the factors f, for one step or for all."""
    H, N = p.log_A.shape
    a = project(x, p.W_x) + p.b
    u, a_delta, B, C = np.split(a, [H, 2 * H, 2 * H + N], axis=-1)
    delta = softplus(a_delta)
    f = np.exp(delta[..., None] * -np.exp(p.log_A))
    return u, delta, B, C, f


@names_arguments(p=WEIGHTS, h="... H", S="... H N", x_t=vectors_or_ids("...", "D"))
def step(p, x_t, h, S):
    """Returns (h, S) after input x_t, given S, (H, N) or (B, H, N), before it."""
    u, delta, B, C, f = inputs(p, x_t)
    S = f * S + (delta * u)[..., None] * B[..., None, :]
    h = (S * C[..., None, :]).sum(axis=-1) + p.d * u
    return h, S


@names_arguments(p=WEIGHTS, S0="B H N")
def forward(p, x, h0=None, S0=None, scan=scans.sequential):
    """Runs the layer over a batch of sequences.

    Args:
        p: Params.
        x: (T, B, D) vectors, or (T, B) ids that stand for one-hot vectors.
        h0: (B, H), the output before the first step, which is not read.
        S0: (B, H, N) initial memory; zeros if left out.
        scan: the function of ``layers.scan`` that computes the recurrence.

    Returns:
        h: (T, B, H), the output of every step.
        cache: what ``backward`` needs.

    Raises:
        ValueError: shapes do not fit together.
    """
    _, batch = check_sequence(x, len(p.W_x))
    H, N = p.log_A.shape
    if h0 is not None:
        check_state("h0", h0, batch, H)
    if S0 is None:
        _, S0 = initial_state(p, batch)
    if S0.shape != (batch, H, N):
        raise ValueError(f"S0 must be {(batch, H, N)}, got {S0.shape}")
    u, delta, B, C, f = inputs(p, x)
    S = scan(f, (delta * u)[..., None] * B[..., None, :], S0)
    h = (S * C[..., None, :]).sum(axis=-1) + p.d * u
    return h, Cache(x, S0, u, delta, B, C, f, S, h)


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
        dS0: (B, H, N), gradient with respect to the initial memory.
    """
    x, S0, u, delta, B, C, f, S, _ = cache
    A = -np.exp(p.log_A)
    du = dh * p.d  # h_t = C_t S_t^T + d u_t
    dC = (dh[..., None] * S).sum(axis=-2)
    df, dg, dS0 = scans.backward(f, S, dh[..., None] * C[..., None, :], S0, scan)
    dwritten = (dg * B[..., None, :]).sum(axis=-1)  # g_t = (Δ_t u_t)^T B_t
    dB = (dg * (delta * u)[..., None]).sum(axis=-2)
    du = du + dwritten * delta
    dexponent = df * f  # f_t = exp(Δ_t^T A)
    ddelta = dwritten * u + (dexponent * A).sum(axis=-1)
    dlog_A = (dexponent * delta[..., None]).sum(axis=(0, 1)) * A
    da = np.concatenate([du, dsoftplus(delta, ddelta), dB, dC], axis=-1)
    dx, dW_x = dproject(x, p.W_x, da)  # a_t = x_t W_x + b
    dp = Params(dW_x, da.sum(axis=(0, 1)), dlog_A, (dh * u).sum(axis=(0, 1)))
    return dp, dx, np.zeros_like(dh, shape=dh.shape[1:]), dS0
