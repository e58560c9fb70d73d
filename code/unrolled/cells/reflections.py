r"""A linear recurrence whose matrix is a product of reflections, which the input computes.

    k_tj = x_t W_kj + b_kj                           direction j    (eq-reflection-inputs)
    β_tj = high sigmoid(x_t w_βj + b_βj)             strength j
    M_t  = (I - β_t1 u_t1^T u_t1) ... (I - β_tn u_tn^T u_tn)        (eq-reflection-product)
    h_t  = h_{t-1} M_t + x_t W_g + b_g               state          (eq-reflection-state)

u is the direction k divided by its length; a direction of length 0 changes nothing. β = 2 reflects
the state at the plane that is orthogonal to k, β = 1 projects it onto this plane. With high = 1,
every β lies between 0 and 1, and no factor turns a direction round. With high = 2, the default, it
can. ``below`` returns the cell with other settings. This is one column of the state of DeltaProduct
(Siems et al., 2025), and of DeltaNet if n = 1 (Yang et al., 2024). The blocks k_1 ... k_n, g, β of
a weight lie side by side. T time, B batch, D input, H hidden; rows are examples.
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

Array = Any
N, HIGH = 2, 2.0


class Params(NamedTuple):
    """Weights; gradients are a Params too."""

    W_x: Array  # (D, (n + 1) H + n), blocks k_1 ... k_n, g, β
    b: Array  # ((n + 1) H + n,)


class Cache(NamedTuple):
    """What backward needs from forward, and what figures draw."""

    x: Array  # (T, B, D), or (T, B) ids
    length: Array  # (T, n, B, 1): of each direction
    u: Array  # (T, n, B, H): directions of length 1
    beta: Array  # (T, n, B, 1)
    before: Array  # (T, n, B, H): the state before each reflection
    h: Array  # (T, B, H): the state after each step


WEIGHTS = fields(Params, W_x="D K", b="K")
CACHE = fields(
    Cache,
    x=vectors_or_ids("T B", "X"),
    length="T n B 1",
    u="T n B H",
    beta="T n B 1",
    before="T n B H",
    h="T B H",
)


def below(high, n=N):
    """Returns the cell with n reflections a step, whose strengths lie between 0 and high.

    Raises:
        ValueError: high is not above 0 and at most 2, or n is below 1.
    """
    if not 0 < high <= 2 or n < 1:
        raise ValueError(f"need 0 < high <= 2 and n >= 1, got {high} and {n}")
    return SimpleNamespace(
        Params=Params,
        init=partial(init, n=n),
        initial_state=partial(initial_state, n=n),
        step=partial(step, n=n, high=high),
        forward=partial(forward, n=n, high=high),
        backward=partial(backward, high=high),
    )


@names_arguments
def init(rng, D, H, dtype=np.float64, input_scale=None, n=N):
    """Returns random Params: W_x uniform within ± input_scale (1/√D if left out), b zero.

    Raises:
        ValueError: a size is below 1.
    """
    if D < 1 or H < 1 or n < 1:
        raise ValueError(f"sizes must be at least 1, got D={D}, H={H}, n={n}")
    scale = 1 / np.sqrt(D) if input_scale is None else input_scale
    columns = (n + 1) * H + n
    W_x = rng.uniform(-scale, scale, (D, columns)).astype(dtype)
    return Params(W_x, np.zeros(columns, dtype))


@names_arguments(p=WEIGHTS)
def units(p, n=N):
    """Returns H, which follows from the number of columns.

    Raises:
        ValueError: no H has so many columns.
    """
    H, rest = divmod(len(p.b) - n, n + 1)
    if H < 1 or rest:
        raise ValueError(f"p.b must be ((n + 1) H + n,), got {p.b.shape} and n = {n}")
    return H


@names_arguments(p=WEIGHTS)
def initial_state(p, *batch, n=N):
    """Returns the state before the first step, (h,): zeros of shape (*batch, H)."""
    return (np.zeros((*batch, units(p, n)), p.b.dtype),)


@names_arguments(p=WEIGHTS)
def directions(p, x, n=N, high=HIGH):
    """Returns lengths and directions of length 1, strengths, and g, for one step or for all.

    Returns:
        length: (..., n, B, 1).
        u: (..., n, B, H).
        beta: (..., n, B, 1).
        g: (..., B, H).
    """
    H = units(p, n)
    k, g, b = np.split(project(x, p.W_x) + p.b, [n * H, (n + 1) * H], axis=-1)
    k = np.stack(np.split(k, n, axis=-1), axis=-3)
    beta = high * sigmoid(np.stack(np.split(b, n, axis=-1), axis=-3))
    length = np.linalg.norm(k, axis=-1, keepdims=True)
    u = k / np.where(length == 0, 1, length)
    return length, u, beta, g


@names_arguments
def reflect(h, u, beta):
    """Returns h (I - β u^T u) for rows h and directions u of length 1, (..., H)."""
    return h - beta * (h * u).sum(axis=-1, keepdims=True) * u


@names_arguments(p=WEIGHTS, h="... H", x_t=vectors_or_ids("...", "D"))
def step(p, x_t, h, n=N, high=HIGH):
    """Returns the state after input x_t; h, (H,) or (B, H), is the state before it."""
    one = np.ndim(h) == 1
    _, u, beta, g = directions(p, x_t[None] if one else x_t, n, high)
    h = h[None] if one else h
    for j in range(n):
        h = reflect(h, u[j], beta[j])
    return (h + g)[0] if one else h + g


@names_arguments(p=WEIGHTS)
def forward(p, x, h0=None, n=N, high=HIGH):
    """Runs the network over a batch of sequences.

    Args:
        p: Params.
        x: (T, B, D) vectors, or (T, B) ids that stand for one-hot vectors.
        h0: (B, H) initial state; zeros if left out.
        n: reflections in a step.
        high: the strengths lie between 0 and this.

    Returns:
        h: (T, B, H), the state after every step.
        cache: what ``backward`` needs.

    Raises:
        ValueError: shapes do not fit together.
    """
    T, B = check_sequence(x, len(p.W_x))
    (h,) = initial_state(p, B, n=n)
    h = h if h0 is None else check_state("h0", h0, *h.shape)
    length, u, beta, g = directions(p, x, n, high)
    before, states = np.empty_like(u), np.empty_like(g)
    for t in range(T):
        for j in range(n):
            before[t, j] = h
            h = reflect(h, u[t, j], beta[t, j])
        states[t] = h = h + g[t]
    return states, Cache(x, length, u, beta, before, states)


@names_arguments(p=WEIGHTS, cache=CACHE, dh="T B H")
def backward(p, cache, dh, high=HIGH):
    """Returns the exact gradient.

    Args:
        p: the Params that forward had.
        cache: the cache that forward returned.
        dh: (T, B, H), the gradient of each step's own loss with respect to h_t.
        high: as in ``forward``.

    Returns:
        dp: Params, gradients summed over time and batch.
        dx: gradient with respect to x; None for integer ids.
        dh0: (B, H), gradient with respect to the initial state.
    """
    x, length, u, beta, before, _ = cache
    T, n, B, H = u.shape
    dg, dafter, dh_next = (
        np.empty_like(dh),
        np.empty_like(u),
        np.zeros((B, H), dh.dtype),
    )
    for t in reversed(range(T)):
        dg[t] = dh_next = dh[t] + dh_next  # h_t = ... + g_t
        for j in reversed(range(n)):
            dafter[t, j] = dh_next
            dh_next = reflect(dh_next, u[t, j], beta[t, j])  # the matrix is symmetric
    along = (before * u).sum(axis=-1, keepdims=True)  # h - β (h u^T) u
    dalong = (dafter * u).sum(axis=-1, keepdims=True)
    dbeta = -along * dalong
    du = -beta * (along * dafter + dalong * before)
    across = du - (du * u).sum(axis=-1, keepdims=True) * u  # u = k / |k|
    dk = np.where(length == 0, 0, across / np.where(length == 0, 1, length))
    da_beta = dbeta * beta * (1 - beta / high)  # β = high sigmoid(a)
    parts = [*dk.swapaxes(0, 1), dg, *da_beta.swapaxes(0, 1)]
    da = np.concatenate(parts, axis=-1)
    dx, dW_x = dproject(x, p.W_x, da)  # a_t = x_t W_x + b
    return Params(dW_x, da.sum(axis=(0, 1))), dx, dh_next
