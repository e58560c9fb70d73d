r"""An output layer in two stages: first the class of the word, then the word within its class.

    p(w | h) = p(c | h) p(w | c, h),   c the class of w                      (eq-class-softmax)
    p(c | h) = softmax(h W_c + b_c)[c]
    p(w | c, h) = softmax over the words of c of h W_y + b_y

Classes are runs of neighbouring ids: class c holds the ids edges[c] to edges[c+1] - 1. Only the
columns of W_y that belong to the class of the target are multiplied (Goodman, 2001).
N rows, H entries of a state, V vocabulary, C classes.
"""

from typing import Any, NamedTuple

import numpy as np

from unrolled.arguments import fields, ids, names_arguments
from unrolled.functional import cross_entropy, dcross_entropy

Array = Any


class Params(NamedTuple):
    """Weights; gradients are a Params too."""

    W_c: Array  # (H, C)
    b_c: Array  # (C,)
    W_y: Array  # (H, V)
    b_y: Array  # (V,)


WEIGHTS = fields(Params, W_c="H C", b_c="C", W_y="H V", b_y="V")


def valid_edges(name):
    """Returns a check that edges are C + 1 numbers that begin with 0, increase, and end with V."""

    def check(edges, sizes):
        C, V = sizes["C"], sizes["V"]
        ends = edges[0], edges[-1]
        if len(edges) != C + 1 or np.any(np.diff(edges) < 1) or ends != (0, V):
            raise ValueError(
                f"{name} must be {C + 1} increasing numbers from 0 to {V},"
                f" got {list(edges)}"
            )

    return check


def note_V(name):
    """Returns a check that notes V, the last of the edges."""
    return lambda edges, sizes: sizes.update(V=edges[-1])


@names_arguments
def init(rng, H, V, C, dtype=np.float64):
    """Returns random Params, matrices uniform within ±1/√H, biases 0."""

    def uniform(*shape):
        return (rng.uniform(-1, 1, shape) / np.sqrt(H)).astype(dtype)

    return Params(uniform(H, C), np.zeros(C, dtype), uniform(H, V), np.zeros(V, dtype))


@names_arguments
def equal_mass(counts, C):
    """Returns the edges (C + 1,) of C classes that occur about equally often.

    Args:
        counts: (V,) how often each word occurs in the training text.
        C: number of classes, at most V.

    Raises:
        ValueError: a class would be empty, or counts do not add up to a positive number.
    """
    counts = np.asarray(counts, np.float64)
    if not 1 <= C <= len(counts) or counts.min() < 0 or counts.sum() <= 0:
        raise ValueError(
            f"need 1 to {len(counts)} classes and counts of at least 0 with a positive sum,"
            f" got {C} classes"
        )
    mass = np.cumsum(counts) / counts.sum()
    inner = 1 + np.searchsorted(mass, np.arange(1, C) / C)
    for c in range(len(inner)):  # every class keeps at least one word
        inner[c] = max(inner[c], inner[c - 1] + 1 if c else 1)
        inner[c] = min(inner[c], len(counts) - (C - 1 - c))
    return np.array([0, *inner, len(counts)])


@names_arguments(edges=note_V, targets=ids("...", "V"))
def classes_of(targets, edges):
    """Returns the class of each target."""
    return np.searchsorted(edges, targets, side="right") - 1


@names_arguments(p=WEIGHTS, h="N H", targets=ids("N", "V"), edges=valid_edges)
def forward(p, h, targets, edges):
    """Returns the losses (N,) in nats of states h (N, H), and the cache.

    Args:
        p: Params.
        h: (N, H) states.
        targets: (N,) ids.
        edges: (C + 1,) first ids of the classes, and V.

    Raises:
        ValueError: shapes do not fit together, or edges do not divide the ids into C classes.
    """
    of = classes_of(targets, edges)
    losses = cross_entropy(h @ p.W_c + p.b_c, of)
    for c in np.unique(of):
        rows, words = of == c, slice(edges[c], edges[c + 1])
        u = h[rows] @ p.W_y[:, words] + p.b_y[words]
        losses[rows] += cross_entropy(u, targets[rows] - edges[c])
    return losses, (h, targets, edges)


@names_arguments(p=WEIGHTS, dlosses="N")
def backward(p, cache, dlosses):
    """Returns (dp, dh), given the gradient (N,) of the losses."""
    h, targets, edges = cache
    of = classes_of(targets, edges)
    du = dcross_entropy(h @ p.W_c + p.b_c, of, dlosses)
    dh, dW_c, db_c = du @ p.W_c.T, h.T @ du, du.sum(axis=0)
    dW_y, db_y = np.zeros_like(p.W_y), np.zeros_like(p.b_y)
    for c in np.unique(of):
        rows, words = of == c, slice(edges[c], edges[c + 1])
        u = h[rows] @ p.W_y[:, words] + p.b_y[words]
        du = dcross_entropy(u, targets[rows] - edges[c], dlosses[rows])
        dh[rows] += du @ p.W_y[:, words].T
        dW_y[:, words] = h[rows].T @ du
        db_y[words] = du.sum(axis=0)
    return Params(dW_c, db_c, dW_y, db_y), dh


@names_arguments(p=WEIGHTS, h="N H", edges=valid_edges)
def log_probabilities(p, h, edges):
    """Returns log p(w | h) of all words, (N, V): what generating needs, at the full cost."""
    V = len(p.b_y)
    every = [
        -forward(p, np.broadcast_to(row, (V, len(row))), np.arange(V), edges)[0]
        for row in h
    ]
    return np.stack(every)
