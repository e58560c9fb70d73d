"""What every recurrent cell keeps: one interface, the exact gradient, no surprise in a batch."""

import inspect
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from tests.support import registered_cells
from tests.support.cell_cases import with_long_steps
from unrolled import functional, tree
from unrolled.cells import gru, gru_reset_after, lstm, rnn
from unrolled.data import text
from unrolled.gradients import gradcheck
from unrolled.layers import embedding, stacked
from unrolled.models import language_model

T, B, D, H = 5, 3, 4, 6


def hard(cell):
    """The cell with hard sigmoids for gates."""
    return SimpleNamespace(
        init=cell.init,
        initial_state=cell.initial_state,
        step=partial(cell.step, gate=functional.hard_sigmoid),
        forward=partial(cell.forward, gate=functional.hard_sigmoid),
        backward=partial(cell.backward, dgate=functional.dhard_sigmoid),
    )


REGISTERED = registered_cells.cells()
WITH_A_GATE = {
    f"hard {name}": hard(cell)
    for name, cell in REGISTERED.items()
    if "gate" in inspect.signature(cell.step).parameters
}
CELLS = {
    **REGISTERED,
    **WITH_A_GATE,
    "gru over gru": stacked.of(gru, gru),
    "gru over lstm over rnn": stacked.of(rnn, lstm, gru),
}
every_cell = pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS.keys())
WITH_A_CELL_STATE = [n for n, c in REGISTERED.items() if "c" in c.Cache._fields]
lstms = pytest.mark.parametrize(
    "cell", [REGISTERED[name] for name in WITH_A_CELL_STATE], ids=WITH_A_CELL_STATE
)
WITH_W_H = [n for n, c in REGISTERED.items() if "W_h" in c.Params._fields]


def case(cell, seed=0, T=T, B=B, D=D, H=H):
    """Weights with no zeros among them, inputs, states and output gradients, all of order 1."""
    rng = np.random.default_rng(seed)
    p = with_long_steps(cell.init(rng, D, H))
    p = tree.map(lambda weight: weight + 0.3 * rng.standard_normal(weight.shape), p)
    state = tuple(rng.standard_normal(s.shape) for s in cell.initial_state(p, B))
    return p, rng.standard_normal((T, B, D)), state, rng.standard_normal((T, B, H))


def as_tuple(state):
    return state if isinstance(state, tuple) else (state,)


def assert_same(actual, expected, tolerance=1e-12):
    for (name, a), e in zip(
        tree.named_leaves(actual), tree.leaves(expected), strict=True
    ):
        np.testing.assert_allclose(a, e, rtol=tolerance, atol=tolerance, err_msg=name)


@every_cell
def test_forward_is_repeated_step(cell):
    p, x, state, _ = case(cell)
    h, cache = cell.forward(p, x, *state)
    np.testing.assert_array_equal(getattr(cache, "layers", [cache])[-1].h, h)
    for t in range(T):
        state = as_tuple(cell.step(p, x[t], *state))
        np.testing.assert_allclose(h[t], state[0], rtol=1e-13, atol=1e-14)


@every_cell
@pytest.mark.parametrize(("T", "B"), [(5, 3), (1, 1), (8, 2)])
def test_backward_is_the_gradient_of_forward(cell, T, B):
    p, x, state, dh = case(cell, seed=T, T=T, B=B)

    def loss(everything):
        p, x, state = everything
        return float((cell.forward(p, x, *state)[0] * dh).sum())

    dp, dx, *dstate = cell.backward(p, cell.forward(p, x, *state)[1], dh)
    worst = gradcheck.check(
        loss, (p, x, state), (dp, dx, tuple(dstate)), tolerance=1e-7
    )
    assert len(worst) == len(tree.leaves(p)) + 1 + len(state)


@lstms
def test_a_loss_that_reads_cell_states_gets_its_gradient_too(cell):
    p, x, state, dh = case(cell)
    dc = np.random.default_rng(5).standard_normal(dh.shape)

    def loss(everything):
        p, x, state = everything
        h, cache = cell.forward(p, x, *state)
        return float((h * dh).sum() + (cache.c * dc).sum())

    dp, dx, *dstate = cell.backward(p, cell.forward(p, x, *state)[1], dh, dc)
    gradcheck.check(loss, (p, x, state), (dp, dx, tuple(dstate)), tolerance=1e-7)


@every_cell
def test_backward_along_a_random_direction_of_a_large_case(cell):
    p, x, state, dh = case(cell, seed=7, T=25, B=8, D=20, H=30)
    p = tree.map(lambda weight: 0.5 * weight, p)
    rng = np.random.default_rng(8)
    direction = tree.map(lambda leaf: rng.standard_normal(leaf.shape), (p, x, state))
    numeric = gradcheck.directional_difference(
        lambda e: float((cell.forward(e[0], e[1], *e[2])[0] * dh).sum()),
        (p, x, state),
        direction,
        epsilon=1e-6,
    )
    gradient = cell.backward(p, cell.forward(p, x, *state)[1], dh)
    pairs = zip(tree.leaves(tuple(gradient)), tree.leaves(direction), strict=True)
    assert sum(float((g * d).sum()) for g, d in pairs) == pytest.approx(
        numeric, rel=1e-6
    )


@every_cell
def test_a_split_sequence_with_carried_state_is_the_whole(cell):
    p, x, state, _ = case(cell, T=7)
    h, _ = cell.forward(p, x, *state)
    for t in range(4):
        state = as_tuple(cell.step(p, x[t], *state))
    np.testing.assert_allclose(
        cell.forward(p, x[4:], *state)[0], h[4:], rtol=1e-12, atol=1e-13
    )


@every_cell
def test_rows_of_a_batch_do_not_meet(cell):
    p, x, state, dh = case(cell)
    h, cache = cell.forward(p, x, *state)
    _, dx, *dstate = cell.backward(p, cache, dh)
    for b in range(B):
        row = slice(b, b + 1)
        h_row, cache_row = cell.forward(p, x[:, row], *(s[row] for s in state))
        _, dx_row, *dstate_row = cell.backward(p, cache_row, dh[:, row])
        np.testing.assert_allclose(h_row, h[:, row], rtol=1e-12)
        assert_same(
            (dx_row, tuple(dstate_row)), (dx[:, row], tuple(s[row] for s in dstate))
        )


@every_cell
def test_what_follows_the_last_real_step_changes_nothing(cell):
    p, x, state, dh = case(cell)
    longer = np.concatenate([x, 9 * np.ones((3, B, D))])
    h, cache = cell.forward(p, longer, *state)
    padded = np.concatenate([dh, np.zeros((3, B, H))])
    gradient = cell.backward(p, cache, padded)
    h_short, cache_short = cell.forward(p, x, *state)
    np.testing.assert_array_equal(h[:T], h_short)
    dp, dx, *dstate = cell.backward(p, cache_short, dh)
    assert_same(
        (gradient[0], gradient[1][:T], tuple(gradient[2:])), (dp, dx, tuple(dstate))
    )
    assert (gradient[1][T:] == 0).all()


@every_cell
def test_ids_stand_for_one_hot_vectors(cell):
    p, _, state, dh = case(cell)
    ids = np.random.default_rng(1).integers(0, D, (T, B))
    h, cache = cell.forward(p, ids, *state)
    h_vectors, cache_vectors = cell.forward(p, np.eye(D)[ids], *state)
    np.testing.assert_allclose(h, h_vectors, rtol=1e-13)
    dp, dx, *_ = cell.backward(p, cache, dh)
    dp_vectors, *_ = cell.backward(p, cache_vectors, dh)
    assert dx is None
    assert_same(dp, dp_vectors)


@every_cell
def test_single_precision_stays_single_and_close(cell):
    p, x, state, dh = case(cell)
    h, cache = cell.forward(p, x, *state)
    gradient = cell.backward(p, cache, dh)
    p, x, state, dh = tree.map(lambda leaf: leaf.astype(np.float32), (p, x, state, dh))
    h_32, cache_32 = cell.forward(p, x, *state)
    gradient_32 = cell.backward(p, cache_32, dh)
    assert {leaf.dtype for leaf in tree.leaves(cache_32)} == {np.dtype(np.float32)}
    leaves = [h_32, *tree.leaves(tuple(gradient_32))]
    assert {leaf.dtype for leaf in leaves} == {np.dtype(np.float32)}
    for leaf, exact in zip(leaves, [h, *tree.leaves(tuple(gradient))], strict=True):
        np.testing.assert_allclose(
            leaf, exact, rtol=1e-3, atol=1e-3 * np.abs(exact).max()
        )


@every_cell
def test_initial_states_are_zeros_and_left_out_states_are_the_same(cell):
    p, x, _, _ = case(cell)
    zeros = cell.initial_state(p, B)
    assert all(not state.any() for state in zeros)
    np.testing.assert_array_equal(cell.forward(p, x)[0], cell.forward(p, x, *zeros)[0])


@every_cell
def test_a_language_model_over_any_cell_has_the_exact_gradient(cell):
    V = 7
    rng = np.random.default_rng(3)
    p = language_model.init(rng, V, H, cell, np.float64)
    p = tree.map(lambda weight: weight + 0.3 * rng.standard_normal(weight.shape), p)
    mask = np.arange(T)[:, None] < np.array([5, 2, 4])
    batch = text.Batch(rng.integers(0, V, (T, B)), rng.integers(0, V, (T, B)), mask)
    _, dp = language_model.loss_and_gradient(p, batch, cell)
    direction = tree.map(lambda weight: rng.standard_normal(weight.shape), p)
    numeric = gradcheck.directional_difference(
        lambda p: language_model.loss(p, batch, cell)[0], p, direction
    )
    slopes = tree.map(
        lambda gradient, along: float((gradient * along).sum()), dp, direction
    )
    assert sum(tree.leaves(slopes)) == pytest.approx(numeric, rel=1e-7)


@every_cell
def test_generation_follows_the_states_of_any_cell(cell):
    V = 9
    rng = np.random.default_rng(4)
    p = language_model.init(rng, V, H, cell, np.float64)
    p = tree.map(lambda weight: weight + 0.5 * rng.standard_normal(weight.shape), p)
    drawn = language_model.generate(
        p, rng, 1, 2, temperature=0, limit=6, minimum=6, cell=cell
    )
    ids = np.array([1, *drawn])[:, None]
    logits = language_model.forward(p, ids, cell=cell)[0][:, 0]
    logits[:, 2] = -np.inf
    assert drawn == logits.argmax(axis=1)[:-1].tolist()


@every_cell
@pytest.mark.parametrize("sizes", [(0, 3), (3, 0)])
def test_sizes_below_1_are_refused(cell, sizes):
    with pytest.raises(ValueError, match="sizes must be at least 1"):
        cell.init(np.random.default_rng(0), *sizes)


@every_cell
def test_inputs_that_do_not_fit_are_refused(cell):
    p, x, state, _ = case(cell)
    with pytest.raises(ValueError, match=r"x must be \(T, B, 4\)"):
        cell.forward(p, x[..., :3])
    with pytest.raises(ValueError, match=r"ids must lie in 0..3, got 0..4"):
        cell.forward(p, np.array([[0], [4]]))
    with pytest.raises(ValueError, match=r"^h0 must be \(3, 6\), got \(2, 6\)"):
        cell.forward(p, x, *(s[:2] for s in state))


@lstms
def test_one_state_of_two_is_refused(cell):
    p, x, state, _ = case(cell)
    with pytest.raises(ValueError, match="two states: give h0 and c0, or neither"):
        cell.forward(p, x, state[0])
    with pytest.raises(ValueError, match="^c0 must be"):
        cell.forward(p, x, state[0], state[1][:2])


def test_the_forget_gate_begins_open():
    b = lstm.init(np.random.default_rng(0), D, H).b
    assert np.split(b, 4)[1].tolist() == [1.0] * H and b.sum() == H


@pytest.mark.parametrize("cell", [REGISTERED[n] for n in WITH_W_H], ids=WITH_W_H)
def test_every_block_of_the_recurrent_weights_begins_orthogonal(cell):
    W_h = cell.init(np.random.default_rng(0), D, H).W_h
    for block in np.split(W_h, W_h.shape[1] // H, axis=1):
        np.testing.assert_allclose(block @ block.T, np.eye(H), atol=1e-12)


def test_both_kinds_of_gru_agree_where_the_reset_gate_is_open_and_differ_elsewhere():
    p, x, (h0,), _ = case(gru)

    def distance(p):
        after = gru_reset_after.Params(p.W_x, p.W_h, np.stack([p.b, np.zeros(3 * H)]))
        return np.abs(
            gru.forward(p, x, h0)[0] - gru_reset_after.forward(after, x, h0)[0]
        ).max()

    assert distance(p) > 0.01
    p.b[H : 2 * H] = 50  # r = 1
    assert distance(p) < 1e-14


def test_a_stack_is_its_layers_one_after_the_other():
    cells = (embedding, gru, lstm)
    stack = stacked.of(*cells)
    p = stack.init(np.random.default_rng(0), 9, H)
    ids = np.random.default_rng(1).integers(0, 9, (T, B))
    x = p[0].E[ids]
    h_1, _ = gru.forward(p[1], x)
    h_2, _ = lstm.forward(p[2], h_1)
    h, cache = stack.forward(p, ids)
    np.testing.assert_array_equal(h, h_2)
    np.testing.assert_array_equal(cache.layers[1].h, h_1)


def test_a_loss_that_reads_several_layers():
    stack = stacked.of(rnn, gru, lstm)
    p, x, state, dh = case(stack)
    dh_1 = np.random.default_rng(2).standard_normal(dh.shape)

    def loss(everything):
        p, x, state = everything
        h, cache = stack.forward(p, x, *state)
        return float((h * dh).sum() + (cache.layers[0].h * dh_1).sum())

    _, cache = stack.forward(p, x, *state)
    dp, dx, *dstate = stack.backward(p, cache, (dh_1, None, dh))
    gradcheck.check(loss, (p, x, state), (dp, dx, tuple(dstate)), tolerance=1e-7)


def test_the_output_can_use_layer_1_alone():
    stack = stacked.of(gru, gru)
    p, x, state, dh = case(stack)
    _, cache = stack.forward(p, x, *state)
    dp, dx, *_ = stack.backward(p, cache, (dh, None))
    alone, dx_alone, _ = gru.backward(p[0], gru.forward(p[0], x, state[1])[1], dh)
    assert_same((dp[0], dx), (alone, dx_alone))
    assert all(not leaf.any() for leaf in tree.leaves(dp[1]))


def test_dropout_keeps_the_expectation_and_its_gradient_is_exact():
    p, x, _, dh = case(stacked.of(gru, gru, gru), T=3, B=2, H=4)

    def run(p, x, dropout):
        stack = stacked.of(gru, gru, gru, dropout=dropout, rng=np.random.default_rng(5))
        return stack, stack.forward(p, x)

    stack, (_, cache) = run(p, x, 0.4)
    kept = np.stack(cache.kept)
    assert set(np.unique(kept)) == {0, 1 / 0.6}
    dp, dx, *_ = stack.backward(p, cache, dh[:, :2, :4])
    loss = lambda e: float((run(*e, 0.4)[1][0] * dh[:, :2, :4]).sum())  # noqa: E731
    gradcheck.check(loss, (p, x), (dp, dx), tolerance=1e-7)

    single = tree.map(lambda leaf: leaf.astype(np.float32), (p, x))
    h, cache = run(*single, 0.4)[1]
    assert {leaf.dtype for leaf in (h, *cache.kept)} == {np.dtype(np.float32)}

    wide = np.ones((200, 50, 6))
    sums = stacked.of(gru, gru, dropout=0.4, rng=np.random.default_rng(0))
    factors = sums.forward(sums.init(np.random.default_rng(1), 6, 6), wide)[1].kept[0]
    assert factors.mean() == pytest.approx(1, abs=4 * np.sqrt(0.4 / 0.6 / factors.size))


def test_stacks_that_do_not_fit_are_refused():
    rng = np.random.default_rng(0)
    stack = stacked.of(gru, lstm)
    p, x, state, dh = case(stack)
    for wrong, message in [
        (lambda: stacked.of(), "at least one layer"),
        (lambda: stacked.of(gru, dropout=1, rng=rng), "0 <= dropout < 1, got 1"),
        (lambda: stacked.of(gru, dropout=0.1), "pass rng"),
        (lambda: stack.forward(p[:1], x), "2 cells need 2 layers of weights, got 1"),
        (
            lambda: stack.forward(p, x, *state[:2]),
            "give all 3 states of the layers or none, got 2",
        ),
        (lambda: stack.backward(p, stack.forward(p, x)[1], (dh,)), "2 layers, got 1"),
        (lambda: stack.initial_state(p[:1], B), "shorter"),
    ]:
        with pytest.raises(ValueError, match=message):
            wrong()


def test_a_step_of_a_stack_is_a_step_of_each_layer():
    stack = stacked.of(rnn, gru)
    p, x, (h_gru, h_rnn), _ = case(stack)
    low = rnn.step(p[0], x[0], h_rnn)
    high = gru.step(p[1], low, h_gru)
    assert_same(stack.step(p, x[0], h_gru, h_rnn), (high, low))


def test_an_embedding_adds_up_the_gradients_of_each_word():
    p = embedding.init(np.random.default_rng(0), 4, 3)
    ids = np.array([[1, 2], [1, 0]])
    vectors, cache = embedding.forward(p, ids)
    np.testing.assert_array_equal(vectors[1, 0], p.E[1])
    dv = np.random.default_rng(1).standard_normal((2, 2, 3))
    (dE,), dx = embedding.backward(p, cache, dv)
    np.testing.assert_allclose(
        dE, [dv[1, 1], dv[0, 0] + dv[1, 0], dv[0, 1], np.zeros(3)]
    )
    assert dx is None
    with pytest.raises(ValueError, match="integer ids, got float64"):
        embedding.forward(p, vectors)
