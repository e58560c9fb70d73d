"""A stack of LSTM cells that is one cell four times."""

from unrolled.exercises.judging import Wrong, call, function

TITLE = "One cell, four times"
CHAPTER = "06-tensorflow/cells-and-wrappers"
SECTION = "stacks"
KIND = "debug"
LEVEL = 2
MINUTES = 15

TEXT = r"""
In TensorFlow 1, `MultiRNNCell([cell] * 4)` was a common way to write a stack of four cells. In
Keras, a layer with the same list can be built, trained and saved if the input is as wide as the
state, but it is not a stack of four layers. Correct `stack(H, K)`. It should return a recurrent
layer of $K$ LSTM cells with $H$ units, each with its own weights. The layer should return its
outputs at all steps, and accept inputs of any width.

Then set two numbers for $D = H = 8$ and $K = 4$: `parameters_then`, the number of parameters of
the stub's layer, and `parameters_now`, the number of parameters of the corrected layer. Count them
by hand. An LSTM cell has $4 (D + H + 1) H$ parameters.

(This exercise needs Keras, so it does not run in the page.)
"""

STUB = '''
from unrolled.frameworks.quiet_tensorflow import keras


def stack(H, K):
    """A recurrent layer of K LSTM cells, one above the other; all outputs."""
    cells = [keras.layers.LSTMCell(H)] * K
    return keras.layers.RNN(cells, return_sequences=True)


layer = stack(8, 4)
layer.build((None, None, 8))
print(len(layer.weights), "arrays")

parameters_then = None
parameters_now = None
'''

HINTS = (
    "What does `a = [[]] * 3; a[0].append(1); print(a)` print?",
    "`*` repeats the reference to an object, not the object. A list comprehension "
    "calls `LSTMCell` again for each entry if the call is inside it.",
)

SOLUTION = '''
from unrolled.frameworks.quiet_tensorflow import keras


def stack(H, K):
    """A recurrent layer of K LSTM cells, one above the other; all outputs."""
    cells = [keras.layers.LSTMCell(H) for _ in range(K)]
    return keras.layers.RNN(cells, return_sequences=True)


layer = stack(8, 4)
layer.build((None, None, 8))
print(len(layer.weights), "arrays")

parameters_then = 4 * (8 + 8 + 1) * 8
parameters_now = 4 * parameters_then
'''

COMMENT = r"""
The list holds the same object four times. What this means depends on the version. In early
versions of TensorFlow 1, each position in the list got its own variables, so the idiom was right.
Keras applies the same cell four times in each step. The result is a network with a deeper step,
shared weights and four states. It has a quarter of the parameters, but each step costs as much as a
step of four layers. An error occurs only if the input is wider or narrower than the state, because
the weights then do not fit the second use of the cell.

Counting parameters finds this mistake and many others. Write down the expected number before you
build a model. The same mistake also occurs with `[[0] * 3] * 3`, with lists as default arguments,
and with an optimizer that two models share.
"""


def check(answers):
    """Parameters, distinct weights, width of the input, outputs at all steps."""
    import numpy as np

    from unrolled.exercises.judging import number

    reader = function(answers, "stack")
    H, K, D = 6, 3, 6
    layer = _built(call(reader, H, K), D)
    one = 4 * (D + H + 1) * H
    count = layer.count_params()
    if count == one:
        raise Wrong(
            f"A stack of {K} cells has {count} parameters, as many as a single cell. The list "
            "holds one cell several times."
        )
    if count != K * one:
        raise Wrong(
            f"A stack of {K} cells with {H} units on inputs of width {D} has {count} parameters; "
            f"{K} cells have {K} · {one} = {K * one}."
        )
    layer = _built(call(reader, H, K), 4)
    wanted = 4 * (4 + H + 1) * H + (K - 1) * 4 * (H + H + 1) * H
    if layer.count_params() != wanted:
        raise Wrong(
            f"For inputs of width 4, the stack has {layer.count_params()} parameters instead of "
            f"{wanted}. Only the lowest cell reads the input."
        )
    shape = tuple(layer(np.ones((2, 5, 4), np.float32)).shape)
    if shape == (2, H):
        raise Wrong(
            "The stack returns only its last output. It should return the outputs of all steps."
        )
    if shape != (2, 5, H):
        raise Wrong(
            f"For inputs (2, 5, 4), the stack returns {shape} instead of (2, 5, {H})."
        )
    then, now = number(answers, "parameters_then"), number(answers, "parameters_now")
    if then == 4 * 544:
        raise Wrong(
            "`parameters_then` counts four cells. The layer of the stub has one cell."
        )
    if then == 512:
        raise Wrong("`parameters_then` leaves out the biases.")
    if then != 544:
        raise Wrong("`parameters_then` is 4 (D + H + 1) H, because there is one cell.")
    if now != 4 * 544:
        raise Wrong(
            "`parameters_now` should count four cells, each with an input of width 8."
        )
    return "The cells are distinct, and the input may have any width."


def _built(layer, D):
    if not hasattr(layer, "count_params"):
        raise Wrong(
            f"`stack` should return a Keras layer; it returns a {type(layer).__name__}."
        )
    try:
        layer.build((None, None, D))
    except Exception as error:
        line = str(error).splitlines()[0][:120]
        raise Wrong(
            f"The stack cannot be built for inputs of width {D}: {line}"
        ) from None
    return layer
