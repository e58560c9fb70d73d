"""Weights that are called attention and do not look at the source."""

from types import SimpleNamespace

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, function, is_close
from unrolled.functional import softmax
from unrolled.layers import attention

TITLE = "Attention that does not look"
CHAPTER = "05-attention/attention"
KIND = "debug"
LEVEL = 2
MINUTES = 25

TEXT = r"""
For years a widely read tutorial on translation computed its "attention" in this way. The decoder's
state $h$, $(B, H)$, goes through a layer and a matrix `W_s` with one column for each place that a
source may have, and a softmax makes weights of the result. The network trains, and its loss falls.

Two tasks:

1. Write the test that finds it. `looks(weigh, h, states)` gets a function `weigh(h, states)` that
   returns weights $(B, S)$, and arrays to call it with. It returns True if the weights follow the
   source when its places are put into another order, and False if they stay where they were.
2. Mend `weights`, so that it has the additive score of the chapter,
   $\tanh(h W_q + e_s W_k)\, v^{\top}$, for the encoder's states $e_s$, `states` $(B, S, E)$. The
   parameters are there: `p.W_q` $(H, A)$, `p.W_k` $(E, A)$, `p.v` $(A,)$. `p.W_s` is no longer
   needed.
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
    """True if weigh(h, states) follows the places of the source."""
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
    "Which variable of `weights` is used for nothing but its shape?",
    "For the test: call `weigh` with `states` and with `states[:, order]`, for some `order` of the"
    " places. What must the second result be, given the first?",
    "The additive score needs a hidden unit for every pair of an example and a place, $(B, S, A)$:"
    " `(h @ p.W_q)[:, None] + states @ p.W_k`.",
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
    """True if weigh(h, states) follows the places of the source."""
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
The function has a use for the source's *length* and none for its content. What it can learn is at
which place one usually has to look when the decoder is in this state: after two words, look at the
third. For languages with the same order of words that is a fair guess, and its picture has the
bright diagonal that everybody expects of attention, so neither the loss nor the picture gives it
away. It is limited to sources of 50 places, its columns beyond the usual lengths are never trained,
and padding cannot be told from words.

What gives it away is a *symmetry*. Weights that come from comparing a query with keys go with the
keys: if the source is permuted, they are permuted. Such tests need no right answer to compare with,
and they find what a comparison of shapes and a falling loss do not. Try `looks` on a self-attention
with and without positions ({doc}`/book/05-attention/self-attention`): there it says whether the
network can know the order.
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

    def moody(h, states):  # depends on the source as a whole, and not on its places
        return softmax(np.tanh(h @ p.W_q + states.mean(axis=1) @ p.W_k) @ p.W_s[:, :S])

    verdicts = {
        weigh: _says(looks, weigh, h, states) for weigh in (right, blind, moody)
    }
    if verdicts[blind] and verdicts[right]:
        raise Wrong(
            "`looks` says True of the tutorial's weights, which never read the source."
        )
    if not verdicts[right]:
        raise Wrong(
            "`looks` says False of weights that do compare: permuted places must give the same "
            "weights in the permuted order, not the same array."
        )
    if verdicts[moody]:
        raise Wrong(
            "`looks` can be fooled: it says True of weights that change with the mean of the "
            "source and are bound to no place. Ask more than that something changes: reorder the "
            "places and say what the result has to be."
        )
    return "The weights compare, and the test finds those that do not."


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
            "Other states of the encoder, the same weights: `weights` still does not look at "
            "the source."
        )
    a, b = (h @ p.W_q)[:, None], states @ p.W_k
    scores = {
        "The tanh is missing: without it the query adds the same number to all scores of a row, "
        "which a softmax does not see.": (a + b) @ p.v,
        "The two halves are multiplied; the additive score adds them under one tanh.": (
            np.tanh(a * b) @ p.v
        ),
        "The weights do not depend on the query. Either it is missing, or each half has a tanh of "
        "its own, and then the query's adds the same number to all scores of a row. The sum of "
        "both goes under one tanh.": np.tanh(b) @ p.v,
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
            "The weights are not the softmax of tanh(h W_q + e W_k) · v over the places."
        )
