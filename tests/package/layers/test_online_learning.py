"""Gradient descent on the pairs of a sequence, its own gradient, and its special cases."""

from functools import partial

import numpy as np
import pytest

from tests.support.closeness import assert_same
from unrolled.gradients import gradcheck
from unrolled.layers import delta_rule, matrix_states, online_learning

T, B, E, F = 23, 3, 4, 5


def case(T=T, seed=0):
    """Queries, keys, values, rates, momenta, factors and two first states."""
    rng = np.random.default_rng(seed)
    q, k = 0.5 * rng.standard_normal((2, T, B, E))
    v = rng.standard_normal((T, B, F))
    beta, mu, f = (rng.uniform(low, 1, (T, B, 1)) for low in (0.1, 0.2, 0.6))
    return q, k, v, beta, mu, f, *rng.standard_normal((2, B, E, F))


@pytest.mark.equation("eq-inner-loss", "eq-inner-gradient")
def test_dloss_is_the_gradient_of_the_loss():
    _, k, v, _, _, _, M0, _ = case(1)
    k, v = k[0], v[0]
    squares = [sum((k[b] @ M0[b] - v[b]) ** 2) / 2 for b in range(B)]
    np.testing.assert_allclose(online_learning.loss(M0, k, v), squares, rtol=1e-13)
    gradcheck.check(
        lambda M: float(online_learning.loss(M, k, v).sum()),
        M0,
        online_learning.dloss(M0, k, v),
        tolerance=1e-7,
    )


@pytest.mark.equation("eq-gradient-step")
def test_a_step_of_gradient_descent_is_the_delta_rule():
    q, k, v, beta, _, f, M0, _ = case(1)
    step = M0 - beta[0][..., None] * online_learning.dloss(M0, k[0], v[0])
    _, S = delta_rule.recurrent(q, k, v, beta, np.ones_like(f), M0)
    assert abs(step - S[0]).max() <= 1e-15


@pytest.mark.equation("eq-titans-momentum", "eq-titans-state")
@pytest.mark.parametrize("T", [0, 1, 2, 23])
def test_the_recurrent_form_is_its_equations(T):
    q, k, v, beta, mu, f, M0, P0 = case(T)
    y, M, P = online_learning.recurrent(q, k, v, beta, mu, f, M0, P0)
    assert y.shape == (T, B, F) and M.shape == P.shape == (T, B, E, F)
    for b in range(B):
        m, p = M0[b], P0[b]
        for t in range(T):
            gradient = np.array(
                [[k[t, b, e] * (k[t, b] @ m - v[t, b])[j] for j in range(F)]
                 for e in range(E)]
            )  # fmt: skip
            p = mu[t, b] * p - beta[t, b] * gradient
            m = f[t, b] * m + p
            np.testing.assert_allclose(P[t, b], p, rtol=1e-10, atol=1e-12)
            np.testing.assert_allclose(M[t, b], m, rtol=1e-10, atol=1e-12)
            np.testing.assert_allclose(y[t, b], q[t, b] @ m, rtol=1e-10, atol=1e-12)


def test_without_momentum_and_decay_it_is_the_delta_rule():
    q, k, v, beta, mu, f, M0, _ = case()
    y, M, _ = online_learning.recurrent(q, k, v, beta, 0 * mu, 0 * f + 1, M0)
    wanted, S = delta_rule.recurrent(q, k, v, beta, 0 * f + 1, M0)
    assert_same((y, M), (wanted, S), 1e-12)


def test_with_decay_the_gradient_is_taken_before_it():
    q, k, v, beta, mu, f, M0, _ = case(1)
    _, M, _ = online_learning.recurrent(q, k, v, beta, 0 * mu, f, M0)
    _, S = delta_rule.recurrent(q, k, v, beta, f, M0)
    # the gated delta rule looks up f S instead of S
    apart = (beta * (1 - f))[0][..., None] * delta_rule.outer(
        k[0], delta_rule.look_up(k[0], M0)
    )
    assert abs(apart).max() > 0.01
    assert_same(S[0] - M[0], apart, 1e-12)


@pytest.mark.parametrize("T", [1, 6])
def test_backward_is_the_gradient_of_recurrent(T):
    q, k, v, beta, mu, f, M0, P0 = parts = case(T)
    dy = np.random.default_rng(5).standard_normal(v.shape)
    _, M, P = online_learning.recurrent(*parts)

    def loss(everything):
        return float((online_learning.recurrent(*everything)[0] * dy).sum())

    gradient = online_learning.backward(q, k, v, beta, mu, f, M, P, dy, M0, P0)
    gradcheck.check(loss, parts, gradient, tolerance=1e-7)
    _, M, P = online_learning.recurrent(*parts[:6])
    gradient = online_learning.backward(q, k, v, beta, mu, f, M, P, dy)
    gradcheck.check(loss, parts[:6], gradient[:6], tolerance=1e-7)


@pytest.mark.equation("eq-mini-batch")
@pytest.mark.parametrize("batch", [1, 4, 16, T, 50])
@pytest.mark.parametrize("T", [0, 1, 7, 23])
def test_every_gradient_of_a_mini_batch_is_taken_at_its_start(batch, T):
    q, k, v, beta, _, _, M0, _ = case(T)
    y = online_learning.mini_batches(q, k, v, beta, M0, batch)
    for b in range(B):
        M = M0[b]
        for t in range(T):
            if t % batch == 0:
                at = M
            M = M - beta[t, b] * np.outer(k[t, b], k[t, b] @ at - v[t, b])
            np.testing.assert_allclose(y[t, b], q[t, b] @ M, rtol=1e-10, atol=1e-12)


@pytest.mark.equation("eq-one-batch")
def test_mini_batches_lie_between_linear_attention_and_the_delta_rule():
    q, k, v, beta, _, f, M0, _ = case()
    ones = np.ones_like(f)
    assert_same(
        online_learning.mini_batches(q, k, v, beta, M0, 1),
        delta_rule.recurrent(q, k, v, beta, ones, M0)[0],
        1e-12,
    )
    assert_same(
        online_learning.mini_batches(q, k, v, beta, batch=T),
        matrix_states.recurrent(q, k, beta * v, ones)[0],
        1e-12,
    )


def test_keys_of_norm_0_teach_nothing():
    q, k, v, beta, mu, f, M0, _ = case()
    ones = np.ones_like(f)
    y, M, P = online_learning.recurrent(q, 0 * k, v, beta, mu, ones, M0)
    assert not P.any() and abs(M - M0).max() == 0
    assert_same(online_learning.mini_batches(q, 0 * k, v, beta, M0), y, 1e-13)


FORMS = [
    lambda q, k, v, beta, f, M0: online_learning.recurrent(q, k, v, beta, f, f, M0),
    lambda q, k, v, beta, f, M0: online_learning.recurrent(
        q, k, v, f, beta, f, None, M0
    ),
    lambda q, k, v, beta, f, M0: online_learning.mini_batches(q, k, v, beta, M0),
]


@pytest.mark.parametrize("form", FORMS)
def test_arrays_that_do_not_fit_are_refused(form):
    q, k, v, beta, _, f, M0, _ = case()
    for wrong, message in [
        ((q, k[:-1], v, beta, f, M0), r"k must be \(23, 3, 4\), got \(22, 3, 4\)"),
        ((q, k, v[:, :2], beta, f, M0), r"v must be \(23, 3, F\), got \(23, 2, 5\)"),
        ((q, k, v, beta[..., 0], f, M0), r"must be \(23, 3, 1\), got \(23, 3\)"),
        ((q, k, v, beta, f, M0[0]), r"0 must be \(3, 4, 5\), got \(4, 5\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            form(*wrong)


@pytest.mark.parametrize("batch", [0, -1, 1.5])
def test_empty_mini_batches_are_refused(batch):
    q, k, v, beta, *_ = case()
    with pytest.raises(ValueError, match=f"at least one step, got {batch}"):
        online_learning.mini_batches(q, k, v, beta, batch=batch)


def test_single_precision_stays_single():
    parts = case()
    single = [part.astype(np.float32) for part in parts]
    q, k, v, beta, mu, f, M0, P0 = single
    y, M, P = online_learning.recurrent(*single)
    gradient = online_learning.backward(q, k, v, beta, mu, f, M, P, y, M0, P0)
    forms = [
        y,
        *gradient,
        *(
            partial(online_learning.mini_batches, batch=n)(q, k, v, beta)
            for n in (1, 5)
        ),
    ]
    assert {a.dtype for a in forms} == {np.dtype(np.float32)}
    np.testing.assert_allclose(
        y, online_learning.recurrent(*parts)[0], rtol=1e-3, atol=1e-3
    )
