"""The gradient of a language model whose input and output share one matrix."""

from typing import Any, NamedTuple

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, function, is_close
from unrolled.functional import cross_entropy, dcross_entropy, sum_rows
from unrolled.gradients import gradcheck

TITLE = "One matrix for reading and predicting"
CHAPTER = "02-language-model/the-gradient"
SECTION = "back-through-all-steps"
KIND = "write"
LEVEL = 3
MINUTES = 45

TEXT = r"""
Derive a gradient that no chapter shows. *Weight tying* uses one matrix $E$ of shape $(V, H)$ twice.
When the model reads word $x_t$, row $x_t$ of $E$ is added to the pre-activation. When the model
predicts, row $j$ of $E$ gives the logit of word $j$:

$$
\begin{aligned}
a_t &= E[x_t] + h_{t-1} W_h + b \\
h_t &= \tanh a_t \\
u_t &= h_t E^\top + b_y \\
p_t &= \operatorname{softmax}(u_t) \\
L &= -\textstyle\sum_t \log p_t[y_t] .
\end{aligned}
$$

Write `loss_and_gradient(p, inputs, targets)` for one sentence with `inputs` and `targets` of shape
$(T,)$ and $h_0 = 0$. It should return $L$, the *sum* over the steps, and a `Params` of gradients
through *all* steps. A word may occur more than once. Before you run the check below, test your
function with `unrolled.gradients.gradcheck`, which names the array and the entry that are wrong.
"""

STUB = '''
from typing import Any, NamedTuple

import numpy as np

from unrolled.functional import cross_entropy, softmax


class Params(NamedTuple):
    """A tied language model; gradients are a Params too."""

    E: Any  # (V, H)
    W_h: Any  # (H, H)
    b: Any  # (H,)
    b_y: Any  # (V,)


def loss_and_gradient(p, inputs, targets):
    """Returns the summed loss in nats and the exact gradient, a Params."""
    raise NotImplementedError
'''

HINTS = (
    "Give the matrix two names: $E$ where the model reads, and $F$ where it predicts. Derive both "
    "gradients as if $E$ and $F$ were two matrices, and add them.",
    "Predicting is a matrix product, $u = h F^\\top$ for all steps together: $\\mathrm d F = "
    "\\mathrm d u^\\top h$ and $\\mathrm d h = \\mathrm d u\\, F$. Reading adds $\\mathrm d a_t$ "
    "to row $x_t$.",
    "`dE[inputs] += da` keeps only one of several additions to the same row. "
    "`np.add.at(dE, inputs, da)` makes all of them.",
)

SOLUTION = '''
from typing import Any, NamedTuple

import numpy as np

from unrolled.functional import cross_entropy, softmax


class Params(NamedTuple):
    """A tied language model; gradients are a Params too."""

    E: Any  # (V, H)
    W_h: Any  # (H, H)
    b: Any  # (H,)
    b_y: Any  # (V,)


def loss_and_gradient(p, inputs, targets):
    """Returns the summed loss in nats and the exact gradient, a Params."""
    T, H = len(inputs), len(p.b)
    h = np.zeros((T + 1, H))  # h[0] is the state before the first step
    for t in range(T):
        h[t + 1] = np.tanh(p.E[inputs[t]] + h[t] @ p.W_h + p.b)
    u = h[1:] @ p.E.T + p.b_y
    loss = cross_entropy(u, targets).sum()

    du = softmax(u)
    du[np.arange(T), targets] -= 1
    dh = du @ p.E  # u = h E^T
    dE = du.T @ h[1:]  # predicting
    da, dh_next = np.empty_like(dh), np.zeros(H)
    for t in reversed(range(T)):
        da[t] = (dh[t] + dh_next) * (1 - h[t + 1] ** 2)
        dh_next = da[t] @ p.W_h.T
    np.add.at(dE, inputs, da)  # reading
    return loss, Params(dE, h[:-1].T @ da, da.sum(axis=0), du.sum(axis=0))
'''

COMMENT = r"""
The loss is a function $L(E, F)$ at $F = E$. By the chain rule, its derivative is the sum of the two
partial derivatives:

$$
\begin{aligned}
\mathrm d E &= \underbrace{\textstyle\sum_t e_{x_t}^\top \mathrm d a_t}_{\text{reading}} \\
&\quad + \underbrace{\textstyle\sum_t \mathrm d u_t^\top h_t}_{\text{predicting}} , \\
\mathrm d h_t &= \mathrm d u_t E \\
&\quad + \mathrm d a_{t+1} W_h^\top .
\end{aligned}
$$

By the same argument, $\mathrm d W_h$ is a sum over the steps. The argument holds for all shared
weights: weights that are used at every step, a matrix that is used twice, a filter that moves over
an image. A library for automatic differentiation does the same when it *accumulates* gradients.

The reading part has at most $T$ rows that are not zero, and the predicting part has $V$. On a
sentence without a repeated word, `dE[inputs] += da` passes a gradient check, so check on a sentence
that repeats a word. Tying {cite:p}`press2017` removes nearly half of the parameters, and the row of
a rare word gets a gradient at every step. Next, train both models on the same text. The same $E$
must be large enough for reading and small enough for a first loss near $\log V$.
"""


class _Params(NamedTuple):
    E: Any
    W_h: Any
    b: Any
    b_y: Any


def check(answers):
    """All four arrays, on a sentence with repeated words; the likely omissions of each."""
    reader = function(answers, "loss_and_gradient")
    kind = answers.get("Params", _Params)
    rng = np.random.default_rng(0)
    V, H = 7, 4
    p = _Params(*(rng.normal(size=s) for s in ((V, H), (H, H), (H,), (V,))))
    inputs, targets = np.array([1, 4, 4, 0, 1, 5]), np.array([4, 4, 0, 1, 5, 2])
    found = call(reader, kind(*(w.copy() for w in p)), inputs.copy(), targets.copy())
    try:
        loss, gradient = found
        parts = [np.asarray(w, dtype=float) for w in gradient]
        if len(parts) != 4:
            raise ValueError
    except (TypeError, ValueError):
        raise Wrong(
            "Return the loss and a Params of four gradients, E, W_h, b, b_y."
        ) from None

    h, u, du, da, da_own = _pass(p, inputs, targets)
    total = cross_entropy(u, targets).sum()
    if is_close(loss, total / len(inputs)):
        raise Wrong(
            "The loss is the mean over the steps. Return the sum, and its gradient."
        )
    if not is_close(loss, total):
        raise Wrong(
            "The loss is wrong. L is the summed cross-entropy of u = h E^T + b_y."
        )
    shapes = [(V, H), (H, H), (H,), (V,)]
    dE, dW_h, db, db_y = (
        array(w, s, f"the gradient of {n}")
        for w, s, n in zip(parts, shapes, _Params._fields, strict=True)
    )
    if is_close(db_y * len(inputs), du.sum(axis=0)):
        raise Wrong(
            "The loss is the sum over the steps, but the gradient is that of the mean."
        )
    if is_close(db_y, -du.sum(axis=0)):
        raise Wrong(
            "Every gradient has the wrong sign: du is p - onehot, not onehot - p."
        )
    if not is_close(db_y, du.sum(axis=0)):
        raise Wrong("b_y: its gradient is the sum over the steps of p - onehot.")
    if is_close(db, da_own.sum(axis=0)):
        raise Wrong(
            "b (and W_h) receive each loss at its own step only. A state also enters the next "
            "step: add da[t+1] W_h^T to dh[t], from the last step to the first."
        )
    wrong_way = _pass(_Params(p.E, p.W_h.T, p.b, p.b_y), inputs, targets, h)[3]
    if is_close(db, wrong_way.sum(axis=0)):
        raise Wrong(
            "From step t+1 to step t, da is multiplied by W_h, but it should be W_h transposed."
        )
    if not is_close(db, da.sum(axis=0)):
        raise Wrong(
            "b: its gradient is the sum of all da[t]. Check dh[t] = du[t] E + da[t+1] W_h^T and "
            "the slope of tanh, 1 - h[t]²."
        )
    if is_close(dW_h, h[1:].T @ da):
        raise Wrong(
            "W_h multiplies the state *before* each step, h[t-1]; you took h[t]."
        )
    if is_close(dW_h, (h[:-1].T @ da).T):
        raise Wrong("The gradient of W_h is transposed: row = from, column = to.")
    if not is_close(dW_h, h[:-1].T @ da):
        raise Wrong("b is right, but W_h is not: sum h[t-1]^T da[t] over all steps.")
    saying = du.T @ h[1:]
    reading = sum_rows(inputs, da, V)
    last = np.zeros((V, H))
    last[inputs] += da
    if is_close(dE, reading):
        raise Wrong(
            "The reading part of E is right. Predicting is missing: u = h E^T also has a "
            "gradient for E."
        )
    if is_close(dE, saying):
        raise Wrong(
            "The predicting part of E is right. Reading is missing: row x_t enters the "
            "pre-activation."
        )
    once = saying.copy()
    once[inputs] += da
    if is_close(dE, once) or is_close(dE, last):
        raise Wrong(
            "E is right except for words that occur more than once: NumPy keeps only the last of "
            "several additions to one row."
        )
    if is_close(dE, 0.5 * (saying + reading)):
        raise Wrong("E: add the two parts, do not average them.")
    if not is_close(dE, saying + reading):
        raise Wrong(
            "W_h, b and b_y are right. E needs the sum of two parts, from reading and from "
            "predicting."
        )

    params = _Params(*(w.copy() for w in p))
    gradcheck.check(lambda q: float(_loss(q, inputs, targets)), params, _Params(*parts))
    return "Every entry agrees with the central differences."


def _loss(p, inputs, targets):
    return cross_entropy(_states(p, inputs)[1:] @ p.E.T + p.b_y, targets).sum()


def _states(p, inputs):
    h = np.zeros((len(inputs) + 1, len(p.b)))
    for t, word in enumerate(inputs):
        h[t + 1] = np.tanh(p.E[word] + h[t] @ p.W_h + p.b)
    return h


def _pass(p, inputs, targets, h=None):
    """States, logits, their gradient, da through all steps, and da of each own step alone."""
    h = _states(p, inputs) if h is None else h
    u = h[1:] @ p.E.T + p.b_y
    du = dcross_entropy(u, targets, np.ones(len(inputs)))
    dh = du @ p.E
    slope = 1 - h[1:] ** 2
    da, dh_next = np.empty_like(dh), 0.0
    for t in reversed(range(len(inputs))):
        da[t] = (dh[t] + dh_next) * slope[t]
        dh_next = da[t] @ p.W_h.T
    return h, u, du, da, dh * slope
