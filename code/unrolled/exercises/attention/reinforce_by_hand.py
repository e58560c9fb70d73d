"""REINFORCE for one draw: the sign, and whose loss the baseline may contain."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, close, function, is_close
from unrolled.functional import dsoftmax, softmax

TITLE = "REINFORCE uphill"
CHAPTER = "05-attention/the-cost-of-attention"
KIND = "debug"
LEVEL = 3
MINUTES = 30

TEXT = r"""
Hard attention draws one place $s \sim w = \operatorname{softmax}(z)$ and suffers its loss $L(s)$.
The objective is the expected loss, $J = \sum_s w_s L(s)$, and the program minimises it by descent
along

$$
(L(s) - b)\, \frac{\partial \log w_s}{\partial z} ,
$$

with a baseline $b$, for each row of a batch the mean of the *other* rows' losses. In the code
below, which somebody has taken over from a program for rewards, training gets worse with every
update, and turns out to be biased when that is mended. Mend both functions:

- `estimate(scores, losses, place, baseline)` returns the estimate of $\partial J / \partial z$,
  $(S,)$, from one draw. `scores` is $z$, `losses[s]` is $L(s)$; only `losses[place]` may be used.
- `baselines(drawn)` gets the losses $(B,)$ that the rows of a batch have drawn and returns $(B,)$,
  for each row its baseline.

Averaged over all draws, with the probabilities of the draws, the estimate must be the exact
gradient.
"""

STUB = '''
import numpy as np

from unrolled.functional import softmax


def estimate(scores, losses, place, baseline):
    """An unbiased estimate of the gradient of the expected loss."""
    dlog = -softmax(scores)
    dlog[place] += 1  # d log w[place] / d scores
    return (baseline - losses[place]) * dlog


def baselines(drawn):
    """For each row of a batch, what is taken off its loss (B,)."""
    return np.full(len(drawn), drawn.mean())
'''

HINTS = (
    "For few places you can add up all draws: $\\sum_s w_s \\cdot$ `estimate(z, L, s, b)`. Compare"
    " with the exact gradient, $w_s (L(s) - J)$.",
    "A large loss should make the place less likely *after a step of descent*, $z - \\eta\\, g$. "
    "Which sign must $g$ have at that place?",
    "The baseline may depend on anything but this row's draw, since only then "
    "$\\mathbb E[b\\, \\partial \\log w_s] = b\\, \\mathbb E[\\partial \\log w_s] = 0$. Is that so"
    " for `drawn.mean()`?",
)

SOLUTION = '''
import numpy as np

from unrolled.functional import softmax


def estimate(scores, losses, place, baseline):
    """An unbiased estimate of the gradient of the expected loss."""
    dlog = -softmax(scores)
    dlog[place] += 1  # d log w[place] / d scores
    return (losses[place] - baseline) * dlog


def baselines(drawn):
    """For each row of a batch, the mean loss of the others (B,)."""
    return (drawn.sum() - drawn) / (len(drawn) - 1)


z, losses = np.array([1.0, 0.0, -1.0]), np.array([3.0, 1.0, 2.0])
w = softmax(z)
for b in (0.0, w @ losses):
    draws = np.array([estimate(z, losses, s, b) for s in range(3)])
    mean = w @ draws
    print(mean.round(4), (w @ ((draws - mean) ** 2).sum(axis=1)).round(3))
'''

COMMENT = r"""
Papers on learning from rewards climb, programs that minimise a loss descend, and the sign gets lost
between them. As $\partial \log w_s / \partial z = e_s - w$,

$$
\begin{aligned}
&\sum_s w_s (L(s) - b) \\
&\qquad \cdot (e_s - w) \\
&= \sum_s w_s L(s)\, e_s \\
&\quad - J\, w - b\,(w - w) \\
&= \sum_s w_s\, (L(s) - J)\, e_s ,
\end{aligned}
$$

the exact gradient, for every $b$ that is the same in all terms of the sum. The solution prints
means and variances without a baseline and with $b = J$: the same mean, and less scatter.

A mean over the batch *with* the row itself contains $L(s)/B$ and changes with the draw. What is
taken off is then $\frac 1 B L(s)$ of its own loss and a constant, so the expectation is
$(1 - \frac 1 B)$ times the gradient: right in direction, too short, and with a batch of one exactly
zero. Nobody notices it with $B = 64$. With two rows the learning rate has silently been halved.
"""


def check(answers):
    """All draws of one row, and all draws of a batch of two."""
    estimate, baselines = function(answers, "estimate"), function(answers, "baselines")
    rng = np.random.default_rng(5)
    S = 4
    z, losses = rng.normal(size=S), rng.uniform(1, 4, S)
    w = softmax(z)
    exact = dsoftmax(w, losses)

    def draws(losses, b):
        return np.array(
            [
                array(
                    call(estimate, z.copy(), losses.copy(), s, b), (S,), "the estimate"
                )
                for s in range(S)
            ]
        )

    for b in (0.7, 0.0):
        mean = w @ draws(losses, b)
        if is_close(mean, -exact):
            raise Wrong(
                "The mean over all draws is minus the gradient: descent goes uphill. A place with "
                "a loss above the baseline should lose weight."
            )
        close(
            mean,
            exact,
            "The mean of `estimate` over all draws is not the gradient of the expected loss.",
        )
    if not is_close(draws(losses + 10, 10.7), draws(losses, 0.7)):
        raise Wrong(
            "Right on average, and the baseline does nothing: with 10 more on the losses and on "
            "the baseline the estimate should be the same."
        )
    drawn = rng.uniform(1, 4, 5)
    found = array(call(baselines, drawn.copy()), (5,), "`baselines`")
    if is_close(found, np.full(5, drawn.mean())):
        raise Wrong(
            "The mean of the whole batch contains the row's own loss and so depends on its draw: "
            "on average the gradient comes out too short by the factor 1 - 1/B."
        )
    others = (drawn.sum() - drawn) / 4
    if is_close(found, others * 4 / 5):
        raise Wrong(
            "The others' losses are added up rightly; there are B - 1 of them, not B."
        )
    close(
        found,
        others,
        "`baselines` is not, for each row, the mean of the other rows' losses.",
    )
    return (
        "Averaged over all draws it is the gradient, and no row takes off its own luck."
    )
