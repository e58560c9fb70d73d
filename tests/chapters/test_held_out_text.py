"""The chapter on held-out text: the split, and what deceives."""

import hashlib
import itertools
from collections import Counter

import numpy as np
import pytest

from experiments.intervals import interval
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


def sentences_of(documents):
    return [sentence for document in documents for sentence in document.sentences]


def word_losses(train, V, n, asked):
    return -ngram.log_probabilities(ngram.fit(train, V, n), asked)


@pytest.mark.slow
@pytest.mark.claim(
    "duplicates-favour-long-contexts",
    "Copies of validation sentences in the training text lower the loss of n-gram models the more, "
    "the longer their context is; as many other sentences do not.",
)
def test_copies_in_the_corpus_favour_long_contexts():
    """The gain in nats per word by the copies, with other sentences left out so that both versions
    have equally many: intervals by document of the gain and of its growth with n. If no sentence is
    left out, the mean gain with n = 5 differs by less than a twentieth."""
    careless = text.split(text.corpus())
    known = sentences_of(careless.train)
    asked = [(s, i) for i, d in enumerate(careless.validation) for s in d.sentences]
    copies = set(known) & {sentence for sentence, _ in asked}
    vocabulary = text.Vocabulary.of([text.tokens(s) for s in known], 8000)
    encoded = [vocabulary.encode(text.tokens(s)) for s in known]
    copied = np.array([s in copies for s in known])
    others = np.random.default_rng(0).permutation(np.flatnonzero(~copied))
    dropped = set(others[: copied.sum()])
    without = [ids for ids, copy in zip(encoded, copied, strict=True) if not copy]
    with_copies = [ids for i, ids in enumerate(encoded) if i not in dropped]
    assert len(without) == len(with_copies)

    questions = [vocabulary.encode(text.tokens(s)) for s, _ in asked]
    document = np.repeat([i for _, i in asked], [len(ids) - 1 for ids in questions])
    gain = {
        n: word_losses(without, 8000, n, questions)
        - word_losses(with_copies, 8000, n, questions)
        for n in (1, 2, 5)
    }
    assert abs(interval(gain[1], document)["mean"]) < 0.02
    for shorter, longer in ((1, 2), (2, 5)):
        assert interval(gain[longer] - gain[shorter], document)["low"] > 0.03
    assert interval(gain[5], document)["mean"] > 3 * interval(gain[2], document)["mean"]
    with_all = word_losses(without, 8000, 5, questions) - word_losses(
        encoded, 8000, 5, questions
    )
    assert abs(with_all.mean() - gain[5].mean()) < 0.05 * with_all.mean()


@pytest.mark.slow
@pytest.mark.claim(
    "own-sentences-flatter-long-contexts",
    "Trained on 100 sentences, a bigram and a trigram model seem far better than a unigram model "
    "on these sentences; on new text the bigram model gains little and the trigram model nothing "
    "more.",
)
def test_on_their_own_sentences_long_contexts_seem_far_better():
    """The losses in nats per word for five random sets of 100 sentences: intervals by set."""
    parts = text.split(text.remove_duplicates(text.corpus())[0])
    train, validation = (
        [text.tokens(s) for s in sentences_of(part)]
        for part in (parts.train, parts.validation)
    )
    vocabulary = text.Vocabulary.of(train, 8000)
    new = [vocabulary.encode(words) for words in validation[::5]]
    found = []
    for seed in range(5):
        chosen = np.random.default_rng(seed).choice(len(train), 100, replace=False)
        own = [vocabulary.encode(train[i]) for i in chosen]
        found.append(
            [
                [word_losses(own, 8000, n, asked).mean() for n in (1, 2, 3)]
                for asked in (own, new)
            ]
        )
    own, new = np.swapaxes(found, 0, 1)  # (sets, n) each
    assert interval(own[:, 0] - own[:, 1])["low"] > 2
    assert interval(own[:, 1] - own[:, 2])["low"] > 0.5
    gain = interval(new[:, 0] - new[:, 1])
    assert 0 < gain["low"] and gain["high"] < 0.5
    assert interval(new[:, 1] - new[:, 2])["high"] < 0.02


@pytest.mark.slow
@pytest.mark.claim(
    "small-vocabularies-flatter",
    "The smaller the vocabulary of a bigram model, the lower its perplexity; if the model has to "
    "spell the words that it lacks, the order is reversed.",
)
def test_a_small_vocabulary_lowers_the_perplexity_and_spelling_reverses_the_order():
    """The loss per word with 100, 1,000, 8,000 and 20,000 words: intervals by document of the
    differences of neighbours, without and with the cost of spelling."""
    parts = text.split(text.remove_duplicates(text.corpus())[0])
    train = [text.tokens(s) for s in sentences_of(parts.train)]
    asked = [
        (text.tokens(s), i) for i, d in enumerate(parts.validation) for s in d.sentences
    ]
    letters = Counter(
        "".join(f"{word}\n" for word in {w for words in train for w in words})
    )

    def spelling(word):
        shares = (max(letters[sign], 1) / letters.total() for sign in f"{word}\n")
        return -sum(np.log(share) for share in shares)

    document = np.repeat([i for _, i in asked], [len(words) + 1 for words, _ in asked])
    bare, spelt = [], []
    for size in (100, 1000, 8000, 20_000):
        vocabulary = text.Vocabulary.of(train, size)
        encoded = [vocabulary.encode(words) for words in train]
        questions = [vocabulary.encode(words) for words, _ in asked]
        bare.append(word_losses(encoded, size, 2, questions))
        letters_of = [
            [0 if word in vocabulary else spelling(word) for word in words] + [0]
            for words, _ in asked
        ]
        spelt.append(bare[-1] + np.concatenate(letters_of))
    for smaller, larger in itertools.pairwise(bare):
        assert interval(larger - smaller, document)["low"] > 0
    for smaller, larger in itertools.pairwise(spelt):
        assert interval(smaller - larger, document)["low"] > 0


@pytest.mark.slow
def test_sentences_of_a_module_help_to_predict_its_other_sentences():
    """A 5-gram model on every second sentence of the validation modules, with the sentences
    between them in the place of as many training sentences, and without them."""
    parts = text.split(text.remove_duplicates(text.corpus())[0])
    vocabulary = text.Vocabulary.of(
        [text.tokens(s) for s in sentences_of(parts.train)], 8000
    )
    train = text.encode(parts.train, vocabulary)
    moved, asked = [], []
    for document in parts.validation:
        sentences = text.encode([document], vocabulary)
        moved += sentences[::2]
        asked += sentences[1::2]
    assert len(moved) == 2271
    kept = np.random.default_rng(0).permutation(len(train))[len(moved) :]
    of_modules = [train[i] for i in kept] + moved
    found = [
        ngram.perplexity(ngram.fit(part, 8000, 5), asked)
        for part in (train, of_modules)
    ]
    assert found == pytest.approx([62.5, 45.9], abs=0.05)
