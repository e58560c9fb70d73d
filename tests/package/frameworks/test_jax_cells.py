"""The cells' own step, scanned and differentiated by JAX, against the backward passes by hand."""

import numpy as np
import pytest

from tests.support import registered_cells
from tests.support.cell_cases import cell_case
from tests.support.closeness import gap
from unrolled import tree
from unrolled.cells import lstm, rnn
from unrolled.data import text
from unrolled.frameworks import jax_cells
from unrolled.models import language_model

pytestmark = pytest.mark.usefixtures("jax_compilation_cache")

SIZES = T, B, D, H = 7, 3, 4, 6
V = 11
CELLS = registered_cells.cells("JAX")
cells = pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)


def words(cell, dtype=np.float64):
    rng = np.random.default_rng(1)
    p = language_model.init(rng, V, H, cell, np.float64)
    p = tree.map(lambda w: (w + 0.4 * rng.standard_normal(w.shape)).astype(dtype), p)
    mask = np.arange(T)[:, None] < np.array([7, 4, 2])
    return p, text.Batch(rng.integers(0, V, (T, B)), rng.integers(0, V, (T, B)), mask)


@cells
@pytest.mark.equation("eq-one-step-scanned")
def test_step_scanned_is_forward(cell):
    p, x, state, _ = cell_case(cell, *SIZES)
    with jax_cells.precision_of(p):
        assert (
            gap(
                jax_cells.forward(p, x, *state, cell=cell),
                cell.forward(p, x, *state)[0],
            )
            < 1e-13
        )
        assert gap(jax_cells.forward(p, x, cell=cell), cell.forward(p, x)[0]) < 1e-13


@cells
def test_jax_finds_the_gradient_written_by_hand(cell, measured):
    p, x, state, dh = cell_case(cell, *SIZES)
    by_hand = cell.backward(p, cell.forward(p, x, *state)[1], dh)
    with jax_cells.precision_of(p):
        found = jax_cells.backward(p, x, dh, *state, cell=cell)
    measured("JAX", "gradient", gap(tuple(found), tuple(by_hand)), 1e-12)
    wrong = tree.map(lambda d: 1.0005 * d, tuple(by_hand))
    assert gap(tuple(found), wrong) > 1e-4


@cells
def test_ids_have_no_gradient_and_words_have_their_rows(cell):
    p, _, state, dh = cell_case(cell, *SIZES)
    ids = np.random.default_rng(2).integers(0, D, (T, B))
    by_hand = cell.backward(p, cell.forward(p, ids, *state)[1], dh)
    with jax_cells.precision_of(p):
        dp, dx, *dstate = jax_cells.backward(p, ids, dh, *state, cell=cell)
    assert dx is None
    assert gap((dp, *dstate), (by_hand[0], *by_hand[2:])) < 1e-12


@cells
def test_a_language_model_has_one_loss_and_one_gradient(cell, measured):
    p, batch = words(cell)
    loss, dp = language_model.loss_and_gradient(p, batch, cell)
    loss_jax, dp_jax = jax_cells.loss_and_gradient(p, batch, cell)
    measured("JAX", "loss", abs(loss_jax - loss) / abs(loss), 1e-12)
    measured("JAX", "gradient", gap(dp_jax, dp), 1e-12)
    assert type(dp_jax) is language_model.Params and dp_jax.W_y.dtype == np.float64


def test_single_precision_stays_single():
    p, batch = words(lstm, np.float32)
    _, dp = jax_cells.loss_and_gradient(p, batch, lstm)
    exact, _ = words(lstm)
    _, dp_exact = language_model.loss_and_gradient(exact, batch, lstm)
    assert {leaf.dtype for leaf in tree.leaves(dp)} == {np.dtype(np.float32)}
    assert 1e-9 < gap(dp, dp_exact) < 1e-4


@cells
def test_a_step_of_sgd_is_the_packages_own(cell):
    p, batch = words(cell)
    loss, dp = language_model.loss_and_gradient(p, batch, cell)
    expected = tree.map(lambda weight, gradient: weight - 0.1 * gradient, p, dp)
    with jax_cells.precision_of(p):
        step = jax_cells.compiled(jax_cells.sgd_step, cell)
        loss_jax, stepped = step(p, *batch, 0.1)
    assert float(loss_jax) == pytest.approx(loss, rel=1e-12)
    assert gap(stepped, expected) < 1e-12


def test_an_id_that_jax_would_bend_into_the_vocabulary_is_refused():
    p, batch = words(rnn)
    for name in ("inputs", "targets"):
        ids = getattr(batch, name).copy()
        ids[0, 0] = V
        with pytest.raises(
            ValueError, match=f"{name}: ids must lie in 0..10, got 0..11"
        ):
            jax_cells.loss_and_gradient(p, batch._replace(**{name: ids}))
    with pytest.raises(ValueError, match="no word to predict"):
        jax_cells.loss_and_gradient(p, batch._replace(mask=np.zeros((T, B), bool)))


def test_states_that_do_not_fit_are_refused():
    p, x, state, dh = cell_case(lstm, *SIZES)
    for wrong in (state[:1], [state[0], state[1][:1]], [*state, state[0]]):
        with pytest.raises(ValueError, match=r"state must have the shapes \[\(3, 6\)"):
            jax_cells.forward(p, x, *wrong, cell=lstm)
        with pytest.raises(ValueError, match="state must have the shapes"):
            jax_cells.backward(p, x, dh, *wrong, cell=lstm)
