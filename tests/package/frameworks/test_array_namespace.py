"""The package's own code on arrays that are not NumPy's."""

import types

import numpy as np
import pytest

from tests.support import registered_cells
from tests.support.cell_cases import shaken
from tests.support.foreign_arrays import Foreign, Namespace, foreign, unwrapped
from unrolled import functional, tree
from unrolled.cells import lstm, rnn
from unrolled.data import dates, text
from unrolled.frameworks import array_namespace
from unrolled.layers import attention
from unrolled.models import language_model, seq2seq
from unrolled.training import optimizers

T, B, D, H, V = 5, 3, 4, 6, 11
CELLS = registered_cells.cells("CuPy")
cells = pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)


def sum_rows_by_adding(xp):
    """What has to differ on a GPU: adding to memory at once instead of sorting."""

    def sum_rows(ids, rows, D):
        total = xp.zeros((D, rows.shape[1]), rows.dtype)
        xp.add.at(total, ids, rows)
        return total

    return sum_rows


def assert_same(actual, expected, tolerance=1e-13):
    for (name, a), e in zip(
        tree.named_leaves(actual), tree.leaves(expected), strict=True
    ):
        assert isinstance(a, Foreign), name
        np.testing.assert_allclose(
            unwrapped(a), e, rtol=tolerance, atol=tolerance, err_msg=name
        )


def test_a_foreign_array_refuses_numpy_s():
    array = Foreign(np.ones(3))
    for mix in (
        lambda: array + np.ones(3),
        lambda: np.ones(3) @ array,
        lambda: array[np.array([0])],
        lambda: Namespace().tanh(np.ones(3)),
        lambda: np.asarray(array),
    ):
        with pytest.raises(TypeError):
            mix()
    assert isinstance(Namespace().tanh(array) @ (2 * array), float)


@cells
def test_a_cell_runs_forward_and_backward_on_other_arrays(cell):
    rng = np.random.default_rng(0)
    p = shaken(cell.init(rng, D, H), rng, 0.3)
    x, dh = rng.standard_normal((T, B, D)), rng.standard_normal((T, B, H))
    state = tuple(rng.standard_normal((B, H)) for _ in cell.initial_state(p, B))
    h, cache = cell.forward(p, x, *state)
    elsewhere = array_namespace.of(cell, Namespace())
    h_foreign, cache_foreign = elsewhere.forward(*foreign((p, x)), *foreign(state))
    assert_same(h_foreign, h)
    assert_same(
        tuple(elsewhere.backward(foreign(p), cache_foreign, foreign(dh))),
        tuple(cell.backward(p, cache, dh)),
    )
    stepped = elsewhere.step(*foreign((p, x[0])), *foreign(state))
    assert_same(stepped, cell.step(p, x[0], *state))


@cells
def test_a_language_model_trains_on_other_arrays(cell):
    rng, xp = np.random.default_rng(1), Namespace()
    p = language_model.init(rng, V, H, cell, np.float64)
    mask = np.arange(T)[:, None] < np.array([5, 2, 4])
    batch = text.Batch(rng.integers(0, V, (T, B)), rng.integers(0, V, (T, B)), mask)
    loss, dp = language_model.loss_and_gradient(p, batch, cell)
    change = {"sum_rows": sum_rows_by_adding(xp)}
    model = array_namespace.of(language_model, xp, ROWS_AT_ONCE=1 << 20, **change)
    there = array_namespace.of(cell, xp, **change)
    loss_there, dp_there = model.loss_and_gradient(foreign(p), foreign(batch), there)
    assert loss_there == pytest.approx(loss, rel=1e-13)
    assert_same(dp_there, dp)
    for name in ("sgd", "rmsprop", "adam"):
        ours = getattr(optimizers, name)(tree.map(np.copy, p), tree.map(np.copy, dp))[0]
        update = getattr(array_namespace.of(optimizers, xp), name)
        copies = foreign((tree.map(np.copy, p), tree.map(np.copy, dp)))
        assert_same(update(*copies)[0], ours)


def test_dates_with_attention_on_other_arrays():
    examples = dates.draw(np.random.default_rng(2), 4)
    V = len(dates.ANSWERS)
    batch = seq2seq.pad(
        [dates.encode(e.text) for e in examples],
        [dates.encode_answer(e.answer) for e in examples],
        V,
    )
    p = seq2seq.init(
        np.random.default_rng(3),
        len(dates.ALPHABET),
        V,
        8,
        attention.general,
        dtype=np.float64,
    )
    loss, dp = seq2seq.loss_and_gradient(p, batch, attention.general)
    xp = Namespace()
    there = array_namespace.of(seq2seq, xp, sum_rows=sum_rows_by_adding(xp))
    loss_there, dp_there = there.loss_and_gradient(
        foreign(p), foreign(batch), there.attention.general
    )
    assert loss_there == pytest.approx(loss, rel=1e-13)
    assert_same(dp_there, dp)


def test_the_module_itself_stays_as_it_is():
    before = dict(vars(functional))
    copy = array_namespace.of(functional, Namespace(), sigmoid=abs)
    assert vars(functional) == before and functional.np is np
    assert copy.sigmoid is abs and copy.hard_sigmoid is not functional.hard_sigmoid


def test_a_replacement_reaches_the_modules_that_a_module_imports():
    copy = array_namespace.of(lstm, np, project=lambda a_t, W: a_t + 1)
    p = lstm.init(np.random.default_rng(0), 4 * H, H)
    h, c = np.zeros((2, B, H))
    a_t = np.ones((B, 4 * H))
    expected = lstm.step(p._replace(b=p.b + a_t[0] + 1), np.zeros((B, 4 * H)), h, c)
    np.testing.assert_allclose(copy.step(p, a_t, h, c), expected)


def test_params_of_both_are_of_one_kind():
    copy = array_namespace.of(lstm, np)
    assert copy.Params is lstm.Params and copy.step is not lstm.step


def test_what_cannot_be_copied_is_refused():
    with pytest.raises(
        ValueError, match="only modules of unrolled are copied, not types"
    ):
        array_namespace.of(types, np)
    with pytest.raises(ValueError, match="unrolled.cells.rnn has no speed to replace"):
        array_namespace.of(rnn, np, speed=1)
