"""The gated language models that come with the book: weights, words, and clear refusals."""

import math

import numpy as np
import pytest

from unrolled import checkpoint, gated_pretrained, language_model, records, text, tree


@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_the_kept_weights_have_the_recorded_perplexity(name):
    params, vocabulary, cell = gated_pretrained.load(name)
    documents, _ = text.remove_duplicates(text.corpus())
    validation = text.encode(text.split(documents).validation, vocabulary)
    losses, words = zip(
        *(language_model.loss(params, batch, cell) for batch in text.batches(validation, 64)),
        strict=True,
    )
    recorded = records.load(f"{name}_language_model")["results"]["validation"]["perplexity"]
    assert math.exp(np.average(losses, weights=words)) == pytest.approx(recorded, rel=1e-3)


def test_the_precision_is_the_callers_choice():
    params, *_ = gated_pretrained.load("lstm", np.float64)
    assert {leaf.dtype for leaf in tree.leaves(params)} == {np.dtype(np.float64)}


def test_a_missing_file_is_one_clear_line(tmp_path):
    with pytest.raises(FileNotFoundError, match="lstm_language_model.npz"):
        gated_pretrained.load("lstm", folder=tmp_path)


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    path = tmp_path / "gru_language_model.npz"
    checkpoint.save(path, (np.zeros(3),), {"H": 3})
    with pytest.raises(ValueError, match="holds no language model with its words and layers"):
        gated_pretrained.load("gru", folder=tmp_path)
