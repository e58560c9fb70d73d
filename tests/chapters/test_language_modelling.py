"""The equations of the chapter on language modelling, each against a count made by hand."""

import itertools
import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled import functional
from unrolled.data import ngram, text
from unrolled.models import language_model

START, END, V = 1, 2, 5  # ids 0, 3 and 4 are words

texts = st.lists(
    st.lists(st.sampled_from([0, 3, 4]), max_size=6).map(
        lambda ids: np.array([START, *ids, END])
    ),
    min_size=1,
    max_size=8,
)


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


def by_hand(sentences, n, d):
    """P_n(w | context) as the formula reads, with dictionaries."""
    top = Counter()
    for ids in sentences:
        padded = [START] * (n - 2) + list(ids) if n > 1 else list(ids)[1:]
        top.update(tuple(padded[i : i + n]) for i in range(len(padded) - n + 1))
    tables = {n: top}
    for k in range(n - 1, 0, -1):
        tables[k] = Counter(gram[1:] for gram in tables[k + 1])

    def probability(w, context):
        k = len(context) + 1
        shorter = 1 / V if k == 1 else probability(w, context[1:])
        behind = {gram: c for gram, c in tables[k].items() if gram[:-1] == context}
        if not behind:
            return shorter
        total = sum(behind.values())
        own = max(tables[k][(*context, w)] - d, 0) / total
        return own + d * len(behind) / total * shorter

    return probability


@pytest.mark.equation("eq-kneser-ney", "eq-interpolated-bigram")
@given(
    texts, st.integers(1, 4), st.floats(0.1, 0.9), st.lists(st.sampled_from([0, 3, 4]))
)
def test_ngram_is_the_formula_read_with_dictionaries(sentences, n, d, words):
    model = ngram.fit(sentences, V, n, discount=d)
    probability = by_hand(sentences, n, d)
    heard = [*words, END]
    before = [START] * max(1, n - 1)
    wanted = [
        probability(
            w,
            tuple([*before, *words[:i]][len(before) + i - (n - 1) :]) if n > 1 else (),
        )
        for i, w in enumerate(heard)
    ]
    found = np.exp(ngram.log_probabilities(model, [np.array([START, *heard])]))
    assert found == pytest.approx(np.array(wanted), rel=1e-12)


@pytest.mark.equation("eq-kneser-ney")
@given(texts, st.integers(1, 4))
def test_ngram_probabilities_sum_to_1(sentences, n):
    model = ngram.fit(sentences, V, n)
    for context in ([], [3], [3, 4], [0, 0, 0]):
        last = [
            ngram.log_probabilities(model, [np.array([START, *context, w])])[-1]
            for w in range(V)
        ]
        assert np.exp(last).sum() == pytest.approx(1, abs=1e-12)


@pytest.mark.equation("eq-continuation")
@given(
    st.lists(
        st.lists(st.integers(0, 3), min_size=1, max_size=8), min_size=1, max_size=8
    ).map(lambda lists: [np.array([0, *ids, 3, 2, 1, 0]) for ids in lists])
)
def test_continuation_counts_keep_the_frequency_of_every_word(sentences):
    """Each of the four ids occurs as a word, so P_1 needs nothing from the uniform model."""
    pairs = Counter(
        (int(v), int(w)) for ids in sentences for v, w in itertools.pairwise(ids)
    )
    before, after = Counter(), Counter()
    for (v, w), c in pairs.items():
        before[v] += c
        after[w] += c
    bigram = ngram.fit(sentences, 4, 2)
    for w in range(4):
        P = {
            v: np.exp(ngram.log_probabilities(bigram, [np.array([v, w])])[0])
            for v in before
        }
        assert sum(before[v] * P[v] for v in before) == pytest.approx(
            after[w], rel=1e-12
        )
    P_1 = bigram._replace(orders=bigram.orders[:1])
    for w in range(4):
        different = sum(1 for pair in pairs if pair[1] == w)
        found = np.exp(ngram.log_probabilities(P_1, [np.array([0, w])])[0])
        assert found == pytest.approx(different / len(pairs), rel=1e-12)


def test_copies_on_both_sides_of_a_split_flatter_longer_contexts():
    """The chapter's claim about duplicates, where nothing can be learnt."""
    rng = np.random.default_rng(0)

    def sentence():
        return np.array([START, *rng.integers(3, 40, 12), END])

    train, fresh = [sentence() for _ in range(400)], [sentence() for _ in range(80)]
    copied = [*fresh[:60], *train[:20]]
    gain = [
        ngram.perplexity(model, fresh) / ngram.perplexity(model, copied)
        for model in (ngram.fit(train, 40, n) for n in (1, 2, 3))
    ]
    assert gain[0] == pytest.approx(1, abs=0.02)
    assert 1.02 < gain[1] < gain[2] and gain[2] > 1.3
