"""The chapter on initialisation: the scale of each array, and what a start does."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled import functional, tree
from unrolled.cells import rnn
from unrolled.data import text
from unrolled.models import language_model
from unrolled.training import optimizers

seeds = st.integers(0, 10**6)


@pytest.mark.equation("eq-gain")
@pytest.mark.parametrize("s", [0.05, 0.3])
def test_a_random_matrix_stretches_by_its_gain_on_average(s):
    rng = np.random.default_rng(0)
    H, h = 50, np.linspace(-0.3, 0.4, 50)
    W = rng.uniform(-s * math.sqrt(3), s * math.sqrt(3), (4000, H, H))  # variance s²
    found = np.mean(np.sum((h @ W) ** 2, axis=1))
    assert found == pytest.approx(H * s**2 * (h @ h), rel=0.02)


def test_near_a_gain_of_one_the_drawn_matrix_decides_whether_a_state_grows():
    """Lengths after 300 steps of tanh from a small state, for 40 drawn matrices."""
    H = 64

    def grown(gain):
        found = []
        for seed in range(40):
            rng = np.random.default_rng(seed)
            W = gain / np.sqrt(H) * rng.standard_normal((H, H))
            h = start = 1e-3 * rng.standard_normal(H)
            for _ in range(300):
                h = np.tanh(h @ W)
            found.append(np.linalg.norm(h) > np.linalg.norm(start))
        return np.mean(found)

    assert grown(0.577) == 0 and 0.1 < grown(0.95) < 0.9 and grown(1.5) == 1


@pytest.mark.equation("eq-uniform-gain")
def test_the_gain_of_the_posts_rule():
    rng = np.random.default_rng(0)
    H = 100
    W = rng.uniform(-1 / math.sqrt(H), 1 / math.sqrt(H), (300, H, H))
    h = np.full(H, 0.01)
    gain = math.sqrt(np.mean(np.sum((h @ W) ** 2, axis=1)) / (h @ h))
    assert gain == pytest.approx(1 / math.sqrt(3), rel=0.01)
    assert 1 / math.sqrt(3) == pytest.approx(0.577, abs=5e-4)


@pytest.mark.equation("eq-orthogonal")
@given(seeds, st.integers(1, 30))
def test_the_initial_recurrent_matrix_keeps_every_length(seed, H):
    rng = np.random.default_rng(seed)
    Q = rnn.init(rng, 3, H).W_h
    np.testing.assert_allclose(Q @ Q.T, np.eye(H), atol=1e-12)
    h = rng.normal(size=H)
    assert np.linalg.norm(h @ Q) == pytest.approx(np.linalg.norm(h), rel=1e-12)


@pytest.mark.equation("eq-input-variance")
@pytest.mark.parametrize("kind", ["one-hot", "dense"])
def test_input_variance_is_that_of_the_weights_times_the_squared_length(kind):
    rng = np.random.default_rng(0)
    D, scale = 40, 0.2
    x = np.eye(D)[3] if kind == "one-hot" else rng.normal(size=D)
    found = np.var(
        [x @ rnn.init(rng, D, 20, input_scale=scale).W_x for _ in range(2000)]
    )
    assert found == pytest.approx(scale**2 / 3 * (x @ x), rel=0.03)


@pytest.mark.equation("eq-initial-loss")
@pytest.mark.parametrize("sigma", [0.1, 0.5, 1.0])
def test_the_first_loss_is_log_V_plus_half_the_variance(sigma):
    rng = np.random.default_rng(0)
    V, N = 8000, 2000
    losses = functional.cross_entropy(
        sigma * rng.standard_normal((N, V)), rng.integers(0, V, N)
    )
    noise = 4 * sigma / math.sqrt(N)
    assert losses.mean() == pytest.approx(math.log(V) + sigma**2 / 2, abs=noise + 1e-3)


def test_an_untrained_model_of_the_book_finds_all_words_equally_likely():
    rng = np.random.default_rng(0)
    p = language_model.init(rng, 500, 30)
    batch = text.pad([np.array([1, *rng.integers(3, 500, 12), 2]) for _ in range(20)])
    assert language_model.loss(p, batch)[0] == pytest.approx(math.log(500), abs=0.01)


def train(p, steps=20):
    rng = np.random.default_rng(0)
    for _ in range(steps):
        batch = text.pad([np.array([1, *rng.integers(3, 12, 6), 2]) for _ in range(4)])
        _, dp = language_model.loss_and_gradient(p, batch)
        p, _ = optimizers.sgd(p, dp, learning_rate=0.5)
    return p


def start(fill):
    p = language_model.init(np.random.default_rng(0), 12, 5, dtype=np.float64)
    return tree.map(lambda array: np.full_like(array, fill), p)


def test_from_zero_only_the_output_bias_ever_moves():
    p = train(start(0.0))
    moved = [name for name, array in tree.named_leaves(p) if array.any()]
    assert moved == ["b_y"]


def test_from_a_constant_all_units_stay_the_same_and_from_chance_they_do_not():
    p = train(start(0.3))
    for array in (p.cell.W_x.T, p.cell.b, p.W_y):
        np.testing.assert_allclose(array, array[:1].repeat(5, axis=0), atol=1e-12)
    assert np.abs(p.cell.W_x - 0.3).max() > 1e-3
    p = train(language_model.init(np.random.default_rng(0), 12, 5, dtype=np.float64))
    assert np.ptp(p.W_y, axis=0).max() > 0.05


def test_gain_4_blows_up_the_smallest_difference_and_gain_one_half_forgets_it():
    rng = np.random.default_rng(0)
    cell = rnn.init(rng, 50, 64, input_scale=1.0)
    ids, h0 = rng.integers(0, 50, (40, 1)), np.zeros((1, 64))
    for gain, low, high in ((4, 1, 16), (0.5, 0, 1e-12)):
        p = cell._replace(W_h=gain * cell.W_h)
        apart = rnn.forward(p, ids, h0)[0][-1] - rnn.forward(p, ids, h0 + 1e-6)[0][-1]
        assert low <= np.linalg.norm(apart) <= high


def drops(seed, input_scale, trained_bias=None, V=600, H=40):
    """Returns how far the loss falls in each of two epochs of 40 sentences of Zipf's words."""
    rng = np.random.default_rng(seed)
    share = 1 / np.arange(1, V - 2)
    sentences = [
        text.pad(
            [np.array([1, *rng.choice(np.arange(3, V), 15, p=share / share.sum()), 2])]
        )
        for _ in range(40)
    ]
    cell = rnn.Params(
        rng.uniform(-1, 1, (V, H)) * input_scale,
        rng.uniform(-1, 1, (H, H)) / math.sqrt(H),
        np.zeros(H),
    )
    W_y = rng.uniform(-1, 1, (H, V)) / math.sqrt(H)
    p = language_model.Params(cell, W_y, np.zeros(V))
    means = []
    for _ in range(3):
        means.append(np.mean([language_model.loss(p, batch)[0] for batch in sentences]))
        for batch in sentences:
            _, dp = language_model.loss_and_gradient(p, batch, reduction="sum")
            if trained_bias != "output":
                dp.b_y[:] = 0
            if trained_bias != "hidden":
                dp.cell.b[:] = 0
            optimizers.sgd(p, dp, learning_rate=0.005)
    return -np.diff(means)


@pytest.mark.claim(
    "large-inputs-or-a-hidden-bias-end-the-plateau",
    "With inputs within 1/√V and no biases, the loss hardly moves at first. With larger inputs or "
    "a trained hidden bias it falls at once, and with a trained output bias it falls slowly.",
)
@pytest.mark.parametrize("seed", range(3))
def test_the_plateau_needs_small_inputs_and_no_hidden_bias(seed):
    """How far the loss falls in two epochs from four starts, for each of three seeds."""
    plateau = drops(seed, 1 / math.sqrt(600))
    large_inputs = drops(seed, 1.0)
    hidden_bias = drops(seed, 1 / math.sqrt(600), "hidden")
    output_bias = drops(seed, 1 / math.sqrt(600), "output")
    assert plateau.sum() < 0.05
    for remedy in (large_inputs, hidden_bias):
        assert remedy[0] > 10 * plateau[0] and remedy.sum() > 5 * plateau.sum()
    assert plateau.sum() < output_bias.sum() < hidden_bias.sum() / 3


@pytest.mark.parametrize("seed", range(3))
def test_a_tiny_difference_grows_to_that_of_unrelated_states(seed):
    """Gain 4, 1,000 words, 64 units: two copies 1e-7 apart, and two copies whose first states are
    unrelated, read the same 60 words, for 64 sequences."""
    rng = np.random.default_rng(seed)
    cell = rnn.init(rng, 1000, 64, input_scale=1.0)
    cell = cell._replace(W_h=4 * cell.W_h)
    ids = rng.integers(0, 1000, (60, 64))
    first, unrelated = rng.uniform(-1, 1, (2, 64, 64))
    nudge = rng.normal(size=first.shape)
    nudge *= 1e-7 / np.linalg.norm(nudge, axis=1, keepdims=True)
    end, nudged, other = (
        rnn.forward(cell, ids, h0)[0][-1] for h0 in (first, first + nudge, unrelated)
    )
    apart, far = (np.linalg.norm(h - end, axis=1).mean() for h in (nudged, other))
    assert 0.9 * far < apart < 1.1 * far
