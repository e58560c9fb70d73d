"""Compares loss and gradient of NumPy, PyTensor or Theano, and Keras.

Each case is a small language model in float64, with random weights of ordinary size, and a batch of
sentences. All programs get the same weights and the same batch, and their results are compared
entry by entry. T time, B batch, V vocabulary, H hidden.
"""

from typing import Any, NamedTuple

import numpy as np

from unrolled import tree
from unrolled.cells import gru, gru_reset_after, lstm, rnn
from unrolled.data import text
from unrolled.frameworks import theano_models
from unrolled.layers import embedding, stacked
from unrolled.models import language_model

V, H = 11, 6
LENGTHS = 7, 4, 2  # words of the sentences of a padded batch
CELLS: dict[str, Any] = {
    "rnn": rnn,
    "lstm": lstm,
    "gru": gru,
    "gru_reset_after": gru_reset_after,
    "stacked": stacked.of(embedding, gru, lstm),
    "masked": gru,
}


class Gap(NamedTuple):
    """How far a loss and a gradient differ from NumPy's."""

    loss: float  # relative to NumPy's loss
    gradient: float  # the largest over all arrays, each relative to its largest entry
    worst: str  # the array with the largest difference


def case(name, seed=0):
    """Returns (cell, params, batch) of a case.

    The sentences of a batch are equally long, except in the case ``masked``.
    """
    rng = np.random.default_rng(seed)
    cell = CELLS[name]
    p = language_model.init(rng, V, H, cell, np.float64)
    # no bias is 0
    p = tree.map(lambda w: w + 0.4 * rng.standard_normal(w.shape), p)
    lengths = LENGTHS if name == "masked" else [max(LENGTHS)] * len(LENGTHS)
    encoded = [np.array([1, *rng.integers(3, V, n), 2]) for n in lengths]
    return cell, p, text.pad(encoded)


def gap(answer, reference):
    """Returns the Gap between an answer and a reference, (loss, gradient) each."""
    (loss, dp), (loss_reference, dp_reference) = answer, reference
    found = {}
    for (array, ours), theirs in zip(
        tree.named_leaves(dp), tree.leaves(dp_reference), strict=True
    ):
        if ours.shape != theirs.shape:
            raise ValueError(
                f"{array}: gradient {ours.shape}, NumPy's is {theirs.shape}"
            )
        found[array] = float(np.abs(ours - theirs).max() / np.abs(theirs).max())
    worst = max(found, key=lambda array: found[array])
    return Gap(abs(loss - loss_reference) / abs(loss_reference), found[worst], worst)


def in_numpy(cell, p, batch):
    """Returns (loss, gradient) from our own backward pass."""
    return language_model.loss_and_gradient(p, batch, cell)


def in_symbols(cell, p, batch):
    """Returns (loss, gradient) from a symbolic graph, in PyTensor or Theano."""
    return theano_models.compile_loss_and_gradient(p, mode="python")(p, batch)


def in_keras(cell, p, batch):
    """Returns (loss, gradient) from Keras layers, which skip the padding."""
    # imported here, because Theano's environment has no TensorFlow
    from unrolled.frameworks import keras_models

    return keras_models.loss_and_gradient(p, batch, padding=text.Vocabulary.end)


def table(others):
    """Yields (name of a case, NumPy's loss, a list with one Gap for each other program).

    Args:
        others: functions such as ``in_keras``.
    """
    for name in CELLS:
        cell, p, batch = case(name)
        reference = in_numpy(cell, p, batch)
        yield (
            name,
            reference[0],
            [gap(other(cell, p, batch), reference) for other in others],
        )
