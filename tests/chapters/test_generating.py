"""The equations and claims of book/02-language-model/generating.md."""

from types import SimpleNamespace

import numpy as np
import pytest

from tests.support.cell_cases import shaken
from unrolled.cells import rnn
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


def test_the_verb_follows_the_nearer_noun_and_the_first_noun_moves_its_odds():
    """What the page says of the pocket model, on nouns of the test's own.

    The change of the odds is compared with its standard error over first nouns.
    """
    assert np.mean(pairs(True, True) > 0) > 0.8
    assert np.mean(pairs(False, False) < 0) > 0.8
    assert np.mean(pairs(True, False) > 0) < 0.25  # the right verb would be "are"
    assert np.mean(pairs(False, True) < 0) < 0.25
    for second in (False, True):
        change = pairs(True, second) - pairs(False, second)
        by_noun = change.reshape(len(NOUNS), -1).mean(axis=1)
        error = by_noun.std(ddof=1) / np.sqrt(len(NOUNS))
        assert (
            by_noun.mean() > 2.3 * error
        )  # one-sided 97.5 % of Student's t, 9 degrees
