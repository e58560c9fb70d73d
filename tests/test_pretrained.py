"""The model that comes with the book is the one that its record describes."""

import numpy as np
import pytest

from unrolled import checkpoint, language_model, pretrained, records, text


def test_the_pocket_model_has_the_shape_and_words_of_its_record():
    params, vocabulary = pretrained.load()
    record = records.load("pocket_language_model")
    settings = record["settings"]
    assert len(vocabulary) == settings["V"] and params.W_y.shape == (settings["H"], settings["V"])
    assert vocabulary.words[:5] == (text.UNKNOWN, text.START, text.END, ".", "the")
    assert params.cell.W_h.dtype == np.float32


def test_the_pocket_model_knows_english_of_its_kind():
    """Real sentences cost it far less than the same words in another order."""
    params, vocabulary = pretrained.load()
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


def test_a_checkpoint_of_something_else_is_refused(tmp_path):
    checkpoint.save(tmp_path / "other.npz", (np.zeros(2),), {"curve": []})
    with pytest.raises(ValueError, match=r"other\.npz holds no language model"):
        pretrained.load(path=tmp_path / "other.npz")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such checkpoint"):
        pretrained.load(path=tmp_path / "none.npz")
