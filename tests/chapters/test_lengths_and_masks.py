"""The chapter "Where a sequence ends": the masked step, by hand and in Keras."""

import numpy as np
import pytest

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
