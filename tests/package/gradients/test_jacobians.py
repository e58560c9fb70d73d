"""Jacobians and their products, against differences of the forward pass and against backward."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unrolled import functional
from unrolled.cells import irnn, rnn
from unrolled.cells import recurrent_weights as weights
from unrolled.gradients import jacobians

NONLINEARITIES = {
    "tanh": (np.tanh, functional.dtanh, 1.0),
    "sigmoid": (functional.sigmoid, functional.dsigmoid, 0.25),
    "relu": (functional.relu, functional.drelu, 1.0),
}
each = pytest.mark.parametrize("name", NONLINEARITIES)


def case(name, T=6, D=3, H=4, seed=0, scale=1.0):
    rng = np.random.default_rng(seed)
    p = rnn.Params(
        rng.standard_normal((D, H)),
        scale * weights.gaussian(rng, H),
        0.1 * rng.standard_normal(H),
    )
    x = rng.standard_normal((T, D))
    h, _ = rnn.forward(p, x[:, None], f=NONLINEARITIES[name][0])
    return p, x, h[:, 0]


def numeric_jacobian(function, at, epsilon=6e-6):
    columns = []
    for j in range(len(at)):
        nudge = epsilon * np.eye(len(at))[j]
        columns.append((function(at + nudge) - function(at - nudge)) / (2 * epsilon))
    return np.stack(columns, axis=1)


@each
@pytest.mark.equation("eq-step-jacobian")
def test_the_jacobian_of_a_step(name):
    f, df, _ = NONLINEARITIES[name]
    p, x, h = case(name)
    numeric = numeric_jacobian(
        lambda before: f(x[3] @ p.W_x + before @ p.W_h + p.b), h[2]
    )
    assert abs(numeric).max() > 0.05
    np.testing.assert_allclose(jacobians.of_step(p, h[3], df), numeric, atol=1e-8)


@each
@pytest.mark.equation("eq-jacobian-product")
def test_the_product_is_the_derivative_across_k_steps(name):
    f, df, _ = NONLINEARITIES[name]
    p, x, h = case(name)
    T = len(x)
    found = jacobians.products(p, h, df)
    assert np.array_equal(found[0], np.eye(4))
    for k in range(1, T + 1):
        start = h[T - k - 1] if k < T else np.zeros(4)

        def last(before, k=k):
            return rnn.forward(p, x[T - k :, None], before[None], f)[0][-1, 0]

        np.testing.assert_allclose(found[k], numeric_jacobian(last, start), atol=1e-7)


def test_products_of_no_step_and_of_one():
    p, _, h = case("tanh")
    assert np.array_equal(jacobians.products(p, h[:0]), np.eye(4)[None])
    assert np.array_equal(jacobians.products(p, h[:1])[1], jacobians.of_step(p, h[0]))


@each
@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 10_000), scale=st.just(0.0) | st.floats(0.01, 2))
@pytest.mark.equation("eq-jacobian-bound")
def test_no_product_is_above_the_bound(name, seed, scale):
    p, _, h = case(name, T=8, seed=seed, scale=scale)
    _, df, gamma = NONLINEARITIES[name]
    norms = np.linalg.norm(jacobians.products(p, h, df), 2, axis=(1, 2))
    sigma_max = np.sqrt(np.linalg.eigvalsh(p.W_h.T @ p.W_h).max())
    limits = jacobians.bound(sigma_max, gamma, np.arange(9))
    np.testing.assert_allclose(limits, [(gamma * sigma_max) ** k for k in range(9)])
    assert (norms <= limits * (1 + 1e-9)).all()


def test_the_bound_is_reached_where_every_slope_is_gamma():
    # At a_t = 0 the slope of tanh is 1 and that of the sigmoid 1/4; W_h = 3 I has norm 3.
    p = rnn.Params(np.zeros((1, 2)), 3 * np.eye(2), np.zeros(2))
    for name, resting in ("tanh", 0.0), ("sigmoid", 0.5):
        _, df, gamma = NONLINEARITIES[name]
        found = jacobians.products(p, np.full((4, 2), resting), df)
        norms = np.linalg.norm(found, 2, axis=(1, 2))
        np.testing.assert_allclose(norms, jacobians.bound(3.0, gamma, np.arange(5)))


@each
def test_norms_on_the_way_back_are_those_of_the_products(name):
    _, df, _ = NONLINEARITIES[name]
    p, _, h = case(name)
    dh_T = np.random.default_rng(9).standard_normal(4)
    expected = [np.linalg.norm(dh_T @ M) for M in jacobians.products(p, h, df)]
    np.testing.assert_allclose(
        jacobians.backward_norms(p, h, dh_T, df), expected, rtol=1e-12
    )


def test_norms_of_no_step():
    p, _, h = case("tanh")
    assert jacobians.backward_norms(p, h[:0], np.array([3.0, 4, 0, 0])).tolist() == [5]


def test_with_radius_zero_nothing_goes_back():
    p, _, h = case("tanh", scale=0.0)
    assert jacobians.backward_norms(p, h, np.ones(4)).tolist() == [2, 0, 0, 0, 0, 0, 0]


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_gradient_that_is_not_finite_is_refused(bad):
    p, _, h = case("tanh")
    with pytest.raises(ValueError, match="not finite"):
        jacobians.backward_norms(p, h, np.array([1, bad, 0, 0]))


@pytest.mark.parametrize("cell", [rnn, irnn], ids=["rnn", "irnn"])
def test_norms_by_distance_for_any_cell_agree_with_those_of_the_way_back(cell):
    rng = np.random.default_rng(4)
    p = cell.init(rng, 3, 4)
    x, dh_T = rng.standard_normal((7, 2, 3)), rng.standard_normal((2, 4))
    h, _ = cell.forward(p, x)
    df = functional.dtanh if cell is rnn else functional.drelu
    expected = jacobians.backward_norms(p, h, dh_T, df)
    np.testing.assert_allclose(
        jacobians.norms_by_distance(p, x, dh_T, cell), expected[1:]
    )


def test_states_are_those_of_forward():
    rng = np.random.default_rng(5)
    p, x = rnn.init(rng, 3, 4), rng.standard_normal((5, 2, 3))
    found = jacobians.states(p, x)
    assert len(found) == 6 and not found[0][0].any()
    np.testing.assert_allclose(
        [h for (h,) in found[1:]], rnn.forward(p, x)[0], atol=1e-14
    )
