"""Arguments that a cell would compute something else with are refused, and unusual ones are not."""

import numpy as np
import pytest

from tests.support import registered_cells
from unrolled import tree
from unrolled.cells import coupled_lstm, fixed_gates, gru, irnn, lstm, rnn

CELLS = {**registered_cells.cells(), "irnn": irnn}
every_cell = pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS.keys())
T, B, D, H = 5, 3, 4, 6


def case(cell, seed=0):
    """Weights, inputs, states and gradients of the states."""
    rng = np.random.default_rng(seed)
    p = tree.map(
        lambda weight: weight + 0.3 * rng.standard_normal(weight.shape),
        cell.init(rng, D, H),
    )
    state = tuple(rng.standard_normal(h.shape) for h in cell.initial_state(p, B))
    return p, rng.standard_normal((T, B, D)), state, rng.standard_normal((T, B, H))


def refused(said, function, *args):
    with pytest.raises(ValueError, match=said):
        function(*args)


@every_cell
def test_weights_of_every_other_cell_are_refused(cell):
    p, x, state, dh = case(cell)
    _, cache = cell.forward(p, x, *state)
    for other in CELLS.values():
        if other is not cell:
            q = case(other)[0]
            refused("p must be cells", cell.step, q, x[0], *state)
            refused("p must be cells", cell.forward, q, x)
            refused("p must be cells", cell.backward, q, cache, dh)


@every_cell
def test_a_weight_of_one_column_is_not_repeated(cell):
    p, x, state, dh = case(cell)
    _, cache = cell.forward(p, x, *state)
    for name in p._fields:
        narrow = p._replace(**{name: getattr(p, name)[..., :1]})
        said = rf"p\.{name} must be"
        if name in ("W_x", "log_A"):  # whose one column fits no b, which is named
            said = r"p\.\w+ must be"
        refused(said, cell.step, narrow, x[0], *state)
        refused(said, cell.forward, narrow, x)
        refused(said, cell.backward, narrow, cache, dh)


@every_cell
def test_a_state_of_one_sequence_is_not_repeated(cell):
    p, x, state, _ = case(cell)
    for i in range(len(state)):
        short = (*state[:i], state[i][:1], *state[i + 1 :])
        refused(r"must be \(\d(, \d)+\), got", cell.step, p, x[0], *short)
    refused(r"x_t must be \(3, 4\), got \(1, 4\)", cell.step, p, x[0, :1], *state)


@every_cell
def test_an_id_outside_is_refused_by_a_step(cell):
    p, _, state, _ = case(cell)
    for i in (-1, D):
        ids = np.array([0, 1, i])
        refused(rf"x_t: ids must lie in 0\.\.{D - 1}", cell.step, p, ids, *state)


@every_cell
def test_gradients_of_whole_numbers_are_refused_for_they_would_lose_fractions(cell):
    p, x, state, dh = case(cell)
    _, cache = cell.forward(p, x, *state)
    refused(
        "dh must hold floating-point", cell.backward, p, cache, dh.round().astype(int)
    )


@every_cell
def test_what_numpy_would_say_of_a_gradient_names_it(cell):
    p, x, state, dh = case(cell)
    _, cache = cell.forward(p, x, *state)
    for wrong in (dh[:-1], dh[:, :1], dh[..., :1], dh[None], dh[0]):
        refused(r"dh must be \(5, 3, 6\), got", cell.backward, p, cache, wrong)
    _, other = cell.forward(p, x[:, :1])
    refused(r"dh must be \(5, 1, 6\), got \(5, 3, 6\)", cell.backward, p, other, dh)
    strange = cache._replace(h=cache.h[..., :1])
    refused(r"cache\.h must be \(5, 3, 6\)", cell.backward, p, strange, dh)


def arrangements(array):
    """Yields the same numbers in other orders of memory, and as other kinds of array."""
    yield "Fortran", np.asfortranarray(array)
    yield "strided", np.repeat(array, 2, axis=-1)[..., ::2]
    yield "reversed", array[::-1].copy()[::-1]
    read_only = array.copy()
    read_only.flags.writeable = False
    yield "read-only", read_only
    yield "of the other byte order", array.astype(array.dtype.newbyteorder())


@every_cell
def test_orders_of_memory_change_nothing(cell):
    given = case(cell)

    def everything(p, x, state, dh):
        _, cache = cell.forward(p, x, *state)
        return tree.leaves((cell.step(p, x[0], *state), cell.backward(p, cache, dh)))

    expected = everything(*given)
    every = [list(arrangements(leaf)) for leaf in tree.leaves(given)]
    for each in zip(*every, strict=True):
        other = tree.replace_leaves(given, [array for _, array in each])
        for found, wanted in zip(everything(*other), expected, strict=True):
            np.testing.assert_allclose(
                found, wanted, rtol=1e-12, atol=1e-13, err_msg=each[0][0]
            )


def test_every_truncated_backward_checks_what_the_full_one_checks():
    p, x, state, dh = case(rnn)
    _, cache = rnn.forward(p, x, *state)
    for backward in (
        rnn.backward_loops,
        rnn.backward_window,
        rnn.backward_last,
        rnn.backward_chunks,
    ):
        refused(r"dh must be \(5, 3, 6\)", backward, p, cache, dh[:, :1], 2)
        refused("dh must hold floating", backward, p, cache, dh.astype(int), 2)
        narrow = p._replace(W_h=p.W_h[:, :1])
        refused(r"p\.W_h must be \(6, 6\)", backward, narrow, cache, dh, 2)


def test_gradients_of_the_identity_initialised_network_are_of_its_own_type():
    p, x, state, dh = case(irnn)
    assert type(p) is irnn.Params and type(p) is not rnn.Params
    dp, *_ = irnn.backward(p, irnn.forward(p, x, *state)[1], dh)
    assert type(dp) is irnn.Params


def test_whole_numbers_for_weights_are_refused_for_states_would_lose_fractions():
    p = rnn.Params(np.ones((4, 2), int), np.eye(2, dtype=int), np.zeros(2, int))
    refused("p.W_x must hold floating-point", rnn.forward, p, np.zeros((3, 1), int))


def test_a_step_whose_shapes_numpy_refuses_names_them():
    p, x, state, _ = case(lstm)
    h, c = state
    refused(r"^c must be \(3, 6\), got \(3, 5\)$", lstm.step, p, x[0], h, c[:, 1:])
    with pytest.raises(TypeError, match=r"^rnn\.init with rng Generator, D 2\.5, H 3"):
        rnn.init(np.random.default_rng(0), 2.5, 3)


def test_gates_are_fixed_of_weights_that_fit_alone():
    p = case(gru)[0]
    refused(
        r"p\.W_x must be \(D, 3H\)",
        fixed_gates.fix_gate,
        p._replace(W_x=p.W_x[:, :-1]),
        "z",
        0,
    )
    refused("p must be cells.rnn.Params", fixed_gates.rnn_as_gru, case(irnn)[0])


def test_the_coupled_gates_are_expanded_from_their_own_weights_alone():
    p = case(coupled_lstm)[0]
    refused(
        r"p\.W_h must be \(6, 18\)", coupled_lstm.expand, p._replace(W_h=p.W_h[:, :1])
    )
    refused("p must be cells.coupled_lstm", coupled_lstm.expand, case(gru)[0])
    full = coupled_lstm.expand(p)
    refused("dfull must be cells.lstm.Params", coupled_lstm.dexpand, p, p)
    assert tree.leaves(coupled_lstm.dexpand(p, full))[0].shape == p.W_x.shape
