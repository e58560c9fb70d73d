"""The chapter "Where a sequence ends": the masked step, by hand and in Keras."""

import numpy as np
import pytest

from experiments.intervals import interval
from unrolled.frameworks.quiet_tensorflow import keras, tf

B, T, D, H = 3, 6, 4, 5
X = np.random.default_rng(0).standard_normal((B, T, D))
MASKS = {
    "right": np.arange(T) < np.array([[6], [4], [1]]),
    "left": np.arange(T) >= np.array([[0], [2], [5]]),
    "holes": np.array(
        [[1, 0, 1, 1, 0, 1], [0, 1, 0, 0, 1, 0], [0, 0, 0, 0, 0, 0]], bool
    ),
}


def by_hand(cell, mask, zeros):
    """The equation: outputs y (B, T, H), and the state at the end."""
    h = c = y = tf.zeros((B, H), tf.float64)
    outputs = []
    for t in range(T):
        _, (h_new, c_new) = cell(X[:, t], (h, c))
        m = mask[:, t : t + 1].astype(float)
        h, c = m * h_new + (1 - m) * h, m * c_new + (1 - m) * c
        y = m * h_new + (0 if zeros else (1 - m) * y)
        outputs.append(y)
    return tf.stack(outputs, axis=1), h, c


@pytest.mark.equation("eq-masked-step")
@pytest.mark.parametrize("mask", MASKS)
@pytest.mark.parametrize("zeros", [False, True])
@pytest.mark.parametrize("unroll", [False, True])
def test_keras_masks_as_the_equation_says(mask, zeros, unroll):
    layer = keras.layers.LSTM(
        H,
        return_sequences=True,
        return_state=True,
        dtype="float64",
        unroll=unroll,
        zero_output_for_mask=zeros,
        bias_initializer="random_normal",
    )
    found = layer(X, mask=MASKS[mask])
    for a, b in zip(found, by_hand(layer.cell, MASKS[mask], zeros), strict=True):
        assert np.abs(a - b).max() <= 1e-14


def errors_of_the_last_state(seed, steps=40):
    """How far padding after and before the sequences moves the last state, as on the page."""
    keras.utils.set_random_seed(seed)
    rng = np.random.default_rng(seed)
    sequences = rng.standard_normal((64, 6, 8))
    zeros = np.zeros((64, steps, 8))
    reader = keras.layers.LSTM(16, dtype="float64")
    reader.build(sequences.shape)
    W_x, W_h, b = reader.get_weights()
    reader.set_weights([W_x, W_h, b + rng.normal(0, 0.5, b.shape)])
    true = reader(sequences).numpy()
    orders = ([sequences, zeros], [zeros, sequences])
    return [
        np.linalg.norm(reader(np.concatenate(order, axis=1)) - true)
        / np.linalg.norm(true)
        for order in orders
    ]


def test_lengths_passed_as_a_mask_raise_an_error_that_does_not_name_the_cause():
    with pytest.raises(IndexError, match="list assignment index out of range"):
        keras.layers.LSTM(H)(X, mask=np.array([6, 4, 1]))


@pytest.mark.claim(
    "padding-before-costs-less-than-after",
    "Without a mask, padding before a sequence moves the last state of a random LSTM less than "
    "padding after it.",
)
def test_padding_before_costs_less_than_after():
    """The lower end of the interval of the difference over five networks with 0."""
    after, before = np.transpose([errors_of_the_last_state(seed) for seed in range(5)])
    assert interval(after - before)["low"] > 0 and before.min() > 0.02
