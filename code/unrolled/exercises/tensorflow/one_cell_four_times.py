"""A stack of LSTM cells that is one cell four times."""

from unrolled.exercises.judging import Wrong, call, function

TITLE = "One cell, four times"
CHAPTER = "06-tensorflow/cells-and-wrappers"
KIND = "debug"
LEVEL = 2
MINUTES = 15

TEXT = r"""
In TensorFlow 1 one wrote `MultiRNNCell([cell] * 4)`. The same in Keras builds, trains, and saves,
as long as the input is as wide as the state, and is not a stack of four layers. Mend `stack(H, K)`,
so that it returns a recurrent layer of $K$ LSTM cells with $H$ units and weights of their own,
which returns its outputs at all steps and takes inputs of any width.

Then set two numbers: `parameters_then` and `parameters_now`, the parameters of the stub's layer and
of the mended one for $D = H = 8$ and $K = 4$. Count them by hand: an LSTM cell has
$4 (D + H + 1) H$.

(This one needs Keras: it does not run in the page.)
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
    "`*` on a list repeats the reference and not the object. A comprehension calls `LSTMCell` anew"
    " each time, if the call stands inside it.",
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
The list holds the same object four times. What comes of it has depended on the version. In early
TensorFlow each place in the list made variables of its own, so that the idiom was right; Keras
applies one layer four times in each step. It is a legitimate network, a deeper step with tied
weights and four states, and not the one that was meant. It has a quarter of the parameters and the
full cost. The only loud symptom comes if the input is wider or narrower than the state: then the
second application of the one cell does not fit.

Counting parameters finds it, and finds a good deal else. Write down the number that a model should
have before you build it. The same reference twice is also what happens to `[[0] * 3] * 3`, to
default arguments that are lists, and to an optimizer shared by two models.
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
            f"A stack of {K} cells has {count} parameters, as many as a single cell: the list "
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
            f"On inputs of width 4 the stack has {layer.count_params()} parameters, and "
            f"not {wanted}: only the lowest cell reads the input."
        )
    shape = tuple(layer(np.ones((2, 5, 4), np.float32)).shape)
    if shape == (2, H):
        raise Wrong("The stack returns its last output alone; all steps are asked.")
    if shape != (2, 5, H):
        raise Wrong(
            f"On inputs (2, 5, 4) the stack returns {shape}, and not (2, 5, {H})."
        )
    then, now = number(answers, "parameters_then"), number(answers, "parameters_now")
    if then == 4 * 544:
        raise Wrong(
            "`parameters_then` is that of four cells. The stub's layer has one."
        )
    if then == 512:
        raise Wrong("`parameters_then` lacks the biases.")
    if then != 544:
        raise Wrong(
            "`parameters_then` is 4 (D + H + 1) H for the one cell that there is."
        )
    if now != 4 * 544:
        raise Wrong(
            "`parameters_now` is that of four cells, each on an input of width 8."
        )
    return "Distinct cells, four times the parameters, and any width of input."


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
