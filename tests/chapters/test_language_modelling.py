"""The equations of the chapter on language modelling, each against a count made by hand."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.intervals import interval
from tests.support.page_cells import figure
from unrolled import functional
from unrolled.data import ngram, text
from unrolled.drawing.sketch import Text
from unrolled.models import language_model

START, END, V = 1, 2, 5  # ids 0, 3 and 4 are words


def network(seed=0):
    return language_model.init(np.random.default_rng(seed), V, 4, dtype=np.float64)


def probabilities(p, beginning):
    logits, _ = language_model.forward(p, np.array([START, *beginning])[:, None])
    return functional.softmax(logits)[:, 0]


@pytest.mark.equation("eq-sentence-probability")
def test_sentence_probabilities_and_what_is_still_open_sum_to_1():
    """Over all sentences of up to three words, START never drawn (its share counts as open)."""
    p = network()
    ended = still_open = 0.0
    for length in range(4):
        for words in itertools.product([0, 3, 4], repeat=length):
            factors = probabilities(p, words)
            beginning = math.prod(factors[t, word] for t, word in enumerate(words))
            ended += beginning * factors[length, END]
            still_open += beginning * factors[length, START]
            if length == 3:
                still_open += beginning * factors[length, [0, 3, 4]].sum()
    assert ended + still_open == pytest.approx(1, abs=1e-12)


@pytest.mark.equation("eq-sentence-probability")
def test_loss_is_minus_the_log_of_the_product():
    p, words = network(1), [4, 0, 3]
    factors = probabilities(p, words)
    product = math.prod(factors[t, word] for t, word in enumerate([*words, END]))
    mean, count = language_model.loss(p, text.pad([np.array([START, *words, END])]))
    assert count == 4
    assert mean * count == pytest.approx(-math.log(product), rel=1e-12)


@pytest.mark.equation("eq-perplexity")
def test_perplexity_is_the_geometric_mean_of_1_over_p():
    model = ngram.fit([np.array([START, 3, 4, END]), np.array([START, 3, END])], V, 2)
    held_out = [np.array([START, 3, 4, 0, END]), np.array([START, END])]
    p = [
        math.exp(ngram.log_probabilities(model, [np.array([v, w])])[0])
        for v, w in ((START, 3), (3, 4), (4, 0), (0, END), (START, END))
    ]
    assert ngram.perplexity(model, held_out) == pytest.approx(
        math.prod(p) ** (-1 / 5), rel=1e-12
    )


@pytest.mark.equation("eq-perplexity")
@pytest.mark.parametrize("faces", [2, 6, 100])
def test_perplexity_of_a_fair_die_is_its_number_of_faces(faces):
    """Logits that leave `faces` of 120 words equally likely, and a word that is one of them."""
    logits = np.where(np.arange(120) < faces, 1.7, -np.inf)
    assert np.exp(functional.cross_entropy(logits, np.array(1))) == pytest.approx(faces)


logit = st.floats(-5, 5)


@pytest.mark.equation("eq-cross-entropy")
@given(st.lists(st.tuples(logit, logit), min_size=2, max_size=8))
def test_cross_entropy_is_entropy_plus_a_divergence_of_at_least_0(pairs):
    u, v = np.array(pairs).T
    q = np.exp(u) / np.exp(u).sum()
    log_p = v - math.log(np.exp(v).sum())
    cross_entropy = q @ functional.cross_entropy(
        np.tile(v, (len(v), 1)), np.arange(len(v))
    )
    divergence = (q * (np.log(q) - log_p)).sum()
    assert cross_entropy == pytest.approx(-(q * np.log(q)).sum() + divergence, abs=1e-9)
    assert divergence >= -1e-12
    own = q @ functional.cross_entropy(np.tile(u, (len(u), 1)), np.arange(len(u)))
    assert own == pytest.approx(-(q * np.log(q)).sum(), abs=1e-9)


@pytest.mark.equation("eq-open-part")
@pytest.mark.parametrize("T", [1, 2, 7, 1000])
def test_the_part_that_never_ends_of_a_model_that_ends_too_rarely(T):
    still_open = math.prod(1 - 1 / (t + 1) ** 2 for t in range(1, T + 1))
    assert still_open == pytest.approx((T + 2) / (2 * (T + 1)), rel=1e-12)
    assert still_open > 0.5


def test_a_network_of_tanh_units_gives_the_end_a_least_probability():
    rng = np.random.default_rng(0)
    p = network()
    p = p._replace(W_y=rng.normal(size=p.W_y.shape), b_y=rng.normal(size=V))
    apart = np.abs(p.W_y - p.W_y[:, [END]]).sum(axis=0) + p.b_y - p.b_y[END]
    least = 1 / np.exp(apart).sum()
    words = rng.integers(0, V, 500)
    found = probabilities(p, words)[:, END]
    assert (found >= least).all() and found.max() < 1
    # states in the corners come closest to it
    corners = np.array(list(itertools.product([-1, 1], repeat=4)))
    assert functional.softmax(corners @ p.W_y + p.b_y)[:, END].min() >= least > 0


def test_two_distributions_of_one_perplexity_as_the_figure_says():
    alt, page = figure("02-language-model/language-modelling.md", "fig-branching")
    trees = [part for part in page["parts"] if not isinstance(part, Text)]
    branches = [[line for line in tree if line.name.count("-") == 1] for tree in trees]
    first, others = branches[1][0], branches[1][1:]
    assert {line.line * 4 / first.line for line in others} == {1}
    assert len({line.line for line in branches[0]}) == 1
    assert (
        f"In the left tree, each node has {len(branches[0])} branches of equal width. "
        f"In the right tree, each node has {len(branches[1])} branches: the first is "
        "four times as wide as each of the other four. Both are titled perplexity 4."
    ) in alt
    words = [part.text for part in page["parts"] if isinstance(part, Text)]
    assert words.count("perplexity 4") == len(trees) == 2


@pytest.mark.slow
@pytest.mark.claim(
    "long-contexts-are-mostly-new",
    "Most contexts of four words in the validation text never occur in the training text. The "
    "5-gram model predicts its own text far better, and new text only a little better than the "
    "trigram model does.",
)
def test_most_contexts_of_four_words_are_new():
    """Shares of new contexts and losses of both models: intervals by document."""
    parts = text.split(text.remove_duplicates(text.corpus())[0])
    words = [text.tokens(s) for d in parts.train for s in d.sentences]
    vocabulary = text.Vocabulary.of(words, 8000)
    train = [vocabulary.encode(sentence) for sentence in words]
    own = train[::10]
    new = text.encode(parts.validation, vocabulary)
    known, asked = (
        ngram.windows(part, 5)[:, :4] @ 8000 ** np.arange(4) for part in (train, new)
    )
    unseen = ~np.isin(asked, known)
    document = np.repeat(
        [i for i, d in enumerate(parts.validation) for _ in d.sentences],
        [len(ids) - 1 for ids in new],
    )
    assert interval(unseen, document)["low"] > 0.5
    gain = {}
    for name, asked in (("own", own), ("new", new)):
        trigram, fivegram = (
            ngram.log_probabilities(ngram.fit(train, 8000, n), asked) for n in (3, 5)
        )
        gain[name] = fivegram - trigram
    assert gain["own"].mean() > 1
    found = interval(gain["new"], document)
    assert 0 < found["low"] and found["high"] < 0.1


@pytest.mark.slow
def test_rare_words_and_unknown_make_the_validation_text_easier_for_the_unigram_model():
    """The difference of the two losses, word by word: the share of a word in the validation text
    less its share in the training text, times its loss above the mean of the training text."""
    parts = text.split(text.remove_duplicates(text.corpus())[0])
    words = [text.tokens(s) for d in parts.train for s in d.sentences]
    vocabulary = text.Vocabulary.of(words, 8000)
    shares = []
    for part in (parts.train, parts.validation):
        targets = np.concatenate([i[1:] for i in text.encode(part, vocabulary)])
        shares.append(np.bincount(targets, minlength=8000) / len(targets))
    own, new = shares
    unigram = ngram.fit([vocabulary.encode(sentence) for sentence in words], 8000, 1)
    each = -ngram.log_probabilities(unigram, [np.array([1, i]) for i in range(8000)])
    part = (new - own) * (each - own @ each)
    assert part.sum() == pytest.approx(new @ each - own @ each) and part.sum() < -0.1
    assert (part[0] + part[3000:].sum()) / part.sum() > 0.6
    assert abs(part[3:300].sum()) < 0.05 * abs(part.sum())  # not the frequent words
    found = 100 * np.array([own[3000:].sum(), new[3000:].sum(), own[0], new[0]])
    assert found == pytest.approx([4.1, 3.3, 2.7, 3.8], abs=0.05)
