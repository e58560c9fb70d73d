"""REINFORCE for one draw: the sign, and which losses the baseline may contain."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, close, function, is_close
from unrolled.functional import dsoftmax, softmax

TITLE = "REINFORCE raises the loss"
CHAPTER = "05-attention/the-cost-of-attention"
SECTION = "a-baseline"
KIND = "debug"
LEVEL = 3
MINUTES = 30

TEXT = r"""
Hard attention draws one position $s \sim w = \operatorname{softmax}(z)$ and incurs the loss $L(s)$.
The objective is the expected loss, $J = \sum_s w_s L(s)$. The program minimises it by gradient
descent, with the estimate

$$
(L(s) - b)\, \frac{\partial \log w_s}{\partial z} .
$$

The baseline $b$ of a row of the batch is the mean of the losses of the *other* rows. The code below
was adapted from a program that maximises rewards. With this code, the expected loss tends to rise
from update to update. After you correct this mistake, the estimate is still biased. Correct both
functions:

- `estimate(scores, losses, position, baseline)` returns the estimate of $\partial J / \partial z$,
  $(S,)$, from one draw. `scores` is $z$, and `losses[s]` is $L(s)$. Use only `losses[position]`.
- `baselines(drawn)` gets the losses $(B,)$ at the positions that the rows of a batch have drawn. It
  returns the baseline of each row, $(B,)$.

The mean of the estimate over all draws, weighted by their probabilities, must be the exact
gradient.
"""

STUB = '''
import numpy as np

from unrolled.functional import softmax


def estimate(scores, losses, position, baseline):
    """An unbiased estimate of the gradient of the expected loss."""
    dlog = -softmax(scores)
    dlog[position] += 1  # d log w[position] / d scores
    return (baseline - losses[position]) * dlog


def baselines(drawn):
    """For each row of a batch, the number that is subtracted from its loss (B,)."""
    return np.full(len(drawn), drawn.mean())
'''

HINTS = (
    "If there are few positions, you can add up all draws: $\\sum_s w_s \\cdot$ `estimate(z, L, "
    "s, b)`. Compare the sum with the exact gradient, $w_s (L(s) - J)$.",
    "A large loss should make the position less likely *after a step of gradient descent*, $z - "
    "\\eta\\, g$. Which sign must $g$ have at this position?",
    "The baseline must not depend on the draw of its own row. Only then is $\\mathbb E[b\\, "
    "\\partial \\log w_s] = b\\, \\mathbb E[\\partial \\log w_s] = 0$. Is this true for "
    "`drawn.mean()`?",
)

SOLUTION = '''
import numpy as np

from unrolled.functional import softmax


def estimate(scores, losses, position, baseline):
    """An unbiased estimate of the gradient of the expected loss."""
    dlog = -softmax(scores)
    dlog[position] += 1  # d log w[position] / d scores
    return (losses[position] - baseline) * dlog


def baselines(drawn):
    """For each row of a batch, the mean loss of the other rows (B,)."""
    return (drawn.sum() - drawn) / (len(drawn) - 1)


z, losses = np.array([1.0, 0.0, -1.0]), np.array([3.0, 1.0, 2.0])
w = softmax(z)
for b in (0.0, w @ losses):
    draws = np.array([estimate(z, losses, s, b) for s in range(3)])
    mean = w @ draws
    print(mean.round(4), (w @ ((draws - mean) ** 2).sum(axis=1)).round(3))
'''

COMMENT = r"""
Papers on rewards use gradient ascent, and programs that minimise a loss use gradient descent, so it
is easy to lose the sign when you adapt code. Because $\partial \log w_s / \partial z = e_s - w$,
where $e_s$ is 1 at position $s$ and 0 elsewhere,

$$
\begin{aligned}
&\sum_s w_s (L(s) - b) \\
&\qquad \cdot (e_s - w) \\
&= \sum_s w_s L(s)\, e_s \\
&\quad - J\, w - b\,(w - w) \\
&= \sum_s w_s\, (L(s) - J)\, e_s .
\end{aligned}
$$

This is the exact gradient for every $b$ that is the same in all terms of the sum. The solution
prints means and variances without a baseline and with $b = J$. The means are equal, and the
variance is smaller with the baseline.

A mean over the batch that *includes* the row itself contains $L(s)/B$, so it changes with the draw.
The expectation of the estimate is then $(1 - \frac 1 B)$ times the gradient. Its direction is
right, but it is too short, and for a batch of one it is exactly zero. With $B = 64$ the mistake is
hard to notice. With two rows, it has the same effect on average as half the learning rate in plain
gradient descent.
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
                "The mean over all draws is minus the gradient, so descent goes uphill. A "
                "position with a loss above the baseline should lose weight."
            )
        close(
            mean,
            exact,
            "The mean of `estimate` over all draws is not the gradient of the expected loss.",
        )
    if not is_close(draws(losses + 10, 10.7), draws(losses, 0.7)):
        raise Wrong(
            "The estimate is right on average, but the baseline does nothing. If 10 is added "
            "to all losses and to the baseline, the estimate should stay the same."
        )
    drawn = rng.uniform(1, 4, 5)
    found = array(call(baselines, drawn.copy()), (5,), "`baselines`")
    if is_close(found, np.full(5, drawn.mean())):
        raise Wrong(
            "The mean of the whole batch contains the row's own loss, so it depends on its "
            "draw. On average, the gradient is too short by the factor 1 - 1/B."
        )
    others = (drawn.sum() - drawn) / 4
    if is_close(found, others * 4 / 5):
        raise Wrong(
            "The sum of the other losses is right, but there are B - 1 of them, not B."
        )
    close(
        found,
        others,
        "`baselines` is not the mean of the losses of the other rows, for each row.",
    )
    return (
        "The mean over all draws is the gradient, and no baseline contains the row's "
        "own loss."
    )
