"""Weights trained with the old slope of hard_sigmoid, made fit for the new one."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, function, is_close
from unrolled.functional import hard_sigmoid

TITLE = "Weights from before Keras 3"
CHAPTER = "06-tensorflow/from-2016-to-now"
KIND = "write"
LEVEL = 3
MINUTES = 25

TEXT = r"""
An LSTM was trained with gates that use `hard_sigmoid` as it was until Keras 2 (and in the fourth
post's Theano code), $0.2 a + 0.5$ cut off at 0 and 1. Keras 3 computes $a/6 + 0.5$, cut off
likewise. Loaded into a layer of today, the weights compute something else, and nothing complains.
Write `convert(W_x, W_h, b)`, which returns three arrays with which the layer of today computes
exactly what the old one did: for every input, also where the gates are cut off. The blocks of
columns are in the order $i, f, g, o$, each $H$ wide, of $W_x$ $(D, 4H)$, $W_h$ $(H, 4H)$, $b$
$(4H,)$; the candidate $g$ and the output use tanh. The cell in the stub lets you try it.
"""

STUB = '''
import numpy as np

from unrolled.functional import hard_sigmoid


def convert(W_x, W_h, b):
    """Weights with which slope 1/6 gives what these gave with 0.2."""
    return W_x, W_h, b


def states(W_x, W_h, b, x, slope):
    """States (T, B, H) of an LSTM with hard gates of this slope."""
    H, found = len(W_h), []
    h = c = np.zeros((x.shape[1], H))
    for x_t in x:
        i, f, g, o = np.split(x_t @ W_x + h @ W_h + b, 4, axis=-1)
        i, f, o = (hard_sigmoid(gate, slope) for gate in (i, f, o))
        c = f * c + i * np.tanh(g)
        h = o * np.tanh(c)
        found.append(h)
    return np.array(found)


rng = np.random.default_rng(0)
D, H = 3, 4
old = [rng.normal(size=shape) for shape in ((D, 4 * H), (H, 4 * H), 4 * H)]
x = rng.normal(size=(6, 2, D))
print(np.abs(states(*convert(*old), x, 1 / 6) - states(*old, x, 0.2)).max())
'''

HINTS = (
    "The same gate: $0.2\\, a + 0.5 = a'/6 + 0.5$. Which $a'$ does the new layer need, and how can"
    " it be had from the weights alone?",
    "$a = x W_x + h W_h + b$ is linear in the three together: if all of them are multiplied by a "
    "number, so is $a$. Which of the four blocks must not be?",
)

SOLUTION = '''
import numpy as np

from unrolled.functional import hard_sigmoid


def convert(W_x, W_h, b):
    """Weights with which slope 1/6 gives what these gave with 0.2."""
    factor = np.repeat([1.2, 1.2, 1.0, 1.2], len(W_h))  # i, f, g, o
    return factor * W_x, factor * W_h, factor * b


def states(W_x, W_h, b, x, slope):
    """States (T, B, H) of an LSTM with hard gates of this slope."""
    H, found = len(W_h), []
    h = c = np.zeros((x.shape[1], H))
    for x_t in x:
        i, f, g, o = np.split(x_t @ W_x + h @ W_h + b, 4, axis=-1)
        i, f, o = (hard_sigmoid(gate, slope) for gate in (i, f, o))
        c = f * c + i * np.tanh(g)
        h = o * np.tanh(c)
        found.append(h)
    return np.array(found)


rng = np.random.default_rng(0)
D, H = 3, 4
old = [rng.normal(size=shape) for shape in ((D, 4 * H), (H, 4 * H), 4 * H)]
x = rng.normal(size=(6, 2, D))
print(np.abs(states(*convert(*old), x, 1 / 6) - states(*old, x, 0.2)).max())
'''

COMMENT = r"""
$0.2\, a + 0.5 = a'/6 + 0.5$ gives $a' = 1.2\, a$. The cut-off comes after the line and sees the
same value, so it needs no thought: $|a| = 2.5$ becomes $|a'| = 3$. A gate's pre-activation is
linear in its weights and its bias together, and multiplying the gate's columns by 1.2 does it. The
candidate's tanh has not changed, and its block stays. What was the same function in other
coordinates would train differently from there: the gradient of the new weights is smaller by 1.2,
and their distance to go larger by as much.

The pattern is a common one. What looks like a change of the model is often a change of units, which
can be moved into the weights: GRUs whose $z$ is the other way round (the sign of one block), forget
biases of 1 added inside the cell (one block of $b$), blocks in another order. What can *not* be
moved is a reset gate behind the product in place of before it. A way to tell: can you write the new
pre-activations as a linear function of the old ones?
"""


def check(answers):
    """States of the converted layer, with the usual slips as hypotheses."""
    reader = function(answers, "convert")
    rng = np.random.default_rng(12)
    D, H, T, B = 3, 4, 6, 5
    old = (
        rng.normal(size=(D, 4 * H)),
        rng.normal(size=(H, 4 * H)),
        rng.normal(size=4 * H),
    )
    x = 1.5 * rng.normal(size=(T, B, D))
    found = call(reader, *(w.copy() for w in old))
    if not isinstance(found, tuple | list) or len(found) != 3:
        raise Wrong("`convert` should return three arrays: W_x, W_h and b.")
    new = [
        array(f, w.shape, name)
        for f, w, name in zip(found, old, ("W_x", "W_h", "b"), strict=True)
    ]
    if is_close(_states(new, x, 1 / 6), _states(old, x, 0.2)):
        return "The layer of today computes what the old one did, gate by gate."
    if all(is_close(a, b) for a, b in zip(new, old, strict=True)):
        raise Wrong("The weights are as they were, and the gates' slope is not.")

    def scaled(gates, candidate=1.0):
        factor = np.repeat([gates, gates, candidate, gates], H)
        return [factor * w for w in old]

    def are(wanted):
        return all(is_close(a, b) for a, b in zip(new, wanted, strict=True))

    if are(scaled(1.2, 1.2)):
        raise Wrong(
            "All four blocks are larger now; the candidate g has a tanh, which is the "
            "same as before."
        )
    if are(scaled(1 / 1.2)) or are(scaled(1 / 1.2, 1 / 1.2)):
        raise Wrong(
            "The wrong way round: today's slope is flatter, so the gates need more."
        )
    if are([*scaled(1.2)[:2], old[2]]):
        raise Wrong("The matrices are right. The bias is inside the gate, too.")
    if are([scaled(1.2)[0], old[1], old[2]]):
        raise Wrong(
            "W_x is right. What comes from the state and the bias is inside the gate, too."
        )
    if are([np.repeat([1.2, 1.2, 1.2, 1.0], H) * w for w in old]):
        raise Wrong(
            "Three blocks of four is right; the candidate is the third, not the last."
        )
    raise Wrong(
        "The layer of today still computes something else. Each gate needs a' with "
        "a'/6 + 0.5 = 0.2 a + 0.5."
    )


def _states(weights, x, slope):
    W_x, W_h, b = weights
    h = c = np.zeros((x.shape[1], len(W_h)))
    states = []
    for x_t in x:
        i, f, g, o = np.split(x_t @ W_x + h @ W_h + b, 4, axis=-1)
        i, f, o = (hard_sigmoid(gate, slope) for gate in (i, f, o))
        c = f * c + i * np.tanh(g)
        h = o * np.tanh(c)
        states.append(h)
    return np.array(states)
