r"""The simple recurrent network of Elman (1990), with tanh units.

    h_t = tanh(x_t W_x + h_{t-1} W_h + b)                              (eq-rnn-step)

Another nonlinearity f can be passed, with its backward df: ``relu``, ``sigmoid``.
T time, B batch, D input, H hidden; rows are examples. Every function works in the precision of
its arguments: float64 for checks, float32 for training.
"""

from typing import Any, NamedTuple

import numpy as np

from unrolled.arguments import fields, names_arguments, parts, vectors_or_ids
from unrolled.functional import (
    check_sequence,
    check_state,
    dproject,
    dtanh,
    project,
)

Array = Any


class Params(NamedTuple):
    """Weights; gradients are a Params too."""

    W_x: Array  # (D, H)
    W_h: Array  # (H, H)
    b: Array  # (H,)


class Cache(NamedTuple):
    """What backward needs from forward."""

    x: Array  # (T, B, D), or (T, B) ids
    h_previous: Array  # (T, B, H): the state before each step
    h: Array  # (T, B, H): the state after each step


WEIGHTS = fields(Params, W_x="D H", W_h="H H", b="H")
# forward has looked at x, and dproject looks again
CACHE = fields(Cache, x=vectors_or_ids("T B", "X"), h_previous="T B H", h="T B H")


@names_arguments
def init(rng, D, H, dtype=np.float64, input_scale=None):
    """Returns random Params: W_x uniform, W_h orthogonal, b zero.

    An orthogonal W_h neither stretches nor shrinks a state, so that at the start of training
    only tanh does (Saxe, McClelland & Ganguli, 2014).

    Args:
        rng: a ``numpy.random.Generator``.
        D: entries of an input vector, or number of ids.
        H: hidden units.
        dtype: floating-point type of the weights.
        input_scale: W_x lies within ± this; 1/√D if left out. If the inputs have
            variance 1, the variance of x W_x is then 1/3.

    Raises:
        ValueError: a size is below 1.
    """
    if D < 1 or H < 1:
        raise ValueError(f"sizes must be at least 1, got D={D}, H={H}")
    scale = 1 / np.sqrt(D) if input_scale is None else input_scale
    Q, R = np.linalg.qr(rng.standard_normal((H, H)))
    return Params(
        W_x=rng.uniform(-scale, scale, (D, H)).astype(dtype),
        W_h=(Q * np.sign(np.diag(R))).astype(dtype),
        b=np.zeros(H, dtype),
    )


@names_arguments(p=parts(W_h="H H", b="H"))
def initial_state(p, *batch):
    """Returns the state before the first step as a tuple, here (h,): zeros of shape (*batch, H)."""
    return (np.zeros((*batch, p.b.shape[0]), p.W_h.dtype),)


@names_arguments(p=WEIGHTS, h="... H", x_t=vectors_or_ids("...", "D"))
def step(p, x_t, h, f=np.tanh):
    """Returns the state after input x_t, (H,) or (B, H); h is the state before it."""
    return f(project(x_t, p.W_x) + h @ p.W_h + p.b)


@names_arguments(p=WEIGHTS)
def forward(p, x, h0=None, f=np.tanh):
    """Runs the network over a batch of sequences.

    Args:
        p: Params.
        x: (T, B, D) vectors, or (T, B) integer ids that stand for one-hot vectors.
        h0: (B, H) initial state; zeros if left out.
        f: the nonlinearity.

    Returns:
        h: (T, B, H), the state after every step.
        cache: what ``backward`` needs.

    Raises:
        ValueError: shapes do not fit together.
    """
    T, B = check_sequence(x, len(p.W_x))
    H = len(p.W_h)
    a = project(x, p.W_x) + p.b  # needs no state: all T steps at once
    if h0 is None:
        (h0,) = initial_state(p, B)
    h = np.empty((T + 1, B, H), a.dtype)
    h[0] = check_state("h0", h0, B, H)
    for t in range(T):
        h[t + 1] = f(a[t] + h[t] @ p.W_h)
    return h[1:], Cache(x, h[:-1], h[1:])


@names_arguments(p=WEIGHTS, cache=CACHE, dh="T B H")
def backward(p, cache, dh, df=dtanh):
    """Backpropagation through time: the exact gradient, through every step.

    Args:
        p: the Params that forward had.
        cache: what forward returned.
        dh: (T, B, H), gradient of the loss with respect to each h_t through
            its own output alone.
        df: the backward of forward's f, given the value: ``dtanh``,
            ``dsigmoid`` or ``drelu``.

    Returns:
        dp: Params, gradients summed over time and batch.
        dx: gradient with respect to x; None for integer ids.
        dh0: (B, H), gradient with respect to the initial state.
    """
    da = np.empty_like(dh)
    dh_next = np.zeros(dh.shape[1:], dh.dtype)
    for t in reversed(range(len(dh))):
        # h_t = f(a_t), and two paths leave h_t
        da[t] = df(cache.h[t], dh[t] + dh_next)
        dh_next = da[t] @ p.W_h.T  # a_t = ... + h_{t-1} W_h
    return *parameter_gradients(p, cache, da), dh_next


@names_arguments(p=WEIGHTS, cache=CACHE, dh="T B H")
def backward_loops(p, cache, dh, window=None):
    """Returns the same gradient as ``backward``, by nested loops.

    It goes back to the first step from every output, in T(T+1)/2 visits
    instead of T. It is slow, and meant for reading. With a window it
    computes what ``backward_window`` computes.

    Args:
        p: the Params that forward had.
        cache: what forward returned.
        dh: (T, B, H), as in ``backward``.
        window: how many steps to walk back from each output; None for all.

    Returns:
        dp, dx, dh0 as ``backward``.
    """
    T = len(dh)
    window = T if window is None else non_negative("window", window)
    dp = Params(*(np.zeros_like(weight) for weight in p))
    da_total = np.zeros_like(dh)
    dh0 = np.zeros(dh.shape[1:], dh.dtype)
    for output in range(T):
        dh_t = dh[output]
        for t in range(output, max(-1, output - window - 1), -1):
            da_t = dtanh(cache.h[t], dh_t)
            dp.W_h[:] += cache.h_previous[t].T @ da_t
            dp.W_x[:] += dproject(cache.x[t], p.W_x, da_t)[1]
            dp.b[:] += da_t.sum(axis=0)
            da_total[t] += da_t
            dh_t = da_t @ p.W_h.T
            if t == 0:
                dh0 += dh_t
    dx, _ = dproject(cache.x, p.W_x, da_total)
    return dp, dx, dh0


@names_arguments(p=WEIGHTS, cache=CACHE, dh="T B H")
def backward_window(p, cache, dh, window):
    """Truncated BPTT: each output goes back through ``window`` earlier steps.

    The NumPy code of the second post computes this. With window >= T-1 it is
    the full gradient.

    Args:
        p: the Params that forward had.
        cache: what forward returned.
        dh: (T, B, H), as in ``backward``.
        window: steps back from each output, at least 0 (0: its own step only).

    Returns:
        dp, dx, dh0 as ``backward``.

    Raises:
        ValueError: a negative window.
    """
    T = len(dh)
    reach = min(non_negative("window", window), T - 1)
    da_total, dh0 = np.zeros_like(dh), np.zeros(dh.shape[1:], dh.dtype)
    da = dtanh(cache.h, dh)  # every output at its own step
    for distance in range(reach + 1):
        # da[t] comes from the output of step t + distance
        da_total[: T - distance] += da
        dh_back = da @ p.W_h.T
        dh0 += dh_back[0]
        da = dtanh(cache.h[: T - distance - 1], dh_back[1:])
    return *parameter_gradients(p, cache, da_total), dh0


@names_arguments(p=WEIGHTS, cache=CACHE, dh="T B H")
def backward_last(p, cache, dh, steps):
    """Truncated BPTT: runs only the last ``steps`` steps backward.

    ``truncate_gradient`` of Theano's scan computes this. The outputs before
    these steps get no gradient.

    Args:
        p: the Params that forward had.
        cache: what forward returned.
        dh: (T, B, H), as in ``backward``.
        steps: how many steps at the end, at least 0; all if more than T.

    Returns:
        dp, dx, dh0 as ``backward``; dh0 is zero unless steps >= T.

    Raises:
        ValueError: negative ``steps``.
    """
    first = max(0, len(dh) - non_negative("steps", steps))
    da, dh_first = np.zeros_like(dh), np.zeros(dh.shape[1:], dh.dtype)
    for t in reversed(range(first, len(dh))):
        da[t] = dtanh(cache.h[t], dh[t] + dh_first)
        dh_first = da[t] @ p.W_h.T
    dh0 = dh_first if first == 0 else np.zeros_like(dh_first)
    return *parameter_gradients(p, cache, da), dh0


@names_arguments(p=WEIGHTS, cache=CACHE, dh="T B H")
def backward_chunks(p, cache, dh, length):
    """Truncated BPTT: states pass from chunk to chunk, gradients do not.

    Training on consecutive pieces of a long text with a carried state
    computes this.

    Args:
        p: the Params that forward had.
        cache: what forward returned.
        dh: (T, B, H), as in ``backward``.
        length: steps in a chunk, counted from the start, at least 1; the last
            chunk may be shorter.

    Returns:
        dp, dx, dh0 as ``backward``; dh0 is the gradient from the first chunk.

    Raises:
        ValueError: a length below 1.
    """
    if length < 1:
        raise ValueError(f"a chunk has at least 1 step, got length={length}")
    da = np.empty_like(dh)
    dh_next = np.zeros(dh.shape[1:], dh.dtype)
    for t in reversed(range(len(dh))):
        if (t + 1) % length == 0:
            dh_next = np.zeros_like(dh_next)  # step t ends a chunk
        da[t] = dtanh(cache.h[t], dh[t] + dh_next)
        dh_next = da[t] @ p.W_h.T
    return *parameter_gradients(p, cache, da), dh_next


@names_arguments(p=parts(b="H"), da="T B H")
def parameter_gradients(p, cache, da):
    """Returns (dp, dx): a weight's gradient is the sum of its inputs times da."""
    H = p.b.shape[0]
    dx, dW_x = dproject(cache.x, p.W_x, da)  # a_t = x_t W_x + ...
    # a_t = ... + h_{t-1} W_h
    dW_h = cache.h_previous.reshape(-1, H).T @ da.reshape(-1, H)
    return Params(dW_x, dW_h, da.sum(axis=(0, 1))), dx


def non_negative(name, number):
    """Returns a number of steps, or raises ValueError, with the number's name, if it is below 0."""
    if number < 0:
        raise ValueError(f"{name} must be at least 0, got {number}")
    return number
