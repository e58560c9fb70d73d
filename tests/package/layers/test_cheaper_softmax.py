"""Output layers that do less work: classes, sampled words, and an adaptive softmax."""

import numpy as np
import pytest

from unrolled import tree
from unrolled.functional import cross_entropy, softmax
from unrolled.gradients import gradcheck
from unrolled.layers import adaptive_softmax, class_softmax, sampled_softmax

N, H, V = 6, 4, 11
EDGES = np.array([0, 2, 5, 11])
TARGETS = np.array([0, 1, 3, 10, 3, 7])


def case(seed=0):
    rng = np.random.default_rng(seed)
    return rng, rng.standard_normal((N, H)), rng.standard_normal(N)


def noisy(rng, p):
    return tree.map(lambda weight: rng.standard_normal(weight.shape), p)


def check_gradient(layer, p, h, dlosses, *arguments):
    """Compares backward with central differences, for the parameters and for the states."""

    def loss(everything):
        losses, _ = layer.forward(*everything, TARGETS, *arguments)
        return float(losses @ dlosses)

    _, cache = layer.forward(p, h, TARGETS, *arguments)
    gradcheck.check(loss, (p, h), layer.backward(p, cache, dlosses))


@pytest.mark.equation("eq-class-softmax")
def test_the_probabilities_of_all_words_in_their_classes_add_up_to_one():
    rng, h, _ = case()
    p = noisy(rng, class_softmax.init(rng, H, V, 3))
    found = class_softmax.log_probabilities(p, h, EDGES)
    np.testing.assert_allclose(np.exp(found).sum(axis=1), 1)
    losses, _ = class_softmax.forward(p, h, TARGETS, EDGES)
    np.testing.assert_allclose(losses, -found[np.arange(N), TARGETS])


@pytest.mark.equation("eq-class-softmax")
def test_the_probability_is_that_of_the_class_times_that_within_the_class():
    rng, h, _ = case()
    p = noisy(rng, class_softmax.init(rng, H, V, 3))
    losses, _ = class_softmax.forward(p, h, TARGETS, EDGES)
    of_class = softmax(h[3] @ p.W_c + p.b_c)[2]
    within = softmax(h[3] @ p.W_y[:, 5:] + p.b_y[5:])[10 - 5]
    assert np.exp(-losses[3]) == pytest.approx(of_class * within)


def test_one_class_is_the_full_softmax():
    rng, h, _ = case()
    p = noisy(rng, class_softmax.init(rng, H, V, 1))
    losses, _ = class_softmax.forward(p, h, TARGETS, np.array([0, V]))
    np.testing.assert_allclose(losses, cross_entropy(h @ p.W_y + p.b_y, TARGETS))


def test_the_gradient_of_classes():
    rng, h, dlosses = case()
    p = noisy(rng, class_softmax.init(rng, H, V, 3))
    check_gradient(class_softmax, p, h, dlosses, EDGES)


@pytest.mark.parametrize(
    ("counts", "C", "edges"),
    [
        ([1, 1, 1, 1, 1, 1], 3, [0, 2, 4, 6]),
        ([6, 1, 1, 1, 1, 1, 1], 2, [0, 1, 7]),
        ([100, 1, 1, 1], 3, [0, 1, 2, 4]),
        ([1, 1, 1, 100], 3, [0, 2, 3, 4]),
        ([3, 2, 1], 1, [0, 3]),
    ],
)
def test_classes_of_equal_mass_are_never_empty(counts, C, edges):
    np.testing.assert_array_equal(class_softmax.equal_mass(counts, C), edges)


@pytest.mark.parametrize(
    ("counts", "C"), [([1, 2], 3), ([1, 2], 0), ([0, 0], 1), ([-1, 2], 1)]
)
def test_impossible_classes_are_refused(counts, C):
    with pytest.raises(ValueError, match="1 to 2 classes"):
        class_softmax.equal_mass(counts, C)


def sampling(seed=0):
    rng, h, dlosses = case(seed)
    p = sampled_softmax.Params(rng.standard_normal((H, V)), rng.standard_normal(V))
    q = rng.uniform(0.5, 2, V)
    return rng, p, h, dlosses, q / q.sum()


@pytest.mark.equation("eq-sampled-softmax")
def test_the_estimate_of_the_sum_over_all_words_is_right_on_average():
    """With one sampled word, the mean over q can be taken exactly: over all words."""
    _, p, h, _, q = sampling()
    u = h @ p.W_y + p.b_y
    mean = 0.0
    for s in range(V):
        losses, _ = sampled_softmax.forward(p, h, TARGETS, np.array([s]), q)
        mean = mean + q[s] * np.exp(losses + u[np.arange(N), TARGETS])
    np.testing.assert_allclose(mean, np.exp(u).sum(axis=1))


def test_every_word_once_from_a_uniform_distribution_is_the_full_softmax():
    _, p, h, _, _ = sampling()
    losses, _ = sampled_softmax.forward(p, h, TARGETS, np.arange(V), np.full(V, 1 / V))
    np.testing.assert_allclose(losses, cross_entropy(h @ p.W_y + p.b_y, TARGETS))


def test_the_gradient_with_sampled_words_some_of_them_twice_or_the_target():
    _, p, h, dlosses, q = sampling()
    check_gradient(sampled_softmax, p, h, dlosses, np.array([3, 3, 0, 9]), q)


def test_words_are_drawn_with_their_probabilities():
    q = np.array([0.1, 0.2, 0.7])
    drawn = sampled_softmax.draw(np.random.default_rng(0), q, 20_000)
    np.testing.assert_allclose(np.bincount(drawn) / 20_000, q, atol=0.01)


@pytest.mark.parametrize("sampled", [[], [0]])
def test_sampling_needs_words_and_probabilities_above_zero(sampled):
    _, p, h, _, q = sampling()
    q = q if not sampled else np.eye(V)[0]
    with pytest.raises(ValueError, match="at least one sampled word"):
        sampled_softmax.forward(p, h, TARGETS, np.array(sampled, int), q)


ADAPTIVE_EDGES = np.array([3, 7, 11])


@pytest.mark.equation("eq-adaptive-softmax")
def test_the_probabilities_of_head_and_clusters_add_up_to_one():
    rng, h, _ = case()
    p = noisy(rng, adaptive_softmax.init(rng, H, ADAPTIVE_EDGES, shrink=2))
    assert [tail.D.shape for tail in p.tails] == [(H, 2), (H, 1)]
    total = 0.0
    for word in range(V):
        losses, _ = adaptive_softmax.forward(p, h, np.full(N, word), ADAPTIVE_EDGES)
        total = total + np.exp(-losses)
    np.testing.assert_allclose(total, 1)


@pytest.mark.equation("eq-adaptive-softmax")
def test_a_rare_word_costs_its_cluster_and_its_place_in_it():
    rng, h, _ = case()
    p = noisy(rng, adaptive_softmax.init(rng, H, ADAPTIVE_EDGES, shrink=2))
    losses, _ = adaptive_softmax.forward(p, h, TARGETS, ADAPTIVE_EDGES)
    head = softmax(h[3] @ p.W + p.b)
    within = softmax(h[3] @ p.tails[1].D @ p.tails[1].W + p.tails[1].b)
    assert np.exp(-losses[3]) == pytest.approx(head[3 + 1] * within[10 - 7])
    assert np.exp(-losses[1]) == pytest.approx(softmax(h[1] @ p.W + p.b)[1])


def test_the_gradient_of_an_adaptive_softmax():
    rng, h, dlosses = case()
    p = noisy(rng, adaptive_softmax.init(rng, H, ADAPTIVE_EDGES, shrink=2))
    check_gradient(adaptive_softmax, p, h, dlosses, ADAPTIVE_EDGES)


@pytest.mark.parametrize("edges", [[0, 4], [3, 3, 5], [5, 4]])
def test_clusters_must_be_in_order(edges):
    with pytest.raises(ValueError, match="edges must increase"):
        adaptive_softmax.init(np.random.default_rng(0), H, np.array(edges))
