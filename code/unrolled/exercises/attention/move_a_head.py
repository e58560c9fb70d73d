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
SECTION = "how-a-head-moves"
KIND = "write"
LEVEL = 2
MINUTES = 25

TEXT = r"""
The weights $w$ of a head, $(B, N)$, belong to $N$ slots that form a ring. Write
`move(w, shifts, sharpness)`, the last two stages of addressing. `shifts`, $(B, 3)$, holds three
shares: the share that moves one slot back, the share that stays, and the share that moves one slot
forward (from slot $s$ to slot $s + 1$). `sharpness`, $\gamma$, has shape $(B, 1)$:

$$
\begin{aligned}
\tilde w_s &= \sum_{o \in \{-1, 0, 1\}} \sigma_o\, w_{s-o} , \\
w'_s &= \frac{\tilde w_s^{\,\gamma}}{\sum_r \tilde w_r^{\,\gamma}} .
\end{aligned}
$$

Then find `slots`. A head has all its weight on slot 0 of a long ring. It is moved with
$\sigma = (0,\, 0.1,\, 0.9)$ and without sharpening, $\gamma = 1$. After how many moves is the
standard deviation of its position 3 slots?
"""

STUB = '''
import numpy as np


def move(w, shifts, sharpness):
    """Returns the weights (B, N), shifted along the ring and sharpened."""
    raise NotImplementedError


slots = None
'''

HINTS = (
    "`np.roll(w, 1, axis=-1)` moves the weight of slot $s$ to slot $s + 1$, and the weight of "
    "the last slot to the first. `shifts[:, [0]]` has shape (B, 1) and multiplies whole rows.",
    "For `slots`: the position is a sum of independent steps. Each step is 0 with probability "
    "0.1 and 1 with probability 0.9. What is the variance of one step? What is the variance of "
    "a sum of independent numbers?",
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
slot = np.arange(300)
print(slots, np.sqrt((w * slot**2).sum() - (w * slot).sum() ** 2))
'''

COMMENT = r"""
A shift is a convolution of the weights with three numbers on a ring. We can also read the weights
as probabilities: the position after the shift is the position before it plus an independent step.
So the variances add up. A step that is 1 with probability 0.9 and 0 otherwise has the variance
$0.9 \cdot 0.1 = 0.09$.
After $t$ steps the standard deviation is $\sqrt{0.09\, t} = 0.3 \sqrt t$, which is 3 at $t = 100$.
Without sharpening, a head that moves with a share of 0.9 cannot find a single slot after 100 moves.
With a share of 0.99, the standard deviation reaches 3 after about 900 moves.

Sharpening divides the variance by about $\gamma$ in each step, $V \to (V + v)/\gamma$, so it ends
near $v/(\gamma - 1)$. Even $\gamma = 1.1$ keeps the standard deviation below one slot. The order
matters: if we sharpen first, the memory is read with the blur of the last shift. If you use
`np.roll` in the wrong direction, no result shows the mistake. A network that is trained with it
works equally well and learns to swap the two shares. Only weights from a different program fail.
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
                "The head moves the wrong way: the third share goes from slot s to slot s + "
                "1."
            )
        if is_close(found, _shift(w, shifts), 1e-6):
            raise Wrong("The shift is right, but the sharpening is missing.")
        if is_close(found, _shift(w, shifts) ** gamma, 1e-6):
            raise Wrong(
                "After the power, the rows no longer sum to 1. Divide each row by its sum."
            )
        if is_close(found, softmax(gamma * _shift(w, shifts)), 1e-6):
            raise Wrong(
                "A softmax of γ w is not a power of w. Sharpening is the softmax of γ log w, "
                "and γ = 1 must change nothing."
            )
        if is_close(found, _shift(_sharpen(w, gamma), shifts), 1e-6):
            raise Wrong(
                "The function sharpens before it shifts, so the blur of the shift remains."
            )
        ends = np.pad(w, ((0, 0), (1, 1)))
        line = sum(
            shifts[:, [k]] * ends[:, 1 - o : N + 1 - o]
            for k, o in enumerate((-1, 0, 1))
        )
        if is_close(found, _sharpen(line, gamma), 1e-6):
            raise Wrong(
                "Weight that leaves one end is lost. The slots form a ring, so it must enter "
                "at the other end."
            )
        raise Wrong(
            "`move` is not the shift of the equations, followed by the sharpening."
        )
    slots = number(answers, "slots")
    if is_close(slots, 3 / 0.09, 1e-2) or is_close(slots, round(3 / 0.09), 1e-9):
        raise Wrong(
            "`slots` is the number of moves after which the variance is 3. The standard "
            "deviation should be 3."
        )
    if is_close(slots, 10.0) or is_close(slots, 3 / 0.3):
        raise Wrong("`slots`: standard deviations do not add up, but variances do.")
    close(
        slots,
        100.0,
        "`slots`: one step has the variance 0.9 - 0.81, and t steps have t times this "
        "variance.",
        1e-3,
    )
    return "The head moves around the ring and stays sharp. Without sharpening, it is "
    "lost after 100 moves."


def _shift(w, shifts):
    return turing_machine.shift(w[:, None], shifts[:, None])[:, 0]


def _sharpen(w, gamma):
    return turing_machine.sharpen(w, gamma)


def _move(w, shifts, gamma):
    return _sharpen(_shift(w, shifts), gamma)
