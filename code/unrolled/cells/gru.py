r"""The gated recurrent unit of Cho et al. (2014), the reset gate before the matrix product.

    z_t = sigmoid(x_t W_xz + h_{t-1} W_hz + b_z)                 update gate  (eq-gru-gates)
    r_t = sigmoid(x_t W_xr + h_{t-1} W_hr + b_r)                 reset gate
    ~h_t = tanh(x_t W_xh + (r_t * h_{t-1}) W_hh + b_h)           candidate    (eq-gru-candidate)
    h_t = z_t * h_{t-1} + (1 - z_t) * ~h_t                       state        (eq-gru-state)

The three blocks z, r, h of a weight lie side by side in one array, in this order. T time, B batch,
D input, H hidden; rows are examples. Another gate function can be passed with its backward.
"""

from typing import Any, NamedTuple

import numpy as np

from unrolled.arguments import fields, names_arguments, parts, vectors_or_ids
from unrolled.functional import (
    check_sequence,
    check_state,
    dproject,
    dsigmoid,
    dtanh,
    project,
    sigmoid,
)

Array = Any


class Params(NamedTuple):
    """Weights; gradients are a Params too."""

    W_x: Array  # (D, 3H), blocks z, r, h
    W_h: Array  # (H, 3H)
    b: Array  # (3H,)


class Cache(NamedTuple):
    """What backward needs from forward, and what figures draw."""

    x: Array  # (T, B, D), or (T, B) ids
    h_previous: Array  # (T, B, H): the state before each step
    z: Array  # (T, B, H): the gates and the candidate of each step
    r: Array
    candidate: Array
    h: Array  # (T, B, H): the state after each step


WEIGHTS = fields(Params, W_x="D 3H", W_h="H 3H", b="3H")
# forward has looked at x, and dproject looks again
CACHE = fields(
    Cache,
    x=vectors_or_ids("T B", "X"),
    h_previous="T B H",
    z="T B H",
    r="T B H",
    candidate="T B H",
    h="T B H",
)


@names_arguments
def init(rng, D, H, dtype=np.float64, input_scale=None):
    """Returns random Params: W_x uniform, each block of W_h orthogonal, b zero.

    Args:
        rng: a ``numpy.random.Generator``.
        D: entries of an input vector, or number of ids.
        H: hidden units.
        dtype: floating-point type of the weights.
        input_scale: W_x lies within ± this; 1/√D if left out.

    Raises:
        ValueError: a size is below 1.
    """
    if D < 1 or H < 1:
        raise ValueError(f"sizes must be at least 1, got D={D}, H={H}")
    scale = 1 / np.sqrt(D) if input_scale is None else input_scale
    W_x = rng.uniform(-scale, scale, (D, 3 * H)).astype(dtype)
    W_h = np.concatenate(
        [np.linalg.qr(rng.standard_normal((H, H)))[0] for _ in range(3)], axis=1
    )
    return Params(W_x, W_h.astype(dtype), np.zeros(3 * H, dtype))


@names_arguments(p=parts(W_h="H 3H", b="... 3H"))
def initial_state(p, *batch):
    """Returns the state before the first step, (h,): zeros of shape (*batch, H)."""
    return (np.zeros((*batch, len(p.W_h)), p.W_h.dtype),)


@names_arguments(p=WEIGHTS, h="... H", x_t=vectors_or_ids("...", "D"))
def step(p, x_t, h, gate=sigmoid):
    """Returns the state after input x_t; h, (H,) or (B, H), is the state before it."""
    H = h.shape[-1]
    a = project(x_t, p.W_x) + p.b
    z, r = np.split(gate(a[..., : 2 * H] + h @ p.W_h[:, : 2 * H]), 2, axis=-1)
    candidate = np.tanh(a[..., 2 * H :] + (r * h) @ p.W_h[:, 2 * H :])
    return z * h + (1 - z) * candidate


@names_arguments(p=WEIGHTS)
def forward(p, x, h0=None, gate=sigmoid):
    """Runs the network over a batch of sequences.

    Args:
        p: Params.
        x: (T, B, D) vectors, or (T, B) ids that stand for one-hot vectors.
        h0: (B, H) initial state; zeros if left out.
        gate: the function of the two gates.

    Returns:
        h: (T, B, H), the state after every step.
        cache: what ``backward`` needs.

    Raises:
        ValueError: shapes do not fit together.
    """
    T, B = check_sequence(x, len(p.W_x))
    H = len(p.W_h)
    W_hzr, W_hh = p.W_h[:, : 2 * H], p.W_h[:, 2 * H :]
    a = project(x, p.W_x)  # needs no state: all T steps at once
    a += p.b
    h = np.empty((T + 1, B, H), a.dtype)
    h[0] = 0 if h0 is None else check_state("h0", h0, B, H)
    z, r, candidate = np.split(a, 3, axis=-1)  # views: gates replace sums
    for t in range(T):
        a[t, :, : 2 * H] = gate(a[t, :, : 2 * H] + h[t] @ W_hzr)  # z and r
        candidate[t] += (r[t] * h[t]) @ W_hh
        np.tanh(candidate[t], out=candidate[t])
        h[t + 1] = z[t] * h[t] + (1 - z[t]) * candidate[t]
    return h[1:], Cache(x, h[:-1], z, r, candidate, h[1:])


@names_arguments(p=WEIGHTS, cache=CACHE, dh="T B H")
def backward(p, cache, dh, dgate=dsigmoid):
    """Full backpropagation through time: the exact gradient, through every step.

    Args:
        p: the Params that forward had.
        cache: the cache that forward returned.
        dh: (T, B, H), the gradient of each step's own loss with respect to h_t.
        dgate: the backward of forward's gate, given the value.

    Returns:
        dp: Params, gradients summed over time and batch.
        dx: gradient with respect to x; None for integer ids.
        dh0: (B, H), gradient with respect to the initial state.
    """
    x, h_previous, z, r, candidate, _ = cache
    T, B, H = dh.shape
    W_hzr, W_hh = p.W_h[:, : 2 * H], p.W_h[:, 2 * H :]
    da = np.empty((T, B, 3 * H), dh.dtype)
    da_z, da_r, da_candidate = np.split(da, 3, axis=-1)  # views
    dh_next = np.zeros((B, H), dh.dtype)
    for t in reversed(range(T)):
        dh_t = dh[t] + dh_next  # two paths leave h_t
        da_candidate[t] = dtanh(candidate[t], dh_t * (1 - z[t]))  # + (1 - z_t) ~h_t
        da_z[t] = dgate(z[t], dh_t * (h_previous[t] - candidate[t]))  # z_t is in both
        dreset = da_candidate[t] @ W_hh.T  # ~h_t = tanh(... + (r_t h_{t-1}) W_hh)
        da_r[t] = dgate(r[t], dreset * h_previous[t])
        dh_next = dh_t * z[t] + dreset * r[t]  # h_{t-1} enters these two ...
        dh_next += da[t, :, : 2 * H] @ W_hzr.T  # ... and both gates
    dx, dW_x = dproject(x, p.W_x, da)  # a_t = x_t W_x + ...
    dW_h = np.empty_like(p.W_h)
    dW_h[:, : 2 * H] = h_previous.reshape(-1, H).T @ da[..., : 2 * H].reshape(-1, 2 * H)
    dW_h[:, 2 * H :] = (r * h_previous).reshape(-1, H).T @ da_candidate.reshape(-1, H)
    return Params(dW_x, dW_h, da.sum(axis=(0, 1))), dx, dh_next
