"""Which operations of Keras pass the mask on."""

from unrolled.exercises.judging import Wrong

TITLE = "Masks that get lost"
CHAPTER = "06-tensorflow/lengths-and-masks"
SECTION = "how-masks-are-passed-on-and-how-they-get-lost"
KIND = "predict"
LEVEL = 1
MINUTES = 10

TEXT = r"""
`e` is the output of `Embedding(V, D, mask_zero=True)` for ids of shape $(B, T)$, so it carries a
mask. For each line, predict whether the *result* carries a mask. For the last line, predict
whether `e` itself still carries one *after* the call. Set every value of `keeps` to True or
False. The check runs Keras and compares.

(This exercise needs Keras, so it does not run in the page.)
"""

STUB = """
keeps = {
    "layers.Dense(3)(e)": None,
    "layers.Dropout(0.1)(e)": None,
    "2 * e": None,
    "layers.Add()([e, e])": None,
    "layers.Conv1D(3, 3, padding='same')(e)": None,
    "layers.LSTM(3, return_sequences=True)(e)": None,
    "layers.LSTM(3)(e)": None,
    "keras.ops.tanh(e)": None,
    "layers.Activation('tanh')(e)": None,
    "e, after layers.MultiHeadAttention(2, 4)(e, e)": None,
}
"""

HINTS = (
    "A mask is an attribute of one Python object. What makes the result: a layer that "
    "supports masks, a layer that does not, or an operator?",
    "Does the result still have an axis of steps for a mask? One of the layers also "
    "mixes neighbouring steps, so it cannot say which results are real.",
)

SOLUTION = """
keeps = {
    "layers.Dense(3)(e)": True,
    "layers.Dropout(0.1)(e)": True,
    "2 * e": False,
    "layers.Add()([e, e])": True,
    "layers.Conv1D(3, 3, padding='same')(e)": False,
    "layers.LSTM(3, return_sequences=True)(e)": True,
    "layers.LSTM(3)(e)": False,
    "keras.ops.tanh(e)": False,
    "layers.Activation('tanh')(e)": True,
    "e, after layers.MultiHeadAttention(2, 4)(e, e)": False,
}
"""

COMMENT = r"""
`Dense`, `Dropout`, `Activation` and `Add` treat each step separately and pass the mask on. A
recurrent layer that returns all its outputs also passes it on. An operator returns a new tensor
without a mask, and there is no warning: `2 * e` and `layers.Rescaling(2)(e)` contain the same
numbers, but only the second carries a mask. A convolution mixes steps, so Keras warns and drops the
mask. The last output of an LSTM has no axis of steps.

The last line is a different trap. If you call `MultiHeadAttention` on an eager tensor, which holds
values, the layer removes the mask from its *input*. Everything that uses `e` afterwards, such as a
residual connection or a second call of the same layer, treats the padding as real steps. The same
happens in a model with its own `call` method. In a model that is built from `keras.Input`, it does
not happen.

A loss with explicit weights is not affected. If you rely on masks, test for them:
`assert getattr(tensor, "_keras_mask", None) is not None`.
"""

WHY = {
    "layers.Dense(3)(e)": "a Dense layer treats each step separately and passes the mask on.",
    "layers.Dropout(0.1)(e)": "Dropout does not move any step, and passes the mask on.",
    "2 * e": "an operator makes a new tensor. The mask was an attribute of the old one.",
    "layers.Add()([e, e])": "this sum is a layer, which supports masks and combines them.",
    "layers.Conv1D(3, 3, padding='same')(e)": (
        "a convolution mixes real steps with padding, so Keras warns and drops the mask."
    ),
    "layers.LSTM(3, return_sequences=True)(e)": (
        "there is an output for every step, and the same steps are real."
    ),
    "layers.LSTM(3)(e)": "there is one output for each sequence, so there are no steps to mask.",
    "keras.ops.tanh(e)": "a function of keras.ops is not a layer, and its result has no mask.",
    "layers.Activation('tanh')(e)": "this tanh is a layer, and it treats each step separately.",
    "e, after layers.MultiHeadAttention(2, 4)(e, e)": (
        "this layer removes the mask from the tensor that it is given."
    ),
}


def check(answers):
    """Asks Keras, and compares."""
    keeps = answers.get("keeps")
    if not isinstance(keeps, dict):
        raise Wrong(
            "Set `keeps` to a dictionary with the lines of the stub, each True or False."
        )
    missing = [name for name in WHY if not isinstance(keeps.get(name), bool)]
    if missing:
        raise Wrong(
            f"Set every value of `keeps` to True or False. One is missing: {missing[0]}."
        )
    found = _ask_keras()
    wrong = [name for name in WHY if keeps[name] != found[name]]
    if wrong:
        left = (
            f" ({len(wrong)} of {len(WHY)} lines are not right yet.)"
            if len(wrong) > 1
            else ""
        )
        raise Wrong(f"{wrong[0]}: {WHY[wrong[0]]}{left}")
    return "Keras agrees on all ten lines."


def _ask_keras():
    """Returns for each line whether Keras has a mask there."""
    import warnings

    import numpy as np

    from unrolled.frameworks.quiet_tensorflow import keras

    layers = keras.layers
    embedding = layers.Embedding(8, 4, mask_zero=True)

    def embedded():
        return embedding(np.array([[3, 4, 5, 0, 0], [2, 3, 0, 0, 0]]))

    def after_attention(e):
        layers.MultiHeadAttention(2, 4)(e, e)
        return e

    made = {
        "layers.Dense(3)(e)": lambda e: layers.Dense(3)(e),
        "layers.Dropout(0.1)(e)": lambda e: layers.Dropout(0.1)(e),
        "2 * e": lambda e: 2 * e,
        "layers.Add()([e, e])": lambda e: layers.Add()([e, e]),
        "layers.Conv1D(3, 3, padding='same')(e)": (
            lambda e: layers.Conv1D(3, 3, padding="same")(e)
        ),
        "layers.LSTM(3, return_sequences=True)(e)": (
            lambda e: layers.LSTM(3, return_sequences=True)(e)
        ),
        "layers.LSTM(3)(e)": lambda e: layers.LSTM(3)(e),
        "keras.ops.tanh(e)": lambda e: keras.ops.tanh(e),
        "layers.Activation('tanh')(e)": lambda e: layers.Activation("tanh")(e),
        "e, after layers.MultiHeadAttention(2, 4)(e, e)": after_attention,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return {
            name: getattr(make(embedded()), "_keras_mask", None) is not None
            for name, make in made.items()
        }
