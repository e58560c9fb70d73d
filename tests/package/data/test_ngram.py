"""n-grams: they are distributions, they count what they say, and they interpolate."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unrolled.data import ngram

V, START, END = 7, 1, 2

texts = st.lists(
    st.lists(st.integers(3, V - 1), max_size=6).map(
        lambda w: np.array([START, *w, END])
    ),
    min_size=1,
    max_size=6,
)


def probability(model, context, word):
    sentence = np.array([START, *context, word])
    return np.exp(ngram.log_probabilities(model, [sentence])[-1])


@settings(max_examples=40)
@given(texts, st.integers(1, 4), st.lists(st.integers(3, V - 1), max_size=4))
def test_the_probabilities_of_all_words_sum_to_one(text, n, context):
    model = ngram.fit(text, V, n)
    total = sum(probability(model, context, word) for word in range(V))
    assert total == pytest.approx(1, abs=1e-12)


def by_hand(text, d, context, word):
    """Interpolated Kneser-Ney of order 2, from the definition, with dictionaries."""
    bigrams = [
        (a, b)
        for s in text
        for a, b in zip(s[:-1].tolist(), s[1:].tolist(), strict=True)
    ]
    kinds = set(bigrams)
    after = sum(b == word for _, b in kinds)
    p1 = (max(after - d, 0) + d * len({b for _, b in kinds}) / V) / len(kinds)
    total = sum(a == context for a, _ in bigrams)
    if not total:
        return p1
    followers = len({b for a, b in kinds if a == context})
    count = bigrams.count((context, word))
    return max(count - d, 0) / total + d * followers / total * p1


@settings(max_examples=40)
@given(texts, st.integers(3, V - 1), st.integers(0, V - 1), st.floats(0.1, 0.9))
def test_a_bigram_is_its_definition(text, context, word, d):
    model = ngram.fit(text, V, 2, discount=d)
    expected = by_hand(text, d, context, word)
    assert probability(model, [context], word) == pytest.approx(expected, rel=1e-12)


def test_a_unigram_counts_words_and_END_but_not_START():
    text = [np.array([START, 3, 3, 4, END])]
    model = ngram.fit(text, V, 1, discount=0.5)
    p = {word: probability(model, [], word) for word in range(V)}
    mass = 0.5 * 3 / V
    assert p[3] == pytest.approx((1.5 + mass) / 4)
    assert p[END] == p[4] == pytest.approx((0.5 + mass) / 4)
    assert p[START] == p[5] == pytest.approx(mass / 4)


def test_a_word_that_follows_many_is_likelier_in_a_new_context_than_a_frequent_one():
    """The point of Kneser-Ney: 'francisco' is frequent but follows only 'san'."""
    san, francisco, of, new = 3, 4, 5, 6
    text = [np.array([START, san, francisco, END])] * 20
    text += [np.array([START, word, of, END]) for word in (san, of, francisco)]
    model = ngram.fit(text, V, 2)
    assert probability(model, [new], of) > probability(model, [new], francisco)


def test_more_context_helps_where_the_text_has_structure():
    rng = np.random.default_rng(0)
    text = []
    for _ in range(300):  # every word is the sum of the two before it, mostly
        words = rng.integers(0, 4, 2).tolist()
        while len(words) < 12:
            words.append(
                sum(words[-2:]) % 4 if rng.random() < 0.9 else int(rng.integers(4))
            )
        text.append(np.array([START, *(3 + np.array(words)), END]) % V)
    found = [
        ngram.perplexity(ngram.fit(text[:200], V, n), text[200:]) for n in (1, 2, 3)
    ]
    assert found[0] > found[2] * 1.5 and found[1] > found[2] * 1.5


@pytest.mark.parametrize("columns", [1, 2, 3, 6])
@pytest.mark.parametrize("top", [2, 2**20, 2**21, 2**32])
def test_unique_rows_are_numpys_even_where_no_integer_holds_a_row(top, columns):
    rng = np.random.default_rng(columns)
    rows = rng.choice([0, 1, 2, top // 2, top], (200, columns))
    wanted = np.unique(rows, axis=0, return_inverse=True, return_counts=True)
    for found, expected in zip(ngram.unique_rows(rows), wanted, strict=True):
        np.testing.assert_array_equal(found, expected)


def test_a_row_that_needs_64_bits_is_kept_where_positions_have_32(monkeypatch):
    """As in the page's Python: there, the positions that NumPy returns have 32 bits."""
    rng = np.random.default_rng(0)
    rows = rng.integers(0, 2**21, (20_000, 5))
    rows[:, 1] = rows[:, 0]
    wanted, unique = np.unique(rows, axis=0), np.unique

    def narrow(*given, **options):
        found, *positions = unique(*given, **options)
        return found, *(p.astype(np.int32) for p in positions)

    monkeypatch.setattr(np, "unique", narrow)
    np.testing.assert_array_equal(ngram.unique_rows(rows)[0], wanted)


@pytest.mark.parametrize(
    ("text", "n", "d"),
    [
        ([], 1, 0.5),
        ([np.array([1, 2])], 0, 0.5),
        ([np.array([1, 2])], 1, 1.0),
        ([np.array([1, 2])], 1, 0.0),
    ],
)
def test_impossible_orders_discounts_and_texts_are_refused(text, n, d):
    with pytest.raises(ValueError, match="need n >= 1"):
        ngram.fit(text, V, n, d)


def test_an_id_out_of_range_is_named():
    with pytest.raises(ValueError, match="0..6, got 7"):
        ngram.fit([np.array([1, 7, 2])], V, 2)
    with pytest.raises(ValueError, match="0..6, got -1"):
        ngram.fit([np.array([1, -1, 2])], V, 2)
    with pytest.raises(ValueError, match="0..6, got -4"):
        ngram.perplexity(
            ngram.fit([np.array([1, 3, 2])], V, 2), [np.array([1, 3, -4, 2])]
        )
