"""The triangular system of the delta rule with three mistakes."""

import itertools

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, function, is_close

TITLE = "Mistakes in the corrections"
CHAPTER = "08-today/the-delta-rule"
SECTION = "all-corrections-at-once"
KIND = "debug"
LEVEL = 3
MINUTES = 25

TEXT = r"""
This function computes the corrections $u_t = \beta_t (v_t - k_t S_{t-1})$ of a whole sequence, from
$S_0 = 0$ and without a forget gate. The author tested it on one-hot keys that are all different,
with $\beta_t = 1$, and found it correct up to a factor, which they removed. It contains three
mistakes. Find and correct them. Keep the single call of `np.linalg.solve`.
"""

STUB = '''
import numpy as np


def corrections(k, v, beta):
    """Keys (T, E), values (T, F), shares (T,): returns the corrections (T, F)."""
    T = len(k)
    A = np.tril(k @ k.T) * beta[None, :]
    A = A - 0.5 * np.eye(T)  # makes the author's test pass
    return np.linalg.solve(0.5 * np.eye(T) + A, v)


keys = np.eye(4)
values = np.arange(8.0).reshape(4, 2)
print(np.allclose(corrections(keys, values, np.ones(4)), values))
'''

HINTS = (
    "Write down the equations for two steps: $u_1 = \\beta_1 v_1$ and "
    "$u_2 = \\beta_2 (v_2 - k_2 k_1^\\top u_1)$. Which matrix times $(u_1, u_2)$ gives the values "
    "that are known, and which values are these?",
    "Does a correction depend on itself? What does this say about the diagonal?",
    "Does a share $\\beta_t$ belong to the step that writes, or to the earlier step that is read? "
    "Is it the row or the column of the matrix?",
)

SOLUTION = '''
import numpy as np


def corrections(k, v, beta):
    """Keys (T, E), values (T, F), shares (T,): returns the corrections (T, F)."""
    T = len(k)
    A = np.tril(k @ k.T, -1) * beta[:, None]
    return np.linalg.solve(np.eye(T) + A, beta[:, None] * v)


keys = np.eye(4)
values = np.arange(8.0).reshape(4, 2)
print(np.allclose(corrections(keys, values, np.ones(4)), values))
'''

COMMENT = r"""
Row $t$ of the system is $u_t + \beta_t \sum_{s<t} (k_t k_s^\top)\, u_s = \beta_t v_t$.

*The diagonal.* The sum runs over earlier steps only, so the triangle is strict. The author included
the diagonal, saw that the results were wrong by a factor of 2, and corrected the factor. This works
only if $\beta_t \lVert k_t \rVert^2 = 1$ at every step, for example if all keys have length 1 and
all shares are 1.

*The row.* $\beta_t$ is the share of the step that writes, so it multiplies row $t$.

*The right side.* $\beta_t$ multiplies the whole difference, and the value is a part of it.

The author's test had orthogonal keys and shares of 1. For such keys, no correction depends on any
other, so the test says nothing about the matrix below its diagonal. Test a function with inputs for
which every part of it matters: here, with keys that are not orthogonal and with shares that differ.
"""


def check(answers):
    """The corrections of sequences for which every part matters; mistakes are recognised."""
    reader = function(answers, "corrections")
    rng = np.random.default_rng(5)
    T, E, F = 6, 4, 3
    k, v = rng.normal(size=(T, E)), rng.normal(size=(T, F))
    beta = rng.uniform(0.1, 0.9, T)
    right, S = [], np.zeros((E, F))
    for t in range(T):
        right.append(beta[t] * (v[t] - k[t] @ S))
        S = S + np.outer(k[t], right[-1])
    solves = _counted(reader, k, v, beta)
    found = array(solves[0], (T, F), "The result")
    if not is_close(found, right):
        raise Wrong(_diagnose(found, k, v, beta))
    if solves[1] != 1:
        raise Wrong(
            "The corrections are right. Now compute all of them with one call of `np.linalg.solve`."
        )
    return "One system gives all corrections, and no step waits for a state."


def _counted(reader, k, v, beta):
    """Returns the reader's result and how many systems were solved for it."""
    solve, calls = np.linalg.solve, []

    def counting(*args, **named):
        calls.append(1)
        return solve(*args, **named)

    np.linalg.solve = counting
    try:
        found = call(reader, k.copy(), v.copy(), beta.copy())
    finally:
        np.linalg.solve = solve
    return found, len(calls)


def _diagnose(found, k, v, beta):
    """Returns a sentence on one of the mistakes that lead to these corrections."""
    products, eye = k @ k.T, np.eye(len(k))
    triangles = {
        "": (np.tril(products, -1), eye),
        "A correction depends on itself: the triangle includes the diagonal.": (
            np.tril(products),
            eye,
        ),
        "The diagonal of the system is not 1 for keys of other lengths or shares below 1.": (
            np.tril(products),
            0 * eye,
        ),
        "The triangle is the upper one: a correction depends on later steps.": (
            np.triu(products, 1),
            eye,
        ),
    }
    shares = {
        "": beta[:, None],
        "β multiplies the columns of the matrix; it belongs to the step that writes, the row.": (
            beta[None, :]
        ),
        "The matrix does not contain β.": np.ones((1, 1)),
    }
    sides = {
        "": beta[:, None] * v,
        "The right side does not contain β: the value is part of the difference.": v,
    }
    for (diagonal, (A, ones)), (share, b), (side, known) in itertools.product(
        triangles.items(), shares.items(), sides.items()
    ):
        system = ones + A * b
        if abs(np.linalg.det(system)) > 1e-9 and is_close(
            found, np.linalg.solve(system, known)
        ):
            said = [message for message in (diagonal, share, side) if message]
            left = {
                1: "One mistake is left. ",
                2: "Two mistakes are left. One of them: ",
            }
            return left.get(len(said), "One of the three: ") + said[0]
    return "The result is not the corrections. Compare it with a loop over two steps."
