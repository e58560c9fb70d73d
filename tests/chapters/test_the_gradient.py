"""The equations of the chapter "The gradient", computed from the page and not from the code."""

import math
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from tests.support.page_cells import defined
from unrolled.cells import rnn
from unrolled.data import text
from unrolled.functional import dcross_entropy, dproject, dsoftmax, dtanh, softmax
from unrolled.models import language_model

EPSILON = 6e-6


def slope(function, at):
    """Central differences of a function of one array, every entry: the yardstick of this file."""
    result = np.empty_like(at)
    for index in np.ndindex(at.shape):
        step = np.zeros_like(at)
        step[index] = EPSILON
        result[index] = (function(at + step) - function(at - step)) / (2 * EPSILON)
    return result


def example(T, V=7, H=4, seed=0):
    """Parameters with no zero among them, and a sentence; words occur twice if T >= 2."""
    rng = np.random.default_rng(seed)
    cell = rnn.Params(
        rng.normal(size=(V, H)), 0.6 * rng.normal(size=(H, H)), rng.normal(size=H)
    )
    p = language_model.Params(cell, rng.normal(size=(H, V)), rng.normal(size=V))
    ids = rng.integers(0, V - 2, T + 1)
    return p, ids[:-1], ids[1:]


def states(p, inputs):
    """h_0 .. h_T from the recurrence as the page writes it, numbered as there."""
    h = [np.zeros(len(p.cell.b))]
    for word in inputs:
        x = np.eye(len(p.b_y))[word]
        h.append(np.tanh(x @ p.cell.W_x + h[-1] @ p.cell.W_h + p.cell.b))
    return h


def summed_loss(p, inputs, targets):
    total = 0.0
    for h_t, y in zip(states(p, inputs)[1:], targets, strict=True):
        u = h_t @ p.W_y + p.b_y
        total -= u[y] - math.log(sum(math.exp(value) for value in u))
    return total


def deltas(p, inputs, targets):
    """{(t, k): delta_{t,k}} by the displayed recursion, steps numbered from 1."""
    h, found = states(p, inputs), {}
    for t in range(1, len(inputs) + 1):
        u = h[t] @ p.W_y + p.b_y
        du = np.exp(u) / np.exp(u).sum() - np.eye(len(u))[targets[t - 1]]
        found[t, t] = (du @ p.W_y.T) * (1 - h[t] * h[t])
        for k in range(t - 1, 0, -1):
            found[t, k] = (found[t, k + 1] @ p.cell.W_h.T) * (1 - h[k] * h[k])
    return found


@pytest.mark.equation("eq-softmax-gradient")
@settings(max_examples=50, deadline=None)
@given(
    u=st.lists(st.floats(-20, 20), min_size=2, max_size=6),
    y=st.integers(0, 5),
    weight=st.floats(0.1, 3),
)
def test_the_derivative_at_the_logits_is_p_minus_onehot(u, y, weight):
    u, y = np.array(u), y % len(u)
    p = np.array([1 / sum(math.exp(other - value) for other in u) for value in u])
    expected = p - np.eye(len(u))[y]
    assert_allclose(
        slope(lambda v: -v[y] + math.log(np.exp(v).sum()), u), expected, atol=1e-8
    )
    found = dcross_entropy(u[None], np.array([y]), np.array([weight]))[0]
    assert_allclose(found, weight * expected, rtol=1e-10, atol=1e-14)
    assert abs(found.sum()) < 1e-12
    assert np.abs(found).max() <= weight * (1 + 1e-12)


@pytest.mark.equation("eq-softmax-jacobian")
def test_the_jacobian_of_softmax():
    u = np.array([0.3, -1.2, 2.0, 0.0])
    p = np.exp(u) / np.exp(u).sum()
    jacobian = np.array(
        [[p[j] * ((j == k) - p[k]) for k in range(4)] for j in range(4)]
    )
    assert_allclose(softmax(u), p, rtol=1e-14)
    for j in range(4):
        assert_allclose(slope(lambda v, j=j: softmax(v)[j], u), jacobian[j], atol=1e-9)
        assert_allclose(dsoftmax(p, np.eye(4)[j]), jacobian[j], rtol=1e-13)


def test_the_detour_through_p_fails_where_a_probability_underflows():
    u, y = np.array([[1000.0, 0.0, -3.0]]), np.array([1])
    assert softmax(u)[0, 1] == 0
    assert_allclose(dcross_entropy(u, y, 1.0), [[1, -1, 0]])


@pytest.mark.equation("eq-product-gradient")
def test_the_two_gradients_of_a_product_entry_by_entry():
    rng = np.random.default_rng(1)
    x, W, dy = rng.normal(size=3), rng.normal(size=(3, 4)), rng.normal(size=4)
    dW = np.array([[x[j] * dy[k] for k in range(4)] for j in range(3)])
    dx = np.array([sum(dy[k] * W[j, k] for k in range(4)) for j in range(3)])
    assert_allclose(slope(lambda V: (x @ V) @ dy, W), dW, atol=1e-9)
    assert_allclose(slope(lambda v: (v @ W) @ dy, x), dx, atol=1e-9)
    found_dx, found_dW = dproject(x[None], W, dy[None])
    assert_allclose(found_dx[0], dx, rtol=1e-13)
    assert_allclose(found_dW, dW, rtol=1e-13)


@pytest.mark.equation("eq-tanh-gradient")
def test_the_gradient_of_tanh_from_its_value():
    a, dh = np.linspace(-3, 3, 9), np.linspace(1, 2, 9)
    h = np.tanh(a)
    assert_allclose(slope(lambda v: np.tanh(v) @ dh, a), dh * (1 - h * h), atol=1e-9)
    assert_allclose(dtanh(h, dh), dh * (1 - h * h), rtol=1e-14)


@pytest.mark.equation("eq-one-step-gradient")
def test_one_step_reversed_line_by_line():
    p, inputs, targets = example(T=1)
    h = states(p, inputs)[1]
    u = h @ p.W_y + p.b_y
    du = np.exp(u) / np.exp(u).sum() - np.eye(7)[targets[0]]
    da = (du @ p.W_y.T) * (1 - h * h)
    expected = language_model.Params(
        rnn.Params(np.outer(np.eye(7)[inputs[0]], da), np.zeros((4, 4)), da),
        np.outer(h, du),
        du,
    )
    _, found = language_model.loss_and_gradient_loops(p, inputs, targets)
    for name in ("W_x", "W_h", "b"):
        assert_allclose(
            getattr(found.cell, name), getattr(expected.cell, name), atol=1e-14
        )
    assert_allclose(found.W_y, expected.W_y, atol=1e-14)
    assert_allclose(found.b_y, expected.b_y, atol=1e-14)
    # dW_h of one step needs a state before it that is not zero
    h0 = np.array([[0.3, -0.2, 0.1, 0.5]])
    _, cache = rnn.forward(p.cell, inputs[:, None], h0)
    dh = np.array([[[1.0, -2.0, 0.5, 0.3]]])
    h1 = np.tanh(p.cell.W_x[inputs[0]] + h0[0] @ p.cell.W_h + p.cell.b)
    dp, _, dh0 = rnn.backward(p.cell, cache, dh)
    da = dh[0, 0] * (1 - h1 * h1)
    assert_allclose(dp.W_h, np.outer(h0[0], da), rtol=1e-13)
    assert_allclose(dh0[0], da @ p.cell.W_h.T, rtol=1e-13)


@pytest.mark.equation("eq-pair-recursion")
def test_delta_is_the_derivative_of_one_loss_at_an_earlier_pre_activation():
    p, inputs, targets = example(T=5)
    by_recursion = deltas(p, inputs, targets)

    def loss_of_output(t, nudge, k):
        h = np.zeros(4)
        for step in range(1, t + 1):
            a = p.cell.W_x[inputs[step - 1]] + h @ p.cell.W_h + p.cell.b
            h = np.tanh(a + nudge if step == k else a)
        u = h @ p.W_y + p.b_y
        return -u[targets[t - 1]] + math.log(np.exp(u).sum())

    assert len(by_recursion) == 15
    for (t, k), delta in by_recursion.items():
        numeric = slope(
            lambda nudge, t=t, k=k: loss_of_output(t, nudge, k), np.zeros(4)
        )
        assert_allclose(delta, numeric, atol=1e-8)


@pytest.mark.equation("eq-double-sum")
@pytest.mark.parametrize("T", [1, 2, 6])
def test_the_double_sum_is_what_the_loops_compute(T):
    p, inputs, targets = example(T)
    h, found = states(p, inputs), deltas(p, inputs, targets)
    one_hot = np.eye(7)[inputs]
    loss, d = language_model.loss_and_gradient_loops(p, inputs, targets)
    assert_allclose(loss, summed_loss(p, inputs, targets), rtol=1e-13)
    W_h = sum(np.outer(h[k - 1], delta) for (_, k), delta in found.items())
    W_x = sum(np.outer(one_hot[k - 1], delta) for (_, k), delta in found.items())
    b = sum(found.values())
    for expected, name in ((W_h, "W_h"), (W_x, "W_x"), (b, "b")):
        assert_allclose(getattr(d.cell, name), expected, rtol=1e-12, atol=1e-13)
        numeric = slope(
            lambda w, name=name: summed_loss(
                p._replace(cell=p.cell._replace(**{name: w})), inputs, targets
            ),
            getattr(p.cell, name),
        )
        assert_allclose(getattr(d.cell, name), numeric, atol=2e-8)


def test_the_example_by_hand():
    p = language_model.Params(
        rnn.Params(np.array([[0.5], [-1.0], [0.0]]), np.array([[2.0]]), np.zeros(1)),
        np.array([[1.0, 0.0, -1.0]]),
        np.zeros(3),
    )
    _, d = language_model.loss_and_gradient_loops(p, [0, 1], [1, 2])
    # worked out with a pocket calculator
    assert_allclose(d.cell.W_h, [[0.43633]], atol=1e-5)
    assert_allclose(d.cell.W_x.ravel(), [1.71918, 0.94420, 0], atol=1e-5)
    assert_allclose(d.cell.b, [2.66338], atol=1e-5)


def test_going_back_one_step_enlarges_the_gradient_of_the_example():
    h_1 = math.tanh(0.5)
    assert 2.0 * (1 - h_1**2) > 1
    found = defined("02-language-model/the-gradient.md")
    assert found["delta_21"] == pytest.approx(2 * (1 - h_1**2) * found["delta_22"])


@pytest.mark.equation("eq-visits")
@pytest.mark.parametrize("T", [1, 4, 11])
def test_the_loops_make_T_times_T_plus_1_over_2_visits(T):
    p, inputs, targets = example(T)
    with mock.patch.object(np, "outer", wraps=np.outer) as outer:
        language_model.loss_and_gradient_loops(p, inputs, targets)
    assert outer.call_count - T == T * (T + 1) / 2


def test_loops_and_batch_code_give_one_gradient_of_the_sum():
    p, inputs, targets = example(T=12)
    batch = text.Batch(inputs[:, None], targets[:, None], np.ones((12, 1), bool))
    loss, d = language_model.loss_and_gradient(p, batch, reduction="sum")
    loss_loops, loops = language_model.loss_and_gradient_loops(p, inputs, targets)
    assert_allclose(loss, loss_loops, rtol=1e-13)
    assert_allclose(d.cell.W_h, loops.cell.W_h, atol=1e-12)
    assert_allclose(d.cell.W_x, loops.cell.W_x, atol=1e-12)
    assert_allclose(d.W_y, loops.W_y, atol=1e-12)
