"""Two GRUs that share their weights and not their results."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, choice, close, is_close

TITLE = "Before or after the matrix"
CHAPTER = "04-gates/the-gru"
KIND = "derive"
LEVEL = 1
MINUTES = 12

TEXT = r"""
A GRU may reset before the product, $(r \odot h)\, W_{hh}$, or after it, $r \odot (h W_{hh})$. Take

$$
\begin{aligned}
h &= (1,\ 2), \\
r &= (0,\ \tfrac12), \\
W_{hh} &= \begin{pmatrix} 1 & 2 \\ 3 & -1 \end{pmatrix}
\end{aligned}
$$

and set, by hand,

- `before` and `after` to the two results;
- `r_agree` to gates strictly between 0 and 1 with which both agree for *this* $h$ and *every*
  $W_{hh}$;
- `W_agree` to an invertible $W_{hh}$, not a multiple of the identity, with which both agree for
  every $r$ and $h$;
- `blind` to the comparison that **cannot** tell the two kinds apart, whatever the weights, if all
  biases behind $W_h$ are 0: **a** one step from $h_0 = 0$ · **b** two steps from $h_0 = 0$ ·
  **c** one step from a random $h_0$ · **d** the gradient of $W_{hh}$ after two steps.
"""

STUB = """
before = None
after = None
r_agree = None
W_agree = None
blind = None
"""

HINTS = (
    "Before: multiply first, entry by entry, then by the matrix. After: the other way round.",
    "Entry $j$ is $\\sum_k r[k]\\, h[k]\\, W[k, j]$ in the one and $\\sum_k r[j]\\, h[k]\\, W[k, "
    "j]$ in the other. When are these sums equal term by term?",
)

SOLUTION = """
import numpy as np

h, r = np.array([1.0, 2.0]), np.array([0.0, 0.5])
W = np.array([[1.0, 2.0], [3.0, -1.0]])

before = (r * h) @ W
after = r * (h @ W)
r_agree = [0.3, 0.3]
W_agree = np.diag([1.0, 2.0])
blind = "a"
"""

COMMENT = r"""
$$
\begin{aligned}
& (r \odot h)\, W \\
&= (0,\ 1)\, W = (3,\ -1), \\
& r \odot (h W) \\
&= (0,\ \tfrac12) \odot (7,\ 0) = (0,\ 0) .
\end{aligned}
$$

Unit 1 is shut, and the two kinds take that differently: *before*, nobody is shown unit 1, and unit
1 itself still listens to unit 2; *after*, unit 1 listens to nobody and is shown to all. They agree
term by term where $r[k] = r[j]$ wherever $W[k, j] \ne 0$: if all gates are equal, or if the matrix
is diagonal, {eq}`eq-gru-kinds`. And they agree where there is nothing to reset. A comparison of two
programs by a single step from the zero state, which is the first that one writes, cannot fail as
long as the bias behind $W_{hh}$ is 0. Two steps are enough.
"""


def check(answers):
    """The two results, where they agree, and the test that sees nothing."""
    h, r, W = (
        np.array([1.0, 2.0]),
        np.array([0.0, 0.5]),
        np.array([[1.0, 2.0], [3.0, -1.0]]),
    )
    for name in ("before", "after", "r_agree", "W_agree"):
        if answers.get(name) is None:
            raise Wrong(f"Set `{name}` to an array of numbers.")
    before, after = (
        array(answers["before"], (2,), "`before`"),
        array(answers["after"], (2,), "`after`"),
    )
    if is_close(before, r * (h @ W)) and is_close(after, (r * h) @ W):
        raise Wrong("`before` and `after` are right and exchanged.")
    if is_close(before, (W @ (r * h))) or is_close(after, r * (W @ h)):
        raise Wrong("The vectors are rows here: h W and not W h.")
    close(
        before, (r * h) @ W, "`before`: r * h is (0, 1), and that row times W is asked."
    )
    close(after, r * (h @ W), "`after`: h W is (7, 0); the gates act on that.")
    r_agree = array(answers["r_agree"], (2,), "`r_agree`")
    if not ((r_agree > 0) & (r_agree < 1)).all():
        raise Wrong("`r_agree`: both gates should lie strictly between 0 and 1.")
    for other in np.random.default_rng(0).standard_normal((5, 2, 2)):
        close(
            (r_agree * h) @ other,
            r_agree * (h @ other),
            "`r_agree`: with another W_hh the two differ. What must the two gates have in common?",
        )
    W_agree = array(answers["W_agree"], (2, 2), "`W_agree`")
    if abs(np.linalg.det(W_agree)) < 1e-9:
        raise Wrong("`W_agree` is not invertible.")
    if is_close(W_agree, W_agree[0, 0] * np.eye(2)):
        raise Wrong("`W_agree` is a multiple of the identity; there are more.")
    for some_r, some_h in np.random.default_rng(1).uniform(size=(5, 2, 2)):
        close(
            (some_r * some_h) @ W_agree,
            some_r * (some_h @ W_agree),
            "`W_agree`: with other gates and states the two differ. Compare them entry by entry.",
        )
    why_not = {
        "b": "`blind`: after the first step the state is not 0 any more.",
        "c": "`blind`: with a random state there is something to reset.",
        "d": "`blind`: in the second step W_hh meets the reset state or the whole one.",
    }
    choice(answers, "blind", why_not, "a")
    return "The same gates, the same weights, another network."
