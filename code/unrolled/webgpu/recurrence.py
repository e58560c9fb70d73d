"""RNN, LSTM and GRU on a GPU: all time steps in one dispatch, forward and backward.

A workgroup runs one sequence and keeps its state in its own memory. Its invocations wait for each
other at barriers. Workgroups need nothing from each other, so that no step has to end the dispatch.
The kernels take x W_x + b, which needs no state, and return the gradient of this sum. T time,
B batch, H hidden units.
"""

from typing import Any, NamedTuple

import numpy as np

from unrolled.webgpu.device import source

BLOCKS = {"rnn": 1, "lstm": 4, "gru": 3}  # of H columns each, in W_h
MOST_UNITS = 512  # the state and da of an LSTM fit into 16 KB, what WebGPU promises


class Cache(NamedTuple):
    """What backward needs from forward: GpuArrays."""

    cell: str
    W_h: Any  # (H, GH) with G blocks of columns
    gates: Any  # (T, B, GH); of an RNN the sums
    h: Any  # (T+1, B, H), from the initial state on
    c: Any  # (T+1, B, H) of an LSTM, otherwise None


def forward(gpu, cell, W_h, a, h0=None, c0=None, steps=None):
    """Runs a recurrent network over a batch of sequences on a GPU.

    Args:
        gpu: a Gpu.
        cell: "rnn", "lstm" or "gru".
        W_h: (H, GH) with the G blocks of the cell, as in ``unrolled.cells``.
        a: (T, B, GH), x W_x + b.
        h0: (B, H) initial state; zeros if left out.
        c0: (B, H) initial cell state of an LSTM; zeros if left out.
        steps: time steps in a dispatch; all T if left out.

    Returns:
        h: (T, B, H) in NumPy, the state after every step.
        cache: what ``backward`` needs.

    Raises:
        ValueError: there is no such cell, or shapes do not fit together.
    """
    T, B, H = check(cell, W_h, a)
    if steps is not None and steps < 1:
        raise ValueError(f"steps must be at least 1, got {steps}")
    W_h, gates = gpu.array(W_h), gpu.array(a)
    h = gpu.array(states("h0", h0, T, B, H))
    c = gpu.array(states("c0", c0, T, B, H)) if cell == "lstm" else None
    cache = Cache(cell, W_h, gates, h, c)
    run_forward(gpu, cache, steps)
    return gpu.read(h)[1:], cache


def run_forward(gpu, cache, steps=None):
    """Computes the states in the memory of a GPU, and reads nothing.

    Args:
        gpu: a Gpu.
        cache: a Cache whose gates hold x W_x + b and are overwritten; of h and c, the
            initial state is given.
        steps: time steps in a dispatch; all T if left out.
    """
    cell, W_h, gates, h, c = cache
    T, (B, H) = h.shape[0] - 1, h.shape[1:]
    steps = T if steps is None else steps
    arrays = [W_h, gates, h] if c is None else [W_h, gates, h, c]
    for first in range(0, T, steps):
        sizes = [B, H, first, min(first + steps, T)]
        gpu.run(source(f"{cell}_forward"), sizes, arrays, (B, 1))


def backward(gpu, cache, dh):
    """Backpropagates through all time steps in one dispatch.

    Args:
        gpu: the Gpu that forward had.
        cache: the Cache that forward returned.
        dh: (T, B, H), the gradient of each step's own loss with respect to h_t; zero
            where a mask leaves a step out.

    Returns:
        da: (T, B, GH) in NumPy, the gradient with respect to x W_x + b and to W_h's part.
        dstates: (dh0,) or, of an LSTM, (dh0, dc0), each (B, H).

    Raises:
        ValueError: dh does not have the shape of the states.
    """
    T, (B, H) = cache.h.shape[0] - 1, cache.h.shape[1:]
    if np.shape(dh) != (T, B, H):
        raise ValueError(f"dh must have shape {(T, B, H)}, got {np.shape(dh)}")
    da, dstates = run_backward(gpu, cache, gpu.array(dh))
    return gpu.read(da), tuple(gpu.read(dstates))


def run_backward(gpu, cache, dh):
    """Returns da and the gradients of the initial states as GpuArrays, and reads nothing."""
    cell, W_h, gates, h, c = cache
    T, (B, H) = h.shape[0] - 1, h.shape[1:]
    da = gpu.zeros(*gates.shape)
    dstates = gpu.zeros(1 if c is None else 2, B, H)
    given = {"rnn": [W_h, h], "lstm": [W_h, gates, c], "gru": [W_h, gates, h]}[cell]
    gpu.run(source(f"{cell}_backward"), [T, B, H], [*given, dh, da, dstates], (B, 1))
    return da, dstates


def check(cell, W_h, a):
    """Returns T, B, H, or raises ValueError where a cell, W_h and a do not fit together."""
    if cell not in BLOCKS:
        raise ValueError(f"cell must be one of {', '.join(BLOCKS)}, got {cell!r}")
    H, G = len(W_h), BLOCKS[cell]
    if not 1 <= H <= MOST_UNITS:
        raise ValueError(f"W_h must have 1 to {MOST_UNITS} rows, got {H}")
    if np.shape(W_h) != (H, G * H):
        raise ValueError(f"W_h must have shape {(H, G * H)}, got {np.shape(W_h)}")
    if np.ndim(a) != 3 or np.shape(a)[2] != G * H or 0 in np.shape(a):
        raise ValueError(f"a must have shape (T, B, {G * H}), got {np.shape(a)}")
    T, B = np.shape(a)[:2]
    return T, B, H


def states(name, first, T, B, H):
    """Returns (T+1, B, H) states, zeros but for the first, which must be (B, H)."""
    found = np.zeros((T + 1, B, H), np.float32)
    if first is not None:
        if np.shape(first) != (B, H):
            raise ValueError(f"{name} must have shape {(B, H)}, got {np.shape(first)}")
        found[0] = first
    return found
