"""The equations of the chapter on far words, on a small model, and its claims of the record."""

import numpy as np
import pytest

from experiments.language_models import agreement, far_words, gradient_by_distance
from tests.support.cell_cases import shaken
from unrolled import records
from unrolled.cells import rnn
from unrolled.data import text
from unrolled.data.text import Document, Vocabulary
from unrolled.gradients import jacobians
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
WORDS += ["elements", ","]


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


def documents(*parts):
    return [Document(str(i), tuple(lines)) for i, lines in enumerate(parts)]


def test_pairs_of_brackets_have_no_other_inside(vocabulary):
    first = ["the ( value ) of", "( the ( value of ) )", "the ) ( )", "( the value"]
    found, sources = far_words.brackets(
        documents(first, ["the of"], ["( is )"]), vocabulary
    )
    assert [(vocabulary.decode(ids), place) for ids, place in found] == [
        (["the", "(", "value"], 2),
        (["(", "the", "(", "value", "of"], 3),
        (["(", "is"], 1),
    ]
    assert sources == [0, 0, 2]


@pytest.mark.equation("eq-bracket-effect")
def test_the_effect_of_a_bracket(p, vocabulary, monkeypatch):
    monkeypatch.setattr(far_words, "REPLACEMENTS", 1)
    pairs, _ = far_words.brackets(documents(["the of ( value array ) is"]), vocabulary)
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


def test_a_latch_compares_states_and_follows_the_derivative(p, vocabulary, monkeypatch):
    monkeypatch.setattr(far_words, "LATER", [1, 2])
    ids = vocabulary.encode("the ( value of the array ) is ( is )".split())
    pairs = [(ids[:7], 2), (ids[:11], 9)]  # the second does not reach so far
    which, apart, jacobian = far_words.latch(p, pairs, vocabulary)
    assert which.tolist() == [0] and apart.shape == jacobian.shape == (2, 1)

    def states(words, h=None):
        found = [np.zeros(6) if h is None else h]
        for i in words:
            found.append(np.tanh(p.cell.W_x[i] + found[-1] @ p.cell.W_h + p.cell.b))
        return np.array(found[1:])

    h = states(ids[:5])
    comma = states([*ids[:2], vocabulary.ids[","], *ids[3:5]])
    far = np.linalg.norm(h - comma, axis=1)
    np.testing.assert_allclose(apart[:, 0], far[3:5] / far[2], rtol=1e-12)
    d = 1e-6
    for row, later in enumerate((1, 2)):
        numeric = [
            states(ids[3 : 3 + later], h[2] + d * e)[-1]
            - states(ids[3 : 3 + later], h[2] - d * e)[-1]
            for e in np.eye(6)
        ]
        norm = np.linalg.norm(np.array(numeric) / (2 * d), 2)
        assert jacobian[row, 0] == pytest.approx(norm, rel=1e-7)


def test_long_sentences_are_those_of_the_gradients_by_distance():
    parts = text.split(text.remove_duplicates(text.corpus())[0])
    _, vocabulary, _ = pretrained.load("pocket")
    inputs, targets, of = far_words.long_sentences(
        parts.validation, vocabulary, 31, np.random.default_rng(0), 40
    )
    same = gradient_by_distance.long_sentences(
        vocabulary, 31, np.random.default_rng(0), 40
    )
    assert np.array_equal(inputs, same[0]) and np.array_equal(targets, same[1])
    for number, ids in zip(of[:5], inputs.T[:5], strict=True):
        sentences = text.encode([parts.validation[number]], vocabulary)
        assert any(np.array_equal(one[:31], ids) for one in sentences)


def test_subjects_are_nouns_that_often_stand_before_their_verb(vocabulary):
    lines = ["the value is"] * 3 + ["the values are"] * 2 + ["the array is"] * 3
    lines += ["the element is", "the elements are", "the elements are"]
    encoded = [vocabulary.encode(line.split()) for line in lines]
    assert agreement.subjects(encoded, vocabulary, 3, 2) == ["value"]
    assert agreement.subjects(encoded, vocabulary, 1, 2) == ["value", "element"]


@pytest.mark.equation("eq-agreement")
@pytest.mark.parametrize("distance", [1, 4])
def test_agreement_compares_two_numbers_of_one_subject(
    p, vocabulary, distance, monkeypatch
):
    monkeypatch.setattr(agreement, "BETWEEN", {distance: agreement.BETWEEN[distance]})
    nouns = ["value", "element", "array"]
    found = agreement.margins(p, vocabulary, nouns, np.random.default_rng(0))[distance]
    are, is_ = vocabulary.ids["are"], vocabulary.ids["is"]
    subject, contexts = agreement.contexts(nouns, distance, np.random.default_rng(0))
    assert found.subject.tolist() == subject

    def margin(words):
        logs = log_p(p, vocabulary.encode(words)[:-1])
        return logs[are] - logs[is_]

    for n, (i, words) in enumerate(zip(subject, contexts, strict=True)):
        assert words[1] == nouns[i] + "s" and len(words) == distance + 1
        assert set(words[2:]) <= {"of", "the", *nouns} - {nouns[i]}
        singular = ["the", nouns[i], *words[2:]]
        assert found.plural[n] == pytest.approx(margin(words), abs=1e-12)
        assert found.singular[n] == pytest.approx(margin(singular), abs=1e-12)
    shift = agreement.summary(found)["shift"]
    assert shift["mean"] == pytest.approx((found.plural - found.singular).mean())
    assert shift["units"] == 3 and shift["n"] == len(subject)


def test_the_shares_of_agreement_count_contexts():
    margins = agreement.Margins(
        np.array([0, 0, 1, 1]),
        np.array([2.0, -1.0, -3.0, 0.5]),
        np.array([1.0, -2.0, -1.0, -0.5]),
    )
    found = agreement.summary(margins)
    shares = "right_way", "are_after_plural", "are_after_singular"
    assert [found[name]["mean"] for name in shares] == [0.75, 0.5, 0.25]


def test_a_summary_by_distance_shows_what_a_few_sentences_add():
    row = np.array([[1.0] * 16 + [-10, 20, 4, 1]])
    (found,) = far_words.by_distance(row, np.repeat(np.arange(10), 2))
    assert (found["mean"], found["median"]) == (31 / 20, 1)
    assert found["three_largest"] == pytest.approx(34 / 51) and found["units"] == 10


# --- what the chapter concludes from the record --------------------------------------------------


@pytest.fixture(scope="module")
def trained():
    return records.load("far_words")["results"]["trained"]


@pytest.mark.claim(
    "typical-effect-falls",
    "For a typical sentence, the effect of a word falls with its distance, by gradient and by "
    "replacement.",
    records="far_words",
)
@pytest.mark.parametrize("measure", ["gradient_norm", "gradient_times_input", "kl"])
def test_the_typical_effect_of_a_word_falls_with_its_distance(trained, measure):
    """The medians over sentences at 1, 2, 5, 10, 20 and 30 words: each is smaller than the one
    before by a fifth at least."""
    medians = [trained[measure][k - 1]["median"] for k in (1, 2, 5, 10, 20, 30)]
    pairs = zip(medians, medians[1:], strict=False)
    assert all(later < 0.8 * earlier for earlier, later in pairs)


@pytest.mark.claim(
    "means-are-few-sentences",
    "At ten words, a few sentences, in which the gradient explodes, dominate the mean of "
    "|gradient · input|.",
    records="far_words",
)
def test_a_few_sentences_make_the_mean_at_ten_words(trained):
    """The share of the three largest sentences in the sum at 10 words and at 1 word, the ratio of
    mean and median, and the number of sentences whose gradient is larger than at 1 word."""
    near, middle, far = (trained["gradient_times_input"][k - 1] for k in (1, 5, 10))
    assert far["three_largest"] > 0.5 > 0.1 > near["three_largest"]
    assert (
        trained["kl"][19]["three_largest"]
        > 0.5
        > 0.1
        > trained["kl"][0]["three_largest"]
    )
    assert far["mean"] > 5 * far["median"] and near["mean"] < 2 * near["median"]
    assert far["mean"] > 0.9 * middle["mean"] and far["median"] < middle["median"] / 2
    assert 1 <= trained["gradient_grows"][9] <= 5


@pytest.mark.slow
@pytest.mark.claim(
    "one-passage-explodes",
    "The three sentences that dominate the mean at ten words come from one document and are "
    "nearly the same, and in each of them the product of the Jacobians grows.",
)
def test_one_passage_has_the_growing_products():
    """The three sentences with the largest |gradient · input| at 10 words: only their gradients are
    longer there than at 1 word, they are from one document, and nine Jacobians have a product whose
    norm is ten times the median at least."""
    p, vocabulary, _ = pretrained.load("pocket", np.float64)
    parts = text.split(text.remove_duplicates(text.corpus())[0])
    inputs, targets, documents = far_words.long_sentences(
        parts.validation, vocabulary, 31, np.random.default_rng(0), far_words.SENTENCES
    )
    norm, times_input = far_words.attribution(p, inputs, targets)
    largest = set(np.argsort(-abs(times_input[9]))[:3])
    assert largest == set(np.flatnonzero(norm[9] > norm[0]))
    assert len({documents[i] for i in largest}) == 1
    words = [inputs[:, i] for i in largest]
    assert max((a != b).sum() for a in words for b in words) <= 3
    assert sum(np.array_equal(a, b) for a in words for b in words) == 5
    h, _ = rnn.forward(p.cell, inputs)
    grown = [
        np.linalg.norm(jacobians.products(p.cell, h[-9:, i])[-1], 2)
        for i in range(inputs.shape[1])
    ]
    assert np.median(grown) == pytest.approx(0.7, abs=0.05)
    assert all(11 < grown[i] < 28 for i in largest)
    assert (np.array(grown) > 10).sum() == 5


@pytest.mark.slow
def test_ten_pairs_of_brackets_are_too_far_apart_for_the_table(trained):
    """The record's rows end at 24 words, and the held-out documents have ten pairs beyond."""
    _, vocabulary, _ = pretrained.load("pocket", np.float64)
    parts = text.split(text.remove_duplicates(text.corpus())[0])
    pairs, _ = far_words.brackets(parts.validation + parts.test, vocabulary)
    distances = np.array([len(ids) - place for ids, place in pairs])
    assert (distances > 24).sum() == 10
    counted = sum(row["bracket"]["n"] for row in trained["brackets"].values())
    assert counted == len(pairs) - 10


@pytest.mark.claim(
    "brackets-count-at-every-distance",
    "The opening bracket raises the probability of the closing bracket many times at every "
    "distance measured; the word before it has less than a tenth of this effect.",
    records="far_words",
)
def test_the_bracket_counts_at_every_distance_and_the_control_at_none(trained):
    """Δ in nats, by distance: the lower end of its interval by document is above 3; the ends of
    that of the control are smaller than a tenth of it."""
    found = list(trained["brackets"].values())
    assert found[0]["distance"] < 3 and found[-1]["distance"] > 17
    for row in found:
        assert row["bracket"]["low"] > 3
        control = max(abs(row["control"][end]) for end in ("low", "high"))
        assert control < 0.1 * row["bracket"]["low"]


@pytest.mark.claim(
    "brackets-are-kept",
    "At ten words and more, the bracket has more than half of its effect at two words.",
    records="far_words",
)
def test_the_bracket_keeps_more_than_half_of_its_effect(trained):
    """Δ at each distance from 10 words on: the lower end of its interval by document is above half
    of the mean at 2 words. At one of these distances its upper end is below the mean at 4 words."""
    found = trained["brackets"]
    far = [row["bracket"] for row in found.values() if row["distance"] > 10]
    assert len(far) >= 3
    assert min(row["low"] for row in far) > found["2"]["bracket"]["mean"] / 2
    assert min(row["high"] for row in far) < found["4"]["bracket"]["mean"]
    near = [found[name]["bracket"] for name in ("4", "5", "6–7")]
    assert all(row["mean"] - found["10–12"]["bracket"]["mean"] > 1 for row in near)
    for name in ("13–16", "17–24"):
        row = found[name]["bracket"]
        assert all(row["low"] < o["high"] and o["low"] < row["high"] for o in near)
    assert far[-1]["mean"] > np.log(100)


@pytest.mark.claim(
    "states-stay-apart",
    "After a bracket and after a comma, the states stay apart for 15 words, while the derivative "
    "with respect to the state at the bracket falls.",
    records="far_words",
)
def test_the_states_stay_apart_while_the_derivative_falls(trained):
    """In the same pairs of brackets, 15 words later against 2 words later, intervals by document:
    the distance of the states keeps more than 0.7 of its mean, and the norm of the derivative less
    than half."""
    apart, jacobian = (
        [trained["latch"][name][k] for k in (0, -1)] for name in ("apart", "jacobian")
    )
    assert trained["latch"]["words_later"] == [2, 5, 10, 15]
    assert 0.5 < apart[0]["low"] < apart[0]["high"] < 0.65
    assert apart[1]["low"] > 0.7 * apart[0]["mean"]
    assert jacobian[1]["high"] < 0.5 * jacobian[0]["mean"]


@pytest.mark.claim(
    "subjects-shift-the-verb",
    "A plural subject still shifts the odds of are against is 13 words later, but far less than "
    "directly before the verb.",
    records="far_words",
)
def test_the_number_of_a_far_subject_shifts_the_verb(trained):
    """Δ at 1, 4, 7, 10 and 13 words, intervals by subject: each lower end is above 0; those at 1, 4
    and 7 words do not overlap, nor do 7 and 13."""
    shifts = [row["shift"] for row in trained["agreement"].values()]
    assert shifts[0]["units"] == len(trained["subjects"]) > 40
    assert all(row["low"] > 0 for row in shifts)
    for earlier, later in ((0, 1), (1, 2), (2, 4)):
        assert shifts[later]["high"] < shifts[earlier]["low"]
    assert shifts[4]["high"] < 0.1 * shifts[0]["low"]


@pytest.mark.claim(
    "subjects-seldom-decide-the-verb",
    "At distances of 4 words and more, the network nearly always prefers is to are after a plural "
    "subject, which is wrong.",
    records="far_words",
)
def test_a_far_plural_subject_seldom_makes_are_the_likelier_verb(trained):
    """The share of contexts with p(are) > p(is) after a plural subject, by subject: above 0.9 at
    1 word; the upper end of the interval is below 0.2 from 4 words on; it is 0 from 10 on."""
    shares = [row["are_after_plural"] for row in trained["agreement"].values()]
    assert shares[0]["low"] > 0.9 and all(row["high"] < 0.2 for row in shares[1:])
    assert [row["mean"] for row in shares[3:]] == [0, 0]  # three and four phrases


def test_the_chapter_on_generating_text_finds_the_same(trained):
    """Its subjects are the same nouns, and with one singular noun between, so is its share."""
    p, vocabulary, _ = pretrained.load("pocket", np.float64)
    parts = text.split(text.remove_duplicates(text.corpus())[0])
    nouns = agreement.subjects(text.encode(parts.train, vocabulary), vocabulary)
    assert nouns == trained["subjects"]
    contexts = [
        ["the", noun + "s", "of", "the", other]
        for i, noun in enumerate(nouns)
        for other in (nouns[i - 3], nouns[i - 7])
    ]
    ids = np.stack([vocabulary.encode(words)[:-1] for words in contexts], axis=1)
    u = far_words.last_logits(p, ids)
    share = np.mean(u[:, vocabulary.ids["are"]] > u[:, vocabulary.ids["is"]])
    recorded = trained["agreement"]["4"]["are_after_plural"]["mean"]
    assert share == pytest.approx(recorded, abs=0.1)
