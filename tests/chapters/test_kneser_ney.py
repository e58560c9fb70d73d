"""The equations of the page on Kneser-Ney smoothing, each against a count made by hand."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.data import ngram, text

START, END, V = 1, 2, 5  # ids 0, 3 and 4 are words

texts = st.lists(
    st.lists(st.sampled_from([0, 3, 4]), max_size=6).map(
        lambda ids: np.array([START, *ids, END])
    ),
    min_size=1,
    max_size=8,
)


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


@pytest.mark.slow
@pytest.mark.claim(
    "a-count-is-too-large-by-half-to-one",
    "A pair that was seen once in one half of the sentences is found about half as often in the "
    "other half. Counts of two to nine are too large by two thirds to a little more than one.",
)
def test_a_count_is_too_large_by_half_to_one():
    """The count in one half less the mean count in the other half, for six random halvings."""
    parts = text.split(text.remove_duplicates(text.corpus())[0])
    words = [text.tokens(s) for d in parts.train for s in d.sentences]
    vocabulary = text.Vocabulary.of(words, 8000)
    train = [vocabulary.encode(sentence) for sentence in words]
    for seed in range(6):
        halves = np.array_split(np.random.default_rng(seed).permutation(len(train)), 2)
        first, second = (
            np.unique(
                ngram.windows([train[i] for i in half], 2) @ [8000, 1],
                return_counts=True,
            )
            for half in halves
        )
        other = dict(zip(*map(np.ndarray.tolist, second), strict=True))
        found = np.array([other.get(pair, 0) for pair in first[0].tolist()])
        excess = [r - found[first[1] == r].mean() for r in range(1, 10)]
        assert 0.45 < excess[0] < 0.55
        assert 0.63 < min(excess[1:]) and max(excess[1:]) < 1.25


@pytest.mark.slow
def test_new_pairs_end_in_data_and_not_in_same():
    """Both words are about equally frequent; the pairs were never seen in training."""
    parts = text.split(text.remove_duplicates(text.corpus())[0])
    words = [text.tokens(s) for d in parts.train for s in d.sentences]
    vocabulary = text.Vocabulary.of(words, 8000)
    train = ngram.windows([vocabulary.encode(sentence) for sentence in words], 2)
    seen = set(map(tuple, train.tolist()))
    validation = ngram.windows(text.encode(parts.validation, vocabulary), 2)
    new = Counter(w for v, w in validation.tolist() if (v, w) not in seen)
    assert new[vocabulary.ids["data"]] == 9 and new[vocabulary.ids["same"]] == 0
    in_train = np.bincount(train[:, 1], minlength=8000)
    same, data = in_train[[vocabulary.ids["same"], vocabulary.ids["data"]]]
    assert abs(same / data - 1) < 0.1


@pytest.mark.slow
def test_continuation_counts_fill_the_gaps_better_than_frequencies():
    """The perplexity of the bigram model on the validation text with both choices of P_1."""
    parts = text.split(text.remove_duplicates(text.corpus())[0])
    words = [text.tokens(s) for d in parts.train for s in d.sentences]
    vocabulary = text.Vocabulary.of(words, 8000)
    train = [vocabulary.encode(sentence) for sentence in words]
    validation = text.encode(parts.validation, vocabulary)
    bigram, unigram = (ngram.fit(train, 8000, n) for n in (2, 1))
    of_frequencies = bigram._replace(orders=(unigram.orders[0], bigram.orders[1]))
    found = [ngram.perplexity(m, validation) for m in (of_frequencies, bigram)]
    assert found == pytest.approx([92.7, 89.0], abs=0.05)
