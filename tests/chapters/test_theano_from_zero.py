"""Symbolic graphs: the reverse rule, rewriting, and shared variables."""

import numpy as np
import pytest

from unrolled.frameworks import theano_models
from unrolled.frameworks.theano_models import T, theano
from unrolled.gradients import gradcheck


@pytest.mark.equation("eq-symbolic-reverse")
def test_a_node_gets_a_gradient_from_every_use():
    """u is used twice: L = Σ tanh(u) u, with the operations' own derivatives and grad's."""
    u = T.vector("u", dtype="float64")
    v = T.tanh(u)
    product = v * u
    loss = product.sum()
    value = np.random.default_rng(1).standard_normal(5)

    of_product = np.ones(5)  # the sum hands the gradient of L, 1, to every entry
    of_v = of_product * value  # v is used once, by the product
    by_tanh = of_v * (1 - np.tanh(value) ** 2)
    by_product = of_product * np.tanh(value)
    wanted = {product: of_product, v: of_v, u: by_tanh + by_product}
    for node, expected in wanted.items():
        found = theano_models.function([u], T.grad(loss, node), mode="python")(value)
        np.testing.assert_allclose(found, expected, rtol=1e-14)
    numeric = gradcheck.complex_step(lambda a: (np.tanh(a) * a).sum(), value)
    np.testing.assert_allclose(wanted[u], numeric, rtol=1e-13)


def test_rewriting_leaves_one_product():
    """The compiled gradient of a sum of squares is a single multiplication."""
    x = T.vector("x", dtype="float64")
    gradient = theano_models.function([x], T.grad((x**2).sum(), x), mode="python")
    assert [str(node.op) for node in gradient.maker.fgraph.toposort()] == ["Mul"]
    np.testing.assert_array_equal(gradient(np.arange(4.0)), [0, 2, 4, 6])


def test_rewriting_makes_the_softplus_accurate_at_both_ends():
    x = T.vector("x", dtype="float64")
    softplus = theano_models.function([x], T.log(1 + T.exp(x)), mode="python")
    found = softplus(np.array([-50.0, 0.0, 1000.0]))
    np.testing.assert_allclose(found, [np.exp(-50), np.log(2), 1000], rtol=1e-14)


def test_updates_use_the_values_before_the_call():
    a, b = theano.shared(1.0, "a"), theano.shared(1.0, "b")
    step = theano_models.function([], a, updates=[(a, b), (b, a + b)], mode="python")
    assert [float(step()) for _ in range(6)] == [1, 1, 2, 3, 5, 8]


def test_five_points_are_fitted_with_shared_weights():
    w = theano.shared(np.zeros(2), "w")
    inputs, targets = (
        T.matrix("inputs", dtype="float64"),
        T.vector("y", dtype="float64"),
    )
    loss = ((T.dot(inputs, w) - targets) ** 2).mean()
    step = theano_models.function(
        [inputs, targets], loss, [(w, w - 0.1 * T.grad(loss, w))], mode="python"
    )
    points = np.linspace(-1, 1, 5)
    columns, right = np.stack([points, np.ones(5)], axis=1), 3 * points + 1
    ours = np.zeros(2)
    for _ in range(100):
        error = columns @ ours - right
        assert float(step(columns, right)) == pytest.approx(
            (error**2).mean(), abs=1e-14
        )
        ours = ours - 0.1 * 2 * columns.T @ error / 5
    np.testing.assert_allclose(w.get_value(), ours, rtol=1e-12)
    np.testing.assert_allclose(ours, [3, 1], atol=1e-3)
