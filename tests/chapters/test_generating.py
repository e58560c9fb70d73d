"""The equations and claims of book/02-language-model/generating.md."""

import functools
from types import SimpleNamespace

import numpy as np
import pytest

from experiments.intervals import interval
from tests.support.cell_cases import shaken
from unrolled.cells import rnn
from unrolled.data import ngram, text
from unrolled.functional import softmax
from unrolled.models import language_model as lm
from unrolled.models import pretrained

V, START, END = 9, 1, 2


def model(seed=0):
    rng = np.random.default_rng(seed)
    p = lm.init(rng, V, 5, dtype=np.float64)
    return shaken(p, rng, 0.7)


def frequencies(p, n=6000, **options):
    rng = np.random.default_rng(1)
    drawn = [lm.generate(p, rng, START, END, limit=1, **options) for _ in range(n)]
    return np.bincount([words[0] if words else END for words in drawn], minlength=V) / n


def first_logits(p):
    return lm.forward(p, np.array([[START]]))[0][0, 0]


@pytest.mark.equation("eq-masked-logits")
def test_a_masked_softmax_is_drawing_again_until_the_word_is_allowed():
    p, forbidden = model(), (0, 1, 4)
    probabilities = np.exp(first_logits(p)) / np.exp(first_logits(p)).sum()
    rng = np.random.default_rng(2)
    again = rng.choice(V, size=40000, p=probabilities)
    again = again[~np.isin(again, forbidden)]
    allowed = np.setdiff1d(np.arange(V), forbidden)
    formula = np.zeros(V)
    formula[allowed] = probabilities[allowed] / probabilities[allowed].sum()
    np.testing.assert_allclose(
        np.bincount(again, minlength=V) / len(again), formula, atol=0.015
    )
    np.testing.assert_allclose(frequencies(p, forbidden=forbidden), formula, atol=0.03)


@pytest.mark.equation("eq-temperature")
@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_drawn_words_follow_the_softmax_at_a_temperature(temperature):
    p = model(seed=3)
    weights = np.exp(first_logits(p)) ** (1 / temperature)
    expected = weights / weights.sum()
    np.testing.assert_allclose(
        frequencies(p, temperature=temperature), expected, atol=0.03
    )


@pytest.mark.equation("eq-entropy-and-temperature")
def test_entropy_rises_with_temperature_by_the_variance_of_the_logits():
    u = 2 * np.random.default_rng(4).standard_normal(30)

    def entropy(temperature):
        p = softmax(u / temperature)
        return -(p * np.log(p)).sum()

    for temperature in (0.3, 1.0, 4.0):
        p = softmax(u / temperature)
        variance = (p * u**2).sum() - (p * u).sum() ** 2
        slope = (entropy(temperature + 1e-5) - entropy(temperature - 1e-5)) / 2e-5
        assert slope == pytest.approx(variance / temperature**3, rel=1e-6)


@pytest.mark.slow
def test_the_probability_of_a_sentence_is_the_frequency_with_which_it_is_drawn():
    """Ancestral sampling is exact: whole sentences, not only words."""
    p, rng = model(seed=5), np.random.default_rng(6)
    drawn = [tuple(lm.generate(p, rng, START, END)) for _ in range(6000)]
    for sentence in [(), *sorted(set(drawn), key=drawn.count)[-3:]]:
        ids = np.array([START, *sentence, END])
        logits, _ = lm.forward(p, ids[:-1, None])
        probability = np.prod(softmax(logits[:, 0])[np.arange(len(ids) - 1), ids[1:]])
        assert drawn.count(sentence) / 6000 == pytest.approx(probability, abs=0.02)


def test_each_word_costs_one_step():
    steps = []

    def step(*arguments):
        steps.append(arguments)
        return rnn.step(*arguments)

    cell = SimpleNamespace(initial_state=rnn.initial_state, step=step)
    rng = np.random.default_rng(0)
    words = lm.generate(model(), rng, START, END, minimum=40, limit=40, cell=cell)
    assert len(words) == 40 and len(steps) == 41


NOUNS = "value array function tensor method parameter index object output input".split()


def margins(subjects, others):
    """log P(are) - log P(is) of the pocket model after "the SUBJECT of the OTHER"."""
    params, vocabulary, _ = pretrained.load("pocket")
    contexts = [
        vocabulary.encode(["the", a, "of", "the", b])[:-1]
        for a, b in zip(subjects, others, strict=True)
    ]
    logits, _ = lm.forward(params, np.array(contexts).T)
    ids = vocabulary.ids
    return logits[-1, :, ids["are"]] - logits[-1, :, ids["is"]]


def pairs(plural_first, plural_second):
    both = [(a, b) for a in NOUNS for b in NOUNS if a != b]
    first, second = zip(*both, strict=True)
    return margins(
        [noun + "s" * plural_first for noun in first],
        [noun + "s" * plural_second for noun in second],
    )


@pytest.mark.claim(
    "the-nearer-noun-decides-the-verb",
    "If two nouns differ in number, the pocket model nearly always prefers the verb that agrees "
    "with the nearer noun.",
)
def test_the_verb_follows_the_nearer_noun():
    """The share of pairs in which the nearer noun's verb is likelier, by first noun."""
    for first, second in ((True, False), (False, True)):
        nearer = pairs(first, second) > 0 if second else pairs(first, second) < 0
        subject = np.repeat(range(len(NOUNS)), len(NOUNS) - 1)
        assert interval(nearer, subject)["low"] > 0.75
    assert np.mean(pairs(True, True) > 0) > 0.8
    assert np.mean(pairs(False, False) < 0) > 0.8


@pytest.mark.claim(
    "the-first-noun-moves-the-odds",
    "With the second noun held fixed, a plural first noun raises the odds of are against is.",
)
@pytest.mark.parametrize("second", [False, True])
def test_the_first_noun_moves_the_odds(second):
    """The change of the log odds, by first noun: the lower end of the interval is above 0."""
    change = pairs(True, second) - pairs(False, second)
    subject = np.repeat(range(len(NOUNS)), len(NOUNS) - 1)
    assert interval(change, subject)["low"] > 0


@functools.cache
def closing_marks(opening, closing):
    """Rows (document, words since the mark was opened or 0, probability, whether it came, the
    bigram model's probability)."""
    params, vocabulary, _ = pretrained.load("pocket")
    opening, closing = vocabulary.ids[opening], vocabulary.ids[closing]
    parts = text.split(text.remove_duplicates(text.corpus())[0])
    documents = parts.validation
    bigram = ngram.fit(text.encode(parts.train, vocabulary), len(vocabulary), 2)
    pairs_of_words = [np.array([word, closing]) for word in range(len(vocabulary))]
    of_bigram = np.exp(ngram.log_probabilities(bigram, pairs_of_words))
    rows = []
    for number, document in enumerate(documents):
        for ids in text.encode([document], vocabulary):
            logits, _ = lm.forward(params, ids[:-1, None])
            probability = softmax(logits[:, 0])[:, closing]
            depth = opened = 0
            for t, word in enumerate(ids[:-1]):
                if word == closing and depth:
                    depth -= 1
                elif word == opening:
                    depth, opened = depth + 1, opened if depth else t
                since = depth * (t - opened + 1)
                if depth <= 1:
                    came = ids[t + 1] == closing
                    rows.append((number, since, probability[t], came, of_bigram[word]))
    return np.array(rows)


@pytest.mark.slow
@pytest.mark.claim(
    "brackets-raise-the-closing-mark",
    "Up to ten words after an opening bracket, the pocket model's probability of the closing "
    "bracket is close to its frequency, and more than a hundred times higher than with no bracket "
    "open.",
)
def test_the_probability_of_a_closing_bracket_follows_the_text():
    """The difference from the frequency at each distance with 0.12; the lower end of the interval
    inside brackets, by document, with a hundred times the upper end outside."""
    document, since, probability, came, _ = closing_marks("(", ")").T
    for distance in range(1, 11):
        here = since == distance
        assert abs(probability[here].mean() - came[here].mean()) < 0.12
    inside, outside = since > 0, since == 0
    low = interval(probability[inside], document[inside])["low"]
    assert low > 100 * interval(probability[outside], document[outside])["high"]


@pytest.mark.slow
def test_the_bigram_model_does_not_keep_track_of_brackets():
    """Its ratio of inside to outside is near 4, and near 3 without the position after the opening
    bracket; from the second position on, its probability is far below the frequency."""
    _, since, _, came, of_bigram = closing_marks("(", ")").T
    outside = of_bigram[since == 0].mean()
    assert of_bigram[since > 0].mean() / outside == pytest.approx(4, abs=0.5)
    assert of_bigram[since == 1].mean() == pytest.approx(0.1, abs=0.01)
    assert of_bigram[since > 1].mean() / outside == pytest.approx(3, abs=0.5)
    for distance in range(2, 11):
        here = since == distance
        assert of_bigram[here].mean() < came[here].mean() / 3


@pytest.mark.slow
@pytest.mark.claim(
    "quotation-marks-are-lost",
    "From four words after an opening quotation mark, the pocket model's probability of the second "
    "mark is near zero, and far below its frequency.",
)
def test_the_second_quotation_mark_is_lost_after_a_few_words():
    """The probability at two words with 0.3; from four to ten words with 0.05, and its difference
    from the frequency, by document: the upper end of the interval is below 0."""
    document, since, probability, came, _ = closing_marks('"', '"').T
    assert probability[since == 2].mean() > 0.3
    far = (since >= 4) & (since <= 10)
    assert probability[far].mean() < 0.05
    assert interval(probability[far] - came[far], document[far])["high"] < 0
