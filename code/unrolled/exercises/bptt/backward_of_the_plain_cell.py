"""The backward pass of the plain cell, for a batch."""

import numpy as np

from unrolled.cells import rnn
from unrolled.exercises.judging import Wrong, array, call, close, function, is_close

TITLE = "Derive the gradients yourself"
CHAPTER = "03-bptt/the-delta-recursion"
SECTION = "the-function"
KIND = "write"
LEVEL = 2
MINUTES = 40

TEXT = r"""
If you do only one exercise of this part, do this one. Close the chapter, and write
`backward(W_x, W_h, x, h, dh)` for the network

$$
\begin{aligned}
a_t &= x_t W_x + h_{t-1} W_h \\
&\quad + b, \\
h_t &= \tanh(a_t) .
\end{aligned}
$$

`x` has shape $(T, B, D)$. `h` has shape $(T + 1, B, H)$ and begins with the initial state, so
`h[t + 1]` is the state after `x[t]`. `dh` has shape $(T, B, H)$, and `dh[t]` is the gradient of the
loss of step $t$ alone with respect to `h[t + 1]`. Return the five gradients `dW_x`, `dW_h`, `db`,
`dx` and `dh0`. Sum the gradients of the weights over time and batch.
"""

STUB = '''
import numpy as np


def forward(W_x, W_h, b, x, h0):
    """States (T+1, B, H), the initial one first."""
    h = [h0]
    for x_t in x:
        h.append(np.tanh(x_t @ W_x + h[-1] @ W_h + b))
    return np.array(h)


def backward(W_x, W_h, x, h, dh):
    """Gradients (dW_x, dW_h, db, dx, dh0) of the summed loss."""
    raise NotImplementedError
'''

HINTS = (
    "Let `da[t]` be the gradient of the sum inside the tanh. Two things read the state `h[t + 1]`: "
    "the loss of its step, and the sum of the next step.",
    "Run through the steps from the last to the first. Carry one array, the gradient that the next "
    "step sends back. Before the last step it is zero. `da[t]` is (own + carried) times "
    "`1 - h[t + 1]**2`. Then set the carried array to `da[t] @ W_h.T`.",
    "When all `da` are known, the gradient of a weight is its input, transposed, times "
    "`da`, summed over all steps and sequences. `np.einsum('tbi,tbj->ij', ...)` does the sum.",
)

SOLUTION = '''
import numpy as np


def forward(W_x, W_h, b, x, h0):
    """States (T+1, B, H), the initial one first."""
    h = [h0]
    for x_t in x:
        h.append(np.tanh(x_t @ W_x + h[-1] @ W_h + b))
    return np.array(h)


def backward(W_x, W_h, x, h, dh):
    """Gradients (dW_x, dW_h, db, dx, dh0) of the summed loss."""
    da = np.empty_like(dh)
    arriving = np.zeros_like(h[0])
    for t in reversed(range(len(x))):
        da[t] = (dh[t] + arriving) * (1 - h[t + 1] ** 2)
        arriving = da[t] @ W_h.T
    dW_x = np.einsum("tbd,tbh->dh", x, da)
    dW_h = np.einsum("tbk,tbh->kh", h[:-1], da)
    return dW_x, dW_h, da.sum(axis=(0, 1)), da @ W_x.T, arriving
'''

COMMENT = r"""
The function computes {eq}`eq-delta-gradients` and {eq}`eq-delta-recursion`, as `rnn.backward` does,
with which the language model of Part 2 was trained. The loop has one matrix product with $W_h^\top$
for each step, because no other matrix product must wait for the next step. The gradients of the
weights are computed after the loop, for all steps at once. Many mistakes in this function still
give arrays of the right shape. The check that you have passed tells about ten of them apart, and a
test of shapes would find none. Next, do the same for ReLU units. Which two lines change, and what
do you decide at $a_t = 0$?
"""

NAMES = ("dW_x", "dW_h", "db", "dx", "dh0")


def deltas(W_h, h, dh, carry=True, slope=lambda h: 1 - h**2, order=reversed):
    """Returns the gradients at the sums, right or in one of the ways to get them wrong."""
    da, arriving = np.zeros_like(dh), np.zeros_like(h[0])
    for t in order(range(len(dh))):
        da[t] = (dh[t] + arriving) * slope(h[t + 1])
        arriving = da[t] @ W_h if carry else 0 * arriving
    return da


def check(answers):
    """Each gradient on unequal sizes; the bias's first, since it shows the deltas."""
    reader = function(answers, "backward")
    rng = np.random.default_rng(3)
    T, B, D, H = 5, 4, 2, 3
    p = rnn.Params(*(0.8 * rng.standard_normal(s) for s in [(D, H), (H, H), (H,)]))
    x, dh = rng.standard_normal((T, B, D)), rng.standard_normal((T, B, H))
    h0 = 0.7 * rng.standard_normal((B, H))
    states, cache = rnn.forward(p, x, h0)
    h = np.concatenate([h0[None], states])
    given = [a.copy() for a in (p.W_x, p.W_h, x, h, dh)]
    found = call(reader, *given)
    if not isinstance(found, tuple | list) or len(found) != 5:
        raise Wrong("Return five arrays: dW_x, dW_h, db, dx, dh0.")
    shapes = (D, H), (H, H), (H,), (T, B, D), (B, H)
    dW_x, dW_h, db, dx, dh0 = (
        array(a, shape, f"`{name}`")
        for a, shape, name in zip(found, shapes, NAMES, strict=True)
    )
    dp, dx_right, dh0_right = rnn.backward(p, cache, dh)
    db_of = {
        "Each step has the gradient of its own loss only: nothing is carried back, as if the "
        "network had no memory.": deltas(p.W_h.T, h, dh, carry=False),
        "The gradient that is carried back is multiplied by W_h. Rows that went forward "
        "through W_h come back through its transpose.": deltas(p.W_h, h, dh),
        "You use the slope 1 - tanh(h)². But h is a tanh already, so the slope is 1 - h².": deltas(
            p.W_h.T, h, dh, slope=lambda h: 1 - np.tanh(h) ** 2
        ),
        "The slope of tanh is missing on the way back.": deltas(
            p.W_h.T, h, dh, slope=np.ones_like
        ),
        "The loop runs from the first step to the last, but each step needs the gradient of the "
        "next step.": deltas(p.W_h.T, h, dh, order=iter),
    }
    for message, da in db_of.items():
        if is_close(db, da.sum(axis=(0, 1))):
            raise Wrong(message)
    for count, of_what in (
        (B, "the batch"),
        (T, "the steps"),
        (T * B, "batch and steps"),
    ):
        if is_close(db, dp.b / count):
            raise Wrong(
                f"This is a mean over {of_what}. Return the gradients of the sum."
            )
    if not is_close(db, dp.b):
        if is_close(dh0, dh0_right) and is_close(dx, dx_right):
            raise Wrong(
                "Your `db` is wrong although your deltas are right: sum over time and batch."
            )
        raise Wrong(
            "`db`, the sum of the gradients of the a_t, is wrong, so the recursion is wrong. "
            "Compare it with a calculation of two steps on paper."
        )
    if is_close(dW_h, np.einsum("tbk,tbh->kh", h[1:], deltas(p.W_h.T, h, dh))):
        raise Wrong(
            "`dW_h` multiplies a delta by the state after its step. But W_h multiplied h_{t-1}."
        )
    if is_close(dW_h, dp.W_h.T):
        raise Wrong(
            "`dW_h` is transposed. Its rows belong to the state, and its columns to the delta."
        )
    close(
        dW_h,
        dp.W_h,
        "The deltas are right, but `dW_h` is not the sum of h_{t-1}, transposed, times delta.",
    )
    close(
        dW_x,
        dp.W_x,
        "The deltas are right, but `dW_x` is not the sum of x_t, transposed, times delta.",
    )
    close(
        dx,
        dx_right,
        "`dx`: x_t reaches a_t through W_x, so its gradient is da_t W_x^T.",
    )
    if is_close(dh0, deltas(p.W_h.T, h, dh)[0]):
        raise Wrong(
            "`dh0` is the gradient of a_1. The product with the transpose of W_h is missing."
        )
    close(
        dh0,
        dh0_right,
        "`dh0` is wrong. It is the gradient that the first step passes back.",
    )
    return "All five gradients agree with the gradients of the package."
