"""Two GRUs with the same weights and different results."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, choice, close, is_close

TITLE = "Before or after the matrix"
CHAPTER = "04-gates/the-gru"
SECTION = "two-kinds-of-reset"
KIND = "derive"
LEVEL = 1
MINUTES = 12

TEXT = r"""
A GRU may apply its reset gate before the product, $(r \odot h)\, W_{hh}$, or after it,
$r \odot (h W_{hh})$. Take

$$
\begin{aligned}
h &= (1,\ 2), \\
r &= (0,\ \tfrac12), \\
W_{hh} &= \begin{pmatrix} 1 & 2 \\ 3 & -1 \end{pmatrix}
\end{aligned}
$$

and answer by hand:

- `before` and `after`: What are the two results?

- `r_agree`: For which gates, strictly between 0 and 1, do the two kinds agree for *this* $h$ and
  *every* $W_{hh}$? Give one example.

- `W_agree`: For which invertible $W_{hh}$ do they agree for every $r$ and $h$? Give an example that
  is not a multiple of the identity.

- `blind`: Suppose that the bias $b_{hh}$ is 0. Which comparison **cannot** distinguish the two
  kinds, for any weights?

  **a** One step from $h_0 = 0$. **b** Two steps from $h_0 = 0$. **c** One step from a random $h_0$.
  **d** The gradient of $W_{hh}$ after two steps.
"""

STUB = """
before = None
after = None
r_agree = None
W_agree = None
blind = None
"""

HINTS = (
    "Before: multiply entry by entry first, and then by the matrix. After: in the opposite order.",
    "Entry $j$ is $\\sum_k r[k]\\, h[k]\\, W[k, j]$ before, and $\\sum_k r[j]\\, h[k]\\, W[k, j]$ "
    "after. When are these sums equal term by term?",
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

The gate of unit 1 is closed. *Before*, no unit reads unit 1, but unit 1 still reads unit 2.
*After*, unit 1 reads no unit, but unit 2 still reads unit 1. The two kinds agree term by term if
$r[k] = r[j]$ wherever $W[k, j] \ne 0$. This is so if all gates are equal, or if the matrix is
diagonal ({eq}`eq-gru-kinds`). They also agree if $h$ is 0. So a comparison of two programs by a
single step from the zero state, which is often the first test that one writes, cannot fail if
$b_{hh}$ is 0. Two steps are enough to see the difference.
"""


def check(answers):
    """Tests the two results, the cases of agreement, and the comparison that cannot fail."""
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
        raise Wrong("The values of `before` and `after` are exchanged.")
    if is_close(before, (W @ (r * h))) or is_close(after, r * (W @ h)):
        raise Wrong("The vectors are rows here: h W and not W h.")
    close(before, (r * h) @ W, "`before`: r * h is (0, 1). Multiply that row by W.")
    close(after, r * (h @ W), "`after`: h W is (7, 0). The gates multiply that row.")
    r_agree = array(answers["r_agree"], (2,), "`r_agree`")
    if not ((r_agree > 0) & (r_agree < 1)).all():
        raise Wrong("`r_agree`: both gates should lie strictly between 0 and 1.")
    for other in np.random.default_rng(0).standard_normal((5, 2, 2)):
        close(
            (r_agree * h) @ other,
            r_agree * (h @ other),
            "`r_agree`: with a different W_hh the two differ. What must both gates have in common?",
        )
    W_agree = array(answers["W_agree"], (2, 2), "`W_agree`")
    if abs(np.linalg.det(W_agree)) < 1e-9:
        raise Wrong("`W_agree` is not invertible.")
    if is_close(W_agree, W_agree[0, 0] * np.eye(2)):
        raise Wrong(
            "`W_agree` is a multiple of the identity; other matrices agree, too."
        )
    for some_r, some_h in np.random.default_rng(1).uniform(size=(5, 2, 2)):
        close(
            (some_r * some_h) @ W_agree,
            some_r * (some_h @ W_agree),
            "`W_agree`: with different gates and states the two differ. Compare entry by entry.",
        )
    why_not = {
        "b": "`blind`: after the first step the state is no longer 0.",
        "c": "`blind`: a random state is not 0, so the reset gate has an effect.",
        "d": "`blind`: in the second step W_hh multiplies the reset state in one kind only.",
    }
    choice(answers, "blind", why_not, "a")
    return "The same gates and weights give two different networks."
