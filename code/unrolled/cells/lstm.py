r"""The long short-term memory of Hochreiter & Schmidhuber (1997), with forget gates (Gers, 2000).

    i_t = sigmoid(x_t W_xi + h_{t-1} W_hi + b_i)        input gate           (eq-lstm-gates)
    f_t = sigmoid(x_t W_xf + h_{t-1} W_hf + b_f)        forget gate
    g_t = tanh(x_t W_xg + h_{t-1} W_hg + b_g)           candidate
    o_t = sigmoid(x_t W_xo + h_{t-1} W_ho + b_o)        output gate
    c_t = f_t * c_{t-1} + i_t * g_t                     cell state           (eq-lstm-cell)
    h_t = o_t * tanh(c_t)                               hidden state         (eq-lstm-state)

The four blocks i, f, g, o of a weight lie side by side in one array, in this order, so that one
matrix product serves them all. T time, B batch, D input, H hidden; rows are examples. Another
gate function can be passed with its backward: ``hard_sigmoid``.
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

    W_x: Array  # (D, 4H), blocks i, f, g, o
    W_h: Array  # (H, 4H)
    b: Array  # (4H,)


class Cache(NamedTuple):
    """What backward needs from forward, and what figures draw."""

    x: Array  # (T, B, D), or (T, B) ids
    h_previous: Array  # (T, B, H): the states before each step
    c_previous: Array  # (T, B, H)
    i: Array  # (T, B, H): the gates and the candidate of each step
    f: Array
    g: Array
    o: Array
    tanh_c: Array  # (T, B, H): tanh of the cell state after each step
    h: Array  # (T, B, H): the states after each step
    c: Array  # (T, B, H)


WEIGHTS = fields(Params, W_x="D 4H", W_h="H 4H", b="4H")
# forward has looked at x, and dproject looks again
CACHE = fields(
    Cache,
    x=vectors_or_ids("T B", "X"),
    h_previous="T B H",
    c_previous="T B H",
    i="T B H",
    f="T B H",
    g="T B H",
    o="T B H",
    tanh_c="T B H",
    h="T B H",
    c="T B H",
)


@names_arguments
def init(rng, D, H, dtype=np.float64, input_scale=None, forget_bias=1.0):
    """Returns random Params: W_x uniform, blocks of W_h orthogonal, b mostly 0.

    With a forget bias of 1, f is about 0.73 at the start. The cell is then kept for
    a few steps before the network has learnt to keep it (Gers, Schmidhuber & Cummins,
    2000; Jozefowicz, Zaremba & Sutskever, 2015).

    Args:
        rng: a ``numpy.random.Generator``.
        D: entries of an input vector, or number of ids.
        H: hidden units.
        dtype: floating-point type of the weights.
        input_scale: W_x lies within ± this; 1/√D if left out.
        forget_bias: the forget gate's part of b.

    Raises:
        ValueError: a size is below 1.
    """
    if D < 1 or H < 1:
        raise ValueError(f"sizes must be at least 1, got D={D}, H={H}")
    scale = 1 / np.sqrt(D) if input_scale is None else input_scale
    W_x = rng.uniform(-scale, scale, (D, 4 * H)).astype(dtype)
    W_h = np.concatenate(
        [np.linalg.qr(rng.standard_normal((H, H)))[0] for _ in range(4)], axis=1
    )
    b = np.zeros(4 * H, dtype)
    b[H : 2 * H] = forget_bias
    return Params(W_x, W_h.astype(dtype), b)


@names_arguments(p=parts(W_h="H N", b="N"))
def initial_state(p, *batch):
    """Returns the state before the first step, (h, c): zeros of shape (*batch, H)."""
    zeros = np.zeros((*batch, len(p.W_h)), p.W_h.dtype)
    return zeros, zeros


@names_arguments(p=WEIGHTS, h="... H", c="... H", x_t=vectors_or_ids("...", "D"))
def step(p, x_t, h, c, gate=sigmoid):
    """Returns the states (h, c) after input x_t; all are (H,) or (B, H)."""
    i, f, g, o = np.split(project(x_t, p.W_x) + h @ p.W_h + p.b, 4, axis=-1)
    c = gate(f) * c + gate(i) * np.tanh(g)
    h = gate(o) * np.tanh(c)
    return h, c


@names_arguments(p=WEIGHTS)
def forward(p, x, h0=None, c0=None, gate=sigmoid):
    """Runs the network over a batch of sequences.

    Args:
        p: Params.
        x: (T, B, D) vectors, or (T, B) ids that stand for one-hot vectors.
        h0: (B, H) initial hidden state; zeros if left out.
        c0: (B, H) initial cell state; zeros if left out.
        gate: the function of the three gates.

    Returns:
        h: (T, B, H), the hidden state after every step.
        cache: what ``backward`` needs.

    Raises:
        ValueError: shapes do not fit together, or one of the two states is missing.
    """
    if (h0 is None) != (c0 is None):
        raise ValueError("an LSTM has two states: give h0 and c0, or neither")
    T, B = check_sequence(x, len(p.W_x))
    H = len(p.W_h)
    a = project(x, p.W_x)  # needs no state: all T steps at once
    a += p.b
    h, c = np.empty((T + 1, B, H), a.dtype), np.empty((T + 1, B, H), a.dtype)
    h[0] = 0 if h0 is None else check_state("h0", h0, B, H)
    c[0] = 0 if c0 is None else check_state("c0", c0, B, H)
    tanh_c = np.empty((T, B, H), a.dtype)
    i, f, g, o = np.split(a, 4, axis=-1)  # views: gates replace sums
    for t in range(T):
        a[t] += h[t] @ p.W_h
        a[t, :, : 2 * H] = gate(a[t, :, : 2 * H])  # i and f
        np.tanh(g[t], out=g[t])
        o[t] = gate(o[t])
        c[t + 1] = f[t] * c[t] + i[t] * g[t]
        np.tanh(c[t + 1], out=tanh_c[t])
        np.multiply(o[t], tanh_c[t], out=h[t + 1])
    return h[1:], Cache(x, h[:-1], c[:-1], i, f, g, o, tanh_c, h[1:], c[1:])


@names_arguments(p=WEIGHTS, cache=CACHE, dh="T B H", dc="T B H")
def backward(p, cache, dh, dc=None, dgate=dsigmoid):
    """Full backpropagation through time: the exact gradient, through every step.

    Args:
        p: the Params that forward had.
        cache: the cache that forward returned.
        dh: (T, B, H), the gradient of each step's own loss with respect to h_t.
        dc: (T, B, H), the same for c_t, if the loss reads cell states; else None.
        dgate: the backward of forward's gate, given the value.

    Returns:
        dp: Params, gradients summed over time and batch.
        dx: gradient with respect to x; None for integer ids.
        dh0: (B, H), gradient with respect to the initial hidden state.
        dc0: (B, H), gradient with respect to the initial cell state.
    """
    x, h_previous, c_previous, i, f, g, o, tanh_c, *_ = cache
    T, B, H = dh.shape
    da = np.empty((T, B, 4 * H), dh.dtype)
    da_i, da_f, da_g, da_o = np.split(da, 4, axis=-1)  # views
    dh_next = np.zeros((B, H), dh.dtype)
    dc_next = np.zeros((B, H), dh.dtype)
    for t in reversed(range(T)):
        dh_t = dh[t] + dh_next  # two paths leave h_t
        dc_t = dc_next + dtanh(tanh_c[t], dh_t * o[t])  # h_t = o_t tanh(c_t)
        if dc is not None:
            dc_t += dc[t]
        da_o[t] = dgate(o[t], dh_t * tanh_c[t])  # h_t = o_t tanh(c_t)
        da_i[t] = dgate(i[t], dc_t * g[t])  # c_t = ... + i_t g_t
        da_g[t] = dtanh(g[t], dc_t * i[t])
        da_f[t] = dgate(f[t], dc_t * c_previous[t])  # c_t = f_t c_{t-1} + ...
        dc_next = dc_t * f[t]
        dh_next = da[t] @ p.W_h.T  # a_t = ... + h_{t-1} W_h
    dx, dW_x = dproject(x, p.W_x, da)  # a_t = x_t W_x + ...
    dW_h = h_previous.reshape(-1, H).T @ da.reshape(-1, 4 * H)
    return Params(dW_x, dW_h, da.sum(axis=(0, 1))), dx, dh_next, dc_next
