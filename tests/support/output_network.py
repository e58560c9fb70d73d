"""A small recurrent network with a softmax over each state, on which ways to one gradient agree."""

import numpy as np

from unrolled.cells import rnn
from unrolled.functional import cross_entropy, dcross_entropy
from unrolled.gradients import chain_rule
from unrolled.models import language_model

EXACT = 1e-12


def case(T, seed, B=2, D=3, H=4, V=5):
    """A small network with a softmax over its states: params, h0, inputs, targets."""
    rng = np.random.default_rng(seed)
    cell = rnn.init(rng, D, H)
    cell = cell._replace(W_h=1.1 * cell.W_h, b=0.3 * rng.standard_normal(H))
    p = language_model.Params(cell, rng.standard_normal((H, V)), rng.standard_normal(V))
    h0 = 0.5 * rng.standard_normal((B, H))
    return p, h0, rng.standard_normal((T, B, D)), rng.integers(0, V, (T, B))


def loss(p, h0, x, targets):
    logits, _ = language_model.forward(p, x, h0)
    return cross_entropy(logits, targets).sum()


def own_output(p, h0, x, targets):
    """Forward, and the gradient of each L_t with respect to h_t by its own output alone."""
    logits, cache = language_model.forward(p, x, h0)
    return cache, dcross_entropy(logits, targets, np.ones(targets.shape)) @ p.W_y.T


def deltas(cell, h, dh):
    """δ_{t,k} for all pairs, from the products of Jacobians: (T, T, B, H), zero for k > t."""
    found = np.zeros((len(dh), *dh.shape))
    for t in range(len(dh)):
        for k in range(t + 1):
            product = chain_rule.jacobian_product(cell, h, t, k)
            found[t, k] = np.einsum("bi,bij->bj", dh[t], product) * (1 - h[k] ** 2)
    return found
