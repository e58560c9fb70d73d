"""Three mistakes in the backward pass of an LSTM's step."""

from itertools import product

import numpy as np

from unrolled.cells import lstm
from unrolled.exercises.judging import Wrong, array, call, close, function, is_close

TITLE = "Three easy mistakes"
CHAPTER = "04-gates/the-gradient-of-an-lstm"
SECTION = "line-by-line"
KIND = "debug"
LEVEL = 2
MINUTES = 25

TEXT = r"""
This is the backward pass of one step of an LSTM. `h` and `c`, $(B, H)$, are the states before the
step. `dh_after` and `dc_after` are the gradients of the states after the step; they contain all
terms from outputs and from later steps. The function returns the gradients of the weights, of the
input and of the states before the step. All shapes are right, and so are the forward lines. The
backward lines contain three mistakes. Correct them.
"""

STUB = '''
import numpy as np


def sigmoid(a):
    return 0.5 * (1 + np.tanh(0.5 * a))


def step_backward(W_x, W_h, b, x, h, c, dh_after, dc_after):
    """(dW_x, dW_h, db, dx, dh, dc) of one step; blocks i, f, g, o."""
    i, f, g, o = np.split(x @ W_x + h @ W_h + b, 4, axis=1)
    i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
    c_after = f * c + i * g
    shown = np.tanh(c_after)  # h_after = o * shown

    dc_t = dc_after + dh_after * o * (1 - c_after**2)
    da_o = dh_after * shown * o * (1 - o)
    da_i = dc_t * g * i * (1 - i)
    da_g = dc_t * i * (1 - g**2)
    da_f = dc_t * c_after * f * (1 - f)
    da = np.concatenate([da_i, da_f, da_g, da_o], axis=1)
    dc = dc_after * f
    return x.T @ da, h.T @ da, da.sum(axis=0), da @ W_x.T, da @ W_h.T, dc
'''

HINTS = (
    "Go through it line by line. For each quantity, which forward line reads it, and what is the "
    "derivative of that line with respect to the quantity?",
    "One mistake is in a slope, one in a product, and one in the gradient for the step before.",
    "Which number does the slope of the $\\tanh$ need? Which cell did $f$ multiply? The gradient "
    "of $c_t$ has two terms: do both reach $c_{t-1}$?",
)

SOLUTION = '''
import numpy as np


def sigmoid(a):
    return 0.5 * (1 + np.tanh(0.5 * a))


def step_backward(W_x, W_h, b, x, h, c, dh_after, dc_after):
    """(dW_x, dW_h, db, dx, dh, dc) of one step; blocks i, f, g, o."""
    i, f, g, o = np.split(x @ W_x + h @ W_h + b, 4, axis=1)
    i, f, g, o = sigmoid(i), sigmoid(f), np.tanh(g), sigmoid(o)
    c_after = f * c + i * g
    shown = np.tanh(c_after)  # h_after = o * shown

    dc_t = dc_after + dh_after * o * (1 - shown**2)
    da_o = dh_after * shown * o * (1 - o)
    da_i = dc_t * g * i * (1 - i)
    da_g = dc_t * i * (1 - g**2)
    da_f = dc_t * c * f * (1 - f)
    da = np.concatenate([da_i, da_f, da_g, da_o], axis=1)
    dc = dc_t * f
    return x.T @ da, h.T @ da, da.sum(axis=0), da @ W_x.T, da @ W_h.T, dc
'''

COMMENT = r"""
The slope $1 - \tanh^2$ needs the *value* of the tanh. In the equations this value has no name of
its own, so it is easy to use $c_t$ instead. Near $c_t = 0$ the two agree. The forget gate
multiplies the cell of the step *before*. In the first step of a sequence this cell is zero, and so
is the gradient of the forget gate. Finally, $\mathrm d c_t$ has two terms, one from the next step
and one from $h_t$. If you pass back `dc_after * f`, you lose the second term. If only the last step
has a loss, nothing comes back along the cell.

None of these mistakes raises an error, changes a shape or gives a NaN. The network is then
trained with an array that is not its gradient, so a comparison with a different cell is worthless.
Check all six arrays with central differences, at weights and cell states of ordinary size.
"""


def _backward(p, x, h, c, dh_after, dc_after, wrong_slope, wrong_cell, wrong_carried):
    _, cache = lstm.forward(p, x[None], h, c)
    i, f, g, o = cache.i[0], cache.f[0], cache.g[0], cache.o[0]
    after, shown = cache.c[0], cache.tanh_c[0]
    dc_t = dc_after + dh_after * o * (1 - (after if wrong_slope else shown) ** 2)
    da = [
        dc_t * g * i * (1 - i),
        dc_t * (after if wrong_cell else c) * f * (1 - f),
        dc_t * i * (1 - g**2),
        dh_after * shown * o * (1 - o),
    ]
    return np.concatenate(da, axis=1), (dc_after if wrong_carried else dc_t) * f


def check(answers):
    """Recognises each combination of the three mistakes by its results."""
    reader = function(answers, "step_backward")
    rng = np.random.default_rng(6)
    B, D, H = 5, 3, 4
    p = lstm.Params(
        *(rng.standard_normal(s) for s in [(D, 4 * H), (H, 4 * H), (4 * H,)])
    )
    x, (h, c, dh, dc) = rng.standard_normal((B, D)), rng.standard_normal((4, B, H))
    found = call(reader, *(a.copy() for a in (*p, x, h, c, dh, dc)))
    if not isinstance(found, tuple | list) or len(found) != 6:
        raise Wrong("Return six arrays as before: dW_x, dW_h, db, dx, dh, dc.")
    db, dc_found = array(found[2], (4 * H,), "`db`"), array(found[5], (B, H), "`dc`")
    left = {
        "the gradients of the gates that write the cell contain a wrong slope": "wrong_slope",
        "the forget gate's gradient uses a cell that the gate did not multiply": "wrong_cell",
        "the gradient of the cell before leaves out the term from the state": "wrong_carried",
    }
    for flags in product((True, False), repeat=3):
        if not any(flags):
            continue
        da, dc_wrong = _backward(p, x, h, c, dh, dc, *flags)
        if is_close(db, da.sum(axis=0)) and is_close(dc_found, dc_wrong):
            messages = [
                message for message, flag in zip(left, flags, strict=True) if flag
            ]
            count = ("One mistake is", "Two mistakes are", "All three mistakes are")[
                sum(flags) - 1
            ]
            raise Wrong(f"{count} left: {messages[0]}.")
    cache = lstm.forward(p, x[None], h, c)[1]
    dp, dx, dh_right, dc_right = lstm.backward(p, cache, dh[None], dc[None])
    for gate, block, right in zip(
        "ifgo", np.split(db, 4), np.split(dp.b, 4), strict=True
    ):
        close(
            block,
            right,
            f"The gradient of {gate}'s bias is wrong, and not because of the three mistakes.",
        )
    close(dc_found, dc_right, "`dc` is wrong, but not as it was in the stub.")
    rest = zip(
        [*found[:2], *found[3:5]], (dp.W_x, dp.W_h, dx[0], dh_right), strict=True
    )
    for name, (a, right) in zip(("dW_x", "dW_h", "dx", "dh"), rest, strict=True):
        close(
            array(a, right.shape, f"`{name}`"),
            right,
            f"`{name}` was right and is now wrong.",
        )
    return "All six gradients of the step agree with the package's."
