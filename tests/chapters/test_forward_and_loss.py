"""The chapter on forward and the loss: its equations, its example on paper, and its claims."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.support.counting import Counted, multiplications
from tests.support.page_cells import figure
from unrolled import functional, tree
from unrolled.cells import rnn
from unrolled.data import text
from unrolled.drawing import schematics
from unrolled.drawing.sketch import Path
from unrolled.models import language_model

logits = arrays(float, st.integers(1, 8), elements=st.floats(-30, 30))


def model(V=9, H=4, seed=0):
    rng = np.random.default_rng(seed)
    p = language_model.init(rng, V, H, dtype=np.float64)
    return tree.map(lambda array: rng.normal(size=array.shape), p)


def sentences(seed=0, V=9):
    rng = np.random.default_rng(seed)
    return [np.array([1, *rng.integers(3, V, n), 2]) for n in (2, 5, 1, 4)]


@pytest.mark.equation("eq-softmax")
@given(logits)
def test_softmax_is_the_ratio(u):
    total = sum(math.exp(v) for v in u)
    assert functional.softmax(u) == pytest.approx(
        np.array([math.exp(v) / total for v in u]), rel=1e-12
    )


@pytest.mark.equation("eq-softmax-shift")
@given(logits, st.floats(-1e3, 1e3))
def test_softmax_sees_differences_only(u, c):
    assert functional.softmax(u + c) == pytest.approx(
        functional.softmax(u), rel=1e-9, abs=1e-300
    )


def test_softmax_and_cross_entropy_stay_finite_where_the_formula_overflows():
    u = np.array([1000.0, 999.0, 0.0])
    p = functional.softmax(u)
    assert p[:2] == pytest.approx(np.array([math.e, 1]) / (1 + math.e), rel=1e-12)
    losses = functional.cross_entropy(np.tile(u, (3, 1)), np.arange(3))
    log_sum = 1000 + math.log(1 + math.exp(-1))
    assert losses == pytest.approx(log_sum - u, rel=1e-12)


@pytest.mark.equation("eq-cross-entropy-from-logits")
@given(logits)
def test_cross_entropy_is_minus_the_log_of_softmax(u):
    found = functional.cross_entropy(np.tile(u, (len(u), 1)), np.arange(len(u)))
    log_sum = math.log(math.fsum(math.exp(v) for v in u))
    assert found == pytest.approx(log_sum - u, abs=1e-11)
    total = math.fsum(math.exp(v) for v in u)
    naive = np.array([-math.log(math.exp(v) / total) for v in u])
    assert found == pytest.approx(naive, abs=1e-11)


@pytest.mark.equation("eq-lm-loss")
def test_loss_is_the_mean_over_the_real_words():
    p, encoded = model(), sentences()
    wanted, words = 0.0, 0
    for ids in encoded:
        h = np.zeros(4)
        for word, target in zip(ids[:-1], ids[1:], strict=True):
            h = np.tanh(p.cell.W_x[word] + h @ p.cell.W_h + p.cell.b)
            e = np.exp(h @ p.W_y + p.b_y)
            wanted -= math.log(e[target] / e.sum())
            words += 1
    loss, count = language_model.loss(p, text.pad(encoded))
    assert count == words
    assert loss == pytest.approx(wanted / words, rel=1e-12)
    assert language_model.loss_and_gradient(p, text.pad(encoded))[0] == pytest.approx(
        loss
    )


def test_the_gradient_of_the_sum_is_that_of_the_mean_times_the_words():
    p, batch = model(), text.pad(sentences())
    mean, d_mean = language_model.loss_and_gradient(p, batch)
    summed, d_sum = language_model.loss_and_gradient(p, batch, reduction="sum")
    N = batch.mask.sum()
    assert summed == pytest.approx(N * mean)
    for a, b in zip(tree.leaves(d_mean), tree.leaves(d_sum), strict=True):
        np.testing.assert_allclose(N * a, b, rtol=1e-10, atol=1e-12)
        assert np.abs(b).max() > 1e-3


def test_padding_with_nonsense_changes_neither_loss_nor_gradient():
    p, batch = model(), text.pad(sentences())
    nonsense = np.random.default_rng(3).integers(0, 9, (2, 6, 4))
    longer = text.Batch(
        np.concatenate([batch.inputs, nonsense[0]]),
        np.concatenate([batch.targets, nonsense[1]]),
        np.concatenate([batch.mask, np.zeros((6, 4), bool)]),
    )
    loss, dp = language_model.loss_and_gradient(p, batch)
    loss_longer, dp_longer = language_model.loss_and_gradient(p, longer)
    assert loss_longer == pytest.approx(loss, rel=1e-13)
    for a, b in zip(tree.leaves(dp), tree.leaves(dp_longer), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-13)


def test_a_sequence_cut_anywhere_is_the_whole_if_the_state_is_carried():
    p = model()
    ids = np.random.default_rng(0).integers(0, 9, (7, 3))
    whole, _ = language_model.forward(p, ids)
    for cut in range(1, 7):
        first, cache = language_model.forward(p, ids[:cut])
        second, _ = language_model.forward(p, ids[cut:], cache.h[-1])
        np.testing.assert_allclose(np.concatenate([first, second]), whole, atol=1e-13)
        assert (
            np.abs(language_model.forward(p, ids[cut:])[0] - whole[cut:]).max() > 1e-3
        )


def test_the_example_on_paper():
    cell = rnn.Params(
        np.array([[0.5, 0.0], [1.0, -1.0], [0.0, 0.0]]),
        np.array([[0.0, 1.0], [-1.0, 0.0]]),
        np.array([0.0, 0.5]),
    )
    h, _ = rnn.forward(cell, np.array([[0], [1]]))
    assert h[0, 0] == pytest.approx([0.462, 0.462], abs=5e-4)
    assert h[1, 0] == pytest.approx([0.491, -0.038], abs=5e-4)


@pytest.mark.equation("eq-forward-cost")
@pytest.mark.parametrize(("T", "B", "H", "V"), [(5, 1, 4, 9), (3, 7, 6, 20)])
def test_forward_multiplies_as_often_as_the_formula_says(T, B, H, V):
    p = tree.map(lambda array: array.view(Counted), model(V, H))
    logits, _ = language_model.forward(p, np.ones((T, B), int))
    assert logits.shape == (T, B, V)
    found = multiplications(lambda: language_model.forward(p, np.ones((T, B), int)))
    # each goes with an addition
    assert 2 * found == 2 * T * B * H**2 + 2 * T * B * H * V


def test_the_figure_of_shapes_shows_those_of_a_forward_pass():
    alt, page = figure("02-language-model/forward-and-loss.md", "fig-shapes")
    T, B, H, V = 5, 2, 4, 9
    ids = np.ones((T, B), int)
    logits, cache = language_model.forward(model(V, H), ids)
    losses = functional.cross_entropy(logits, ids)
    sizes = {"T": T, "B": B, "H": H, "V": V}
    for array, (name, (shape, depth)) in zip(
        (ids, cache.h, logits, losses), page["arrays"].items(), strict=True
    ):
        letters = shape.strip("()").split(", ")
        assert array.shape == tuple(sizes[letter] for letter in letters)
        assert (depth > 0) == (array.ndim == 3)
        assert f"the {name}, of shape {shape}" in alt
    shapes = schematics.sketch(1, 1, page["parts"]).shapes
    drawn = {shape.name for shape in shapes if isinstance(shape, Path)}
    assert {f"{name}-front" for name in page["arrays"]} <= drawn
    arrows = [name for name in drawn if name.startswith("arrow-")]
    assert sorted(arrows) == sorted(f"arrow-{label}" for label in page["maps"])
