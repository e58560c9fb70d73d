r"""Linear recurrences in any order: one state after another, or many of them at a time.

    h_t = f_t * h_{t-1} + g_t                                        (eq-linear-recurrence)

Two steps in a row are one step of the same form, with the factor f_2 f_1 and the summand
f_2 g_1 + g_2, and this rule of combining steps is associative. So the T steps can be combined in
any order. The functions below return the same states and differ in how many operations they need,
and in how many of these wait for one another:

    function         operations    one after another
    sequential       T             T
    hillis_steele    T log2 T      log2 T
    blelloch         2 T           2 log2 T
    chunked          2 T           C + T / C, for chunks of C steps

f and g are (T, ...) arrays, real or complex, in which every entry has a recurrence of its own; f
may have axes of length 1 where its factor is shared. h0 is the state before the first step, 0 if it
is left out. If the factor is the same at every step, ``convolution`` returns the same states too.
The gradient of a complex array z is dL/dRe z + i dL/dIm z.
"""

import math

import numpy as np

from unrolled.arguments import names_arguments, shaped


@names_arguments
def sequential(f, g, h0=None):
    """Returns the states (T, ...), computed one after another."""
    f, h = start(f, g, h0)
    for t in range(1, len(h)):
        h[t] += f[t] * h[t - 1]
    return h


@names_arguments
def combine(earlier, later):
    """Returns the step (f, g) that does what two steps do, the earlier one first."""
    f_1, g_1 = earlier
    f_2, g_2 = later
    return f_2 * f_1, f_2 * g_1 + g_2


@names_arguments
def hillis_steele(f, g, h0=None):
    """Returns the states (T, ...) after log2(T) rounds (Hillis & Steele, 1986).

    Before a round, entry t combines the ``reach`` steps that end at t. The round
    combines it with entry t - reach, which doubles the reach.
    """
    f, h = start(f, g, h0)
    f = f.copy()
    reach = 1
    while reach < len(h):
        earlier, later = (f[:-reach], h[:-reach]), (f[reach:], h[reach:])
        f[reach:], h[reach:] = combine(earlier, later)
        reach *= 2
    return h


@names_arguments
def blelloch(f, g, h0=None):
    """Returns the states (T, ...), up and down a tree (Blelloch, 1990).

    On the way up, neighbours are combined: half as many steps remain. Their states
    are every second state of the whole. On the way down, one step from these states
    gives each other state but the first.
    """
    return sweep(*start(f, g, h0))


@names_arguments(f=shaped("T ...f"), g="T ...")
def sweep(f, g):
    """Returns the states of ``blelloch`` from a zero state."""
    if len(g) < 2:
        return g
    even = len(g) // 2 * 2
    pairs = combine((f[0:even:2], g[0:even:2]), (f[1:even:2], g[1:even:2]))
    h = np.empty_like(g)
    h[1::2] = sweep(*pairs)
    h[0] = g[0]
    h[2::2] = f[2::2] * h[1:-1:2] + g[2::2]
    return h


@names_arguments
def chunked(f, g, h0=None, chunk=None):
    """Returns the states (T, ...), all chunks side by side and then from chunk to chunk.

    Args:
        f: (T, ...) factors.
        g: (T, ...) summands.
        h0: (...) the state before the first step; zeros if left out.
        chunk: the steps of a chunk; about √T if left out. The last chunk may be shorter.

    Raises:
        ValueError: shapes do not fit together, or chunk is not a positive integer.
    """
    f, g = start(f, g, h0)
    T = len(g)
    chunk = max(1, math.isqrt(T)) if chunk is None else chunk
    if not chunk >= 1 or chunk % 1:
        raise ValueError(f"a chunk has at least one step, got {chunk}")
    C = min(chunk, max(T, 1))
    f, h = in_chunks(f, C), in_chunks(g, C)  # (N, C, ...)
    for t in range(1, C):  # inside every chunk, as if it began with a zero state
        f[:, t], h[:, t] = combine((f[:, t - 1], h[:, t - 1]), (f[:, t], h[:, t]))
    for n in range(1, len(h)):  # the state before a chunk reaches all of its steps
        h[n] += f[n] * h[n - 1, -1]
    return h.reshape(-1, *g.shape[1:])[:T]


@names_arguments
def in_chunks(a, C):
    """Returns a (T, ...) as a new array (N, C, ...) of chunks, the last filled up with zeros."""
    N = -(-len(a) // C)
    filled = np.zeros((N * C, *a.shape[1:]), a.dtype)
    filled[: len(a)] = a
    return filled.reshape(N, C, *a.shape[1:])


@names_arguments
def convolution(f, g, h0=None):
    """Returns the states (T, ...) if the factor is the same at every step.

    Then h_t is the sum of f^k g_{t-k} over all k, a convolution, which the fast
    Fourier transform computes with about T log2 T operations. Zeros after the end
    keep the last steps from reaching the first ones. The error is relative to the
    largest state, so that small states are lost if |f| > 1.

    Raises:
        ValueError: shapes do not fit together, or f changes from step to step.
    """
    f, g = start(f, g, h0)
    T = len(g)
    if (f[2:] != f[1:-1]).any():  # f[0] has multiplied h0 already
        raise ValueError("a convolution needs the same factor at every step")
    if not T:
        return g
    powers = np.cumprod(np.concatenate([np.ones_like(f[:1]), f[1:]]), axis=0)
    spectrum = np.fft.fft(powers, 2 * T, axis=0) * np.fft.fft(g, 2 * T, axis=0)
    h = np.fft.ifft(spectrum, axis=0)[:T]
    return (h if np.iscomplexobj(g) else h.real).astype(g.dtype)


@names_arguments
def start(f, g, h0=None):
    """Returns f and a new array g, in which the first summand includes f_1 h_0.

    Args:
        f: (T, ...) factors, which broadcast to the shape of g.
        g: (T, ...) summands.
        h0: (...) the state before the first step, shaped as g[0]; zeros if left out.

    Raises:
        ValueError: shapes do not fit together.
    """
    f, g = np.asarray(f), np.asarray(g)
    if g.ndim != f.ndim or not g.ndim or len(f) != len(g):
        raise ValueError(
            f"f and g must be (T, ...) with as many axes, got {f.shape}, {g.shape}"
        )
    if any(n not in (1, m) for n, m in zip(f.shape, g.shape, strict=True)):
        raise ValueError(f"f must broadcast to g, got {f.shape} and {g.shape}")
    first = () if h0 is None else (np.asarray(h0),)
    if first and first[0].shape != g.shape[1:]:
        raise ValueError(f"h0 must be {g.shape[1:]}, got {first[0].shape}")
    g = g.astype(np.result_type(f, g, *first))  # a copy
    if first and len(g):
        g[0] += f[0] * h0
    return f, g


@names_arguments(f=shaped("T ...f"), h="T ...", dh="T ...", h0="...")
def backward(f, h, dh, h0=None, scan=sequential):
    """Returns the gradient of a scan, which is a scan from the last step to the first.

        dg_t = dh_t + f*_{t+1} dg_{t+1}                              (eq-scan-backward)
        df_t = dg_t h*_{t-1}

    f* is the complex conjugate of f, and f itself if f is real.

    Args:
        f: (T, ...) the factors that the scan had.
        h: (T, ...) the states that it returned.
        dh: (T, ...) the gradient of each state's own use.
        h0: (...) the state before the first step; zeros if left out.
        scan: the function that computes the recurrence.

    Returns:
        df: like f, summed over the axes that f shares.
        dg: (T, ...); if g was real, its gradient is the real part.
        dh0: (...), likewise.
    """
    if not len(h):
        return np.zeros_like(f), np.zeros_like(h), np.zeros_like(h, shape=h.shape[1:])
    f_after = np.concatenate([f[1:], np.zeros_like(f[:1])]).conj()  # f_{t+1}
    dg = scan(f_after[::-1], dh[::-1])[::-1]
    before = np.zeros_like(h[:1]) if h0 is None else np.asarray(h0)[None]
    h_previous = np.concatenate([before, h[:-1]])
    df = dg * h_previous.conj()
    shared = tuple(i for i, n in enumerate(f.shape) if n < h.shape[i])
    df = df.sum(axis=shared, keepdims=True)
    dh0 = f[0].conj() * dg[0]
    return df if np.iscomplexobj(f) else df.real, dg, dh0
