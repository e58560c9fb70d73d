"""The identity-initialised ReLU network."""

import numpy as np
import pytest

from tests.support.cell_cases import shaken
from unrolled import tree
from unrolled.cells import irnn, rnn
from unrolled.gradients import gradcheck


@pytest.mark.equation("eq-irnn-step")
def test_a_step_is_the_equation():
    rng = np.random.default_rng(0)
    p = irnn.init(rng, 3, 4)
    p = shaken(p, rng, 0.5)
    x_t, h = rng.standard_normal(3), rng.standard_normal(4)
    expected = [
        max(
            0.0,
            sum(x_t[d] * p.W_x[d, i] for d in range(3))
            + sum(h[j] * p.W_h[j, i] for j in range(4))
            + p.b[i],
        )
        for i in range(4)
    ]
    assert 0 in expected and max(expected) > 0  # both sides of the kink
    np.testing.assert_allclose(irnn.step(p, x_t, h), expected, atol=1e-15)


def test_without_input_a_state_and_its_gradient_stay_what_they_are():
    rng = np.random.default_rng(1)
    p = irnn.init(rng, 3, 4)
    h0 = rng.uniform(0.1, 1, (2, 4))
    h, cache = irnn.forward(p, np.zeros((50, 2, 3)), h0)
    assert np.array_equal(h[-1], h0)
    dh = np.zeros_like(h)
    dh[-1] = rng.standard_normal((2, 4))
    assert np.array_equal(irnn.backward(p, cache, dh)[2], dh[-1])


def test_forward_is_repeated_step():
    rng = np.random.default_rng(2)
    p = irnn.init(rng, 3, 4)
    x = rng.standard_normal((6, 2, 3))
    (h,) = irnn.initial_state(p, 2)
    for x_t, expected in zip(x, irnn.forward(p, x)[0], strict=True):
        h = irnn.step(p, x_t, h)
        np.testing.assert_allclose(h, expected, atol=1e-14)


def test_backward_is_the_gradient_of_forward():
    rng = np.random.default_rng(3)
    p = irnn.init(rng, 3, 4)
    p = shaken(p, rng, 0.1)
    x, h0 = rng.standard_normal((6, 2, 3)), rng.uniform(size=(2, 4))
    dh = rng.standard_normal((6, 2, 4))
    _, cache = irnn.forward(p, x, h0)
    dp, dx, dh0 = irnn.backward(p, cache, dh)

    def loss(everything):
        return float((irnn.forward(*everything)[0] * dh).sum())

    numeric = gradcheck.central_difference(loss, (p, x, h0))
    for got, expected in zip(
        tree.leaves((dp, dx, dh0)), tree.leaves(numeric), strict=True
    ):
        np.testing.assert_allclose(got, expected, atol=1e-7)


def test_it_begins_as_the_identity_and_draws_its_inputs_like_rnn():
    p, q = (
        cell.init(np.random.default_rng(4), 3, 4, np.float32) for cell in (irnn, rnn)
    )
    assert np.array_equal(p.W_h, np.eye(4)) and p.W_h.dtype == np.float32
    assert np.array_equal(p.W_x, q.W_x) and not p.b.any()
