r"""An output layer that is trained on the target and a few sampled words.

    u_j = h W_y[:, j] + b_y[j]
    Z ≈ exp(u_y) + sum over s_k ≠ y of exp(u_{s_k}) / (K q_{s_k})
    loss = log Z - u_y                                                     (eq-sampled-softmax)

y is the target, and the K words s_k are drawn from a distribution q. The estimate of Z, the sum
over all words of exp(u_j), is right on average; its logarithm is not (Bengio & Senécal, 2003; Jean
et al., 2015). The layer is for training only: probabilities of words come from the full softmax.
N rows, H entries of a state, V vocabulary, K sampled words, the same for all rows.
"""

from typing import Any, NamedTuple

import numpy as np

from unrolled.arguments import fields, ids, names_arguments, shaped
from unrolled.functional import cross_entropy, dcross_entropy

Array = Any


class Params(NamedTuple):
    """Weights; gradients are a Params too."""

    W_y: Array  # (H, V)
    b_y: Array  # (V,)


class Cache(NamedTuple):
    """What backward needs from forward."""

    h: Array  # (N, H)
    targets: Array  # (N,)
    sampled: Array  # (K,) ids
    u: Array  # (N, 1 + K): the target's logit, then u - log(K q) of the sampled words


WEIGHTS = fields(Params, W_y="H V", b_y="V")
CACHE = fields(Cache, h="N H", targets=ids("N", "V"), sampled=ids("K", "V"), u="N M")


@names_arguments
def draw(rng, q, K):
    """Returns K ids, drawn independently from the distribution q (V,)."""
    return rng.choice(len(q), K, p=q)


@names_arguments(
    p=WEIGHTS, h="N H", targets=ids("N", "V"), sampled=ids("K", "V"), q=shaped("V")
)
def forward(p, h, targets, sampled, q):
    """Returns the losses (N,) in nats over target and samples, and the cache.

    Args:
        p: Params.
        h: (N, H) states.
        targets: (N,) ids.
        sampled: (K,) ids, from ``draw``.
        q: (V,) probabilities that they were drawn with, all above 0.

    Raises:
        ValueError: no sampled words, or a word that q cannot draw.
    """
    if not len(sampled) or np.min(q) <= 0:
        raise ValueError("need at least one sampled word, and q above 0 for every word")
    u_target = (h * p.W_y[:, targets].T).sum(axis=1) + p.b_y[targets]
    u_sampled = h @ p.W_y[:, sampled] + p.b_y[sampled]
    u_sampled -= np.log(len(sampled) * q[sampled]).astype(h.dtype)
    u_sampled[targets[:, None] == sampled] = -np.inf
    u = np.concatenate([u_target[:, None], u_sampled], axis=1)
    return cross_entropy(u, np.zeros(len(h), int)), Cache(h, targets, sampled, u)


@names_arguments(p=WEIGHTS, cache=CACHE, dlosses="N")
def backward(p, cache, dlosses):
    """Returns (dp, dh), given the gradient (N,) of the losses."""
    h, targets, sampled, u = cache
    du = dcross_entropy(u, np.zeros(len(h), int), dlosses)
    du_target, du_sampled = du[:, :1], du[:, 1:]
    dh = du_target * p.W_y[:, targets].T + du_sampled @ p.W_y[:, sampled].T
    dW_y, db_y = np.zeros_like(p.W_y), np.zeros_like(p.b_y)
    np.add.at(dW_y.T, targets, du_target * h)  # a word may be the target of many rows
    np.add.at(dW_y.T, sampled, du_sampled.T @ h)
    np.add.at(db_y, targets, du_target[:, 0])
    np.add.at(db_y, sampled, du_sampled.sum(axis=0))
    return Params(dW_y, db_y), dh
