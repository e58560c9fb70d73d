"""The models that come with the book are those that their records describe."""

import math

import numpy as np
import pytest

from unrolled import records, tree
from unrolled.data import text
from unrolled.models import language_model, pretrained
from unrolled.training import checkpoint


def test_the_pocket_model_has_the_shape_and_words_of_its_record():
    params, vocabulary, _ = pretrained.load("pocket")
    settings = records.load("pocket_language_model")["settings"]
    assert len(vocabulary) == settings["V"]
    assert params.W_y.shape == (settings["H"], settings["V"])
    assert vocabulary.words[:5] == (text.UNKNOWN, text.START, text.END, ".", "the")
    assert params.cell.W_h.dtype == np.float32


def test_the_pocket_model_knows_english_of_its_kind():
    """Real sentences cost it far less than the same words in another order."""
    params, vocabulary, _ = pretrained.load()
    sentences = [
        "Returns the sum of the array elements over the given axis.",
        "If the input is not a tensor, an error is raised.",
        "The number of dimensions must be the same for all inputs.",
    ]
    rng = np.random.default_rng(0)
    for sentence in sentences:
        words = text.tokens(sentence)
        shuffled = [words[i] for i in rng.permutation(len(words))]
        real, mixed = (
            language_model.loss(params, text.pad([vocabulary.encode(w)]))[0]
            for w in (words, shuffled)
        )
        assert real < 4.5 and mixed > real + 1


@pytest.mark.parametrize("name", ["lstm", "gru"])
@pytest.mark.slow
def test_the_kept_weights_have_the_recorded_perplexity(name):
    params, vocabulary, cell = pretrained.load(name)
    documents, _ = text.remove_duplicates(text.corpus())
    validation = text.encode(text.split(documents).validation, vocabulary)
    batches = text.batches(validation, 64)
    found = [language_model.loss(params, batch, cell) for batch in batches]
    losses, words = zip(*found, strict=True)
    results = records.load(f"{name}_language_model")["results"]
    recorded = results["validation"]["of_seeds"][0]
    perplexity = math.exp(np.average(losses, weights=words))
    assert perplexity == pytest.approx(recorded, rel=1e-3)


@pytest.mark.parametrize("name", ["pocket", "lstm"])
def test_the_precision_is_the_callers_choice(name):
    params, *_ = pretrained.load(name, np.float64)
    assert {leaf.dtype for leaf in tree.leaves(params)} == {np.dtype(np.float64)}


def test_a_missing_file_is_one_clear_line(tmp_path):
    with pytest.raises(FileNotFoundError, match="lstm_language_model.npz"):
        pretrained.load("lstm", folder=tmp_path)


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    path = tmp_path / "gru_language_model.npz"
    checkpoint.save(path, (np.zeros(3),), {"H": 3})
    with pytest.raises(ValueError, match="holds no language model with its words"):
        pretrained.load("gru", folder=tmp_path)
