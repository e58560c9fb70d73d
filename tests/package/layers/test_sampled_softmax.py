"""An output layer that is trained on the target and a few sampled words."""

import numpy as np
import pytest

from unrolled.functional import cross_entropy
from unrolled.gradients import gradcheck
from unrolled.layers import sampled_softmax

N, H, V = 6, 4, 11
TARGETS = np.array([0, 1, 3, 10, 3, 7])


def case(seed=0):
    rng = np.random.default_rng(seed)
    return rng, rng.standard_normal((N, H)), rng.standard_normal(N)


def check_gradient(p, h, dlosses, *arguments):
    """Compares backward with central differences, for the parameters and for the states."""

    def loss(everything):
        losses, _ = sampled_softmax.forward(*everything, TARGETS, *arguments)
        return float(losses @ dlosses)

    _, cache = sampled_softmax.forward(p, h, TARGETS, *arguments)
    gradcheck.check(loss, (p, h), sampled_softmax.backward(p, cache, dlosses))


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
    check_gradient(p, h, dlosses, np.array([3, 3, 0, 9]), q)


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
