"""A backward pass with three faults that training does not show."""

import numpy as np

from unrolled.cells import rnn
from unrolled.exercises.judging import Wrong, array, call, function, is_close

TITLE = "The loss falls all the same"
CHAPTER = "02-language-model/matrix-products"
SECTION = "one-walk-for-all-outputs"
KIND = "debug"
LEVEL = 3
MINUTES = 30

TEXT = r"""
The function `backward` computes the gradients of $h_t = \tanh(W_x[x_t] + h_{t-1} W_h + b)$ over one
sentence. It has three faults, but the training loss still falls. The call
`backward(p, ids, h0, h, dh)` gets

- `ids` of shape $(T,)$, the words of the sentence,

- `h0` of shape $(H,)$, the state before the first step, which is carried over from the sentence's
  first half and is not zero,

- `h` of shape $(T, H)$, the state after each step,

- `dh` of shape $(T, H)$, the gradient that each state gets from its own output.

It should return the gradients of $W_x$, $W_h$ and $b$ through all steps.

The cell ends with a comparison along random directions, one array at a time. Use it to find the
faults. A fault may show in one array only, and on some sentences only.
"""

STUB = '''
import numpy as np

from unrolled.cells import rnn


def backward(p, ids, h0, h, dh):
    """Gradients (dW_x, dW_h, db) of one sentence, through all steps."""
    T = len(ids)
    da, dh_next = np.zeros_like(dh), np.zeros_like(h0)
    for t in range(T - 1, 0, -1):
        da[t] = (dh[t] + dh_next) * (1 - h[t] ** 2)
        dh_next = p.W_h @ da[t]
    dW_x = np.zeros_like(p.W_x)
    dW_x[ids] += da
    dW_h = h[:-1].T @ da[1:]
    return dW_x, dW_h, da.sum(axis=0)


def compare(ids, seed=0, V=6, H=3, epsilon=6e-6):
    """Slopes along random directions, by backward and by differences."""
    rng = np.random.default_rng(seed)
    p = rnn.Params(*(rng.normal(size=s) for s in ((V, H), (H, H), (H,))))
    h0, dh = rng.normal(size=H), rng.normal(size=(len(ids), H))

    def loss(p):  # a sum of states, so that dh is its gradient at each of them
        h, _ = rnn.forward(p, ids[:, None], h0[None])
        return np.sum(h[:, 0] * dh), h[:, 0]

    gradients = backward(p, ids, h0, loss(p)[1], dh)
    for i, name in enumerate(p._fields):
        v = rng.normal(size=p[i].shape) * epsilon
        up, down = (p._replace(**{name: p[i] + s * v}) for s in (1, -1))
        numeric = (loss(up)[0] - loss(down)[0]) / (2 * epsilon)
        print(f"{name:4} {np.sum(gradients[i] * v) / epsilon:10.6f} {numeric:10.6f}")


compare(np.array([0, 1, 2, 3]))
'''

HINTS = (
    "Start with the shortest sentence, `compare(np.array([2]))`. What gradient should one step "
    "give, and what does the loop do with it?",
    "Then compare a sentence without a repeated word and one with a repeated word: `[0, 1, 2]` and "
    "`[0, 1, 0]`. Which array is wrong in the second only?",
    "Which states does $W_h$ multiply, from the first step on? There are $T$ of them, and only "
    "$T - 1$ of them are in the array `h`.",
)

_BODY = '''
def backward(p, ids, h0, h, dh):
    """Gradients (dW_x, dW_h, db) of one sentence, through all steps."""
    T = len(ids)
    da, dh_next = np.zeros_like(dh), np.zeros_like(h0)
    for t in range(T - 1, -1, -1):
        da[t] = (dh[t] + dh_next) * (1 - h[t] ** 2)
        dh_next = p.W_h @ da[t]
    dW_x = np.zeros_like(p.W_x)
    np.add.at(dW_x, ids, da)
    before = np.concatenate([h0[None], h[:-1]])
    dW_h = before.T @ da
    return dW_x, dW_h, da.sum(axis=0)
'''

SOLUTION = (
    STUB[: STUB.index("def backward")]
    + _BODY.lstrip()
    + "\n\n"
    + STUB[STUB.index("def compare") :]
).replace("compare(np.array([0, 1, 2, 3]))", "compare(np.array([0, 1, 2, 0]))")

COMMENT = r"""
*The loop stops one step early.* `range(T - 1, 0, -1)` ends at 1, so the first step never gets its
$\mathrm d a$. In a long sentence this is one term of many. A sentence of one word has the
gradient 0.

*A repeated word counts once.* `dW_x[ids] += da` reads, adds and writes back. If it writes to the
same row several times, only the last write remains. In English text, the word that repeats most is
*the*. `np.add.at` makes all additions. The package sorts by word and sums groups, which is faster.

*The first state is not $h_0$.* $W_h$ multiplies $h_0, \dots, h_{T-1}$. Leaving $h_0$ out is right
only if it is zero. It usually is zero, unless a program carries a state over.

`p.W_h @ da[t]` looks like a fourth fault but is right: for a one-dimensional array it is
$\mathrm d a_t W_h^\top$. In a test with 100 random sentences of 12 words, each of the three wrong
gradients still has a positive inner product with the right gradient. So the loss still falls, and
if it falls slowly, you might look for the cause in the learning rate. You find the faults if you
compare *small cases that differ in one point*: one step, a repeated word, a state before the first
step.
"""


def check(answers):
    """Sentences of one step, without and with repetition, with and without a first state."""
    reader = function(answers, "backward")
    first = _wrong_arrays(reader, [2], 0.0)
    if {"W_x", "b"} & set(first):
        raise Wrong(
            "On a sentence of one step, the gradient of W_x or b is wrong. Does the loop reach "
            "every step?"
        )
    plain = _wrong_arrays(reader, [0, 1, 2, 3, 4], 0.0)
    if plain:
        raise Wrong(
            f"With h_0 = 0 and no repeated word, these are wrong: {', '.join(plain)}. Look at the "
            "loop, and at which state belongs to which da[t]."
        )
    repeated = _wrong_arrays(reader, [3, 1, 3, 3, 0, 1], 0.0)
    if repeated == ["W_x"]:
        raise Wrong(
            "W_x is wrong if a word occurs more than once: of several additions to one row, "
            "NumPy's `+=` with an array of indices keeps only the last."
        )
    carried = _wrong_arrays(reader, [3, 1, 3, 3, 0, 1], 1.0)
    if carried == ["W_h"]:
        raise Wrong(
            "All is right as long as h_0 = 0. At the first step, W_h multiplies h_0, and this "
            "adds a term to its gradient."
        )
    if repeated or carried:
        raise Wrong(
            f"Still wrong on a longer sentence: {', '.join(carried or repeated)}."
        )
    return "The gradient is right, also for repeated words and a state that is carried over."


def _wrong_arrays(reader, ids, h0_scale, V=6, H=3):
    """Names of the arrays whose gradient is wrong on this sentence."""
    rng = np.random.default_rng(1)
    ids = np.array(ids)
    p = rnn.Params(*(rng.normal(size=s) for s in ((V, H), (H, H), (H,))))
    h0, dh = h0_scale * rng.normal(size=H), rng.normal(size=(len(ids), H))
    h, cache = rnn.forward(p, ids[:, None], h0[None])
    right, _, _ = rnn.backward(p, cache, dh[:, None])
    found = call(reader, p, ids.copy(), h0.copy(), h[:, 0].copy(), dh.copy())
    if not isinstance(found, tuple) or len(found) != 3:
        raise Wrong("`backward` should return three gradients: of W_x, W_h and b.")
    names = ("W_x", "W_h", "b")
    return [
        name
        for name, value, expected in zip(names, found, right, strict=True)
        if not is_close(
            array(value, expected.shape, f"the gradient of {name}"), expected
        )
    ]
