"""An LSTM that loses its cell between pieces and its forget bias before it begins."""

import numpy as np

from unrolled.cells import lstm
from unrolled.exercises.judging import Wrong, array, call, close, function, is_close

TITLE = "Half of the memory lost"
CHAPTER = "04-gates/the-lstm"
SECTION = "where-training-starts-the-forget-bias"
KIND = "debug"
LEVEL = 1
MINUTES = 15

TEXT = r"""
A long sequence arrives in pieces. The network reads the pieces in order and carries its state from
each piece to the next. The result should not depend on where the pieces end, but here it does: the
network seems to forget at every boundary. It also forgets too much within each piece, although its
forget gates were meant to start with a bias of 1. No line raises an error. There is one mistake
in `init` and one in `read`. Correct both.
"""

STUB = '''
import numpy as np

from unrolled.cells import lstm


def init(rng, D, H):
    """lstm.Params: blocks i, f, g, o; forget bias 1, all other biases 0."""
    W_x = rng.uniform(-1, 1, (D, 4 * H)) / np.sqrt(D)
    W_h = rng.uniform(-1, 1, (H, 4 * H)) / np.sqrt(H)
    b = np.empty(4 * H)
    b[H : 2 * H] = 1.0
    p = lstm.Params(W_x, W_h, b)
    for weight in p:
        if weight.ndim == 1:
            weight[:] = 0.0
    return p


def read(p, pieces):
    """States (T, B, H) of a sequence in pieces (T_k, B, D)."""
    h, found = None, []
    for x in pieces:
        c = None if h is None else np.zeros_like(h)
        states, cache = lstm.forward(p, x, h, c)
        h = states[-1]
        found.append(states)
    return np.concatenate(found)


x, p = np.ones((6, 1, 2)), init(np.random.default_rng(0), 2, 3)
print("whole    ", read(p, [x])[-1].round(3))
print("in pieces", read(p, [x[:3], x[3:]])[-1].round(3))
'''

HINTS = (
    "What is the state of an LSTM? Look at the arguments of `lstm.forward`, and at its cache.",
    "In `init`, print `p.b` at the end. Which line was the last to change it?",
)

SOLUTION = '''
import numpy as np

from unrolled.cells import lstm


def init(rng, D, H):
    """lstm.Params: blocks i, f, g, o; forget bias 1, all other biases 0."""
    W_x = rng.uniform(-1, 1, (D, 4 * H)) / np.sqrt(D)
    W_h = rng.uniform(-1, 1, (H, 4 * H)) / np.sqrt(H)
    b = np.zeros(4 * H)
    b[H : 2 * H] = 1.0
    return lstm.Params(W_x, W_h, b)


def read(p, pieces):
    """States (T, B, H) of a sequence in pieces (T_k, B, D)."""
    h, c, found = None, None, []
    for x in pieces:
        states, cache = lstm.forward(p, x, h, c)
        h, c = states[-1], cache.c[-1]
        found.append(states)
    return np.concatenate(found)
'''

COMMENT = r"""
The state of an LSTM consists of two arrays. If you are used to the plain RNN or the GRU, it is
easy to pass on $h$ and to forget $c$. But the long memory is in $c$. You cannot recover $c$ from
$h = o \odot \tanh(c)$, which shows only part of it. The package raises an error if you pass only
one of the two arrays. Passing zeros for the second array hides the mistake. The same mistake occurs
in programs that generate text and call the cell word by word.

Initialisation code often has a loop that sets every bias to 0. The loop recognises biases by their
shape or by their name, so it also resets the forget bias. The network still runs and can still
learn, so look at `p.b` to find the mistake. Two tests find these mistakes. First, a sequence that
is read in two pieces must give the same states as the whole sequence. Second, $f$ must be about
0.73 for an input of zeros.
"""


def check(answers):
    """Tests each block of the bias, and then the states in pieces."""
    init, read = function(answers, "init"), function(answers, "read")
    D, H = 3, 4
    made = call(init, np.random.default_rng(1), D, H)
    if not isinstance(made, tuple) or len(made) != 3:
        raise Wrong("`init` should return lstm.Params as before.")
    b = array(made[2], (4 * H,), "`p.b`")
    if is_close(b, np.zeros(4 * H)):
        raise Wrong(
            "All biases are 0, also those of the forget gates: a later line set them again."
        )
    if is_close(b[H : 2 * H], np.ones(H)) and not is_close(
        np.delete(b, np.s_[H : 2 * H]), 0 * b[H:]
    ):
        raise Wrong("The forget bias is 1 now; the other biases should be 0.")
    for k, gate in ((0, "input gate"), (2, "candidate"), (3, "output gate")):
        if is_close(b, np.repeat(np.eye(4)[k], H)):
            raise Wrong(
                f"The 1 is in the block of the {gate}; the order is i, f, g, o."
            )
    close(
        b,
        np.repeat([0.0, 1, 0, 0], H),
        "The biases should be 1 in the second block of four and 0 elsewhere.",
    )
    rng = np.random.default_rng(2)
    p = lstm.Params(
        *(0.8 * rng.standard_normal(s) for s in [(D, 4 * H), (H, 4 * H), (4 * H,)])
    )
    x = rng.standard_normal((9, 2, D))
    whole, _ = lstm.forward(p, x)
    pieces = [x[:2].copy(), x[2:3].copy(), x[3:].copy()]
    found = array(call(read, p, pieces), whole.shape, "What `read` returns")
    h, fresh = None, []
    for piece in pieces:
        states, _ = lstm.forward(p, piece, h, None if h is None else np.zeros_like(h))
        h = states[-1]
        fresh.append(states)
    if is_close(found, np.concatenate(fresh)):
        raise Wrong(
            "Every piece still begins with an empty cell: h is carried on and c is not."
        )
    if is_close(found, np.concatenate([lstm.forward(p, piece)[0] for piece in pieces])):
        raise Wrong(
            "Every piece begins with zeros for both states: nothing is carried on."
        )
    if is_close(found[:3], whole[:3]) and not is_close(found, whole):
        raise Wrong("The second piece is right and the third is not: what is its c0?")
    close(found, whole, "The states in pieces should be those of the whole sequence.")
    return "Both states are carried on, and the forget gates start open."
