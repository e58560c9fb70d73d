"""Reversing within lengths, and reading from both ends."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, close, function, is_close
from unrolled.layers import padding

TITLE = "Turn around at the real end"
CHAPTER = "06-tensorflow/bidirectional-networks"
SECTION = "where-the-backward-chain-starts"
KIND = "write"
LEVEL = 2
MINUTES = 25

TEXT = r"""
A bidirectional network reads each sequence twice, with two recurrent networks. The second network,
here called the second reader, must begin at the real end of each sequence. Write two functions
without a loop over steps:

1. `reverse(x, lengths)` takes $x$ of shape $(T, B, \dots)$. It returns $x$ with the real steps of
each sequence in reverse order and the padding unchanged.
2. `both_ways(x, lengths, onward, backward)` returns an array $(T, B, 2H)$. The functions `onward`
and `backward` read an array $(T, B, D)$ from its first step to its last, and return a state for
each step, $(T, B, H)$. Put both states side by side. At step $t$ of a sequence of length $\ell$,
the second state must have read $x_\ell, x_{\ell - 1}, \dots, x_t$ and nothing else. The check
ignores what is returned at the padding.
"""

STUB = '''
import numpy as np


def reverse(x, lengths):
    """x (T, B, ...) with the real steps reversed, padding in place."""
    raise NotImplementedError


def both_ways(x, lengths, onward, backward):
    """(T, B, 2H): states that have read the past and the future."""
    raise NotImplementedError
'''

HINTS = (
    "For each step $t$ and each sequence: which step should its row come from? For a "
    "real step it is $\\ell - 1 - t$, and for padding it is $t$ itself. Together this "
    "is an array of integers, $(T, B)$.",
    "`x[source, np.arange(B)]` takes the entry `x[source[t, b], b]` for every $t$ and "
    "$b$.",
    "The first output of the second reader belongs to the *last* real step. In which "
    "order must its outputs be before you put them next to the outputs of the first "
    "reader?",
)

SOLUTION = '''
import numpy as np


def reverse(x, lengths):
    """x (T, B, ...) with the real steps reversed, padding in place."""
    t = np.arange(len(x))[:, None]
    source = np.where(t < lengths, lengths - 1 - t, t)
    return x[source, np.arange(x.shape[1])]


def both_ways(x, lengths, onward, backward):
    """(T, B, 2H): states that have read the past and the future."""
    past = onward(x)
    future = reverse(backward(reverse(x, lengths)), lengths)
    return np.concatenate([past, future], axis=-1)
'''

COMMENT = r"""
`reverse` exchanges the indices $t$ and $\ell - 1 - t$, so it is its own inverse. The solution uses
it twice: to reverse the inputs, and to reverse the outputs back. If you forget the second use, the
state that has read $x_1, \dots, x_t$ is combined with a state that has read
$x_\ell, \dots, x_{\ell + 1 - t}$. The shapes are right, and a network can even learn something from
such states. But the two halves belong to the same word only in the middle of the sentence.

`x[::-1]` begins with the padding. The state of the second reader then differs from its state for
the sentence alone, and the difference depends on the longest sentence of the batch. So the result
for a sentence depends on the other sentences of its batch, which suggests a test. Read a sequence
alone, read it again in a larger array, and compare the states. The test needs no reference, and it
is useful for every function that takes a batch.
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
            "The array is reversed together with its padding, which is now at the beginning."
        )
    t = np.arange(T)[:, None]
    if is_close(found, x[np.clip(lengths - 1 - t, 0, None), np.arange(B)]):
        raise Wrong("The real steps are right. The padding should stay as it was.")
    if is_close(found, x[(lengths - 1 - t) % T, np.arange(B)]):
        raise Wrong(
            "The real steps are right, but the padding is in reverse order. It should stay as it "
            "was, or the function is not its own inverse."
        )
    if is_close(found, x[np.where(t < lengths, (lengths - t) % T, t), np.arange(B)]):
        raise Wrong("The steps are off by one: step 0 comes from step length - 1.")
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
        raise Wrong("The halves are exchanged: the first must have read the past.")
    close(
        past,
        np.where(real, onward(x), 0),
        "The first half is not what `onward` returns for x.",
    )
    if is_close(future, np.where(real, turned, 0)):
        raise Wrong(
            "The second half is in the order of reading: its first state belongs to the last "
            "real step. Reverse the outputs too."
        )
    if is_close(future, np.where(real, backward(x[::-1])[::-1], 0)):
        raise Wrong(
            "The second reader begins with the padding, because it reads x[::-1]."
        )
    if is_close(future, np.where(real, backward(x), 0)):
        raise Wrong("The second reader reads from the start, like the first.")
    if is_close(future, np.where(real, turned[::-1], 0)):
        raise Wrong("The outputs are reversed together with their padding.")
    close(
        future,
        right,
        "The second half has not read exactly the steps from t to the end.",
    )
    return "Both halves belong to the same word, whatever else is in the batch."


def _reader(rng, D, H):
    W, b = rng.normal(size=(D, H)), rng.normal(size=H)

    def read(x):
        h, states = np.zeros((x.shape[1], H)), []
        for x_t in x:
            h = np.tanh(x_t @ W + 0.7 * h + b)
            states.append(h)
        return np.array(states)

    return read
