"""Weights for the old slope of hard_sigmoid, converted for the new one."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, function, is_close
from unrolled.functional import hard_sigmoid

TITLE = "Weights from before Keras 3"
CHAPTER = "06-tensorflow/from-2016-to-now"
SECTION = "surprises-in-the-layers"
KIND = "write"
LEVEL = 3
MINUTES = 25

TEXT = r"""
An LSTM was trained with gates that use the old `hard_sigmoid`, $0.2 a + 0.5$, cut off at 0 and 1.
Keras 2 and the Theano code of the fourth post computed this function. Keras 3 computes $a/6 + 0.5$,
cut off at the same values. If the old weights are loaded into a new layer, the layer computes
different outputs, and there is no warning.

Write `convert(W_x, W_h, b)`. It returns three arrays with which the new layer computes exactly
what the old layer computed, for every input, even where the gates are cut off. The columns of
$W_x$ $(D, 4H)$, $W_h$ $(H, 4H)$ and $b$ $(4H,)$ have four blocks of width $H$ in the order $i, f,
g, o$. The candidate $g$ and the output use tanh. You can try your function in the cell.
"""

STUB = '''
import numpy as np

from unrolled.functional import hard_sigmoid


def convert(W_x, W_h, b):
    """Weights that give with slope 1/6 what these gave with 0.2."""
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
    "Both gates should have the same value: $0.2\\, a + 0.5 = a'/6 + 0.5$. Which $a'$ "
    "does the new layer need, and how can you get it by changing the weights?",
    "$a = x W_x + h W_h + b$ is linear in $W_x$, $W_h$ and $b$ together. If you "
    "multiply all three by a number, $a$ is multiplied by it too. Which of the four "
    "blocks must not change?",
)

SOLUTION = '''
import numpy as np

from unrolled.functional import hard_sigmoid


def convert(W_x, W_h, b):
    """Weights that give with slope 1/6 what these gave with 0.2."""
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
$0.2\, a + 0.5 = a'/6 + 0.5$ gives $a' = 1.2\, a$. The function is cut off after it is computed,
so both functions are cut off at the same values: $|a| = 2.5$ becomes $|a'| = 3$. The
pre-activation of a gate is linear in its weights and its bias together, so we multiply the
columns of each gate by 1.2. The tanh of the candidate has not changed, and its block stays.

The new weights compute the same function, but they would train differently. Their gradient is
smaller by the factor 1.2, and the distance that they have to move is larger by the same factor.

Some differences between two programs are like a change of units: we can remove them by changing the
weights. Three examples are a GRU with the opposite meaning of $z$ (change the sign of one block), a
forget bias of 1 that is added inside the cell (change one block of $b$), and blocks in a different
order. A reset gate after the matrix product instead of before it cannot be changed in this way. To
tell the cases apart, ask whether the new pre-activations are a linear function of the old ones,
plus constants.
"""


def check(answers):
    """States of the converted layer, compared with those of common mistakes."""
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
        return "The new layer computes what the old layer computed."
    if all(is_close(a, b) for a, b in zip(new, old, strict=True)):
        raise Wrong(
            "The weights are unchanged, but the slope of the gates has changed."
        )

    def scaled(gates, candidate=1.0):
        factor = np.repeat([gates, gates, candidate, gates], H)
        return [factor * w for w in old]

    def are(wanted):
        return all(is_close(a, b) for a, b in zip(new, wanted, strict=True))

    if are(scaled(1.2, 1.2)):
        raise Wrong(
            "All four blocks are larger now, but the candidate g has a tanh, which has not "
            "changed."
        )
    if are(scaled(1 / 1.2)) or are(scaled(1 / 1.2, 1 / 1.2)):
        raise Wrong(
            "This is the wrong way round. The new slope is smaller, so the gates need larger "
            "weights."
        )
    if are([*scaled(1.2)[:2], old[2]]):
        raise Wrong("The matrices are right. The bias is inside the gate too.")
    if are([scaled(1.2)[0], old[1], old[2]]):
        raise Wrong(
            "W_x is right. The contributions of the state and the bias are inside the gate too."
        )
    if are([np.repeat([1.2, 1.2, 1.2, 1.0], H) * w for w in old]):
        raise Wrong(
            "It is right to change three of the four blocks, but the candidate is the third "
            "block, not the last."
        )
    raise Wrong(
        "The new layer still computes something else. Each gate needs a' with "
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
