"""A small encoder and decoder, and three pairs of sequences, one answer empty."""

import numpy as np

from unrolled import tree
from unrolled.models import seq2seq

D, V, H, A = 5, 4, 3, 4
SOURCES = [np.array([1, 4, 0, 2]), np.array([3]), np.array([2, 2, 1])]
ANSWERS = [np.array([0, 3]), np.array([1, 1, 2]), np.array([], int)]


def network(score, feeding, both_ends, seed=0):
    """Weights of order 1, so that no gradient is lost in rounding."""
    rng = np.random.default_rng(seed)
    p = seq2seq.init(rng, D, V, H, score, feeding, both_ends, np.float64, A)
    return tree.map(lambda w: 0.7 * rng.standard_normal(w.shape), p)


def batch():
    return seq2seq.pad(SOURCES, ANSWERS, V)
