"""Each optimizer against its published formula, number by number."""

from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled import tree
from unrolled.training import optimizers as opt


class P(NamedTuple):
    a: np.ndarray
    b: tuple


def tree_of(x, y):
    return P(np.array([x, 2 * x]), (np.array([[y]]),))


def run(optimizer, steps=5, **settings):
    p, state = tree_of(1.0, -2.0), None
    for n in range(steps):
        p, state = optimizer(p, tree_of(0.3 * (n + 1), -0.1 * n), state, **settings)
    return float(p.a[0]), float(p.b[0][0, 0])


def test_sgd_subtracts_the_learning_rate_times_the_gradient():
    a, b = run(opt.sgd, learning_rate=0.1)
    assert a == pytest.approx(1 - 0.1 * 0.3 * 15) and b == pytest.approx(
        -2 + 0.1 * 0.1 * 10
    )


def test_rmsprop_is_its_formula():
    for entry, (weight, gradient) in enumerate(
        [(1.0, lambda n: 0.3 * (n + 1)), (-2.0, lambda n: -0.1 * n)]
    ):
        m = 0.0
        for n in range(5):
            m = 0.9 * m + 0.1 * gradient(n) ** 2
            weight -= 0.01 * gradient(n) / np.sqrt(m + 1e-6)
        assert run(opt.rmsprop, learning_rate=0.01)[entry] == pytest.approx(
            weight, rel=1e-12
        )


def test_adam_is_its_formula():
    for entry, (weight, gradient) in enumerate(
        [(1.0, lambda n: 0.3 * (n + 1)), (-2.0, lambda n: -0.1 * n)]
    ):
        m = v = 0.0
        for n in range(5):
            m = 0.9 * m + 0.1 * gradient(n)
            v = 0.999 * v + 0.001 * gradient(n) ** 2
            m_hat, v_hat = m / (1 - 0.9 ** (n + 1)), v / (1 - 0.999 ** (n + 1))
            weight -= 0.01 * m_hat / (np.sqrt(v_hat) + 1e-8)
        assert run(opt.adam, learning_rate=0.01)[entry] == pytest.approx(
            weight, rel=1e-10
        )


def test_sgd_takes_a_tenth_of_the_gradient_if_not_told_otherwise():
    a, b = run(opt.sgd, steps=1)
    assert a == pytest.approx(1 - 0.1 * 0.3) and b == pytest.approx(-2 + 0.1 * 0.0)


def test_rmsprop_takes_a_thousandth_of_the_scaled_gradient_if_not_told_otherwise():
    assert run(opt.rmsprop) == run(opt.rmsprop, learning_rate=0.001)


def test_adam_moves_by_its_learning_rate_at_first():
    (p,), _ = opt.adam((np.zeros(3),), (np.array([0.5, -2.0, 7.0]),))
    np.testing.assert_allclose(p, [-0.001, 0.001, -0.001], rtol=1e-7)


@pytest.mark.parametrize("optimizer", [opt.sgd, opt.rmsprop, opt.adam])
def test_an_optimizer_writes_into_the_weights_and_keeps_float32(optimizer):
    p, state = P(np.ones(3, np.float32), (np.ones((2, 2), np.float32),)), None
    for _ in range(2):
        gradients = P(np.full(3, 0.5, np.float32), (np.full((2, 2), 0.5, np.float32),))
        new, state = optimizer(p, gradients, state, learning_rate=0.01)
    assert new.a is p.a and new.a.dtype == np.float32 and (new.a < 1).all()
    assert {leaf.dtype for leaf in tree.leaves(state)} <= {
        np.dtype(np.float32),
        np.dtype(int),
    }


@pytest.mark.parametrize(
    ("optimizer", "rate"), [(opt.sgd, 0.1), (opt.rmsprop, 0.02), (opt.adam, 0.1)]
)
def test_every_optimizer_goes_down_a_bowl(optimizer, rate):
    p, state = P(np.array([3.0, -2.0]), (np.array([[1.5]]),)), None
    for _ in range(400):
        p, state = optimizer(p, P(2 * p.a, (2 * p.b[0],)), state, learning_rate=rate)
    assert opt.global_norm(p) < 0.05


@given(st.floats(-5, 5), st.floats(-5, 5), st.floats(0.1, 10))
def test_clipping_by_norm_keeps_the_direction(x, y, limit):
    gradients, norm = opt.clip_by_global_norm(tree_of(x, y), limit)
    assert norm == pytest.approx(np.sqrt(x**2 + (2 * x) ** 2 + y**2), abs=1e-12)
    assert opt.global_norm(gradients) == pytest.approx(min(norm, limit), abs=1e-12)
    assert gradients.a[0] * y == pytest.approx(x * gradients.b[0][0, 0], abs=1e-12)


def test_one_factor_shortens_all_arrays():
    gradients = (np.array([3.0, 0.0]), np.array([[0.0, 4.0]]))
    clipped, norm = opt.clip_by_global_norm(gradients, 1.0)
    assert norm == 5
    np.testing.assert_allclose(clipped[0], [0.6, 0.0])
    np.testing.assert_allclose(clipped[1], [[0.0, 0.8]])


def test_clipping_by_value_cuts_entries_and_can_turn_the_direction():
    gradients, norm = opt.clip_by_value(tree_of(0.5, -3.0), 0.75)
    assert gradients.a.tolist() == [0.5, 0.75] and gradients.b[0][0, 0] == -0.75
    assert norm == pytest.approx(np.sqrt(0.25 + 1 + 9))


def test_impossible_limits_and_norms_are_named():
    for clip in (opt.clip_by_global_norm, opt.clip_by_value):
        with pytest.raises(ValueError, match="above 0"):
            clip(tree_of(1.0, 1.0), 0)
    with pytest.raises(ValueError, match="norm is nan"):
        opt.clip_by_global_norm(tree_of(np.nan, 1.0), 1.0)
