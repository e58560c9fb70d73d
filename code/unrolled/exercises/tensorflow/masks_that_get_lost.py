"""Which operations of Keras hand the mask on."""

from unrolled.exercises.judging import Wrong

TITLE = "Masks that get lost"
CHAPTER = "06-tensorflow/lengths-and-masks"
KIND = "predict"
LEVEL = 1
MINUTES = 10

TEXT = r"""
`e` is the output of `Embedding(V, D, mask_zero=True)` on ids of shape $(B, T)$, so it carries a
mask. Predict, for each line, whether the *result* carries one; in the last line, whether `e` itself
still does *after* the call. Set every value of `keeps` to True or False. The check asks Keras.

(This one needs Keras: it does not run in the page.)
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
    "A mask is an attribute of one Python object. Who makes the result: a layer that knows about "
    "masks, a layer that does not, or an operator?",
    "Is there still an axis of steps that a mask could belong to? And one of the layers mixes "
    "neighbouring steps, so that it could not say which results are real.",
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
Layers that treat each step by itself hand the mask on, and so does a recurrent layer that returns
all its outputs. An operator returns a new tensor, which nobody has given a mask, and says nothing:
`2 * e` and `layers.Rescaling(2)(e)` are the same numbers and not the same thing. A convolution
mixes steps; Keras warns and drops the mask. The last output of an LSTM has no steps left. The last
line is a trap of another kind. `MultiHeadAttention`, called on a tensor with values, takes the mask
from its *input*. Whatever reads `e` next, such as a residual connection, does not know about the
padding any more, and neither does a second call of the same layer. In a model made of `keras.Input`
it does not happen.

A loss that is weighted by hand is harmed by none of this. If you rely on masks, assert them: a line
`assert getattr(tensor, "_keras_mask", None) is not None` costs nothing.
"""

WHY = {
    "layers.Dense(3)(e)": "a Dense layer treats each step by itself and hands the mask on.",
    "layers.Dropout(0.1)(e)": "Dropout changes no step's place; it hands the mask on.",
    "2 * e": "an operator makes a new tensor. The mask was an attribute of the old one.",
    "layers.Add()([e, e])": "this sum is a layer, which knows about masks and puts them together.",
    "layers.Conv1D(3, 3, padding='same')(e)": (
        "a convolution mixes neighbouring steps, real ones with padding; Keras warns and drops it."
    ),
    "layers.LSTM(3, return_sequences=True)(e)": (
        "there is an output for every step, and the same steps are real."
    ),
    "layers.LSTM(3)(e)": "one output a sequence has no steps that a mask could speak of.",
    "keras.ops.tanh(e)": "a function of keras.ops is no layer; it returns a tensor without.",
    "layers.Activation('tanh')(e)": "here the tanh is a layer, and layers of single steps keep it.",
    "e, after layers.MultiHeadAttention(2, 4)(e, e)": (
        "this layer takes the mask off the tensor that it is given."
    ),
}


def check(answers):
    """Asks Keras, and compares."""
    keeps = answers.get("keeps")
    if not isinstance(keeps, dict):
        raise Wrong(
            "Set `keeps` to a dictionary: the lines of the stub, each True or False."
        )
    missing = [name for name in WHY if not isinstance(keeps.get(name), bool)]
    if missing:
        raise Wrong(
            f"Set every value of `keeps` to True or False; not yet: {missing[0]}."
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
    return "Keras agrees in all ten lines."


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
