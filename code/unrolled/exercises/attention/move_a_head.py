"""Location addressing of a Neural Turing Machine: shift, then sharpen."""

import numpy as np

from unrolled.exercises.judging import (
    Wrong,
    array,
    call,
    close,
    function,
    is_close,
    number,
)
from unrolled.functional import softmax
from unrolled.models import turing_machine

TITLE = "Move a head"
CHAPTER = "05-attention/the-neural-turing-machine"
KIND = "write"
LEVEL = 2
MINUTES = 25

TEXT = r"""
A head's weights $w$, $(B, N)$, stand on $N$ slots that form a ring. Write
`move(w, shifts, sharpness)`, the last two stages of its address. `shifts`, $(B, 3)$, are the shares
that go one slot back, stay, and go one slot on (from slot $s$ to slot $s + 1$); `sharpness`
$\gamma$ is $(B, 1)$:

$$
\begin{aligned}
\tilde w_s &= \sum_{o \in \{-1, 0, 1\}} \sigma_o\, w_{s-o} , \\
w'_s &= \frac{\tilde w_s^{\,\gamma}}{\sum_r \tilde w_r^{\,\gamma}} .
\end{aligned}
$$

Then find `slots`: a head stands on slot 0 of a long ring. How many times can it be moved with
$\sigma = (0,\, 0.1,\, 0.9)$ and without sharpening, $\gamma = 1$, until the standard deviation of
its place has reached 3 slots?
"""

STUB = '''
import numpy as np


def move(w, shifts, sharpness):
    """Returns the weights (B, N), shifted along the ring and sharpened."""
    raise NotImplementedError


slots = None
'''

HINTS = (
    "`np.roll(w, 1, axis=-1)` carries what stood on slot $s$ to slot $s + 1$, and the last slot to"
    " the first. `shifts[:, [0]]` has shape (B, 1) and multiplies whole rows.",
    "For `slots`: the place is a sum of independent steps, each 0 or 1 with probability 0.1 and "
    "0.9. What is the variance of one step, and what do variances of independent numbers do?",
)

SOLUTION = '''
import numpy as np


def move(w, shifts, sharpness):
    """Returns the weights (B, N), shifted along the ring and sharpened."""
    shifted = sum(
        shifts[:, [o + 1]] * np.roll(w, o, axis=-1) for o in (-1, 0, 1))
    powers = shifted**sharpness
    return powers / powers.sum(axis=-1, keepdims=True)


variance_of_a_step = 0.9 - 0.9**2
slots = 3**2 / variance_of_a_step
w, shifts = np.eye(300)[:1], np.array([[0.0, 0.1, 0.9]])
for _ in range(round(slots)):
    w = move(w, shifts, np.ones((1, 1)))
place = np.arange(300)
print(slots, np.sqrt((w * place**2).sum() - (w * place).sum() ** 2))
'''

COMMENT = r"""
A shift is a convolution with three numbers on a ring, and one can read it as probability: the place
after the shift is the place before plus an independent step. So variances add. A step that is 1
with probability 0.9 has the variance $0.9 \cdot 0.1 = 0.09$, and the standard deviation after $t$
of them is $\sqrt{0.09\, t} = 0.3 \sqrt t$, which is 3 at $t = 100$. Without sharpening a tape of
100 slots cannot be walked along with 90 % of certainty, and with 99 % the same blur is there after
some 900 steps.

With sharpening the variance goes through $V \to (V + v)/\gamma$ and ends near $v/(\gamma - 1)$:
even $\gamma = 1.1$ keeps it under one slot². The order matters. Sharpening first would leave the
blur of the last shift in the weights with which the memory is read. `np.roll` in the other
direction is the mistake that nothing shows: a network trained with it works equally well, walking
the other way; only somebody else's weights do not.
"""


def check(answers):
    """The two stages against the package's, and the number of moves."""
    reader = function(answers, "move")
    rng = np.random.default_rng(7)
    B, N = 3, 6
    w, shifts = rng.dirichlet(np.ones(N), B), rng.dirichlet(np.ones(3), B)
    gamma = np.array([[1.0], [2.0], [3.5]])
    found = array(call(reader, w.copy(), shifts.copy(), gamma.copy()), (B, N), "`move`")
    if not is_close(found, _move(w, shifts, gamma), 1e-6):
        if is_close(found, _move(w, shifts[:, ::-1], gamma), 1e-6):
            raise Wrong(
                "It walks the wrong way: the third share goes from slot s to slot s + 1."
            )
        if is_close(found, _shift(w, shifts), 1e-6):
            raise Wrong("The shift is right; the sharpening is missing.")
        if is_close(found, _shift(w, shifts) ** gamma, 1e-6):
            raise Wrong(
                "After the power the rows no longer sum to 1: divide by their sums."
            )
        if is_close(found, softmax(gamma * _shift(w, shifts)), 1e-6):
            raise Wrong(
                "A softmax of γ w is no power of w. Sharpening is the softmax of γ log w, and "
                "with γ = 1 it must change nothing."
            )
        if is_close(found, _shift(_sharpen(w, gamma), shifts), 1e-6):
            raise Wrong(
                "It sharpens first and shifts then; the blur of the shift stays in."
            )
        ends = np.pad(w, ((0, 0), (1, 1)))
        line = sum(
            shifts[:, [k]] * ends[:, 1 - o : N + 1 - o]
            for k, o in enumerate((-1, 0, 1))
        )
        if is_close(found, _sharpen(line, gamma), 1e-6):
            raise Wrong(
                "What leaves one end is lost. The slots form a ring: it enters at the "
                "other."
            )
        raise Wrong(
            "`move` is not the shift of the equations, followed by the sharpening."
        )
    slots = number(answers, "slots")
    if is_close(slots, 3 / 0.09, 1e-2) or is_close(slots, round(3 / 0.09), 1e-9):
        raise Wrong(
            "`slots` is where the variance is 3. A standard deviation of 3 is another."
        )
    if is_close(slots, 10.0) or is_close(slots, 3 / 0.3):
        raise Wrong("`slots`: standard deviations do not add, variances do.")
    close(
        slots,
        100.0,
        "`slots`: a step has the variance 0.9 - 0.81; after t steps it is t times that.",
        1e-3,
    )
    return "One slot on, around the ring, in focus again; and after 100 moves without, lost."


def _shift(w, shifts):
    return turing_machine.shift(w[:, None], shifts[:, None])[:, 0]


def _sharpen(w, gamma):
    return turing_machine.sharpen(w, gamma)


def _move(w, shifts, gamma):
    return _sharpen(_shift(w, shifts), gamma)
