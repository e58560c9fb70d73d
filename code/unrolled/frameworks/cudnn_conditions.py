"""The conditions under which a recurrent layer of Keras runs in cuDNN's fused kernel on a GPU.

cuDNN computes all steps of an LSTM or a GRU in one call. Keras uses cuDNN if all conditions hold.
If a property of the layer does not fit, it uses a loop, and does not report which of the two it
uses.
"""

import numpy as np

from unrolled.frameworks.quiet_tensorflow import keras, tf

# Keras knows each function under three names, and fuses all of them.
TANH = keras.activations.tanh, keras.ops.tanh, tf.tanh
SIGMOID = keras.activations.sigmoid, keras.ops.sigmoid, tf.sigmoid


def why_not_fused(layer, mask=None, gpu=None):
    """Returns the reasons why a layer cannot use the fused path; [] if it can.

    If the mask is a reason, a layer that is called directly runs the loop. Inside a
    graph, which ``fit`` builds, it stops with an error.

    Args:
        layer: a recurrent layer of Keras, or a Bidirectional around one.
        mask: bool (B, T), if there will be one.
        gpu: whether to assume a GPU; None looks for one.

    Returns:
        A list of short sentences.
    """
    if isinstance(layer, keras.layers.Bidirectional):
        both = layer.forward_layer, layer.backward_layer
        found = [reason for one in both for reason in why_not_fused(one, mask, gpu)]
        return list(dict.fromkeys(found))
    if not isinstance(layer, keras.layers.LSTM | keras.layers.GRU):
        name = type(layer).__name__
        return [f"only the layers LSTM and GRU have a fused path, not {name}"]
    if gpu is None:
        gpu = bool(tf.config.list_logical_devices("GPU"))
    reasons = {
        "there is no GPU": not gpu,
        "use_cudnn is False": layer.use_cudnn is False,
        "activation is not tanh": layer.activation not in TANH,
        "recurrent_activation is not sigmoid": (
            layer.recurrent_activation not in SIGMOID
        ),
        "recurrent_dropout is not 0": layer.recurrent_dropout != 0,
        "unroll is True": layer.unroll,
        "there is no bias": not layer.use_bias,
        "reset_after is False": not getattr(layer, "reset_after", True),
    }
    if mask is not None:
        mask = np.asarray(mask, bool)
        right = np.arange(mask.shape[1]) < mask.sum(axis=1, keepdims=True)
        reasons["the mask is not padding at the end"] = (mask != right).any()
        reasons["the mask hides a whole sequence"] = not mask.any(axis=1).all()
    return [reason for reason, holds in reasons.items() if holds]
