"""The readout of the last state: its value by hand, its gradient by differences."""

import numpy as np
import pytest

from tests.support.cell_cases import shaken
from unrolled import tree
from unrolled.cells import irnn, rnn
from unrolled.data import tasks
from unrolled.gradients import gradcheck
from unrolled.models import readout


@pytest.fixture(params=[rnn, irnn], ids=["rnn", "irnn"])
def cell(request):
    return request.param


def case(cell, T=6, B=4, H=5):
    rng = np.random.default_rng(7)
    p = readout.init(rng, 2, H, cell, np.float64)
    p = shaken(p, rng, 0.1)
    return p, tasks.adding_problem(rng, T, B, np.float64)


@pytest.mark.equation("eq-last-state-readout")
def test_the_loss_is_the_mean_squared_error_of_the_last_state_alone():
    p, (x, y) = case(rnn)
    total = 0.0
    for b in range(len(y)):
        h = np.zeros(5)
        for t in range(len(x)):
            h = np.tanh(x[t, b] @ p.cell.W_x + h @ p.cell.W_h + p.cell.b)
        total += (h @ p.W_y[:, 0] + p.b_y[0] - y[b]) ** 2
    assert readout.loss(p, tasks.Regression(x, y)) == pytest.approx(
        total / len(y), abs=1e-14
    )


def test_the_gradient_is_that_of_the_loss(cell):
    p, batch = case(cell)
    loss, gradient = readout.loss_and_gradient(p, batch, cell)
    assert loss == pytest.approx(readout.loss(p, batch, cell), abs=1e-15)
    numeric = gradcheck.central_difference(lambda q: readout.loss(q, batch, cell), p)
    for (name, got), expected in zip(
        tree.named_leaves(gradient), tree.leaves(numeric), strict=True
    ):
        assert abs(expected).max() > 1e-3, name  # there is something to agree on
        np.testing.assert_allclose(got, expected, atol=1e-8, err_msg=name)


def test_initial_weights_are_of_the_size_the_docstring_says():
    p = readout.init(np.random.default_rng(0), 2, 400)
    assert p.W_y.shape == (400, 1) and p.W_y.dtype == np.float32
    assert 0.95 / 20 < abs(p.W_y).max() <= 1 / 20
    assert not p.b_y.any()


def test_sequences_without_a_step_are_refused():
    p, (x, y) = case(rnn)
    with pytest.raises(ValueError, match="no step"):
        readout.loss(p, tasks.Regression(x[:0], y))


def test_answers_that_do_not_fit_are_refused():
    p, (x, y) = case(rnn)
    with pytest.raises(ValueError, match=r"y must be \(4,\).*got \(4, 1\)"):
        readout.loss_and_gradient(p, tasks.Regression(x, y[:, None]))
