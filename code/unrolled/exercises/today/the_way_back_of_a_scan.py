"""The gradient of a linear recurrence, with three small errors in it."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, function, is_close

TITLE = "Three mistakes in a backward pass"
CHAPTER = "08-today/the-scan"
SECTION = "the-backward-pass-is-a-scan-too"
KIND = "debug"
LEVEL = 2
MINUTES = 20

TEXT = r"""
The function `backward` should return the gradients of $h_t = f_t \odot h_{t-1} + g_t$. It takes the
factors `f` and the terms `g`, both $(T, H)$, the initial state `h0` $(H,)$, and `dh` $(T, H)$, the
gradient that each state receives from its own output, without the later states. It should return
`df`, `dg` and `dh0`. It contains three mistakes. Find and correct them.
"""

STUB = '''
import numpy as np


def states(f, g, h0):
    """All states (T, H)."""
    h, found = h0, []
    for f_t, g_t in zip(f, g):
        h = f_t * h + g_t
        found.append(h)
    return np.array(found)


def backward(f, g, h0, dh):
    """Gradients (df, dg, dh0)."""
    h = states(f, g, h0)
    dg = np.empty_like(dh)
    carried = np.zeros_like(h0)
    for t in reversed(range(len(f))):
        carried = dh[t] + f[t] * carried
        dg[t] = carried
    df = dg * h
    dh0 = dg[0]
    return df, dg, dh0
'''

HINTS = (
    "By which factor is $h_t$ multiplied when the next step reads it? Compare with "
    "{eq}`eq-scan-backward`.",
    "The derivative of $f_t \\odot h_{t-1}$ with respect to $f_t$ is the state *before* the step.",
    "The initial state is read by step 1 alone, which multiplies it by $f_1$.",
)

SOLUTION = '''
import numpy as np


def states(f, g, h0):
    """All states (T, H)."""
    h, found = h0, []
    for f_t, g_t in zip(f, g, strict=True):
        h = f_t * h + g_t
        found.append(h)
    return np.array(found)


def backward(f, g, h0, dh):
    """Gradients (df, dg, dh0)."""
    h = states(f, g, h0)
    dg = np.empty_like(dh)
    carried = np.zeros_like(h0)
    for t in reversed(range(len(f))):
        dg[t] = dh[t] + carried
        carried = f[t] * dg[t]
    df = dg * np.concatenate([h0[None], h[:-1]])
    dh0 = carried
    return df, dg, dh0
'''

COMMENT = r"""
The state $h_t$ is read by step $t+1$, which multiplies it by $f_{t+1}$. The first mistake used
$f_t$. If the factors are the same at every step, as in a state-space model, this mistake changes
nothing, and a test with one factor for all steps does not find it. The second mistake uses the
state after the step instead of the state before it. The third forgets that $h_0$ is multiplied by
$f_1$.

After the correction, the loop multiplies after it stores. Then `carried` is what the step before
receives, and at the end it is the gradient of $h_0$.
"""


def check(answers):
    """The three gradients, against differences of a loss."""
    backward = function(answers, "backward")
    rng = np.random.default_rng(4)
    f, g, dh = rng.uniform(-1, 1, (3, 6, 2))
    h0 = rng.normal(size=2)
    found = call(backward, f.copy(), g.copy(), h0.copy(), dh.copy())
    if not isinstance(found, tuple | list) or len(found) != 3:
        raise Wrong("`backward` should return three arrays: df, dg and dh0.")
    df, dg, dh0 = (
        array(a, shape, name)
        for a, shape, name in zip(
            found, (f.shape, g.shape, h0.shape), ("df", "dg", "dh0"), strict=True
        )
    )
    right_df, right_dg, right_dh0 = _gradients(f, g, h0, dh)
    if not is_close(dg, right_dg):
        shifted = np.empty_like(dh)
        carried = 0
        for t in reversed(range(len(f))):
            shifted[t] = carried = dh[t] + f[t] * carried
        if is_close(dg, shifted):
            raise Wrong(
                "dg: what comes back from step t + 1 is multiplied by f of step t. Which step "
                "multiplies the state after step t?"
            )
        raise Wrong("dg is wrong: compare with the first line of the equation.")
    if not is_close(df, right_df):
        raise Wrong(
            "dg is right, and df is not. Which state does f of step t multiply?"
        )
    if not is_close(dh0, right_dh0):
        raise Wrong(
            "dg and df are right. dh0 is not: what does step 1 do with the initial state?"
        )
    return "The backward pass multiplies by the factor of the following step."


def _gradients(f, g, h0, dh):
    dg, carried = np.empty_like(dh), 0
    for t in reversed(range(len(f))):
        dg[t] = dh[t] + carried
        carried = f[t] * dg[t]
    before, h = [], h0
    for f_t, g_t in zip(f, g, strict=True):
        before.append(h)
        h = f_t * h + g_t
    return dg * np.array(before), dg, carried
