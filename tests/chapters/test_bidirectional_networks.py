"""The equations of the chapter on two directions, computed by Keras and by their own loops."""

import numpy as np
import pytest

from tests.support.cell_cases import shaken
from tests.support.page_cells import defined
from unrolled.cells import gru, lstm
from unrolled.frameworks import keras_models
from unrolled.frameworks.quiet_tensorflow import keras
from unrolled.layers import bidirectional, padding

T, B, D, H = 7, 3, 4, 5
LENGTHS = np.array([7, 4, 1])
MASK = np.arange(T)[:, None] < LENGTHS
AGREED = 1e-10


def case(cell):
    rng = np.random.default_rng(0)
    p = bidirectional.init(rng, D, H, cell)
    p = shaken(p, rng)
    return p, rng.standard_normal((T, B, D))


def steps(cell, p, inputs):
    """The states of one reader that starts at zero, step by step."""
    state, seen = cell.initial_state(p), []
    for x_t in inputs:
        state = cell.step(p, x_t, *state)
        state = state if isinstance(state, tuple) else (state,)
        seen.append(state[0])
    return np.array(seen)


@pytest.mark.equation("eq-tf-bidirectional")
@pytest.mark.parametrize("cell", [gru, lstm])
def test_the_second_reader_begins_with_zeros_at_the_real_end(cell):
    p, x = case(cell)
    found = keras_models.forward(p, x, mask=MASK)
    for b, length in enumerate(LENGTHS):
        onward = steps(cell, p.onward, x[:length, b])
        reverse = steps(cell, p.reverse, x[:length, b][::-1])[::-1]
        wanted = np.concatenate([onward, reverse], axis=-1)
        np.testing.assert_allclose(found[:length, b], wanted, atol=AGREED)
        assert not found[length:, b].any()


@pytest.mark.equation("eq-tf-reversal")
def test_turned_with_its_padding_a_sequence_is_met_by_a_state_that_is_not_zero():
    p, x = case(gru)
    unmasked = keras_models.forward(p, x)
    for b, length in enumerate(LENGTHS):
        state = np.zeros(H)
        for t in range(T - 1, length - 1, -1):  # T - ℓ steps over the padding
            state = gru.step(p.reverse, x[t, b], state)
        assert np.any(state) == (length < T)
        state = gru.step(p.reverse, x[length - 1, b], state)
        np.testing.assert_allclose(unmasked[length - 1, b, H:], state, atol=AGREED)
    turned = padding.reverse(x, LENGTHS)
    for b, length in enumerate(LENGTHS):
        for t in range(1, T + 1):  # the equation's steps, from 1
            source = length + 1 - t if t <= length else t
            np.testing.assert_array_equal(turned[t - 1, b], x[source - 1, b])


@pytest.mark.slow
@pytest.mark.claim(
    "two-directions-copy-the-answer",
    "On random ids a network with two directions falls far below log V by copying the answer; with "
    "one direction it stays at log V.",
)
def test_on_random_ids_only_two_directions_fall_below_the_entropy():
    """For three seeds: the loss on new ids is below half of log V with two directions, and no
    more than 0.05 below log V with one."""
    V, steps, layers = 8, 9, keras.layers
    for seed in range(3):
        keras.utils.set_random_seed(seed)
        ids = np.random.default_rng(seed).integers(0, V, (1536, steps))
        found = []
        for wrap in (lambda layer: layer, layers.Bidirectional):
            network = wrap(layers.GRU(24, return_sequences=True))
            model = keras.Sequential(
                [layers.Embedding(V, 12), network, layers.Dense(V)]
            )
            loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
            model.compile(keras.optimizers.Adam(0.02), loss)
            old, new = ids[:1024], ids[1024:]
            model.fit(old[:, :-1], old[:, 1:], batch_size=64, epochs=6, verbose=0)
            found.append(
                model.evaluate(new[:, :-1], new[:, 1:], batch_size=512, verbose=0)
            )
        one, two = found
        assert one > np.log(V) - 0.05
        assert two < np.log(V) / 2


def test_four_steps_of_padding_harm_almost_as_much_as_32_and_one_step_less():
    """The largest errors of the backward states, from the network of the page's cell."""
    ns = defined("06-tensorflow/bidirectional-networks.md")
    errors = {n: np.abs(ns["read"](n)["no mask"] - ns["alone"]) for n in (1, 4, 32)}
    largest = {n: error.max() for n, error in errors.items()}
    assert largest[4] > 0.95 * largest[32]
    assert 0.6 < largest[1] / largest[32] < 0.72
    for error in errors.values():  # "about one percent" is left at the first step
        of_each_step = error.max(axis=1)
        assert of_each_step.argmax() == len(error) - 1
        assert 0.005 < of_each_step[0] / of_each_step[-1] < 0.015
