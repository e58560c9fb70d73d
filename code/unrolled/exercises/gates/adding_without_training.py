"""Weights of an LSTM, set by hand, that solve the adding problem."""

import numpy as np

from unrolled.cells import lstm
from unrolled.exercises.judging import Wrong, array, number

TITLE = "Adding without training"
CHAPTER = "04-gates/the-lstm"
SECTION = "a-latch-and-a-counter"
KIND = "open"
LEVEL = 2
MINUTES = 40

TEXT = r"""
In the {ref}`adding problem <ch-remedies>`, the input of each step is a number between 0 and 1 and a
mark, which is 0 or 1. Two steps of the sequence are marked, and the answer is the sum of their two
numbers. The networks of Part 3 needed hundreds or thousands of updates, and at $T = 150$ most of
them failed.

Solve the problem without any training. Set `p`, an `lstm.Params` for $D = 2$ (the number first,
then the mark) and any number of units $H$. Also set `W_y`, $(H,)$, and `b_y`, so that
$\hat y = h_T W_y + b_y$ is the answer. At $T = 1000$, the mean squared error has to be below
$10^{-6}$. (The constant answer 1 has an error of $1/6$.) How few units do you need, and how small
can you make the error?
"""

STUB = '''
import numpy as np

from unrolled.cells import lstm

# Blocks i, f, g, o. One unit that does nothing yet.
p = lstm.Params(
    W_x=np.array(
        [
            [0.0, 0.0, 0.0, 0.0],  # from the number
            [0.0, 0.0, 0.0, 0.0],  # from the mark
        ]
    ),
    W_h=np.zeros((1, 4)),
    b=np.zeros(4),
)
W_y = np.zeros(1)
b_y = 1.0


def draw(rng, T, B):
    """x (T, B, 2) and the answers (B,)."""
    x = np.zeros((T, B, 2))
    x[..., 0] = rng.uniform(size=(T, B))
    for mark in rng.integers(0, T // 2, B), rng.integers(T // 2, T, B):
        x[mark, np.arange(B), 1] = 1
    return x, x.prod(axis=2).sum(axis=0)


x, y = draw(np.random.default_rng(0), 1000, 200)
h, cache = lstm.forward(p, x)
print("mean squared error", np.mean((h[-1] @ W_y + b_y - y) ** 2))
'''

HINTS = (
    "The cell adds numbers. Which gate has to depend on the mark, and which gate must never close?",
    "A sum of $\\pm 40$ opens or closes a gate completely. The input gate needs $+40$ on a marked "
    "step and $-40$ on all other steps: one weight and one bias.",
    "The number passes through two $\\tanh$. In which range is $\\tanh$ nearly a straight line? "
    "`W_y` can undo any scaling.",
)

SOLUTION = '''
import numpy as np

from unrolled.cells import lstm

small = 1e-3
p = lstm.Params(
    W_x=np.array(
        [
            [0.0, 0.0, small, 0.0],  # the number, small: tanh is a line there
            [80.0, 0.0, 0.0, 0.0],  # the mark opens the input gate
        ]
    ),
    W_h=np.zeros((1, 4)),
    b=np.array([-40.0, 40.0, 0.0, 40.0]),  # i shut, f and o open
)
W_y = np.array([1 / small])
b_y = 0.0


def draw(rng, T, B):
    """x (T, B, 2) and the answers (B,)."""
    x = np.zeros((T, B, 2))
    x[..., 0] = rng.uniform(size=(T, B))
    for mark in rng.integers(0, T // 2, B), rng.integers(T // 2, T, B):
        x[mark, np.arange(B), 1] = 1
    return x, x.prod(axis=2).sum(axis=0)


x, y = draw(np.random.default_rng(0), 1000, 200)
h, cache = lstm.forward(p, x)
print("mean squared error", np.mean((h[-1] @ W_y + b_y - y) ** 2))
'''

COMMENT = r"""
One unit is enough, and no recurrent weight is needed. The input gate depends on the mark, and the
forget gate stays open. The number is scaled down on its way in, because for small $\varepsilon$
the tanh is nearly a straight line,
$\tanh(\varepsilon v) = \varepsilon v - \varepsilon^3 v^3 / 3 + \dots$ `W_y` divides by
$\varepsilon$, which leaves an error proportional to $\varepsilon^2$. If $\varepsilon$ is very
small, rounding becomes the larger error.

- *Weak*: an error below $10^{-6}$, by trying several scales.
- *Good*: one unit, each of the eight input weights and four biases explained, and the error derived
  as a function of $\varepsilon$ and compared with a measurement.
- *Very good*: the best $\varepsilon$ with an explanation of what limits it, or a second unit that
  cancels the error in $\varepsilon^2$.

The existence of a simple solution does not tell us whether gradient descent finds it. Start
{ref}`the training of the adding problem <ch-which-gates-matter>` from these weights plus noise. How
much noise can you add?
"""


def draw(rng, T, B):
    """Returns x (T, B, 2) and the answers (B,)."""
    x = np.zeros((T, B, 2))
    x[..., 0] = rng.uniform(size=(T, B))
    for mark in rng.integers(0, T // 2, B), rng.integers(T // 2, T, B):
        x[mark, np.arange(B), 1] = 1
    return x, x.prod(axis=2).sum(axis=0)


def check(answers):
    """Tests the error. If it is too large, the message says what the gates do."""
    p = answers.get("p")
    if not isinstance(p, tuple) or len(p) != 3:
        raise Wrong(
            "Set `p` to an lstm.Params, `W_y` to a vector and `b_y` to a number."
        )
    H = np.shape(p[1])[0]
    shapes = (2, 4 * H), (H, 4 * H), (4 * H,)
    p = lstm.Params(
        *(
            array(w, s, f"`p.{n}`")
            for w, s, n in zip(p, shapes, lstm.Params._fields, strict=True)
        )
    )
    W_y, b_y = array(answers.get("W_y"), (H,), "`W_y`"), number(answers, "b_y")
    x, y = draw(np.random.default_rng(8), 1000, 100)
    h, cache = lstm.forward(p, x)
    error = float(np.mean((h[-1] @ W_y + b_y - y) ** 2))
    if error < 1e-6:
        units = "one unit" if H == 1 else f"{H} units"
        return f"Mean squared error {error:.1g} with {units}, a thousand steps, and no update."
    told = f"The mean squared error at T = 1000 is {error:.2g}."
    marked = x[..., 1] == 1
    if not (np.abs(cache.c[-1]) > 1e-9).any():
        raise Wrong(f"{told} The cell is empty: nothing is written to it yet.")
    let_in, kept = cache.i[~marked].max(axis=0), cache.f.min(axis=(0, 1)) ** 500
    writes = np.abs(cache.g[marked]).max(axis=0) > 0
    if writes.any() and let_in[writes].min() > 1e-6:
        raise Wrong(
            f"{told} The input gate lets in up to {let_in[writes].min():.2g} of the numbers that "
            "are not marked, at each of a thousand steps."
        )
    if writes.any() and kept[writes].max() < 0.999:
        raise Wrong(
            f"{told} Of a number that is kept for 500 steps, {kept[writes].max():.2g} is left."
        )
    if np.abs(cache.c[-1]).max() > 0.05:
        raise Wrong(
            f"{told} The gates are right. But the tanh distorts the sum: how large is c, and how "
            "straight is tanh there?"
        )
    raise Wrong(
        f"{told} The cell keeps the right numbers. Does `W_y` undo the scaling of the input?"
    )
