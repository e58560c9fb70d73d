"""An output layer in two stages: the class of a word, then the word."""

import numpy as np
import pytest

from unrolled import tree
from unrolled.functional import cross_entropy, softmax
from unrolled.gradients import gradcheck
from unrolled.layers import class_softmax

N, H, V = 6, 4, 11
EDGES = np.array([0, 2, 5, 11])
TARGETS = np.array([0, 1, 3, 10, 3, 7])


def case(seed=0):
    rng = np.random.default_rng(seed)
    return rng, rng.standard_normal((N, H)), rng.standard_normal(N)


def noisy(rng, p):
    return tree.map(lambda weight: rng.standard_normal(weight.shape), p)


def check_gradient(p, h, dlosses, *arguments):
    """Compares backward with central differences, for the parameters and for the states."""

    def loss(everything):
        losses, _ = class_softmax.forward(*everything, TARGETS, *arguments)
        return float(losses @ dlosses)

    _, cache = class_softmax.forward(p, h, TARGETS, *arguments)
    gradcheck.check(loss, (p, h), class_softmax.backward(p, cache, dlosses))


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
    check_gradient(p, h, dlosses, EDGES)


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
