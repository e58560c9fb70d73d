"""What gates do: the time constant of a cell, and the conclusions that the chapter draws."""

import functools
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from experiments.intervals import interval
from unrolled import records
from unrolled.cells import gru, lstm, rnn
from unrolled.data import text
from unrolled.functional import cross_entropy, dcross_entropy
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


@functools.cache
def validation():
    """The sentences of 12 to 40 ids of the validation documents, and the document of each."""
    _, vocabulary, _ = pretrained.load("lstm")
    documents, _ = text.remove_duplicates(text.corpus())
    found = [
        (ids, d)
        for d, document in enumerate(text.split(documents).validation)
        for ids in text.encode([document], vocabulary)
        if len(ids) >= 12
    ]
    return vocabulary, found


def inside(ids, opening, closing):
    """True at each word between an opening and a closing sign, as in the chapter."""
    depth, found = False, []
    for word in ids:
        found.append(depth and word != closing)
        depth = word == opening or (depth and word != closing)
    return found


@functools.cache
def trained():
    """The values of both trained networks at 1,500 sentences, a half of them held out."""
    vocabulary, found = validation()
    short = [pair for pair in found if len(pair[0]) <= 40]
    order = np.random.default_rng(0).permutation(len(short))[:1500]
    batch = text.pad([short[i][0] for i in order])
    signs = vocabulary.ids["("], vocabulary.ids[")"]
    labels = np.zeros(batch.mask.shape, bool)
    for b, i in enumerate(order):
        ids = short[i][0][:-1]
        labels[: len(ids), b] = inside(ids, *signs)
    params, _, _ = pretrained.load("lstm", np.float64)
    plain, _, _ = pretrained.load("pocket", np.float64)
    embedding, layer = params.cell
    _, cache = lstm.forward(layer, embedding.E[batch.inputs])
    sentence = np.broadcast_to(np.arange(len(order)), batch.mask.shape)[batch.mask]
    position = np.indices(batch.mask.shape)[0][batch.mask]
    return SimpleNamespace(
        params=params,
        batch=batch,
        closing=signs[1],
        few=[short[i][0] for i in order if signs[0] in short[i][0]][:60],
        brackets=labels[batch.mask],
        position=position,
        sentence=sentence,
        document=np.array([short[i][1] for i in order])[sentence],
        held_out=sentence % 2 == 1,
        forget=cache.f[batch.mask],
        values={
            "LSTM": cache.c[batch.mask],
            "plain RNN": rnn.forward(plain.cell, batch.inputs)[0][batch.mask],
        },
    )


def gain_over_documents(score, target, less, more, draws=200):
    """The lower end of the 95 % interval of how much better the best unit of one network is.

    Whole documents are resampled, among the sentences that did not choose the units.
    """
    t = trained()
    values = {}
    for name in (less, more):
        unit, _ = probing.best_unit(score, t.values[name], target, t.held_out)
        values[name] = t.values[name][:, [unit]]
    rows = {d: np.flatnonzero(t.held_out & (t.document == d)) for d in set(t.document)}
    rng, gains = np.random.default_rng(0), []
    for _ in range(draws):
        drawn = np.concatenate([rows[d] for d in rng.choice([*rows], len(rows))])
        less_found, more_found = (
            score(values[name][drawn], target[drawn])[0] for name in (less, more)
        )
        gains.append(more_found - less_found)
    return np.quantile(gains, 0.025)


@pytest.mark.claim(
    "brackets-need-no-gate",
    "A unit of the trained plain network tracks round brackets better than the best cell of the "
    "trained LSTM.",
)
@pytest.mark.slow
def test_the_plain_network_tracks_brackets_better():
    """The AUC of the plain network's best unit, less that of the LSTM's best cell, on held-out
    sentences: the lower end of its interval over documents is above 0."""
    gain = gain_over_documents(
        probing.separation, trained().brackets, "LSTM", "plain RNN"
    )
    assert gain > 0


@pytest.mark.claim(
    "the-lstm-counts",
    "A cell of the trained LSTM counts words nearly linearly; no unit of the trained plain network "
    "does.",
)
def test_a_cell_of_the_lstm_counts_and_no_unit_of_the_plain_network_does():
    """r² with the position: above 0.8 for the LSTM's best cell, below 0.5 for every unit of the
    plain network; the lower end of the gain's interval over documents is above 0.3."""
    t = trained()
    score = probing.squared_correlation
    _, found = probing.best_unit(score, t.values["LSTM"], t.position, t.held_out)
    assert found > 0.8
    assert score(t.values["plain RNN"], t.position).max() < 0.5
    assert gain_over_documents(score, t.position, "plain RNN", "LSTM") > 0.3


@pytest.mark.claim(
    "the-bracket-cell-is-used",
    "Emptying the bracket cell makes closing brackets harder to predict, and other words no "
    "harder; it is not the only cell that is needed.",
)
@pytest.mark.slow
def test_emptying_the_bracket_cell_harms_closing_brackets_only():
    """The change of the loss, cell emptied less whole: at closing brackets the lower end of the
    interval over sentences is above 0, at other words the upper end is below 0.02 nats. A different
    cell does more harm at closing brackets."""
    t = trained()
    unit, _ = probing.best_unit(
        probing.separation, t.values["LSTM"], t.brackets, t.held_out
    )
    embedding, layer = t.params.cell
    few = text.pad(t.few)
    sentence = np.broadcast_to(np.arange(len(t.few)), few.mask.shape)[few.mask]
    targets = few.targets[few.mask]
    closing = targets == t.closing

    def losses(units):
        h = probing.forward_without(layer, embedding.E[few.inputs], units)[few.mask]
        return cross_entropy(h @ t.params.W_y + t.params.b_y, targets)

    whole = losses([])
    change = losses([unit]) - whole
    assert interval(change[closing], sentence[closing])["low"] > 0
    assert interval(change[~closing], sentence[~closing])["high"] < 0.02
    others = [
        (losses([other]) - whole)[closing].mean()
        for other in range(len(layer.W_h))
        if other != unit
    ]
    assert max(others) > change[closing].mean()


def time_constants(gate):
    return -1 / np.log(gate).mean(axis=0)


@pytest.mark.claim(
    "time-constants-spread",
    "Training spreads the time constants of the cells, from about a word to longer than most "
    "sentences.",
)
def test_training_spreads_the_time_constants():
    """The 90 % quantile of the cells' time constants over their 10 % quantile: above 5 when
    trained, below 1.5 before. Some trained cell remembers longer than most sentences."""
    t = trained()
    embedding, layer = t.params.cell
    H = len(layer.W_h)
    fresh = lstm.init(np.random.default_rng(1), H, H)
    _, cache = lstm.forward(fresh, embedding.E[t.batch.inputs])
    after, before = time_constants(t.forget), time_constants(cache.f[t.batch.mask])
    spread = [np.divide(*np.quantile(tau, (0.9, 0.1))) for tau in (after, before)]
    assert spread[0] > 5 and spread[1] < 1.5
    assert np.quantile(after, 0.1) < 1.5
    assert after.max() > np.quantile(np.bincount(t.sentence), 0.9)


@pytest.mark.claim(
    "gru-gradient-reaches-farthest",
    "The gradient shrinks in all three trained networks, and least in the GRU.",
    records="gated_gradient_by_distance",
)
def test_the_gradient_of_the_gru_reaches_farthest():
    """The gradient 30 words back over that one word back: the lower quartile of the sentences in
    the GRU is above the upper quartile in the LSTM and in the plain network, which overlap."""
    models = records.load("gated_gradient_by_distance")["results"]["models"]
    low, high = (
        {name: found["log10_quantiles"][q][-1] for name, found in models.items()}
        for q in ("0.25", "0.75")
    )
    assert max(high.values()) < 0
    assert low["GRU"] > max(high["LSTM"], high["RNN"])
    assert low["LSTM"] < high["RNN"] < high["LSTM"]


@functools.cache
def last_word(name):
    """What the chapter measures after 31 words: the gradient into the units of the last step, the
    gates of 30 steps, the norm of the gradient 30 words back, and each sentence's document."""
    _, found = validation()
    long = [(ids[:32], d) for ids, d in found if len(ids) >= 32]
    ids = np.stack([ids for ids, _ in long], axis=1)
    p, _, _ = pretrained.load(name, np.float64)
    module = {"lstm": lstm, "gru": gru}[name]
    layer, vectors = p.cell[1], p.cell[0].E[ids[:-1]]
    first, cache = module.forward(layer, vectors[:1])
    state = (first[0],) if name == "gru" else (first[0], cache.c[0])
    h, cache = module.forward(layer, vectors[1:], *state)
    logits = h[-1] @ p.W_y + p.b_y
    dh = np.zeros_like(h)
    dh[-1] = dcross_entropy(logits, ids[-1], np.ones(len(long))) @ p.W_y.T
    _, _, *dstate = module.backward(layer, cache, dh)
    whole = np.linalg.norm(np.concatenate(dstate, axis=-1), axis=-1)
    documents = np.array([d for _, d in long])
    if name == "gru":
        return dh[-1], cache.z, whole, documents
    dc = dh[-1] * cache.o[-1] * (1 - np.tanh(cache.c[-1]) ** 2)
    return dc, cache.f, whole, documents


@pytest.mark.claim(
    "the-gradient-enters-fast-cells",
    "More than half of the squared gradient enters the LSTM's cells with a time constant below two "
    "words, a minority; most units of the GRU are as fast; in both the direct path carries less "
    "than half.",
)
def test_the_gradient_enters_fast_cells():
    """The share of a sentence's squared gradient that enters fast cells: the lower end of its
    interval over documents is above a half. The share of sentences in which the direct path has
    less than half of the gradient's norm, 30 words back: the lower end is above a half."""
    fast_units = {}
    for name in ("lstm", "gru"):
        d, gate, whole, documents = last_word(name)
        fast = time_constants(gate.reshape(-1, gate.shape[-1])) < 2
        fast_units[name] = fast.mean()
        shares = (d[:, fast] ** 2).sum(axis=1) / (d**2).sum(axis=1)
        direct = np.linalg.norm(d * gate.prod(axis=0), axis=1) / whole
        assert interval(direct < 0.5, documents)["low"] > 0.5
        if name == "lstm":
            assert interval(shares, documents)["low"] > 0.5
    assert fast_units["lstm"] < 0.5 < fast_units["gru"]
