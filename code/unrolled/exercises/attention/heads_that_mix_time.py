"""Splitting into heads by a reshape that mixes time and features."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, close, function, is_close

TITLE = "Heads that mix time"
CHAPTER = "05-attention/self-attention"
KIND = "debug"
LEVEL = 2
MINUTES = 15

TEXT = r"""
To attend with $N$ heads, rows of $N E$ numbers, $(B, T, N E)$, are split into $N$ heads of $E$
numbers each, $(B, N, T, E)$: head 1 gets the first $E$ numbers of every step, head 2 the next $E$,
and so on. Behind the attention `join` puts the heads side by side again. The author's test, that
`join` undoes `split`, passes, and so do all tests with one head. Yet a self-attention with two
heads that uses them is strangely blind: no output in the second half of a sequence changes when an
input in its first half does. Find out why, and mend both functions.
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
    "Number the entries: let `x` be `np.arange(4 * 6).reshape(1, 4, 6)` and print `split(x, 2)[0, "
    "0]`. Which steps are in head 1?",
    "A reshape never moves a number in memory; it only cuts the row of numbers elsewhere. To bring"
    " the axis of the heads before the axis of time, numbers have to change their order: split the"
    " last axis in two first, and then swap.",
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
`reshape` reads the numbers in the order in which they lie and cuts them anew. In $(B, T, N E)$ the
numbers of one step lie together, so cutting $N$ pieces gives the first head the *first steps*, each
of them cut into $N$ rows. Within a head the pieces of a few steps attend to each other, and between
heads nothing is exchanged: with $N$ heads no step sees beyond its own $N$-th of the sequence. The
network still trains, on what is near, and is worse than it should be for no visible reason. With
only one of the two functions mended it is worse in another way. Row $t$ of a head is then not step
$t$, so that a causal mask lets a step look at later ones, and a language model has a loss that is
too good to be true.

That `join` undoes `split` says nothing, as the same wrong order cancels in it. A test of a
rearrangement should number the entries, so that each says where it came from. Splitting the last
axis as $(E, N)$ in the place of $(N, E)$ is harmless when one trains the network oneself, since it
only gives the columns of the weights another order, and ruins weights that come from elsewhere.
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
            "The first head holds all features of the first steps and nothing of the later ones: "
            "a reshape alone cannot change the order of two axes."
        )
    if is_close(found, x.reshape(B, T, E, N).transpose(0, 3, 1, 2)):
        raise Wrong(
            "Each head has every N-th number of a step. Head 1 should have the first E, so that "
            "its part of the weights is one block of columns."
        )
    if is_close(found, x.swapaxes(1, 2).reshape(B, N, T, E)):
        raise Wrong(
            "Split the last axis first and swap then; the other way round it mixes again."
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
            "`split` is right; `join` still cuts without swapping, so that an output row holds "
            "several steps of one head."
        )
    if is_close(found, c.transpose(0, 2, 3, 1).reshape(B, T, N * E)):
        raise Wrong(
            "`join` deals the heads out like cards; they should stand side by side."
        )
    close(found, joined, "`join` does not put the heads of one step side by side.")
    return "Every number stays in its step, and every head has its own block of them."
