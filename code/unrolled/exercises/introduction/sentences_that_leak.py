"""A forward pass that loops over the batch instead of over time."""

import numpy as np

from unrolled.cells import rnn
from unrolled.exercises.judging import Wrong, array, call, close, function, is_close

TITLE = "Sentences that leak into each other"
CHAPTER = "01-introduction/the-unrolled-graph"
SECTION = "from-the-loop-to-the-chain"
KIND = "debug"
LEVEL = 2
MINUTES = 15

TEXT = r"""
In this book, time is axis 0. Many data sets and libraries put the batch first, $(B, T, D)$. The
function below should work with such data and return the states as $(B, T, H)$. It was copied from a
program with time first. It runs for all shapes, and its result has the right shape, but the values
are wrong, because the states depend on the wrong inputs.

Find out which inputs each state depends on in this code. Then correct the code, so that each
sequence has its own chain of states, which starts from $h_0 = 0$. Do not loop over the sequences.
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
    "change. Which entries should change?",
    "A `for` over an array runs along its first axis. What is the first axis here?",
    "`np.swapaxes(x, 0, 1)` puts time first. The result must be swapped back.",
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
The loop runs over the sequences, and inside the loop the steps are treated as a batch. Step 3 of
the second sequence therefore starts from step 3 of the first sequence. The state at step 4 of a
sequence does not depend on step 3 of this sequence. The network has no memory of its own sequence,
and each example leaks into the next example. All shapes fit, even with $B \ne T$, because the
initial state is made from `x.shape[1]`, which is wrong in the same way. Training a language model
still works to some degree, because the present word alone allows the same predictions as a table of
word pairs. But the states of a sequence change when the sequences of the batch are shuffled.

Tests of shapes cannot find this error, but a test of the *graph* can. Change one input and see
which states change. In a chain, an input changes only the states of its own sequence, at its own
step and later. The chapter runs this test for all pairs of steps. Run the same test on your next
network before you train it. Keras puts the batch first. PyTorch's recurrent layers put time first
unless `batch_first=True` is given.
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
                "The states come back with time first, (T, B, H). Swap the two axes back."
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
            "When an input of the second sequence changes, states of a different sequence change: "
            "the loop carries the state from sequence to sequence, not from step to step."
        )
    if moved[1].sum() == 1:
        raise Wrong(
            "An input changes only the state of its own step: nothing is carried through time."
        )
    if moved[1, :1].any():
        raise Wrong(
            "A state changes when a *later* input of its sequence changes: time runs backwards."
        )
    if not np.array_equal(moved, chain):
        raise Wrong(
            "An input should change the states of its own sequence from its own step on."
        )
    right = np.swapaxes(
        rnn.forward(rnn.Params(W_x, W_h, b), np.swapaxes(x, 0, 1))[0], 0, 1
    )
    transposed = rnn.forward(rnn.Params(W_x, W_h.T, b), np.swapaxes(x, 0, 1))[0]
    if is_close(states, np.swapaxes(transposed, 0, 1)):
        raise Wrong("The graph is right, but W_h is transposed.")
    close(
        states,
        right,
        "The graph is right, but the values are not: compute tanh(x_t W_x + h W_h + b).",
    )
    x = rng.normal(size=(1, 1, D))
    array(call(reader, W_x, W_h, b, x), (1, 1, H), "one sequence of one step")
    return "Each sequence has its own chain through time."
