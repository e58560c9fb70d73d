"""Reversing within lengths, and reading from both ends."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, close, function, is_close
from unrolled.layers import padding

TITLE = "Turn around at the real end"
CHAPTER = "06-tensorflow/bidirectional-networks"
KIND = "write"
LEVEL = 2
MINUTES = 25

TEXT = r"""
A second reader has to begin at the real end of each sequence. Write

1. `reverse(x, lengths)`: $x$ $(T, B, \dots)$ with the real steps of each sequence in reverse order
   and the padding where it was, without a loop;
2. `both_ways(x, lengths, onward, backward)`: `onward` and `backward` are functions that read an
   array $(T, B, D)$ from its first step to its last and return a state for each step, $(T, B, H)$.
   Return $(T, B, 2H)$, both states side by side, such that at step $t$ the second one has read
   $x_\ell, x_{\ell - 1}, \dots, x_t$ and nothing else. What stands behind a sequence's end is not
   looked at.
"""

STUB = '''
import numpy as np


def reverse(x, lengths):
    """x (T, B, ...) with the real steps reversed, padding in place."""
    raise NotImplementedError


def both_ways(x, lengths, onward, backward):
    """(T, B, 2H): what each step knows of its past, and of its future."""
    raise NotImplementedError
'''

HINTS = (
    "For each step $t$ and each sequence, from which step should its row come? For a real step, "
    "$\\ell - 1 - t$; for padding, $t$ itself. That is an array of integers, $(T, B)$.",
    "`x[source, np.arange(B)]` takes the entry `x[source[t, b], b]` for every $t$ and $b$.",
    "The second reader's first output belongs to the *last* real step. Into which order must its "
    "outputs be brought before they stand beside those of the first?",
)

SOLUTION = '''
import numpy as np


def reverse(x, lengths):
    """x (T, B, ...) with the real steps reversed, padding in place."""
    t = np.arange(len(x))[:, None]
    source = np.where(t < lengths, lengths - 1 - t, t)
    return x[source, np.arange(x.shape[1])]


def both_ways(x, lengths, onward, backward):
    """(T, B, 2H): what each step knows of its past, and of its future."""
    past = onward(x)
    future = reverse(backward(reverse(x, lengths)), lengths)
    return np.concatenate([past, future], axis=-1)
'''

COMMENT = r"""
The function is its own inverse, since it exchanges $t$ and $\ell - 1 - t$, and so it is used twice:
to turn the inputs around, and to turn the outputs back. Whoever forgets the second gets, beside the
state that knows the beginning up to $t$, a state that knows the end from $\ell + 1 - t$ on. The
shapes are right, and there is something to be learnt from it, but the two halves meet at one word
only, the middle one.

`x[::-1]` begins with padding. The second reader's state is then not what it would be for the
sentence alone, and how far off it is depends on the longest sentence of the batch: the same
sentence gets another answer in other company. That is also the best test. Read a sequence alone and
then in a larger array, and ask for equal states. It needs no reference, and is worth having for
everything that takes a batch.
"""


def check(answers):
    """Reversal as an index; both readers against the sequence alone."""
    reverse = function(answers, "reverse")
    rng = np.random.default_rng(10)
    T, B, D, H = 6, 3, 4, 2
    lengths = np.array([6, 2, 5])
    x = rng.normal(size=(T, B, D))
    found = array(call(reverse, x.copy(), lengths.copy()), x.shape, "`reverse`")
    right = padding.reverse(x, lengths)
    if is_close(found, x[::-1]):
        raise Wrong(
            "The array is turned around with its padding, which now stands in front."
        )
    t = np.arange(T)[:, None]
    if is_close(found, x[np.clip(lengths - 1 - t, 0, None), np.arange(B)]):
        raise Wrong("The real steps are right. The padding should stay as it was.")
    if is_close(found, x[(lengths - 1 - t) % T, np.arange(B)]):
        raise Wrong(
            "The real steps are right; behind them stands the padding in reverse order. It should "
            "stay in place, or the function is not its own inverse everywhere."
        )
    if is_close(found, x[np.where(t < lengths, (lengths - t) % T, t), np.arange(B)]):
        raise Wrong("Off by one: step 0 comes from step length - 1.")
    close(found, right, "`reverse` does not exchange step t with step length - 1 - t.")
    flat = array(
        call(reverse, x[..., 0].copy(), lengths.copy()), (T, B), "`reverse` of (T, B)"
    )
    close(
        flat,
        right[..., 0],
        "`reverse` should also take ids, (T, B), without a last axis.",
    )

    reader = function(answers, "both_ways")
    onward, backward = _reader(rng, D, H), _reader(rng, D, H)
    found = array(
        call(reader, x.copy(), lengths.copy(), onward, backward),
        (T, B, 2 * H),
        "`both_ways`",
    )
    real = (t < lengths)[..., None]
    past, future = np.where(real, found[..., :H], 0), np.where(real, found[..., H:], 0)
    turned = backward(padding.reverse(x, lengths))
    right = np.where(real, padding.reverse(turned, lengths), 0)
    if is_close(past, right):
        raise Wrong(
            "The halves are exchanged: the first knows the past, the second the future."
        )
    close(
        past,
        np.where(real, onward(x), 0),
        "The first half is not what `onward` returns for x.",
    )
    if is_close(future, np.where(real, turned, 0)):
        raise Wrong(
            "The second half stands in the order of reading: its first state belongs to the last "
            "real step. Turn the outputs back."
        )
    if is_close(future, np.where(real, backward(x[::-1])[::-1], 0)):
        raise Wrong("The second reader begins with the padding: it reads x[::-1].")
    if is_close(future, np.where(real, backward(x), 0)):
        raise Wrong("The second reader reads from the start, like the first.")
    if is_close(future, np.where(real, turned[::-1], 0)):
        raise Wrong(
            "The outputs are turned back with their padding; they end where x ends."
        )
    close(
        future,
        right,
        "The second half has not read exactly the steps from t to the end.",
    )
    return "Both readers meet at the same word, whatever else is in the batch."


def _reader(rng, D, H):
    W, b = rng.normal(size=(D, H)), rng.normal(size=H)

    def read(x):
        h, states = np.zeros((x.shape[1], H)), []
        for x_t in x:
            h = np.tanh(x_t @ W + 0.7 * h + b)
            states.append(h)
        return np.array(states)

    return read
