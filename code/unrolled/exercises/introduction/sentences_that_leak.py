"""A forward pass that takes the batch for time."""

import numpy as np

from unrolled.cells import rnn
from unrolled.exercises.judging import Wrong, array, call, close, function, is_close

TITLE = "Sentences that leak into each other"
CHAPTER = "01-introduction/the-unrolled-graph"
KIND = "debug"
LEVEL = 2
MINUTES = 15

TEXT = r"""
In this book time is axis 0. Much data and many libraries have the batch first, $(B, T, D)$, and so
does the caller of the function below, who wants the states back as $(B, T, H)$. It was copied from
a program with time first. It runs for all shapes and returns an array of the right shape, and it
is wrong: the network it computes has a graph of its own.

Find out what depends on what in this code; mend it, so that each sequence has its own chain from
$h_0 = 0$. Do not loop over the sequences.
"""

STUB = '''
import numpy as np


def forward(W_x, W_h, b, x):
    """States (B, T, H) of a batch of sequences x (B, T, D), batch first."""
    h = np.zeros((x.shape[1], len(b)))
    states = []
    for x_t in x:
        h = np.tanh(x_t @ W_x + h @ W_h + b)
        states.append(h)
    return np.stack(states)


rng = np.random.default_rng(0)
B, T, D, H = 2, 4, 3, 5
weights = rng.normal(size=(D, H)), rng.normal(size=(H, H)), rng.normal(size=H)
print(forward(*weights, rng.normal(size=(B, T, D))).shape)
'''

HINTS = (
    "Change `x[0, 3]`, the last input of the first sequence, and print which entries of the result "
    "move. Which should?",
    "A `for` over an array runs along its first axis. What is the first axis here?",
    "`np.swapaxes(x, 0, 1)` makes time first; the result has to be turned back in the same way.",
)

SOLUTION = '''
import numpy as np


def forward(W_x, W_h, b, x):
    """States (B, T, H) of a batch of sequences x (B, T, D), batch first."""
    h = np.zeros((x.shape[0], len(b)))
    states = []
    for x_t in np.swapaxes(x, 0, 1):
        h = np.tanh(x_t @ W_x + h @ W_h + b)
        states.append(h)
    return np.stack(states, axis=1)


rng = np.random.default_rng(0)
B, T, D, H = 2, 4, 3, 5
weights = rng.normal(size=(D, H)), rng.normal(size=(H, H)), rng.normal(size=H)
print(forward(*weights, rng.normal(size=(B, T, D))).shape)
'''

COMMENT = r"""
The loop runs over the sequences, and the "batch" inside it is the time. So step 3 of the second
sequence starts from step 3 of the first, and step 4 of a sequence knows nothing of step 3: no
memory at all, and in its place a leak from one example to the next. Every shape fits, with
$B \ne T$ as well, because the state is made from `x.shape[1]`, wrong in the same way. Training
with it works up to a point (the present word alone is worth a bigram), and results change when the
data are shuffled.

A test of the *graph* finds such a fault where tests of shapes cannot. Nudge one input and see what
moves: in a chain, the states of the same sequence from that step on, and nothing else. The chapter
does this for all pairs of steps at once; do the same for your next network before you train it.
Among libraries, Keras has the batch first, and PyTorch's recurrent layers have time first unless
`batch_first=True` is given.
"""


def check(answers):
    """What moves when one input does; then the values."""
    reader = function(answers, "forward")
    rng = np.random.default_rng(0)
    B, T, D, H = 3, 5, 2, 4
    W_x, W_h, b = rng.normal(size=(D, H)), rng.normal(size=(H, H)), rng.normal(size=H)
    x = rng.normal(size=(B, T, D))

    def run(x):
        found = call(reader, W_x.copy(), W_h.copy(), b.copy(), x.copy())
        if np.shape(found) == (T, B, H):
            raise Wrong(
                "The states come back with time first, (T, B, H); turn them back."
            )
        return array(found, (B, T, H), "the states for x of shape (3, 5, 2)")

    states = run(x)
    nudged = x.copy()
    nudged[1, 1] += 0.5
    moved = np.abs(run(nudged) - states).max(axis=2) > 1e-12
    chain = np.zeros((B, T), bool)
    chain[1, 1:] = True
    if moved[np.arange(B) != 1].any():
        raise Wrong(
            "When an input of the second sequence changes, states of another sequence move: the "
            "loop carries the state from sequence to sequence, not from step to step."
        )
    if moved[1].sum() == 1:
        raise Wrong(
            "An input moves its own step's state only: nothing is carried through time."
        )
    if moved[1, :1].any():
        raise Wrong(
            "A state moves when a *later* input of its sequence changes: time runs back."
        )
    if not np.array_equal(moved, chain):
        raise Wrong(
            "An input should move the states of its own sequence from its own step on."
        )
    right = np.swapaxes(
        rnn.forward(rnn.Params(W_x, W_h, b), np.swapaxes(x, 0, 1))[0], 0, 1
    )
    transposed = rnn.forward(rnn.Params(W_x, W_h.T, b), np.swapaxes(x, 0, 1))[0]
    if is_close(states, np.swapaxes(transposed, 0, 1)):
        raise Wrong("The graph is right, W_h is transposed.")
    close(
        states,
        right,
        "The graph is right, the values are not: tanh(x_t W_x + h W_h + b).",
    )
    x = rng.normal(size=(1, 1, D))
    array(call(reader, W_x, W_h, b, x), (1, 1, H), "one sequence of one step")
    return "Each sequence has a chain of its own, and its order is time."
