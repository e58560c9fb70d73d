"""What ``why_not_fused`` says is what Keras does, on a card that Keras is made to believe in."""

import itertools

import numpy as np
import pytest

from unrolled.frameworks.cudnn_conditions import why_not_fused
from unrolled.frameworks.quiet_tensorflow import keras, tf

B, T, D, H = 2, 4, 3, 2
X = np.random.default_rng(0).standard_normal((B, T, D)).astype("float32")
RIGHT = np.array([[1, 1, 1, 1], [1, 1, 0, 0]], bool)
HOLE = np.array([[1, 1, 1, 1], [1, 0, 1, 0]], bool)
NOTHING = np.array([[1, 1, 1, 1], [0, 0, 0, 0]], bool)


class Fused(Exception):
    """Raised where the card would be called."""


@pytest.fixture
def card(monkeypatch):
    def kernel(**_):
        raise Fused

    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: [kind])
    monkeypatch.setattr(tf.raw_ops, "CudnnRNNV3", kernel)


def takes_the_fused_path(layer, mask=None):
    try:
        layer(X, mask=mask)
    except Fused:
        return True
    return False


LAYERS = [
    (kind, options)
    for kind in (keras.layers.LSTM, keras.layers.GRU)
    for options in (
        {},
        {"use_cudnn": False},
        {"use_cudnn": True},
        {"activation": "relu"},
        {"activation": tf.tanh, "recurrent_activation": tf.sigmoid},
        {"activation": keras.ops.tanh, "recurrent_activation": keras.ops.sigmoid},
        {"activation": lambda a: tf.tanh(a)},
        {"recurrent_activation": "hard_sigmoid"},
        {"recurrent_dropout": 0.1},
        {"dropout": 0.1},
        {"unroll": True},
        {"use_bias": False},
        {"go_backwards": True},
        {"return_sequences": True, "return_state": True},
    )
] + [
    (keras.layers.GRU, {"reset_after": False}),
    (keras.layers.SimpleRNN, {}),
    (lambda H: keras.layers.RNN(keras.layers.LSTMCell(H)), {}),
    (lambda H: keras.layers.Bidirectional(keras.layers.LSTM(H)), {}),
    (lambda H: keras.layers.Bidirectional(keras.layers.GRU(H, reset_after=False)), {}),
]


@pytest.mark.parametrize(("kind", "options"), LAYERS)
def test_it_says_what_keras_does(card, kind, options):
    layer = kind(H, **options)
    assert (why_not_fused(layer, gpu=True) == []) == takes_the_fused_path(layer)


@pytest.mark.parametrize(
    "mask", [RIGHT, HOLE, NOTHING, RIGHT[:, ::-1], RIGHT.astype(int)]
)
@pytest.mark.parametrize("kind", [keras.layers.LSTM, keras.layers.GRU])
def test_masks_count_when_called_eagerly(card, kind, mask):
    layer = kind(H)
    assert (why_not_fused(layer, mask, gpu=True) == []) == takes_the_fused_path(
        layer, mask
    )


def test_in_a_graph_a_wrong_mask_is_an_error(monkeypatch):
    def kernel(input, input_h, input_c, **_):
        zeros = tf.zeros((B, T, H))
        return zeros, input_h, input_c, None, None

    monkeypatch.setattr(tf.config, "list_logical_devices", lambda kind: [kind])
    monkeypatch.setattr(tf.raw_ops, "CudnnRNNV3", kernel)
    layer = keras.layers.LSTM(H)
    graph = tf.function(lambda mask: layer(X, mask=mask))
    graph(tf.constant(RIGHT))
    with pytest.raises(tf.errors.InvalidArgumentError, match="right-padded"):
        graph(tf.constant(HOLE))


def test_several_reasons_are_all_named():
    layer = keras.layers.GRU(H, reset_after=False, unroll=True, activation="relu")
    reasons = why_not_fused(layer, [[1, 0, 1, 0], [0, 0, 0, 0]], gpu=False)
    for wanted, other in itertools.product(
        (
            "no GPU",
            "not tanh",
            "unroll is True",
            "reset_after",
            "at the end",
            "a whole",
        ),
        ("use_cudnn", "sigmoid", "dropout", "bias"),
    ):
        assert any(wanted in reason for reason in reasons)
        assert not any(other in reason for reason in reasons)


def test_a_backward_layer_of_its_own_counts_too():
    slow = keras.layers.GRU(H, go_backwards=True, reset_after=False)
    both = keras.layers.Bidirectional(keras.layers.GRU(H), backward_layer=slow)
    assert why_not_fused(both, gpu=True) == ["reset_after is False"]
    same = keras.layers.Bidirectional(keras.layers.GRU(H, reset_after=False))
    assert why_not_fused(same, gpu=True) == ["reset_after is False"]


def test_without_a_card_nothing_is_fused():
    if not tf.config.list_logical_devices("GPU"):
        assert why_not_fused(keras.layers.LSTM(H)) == ["there is no GPU"]
