r"""The gated recurrent unit with the reset gate after the matrix product, as in cuDNN and Keras.

    z_t = sigmoid(x_t W_xz + b_xz + h_{t-1} W_hz + b_hz)         update gate
    r_t = sigmoid(x_t W_xr + b_xr + h_{t-1} W_hr + b_hr)         reset gate
    ~h_t = tanh(x_t W_xh + b_xh + r_t * (h_{t-1} W_hh + b_hh))   candidate    (eq-gru-reset-after)
    h_t = z_t * h_{t-1} + (1 - z_t) * ~h_t                       state

Gates and candidate share one product h_{t-1} W_h, whereas ``gru`` needs r_t before it can compute
the product of the candidate. The bias of the candidate's product is itself reset, so the biases of
the two products are kept apart; ``b`` has two rows, as Keras's has. T time, B batch, D input, H
hidden.
"""

from typing import Any, NamedTuple

import numpy as np

from unrolled.cells import gru
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
initial_state = gru.initial_state


class Params(NamedTuple):
    """Weights; gradients are a Params too."""

    W_x: Array  # (D, 3H), blocks z, r, h
    W_h: Array  # (H, 3H)
    b: Array  # (2, 3H): the bias of x_t W_x, the bias of h_{t-1} W_h


class Cache(NamedTuple):
    """What backward needs from forward, and what figures draw."""

    x: Array  # (T, B, D), or (T, B) ids
    h_previous: Array  # (T, B, H): the state before each step
    z: Array  # (T, B, H): the gates and the candidate of each step
    r: Array
    candidate: Array
    a_hh: Array  # (T, B, H): h_{t-1} W_hh + b_hh, what the reset gate multiplies
    h: Array  # (T, B, H): the state after each step


def init(rng, D, H, dtype=np.float64, input_scale=None):
    """Returns random Params, those of ``gru.init`` with a second row of zeros in b."""
    W_x, W_h, b = gru.init(rng, D, H, dtype, input_scale)
    return Params(W_x, W_h, np.stack([b, b]))


def step(p, x_t, h, gate=sigmoid):
    """Returns the state after input x_t; h, (H,) or (B, H), is the state before it."""
    a_x = np.split(project(x_t, p.W_x) + p.b[0], 3, axis=-1)
    a_h = np.split(h @ p.W_h + p.b[1], 3, axis=-1)
    z, r = gate(a_x[0] + a_h[0]), gate(a_x[1] + a_h[1])
    candidate = np.tanh(a_x[2] + r * a_h[2])
    return z * h + (1 - z) * candidate


def forward(p, x, h0=None, gate=sigmoid):
    """Runs the network over sequences; arguments and results as in ``gru.forward``."""
    T, B = check_sequence(x, len(p.W_x))
    H = len(p.W_h)
    a = project(x, p.W_x)
    a += p.b[0]
    h = np.empty((T + 1, B, H), a.dtype)
    h[0] = 0 if h0 is None else check_state("h0", h0, B, H)
    a_hh = np.empty((T, B, H), a.dtype)
    z, r, candidate = np.split(a, 3, axis=-1)  # views: gates replace sums
    for t in range(T):
        a_h = h[t] @ p.W_h + p.b[1]
        a[t, :, : 2 * H] = gate(a[t, :, : 2 * H] + a_h[:, : 2 * H])  # z and r
        a_hh[t] = a_h[:, 2 * H :]
        candidate[t] += r[t] * a_hh[t]
        np.tanh(candidate[t], out=candidate[t])
        h[t + 1] = z[t] * h[t] + (1 - z[t]) * candidate[t]
    return h[1:], Cache(x, h[:-1], z, r, candidate, a_hh, h[1:])


def backward(p, cache, dh, dgate=dsigmoid):
    """Full backpropagation through time; see ``gru.backward``."""
    x, h_previous, z, r, candidate, a_hh, _ = cache
    T, B, H = dh.shape
    da = np.empty((T, B, 3 * H), dh.dtype)
    da_h = np.empty((T, B, 3 * H), dh.dtype)
    da_z, da_r, da_candidate = np.split(da, 3, axis=-1)  # views
    dh_next = np.zeros((B, H), dh.dtype)
    for t in reversed(range(T)):
        dh_t = dh[t] + dh_next  # two paths leave h_t
        da_candidate[t] = dtanh(candidate[t], dh_t * (1 - z[t]))  # + (1 - z_t) ~h_t
        da_z[t] = dgate(z[t], dh_t * (h_previous[t] - candidate[t]))  # z_t is in both
        da_r[t] = dgate(r[t], da_candidate[t] * a_hh[t])  # a_x + r_t a_hh
        da_h[t, :, : 2 * H] = da[t, :, : 2 * H]  # sums of both products
        da_h[t, :, 2 * H :] = da_candidate[t] * r[t]  # ~h_t = tanh(a_x + r_t a_hh)
        dh_next = dh_t * z[t] + da_h[t] @ p.W_h.T  # a_h = h_{t-1} W_h + b_h
    dx, dW_x = dproject(x, p.W_x, da)  # a_x = x_t W_x + b_x
    dW_h = h_previous.reshape(-1, H).T @ da_h.reshape(-1, 3 * H)
    db = np.stack([da.sum(axis=(0, 1)), da_h.sum(axis=(0, 1))])
    return Params(dW_x, dW_h, db), dx, dh_next
