"""The gap between two answers, the conventions of the chapter, and the recorded trainings."""

import numpy as np
import pytest

from tests.support.page_cells import cells
from unrolled import functional, records, tree
from unrolled.cells import gru, gru_reset_after, lstm, rnn
from unrolled.frameworks import agreement, jax_cells
from unrolled.models import language_model


@pytest.mark.equation("eq-agreement-gap")
@pytest.mark.parametrize("name", agreement.CELLS)
def test_the_gap_is_the_worst_entry_of_the_worst_array(name):
    cell, p, batch = agreement.case(name)
    loss, d = agreement.in_numpy(cell, p, batch)
    rng = np.random.default_rng(0)
    other = tree.map(lambda g: g + 1e-6 * rng.standard_normal(g.shape), d)
    worst = 0.0
    for ours, theirs in zip(tree.leaves(other), tree.leaves(d), strict=True):
        pairs = list(zip(ours.flat, theirs.flat, strict=True))
        largest = max(abs(y) for _, y in pairs)
        worst = max(worst, max(abs(x - y) for x, y in pairs) / largest)
    found = agreement.gap((loss, other), (loss, d))
    assert found.gradient == pytest.approx(worst, rel=1e-12) and found.loss == 0


def test_a_wrong_bias_is_not_hidden_behind_many_right_numbers():
    cell, p, batch = agreement.case("lstm")
    loss, d = agreement.in_numpy(cell, p, batch)
    wrong = d._replace(b_y=2 * d.b_y)
    found = agreement.gap((loss, wrong), (loss, d))
    assert found.gradient == pytest.approx(1) and found.worst == "b_y"


def test_two_biases_are_one_but_for_the_one_that_is_reset():
    """b_x + b_h is all that matters for z and r; for the candidate each matters by itself."""
    rng = np.random.default_rng(1)
    D, H, T, B = 3, 4, 5, 2
    p = tree.map(
        lambda w: w + 0.4 * rng.standard_normal(w.shape),
        gru_reset_after.init(rng, D, H),
    )
    x = rng.standard_normal((T, B, D))
    h, _ = gru_reset_after.forward(p, x)
    moved = 0.3 * np.stack([np.ones(3 * H), -np.ones(3 * H)])
    gates, candidate = moved.copy(), moved.copy()
    gates[:, 2 * H :] = 0
    candidate[:, : 2 * H] = 0
    same, _ = gru_reset_after.forward(p._replace(b=p.b + gates), x)
    other, _ = gru_reset_after.forward(p._replace(b=p.b + candidate), x)
    np.testing.assert_allclose(same, h, rtol=1e-12)
    assert np.abs(other - h).max() > 0.01


def test_three_sigmoids_have_three_losses():
    _, p, batch = agreement.case("lstm")

    def loss(gate):
        h, _ = lstm.forward(p.cell, batch.inputs, gate=gate)
        return functional.cross_entropy(h @ p.W_y + p.b_y, batch.targets)[
            batch.mask
        ].mean()

    found = [
        loss(functional.sigmoid),
        loss(functional.hard_sigmoid),
        loss(lambda a: functional.hard_sigmoid(a, 0.2)),
    ]
    assert found[0] == pytest.approx(language_model.loss(p, batch, lstm)[0], rel=1e-12)
    assert len({round(value, 4) for value in found}) == 3


def test_three_of_the_six_mistakes_lower_the_loss():
    """The table of the page: what each mistake adds to the loss of its case."""
    source = next(s for s in cells("04-gates/one-answer.md") if "mistakes = [" in s)
    names = {
        "np": np,
        "agreement": agreement,
        "gru": gru,
        "gru_reset_after": gru_reset_after,
        "language_model": language_model,
        "lstm": lstm,
    }
    exec(source, names)
    changes = []
    for _, cell, mistake, _, read_as in names["mistakes"]:
        _, p, batch = agreement.case("lstm" if cell is lstm else "gru")
        wrong = p._replace(cell=mistake(p.cell))
        loss, wrong_loss = (
            language_model.loss(p, batch, cell)[0],
            language_model.loss(wrong, batch, read_as)[0],
        )
        changes.append(wrong_loss - loss)
    assert len(changes) == 6 and sum(change < 0 for change in changes) == 3
    assert max(map(abs, changes)) < 0.1 * loss


def test_the_two_kinds_of_reset_are_two_cells():
    _, p, batch = agreement.case("gru")
    b = np.stack([p.cell.b, 0 * p.cell.b])
    other = p._replace(cell=gru_reset_after.Params(p.cell.W_x, p.cell.W_h, b))
    one, _ = language_model.loss(p, batch, gru)
    two, _ = language_model.loss(other, batch, gru_reset_after)
    assert abs(one - two) > 1e-4


@pytest.mark.claim(
    "four-programs-have-one-answer",
    "NumPy, PyTensor, Theano 1.0.5 and Keras return the same losses and gradients up to rounding.",
    records="theano",
)
@pytest.mark.slow
@pytest.mark.parametrize("name", agreement.CELLS)
def test_programs_have_one_answer(name):
    """The gaps of PyTensor, of Keras and of Theano's record with 1e-10, for each case."""
    cell, p, batch = agreement.case(name)
    reference = agreement.in_numpy(cell, p, batch)
    recorded = records.load("theano")["results"]["agreement"][name]
    assert recorded["numpy"] == pytest.approx(reference[0], rel=1e-12)
    assert max(recorded["loss"], recorded["gradient"]) < 1e-10
    for answer in (agreement.in_symbols, agreement.in_keras):
        found = agreement.gap(answer(cell, p, batch), reference)
        assert max(found.loss, found.gradient) < 1e-10


@pytest.mark.slow
@pytest.mark.parametrize("name", agreement.CELLS)
def test_the_layers_in_keras_are_of_keras(name):
    """Not of this book, so an error in our equations of a cell should appear as a gap."""
    from unrolled.frameworks import keras_models

    _, p, _ = agreement.case(name)
    for layer in keras_models.layers(p.cell):
        parts = (layer, getattr(layer, "cell", layer))
        assert all(type(part).__module__.startswith("keras.") for part in parts)


@pytest.mark.parametrize("name", ["rnn", "lstm", "gru"])
def test_jax_has_the_same_answer(name):
    cell, p, batch = agreement.case(name)
    answer = jax_cells.loss_and_gradient(p, batch, cell)
    found = agreement.gap(answer, agreement.in_numpy(cell, p, batch))
    assert max(found.loss, found.gradient) < 1e-10


def test_truncated_gradients_belong_to_the_same_loss_and_differ():
    _, p, batch = agreement.case("rnn")
    _, d = agreement.in_numpy(rnn, p, batch)
    h, cache = rnn.forward(p.cell, batch.inputs)
    logits = h @ p.W_y + p.b_y
    words = np.ones(batch.mask.shape) / batch.mask.size
    dh = functional.dcross_entropy(logits, batch.targets, words) @ p.W_y.T
    ways = {
        "full": rnn.backward(p.cell, cache, dh),
        "window": rnn.backward_window(p.cell, cache, dh, 2),
        "last": rnn.backward_last(p.cell, cache, dh, 4),
    }
    away = {
        name: np.linalg.norm(found[0].W_h - d.cell.W_h) / np.linalg.norm(d.cell.W_h)
        for name, found in ways.items()
    }
    assert away["full"] < 1e-12
    assert min(away["window"], away["last"]) > 0.3


@pytest.mark.claim(
    "three-frameworks-train-alike",
    "After hundreds of updates of RMSprop, NumPy, PyTensor and Keras still have the same losses up "
    "to rounding, with two layers of GRU and with two of LSTM.",
    records="frameworks_training",
)
def test_three_frameworks_train_alike():
    """The largest difference of a loss from NumPy's, and the perplexities after the training."""
    record = records.load("frameworks_training")
    assert record["settings"]["steps"] >= 200
    for network in record["results"]["networks"].values():
        assert network["PyTensor"]["largest_difference"] < 1e-12
        assert network["Keras"]["largest_difference"] < 1e-12
        perplexities = [way["validation_perplexity"] for way in network.values()]
        assert max(perplexities) / min(perplexities) < 1 + 1e-9
