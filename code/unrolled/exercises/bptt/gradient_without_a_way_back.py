"""Real-time recurrent learning: the gradient from a stream that is seen once."""

import numpy as np

from unrolled.cells import rnn
from unrolled.exercises.judging import Wrong, array, call, close, function, is_close

TITLE = "A gradient without a way back"
CHAPTER = "03-bptt/five-ways-to-one-gradient"
SECTION = "forward-together-with-the-network"
KIND = "write"
LEVEL = 3
MINUTES = 45

TEXT = r"""
The network of a robot never stops running, so there is no end from which we could follow a gradient
back. Write `gradient(W_x, W_h, b, h0, stream)`, which returns $\mathrm d L / \mathrm d W_h$ of a
plain $\tanh$ network, of shape $(H, H)$, and keeps nothing of a step after the step is over.

`stream` is an iterator over pairs `(x_t, own)`, one for each step, and it cannot be rewound. `x_t`
is the input, of shape $(D,)$. `own(h_t)` returns $\partial L_t / \partial h_t$, of shape $(H,)$,
for the state that you have computed. The loss is the sum over all steps. The memory that you use
must not grow with the number of steps.

{eq}`eq-bptt-total` says what to carry: the array `S` of shape $(H, H, H)$, with
`S[m, i, j]` $= \mathrm d h_t[j] / \mathrm d W_h[m, i]$.
"""

STUB = '''
import numpy as np


def gradient(W_x, W_h, b, h0, stream):
    """dL/dW_h (H, H), gathered on the way forward."""
    H = len(b)
    h, S, dW_h = h0, np.zeros((H, H, H)), np.zeros((H, H))
    for x_t, own in stream:
        ...
    return dW_h
'''

HINTS = (
    "Each step does four things: compute $h_t$; multiply the old sensitivity by $J_t$; add the "
    "immediate derivative; add the contribution of this step, $\\sum_j \\partial L_t/\\partial "
    "h_t[j]$ times `S[:, :, j]`, to the result.",
    "$J_t[j, k] = (1 - h_t[j]^2)\\, W_h[k, j]$, so the carried part is `(S @ W_h) * (1 - h_t**2)`: "
    "the last axis of `S` passes through the network like a state.",
    "The immediate part is nonzero only if $i = j$: `S[m, i, i] += h_previous[m] * "
    "(1 - h_t[i]**2)`, or with `np.eye(H)` and broadcasting.",
)

SOLUTION = '''
import numpy as np


def gradient(W_x, W_h, b, h0, stream):
    """dL/dW_h (H, H), gathered on the way forward."""
    H = len(b)
    h, S, dW_h = h0, np.zeros((H, H, H)), np.zeros((H, H))
    for x_t, own in stream:
        h_t = np.tanh(x_t @ W_x + h @ W_h + b)
        own_use = h[:, None, None] * np.eye(H)  # of W_h[m, i] in a_t[j]
        S = (S @ W_h + own_use) * (1 - h_t**2)
        dW_h += S @ own(h_t)
        h = h_t
    return dW_h
'''

COMMENT = r"""
The line for `S` is {eq}`eq-bptt-total` with the common factor taken out. Let $s_t$ be the row
$\mathrm d h_t / \mathrm d W_h[m, i]$ of one weight. Then

$$
\begin{aligned}
s_t &= \bigl( s_{t-1} W_h \\
&\qquad + h_{t-1}[m]\, e_i \bigr) \\
&\quad \odot (1 - h_t^2) .
\end{aligned}
$$

So every weight has a row of its own, which passes through the network alongside the state. This is
why no step has to be stored, and also why the method is so expensive. There are $H^2$ such rows of
$H$ numbers, and a step takes about $H^4$ multiplications, compared with about $H^2$ in
backpropagation.
{cite:t}`williams1989` published the method. A common approximation keeps only the entries with
$i = j$, the effect of a weight on its own unit. Try it, and measure the angle to the full gradient
as $H$ grows.
"""


def _variant(p, h0, x, own, carried=True, transpose=False, late=False, after=False):
    """Returns what the loop computes, right or with one mistake."""
    H = len(h0)
    h, S, total = h0, np.zeros((H, H, H)), np.zeros((H, H))
    for x_t, d in zip(x, own, strict=True):
        h_t = np.tanh(x_t @ p.W_x + h @ p.W_h + p.b)
        if late:
            total += S @ d
        old = S @ (p.W_h.T if transpose else p.W_h) if carried else 0
        S = (old + (h_t if after else h)[:, None, None] * np.eye(H)) * (1 - h_t**2)
        if not late:
            total += S @ d
        h = h_t
    return total


def check(answers):
    """A stream that can be read once, against backpropagation."""
    reader = function(answers, "gradient")
    rng = np.random.default_rng(11)
    T, D, H = 9, 2, 4
    p = rnn.Params(*(0.7 * rng.standard_normal(s) for s in [(D, H), (H, H), (H,)]))
    h0, x, target = (
        rng.standard_normal(H),
        rng.standard_normal((T, D)),
        rng.standard_normal((T, H)),
    )
    states, cache = rnn.forward(p, x[:, None], h0[None])
    dh = states - target[:, None]  # of the loss |h_t - target|² / 2
    right = rnn.backward(p, cache, dh)[0].W_h
    asked = []

    def stream():
        for t in range(T):

            def own(h_t, t=t):
                asked.append(np.array(h_t, dtype=float).reshape(-1))
                return asked[-1] - target[t]

            yield x[t].copy(), own

    found = array(
        call(reader, *(w.copy() for w in p), h0.copy(), stream()),
        (H, H),
        "The gradient",
    )
    if len(asked) == 0:
        raise Wrong(
            "`own(h_t)` was never called: it gives the gradient of a step's own loss."
        )
    if len(asked) != T:
        raise Wrong(
            f"`own` was called {len(asked)} times on a stream of {T} steps. Call it once for "
            "each step."
        )
    if not is_close(np.array(asked), states[:, 0]):
        raise Wrong(
            "The states that you pass to `own` are not the states of the network. Check h_t."
        )
    own = dh[:, 0]
    if is_close(found, _variant(p, h0, x, own, carried=False)):
        raise Wrong(
            "This is the immediate part alone. Multiply the sensitivity of the previous step "
            "by the Jacobian of this step, and add the product."
        )
    if is_close(found, _variant(p, h0, x, own, transpose=True)):
        raise Wrong(
            "The old sensitivity is multiplied by W_h on the wrong side: S[m, i] is a row, "
            "like a state."
        )
    if is_close(found, _variant(p, h0, x, own, late=True)):
        raise Wrong(
            "The gradient of each loss is multiplied by the sensitivity of the previous "
            "state. Update S first."
        )
    if is_close(found, _variant(p, h0, x, own, after=True)):
        raise Wrong(
            "The immediate part contains h_t. But the weight multiplies the previous state, "
            "h_{t-1}."
        )
    if is_close(found, right.T):
        raise Wrong("The result is transposed: W_h[m, i] leads from unit m to unit i.")
    close(
        found,
        right,
        "This is not the gradient. Test T = 1, where only the immediate part counts.",
    )
    return "The gradient agrees with backpropagation, and no step was stored."
