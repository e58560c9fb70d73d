"""The equations and claims of the chapter "Optimizers"."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from experiments.intervals import interval
from tests.support.page_cells import cells, executed
from unrolled import tree
from unrolled.data import text
from unrolled.models import language_model
from unrolled.training import optimizers


def small_model(seed=0, V=9, H=4):
    rng = np.random.default_rng(seed)
    model = language_model.init(rng, V, H)
    model = tree.map(lambda w: rng.normal(size=w.shape), model)
    return model, text.pad([rng.integers(0, V, n) for n in (7, 5, 4)])


@pytest.mark.equation("eq-sgd")
def test_a_step_of_sgd():
    theta = np.array([1.0, -2.0]), np.array([[0.5]])
    d = np.array([0.1, 0.2]), np.array([[-3.0]])
    new, _ = optimizers.sgd(tree.map(np.copy, theta), d, learning_rate=0.25)
    assert_allclose(new[0], [1 - 0.25 * 0.1, -2 - 0.25 * 0.2])
    assert_allclose(new[1], [[0.5 + 0.25 * 3]])


@pytest.mark.equation("eq-sgd-decrease")
def test_the_decrease_is_eta_times_the_squared_length_up_to_the_square_of_eta():
    model, batch = small_model()
    loss, d = language_model.loss_and_gradient(model, batch)
    length = sum(float((leaf**2).sum()) for leaf in tree.leaves(d))
    rests = []
    for eta in (1e-3, 1e-4):
        stepped, _ = optimizers.sgd(
            tree.map(np.copy, model), tree.map(np.copy, d), learning_rate=eta
        )
        change = language_model.loss(stepped, batch)[0] - loss
        assert_allclose(change, -eta * length, rtol=0.05)
        rests.append(change + eta * length)
    assert_allclose(rests[0] / rests[1], 100, rtol=0.05)


@pytest.mark.equation("eq-batch-noise")
@pytest.mark.parametrize("B", [1, 2, 3])
def test_mean_and_scatter_of_a_batch_over_all_draws(B):
    """Every batch of B out of n sentences with replacement, each as likely as any other."""
    model, _ = small_model()
    rng = np.random.default_rng(1)
    sentences = [rng.integers(0, 9, n) for n in (3, 4, 6, 5)]

    def mean_gradient(chosen):
        _, d = language_model.loss_and_gradient(
            model, text.pad(chosen), reduction="sum"
        )
        return np.concatenate([leaf.ravel() for leaf in tree.leaves(d)]) / len(chosen)

    single = np.array([mean_gradient([s]) for s in sentences])
    mean = single.mean(axis=0)
    draws = np.array(
        [mean_gradient(list(c)) for c in itertools.product(sentences, repeat=B)]
    )
    assert_allclose(draws.mean(axis=0), mean, atol=1e-12)
    scatter = ((draws - mean) ** 2).sum(axis=1).mean()
    assert_allclose(scatter, ((single - mean) ** 2).sum(axis=1).mean() / B, rtol=1e-10)


@settings(deadline=None, max_examples=50)
@given(
    values=st.lists(st.floats(-10, 10), min_size=3, max_size=5).filter(
        lambda v: math.hypot(*v) > 1e-3
    ),
    c=st.floats(0.01, 20),
)
def test_clipping_scales_to_the_limit_and_keeps_the_direction(values, c):
    d = (np.array(values[:2]), np.array([values[2:]]))
    norm = math.sqrt(sum(v * v for v in values))
    factor = min(1, c / norm)
    clipped, before = optimizers.clip_by_global_norm(tree.map(np.copy, d), c)
    assert_allclose(before, norm)
    assert_allclose(clipped[0], factor * d[0], rtol=1e-12)
    assert_allclose(clipped[1], factor * d[1], rtol=1e-12)


def gradients(n=6, seed=3):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 4)) * np.array([1, 10, 0.01, 1])


@pytest.mark.equation("eq-rmsprop")
def test_rmsprop_step_by_step():
    gamma, eta, epsilon = 0.8, 0.05, 1e-4
    theta, m, state = np.ones(4), np.zeros(4), None
    found = np.ones(4)
    for g in gradients():
        m = gamma * m + (1 - gamma) * g**2
        theta = theta - eta * g / np.sqrt(m + epsilon)
        found, state = optimizers.rmsprop(
            found, g, state, eta, decay=gamma, epsilon=epsilon
        )
        assert_allclose(found, theta, rtol=1e-12)


@pytest.mark.equation("eq-adam")
def test_adam_step_by_step():
    beta_1, beta_2, eta, epsilon = 0.7, 0.95, 0.05, 1e-3
    theta, m, v, state = np.ones(4), np.zeros(4), np.zeros(4), None
    found = np.ones(4)
    for t, g in enumerate(gradients(), start=1):
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        theta = theta - eta * (m / (1 - beta_1**t)) / (
            np.sqrt(v / (1 - beta_2**t)) + epsilon
        )
        found, state = optimizers.adam(found, g, state, eta, (beta_1, beta_2), epsilon)
        assert_allclose(found, theta, rtol=1e-12)
        assert_allclose(state.mean, m, rtol=1e-12)
        assert_allclose(state.mean_square, v, rtol=1e-12)


@pytest.mark.equation("eq-bias-correction")
def test_the_running_mean_is_too_small_by_a_known_factor():
    beta = 0.9
    for t in (1, 3, 20):
        geometric = (1 - beta) * sum(beta ** (t - k) for k in range(1, t + 1))
        assert_allclose(geometric, 1 - beta**t, rtol=1e-12)
    # a gradient that is the same at every step, through the package's Adam
    g, state = np.array([2.0, -0.3]), None
    for t in range(1, 8):
        _, state = optimizers.adam(np.zeros(2), g, state, decays=(beta, 0.99))
        assert_allclose(state.mean, (1 - beta**t) * g, rtol=1e-12)
        assert_allclose(state.mean_square, (1 - 0.99**t) * g**2, rtol=1e-12)


def test_the_first_steps_of_adam_and_rmsprop():
    g = np.array([1e-3, -5.0, 40.0])
    adam, _ = optimizers.adam(np.zeros(3), g, learning_rate=0.01)
    assert_allclose(adam, -0.01 * np.sign(g), rtol=1e-4)
    rmsprop, _ = optimizers.rmsprop(
        np.zeros(3), g, learning_rate=0.01, decay=0.9, epsilon=1e-300
    )
    assert_allclose(rmsprop, -0.01 * np.sign(g) / math.sqrt(0.1), rtol=1e-12)


def movement(optimizer, n, steps=5000):
    """How far a weight moves, per learning rate, that gets a gradient of 1 in one step of n.

    Returns the length of that step, and the length of that step and the n - 1 after it.
    """
    theta, state, path = np.zeros(1), None, [0.0]
    for t in range(steps // n * n):
        g = np.ones(1) if t % n == 0 else np.zeros(1)
        theta, state = optimizer(theta, g, state, learning_rate=1.0)
        path.append(-theta[0])
    return path[-n] - path[-1 - n], path[-1] - path[-1 - n]


@pytest.mark.parametrize("optimizer", [optimizers.rmsprop, optimizers.adam])
def test_a_weight_with_a_constant_gradient_moves_by_the_learning_rate(optimizer):
    assert_allclose(movement(optimizer, 1), 1, rtol=1e-3)
    scaled, state = np.zeros(1), None
    for _ in range(500):
        before = scaled.copy()
        scaled, state = optimizer(scaled, np.full(1, 300.0), state, learning_rate=1.0)
    assert_allclose(before - scaled, 1, rtol=1e-3)


def test_the_step_of_a_weight_that_rarely_gets_a_gradient():
    """By the geometric series, for RMSprop with a decay of 0.9."""
    for n in (1, 10, 100, 1000):
        mean_square = 0.1 / (1 - 0.9**n)
        step, total = movement(optimizers.rmsprop, n)
        assert_allclose(step, 1 / math.sqrt(mean_square), rtol=1e-3)
        assert step == total  # no movement without a gradient
    assert_allclose(movement(optimizers.rmsprop, 100)[0], 3.16, atol=0.005)
    for n in (10, 100, 1000):
        step, total = movement(optimizers.adam, n)
        assert step < movement(optimizers.rmsprop, n)[0] < total
    assert (
        movement(optimizers.adam, 10)[0] < 1
    )  # the movement in the steps that follow adds up


def test_the_first_step_of_rmsprop_is_short_where_the_gradient_is_below_the_floor():
    """Epsilon stands under the root: gradients far below its root are scaled by it alone."""
    g = np.array([1e-5, 1e-4, 1e-3, 1.0])
    step, _ = optimizers.rmsprop(np.zeros(4), g, learning_rate=1.0)
    assert_allclose(-step, g / np.sqrt(0.1 * g**2 + 1e-6), rtol=1e-9)
    assert (-step < [0.02, 0.2, 1, 3.2]).all() and -step[3] > 3.1


@pytest.fixture(scope="module")
def page():
    """The names of the page's cells that define its measurements."""
    path = "02-language-model/optimizers.md"
    needed = "import numpy", "documents, _ =", "def noise("
    sources = [cell for cell in cells(path) if any(name in cell for name in needed)]
    return executed(path, [s.partition("trained = [fresh")[0] for s in sources])


@pytest.mark.slow
@pytest.mark.claim(
    "noise-grows-in-training",
    "After 100 steps, the noise of a batch's gradient is on average larger, relative to the "
    "gradient, than before training.",
)
def test_the_noise_grows_in_training(page):
    """The noise of 20 batches of 16 sentences: the interval over five seeds of the logarithm of
    the ratio after and before training, with 0."""
    some, ratios = page["sentences"][::29], []
    for seed in range(5):
        ((_, before),) = page["noise"](page["fresh"](seed), some, sizes=(16,))
        trained = page["fresh"](seed)
        page["some_steps"](trained, 100, optimizers.adam, 0.005, seed)
        ((_, after),) = page["noise"](trained, some, sizes=(16,))
        ratios.append(after / before)
    assert interval(np.log(ratios))["low"] > 0


@pytest.fixture(scope="module")
def lengths_and_losses(page):
    """Of five seeds: (name, rate) -> losses per word of the last 50 steps, and all lengths."""
    found = {}
    for optimizer, rate in (
        (optimizers.sgd, 1),
        (optimizers.rmsprop, 0.01),
        (optimizers.adam, 0.01),
        (optimizers.adam, 0.02),
    ):
        runs = np.array(
            [
                page["some_steps"](page["fresh"](seed), 200, optimizer, rate, seed)
                for seed in range(5)
            ]
        )
        losses = runs[:, 0, -50:].sum(axis=1) / runs[:, 1, -50:].sum(axis=1)
        found[optimizer.__name__, rate] = losses, runs[:, 2]
    return found


@pytest.mark.slow
@pytest.mark.claim(
    "rmsprop-is-lowest-in-200-steps",
    "In the first 200 steps of the small model, each at its best learning rate, RMSprop reaches a "
    "lower loss than SGD and Adam; the difference between these two is within the spread.",
)
def test_rmsprop_is_lowest_in_200_steps(lengths_and_losses):
    """The loss per word of the last 50 steps, differences paired by seed, for five seeds; for Adam
    at each of its two best rates."""
    losses = {name: loss for name, (loss, _) in lengths_and_losses.items()}
    best = losses.pop(("rmsprop", 0.01))
    for other in losses.values():
        assert interval(other - best)["low"] > 0
    for rate in (0.01, 0.02):
        difference = interval(losses["adam", rate] - losses["sgd", 1])
        assert difference["low"] <= 0 <= difference["high"]


@pytest.mark.slow
@pytest.mark.claim(
    "rmsprop-starts-with-short-steps",
    "The first step of RMSprop is shorter than the first step of Adam, and shorter than most of "
    "its own later steps.",
)
def test_the_first_step_of_rmsprop_is_short(lengths_and_losses):
    """The lengths of the steps of each of five seeds."""
    for rmsprop, adam in zip(
        lengths_and_losses["rmsprop", 0.01][1],
        lengths_and_losses["adam", 0.02][1],
        strict=True,
    ):
        assert rmsprop[0] < adam[0] / 3 and np.mean(rmsprop > rmsprop[0]) > 0.5
