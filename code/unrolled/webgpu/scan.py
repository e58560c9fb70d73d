"""A linear recurrence on a GPU, by an associative scan: forward and backward.

    h_t = f_t * h_{t-1} + g_t

A workgroup takes one column and divides its T steps into chunks, one for each invocation. Each
invocation combines the steps of its chunk. Then log2 rounds of Hillis and Steele combine the
chunks, and each invocation runs its chunk again from the state before it. T time, D columns.
"""

from typing import Any, NamedTuple

import numpy as np

from unrolled.webgpu.device import source

THREADS = 128  # invocations of a workgroup


class Cache(NamedTuple):
    """What backward needs from forward: GpuArrays."""

    f: Any  # (T, D)
    h: Any  # (T+1, D), from the initial state on


def forward(gpu, f, g, h0=None, chunk=None):
    """Returns the states of a linear recurrence, and what ``backward`` needs.

    Args:
        gpu: a Gpu.
        f: (T, D) factors.
        g: (T, D) summands.
        h0: (D,) the state before the first step; zeros if left out.
        chunk: the steps of an invocation; as few as possible if left out. With T, one
            invocation takes all steps, one after another.

    Returns:
        h: (T, D) in NumPy.
        cache: a Cache.

    Raises:
        ValueError: shapes do not fit together, or chunks do not reach the end.
    """
    T, D = check(f, g, h0)
    h = np.zeros((T + 1, D), np.float32)
    h[0] = 0 if h0 is None else h0
    cache = Cache(gpu.array(f), gpu.array(h))
    run_forward(gpu, cache, gpu.array(g), chunk)
    return gpu.read(cache.h)[1:], cache


def run_forward(gpu, cache, g, chunk=None):
    """Computes the states in the memory of a GPU, and reads nothing.

    Args:
        gpu: a Gpu.
        cache: a Cache; of h, the initial state is given.
        g: a GpuArray (T, D).
        chunk: as in ``forward``.

    Raises:
        ValueError: chunks do not reach the end.
    """
    T, D = g.shape
    sizes = [T, D, steps_each(T, chunk)]
    gpu.run(source("scan_forward"), sizes, [cache.f, g, cache.h], (D, 1))


def backward(gpu, cache, dh, chunk=None):
    """Returns the gradients of f, g and the initial state, in NumPy.

    Args:
        gpu: the Gpu that forward had.
        cache: the Cache that forward returned.
        dh: (T, D), the gradient of each state's own use.
        chunk: as in ``forward``.

    Returns:
        df (T, D), dg (T, D), dh0 (D,).

    Raises:
        ValueError: dh does not have the shape of the states, or chunks do not reach the end.
    """
    if np.shape(dh) != cache.f.shape:
        raise ValueError(f"dh must have shape {cache.f.shape}, got {np.shape(dh)}")
    df, dg = run_backward(gpu, cache, gpu.array(dh), chunk)
    dg = gpu.read(dg)
    return gpu.read(df), dg[1:], dg[0]


def run_backward(gpu, cache, dh, chunk=None):
    """Returns df (T, D), and dh0 above dg (T+1, D), as GpuArrays; reads nothing."""
    T, D = dh.shape
    df, dg = gpu.zeros(T, D), gpu.zeros(T + 1, D)
    arrays = [cache.f, cache.h, dh, df, dg]
    gpu.run(source("scan_backward"), [T, D, steps_each(T, chunk)], arrays, (D, 1))
    return df, dg


def check(f, g, h0):
    """Returns T and D, or raises ValueError where shapes do not fit together."""
    if np.ndim(f) != 2 or np.shape(f) != np.shape(g) or 0 in np.shape(f):
        raise ValueError(
            f"f and g must both be (T, D), got {np.shape(f)} and {np.shape(g)}"
        )
    T, D = np.shape(f)
    if h0 is not None and np.shape(h0) != (D,):
        raise ValueError(f"h0 must have shape {(D,)}, got {np.shape(h0)}")
    return T, D


def steps_each(T, chunk=None):
    """Returns the steps of an invocation.

    Raises:
        ValueError: a workgroup has too few invocations for chunks of this length.
    """
    least = -(-T // THREADS)
    if chunk is not None and chunk < least:
        raise ValueError(f"chunk must be at least {least} for {T} steps, got {chunk}")
    return least if chunk is None else chunk
