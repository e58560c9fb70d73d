"""A sampling loop that loses the state, so that each character depends on the last one only."""

import numpy as np

from unrolled import min_rnn
from unrolled.exercises.judging import Wrong, call, function

TITLE = "A writer without a memory"
CHAPTER = "01-introduction/a-network-that-writes"
KIND = "debug"
LEVEL = 1
MINUTES = 10

TEXT = r"""
This `sample` should do the same as `sample` in the chapter at a temperature of 1. It runs without
an error. But with the trained weights of the chapter it writes few English words, although most
pairs of neighbouring letters are common in English.

Find the mistake and correct it. `min_rnn.forward(weights, x, h)` takes one-hot characters `x`
$(T, B, V)$ and a state `h` $(B, H)$. It returns all states $(T + 1, B, H)$, of which the first is
the given state `h`, and the predictions $(T, B, V)$.
"""

STUB = '''
import numpy as np

from unrolled import min_rnn


def sample(rng, weights, first, length):
    """Returns `length` ids of characters, beginning with `first`."""
    V, H = weights[3].shape[::-1]
    ids = [first]
    while len(ids) < length:
        x = np.eye(V)[[ids[-1:]]]
        states, p = min_rnn.forward(weights, x, np.zeros((1, H)))
        ids.append(rng.choice(V, p=p[0, 0]))
    return ids


weights = min_rnn.init(np.random.default_rng(0), V=5, H=8)
print(sample(np.random.default_rng(1), weights, first=2, length=10))
'''

HINTS = (
    "Which results of one round of the loop does the next round use?",
    "The state before the first character is zero. What is the state before the second character?",
)

SOLUTION = '''
import numpy as np

from unrolled import min_rnn


def sample(rng, weights, first, length):
    """Returns `length` ids of characters, beginning with `first`."""
    V, H = weights[3].shape[::-1]
    ids, h = [first], np.zeros((1, H))
    while len(ids) < length:
        x = np.eye(V)[[ids[-1:]]]
        states, p = min_rnn.forward(weights, x, h)
        h = states[-1]
        ids.append(rng.choice(V, p=p[0, 0]))
    return ids


weights = min_rnn.init(np.random.default_rng(0), V=5, H=8)
print(sample(np.random.default_rng(1), weights, first=2, length=10))
'''

COMMENT = r"""
Each round started from the zero state. The prediction therefore depended on the last character
only, and the network wrote like a table of letter pairs. `states[-1]` is the state after the
character was read, and the next round must start from this state. `states[0]` is the zero state.

Losing the state is an easy mistake to make. Nothing fails, the shapes are right, and the text looks
almost like English. A test can find the mistake: two beginnings that differ but end with the same
character should lead to different predictions. Next, give `forward` all ids so far in every round,
and keep the zero state. The predictions are the same as in the solution. Why is this way slower?
"""


def check(answers):
    """A network with sharp predictions, where every loop that is right writes the same."""
    reader = function(answers, "sample")
    V, H, length = 6, 12, 40
    weights = min_rnn.init(np.random.default_rng(4), V, H)
    weights = [4 * w for w in weights]
    weights[3] = 60 * weights[3]  # every prediction is close to 0 or 1
    found = _ids(reader, weights, 2, length)
    right = _written(weights, 2, length, lambda ids, h: (ids[-1], h))
    if found == _written(weights, 2, length, lambda ids, h: (ids[-1], 0 * h)):
        raise Wrong(
            "Each character is predicted from the previous character only: every round starts from "
            "the zero state."
        )
    if found == _written(weights, 2, length, lambda ids, h: (ids[0], h)):
        raise Wrong(
            "Every round reads the first character; it should read the last character."
        )
    if found != right:
        step = next(k for k in range(length) if found[k] != right[k])
        raise Wrong(
            f"The first {step} characters are right, and then it goes wrong. Which state does the "
            "next round start from?"
        )
    flat = [0 * w for w in weights]
    if len(set(_ids(reader, flat, 2, 60)[1:])) < V:
        raise Wrong(
            "If all characters are equally likely, all of them should occur: draw one from the "
            "prediction instead of taking the likeliest."
        )
    return "Right. Each prediction now depends on everything that was written before."


def _ids(reader, weights, first, length):
    found = call(reader, np.random.default_rng(0), list(weights), first, length)
    if not isinstance(found, list | tuple | np.ndarray) or len(found) != length:
        raise Wrong(f"Return a list of {length} ids for length = {length}.")
    return [int(i) for i in found]


def _written(weights, first, length, read):
    """Ids of a loop that takes the likeliest character; `read` says from what it predicts."""
    V, H = weights[3].shape[::-1]
    ids, h = [first], np.zeros((1, H))
    while len(ids) < length:
        character, state = read(ids, h)
        states, p = min_rnn.forward(weights, np.eye(V)[[[character]]], state)
        h = states[-1]
        ids.append(int(p[0, 0].argmax()))
    return ids
