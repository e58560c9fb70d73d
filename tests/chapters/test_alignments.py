"""Input feeding's gradient, and what a trained network looks at, read from its weights."""

import numpy as np
import pytest

from tests.support.small_seq2seq import batch, network
from unrolled import records, tree
from unrolled.data import dates
from unrolled.functional import cross_entropy, dcross_entropy
from unrolled.gradients import gradcheck
from unrolled.layers import attention
from unrolled.models import seq2seq
from unrolled.training import checkpoint


@pytest.mark.equation("eq-seq2seq-dfeeding")
def test_what_is_fed_on_has_two_readers():
    score = attention.general
    p, pairs = network(score, True, True, seed=1), batch()
    encoded = seq2seq.encode(p, pairs.source, pairs.source_mask, score)
    T = len(pairs.inputs)
    dlosses = pairs.mask / pairs.mask.sum()

    def run(pushes):
        """The loss, with a push added to each h~ before it is read by anybody."""
        h, combined, steps, loss = encoded.h0, np.zeros_like(encoded.h0), [], 0.0
        for t in range(T):
            some = seq2seq.decode(
                p, encoded.memory, pairs.inputs[[t]], h, combined, score
            )
            h, combined = some.cell.h[-1], some.combined[-1] + pushes[t]
            losses = cross_entropy(combined @ p.W_y + p.b_y, pairs.targets[t])
            loss += float((losses * dlosses[t]).sum())
            steps.append(some)
        return loss, steps

    nothing = np.zeros((T, *encoded.h0.shape))
    _, steps = run(nothing)
    dh, fed = np.zeros_like(encoded.h0), 0.0
    found = np.empty_like(nothing)
    for t in reversed(range(T)):
        logits = steps[t].combined[-1] @ p.W_y + p.b_y
        own = dcross_entropy(logits, pairs.targets[t], dlosses[t]) @ p.W_y.T
        found[t] = own + fed
        *_, dh, fed, _, _ = seq2seq.ddecode(p, steps[t], found[[t]], dh, score)
    far, near = (
        gradcheck.central_difference(
            lambda pushes: run(pushes)[0], nothing.copy(), epsilon
        )
        for epsilon in (2e-3, 1e-3)
    )
    np.testing.assert_allclose(found, (4 * near - far) / 3, rtol=1e-7, atol=1e-10)


@pytest.fixture(scope="module")
def trained():
    """The network that experiments/attention/attention_dates.py kept."""
    path = records.FOLDER / "attention_dates.npz"
    H = checkpoint.load_facts(path)["H"]
    like = seq2seq.init(
        np.random.default_rng(0),
        len(dates.ALPHABET),
        len(dates.ANSWERS),
        H,
        attention.general,
    )
    return tree.map(
        lambda weight: weight.astype(np.float32), checkpoint.load(path, like)
    )


def answers(p, examples):
    sources = [dates.encode(example.text) for example in examples]
    written, weights = seq2seq.answer(p, sources, 11, attention.general)
    return [dates.decode_answer(ids) for ids in written], weights


def test_the_weight_lies_on_the_characters_that_say_what_is_written(trained):
    """Nine tenths of it lie there or one character beside; of an even weight less than half."""
    examples = dates.draw(np.random.default_rng(11), 300, held_out=True)
    _, weights = answers(trained, examples)
    even = [np.full((10, len(e.text)), 1 / len(e.text)) for e in examples]
    for margin, least, at_most_even in ((1, 0.9, 0.45), (0, 0.7, 0.32)):
        for looked, fits in ((weights, True), (even, False)):
            shares = [
                dates.aligned(e, w, margin)
                for e, w in zip(examples, looked, strict=True)
            ]
            for part in dates.ANSWERED_AT:
                mean = np.mean([share[part] for share in shares])
                assert mean >= least if fits else mean <= at_most_even


def test_the_trained_network_writes_held_out_dates(trained):
    examples = dates.draw(np.random.default_rng(12), 500, held_out=True)
    written, _ = answers(trained, examples)
    right = [w == e.answer for w, e in zip(written, examples, strict=True)]
    assert np.mean(right) >= 0.99


def test_looking_elsewhere_gives_another_answer(trained):
    """The weights are used: with the year's characters masked, the year is no longer right."""
    example = dates.draw(np.random.default_rng(13), 1, True, ("{d} {Month} {yyyy}",))[0]
    source, mask = seq2seq.pad_sources([dates.encode(example.text)])
    encoded = seq2seq.encode(trained, source, mask, attention.general)
    hidden = encoded.memory.mask.copy()
    span = example.spans["year"]
    hidden[..., span.start - 1 : span.stop] = False
    for memory, is_right in (
        (encoded.memory, True),
        (encoded.memory._replace(mask=hidden), False),
    ):
        h, combined, symbol, written = encoded.h0, np.zeros_like(encoded.h0), 12, []
        for _ in range(10):
            some = seq2seq.decode(
                trained, memory, np.array([[symbol]]), h, combined, attention.general
            )
            h, combined = some.cell.h[-1], some.combined[-1]
            symbol = int((combined @ trained.W_y + trained.b_y).argmax())
            written.append(symbol)
        year = dates.decode_answer([i for i in written[:4] if i < 11])
        assert (year == example.answer[:4]) is is_right


def test_the_record_reaches_what_the_issue_of_the_book_asks():
    summary = records.load("attention_dates")["results"]["summary"]
    for name in ("general", "additive"):
        assert summary[name]["held_out_days"]["lowest"] >= 0.99
        assert summary[name]["held_out_formats"]["mean"] > 0.5
    assert summary["without"]["held_out_days"]["highest"] < 0.9
