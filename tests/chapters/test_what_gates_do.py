"""What gates do: the time constant of a cell, and the conclusions that the chapter draws."""

import itertools

import numpy as np
import pytest

from experiments.intervals import interval
from experiments.language_models import gated_language_models, trained_cells
from unrolled import records
from unrolled.cells import lstm
from unrolled.data import text
from unrolled.functional import cross_entropy, softmax
from unrolled.models import pretrained, probing


@pytest.mark.equation("eq-time-constant")
def test_the_time_constant_predicts_what_is_kept_over_the_text_it_was_measured_on():
    rng = np.random.default_rng(0)
    p = lstm.init(rng, 3, 5)
    # without candidates and with a full cell at the start, the cell holds the kept share itself
    p.W_x[:, 10:15] = p.W_h[:, 10:15] = p.b[10:15] = 0
    x = rng.standard_normal((40, 1, 3))
    _, cache = lstm.forward(p, x, np.zeros((1, 5)), np.ones((1, 5)))
    tau = -1 / np.log(cache.f[:, 0]).mean(axis=0)
    np.testing.assert_allclose(np.exp(-40 / tau), cache.c[-1, 0], rtol=1e-10)
    # a constant gate: f^k = exp(-k/tau), and tau is nearly 1/(1 - f) for f near 1
    assert -1 / np.log(0.98) == pytest.approx(1 / (1 - 0.98), rel=0.02)


NAMES = ("rnn", "gru", "lstm")


def measured(name, what):
    """What was measured in a network, of every seed."""
    seeds = records.load(f"{name}_language_model")["results"]["seeds"]
    assert len(seeds) >= 3
    return [what(seed) for seed in seeds]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_the_kept_weights_hold_what_the_record_says(name):
    """The recorded measures of the first seed, from the weights that the chapter loads."""
    params, vocabulary, _ = pretrained.load(name, np.float64)
    _, encoded = gated_language_models.prepared(len(vocabulary))
    cell = gated_language_models.CELLS[name]
    found = trained_cells.measure(cell, params, vocabulary, encoded.validation)
    (recorded, *_) = measured(name, lambda seed: seed)
    for fact, best in found["facts"].items():
        assert best["unit"] == recorded["facts"][fact]["unit"]
        assert best["score"] == pytest.approx(recorded["facts"][fact]["score"])
    np.testing.assert_allclose(found["time_constants"], recorded["time_constants"])
    np.testing.assert_allclose(
        found["gradient"]["0.5"], recorded["gradient"]["0.5"], atol=1e-9
    )
    for key in ("fast", "into_fast", "direct"):
        np.testing.assert_allclose(found[key], recorded[key])


def test_a_word_is_inside_between_the_signs_and_not_at_them():
    vocabulary = text.Vocabulary(["(", ")", '"', "a"])
    ids = np.array([vocabulary.ids[w] for w in 'a ( a ( a ) a " a a " a'.split()])
    found = trained_cells.inside(vocabulary, ids, "()")
    assert [*found.astype(int)] == [0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    found = trained_cells.inside(vocabulary, ids, '""')
    assert [*found.astype(int)] == [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, 0]


@pytest.mark.claim(
    "brackets-need-no-gate",
    "Every trained network, with and without gates, has a unit that tracks round brackets.",
    records=("rnn_language_model", "gru_language_model", "lstm_language_model"),
)
def test_every_network_has_a_unit_for_brackets():
    """The AUC of the best unit on held-out sentences: above 0.97 in each network, each seed."""
    for name in NAMES:
        assert min(measured(name, lambda s: s["facts"]["inside ( )"]["score"])) > 0.97


@pytest.mark.claim(
    "the-lstm-counts",
    "With every seed, the LSTM has a cell that follows the number of words read better than any "
    "unit of the plain network or of the GRU.",
    records=("rnn_language_model", "gru_language_model", "lstm_language_model"),
)
def test_the_lstm_counts_better_than_the_others():
    """r² with the position on held-out sentences: the lowest of the LSTM's seeds is above the
    highest of all others."""
    counts = {
        name: measured(name, lambda seed: seed["facts"]["position"]["score"])
        for name in NAMES
    }
    assert min(counts["lstm"]) > max(counts["rnn"] + counts["gru"])


@pytest.mark.claim(
    "the-bracket-cell-is-used",
    "Of all cells of the LSTM, emptying the bracket cell makes closing brackets hardest to "
    "predict, and other words no harder, with every seed.",
    records="lstm_language_model",
)
@pytest.mark.slow
def test_emptying_the_bracket_cell_harms_closing_brackets_only():
    """The change of the loss, cell emptied less whole. For every seed: no cell does more harm at
    closing brackets. In the kept weights: at closing brackets the lower end of the interval over
    sentences is above 0, at other words the upper end is below 0.02 nats."""
    for found in measured("lstm", lambda seed: seed["emptied"]):
        assert found["more"] == 0
        assert found["closing"] > 0.2 and abs(found["other"]) < 0.02
    params, vocabulary, _ = pretrained.load("lstm", np.float64)
    _, encoded = gated_language_models.prepared(len(vocabulary))
    chosen, _ = trained_cells.sentences(encoded.validation)
    opening, ending = vocabulary.ids["("], vocabulary.ids[")"]
    few = text.pad([ids for ids in chosen if opening in ids][:60])
    sentence = np.broadcast_to(np.arange(few.mask.shape[1]), few.mask.shape)[few.mask]
    targets = few.targets[few.mask]
    closing = targets == ending
    embedding, layer = params.cell

    def losses(units):
        h = probing.forward_without(layer, embedding.E[few.inputs], units)[few.mask]
        return cross_entropy(h @ params.W_y + params.b_y, targets)

    unit, *_ = measured("lstm", lambda seed: seed["facts"]["inside ( )"]["unit"])
    change = losses([unit]) - losses([])
    assert interval(change[closing], sentence[closing])["low"] > 0
    assert interval(change[~closing], sentence[~closing])["high"] < 0.02


@pytest.mark.claim(
    "time-constants-spread",
    "Training spreads the time constants of the LSTM's cells: half forget within one or two "
    "words, and a few remember for many words.",
    records="lstm_language_model",
)
def test_training_spreads_the_time_constants():
    """The 90 % quantile of the cells' time constants over their 10 % quantile: above 5 with every
    seed, below 1.5 before training. Half are below two words, the longest above six."""
    params, _, _ = pretrained.load("lstm", np.float64)
    _, encoded = gated_language_models.prepared(4000)
    _, batch = trained_cells.sentences(encoded.validation)
    vectors, layer = params.cell
    H = len(layer.W_h)
    fresh = lstm.init(np.random.default_rng(1), H, H)
    _, cache = lstm.forward(fresh, vectors.E[batch.inputs])
    before = trained_cells.time_constants(cache.f[batch.mask])
    for tau in measured("lstm", lambda seed: seed["time_constants"]):
        assert np.divide(*np.quantile(tau, (0.9, 0.1))) > 5
        assert np.median(tau) < 2 and max(tau) > 6
    assert np.divide(*np.quantile(before, (0.9, 0.1))) < 1.5


@pytest.mark.claim(
    "gru-gradient-reaches-farthest",
    "The gradient shrinks in all three trained networks, fastest in the plain one and least in "
    "the GRU, with every seed.",
    records=("rnn_language_model", "gru_language_model", "lstm_language_model"),
)
def test_the_gradient_of_the_gru_reaches_farthest():
    """The gradient 30 words back over that one word back: with every pair of seeds, the lower
    quartile of the sentences in the GRU is above the upper quartile in the LSTM, and the LSTM's
    above that of the plain network."""
    low, high = (
        {
            name: measured(name, lambda seed, q=q: seed["gradient"][q][-1])
            for name in NAMES
        }
        for q in ("0.25", "0.75")
    )
    assert max(itertools.chain(*high.values())) < 0
    assert min(low["gru"]) > max(high["lstm"])
    assert min(low["lstm"]) > max(high["rnn"])


@pytest.mark.claim(
    "the-direct-path-explains-no-difference",
    "LSTM and GRU have about as many fast units, which receive about the same share of the "
    "squared gradient, and in both the direct path gives about half of the gradient or less.",
    records=("gru_language_model", "lstm_language_model"),
)
def test_neither_fast_units_nor_the_direct_path_explain_the_difference():
    """Shares of the units, of the squared gradient, and of the norm in the median sentence: the
    means of the two networks differ by less than 0.15, and every seed lies in the range named."""
    for what, low, high in (
        (lambda seed: seed["fast"], 0.6, 0.8),
        (lambda seed: seed["into_fast"], 0.6, 0.8),
        (lambda seed: seed["direct"][1], 0.3, 0.55),
    ):
        found = [measured(name, what) for name in ("gru", "lstm")]
        assert abs(np.mean(found[0]) - np.mean(found[1])) < 0.15
        assert low < min(itertools.chain(*found))
        assert max(itertools.chain(*found)) < high


def test_the_bracket_cell_matters_inside_a_bracket_and_not_in_the_sentence_without_one():
    """The largest change of a probability after the two sentences that the page names."""
    params, vocabulary, _ = pretrained.load("lstm", np.float64)
    vectors, layer = params.cell

    def change(sentence):
        x = vectors.E[vocabulary.encode(text.tokens(sentence))[:-1]][:, None]
        whole, emptied = (
            softmax(
                probing.forward_without(layer, x, cells)[-1, 0] @ params.W_y
                + params.b_y
            )
            for cells in ([], [29])
        )
        return abs(whole - emptied).max()

    assert change("the function returns a list of") < 0.01
    assert change("the default value ( if not given") > 0.3
