"""Two mistakes in a backward pass that its author's test cannot see."""

import numpy as np

from unrolled.cells import rnn
from unrolled.exercises.judging import Wrong, array, call, close, function, is_close

TITLE = "A gradient check that passes"
CHAPTER = "03-bptt/the-delta-recursion"
SECTION = "the-function"
KIND = "debug"
LEVEL = 2
MINUTES = 20

TEXT = r"""
The author of this backward pass has compared it with central differences. The relative error was
below $10^{-7}$, as for a correct gradient. The comparison was made at the start of training, when
$W_h = I$ and the weights are small. After a few hundred updates the training stalls.

There are two mistakes in `backward`. Correct both. Before you read the code, ask what is special
about the weights of the comparison, and which mistakes such weights hide.
"""

STUB = '''
import numpy as np


def forward(W_x, W_h, b, x):
    """States (T+1, B, H), h[0] = 0."""
    h = [np.zeros((x.shape[1], len(b)))]
    for x_t in x:
        h.append(np.tanh(x_t @ W_x + h[-1] @ W_h + b))
    return np.array(h)


def backward(W_h, x, h, dh):
    """Gradients (dW_x, dW_h, db), given dh, the states' own."""
    da, arriving = np.empty_like(dh), 0
    for t in reversed(range(len(x))):
        da[t] = (dh[t] + arriving) * (1 - np.tanh(h[t + 1]) ** 2)
        arriving = da[t] @ W_h
    dW_x = np.einsum("tbd,tbh->dh", x, da)
    dW_h = np.einsum("tbk,tbh->kh", h[:-1], da)
    return dW_x, dW_h, da.sum(axis=(0, 1))


rng = np.random.default_rng(0)
W_x, W_h, b = 0.0005 * rng.standard_normal((2, 3)), np.eye(3), np.zeros(3)
x, dh = rng.standard_normal((5, 4, 2)), rng.standard_normal((5, 4, 3))
slope = np.zeros(3)
for j, step in enumerate(3e-5 * np.eye(3)):
    up, down = (forward(W_x, W_h, b + s, x)[1:] for s in (step, -step))
    slope[j] = ((up - down) * dh).sum() / 6e-5
db = backward(W_h, x, forward(W_x, W_h, b, x), dh)[2]
print(f"relative error: {np.abs(db - slope).max() / np.abs(slope).max():.0e}")
'''

HINTS = (
    "Run the author's check with `W_h = rng.standard_normal((3, 3))`. Then run it with "
    "`W_x` a thousand times larger instead. Each of the two shows one mistake.",
    "Which matrices equal their transpose? For which numbers do $h$ and $\\tanh h$ hardly differ?",
)

SOLUTION = '''
import numpy as np


def forward(W_x, W_h, b, x):
    """States (T+1, B, H), h[0] = 0."""
    h = [np.zeros((x.shape[1], len(b)))]
    for x_t in x:
        h.append(np.tanh(x_t @ W_x + h[-1] @ W_h + b))
    return np.array(h)


def backward(W_h, x, h, dh):
    """Gradients (dW_x, dW_h, db), given dh, the states' own."""
    da, arriving = np.empty_like(dh), 0
    for t in reversed(range(len(x))):
        da[t] = (dh[t] + arriving) * (1 - h[t + 1] ** 2)
        arriving = da[t] @ W_h.T
    dW_x = np.einsum("tbd,tbh->dh", x, da)
    dW_h = np.einsum("tbk,tbh->kh", h[:-1], da)
    return dW_x, dW_h, da.sum(axis=(0, 1))
'''

COMMENT = r"""
The identity is symmetric, so $\delta W_h$ and $\delta W_h^\top$ are the same there. For a small
state, $\tanh(h)^2 = h^2 - \tfrac23 h^4 + \dots$, which at $h = 10^{-3}$ differs from $h^2$ by less
than $10^{-12}$. So both mistakes are invisible, or nearly so, at the start of training, and their
effects grow as the weights move away from their initial values. A gradient check tests only the
point at which it is made. Check at random weights of ordinary size, without symmetry and without
zeros, with $T$ and $B$ above 1 and no two sizes equal. The wrong slope is a common mistake. The
derivative of $\tanh$ at $a$ is $1 - \tanh^2 a = 1 - h^2$, and it is easy to confuse a function of
the value $h$ with a function of the argument $a$.
"""


def _backward(W_h, x, h, dh, transpose, slope_of_value):
    da, arriving = np.empty_like(dh), 0
    for t in reversed(range(len(x))):
        value = h[t + 1] if slope_of_value else np.tanh(h[t + 1])
        da[t] = (dh[t] + arriving) * (1 - value**2)
        arriving = da[t] @ (W_h.T if transpose else W_h)
    return da


def check(answers):
    """At weights of ordinary size; each mistake is known by what it computes."""
    reader = function(answers, "backward")
    rng = np.random.default_rng(1)
    T, B, D, H = 6, 3, 2, 4
    p = rnn.Params(*(0.7 * rng.standard_normal(s) for s in [(D, H), (H, H), (H,)]))
    x, dh = rng.standard_normal((T, B, D)), rng.standard_normal((T, B, H))
    states, cache = rnn.forward(p, x)
    h = np.concatenate([np.zeros((1, B, H)), states])
    found = call(reader, p.W_h.copy(), x.copy(), h.copy(), dh.copy())
    if not isinstance(found, tuple | list) or len(found) != 3:
        raise Wrong("Return three arrays as before: dW_x, dW_h, db.")
    db = array(found[2], (H,), "`db`")
    if is_close(db, _backward(p.W_h, x, h, dh, False, False).sum(axis=(0, 1))):
        raise Wrong(
            "Both mistakes are still there: at weights of ordinary size the gradient is off by "
            f"{np.abs(db - rnn.backward(p, cache, dh)[0].b).max():.2g} in the bias."
        )
    if is_close(db, _backward(p.W_h, x, h, dh, True, False).sum(axis=(0, 1))):
        raise Wrong(
            "The product with W_h is right now. The slope of tanh is still wrong."
        )
    if is_close(db, _backward(p.W_h, x, h, dh, False, True).sum(axis=(0, 1))):
        raise Wrong(
            "The slope is right now. The gradient that is carried back is still wrong where "
            "W_h is not symmetric."
        )
    dp = rnn.backward(p, cache, dh)[0]
    close(
        db,
        dp.b,
        "The gradients of the pre-activations have an error that the stub does not have.",
    )
    close(
        array(found[0], (D, H), "`dW_x`"),
        dp.W_x,
        "`dW_x` was right and is now wrong.",
    )
    close(
        array(found[1], (H, H), "`dW_h`"),
        dp.W_h,
        "`dW_h` was right and is now wrong.",
    )
    return "The gradient is right at a point where nothing is symmetric and nothing is small."
