"""RNN, LSTM and GRU in WGSL: right at every size, in one dispatch or in many."""

import numpy as np
import pytest

from experiments.gpu import wgsl_proofs as proofs
from unrolled.webgpu import recurrence

# T, B, H: one of each, odd ones, more units than a workgroup has invocations
SIZES = [(1, 1, 1), (7, 3, 5), (5, 2, 131)]


@pytest.mark.webgpu
@pytest.mark.parametrize("cell", recurrence.BLOCKS)
@pytest.mark.parametrize("sizes", SIZES)
def test_forward_is_that_of_numpy(gpu, measured, cell, sizes):
    measured("float64", cell, proofs.of_forward(gpu, cell, *sizes), proofs.VALUES)


@pytest.mark.webgpu
@pytest.mark.parametrize("cell", recurrence.BLOCKS)
def test_large_sums_do_not_overflow(gpu, measured, cell):
    found = proofs.of_forward(gpu, cell, 4, 2, 9, scale=300.0)
    measured("float64", cell, found, proofs.VALUES)


@pytest.mark.webgpu
@pytest.mark.parametrize("cell", recurrence.BLOCKS)
@pytest.mark.parametrize("sizes", SIZES)
def test_backward_is_that_of_numpy(gpu, measured, cell, sizes):
    for found in proofs.of_backward(gpu, cell, *sizes):
        measured("float64", f"gradient of {cell}", found, proofs.GRADIENTS)


@pytest.mark.webgpu
@pytest.mark.parametrize("cell", recurrence.BLOCKS)
def test_one_dispatch_does_what_one_for_each_step_does(gpu, cell):
    T, B, H = 6, 2, 5
    p, x, first, _ = proofs.recurrence_problem(cell, T, B, H)
    a = x @ p.W_x + p.b
    found = {}
    for steps in (1, 4, T):
        before = gpu.dispatches
        found[steps], _ = recurrence.forward(gpu, cell, p.W_h, a, *first, steps=steps)
        assert gpu.dispatches - before == -(-T // steps)
    np.testing.assert_array_equal(found[1], found[T])
    np.testing.assert_array_equal(found[4], found[T])


@pytest.mark.webgpu
def test_the_most_units_fit(gpu, measured):
    found = max(proofs.of_backward(gpu, "lstm", 2, 1, recurrence.MOST_UNITS))
    measured("float64", "gradient of lstm", found, proofs.GRADIENTS)


@pytest.mark.parametrize(
    ("cell", "W_h", "a", "says"),
    [
        ("elman", (2, 2), (1, 1, 2), "cell must be one of"),
        ("lstm", (2, 6), (1, 1, 8), r"W_h must have shape \(2, 8\)"),
        ("gru", (2, 6), (1, 1, 8), r"a must have shape \(T, B, 6\)"),
        ("rnn", (2, 2), (0, 1, 2), "a must have shape"),
        ("rnn", (513, 513), (1, 1, 513), "1 to 512 rows"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(cell, W_h, a, says):
    with pytest.raises(ValueError, match=says):
        recurrence.check(cell, np.zeros(W_h), np.zeros(a))


def test_an_initial_state_of_another_batch_is_refused():
    with pytest.raises(ValueError, match="h0 must have shape"):
        recurrence.states("h0", np.zeros((3, 2)), 4, 1, 2)
    assert recurrence.states("h0", np.ones((1, 2)), 4, 1, 2).sum() == 2
