"""Splitting into heads by a reshape that mixes time and features."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, close, function, is_close

TITLE = "Heads that mix time"
CHAPTER = "05-attention/self-attention"
SECTION = "every-step-asks-every-step"
KIND = "debug"
LEVEL = 2
MINUTES = 15

TEXT = r"""
To attend with $N$ heads, we split each row of $N E$ numbers, $(B, T, N E)$, into $N$ heads of $E$
numbers, $(B, N, T, E)$. Head 1 gets the first $E$ numbers of every step, head 2 the next $E$, and
so on. After the attention, `join` puts the heads side by side again. The author tests that `join`
undoes `split`. This test passes, and so do all tests with one head. But self-attention with two
heads has a strange defect if it uses these functions: if an input in the first half of a sequence
changes, no output in the second half changes. Find out why, and correct both functions.
"""

STUB = '''
import numpy as np


def split(x, N):
    """(B, T, N E) -> (B, N, T, E)."""
    B, T, D = x.shape
    return x.reshape(B, N, T, D // N)


def join(c):
    """(B, N, T, E) -> (B, T, N E)."""
    B, N, T, E = c.shape
    return c.reshape(B, T, N * E)


x = np.random.default_rng(0).normal(size=(2, 4, 6))
print(np.array_equal(join(split(x, 2)), x))
'''

HINTS = (
    "Number the entries. Let `x` be `np.arange(4 * 6).reshape(1, 4, 6)` and print `split(x, "
    "2)[0, 0]`. Which steps are in head 1?",
    "A reshape never moves a number in memory. It only cuts the row of numbers at different "
    "points. To put the axis of the heads before the axis of time, the numbers have to change "
    "their order. Split the last axis into two first, and then swap the axes.",
)

SOLUTION = '''
import numpy as np


def split(x, N):
    """(B, T, N E) -> (B, N, T, E)."""
    B, T, D = x.shape
    return x.reshape(B, T, N, D // N).swapaxes(1, 2)


def join(c):
    """(B, N, T, E) -> (B, T, N E)."""
    B, N, T, E = c.shape
    return c.swapaxes(1, 2).reshape(B, T, N * E)


x = np.arange(4 * 6).reshape(1, 4, 6)
print(split(x, 2)[0])
'''

COMMENT = r"""
`reshape` reads the numbers in the order in which they are stored, and cuts this row into new
pieces. In $(B, T, N E)$ the numbers of one step are stored together. Cutting the row into $N$
pieces therefore gives head 1 the *first steps*, each of them cut into $N$ rows. Within a head, the
pieces of a few steps attend to each other, and nothing passes between heads. With $N$ heads, the
sequence is cut into $N$ parts, and a step can use only the part that contains it. The network can
still learn from nearby inputs, and gives worse results for no visible reason.

If only one of the two functions is corrected, the result is worse in a different way. Row $t$ of a
head is then not step $t$. A causal mask then lets a step read later steps, and the loss of a
language model becomes implausibly low.

The test that `join` undoes `split` cannot find the mistake, because both functions use the same
wrong order. To test a rearrangement, number the entries, so that each shows where it came from.
Splitting the last axis as $(E, N)$ instead of $(N, E)$ only changes the order of the columns of the
weights. This is harmless if you train the network yourself, but weights from a different program
give wrong results.
"""


def check(answers):
    """Where each number goes."""
    split, join = function(answers, "split"), function(answers, "join")
    rng = np.random.default_rng(8)
    B, T, N, E = 2, 4, 3, 5
    x = rng.normal(size=(B, T, N * E))
    right = x.reshape(B, T, N, E).swapaxes(1, 2)
    found = array(call(split, x.copy(), N), right.shape, "`split`")
    if is_close(found, x.reshape(B, N, T, E)):
        raise Wrong(
            "The first head contains all features of the first steps, and nothing of the "
            "later steps: a reshape alone cannot change the order of two axes."
        )
    if is_close(found, x.reshape(B, T, E, N).transpose(0, 3, 1, 2)):
        raise Wrong(
            "Each head has every N-th number of a step. Head 1 should have the first E "
            "numbers, so that its weights are one block of columns."
        )
    if is_close(found, x.swapaxes(1, 2).reshape(B, N, T, E)):
        raise Wrong(
            "Split the last axis first, and swap the axes after that. In the other order, the "
            "steps are mixed again."
        )
    close(
        found,
        right,
        "`split` does not give head n the numbers n E to (n + 1) E of each step.",
    )
    c = rng.normal(size=(B, N, T, E))
    joined = c.swapaxes(1, 2).reshape(B, T, N * E)
    found = array(call(join, c.copy()), joined.shape, "`join`")
    if is_close(found, c.reshape(B, T, N * E)):
        raise Wrong(
            "`split` is right, but `join` still cuts without swapping. An output row then "
            "contains several steps of one head."
        )
    if is_close(found, c.transpose(0, 2, 3, 1).reshape(B, T, N * E)):
        raise Wrong(
            "`join` alternates between the heads. It should put whole heads side by side."
        )
    close(found, joined, "`join` does not put the heads of one step side by side.")
    return "Every number stays in its step, and every head has its own block of "
    "numbers."
