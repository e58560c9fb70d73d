r"""The matrix LSTM, mLSTM, of the xLSTM (Beck et al., 2024), with one head.

    q_t = x_t W_q + b_q                                     query         (eq-mlstm-inputs)
    k_t = (x_t W_k + b_k) / sqrt(H)                         key
    v_t = x_t W_v + b_v                                     value
    i_t = exp(x_t w_i + b_i)                                input gate    (eq-mlstm-gates)
    f_t = sigmoid(x_t w_f + b_f)                            forget gate
    o_t = sigmoid(x_t W_o + b_o)                            output gate
    C_t = f_t C_{t-1} + i_t k_t^T v_t                       memory        (eq-mlstm-state)
    n_t = f_t n_{t-1} + i_t k_t                             normaliser
    h_t = o_t * q_t C_t / max(|q_t n_t^T|, 1)               output        (eq-mlstm-output)

The input gate and the forget gate are one number each. The input gate has no upper bound, and i_t
overflows where its exponent is large. So C_t and n_t are stored divided by exp(m_t), and both
gates are rescaled (eq-mlstm-stabiliser):

    m_t = max(log f_t + m_{t-1}, log i_t)
    f'_t = exp(log f_t + m_{t-1} - m_t),   i'_t = exp(log i_t - m_t)

Both exponents are at most 0. The quotient in h_t stays the same if its 1 is divided by exp(m_t),
too. In the code, n_t is the last column of S_t, beside C_t: it is what is stored for a value of 1.

The output h of a step is its first state, as in every cell of this book, but no step reads it.
The blocks q, k, v, o, i, f of a weight lie side by side. T time, B batch, D input, H hidden; rows
are examples.
"""

from typing import Any, NamedTuple

import numpy as np

from unrolled.arguments import fields, names_arguments, parts, vectors_or_ids
from unrolled.functional import (
    check_sequence,
    check_state,
    dproject,
    dsigmoid,
    log_sigmoid,
    project,
    sigmoid,
)
from unrolled.layers import matrix_states
from unrolled.layers import scan as scans

Array = Any
LARGEST_EXPONENT = 80  # of a number that single precision can hold


class Params(NamedTuple):
    """Weights; gradients are a Params too."""

    W_x: Array  # (D, 4H + 2), blocks q, k, v, o, i, f
    b: Array  # (4H + 2,)


class Cache(NamedTuple):
    """What backward needs from forward, and what figures draw."""

    x: Array  # (T, B, D), or (T, B) ids
    S0: Array  # (B, H, H+1): the state before the first step
    q: Array  # (T, B, H)
    k: Array  # (T, B, H)
    v: Array  # (T, B, H+1): the values, and a 1
    o: Array  # (T, B, H)
    log_f: Array  # (T, B, 1)
    i: Array  # (T, B, 1): the gates, rescaled
    f: Array  # (T, B, 1)
    m: Array  # (T, B, 1): the stabiliser after each step
    S: Array  # (T, B, H, H+1): the memory and the normaliser after each step
    read: Array  # (T, B, H+1): q S
    h: Array  # (T, B, H): the output of each step


WEIGHTS = fields(Params, W_x="D 4H+2", b="4H+2")
# forward has looked at x, and dproject looks again
CACHE = fields(
    Cache,
    x=vectors_or_ids("T B", "X"),
    S0="B H H+1",
    q="T B H",
    k="T B H",
    v="T B H+1",
    o="T B H",
    log_f="T B 1",
    i="T B 1",
    f="T B 1",
    m="T B 1",
    S="T B H H+1",
    read="T B H+1",
    h="T B H",
)


@names_arguments
def init(rng, D, H, dtype=np.float64, input_scale=None, forget_bias=3.0):
    """Returns random Params: W_x uniform within ± input_scale (1/√D if left out), b mostly 0.

    Args:
        rng: a ``numpy.random.Generator``.
        D: entries of an input vector, or number of ids.
        H: hidden units.
        dtype: floating-point type of the weights.
        input_scale: the range of W_x.
        forget_bias: the forget gate's part of b; with 3, f is about 0.95 at the start.

    Raises:
        ValueError: a size is below 1.
    """
    if D < 1 or H < 1:
        raise ValueError(f"sizes must be at least 1, got D={D}, H={H}")
    scale = 1 / np.sqrt(D) if input_scale is None else input_scale
    b = np.zeros(4 * H + 2, dtype)
    b[-1] = forget_bias
    return Params(rng.uniform(-scale, scale, (D, len(b))).astype(dtype), b)


@names_arguments(p=parts(W_x="D 4H+2", b="4H+2"))
def initial_state(p, *batch):
    """Returns zeros: h (*batch, H), S (*batch, H, H+1) and m (*batch, 1)."""
    H = (len(p.b) - 2) // 4
    zeros = np.zeros((*batch, H, H + 1), p.b.dtype)
    return zeros[..., 0], zeros, zeros[..., 0, :1]


@names_arguments(p=WEIGHTS, x=vectors_or_ids("...", "D"))
def inputs(p, x):
    """Returns q, k, [v, 1], o, log i and log f, for one step or for all."""
    H = (len(p.b) - 2) // 4
    blocks = [H, 2 * H, 3 * H, 4 * H, 4 * H + 1]
    a = project(x, p.W_x) + p.b
    q, k, v, a_o, log_i, a_f = np.split(a, blocks, axis=-1)
    v = np.concatenate([v, np.ones_like(v[..., :1])], axis=-1)
    return q, k / np.sqrt(H).astype(k.dtype), v, sigmoid(a_o), log_i, log_sigmoid(a_f)


@names_arguments(read="... F", m="... 1")
def quotient(read, m):
    """Returns (q C / bound, bound), given read = [q C, q n^T] and m."""
    smallest = np.exp(np.minimum(-m, LARGEST_EXPONENT))  # 1, divided by exp(m)
    bound = np.maximum(abs(read[..., -1:]), smallest)
    return read[..., :-1] / bound, bound


@names_arguments(
    p=WEIGHTS,
    h="... H",
    S="... H H+1",
    m="... 1",
    x_t=vectors_or_ids("...", "D"),
)
def step(p, x_t, h, S, m):
    """Returns (h, S, m) after x_t, given S, (B, H, H+1), and m, (B, 1), before it."""
    q, k, v, o, log_i, log_f = inputs(p, x_t)
    m_before, m = m, np.maximum(log_f + m, log_i)
    f, i = np.exp(log_f + m_before - m), np.exp(log_i - m)
    S = f[..., None] * S + (i * k)[..., :, None] * v[..., None, :]
    return o * quotient((q[..., None, :] @ S)[..., 0, :], m)[0], S, m


@names_arguments(log_i="T B 1", log_f="T B 1", m0="B 1")
def stabilisers(log_i, log_f, m0):
    """Returns m_0, m_1, ..., m_T, (T+1, B, 1), by a scan with max instead of a sum."""
    total = np.cumsum(log_f, axis=0)
    above_total = np.concatenate([m0[None], log_i - total])
    m = np.maximum.accumulate(above_total, axis=0)
    m[1:] += total
    return m


@names_arguments(p=WEIGHTS, S0="B H H+1", m0="B 1")
def forward(p, x, h0=None, S0=None, m0=None, scan=scans.sequential):
    """Runs the network over a batch of sequences.

    Args:
        p: Params.
        x: (T, B, D) vectors, or (T, B) ids that stand for one-hot vectors.
        h0: (B, H), the output before the first step, which is not read.
        S0: (B, H, H+1) initial memory and normaliser, divided by exp(m0); zeros if left out.
        m0: (B, 1) initial stabiliser; zeros if left out.
        scan: the function of ``layers.scan`` that computes the recurrence.

    Returns:
        h: (T, B, H), the output of every step.
        cache: what ``backward`` needs.

    Raises:
        ValueError: shapes do not fit together, or only one of S0 and m0 is given.
    """
    if (S0 is None) != (m0 is None):
        raise ValueError("an mLSTM's memory has a scale: give S0 and m0, or neither")
    _, B = check_sequence(x, len(p.W_x))
    if h0 is not None:
        check_state("h0", h0, B, (len(p.b) - 2) // 4)
    if S0 is None:
        _, S0, m0 = initial_state(p, B)
    q, k, v, o, log_i, log_f = inputs(p, x)
    m = stabilisers(log_i, log_f, m0)
    f, i = np.exp(log_f + m[:-1] - m[1:]), np.exp(log_i - m[1:])
    read, S = matrix_states.recurrent(q, i * k, v, f, S0, scan)
    h = o * quotient(read, m[1:])[0]
    return h, Cache(x, S0, q, k, v, o, log_f, i, f, m[1:], S, read, h)


@names_arguments(p=WEIGHTS, cache=CACHE, dh="T B H")
def backward(p, cache, dh, scan=scans.sequential):
    """Returns the exact gradient, by a scan from the last step to the first.

    The stabiliser changes no output, so m_1, ..., m_T count as constants. Only m_0 has a gradient,
    because the memory before the first step is S_0 exp(m_0).

    Args:
        p: the Params that forward had.
        cache: the cache that forward returned.
        dh: (T, B, H), the gradient of each step's own loss with respect to h_t.
        scan: as in ``forward``.

    Returns:
        dp: Params, gradients summed over time and batch.
        dx: gradient with respect to x; None for integer ids.
        dh0: (B, H), zeros, because no step reads the output before it.
        dS0: (B, H, H+1), gradient with respect to the initial memory and normaliser.
        dm0: (B, 1), gradient with respect to the initial stabiliser.
    """
    x, S0, q, k, v, o, log_f, i, f, m, S, read, _ = cache
    content, bound = quotient(read, m)
    dcontent = dh * o  # h_t = o_t content_t
    dbound = -(dcontent * content).sum(axis=-1, keepdims=True) / bound
    total = read[..., -1:]
    dtotal = dbound * np.sign(total) * (abs(total) == bound)  # the larger of the two
    dread = np.concatenate([dcontent / bound, dtotal], axis=-1)
    dq, dik, dv, df, dS0 = matrix_states.backward(q, i * k, v, f, S, dread, S0, scan)
    dlog_i = i * (dik * k).sum(axis=-1, keepdims=True)  # i_t = exp(log i_t - m_t)
    dlog_f = f * df
    da_k = dik * i / np.sqrt(k.shape[-1]).astype(k.dtype)
    da_f = dlog_f * -np.expm1(log_f)  # the slope of log sigmoid(a) is 1 - sigmoid(a)
    da_o = dsigmoid(o, dh * content)
    da = np.concatenate([dq, da_k, dv[..., :-1], da_o, dlog_i, da_f], axis=-1)
    dx, dW_x = dproject(x, p.W_x, da)  # a_t = x_t W_x + b
    dm0 = (dS0 * S0).sum(axis=(-2, -1))[..., None]
    dh0 = np.zeros_like(dh, shape=dh.shape[1:])
    return Params(dW_x, da.sum(axis=(0, 1))), dx, dh0, dS0, dm0
