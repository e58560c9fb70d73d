"""What every model's `init` keeps: the type of all its weights and the range of its inputs'."""

import numpy as np
import pytest

from tests.support import registered_cells
from unrolled import tree
from unrolled.cells import gru, lru, lstm, state_space
from unrolled.layers import attention, bidirectional, feed_forward, multi_head, stacked
from unrolled.models import language_model, memory_network, seq2seq, turing_machine

LAYERS = stacked.of(lstm, gru)
CELLS = registered_cells.cells()
LEAST = {lru: 2, state_space: 2}  # units: a complex state is two
MODELS = {
    "language model": lambda rng, t: language_model.init(rng, 7, 5, dtype=t),
    "seq2seq": lambda rng, t: seq2seq.init(rng, 7, 6, 5, attention.additive, dtype=t),
    "memory network": lambda rng, t: memory_network.init(rng, 7, 4, 5, 2, dtype=t),
    "turing machine": lambda rng, t: turing_machine.init(
        rng, 3, 2, 4, 5, lstm, dtype=t
    ),
    "multi head": lambda rng, t: multi_head.init(rng, 6, 2, 3, dtype=t),
    "additive score": lambda rng, t: attention.additive.init(rng, 4, 5, 6, t),
    "general score": lambda rng, t: attention.general.init(rng, 4, 5, dtype=t),
    "bidirectional": lambda rng, t: bidirectional.init(rng, 3, 5, gru, dtype=t),
    "layers": lambda rng, t: LAYERS.init(rng, 3, 5, dtype=t),
    **{
        cell.__name__: lambda rng, t, cell=cell: cell.init(rng, 3, 6, dtype=t)
        for cell in (*CELLS.values(), feed_forward)
    },
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("init", MODELS.values(), ids=MODELS)
def test_all_weights_are_of_the_type_that_is_asked_for(init, dtype):
    p = init(np.random.default_rng(0), dtype)
    assert {leaf.dtype for leaf in tree.leaves(p)} == {np.dtype(dtype)}


@pytest.mark.parametrize("init", MODELS.values(), ids=MODELS)
def test_every_random_matrix_has_both_signs(init):
    one, other = (
        tree.leaves(init(np.random.default_rng(seed), np.float64)) for seed in (0, 1)
    )
    for leaf, drawn_again in zip(one, other, strict=True):
        if leaf.ndim > 1 and (leaf != drawn_again).any():
            assert leaf.min() < 0 < leaf.max()


@pytest.mark.parametrize(
    "init",
    [*(cell.init for cell in CELLS.values()), feed_forward.init, LAYERS.init],
)
def test_the_inputs_weights_lie_in_the_range_that_is_asked_for(init):
    for given, scale in ((None, 1 / 3), (0.01, 0.01), (2.0, 2.0)):
        p = init(np.random.default_rng(1), 9, 40, input_scale=given)
        W_x = tree.leaves(p)[0]
        assert 0.95 * scale < np.abs(W_x).max() <= scale


def test_both_directions_have_the_range_that_is_asked_for():
    p = bidirectional.init(np.random.default_rng(2), 9, 40, gru, input_scale=0.01)
    for of_direction in p:
        assert 0.0095 < np.abs(of_direction.W_x).max() <= 0.01


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_one_input_and_one_unit_are_enough_and_the_first_state_has_the_weights_type(
    cell,
):
    H = LEAST.get(cell, 1)
    p = cell.init(np.random.default_rng(3), 1, H, np.float32)
    states = cell.initial_state(p, 2)
    assert states[0].shape == (2, H)
    for state in states:
        assert len(state) == 2 and state.dtype == np.float32 and not state.any()
