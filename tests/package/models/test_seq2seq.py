"""Encoder and decoder: the equations, the gradient of every parameter, and what may not matter."""

import itertools
from functools import partial

import numpy as np
import pytest

from tests.support.closeness import assert_gradient
from tests.support.small_seq2seq import ANSWERS, SOURCES, D, H, V, batch, network
from unrolled import tree
from unrolled.cells import gru
from unrolled.layers import attention, bidirectional
from unrolled.models import seq2seq
from unrolled.training import optimizers, train

flags = list(itertools.product((False, True), (False, True)))
kinds = [(score, *flag) for score in (None, attention.additive) for flag in flags]
# A product wants keys as wide as queries, and both ends make them twice as wide.
kinds += [(attention.general, True, True), (attention.dot, True, False)]
kinds += [(attention.scaled_dot, False, False)]
every_kind = pytest.mark.parametrize(
    ("score", "feeding", "both_ends"),
    kinds,
    ids=lambda value: value.name if isinstance(value, attention.Score) else str(value),
)


def test_weights_begin_uniform_within_one_over_the_root_of_their_rows():
    p = seq2seq.init(np.random.default_rng(0), 20, 30, 40, dtype=np.float64)
    for W, rows in ((p.W_0, 80), (p.W_c, 120), (p.W_y, 40)):
        assert W.shape[0] == rows and W.min() < 0
        assert 0.99 < np.abs(W).max() * np.sqrt(rows) <= 1
    for cell in (*p.encoder, p.decoder):
        assert 0.29 < np.abs(cell.W_x).max() <= 0.3
    assert not (p.b_0.any() or p.b_c.any() or p.b_y.any())
    assert p.decoder.W_x.shape == (30 + 2 + 40, 120) and p.W_y.shape == (40, 31)
    assert p.b_y.shape == (31,)
    unfed = seq2seq.init(np.random.default_rng(0), 20, 30, 40, feeding=False)
    assert unfed.decoder.W_x.shape == (30 + 2, 120)


def test_weights_are_of_single_precision_if_not_told_otherwise():
    p = seq2seq.init(np.random.default_rng(0), D, V, H)
    assert {leaf.dtype for leaf in tree.leaves(p)} == {np.dtype(np.float32)}


def loss_by_hand(p, source, answer, score, feeding, both_ends):
    """The summed loss of one pair, step by step from the module's equations."""

    def read(cell, symbols):
        states = [np.zeros(H)]
        for symbol in symbols:
            states.append(gru.step(cell, np.eye(D)[symbol], states[-1]))
        return states[1:]

    if both_ends:
        onward, back = (
            read(p.encoder.onward, source),
            read(p.encoder.reverse, source[::-1]),
        )
        e = [np.concatenate(pair) for pair in zip(onward, back[::-1], strict=True)]
        end = np.concatenate([onward[-1], back[-1]])
    else:
        e = read(p.encoder, source)
        end = e[-1]
    h, combined = np.tanh(end @ p.W_0 + p.b_0), np.zeros(H)
    before, total = V + 1, 0.0
    for symbol in [*answer, V]:
        x = np.eye(V + 2)[before]
        h = gru.step(p.decoder, np.concatenate([x, combined]) if feeding else x, h)
        joined = h
        if score is not None:
            prepared = score.prepare(p.attention, np.array(e))
            scores = score.scores(p.attention, h[None], prepared)[0][0]
            w = np.exp(scores) / np.exp(scores).sum()
            joined = np.concatenate([sum(w[s] * e[s] for s in range(len(e))), h])
        combined = np.tanh(joined @ p.W_c + p.b_c)
        u = combined @ p.W_y + p.b_y
        total += np.log(np.exp(u).sum()) - u[symbol]
        before = symbol
    return total


@pytest.mark.equation(
    "eq-seq2seq-bridge",
    "eq-seq2seq-plain",
    "eq-seq2seq-feeding",
    "eq-seq2seq-combine",
    "eq-seq2seq-output",
)
@every_kind
def test_the_loss_is_the_equations_pair_by_pair(score, feeding, both_ends):
    p = network(score, feeding, both_ends)
    sums = [
        loss_by_hand(p, s, a, score, feeding, both_ends)
        for s, a in zip(SOURCES, ANSWERS, strict=True)
    ]
    symbols = sum(len(a) + 1 for a in ANSWERS)
    assert seq2seq.loss(p, batch(), score, feeding) == pytest.approx(
        sum(sums) / symbols, rel=1e-12
    )


@every_kind
def test_every_gradient_against_differences(score, feeding, both_ends):
    p = network(score, feeding, both_ends)
    loss, dp = seq2seq.loss_and_gradient(p, batch(), score, feeding)
    assert loss == pytest.approx(seq2seq.loss(p, batch(), score, feeding), rel=1e-12)
    assert_gradient(lambda p: seq2seq.loss(p, batch(), score, feeding), p, dp)


def test_attention_and_input_feeding_are_the_default_everywhere():
    score, feeding = attention.additive, True
    p, pairs = network(score, feeding, True), batch()
    logits, cache = seq2seq.forward(p, pairs, score, feeding)
    dlogits = np.random.default_rng(5).standard_normal(logits.shape)
    encoded = seq2seq.encode(p, pairs.source, pairs.source_mask, score)
    given = p, encoded.memory, pairs.inputs[:1], encoded.h0, np.ones_like(encoded.h0)
    steps = seq2seq.decode(*given, score, feeding)
    dsteps = p, steps, np.ones_like(steps.combined), np.ones_like(encoded.h0)
    for function, arguments in (
        (seq2seq.forward, (p, pairs)),
        (seq2seq.loss, (p, pairs)),
        (seq2seq.loss_and_gradient, (p, pairs)),
        (seq2seq.backward, (p, cache, dlogits)),
        (seq2seq.decode, given),
        (seq2seq.ddecode, dsteps),
        (seq2seq.answer, (p, SOURCES, 3)),
        (seq2seq.exactly_right, (p, SOURCES, ANSWERS, 3)),
    ):
        found, wanted = function(*arguments), function(*arguments, score, feeding)
        np.testing.assert_equal(found, wanted, err_msg=function.__name__)


def test_backward_takes_any_gradient_of_the_logits():
    score, feeding = attention.additive, True
    p, pairs = network(score, feeding, True, seed=4), batch()
    logits, cache = seq2seq.forward(p, pairs, score, feeding)
    dlogits = np.random.default_rng(5).standard_normal(logits.shape)

    def loss(p):
        return float((seq2seq.forward(p, pairs, score, feeding)[0] * dlogits).sum())

    assert_gradient(loss, p, seq2seq.backward(p, cache, dlogits, score, feeding))


@every_kind
def test_padding_counts_for_nothing(score, feeding, both_ends):
    p, small = network(score, feeding, both_ends), batch()
    wide = seq2seq.Batch(
        *(np.pad(a, ((0, 2), (0, 0)), constant_values=0) for a in small)
    )  # more padding, and another symbol in it
    for a, b in zip(
        tree.leaves(seq2seq.loss_and_gradient(p, small, score, feeding)[1]),
        tree.leaves(seq2seq.loss_and_gradient(p, wide, score, feeding)[1]),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, rtol=1e-10, atol=1e-13)
    together, weights = seq2seq.answer(p, SOURCES, 5, score, feeding)
    for b, source in enumerate(SOURCES):
        alone, looked = seq2seq.answer(p, [source], 5, score, feeding)
        np.testing.assert_array_equal(alone[0], together[b])
        if score is not None:
            np.testing.assert_allclose(looked[0], weights[b], rtol=1e-12)
            assert looked[0].shape[1] == len(source)


def test_an_answer_of_one_symbol_is_the_beginning_of_a_longer_one():
    p = tree.map(lambda w: 3 * w, network(attention.additive, True, True, seed=9))
    answers, weights = seq2seq.answer(p, SOURCES, 1)
    longer, longer_weights = seq2seq.answer(p, SOURCES, 4)
    assert max(map(len, longer)) > 1
    for b in range(len(SOURCES)):
        np.testing.assert_array_equal(answers[b], longer[b][:1])
        np.testing.assert_allclose(weights[b], longer_weights[b][:1], rtol=1e-12)


@every_kind
def test_an_answer_is_the_likeliest_symbol_after_its_own_symbols(
    score, feeding, both_ends
):
    for seed in range(100):
        p = tree.map(lambda w: 3 * w, network(score, feeding, both_ends, seed))
        answers, weights = seq2seq.answer(p, SOURCES, 6, score, feeding)
        if len({tuple(a) for a in answers}) > 1:
            break
    else:
        raise AssertionError("no network that answers differently to different sources")
    # its own answers, read as if they were right
    pairs = seq2seq.pad(SOURCES, answers, V)
    logits, cache = seq2seq.forward(p, pairs, score, feeding)
    wanted = logits.argmax(axis=-1)
    for b, answer in enumerate(answers):
        np.testing.assert_array_equal(wanted[: len(answer), b], answer)
        assert len(answer) == 6 or wanted[len(answer), b] == V
        if score is not None:
            steps = [some.attended.weights[b] for some in cache.steps]
            looked = np.concatenate(steps)[: len(weights[b]), : len(SOURCES[b])]
            np.testing.assert_allclose(weights[b], looked, rtol=1e-10)


def test_the_encoder_sees_the_end_that_is_real():
    p = network(None, False, True)
    assert isinstance(p.encoder, bidirectional.Params)
    source, mask = seq2seq.pad_sources(SOURCES)
    together = seq2seq.encode(p, source, mask, None).h0
    for b, ids in enumerate(SOURCES):
        alone = seq2seq.encode(p, *seq2seq.pad_sources([ids]), None).h0
        np.testing.assert_allclose(together[b], alone[0], rtol=1e-12)


def test_a_batch_holds_what_went_in():
    pairs = batch()
    assert pairs.source[:, 1].tolist() == [3, 0, 0, 0] and pairs.source_mask.sum() == 8
    assert pairs.inputs[:, 1].tolist() == [V + 1, 1, 1, 2]
    assert pairs.targets[:, 1].tolist() == [1, 1, 2, V]
    assert pairs.targets[:, 0].tolist() == [0, 3, V, V] and pairs.mask[:, 0].sum() == 3


@pytest.mark.parametrize(
    ("score", "solved"), [(attention.additive, True), (None, True)]
)
def test_it_learns_to_copy_short_sequences(score, solved):
    """Below half a nat in 150 steps; guessing costs log 5 = 1.6 nats a symbol."""

    def batches(epoch):
        rng = np.random.default_rng([5, epoch])
        drawn = [rng.integers(0, V, (16, 3)) for _ in range(150)]
        return [seq2seq.pad(list(s), list(s), V) for s in drawn]

    p = seq2seq.init(np.random.default_rng(0), V, V, 16, score, score is not None)
    model = partial(seq2seq.loss_and_gradient, score=score, feeding=score is not None)
    *_, last = train.train(
        p, batches, model, optimizers.adam, epochs=1, learning_rate=0.01, progress=False
    )
    assert (last.train_loss < 1.2) and (last.loss < 0.5) is solved
    assert last.params.W_y.dtype == np.float32


@pytest.mark.parametrize(
    ("sources", "answers", "message"),
    [
        ([], [], "at least one source"),
        ([np.array([1]), np.array([], int)], [np.array([1])] * 2, "source 1 is empty"),
        ([np.array([1])], [], "1 sources need as many answers, got 0"),
        ([np.array([1])], [np.arange(4)], "answer 0 has 4 symbols, the limit is 3"),
        (
            [np.array([1])],
            [np.array([V])],
            r"answer 0: symbols must lie in 0..3, got \[4\]",
        ),
        ([np.array([1])], [np.array([-1])], "symbols must lie in 0..3"),
    ],
)
def test_pairs_that_make_no_batch_are_named(sources, answers, message):
    with pytest.raises(ValueError, match=message):
        seq2seq.pad([np.asarray(s) for s in sources], answers, V, limit=3)


def test_what_the_network_cannot_read_is_named():
    p, pairs = network(attention.additive, True, True), batch()

    def refused(message, **changes):
        with pytest.raises(ValueError, match=message):
            seq2seq.loss_and_gradient(p, pairs._replace(**changes))

    refused(
        "the source is empty",
        source=pairs.source[:0],
        source_mask=pairs.source_mask[:0],
    )
    refused(
        "sequence 1 of the batch has no real step",
        source_mask=pairs.source_mask & (np.arange(3) != 1),
    )
    refused(
        r"source_mask must be \(4, 3\), got \(3, 3\)", source_mask=pairs.source_mask[1:]
    )
    refused(
        r"inputs must be \(T, 2\), got \(4, 3\)",
        source=pairs.source[:, :2],
        source_mask=pairs.source_mask[:, :2],
    )
    refused("ids must lie in 0..4", source=pairs.source + 1)
    with pytest.raises(ValueError, match="limit must be at least 1"):
        seq2seq.answer(p, SOURCES, 0)
    with pytest.raises(ValueError, match="source 1 is empty"):
        seq2seq.answer(p, [np.array([1]), np.array([], int)], 5)


def test_an_answer_is_exactly_right_or_not(monkeypatch):
    written = [np.array([1, 2]), np.array([1]), np.array([2, 1]), np.array([3])]
    asked = []
    monkeypatch.setattr(
        seq2seq, "answer", lambda *of: asked.append(of) or (written, None)
    )
    answers = [[1, 2], [1, 2], [1, 2], [3]]
    found = seq2seq.exactly_right(None, None, answers, 5)
    assert found.dtype == bool and found.tolist() == [True, False, False, True]
    assert asked == [(None, None, 5, attention.additive, True, seq2seq.decode)]
    # not as many answers as were written
    with pytest.raises(ValueError, match="shorter"):
        seq2seq.exactly_right(None, None, answers[:3], 5)
