"""Blocks around a recurrent cell: steps, exact gradients, and the tasks that they learn."""

import numpy as np
import pytest

from tests.support.cell_cases import shaken
from tests.support.closeness import assert_same
from unrolled import tree
from unrolled.cells import gru, lru, lstm
from unrolled.gradients import gradcheck
from unrolled.models import language_model, readout, residual_stack

T, B, D_IN, D, H, F = 5, 3, 4, 6, 8, 7
every_cell = pytest.mark.parametrize("cell", [lru, gru, lstm])


def case(cell, blocks=2):
    network = residual_stack.of(cell, blocks, H, F)
    rng = np.random.default_rng(0)
    p = shaken(network.init(rng, D_IN, D), rng, 0.2)
    return network, p, rng.standard_normal((T, B, D_IN)), rng.standard_normal((T, B, D))


def norm(p, x):
    """One row, normalised as the equation says."""
    return p.g * (x - x.mean()) / np.sqrt(x.var() + 1e-5) + p.c


@pytest.mark.equation("eq-residual-block")
@every_cell
def test_forward_is_the_equations_row_by_row(cell):
    network, p, inputs, _ = case(cell)
    h, _ = network.forward(p, inputs)
    x = inputs @ p.W_in
    for block in p.blocks:
        read = np.array([[norm(block.norm_cell, row) for row in rows] for rows in x])
        x = x + cell.forward(block.cell, read)[0] @ block.W_o
        for t, b in np.ndindex(T, B):
            a = norm(block.norm_feed, x[t, b]) @ block.W_1 + block.b_1
            x[t, b] += np.maximum(a, 0) @ block.W_2 + block.b_2
    wanted = np.array([[norm(p.norm, row) for row in rows] for rows in x])
    assert_same(h, wanted, 1e-12)


@every_cell
def test_backward_is_the_gradient_of_forward(cell):
    network, p, x, dh = case(cell)
    _, cache = network.forward(p, x)

    def loss(everything):
        return float((network.forward(*everything)[0] * dh).sum())

    found = network.backward(p, cache, dh)
    gradcheck.check(loss, (p, x), found, tolerance=1e-7, epsilon=2e-5)


@every_cell
def test_forward_is_repeated_step(cell):
    network, p, x, _ = case(cell)
    state = network.initial_state(p, B)
    for x_t, h in zip(x, network.forward(p, x)[0], strict=True):
        state = network.step(p, x_t, *state)
        assert_same(state[0], h, 1e-12)


def test_it_is_the_cell_of_a_language_model_and_of_a_readout():
    network = residual_stack.of(lru, 1, H, F)
    rng = np.random.default_rng(1)
    p = language_model.init(rng, 9, D, network)
    ids = rng.integers(0, 9, (T, B))
    h, _ = network.forward(p.cell, ids)
    one_hot = np.eye(9, dtype=np.float32)[ids]
    assert_same(h, network.forward(p.cell, one_hot)[0], 1e-5)
    q = readout.init(rng, D_IN, D, network, np.float64)
    assert q.W_y.shape == (D, 1) and q.cell.W_in.shape == (D_IN, D)


def test_no_step_sees_what_comes_after_it():
    network, p, x, _ = case(lru)
    changed = x.copy()
    changed[3:] += 1
    h, other = network.forward(p, x)[0], network.forward(p, changed)[0]
    np.testing.assert_array_equal(h[:3], other[:3])
    assert np.abs(h[3:] - other[3:]).min(axis=-1).max() > 0


def test_weights_keep_the_type_that_is_asked_for():
    network = residual_stack.of(lru, 2, H, F)
    p = network.init(np.random.default_rng(0), D_IN, D, np.float32)
    x = np.zeros((T, B, D_IN), np.float32)
    h, cache = network.forward(p, x)
    leaves = [h, *tree.leaves(p), *tree.leaves(network.backward(p, cache, h))]
    assert {leaf.dtype for leaf in leaves} == {np.dtype(np.float32)}


def test_sizes_below_1_and_inputs_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="got inputs=4, D=6, blocks=0"):
        residual_stack.of(lru, 0, H, F).init(np.random.default_rng(0), D_IN, D)
    network, p, x, _ = case(lru)
    with pytest.raises(ValueError, match=r"x must be \(T, B, 4\)"):
        network.forward(p, x[..., :2])
