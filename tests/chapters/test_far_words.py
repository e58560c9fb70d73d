"""The equations of the chapter on far words, on a small model, and its claims of the record."""

import numpy as np
import pytest

from experiments.language_models import far_words
from tests.support.cell_cases import shaken
from unrolled import records
from unrolled.cells import rnn
from unrolled.data.text import Vocabulary
from unrolled.models import language_model, pretrained

WORDS = [
    "(",
    ")",
    "the",
    "of",
    "is",
    "are",
    "value",
    "values",
    "array",
    "arrays",
    "element",
]
WORDS += ["elements"]


@pytest.fixture(scope="module")
def vocabulary():
    return Vocabulary(WORDS)


@pytest.fixture(scope="module")
def p(vocabulary):
    rng = np.random.default_rng(0)
    p = language_model.init(rng, len(vocabulary), 6, dtype=np.float64)
    return shaken(p, rng, 0.5)


def log_p(p, ids):
    """log p of every word after the ids, written out."""
    h = np.zeros(6)
    for i in ids:
        h = np.tanh(p.cell.W_x[i] + h @ p.cell.W_h + p.cell.b)
    u = h @ p.W_y + p.b_y
    return u - np.log(np.exp(u).sum())


@pytest.mark.equation("eq-gradient-times-input")
def test_gradient_times_input_is_the_effect_of_scaling_the_words_row(p):
    rng = np.random.default_rng(1)
    inputs, targets = rng.integers(3, 15, (5, 2)), rng.integers(3, 15, (5, 2))
    norm, times_input = far_words.attribution(p, inputs, targets)
    for b in range(2):
        for k in range(5):

            def loss(alpha, b=b, k=k):
                h = np.zeros(6)
                for t, i in enumerate(inputs[:, b]):
                    scale = alpha if t == 4 - k else 1
                    h = np.tanh(scale * p.cell.W_x[i] + h @ p.cell.W_h + p.cell.b)
                u = h @ p.W_y + p.b_y
                return np.log(np.exp(u).sum()) - u[targets[-1, b]]

            slope = (loss(1 + 1e-6) - loss(1 - 1e-6)) / 2e-6
            assert times_input[k, b] == pytest.approx(slope, abs=1e-8)
            row = p.cell.W_x[inputs[4 - k, b]]
            assert abs(times_input[k, b]) <= norm[k, b] * np.linalg.norm(row) + 1e-12


@pytest.mark.equation("eq-replacement-kl")
def test_replacement_measures_the_divergence_of_the_prediction(p, monkeypatch):
    monkeypatch.setattr(far_words, "REPLACEMENTS", 1)
    rng = np.random.default_rng(2)
    inputs, targets = rng.integers(3, 15, (4, 1)), rng.integers(3, 15, (4, 1))
    kl, rise = far_words.replacement(p, inputs, targets, np.random.default_rng(3))
    same = np.random.default_rng(3)
    real = log_p(p, inputs[:, 0])
    for k in range(4):
        changed = inputs[:, 0].copy()
        changed[3 - k] = same.choice(inputs[1:].reshape(-1), 1)[0]
        other = log_p(p, changed)
        expected = sum(np.exp(a) * (a - b) for a, b in zip(real, other, strict=True))
        assert kl[k, 0] == pytest.approx(expected, abs=1e-12)
        assert rise[k, 0] == pytest.approx(
            real[targets[-1, 0]] - other[targets[-1, 0]], abs=1e-12
        )
    assert kl.max() > 1e-3


def test_pairs_of_brackets_have_no_other_inside(vocabulary):
    lines = ["the ( value ) of", "( the ( value of ) )", "the ) ( )", "( the value"]
    found = far_words.brackets(
        [vocabulary.encode(line.split()) for line in lines], vocabulary
    )
    assert [(vocabulary.decode(ids), place) for ids, place in found] == [
        (["the", "(", "value"], 2),
        (["(", "the", "(", "value", "of"], 3),
    ]


@pytest.mark.equation("eq-bracket-effect")
def test_the_effect_of_a_bracket(p, vocabulary, monkeypatch):
    monkeypatch.setattr(far_words, "REPLACEMENTS", 1)
    ids = vocabulary.encode("the of ( value array ) is".split())
    pairs = far_words.brackets([ids], vocabulary)
    # Only one other word occurs, so that what is drawn is known.
    pairs = [
        (np.where(pairs[0][0] == vocabulary.ids["("], pairs[0][0], 5), pairs[0][1])
    ]
    pairs[0][0][0] = vocabulary.start
    distance, bracket, control, _ = far_words.bracket_effect(
        p, pairs, vocabulary, np.random.default_rng(0)
    )
    context, place = pairs[0]
    closing = vocabulary.ids[")"]
    without = context.copy()
    without[place] = 5
    assert distance.tolist() == [3]  # from the third word to the sixth
    expected = log_p(p, context)[closing] - log_p(p, without)[closing]
    assert bracket[0] == pytest.approx(expected, abs=1e-12)
    assert abs(expected) > 1e-3
    assert control[0] == pytest.approx(0, abs=1e-12)  # 5 in the place of 5


@pytest.mark.equation("eq-agreement")
def test_agreement_compares_two_numbers_of_one_subject(p, vocabulary):
    found = far_words.agreement(p, vocabulary)
    effect, right = found[4]  # … of the {noun}
    are, is_ = vocabulary.ids["are"], vocabulary.ids["is"]

    def ratio(line):
        logs = log_p(p, vocabulary.encode(line.split())[:-1])
        return logs[are] - logs[is_]

    plural, singular = (
        ratio("the values of the element"),
        ratio("the value of the element"),
    )
    assert effect[0] == pytest.approx(plural - singular, abs=1e-12)
    assert right[0] == (plural > singular)
    assert len(effect) == 6  # three nouns, two of them at a time


def test_an_interval_holds_the_mean_and_narrows():
    rng = np.random.default_rng(0)
    few, many = (far_words.interval(rng.normal(3, 1, n), rng) for n in (20, 2000))
    for found in few, many:
        assert found["low"] < found["mean"] < found["high"]
    assert many["high"] - many["low"] < 0.2 * (few["high"] - few["low"])


def test_the_record_is_what_the_chapter_says():
    found = records.load("far_words")["results"]["trained"]
    kl = [row["mean"] for row in found["kl"]]
    assert kl[0] > 1 > 0.2 > kl[9] > kl[29]
    assert found["rise"][9]["low"] > 0  # ten words back still helps
    brackets = list(found["brackets"].values())
    effects = [row["bracket"]["mean"] for row in brackets]
    assert brackets[-1]["distance"] > 17
    for row in brackets:  # the bracket counts at every distance, the control at none
        assert row["bracket"]["low"] > 3
        assert abs(row["control"]["mean"]) < 0.2
    assert min(effects) > 0.7 * max(effects)  # and the distance hardly matters
    agreement = [found["agreement"][k] for k in ("1", "4", "7", "10", "13")]
    means = [row["mean"] for row in agreement]
    assert means == sorted(means, reverse=True)
    assert all(row["low"] > 0 for row in agreement)
    assert all(
        later < 0.75 * earlier for earlier, later in zip(means, means[1:], strict=False)
    )
    assert agreement[0]["right"] == 1 and 0.6 < agreement[-1]["right"] < 0.9


def test_the_states_stay_apart_where_the_jacobian_vanishes():
    p, vocabulary, _ = pretrained.load("pocket", np.float64)
    line = "the result is an array ( of the same shape and type as the input in which each element"
    ids = vocabulary.encode(
        f"{line} is the sum of all the elements along the axis".split()
    )[:-1]
    s = list(ids).index(vocabulary.ids["("])
    comma = np.where(np.arange(len(ids)) == s, vocabulary.ids[","], ids)
    h, other = (rnn.forward(p.cell, i[:, None])[0][:, 0] for i in (ids, comma))
    apart = np.linalg.norm(h - other, axis=1)[s:]
    slopes = [np.diag(1 - h_t**2) @ p.cell.W_h.T for h_t in h[s + 1 :]]
    jacobian = np.linalg.norm(np.linalg.multi_dot(slopes[::-1]), 2)
    assert apart[-1] > 0.5 * apart[0] and jacobian < 0.1
