r"""The LSTM whose gates also read the cell state, through peepholes (Gers & Schmidhuber, 2000).

    i_t = sigmoid(x_t W_xi + h_{t-1} W_hi + w_i * c_{t-1} + b_i)             (eq-peephole-gates)
    f_t = sigmoid(x_t W_xf + h_{t-1} W_hf + w_f * c_{t-1} + b_f)
    g_t = tanh(x_t W_xg + h_{t-1} W_hg + b_g)
    c_t = f_t * c_{t-1} + i_t * g_t
    o_t = sigmoid(x_t W_xo + h_{t-1} W_ho + w_o * c_t + b_o)                 (eq-peephole-output)
    h_t = o_t * tanh(c_t)

The gates of a unit read the cell state of that unit only, so the weights of a peephole form a
vector, not a matrix. The output gate is computed last and reads the new cell state. T time, B
batch, D input, H hidden.
"""

from typing import Any, NamedTuple

import numpy as np

from unrolled.cells import lstm
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
Cache = lstm.Cache
initial_state = lstm.initial_state


class Params(NamedTuple):
    """Weights; gradients are a Params too."""

    W_x: Array  # (D, 4H), blocks i, f, g, o
    W_h: Array  # (H, 4H)
    w_c: Array  # (3, H): the peepholes of i, f, o
    b: Array  # (4H,)


def init(rng, D, H, dtype=np.float64, input_scale=None, forget_bias=1.0):
    """Returns random Params: those of ``lstm.init``, peepholes within ± 1/√H."""
    W_x, W_h, b = lstm.init(rng, D, H, dtype, input_scale, forget_bias)
    w_c = rng.uniform(-1 / np.sqrt(H), 1 / np.sqrt(H), (3, H)).astype(dtype)
    return Params(W_x, W_h, w_c, b)


def step(p, x_t, h, c):
    """Returns the states (h, c) after input x_t; all are (H,) or (B, H)."""
    i, f, g, o = np.split(project(x_t, p.W_x) + h @ p.W_h + p.b, 4, axis=-1)
    w_i, w_f, w_o = p.w_c
    c_new = sigmoid(f + w_f * c) * c + sigmoid(i + w_i * c) * np.tanh(g)
    h = sigmoid(o + w_o * c_new) * np.tanh(c_new)
    return h, c_new


def forward(p, x, h0=None, c0=None):
    """Runs the network over sequences; arguments and results as in ``lstm.forward``."""
    if (h0 is None) != (c0 is None):
        raise ValueError("an LSTM has two states: give h0 and c0, or neither")
    T, B = check_sequence(x, len(p.W_x))
    H = len(p.W_h)
    w_i, w_f, w_o = p.w_c
    a = project(x, p.W_x) + p.b
    h, c = np.empty((T + 1, B, H), a.dtype), np.empty((T + 1, B, H), a.dtype)
    h[0] = 0 if h0 is None else check_state("h0", h0, B, H)
    c[0] = 0 if c0 is None else check_state("c0", c0, B, H)
    tanh_c = np.empty((T, B, H), a.dtype)
    i, f, g, o = np.split(a, 4, axis=-1)  # views: gates replace sums
    for t in range(T):
        a[t] += h[t] @ p.W_h
        i[t] = sigmoid(i[t] + w_i * c[t])
        f[t] = sigmoid(f[t] + w_f * c[t])
        g[t] = np.tanh(g[t])
        c[t + 1] = f[t] * c[t] + i[t] * g[t]
        o[t] = sigmoid(o[t] + w_o * c[t + 1])
        tanh_c[t] = np.tanh(c[t + 1])
        h[t + 1] = o[t] * tanh_c[t]
    return h[1:], Cache(x, h[:-1], c[:-1], i, f, g, o, tanh_c, h[1:], c[1:])


def backward(p, cache, dh, dc=None):
    """Full backpropagation through time; see ``lstm.backward``."""
    x, h_previous, c_previous, i, f, g, o, tanh_c, _, c = cache
    T, B, H = dh.shape
    w_i, w_f, w_o = p.w_c
    da = np.empty((T, B, 4 * H), dh.dtype)
    da_i, da_f, da_g, da_o = np.split(da, 4, axis=-1)  # views
    dh_next = np.zeros((B, H), dh.dtype)
    dc_next = np.zeros((B, H), dh.dtype)
    for t in reversed(range(T)):
        dh_t = dh[t] + dh_next  # two paths leave h_t
        da_o[t] = dsigmoid(o[t], dh_t * tanh_c[t])  # h_t = o_t tanh(c_t)
        dc_t = dc_next + dtanh(tanh_c[t], dh_t * o[t])  # h_t = o_t tanh(c_t)
        dc_t += da_o[t] * w_o  # a_o = ... + w_o c_t
        if dc is not None:
            dc_t += dc[t]
        da_i[t] = dsigmoid(i[t], dc_t * g[t])  # c_t = ... + i_t g_t
        da_g[t] = dtanh(g[t], dc_t * i[t])
        da_f[t] = dsigmoid(f[t], dc_t * c_previous[t])  # c_t = f_t c_{t-1} + ...
        dc_next = dc_t * f[t] + da_i[t] * w_i + da_f[t] * w_f  # a_i = ... + w_i c_{t-1}
        dh_next = da[t] @ p.W_h.T  # a_t = ... + h_{t-1} W_h
    dx, dW_x = dproject(x, p.W_x, da)
    dW_h = h_previous.reshape(-1, H).T @ da.reshape(-1, 4 * H)
    seen = (da_i, c_previous), (da_f, c_previous), (da_o, c)
    dw_c = np.stack([(da_gate * c_seen).sum(axis=(0, 1)) for da_gate, c_seen in seen])
    return Params(dW_x, dW_h, dw_c, da.sum(axis=(0, 1))), dx, dh_next, dc_next
