r"""Multi-head attention of Vaswani et al. (2017): several small attentions side by side.

    q = x W_q + b_q,  k = s W_k + b_k,  v = s W_v + b_v      for each head    (eq-heads-project)
    c = softmax(q k^T / √E) v                                for each head    (eq-heads-attend)
    y = Σ over heads of c W_o, + b_o                                          (eq-heads-join)

In self-attention the source s is x itself: every step attends to all steps, itself included.
Weights have the layout of Keras, so that they can be copied without permutation.
B batch, T steps with queries, S steps of the source, D numbers of a step, N heads, E numbers of a
head's query, key and value. A name ends in the axes of its array.
"""

from typing import Any, NamedTuple

import numpy as np

from unrolled.functional import as_rows
from unrolled.layers import attention

Array = Any


class Params(NamedTuple):
    """Weights; gradients are a Params too."""

    W_q: Array  # (D, N, E)
    b_q: Array  # (N, E)
    W_k: Array  # (D, N, E)
    b_k: Array  # (N, E)
    W_v: Array  # (D, N, E)
    b_v: Array  # (N, E)
    W_o: Array  # (N, E, D)
    b_o: Array  # (D,)


class Cache(NamedTuple):
    """What backward needs, and what figures draw (the weights)."""

    x: Array  # (B, T, D)
    source: Array  # (B, S, D); None where it is x
    read: Any  # attention.Cache
    context: Array  # (B, N, T, E)
    weights: Array  # (B, N, T, S): rows sum to 1


def init(rng, D, N, E, dtype=np.float64):
    """Returns random Params: weights uniform within ±1/√(number of terms in the sum), biases 0.

    Args:
        rng: a ``numpy.random.Generator``.
        D: numbers of a step.
        N: heads.
        E: numbers of a head's query, key and value; D / N is usual.
        dtype: floating-point type.

    Raises:
        ValueError: a size is below 1.
    """
    if min(D, N, E) < 1:
        raise ValueError(f"sizes must be at least 1, got D={D}, N={N}, E={E}")

    def uniform(shape, terms):
        return (rng.uniform(-1, 1, shape) / np.sqrt(terms)).astype(dtype)

    def nothing(*shape):
        return np.zeros(shape, dtype)

    W_q, W_k, W_v = (uniform((D, N, E), D) for _ in range(3))
    return Params(
        W_q,
        nothing(N, E),
        W_k,
        nothing(N, E),
        W_v,
        nothing(N, E),
        uniform((N, E, D), N * E),
        nothing(D),
    )


def causal(T):
    """Returns a mask (T, T), True where the key's step is not after the query's."""
    return np.tri(T, dtype=bool)


def positions(T, D, dtype=np.float64):
    """Returns (T, D): for each step sines and cosines of its number, D/2 frequencies.

        [t, 2i] = sin(t / 10000^(2i/D)),  [t, 2i+1] = cos(t / 10000^(2i/D))
                                                                        (eq-positions)

    Source: Vaswani et al. (2017, section 3.5).

    Raises:
        ValueError: D is odd, or a size is below 1.
    """
    if D % 2 or D < 2 or T < 1:
        raise ValueError(
            f"sines and cosines come in pairs: D must be even, got D={D}, T={T}"
        )
    angle = np.arange(T)[:, None] / 10000 ** (np.arange(0, D, 2) / D)
    return np.stack([np.sin(angle), np.cos(angle)], axis=-1).reshape(T, D).astype(dtype)


def forward(p, x_BTD, source_BSD=None, mask=None):
    """Attends from every step of x to every step of the source.

    Args:
        p: Params.
        x_BTD: (B, T, D).
        source_BSD: (B, S, D); x itself if left out.
        mask: bool, (B, T, S), (B, 1, S) or (T, S): True where a step may look;
            everywhere if left out. ``causal(T)`` hides what comes later.

    Returns:
        y: (B, T, D).
        cache: what ``backward`` needs.

    Raises:
        ValueError: shapes do not fit, an empty source, or a mask that leaves a step
            nothing to look at.
    """
    source = x_BTD if source_BSD is None else source_BSD
    check_sequences(p, x_BTD, source)
    if mask is not None and mask.ndim == 3:
        mask = mask[:, None]  # the same for every head
    q_BNTE = to_heads(x_BTD, p.W_q, p.b_q)
    k_BNSE = to_heads(source, p.W_k, p.b_k)
    v_BNSE = to_heads(source, p.W_v, p.b_v)
    c_BNTE, read = attention.forward(
        (), q_BNTE, k_BNSE, v_BNSE, mask, attention.scaled_dot
    )
    y_BTD = from_heads(c_BNTE) @ p.W_o.reshape(-1, p.W_o.shape[-1]) + p.b_o
    return y_BTD, Cache(x_BTD, source_BSD, read, c_BNTE, read.weights)


def backward(p, cache, dy_BTD):
    """Returns (dp, dx, dsource), given dy (B, T, D); dsource is None if it was x."""
    x, source, read, c_BNTE, _ = cache
    N, E, D = p.W_o.shape
    dc = dy_BTD @ p.W_o.reshape(-1, D).T  # y = c W_o + b_o
    dW_o = (as_rows(from_heads(c_BNTE)).T @ as_rows(dy_BTD)).reshape(N, E, D)
    dc_BNTE = dc.reshape(*dc.shape[:2], N, E).swapaxes(1, 2)
    _, dq, dk, dv = attention.backward((), read, dc_BNTE, attention.scaled_dot)
    dx, dW_q, db_q = dto_heads(x, p.W_q, dq)
    dsource, dW_k, db_k = dto_heads(x if source is None else source, p.W_k, dk)
    dsource_v, dW_v, db_v = dto_heads(x if source is None else source, p.W_v, dv)
    dsource = dsource + dsource_v  # k and v are made of the same steps
    dp = Params(dW_q, db_q, dW_k, db_k, dW_v, db_v, dW_o, dy_BTD.sum(axis=(0, 1)))
    if source is None:
        return dp, dx + dsource, None  # and q, too
    return dp, dx, dsource


def to_heads(x_BTD, W, b):
    """Returns x W + b for every head, (B, N, T, E): one product for all heads."""
    D, N, E = W.shape
    y = x_BTD @ W.reshape(D, N * E)
    return (y.reshape(*x_BTD.shape[:2], N, E) + b).swapaxes(1, 2)


def dto_heads(x_BTD, W, dy_BNTE):
    """Returns (dx, dW, db) of ``to_heads``."""
    D = len(W)
    dy = from_heads(dy_BNTE)  # (B, T, N E)
    dW = (as_rows(x_BTD).T @ as_rows(dy)).reshape(W.shape)
    return dy @ W.reshape(D, -1).T, dW, dy_BNTE.sum(axis=(0, 2))


def from_heads(c_BNTE):
    """Returns c (B, N, T, E) with the results of all heads side by side, (B, T, N E)."""
    B, N, T, E = c_BNTE.shape
    return c_BNTE.swapaxes(1, 2).reshape(B, T, N * E)


def check_sequences(p, x_BTD, source_BSD):
    """Raises ValueError unless both arrays are (batch, steps, D)."""
    D = len(p.W_q)
    for name, given in (("x", x_BTD), ("source", source_BSD)):
        if given.ndim != 3 or given.shape[-1] != D:
            raise ValueError(f"{name} must be (batch, steps, {D}), got {given.shape}")
