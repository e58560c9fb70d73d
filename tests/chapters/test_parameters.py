"""The chapter on parameters: the equations of the model, and how many numbers it has."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.page_cells import figure
from unrolled import functional, tree
from unrolled.cells import rnn
from unrolled.drawing import schematics
from unrolled.drawing.sketch import Box
from unrolled.models import language_model, pretrained

seeds = st.integers(0, 10**6)


def random_cell(rng, D, H):
    return rnn.Params(*(rng.normal(size=shape) for shape in ((D, H), (H, H), (H,))))


@pytest.mark.equation("eq-rnn-step")
@given(seeds, st.integers(1, 4), st.integers(1, 5))
def test_step_is_the_sum_entry_by_entry(seed, D, H):
    rng = np.random.default_rng(seed)
    p, x, h = random_cell(rng, D, H), rng.normal(size=D), rng.normal(size=H)
    wanted = [
        math.tanh(
            sum(x[d] * p.W_x[d, j] for d in range(D))
            + sum(h[i] * p.W_h[i, j] for i in range(H))
            + p.b[j]
        )
        for j in range(H)
    ]
    assert rnn.step(p, x, h) == pytest.approx(np.array(wanted), abs=1e-12)


@pytest.mark.equation("eq-rnn-step")
def test_forward_repeats_the_step():
    rng = np.random.default_rng(0)
    p, ids, h0 = (
        random_cell(rng, 7, 4),
        rng.integers(0, 7, (5, 3)),
        rng.normal(size=(3, 4)),
    )
    h, _ = rnn.forward(p, ids, h0)
    state = h0
    for t in range(5):
        state = np.tanh(p.W_x[ids[t]] + state @ p.W_h + p.b)
        np.testing.assert_allclose(h[t], state, atol=1e-14)


@pytest.mark.equation("eq-lm-output")
def test_logits_and_probabilities_entry_by_entry():
    rng = np.random.default_rng(1)
    V, H = 6, 3
    p = language_model.Params(
        random_cell(rng, V, H), rng.normal(size=(H, V)), rng.normal(size=V)
    )
    ids = np.array([[1, 4], [3, 0]])
    h, _ = rnn.forward(p.cell, ids)
    logits, _ = language_model.forward(p, ids)
    for t, b in np.ndindex(2, 2):
        u = [
            sum(h[t, b, i] * p.W_y[i, j] for i in range(H)) + p.b_y[j] for j in range(V)
        ]
        assert logits[t, b] == pytest.approx(np.array(u), abs=1e-12)
        wanted = [math.exp(v) / sum(map(math.exp, u)) for v in u]
        assert functional.softmax(logits)[t, b] == pytest.approx(
            np.array(wanted), abs=1e-12
        )


@pytest.mark.equation("eq-one-hot")
@given(seeds, st.integers(1, 9), st.integers(1, 4))
def test_a_one_hot_row_picks_a_row(seed, V, H):
    rng = np.random.default_rng(seed)
    W, ids = rng.normal(size=(V, H)), rng.integers(0, V, (3, 2))
    one_hot = (ids[..., None] == np.arange(V)).astype(float)
    assert np.array_equal(functional.project(ids, W), one_hot @ W)


@pytest.mark.equation("eq-lm-parameters")
@pytest.mark.parametrize(("V", "H"), [(5, 3), (8000, 100)])
def test_number_of_parameters(V, H):
    p = language_model.init(np.random.default_rng(0), V, H)
    found = sum(array.size for array in tree.leaves(p))
    assert found == V * H + H**2 + H + H * V + V
    assert found - H - V == 2 * H * V + H**2
    assert 2 * 100 * 8000 + 100**2 == 1_610_000


@pytest.mark.parametrize(
    ("word", "nearest"), [("three", "two"), ("minimum", "maximum")]
)
def test_the_row_that_is_the_most_similar_in_the_pocket_model(word, nearest):
    p, vocabulary, _ = pretrained.load("pocket")
    rows = p.cell.W_x / np.linalg.norm(p.cell.W_x, axis=1, keepdims=True)
    cosine = rows @ rows[vocabulary.ids[word]]
    assert vocabulary.words[np.argsort(-cosine)[1]] == nearest


def test_the_figure_of_a_look_up_is_a_product_and_its_alt_text_says_which():
    alt, page = figure("02-language-model/parameters.md", "fig-embedding-row")
    shapes = schematics.sketch(1, 1, page["parts"]).shapes
    thick = {s.name for s in shapes if isinstance(s, Box) and s.line > 1}
    word, names, matrix = page["word"], page["names"], page["table"]
    V, H = matrix.shape
    assert thick == {f"one-hot-0-{word}"} | {
        f"{name}-{row}-{j}"
        for j in range(H)
        for name, row in (("matrix", word), ("product", 0))
    }
    np.testing.assert_array_equal(page["product"][0], matrix[word])
    assert (
        f"A one-hot row of {V} entries, with its 1 in position {word}, is multiplied by "
        f"a matrix of {V} rows and {H} columns"
    ) in alt
    assert f"row {word} of the matrix, the row of the word {names[word]}" in alt
