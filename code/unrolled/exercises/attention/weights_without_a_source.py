"""Weights that are called attention and do not depend on the content of the source."""

from types import SimpleNamespace

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, function, is_close
from unrolled.functional import softmax
from unrolled.layers import attention

TITLE = "Attention that ignores the source"
CHAPTER = "05-attention/attention"
SECTION = "four-scores"
KIND = "debug"
LEVEL = 2
MINUTES = 25

TEXT = r"""
A widely read tutorial on translation computed its "attention" for years without the states of the
encoder. The code below does this in a similar way. The state $h$ of the decoder, $(B, H)$, goes
through a layer, then through a matrix `W_s`, which has one column for each position that a source
may have. A softmax of the result gives the weights. The network trains, and its loss falls.

You have two tasks:

1. Write a test that finds the mistake. `looks(weigh, h, states)` gets a function `weigh(h, states)`
   that returns weights $(B, S)$, and arrays with which to call it. Now permute the positions of the
   source. `looks` returns True if the weights are permuted in the same way, and False otherwise.
2. Correct `weights`, so that it uses the additive score of the chapter,
   $\tanh(h W_q + e_s W_k)\, v^{\top}$, for the states $e_s$ of the encoder, `states` $(B, S, E)$.
   The parameters are `p.W_q` $(H, A)$, `p.W_k` $(E, A)$ and `p.v` $(A,)$. You no longer need
   `p.W_s`.
"""

STUB = '''
from types import SimpleNamespace

import numpy as np

from unrolled.functional import softmax


def weights(p, h, states):
    """Attention weights (B, S) for states h (B, H) of the decoder."""
    hidden = np.tanh(h @ p.W_q)
    scores = hidden @ p.W_s[:, : states.shape[1]]
    return softmax(scores)


def looks(weigh, h, states):
    """True if weigh(h, states) follows the positions of the source."""
    raise NotImplementedError


rng = np.random.default_rng(0)
B, S, H, E, A = 2, 4, 3, 5, 6
p = SimpleNamespace(
    W_q=rng.normal(size=(H, A)), W_k=rng.normal(size=(E, A)),
    v=rng.normal(size=A), W_s=rng.normal(size=(A, 50)))
h, states = rng.normal(size=(B, H)), rng.normal(size=(B, S, E))
print(weights(p, h, states).round(2))
'''

HINTS = (
    "Which variable in `weights` is used only for its shape?",
    "For the test, call `weigh` with `states` and with `states[:, order]`, for some `order` of "
    "the positions. What must the second result be, given the first?",
    "The additive score needs a hidden unit for every pair of an example and a position, $(B, "
    "S, A)$: `(h @ p.W_q)[:, None] + states @ p.W_k`.",
)

SOLUTION = '''
from types import SimpleNamespace

import numpy as np

from unrolled.functional import softmax


def weights(p, h, states):
    """Attention weights (B, S) for states h (B, H) of the decoder."""
    hidden = np.tanh((h @ p.W_q)[:, None] + states @ p.W_k)
    scores = hidden @ p.v
    return softmax(scores)


def looks(weigh, h, states):
    """True if weigh(h, states) follows the positions of the source."""
    before, after = weigh(h, states), weigh(h, states[:, ::-1])
    return np.allclose(after, before[:, ::-1])


rng = np.random.default_rng(0)
B, S, H, E, A = 2, 4, 3, 5, 6
p = SimpleNamespace(
    W_q=rng.normal(size=(H, A)), W_k=rng.normal(size=(E, A)),
    v=rng.normal(size=A), W_s=rng.normal(size=(A, 50)))
h, states = rng.normal(size=(B, H)), rng.normal(size=(B, S, E))
print(looks(lambda h, states: weights(p, h, states), h, states))
'''

COMMENT = r"""
The function uses the *length* of the source, but not its content. It can only learn which position
is usually the right one in a given state of the decoder, for example the third position after two
words. If both languages have similar word orders, this is a fair guess. A picture of the weights
then shows the bright diagonal that we expect from attention. So neither the loss nor the picture
reveals the mistake. The function has other limits, too: it accepts at most 50 positions, it hardly
trains the columns for positions that few sources reach, and it cannot distinguish padding from
words.

A *symmetry* reveals the mistake. If the weights come from comparing a query with keys, they follow
the keys: a permuted source gives permuted weights. A test of a symmetry needs no right answer to
compare with, and it finds mistakes that a test of shapes misses. Try `looks` on self-attention with
and without added positions ({doc}`/book/05-attention/self-attention`). There it tells you whether
the network can use the order of the sequence.
"""


def check(answers):
    """The weights against the additive score; the test against functions that look or do not."""
    rng = np.random.default_rng(2)
    B, S, H, E, A = 2, 5, 3, 4, 6
    h, states = rng.normal(size=(B, H)), rng.normal(size=(B, S, E))
    p = SimpleNamespace(
        W_q=rng.normal(size=(H, A)),
        W_k=rng.normal(size=(E, A)),
        v=rng.normal(size=A),
        W_s=rng.normal(size=(A, 50)),
    )
    _check_weights(function(answers, "weights"), p, h, states)
    looks = function(answers, "looks")

    def right(h, states):
        return _additive(p, h, states)

    def blind(h, states):
        return softmax(np.tanh(h @ p.W_q) @ p.W_s[:, : states.shape[1]])

    def averaging(h, states):  # depends on the mean of the source, not on its positions
        return softmax(np.tanh(h @ p.W_q + states.mean(axis=1) @ p.W_k) @ p.W_s[:, :S])

    verdicts = {
        weigh: _says(looks, weigh, h, states) for weigh in (right, blind, averaging)
    }
    if verdicts[blind] and verdicts[right]:
        raise Wrong(
            "`looks` returns True for the weights of the tutorial, which never read the "
            "source."
        )
    if not verdicts[right]:
        raise Wrong(
            "`looks` returns False for weights that do compare. Permuted positions must give "
            "the same weights in the permuted order, not the same array."
        )
    if verdicts[averaging]:
        raise Wrong(
            "`looks` can be fooled: it returns True for weights that depend only on the mean "
            "of the source. It is not enough that something changes. Permute the positions, "
            "and test what the result must be."
        )
    return "The weights compare query and keys, and the test finds weights that do "
    "not."


def _additive(p, h, states):
    additive = attention.Additive(p.W_q, p.W_k, p.v)
    return attention.forward(additive, h[:, None], states)[1].weights[:, 0]


def _says(looks, weigh, h, states):
    return bool(np.all(call(looks, weigh, h.copy(), states.copy())))


def _check_weights(reader, p, h, states):
    B, S = states.shape[:2]
    found = array(
        call(reader, p, h.copy(), states.copy()), (B, S), "The array of weights"
    )
    if is_close(
        found, array(call(reader, p, h.copy(), 2 * states), (B, S), "The weights")
    ):
        raise Wrong(
            "Different states of the encoder give the same weights: `weights` still does not "
            "look at the source."
        )
    a, b = (h @ p.W_q)[:, None], states @ p.W_k
    scores = {
        "The tanh is missing. Without it, the query adds the same number to all scores of a "
        "row, and the softmax does not change.": (a + b) @ p.v,
        "The two parts are multiplied. The additive score adds them under one tanh.": (
            np.tanh(a * b) @ p.v
        ),
        "The weights do not depend on the query. Either the query is missing, or each part "
        "has its own tanh. In the second case, the query adds the same number to all scores "
        "of a row. Take one tanh of the sum.": np.tanh(b) @ p.v,
    }
    for message, wrong in scores.items():
        if is_close(found, softmax(wrong)):
            raise Wrong(message)
    right = _additive(p, h, states)
    if not is_close(found, right):
        z = np.tanh(a + b) @ p.v
        e = np.exp(z - z.max())
        if is_close(found, e / e.sum(axis=0)) or is_close(found, e / e.sum()):
            raise Wrong(
                "The scores are right. Each row of weights, (B, S), should sum to 1."
            )
        raise Wrong(
            "The weights are not the softmax of tanh(h W_q + e W_k) · v over the positions."
        )
