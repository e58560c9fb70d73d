"""The chapter on held-out text: the split, and what deceives."""

import hashlib

import numpy as np
import pytest

from tests.support.page_cells import cells, executed
from unrolled.data import ngram, text

START, END = 1, 2


def test_split_follows_the_name_alone():
    documents = [text.Document(f"module {i}", ("A sentence.",)) for i in range(400)]
    whole, fewer = text.split(documents), text.split(documents[1:])
    for part, same in zip(whole, fewer, strict=True):
        assert [d for d in part if d != documents[0]] == same
    for document in whole.validation:
        digest = hashlib.sha256(document.name.encode()).hexdigest()
        assert int(digest[:16], 16) / 2**64 < 0.05
    assert len(whole.validation) + len(whole.test) == pytest.approx(40, abs=20)


def test_copies_of_what_is_measured_flatter_longer_contexts_most():
    """Where nothing can be learnt but the sentences themselves."""
    rng = np.random.default_rng(0)

    def sentence():
        return np.array([START, *rng.integers(3, 40, 12), END])

    train, asked = [sentence() for _ in range(400)], [sentence() for _ in range(80)]
    gain = [
        ngram.perplexity(ngram.fit(train, 40, n), asked)
        / ngram.perplexity(ngram.fit(train + asked[:20], 40, n), asked)
        for n in (1, 2, 3)
    ]
    assert gain[0] == pytest.approx(1, abs=0.02)
    assert 1.02 < gain[1] < gain[2] and gain[2] > 1.2


def test_a_training_loss_flatters_longer_contexts_and_new_text_does_not():
    rng = np.random.default_rng(1)
    own, new = (
        [np.array([START, *rng.integers(3, 40, 12), END]) for _ in range(100)]
        for _ in range(2)
    )
    models = [ngram.fit(own, 40, n) for n in (1, 2, 3)]
    on_own = [ngram.perplexity(model, own) for model in models]
    on_new = [ngram.perplexity(model, new) for model in models]
    assert on_own[0] > 1.3 * on_own[1] > 2 * on_own[2]
    assert on_new[0] <= on_new[1] <= on_new[2]


def test_the_rule_that_the_chapter_prints_is_that_of_split():
    source = next(
        cell
        for cell in cells("02-language-model/held-out-text.md")
        if "def part_of" in cell
    ).partition("print(")[0]
    page = executed("held-out-text", ["import hashlib", source])
    documents = [text.Document(f"module {i}", ("A sentence.",)) for i in range(400)]
    parts = text.split(documents)
    for name in text.Split._fields:
        for document in getattr(parts, name):
            assert page["part_of"](document.name) == name
