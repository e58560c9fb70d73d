"""An output layer with frequent words in the head and narrow clusters for rare words."""

import numpy as np
import pytest

from unrolled import tree
from unrolled.functional import softmax
from unrolled.gradients import gradcheck
from unrolled.layers import adaptive_softmax

N, H, V = 6, 4, 11
EDGES = np.array([3, 7, 11])
TARGETS = np.array([0, 1, 3, 10, 3, 7])


def case(seed=0):
    rng = np.random.default_rng(seed)
    return rng, rng.standard_normal((N, H)), rng.standard_normal(N)


def noisy(rng, p):
    return tree.map(lambda weight: rng.standard_normal(weight.shape), p)


def check_gradient(p, h, dlosses, *arguments):
    """Compares backward with central differences, for the parameters and for the states."""

    def loss(everything):
        losses, _ = adaptive_softmax.forward(*everything, TARGETS, *arguments)
        return float(losses @ dlosses)

    _, cache = adaptive_softmax.forward(p, h, TARGETS, *arguments)
    gradcheck.check(loss, (p, h), adaptive_softmax.backward(p, cache, dlosses))


@pytest.mark.equation("eq-adaptive-softmax")
def test_the_probabilities_of_head_and_clusters_add_up_to_one():
    rng, h, _ = case()
    p = noisy(rng, adaptive_softmax.init(rng, H, EDGES, shrink=2))
    assert [tail.D.shape for tail in p.tails] == [(H, 2), (H, 1)]
    total = 0.0
    for word in range(V):
        losses, _ = adaptive_softmax.forward(p, h, np.full(N, word), EDGES)
        total = total + np.exp(-losses)
    np.testing.assert_allclose(total, 1)


@pytest.mark.equation("eq-adaptive-softmax")
def test_a_rare_word_costs_its_cluster_and_its_place_in_it():
    rng, h, _ = case()
    p = noisy(rng, adaptive_softmax.init(rng, H, EDGES, shrink=2))
    losses, _ = adaptive_softmax.forward(p, h, TARGETS, EDGES)
    head = softmax(h[3] @ p.W + p.b)
    within = softmax(h[3] @ p.tails[1].D @ p.tails[1].W + p.tails[1].b)
    assert np.exp(-losses[3]) == pytest.approx(head[3 + 1] * within[10 - 7])
    assert np.exp(-losses[1]) == pytest.approx(softmax(h[1] @ p.W + p.b)[1])


def test_the_gradient_of_an_adaptive_softmax():
    rng, h, dlosses = case()
    p = noisy(rng, adaptive_softmax.init(rng, H, EDGES, shrink=2))
    check_gradient(p, h, dlosses, EDGES)


@pytest.mark.parametrize("edges", [[0, 4], [3, 3, 5], [5, 4]])
def test_clusters_must_be_in_order(edges):
    with pytest.raises(ValueError, match="edges must increase"):
        adaptive_softmax.init(np.random.default_rng(0), H, np.array(edges))
