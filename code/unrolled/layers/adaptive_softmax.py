r"""An output layer with the frequent words in front and narrow clusters for the rare ones.

    head:    softmax over the frequent words and one entry for each cluster
    cluster: p(w | h) = p(cluster | h) softmax(h D_c W_c + b_c)[w]       (eq-adaptive-softmax)

Ids are sorted by frequency: the head holds the ids below edges[0], cluster c those from edges[c] to
edges[c+1] - 1. D_c projects the state to fewer entries, since a rare word has too few examples for
a long vector (Grave et al., 2017).
N rows, H entries of a state, V vocabulary, C clusters.
"""

from typing import Any, NamedTuple

import numpy as np

from unrolled.arguments import fields, ids, names_arguments
from unrolled.functional import cross_entropy, dcross_entropy
from unrolled.layers.class_softmax import note_V

Array = Any


class Tail(NamedTuple):
    """Weights of a cluster with M words; gradients are a Tail too."""

    D: Array  # (H, E), E < H
    W: Array  # (E, M)
    b: Array  # (M,)


class Params(NamedTuple):
    """Weights; gradients are a Params too."""

    W: Array  # (H, edges[0] + C)
    b: Array  # (edges[0] + C,)
    tails: tuple[Tail, ...]


TAIL = fields(Tail, D="H E", W="E M", b="M")


def valid_tails(name):
    """Returns a check that clusters fit the states, which notes how many words each has."""

    def check(tails, sizes):
        for c, tail in enumerate(tails):
            TAIL(f"{name}[{c}]")(tail, {"": 1, "H": sizes["H"]})
        sizes["words"] = [len(tail.b) for tail in tails]

    return check


def valid_edges(name):
    """Returns a check that edges are those of ``init``, which notes V."""

    def check(edges, sizes):
        words, entries = sizes["words"], sizes["E"]
        if list(np.diff(edges)) != words or edges[0] + len(words) != entries:
            raise ValueError(
                f"{name} must be those of init, for clusters of {words} words and"
                f" {entries} entries of the head, got {list(edges)}"
            )
        sizes["V"] = edges[-1]

    return check


WEIGHTS = fields(Params, W="H E", b="E", tails=valid_tails)


@names_arguments
def init(rng, H, edges, shrink=4, dtype=np.float64):
    """Returns random Params, matrices uniform within ±1/√(rows), biases 0.

    Args:
        rng: a ``numpy.random.Generator``.
        H: entries of a state.
        edges: (C + 1,) the first id of each cluster, and V, increasing.
        shrink: cluster c = 0, 1, … reads H / shrink^(c+1) entries, at least 1.
        dtype: of the weights.
    """
    if np.any(np.diff(edges) < 1) or edges[0] < 1:
        raise ValueError(f"edges must increase from at least 1, got {list(edges)}")

    def uniform(rows, columns):
        return (rng.uniform(-1, 1, (rows, columns)) / np.sqrt(rows)).astype(dtype)

    def tail(c, M):
        E = max(1, H // shrink ** (c + 1))
        return Tail(uniform(H, E), uniform(E, M), np.zeros(M, dtype))

    entries = edges[0] + len(edges) - 1
    tails = tuple(tail(c, int(M)) for c, M in enumerate(np.diff(edges)))
    return Params(uniform(H, entries), np.zeros(entries, dtype), tails)


@names_arguments(edges=note_V, targets=ids("...", "V"))
def head_entries(targets, edges):
    """Returns the entry of the head for each target: the word itself, or its cluster."""
    cluster = np.searchsorted(edges, targets, side="right") - 1
    return np.where(cluster < 0, targets, edges[0] + cluster)


@names_arguments(p=WEIGHTS, h="N H", edges=valid_edges, targets=ids("N", "V"))
def forward(p, h, targets, edges):
    """Returns the losses (N,) in nats of states h (N, H), and the cache.

    Args:
        p: Params.
        h: (N, H) states.
        targets: (N,) ids.
        edges: (C + 1,), as in ``init``.

    Raises:
        ValueError: shapes do not fit together, edges are not those of ``init``, or an id is out of
            range.
    """
    entries = head_entries(targets, edges)
    losses = cross_entropy(h @ p.W + p.b, entries)
    for c, tail in enumerate(p.tails):
        rows = entries == edges[0] + c
        if rows.any():
            u = h[rows] @ tail.D @ tail.W + tail.b
            losses[rows] += cross_entropy(u, targets[rows] - edges[c])
    return losses, (h, targets, edges)


@names_arguments(p=WEIGHTS, dlosses="N")
def backward(p, cache, dlosses):
    """Returns (dp, dh), given the gradient (N,) of the losses."""
    h, targets, edges = cache
    entries = head_entries(targets, edges)
    du = dcross_entropy(h @ p.W + p.b, entries, dlosses)
    dh, dtails = du @ p.W.T, []
    dW, db = h.T @ du, du.sum(axis=0)
    for c, tail in enumerate(p.tails):
        rows = entries == edges[0] + c
        low = h[rows] @ tail.D
        u = low @ tail.W + tail.b
        du = dcross_entropy(u, targets[rows] - edges[c], dlosses[rows])
        dlow = du @ tail.W.T
        dtails.append(Tail(h[rows].T @ dlow, low.T @ du, du.sum(axis=0)))
        dh[rows] += dlow @ tail.D.T
    return Params(dW, db, tuple(dtails)), dh
