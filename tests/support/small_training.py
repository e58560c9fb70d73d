"""A language model of eight units, trained on a few sentences of random words."""

import numpy as np

from unrolled import tree
from unrolled.data import text
from unrolled.models import language_model
from unrolled.training import optimizers, train


def some_sentences(n=96):
    """Sentences of three to ten ids, with START and END."""
    rng = np.random.default_rng(5)
    return [
        np.array([1, *rng.integers(3, 20, rng.integers(2, 9)), 2]) for _ in range(n)
    ]


def run(params, sentences, **options):
    """The Progress of each step of a run of two epochs."""
    chosen = dict(epochs=2, learning_rate=0.01, clip=1.0, progress=False) | options
    return train.train(
        params,
        lambda epoch: text.batches(sentences, 16, np.random.default_rng(epoch)),
        language_model.loss_and_gradient,
        optimizers.adam,
        **chosen,
    )


def fresh():
    """Parameters before training."""
    return language_model.init(np.random.default_rng(0), 20, 8)


def same(a, b):
    """Whether two trees hold the same numbers."""
    return all(
        np.array_equal(x, y)
        for x, y in zip(tree.leaves(a), tree.leaves(b), strict=True)
    )
