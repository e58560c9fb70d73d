"""An LSTM that loses its cell between pieces and its forget bias before it begins."""

import numpy as np

from unrolled.cells import lstm
from unrolled.exercises.judging import Wrong, array, call, close, function, is_close

TITLE = "Half of the memory lost"
CHAPTER = "04-gates/the-lstm"
KIND = "debug"
LEVEL = 1
MINUTES = 15

TEXT = r"""
A long sequence arrives in pieces and is read piece by piece, the state carried on. It should make
no difference where the pieces end; here it does, and the network seems to forget at every border.
It also forgets more than it should in between: its forget gates were meant to begin with a bias of
1. Nothing raises an error. Mend `init` and `read`, one mistake each.
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
    "What is the state of an LSTM? Look at what `lstm.forward` takes, and at what its cache holds.",
    "In `init`, print `p.b` at the end. Which line has the last word?",
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
An LSTM carries two arrays. Whoever comes from the plain RNN or the GRU hands on $h$ and forgets
$c$, and $c$ is where the long memory is: $h = o \odot \tanh(c)$ shows part of it and cannot bring
it back. The package refuses to be given only one of the two; writing zeros for the other silences
it. The same happens in a generator of text that calls the cell word by word.

The loop that sets every bias to 0 is a common courtesy of initialisation code. It runs over the
biases by their shape or by their name, and so over the forget bias too. The loss curve of such a
run looks like that of a harder task, so this is found by looking at `p.b` and not at results. A
test that would have found each: a sequence read in two pieces equals the whole; $f \approx 0.73$ on
an input of zeros.
"""


def check(answers):
    """The bias block by block; then pieces against the whole."""
    init, read = function(answers, "init"), function(answers, "read")
    D, H = 3, 4
    made = call(init, np.random.default_rng(1), D, H)
    if not isinstance(made, tuple) or len(made) != 3:
        raise Wrong("`init` should return lstm.Params as before.")
    b = array(made[2], (4 * H,), "`p.b`")
    if is_close(b, np.zeros(4 * H)):
        raise Wrong(
            "All biases are 0, the forget gates' too: they were set and set again."
        )
    if is_close(b[H : 2 * H], np.ones(H)) and not is_close(
        np.delete(b, np.s_[H : 2 * H]), 0 * b[H:]
    ):
        raise Wrong("The forget bias is 1 now; the other biases should be 0.")
    for k, gate in ((0, "input gate"), (2, "candidate"), (3, "output gate")):
        if is_close(b, np.repeat(np.eye(4)[k], H)):
            raise Wrong(
                f"The 1 stands in the block of the {gate}; the order is i, f, g, o."
            )
    close(
        b,
        np.repeat([0.0, 1, 0, 0], H),
        "The biases should be 1 in the second block of four, else 0.",
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
    return "Both states cross the borders, and the forget gates begin open."
