"""Dropout as a layer: what it hides, what it keeps, and its gradient."""

import numpy as np
import pytest

from unrolled import tree
from unrolled.cells import gru
from unrolled.data import text
from unrolled.gradients import gradcheck
from unrolled.layers import dropout, embedding, stacked
from unrolled.models import language_model


def layer_rng():
    return np.random.default_rng(1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_share_is_hidden_and_the_rest_is_scaled_to_the_same_mean(dtype):
    layer = dropout.of(0.3, np.random.default_rng(0))
    x = np.full((20, 30, 50), 2, dtype)
    y, cache = layer.forward((), x)
    assert y.dtype == cache.m.dtype == dtype
    np.testing.assert_allclose(np.unique(y), [0, 2 / 0.7], rtol=1e-6)
    assert np.mean(y == 0) == pytest.approx(0.3, abs=0.01)
    assert y.mean() == pytest.approx(2, rel=0.01)


def test_every_step_and_every_call_has_its_own_mask():
    layer = dropout.of(0.5, np.random.default_rng(0))
    first, second = (layer.forward((), np.ones((4, 3, 40)))[0] for _ in range(2))
    assert (first != second).any()
    assert all((first[0] != first[t]).any() for t in range(1, 4))


def test_outside_of_training_nothing_is_hidden():
    layer, x = dropout.of(0.5, np.random.default_rng(0)), np.ones(40)
    assert layer.step((), x) is x
    assert layer.initial_state(()) == () == layer.init(None, 3, 4)
    x = np.ones((2, 3, 4))
    y, _ = dropout.of(0.0, layer_rng()).forward((), x)
    np.testing.assert_array_equal(y, x)


@pytest.mark.parametrize("share", [-0.1, 1.0, 1.5])
def test_a_share_outside_0_to_1_is_refused(share):
    with pytest.raises(ValueError, match=f"0 <= share < 1, got {share}"):
        dropout.of(share, layer_rng())


def test_the_gradient_through_a_stack_with_dropout_is_right():
    """The same seed before each evaluation makes the masks, and so the loss, a fixed function."""

    def network():
        drop = dropout.of(0.4, layer_rng())
        return stacked.of(embedding, drop, gru, drop)

    batch = text.pad([np.array([1, 5, 4, 3, 2]), np.array([1, 6, 2])])
    p = language_model.init(layer_rng(), 7, 5, network(), np.float64)
    rng = np.random.default_rng(2)
    p = tree.map(lambda weight: rng.normal(size=weight.shape), p)
    _, dp = language_model.loss_and_gradient(p, batch, network())
    gradcheck.check(lambda q: language_model.loss(q, batch, network())[0], p, dp)
