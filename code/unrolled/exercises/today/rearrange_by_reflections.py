"""Any rearrangement as a product of few reflections."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, function, is_close

TITLE = "Rearrange by reflections"
CHAPTER = "08-today/what-a-state-can-follow"
SECTION = "reflections"
KIND = "write"
LEVEL = 2
MINUTES = 25

TEXT = r"""
Write `directions(order)`. It takes a rearrangement of $n$ things, an array of the numbers
$0, \dots, n-1$ in some order. It returns an array of at most $n - 1$ directions, each a row of $n$
numbers. The reflections along these directions ({eq}`eq-reflection` with $\beta = 2$), one after
another, must turn every row $h$ into `h[order]`. If nothing has to move, the array has the shape
$(0, n)$.
"""

STUB = '''
import numpy as np


def reflected(h, directions):
    """The row h after reflections along all directions, the first one first."""
    for k in directions:
        h = h - 2 * (h @ k) / (k @ k) * k
    return h


def directions(order):
    raise NotImplementedError


# reflected(np.array([10.0, 20, 30]), directions(np.array([2, 0, 1]))) is [30, 10, 20]
'''

HINTS = (
    "The direction $(1, -1, 0, \\dots)$ swaps the first two entries. Which direction swaps the "
    "entries $i$ and $j$?",
    "Go through the positions from left to right. Find where the thing is that belongs here, and "
    "swap it with what lies here. Keep a list of what lies where. How many swaps are needed?",
)

SOLUTION = '''
import numpy as np


def reflected(h, directions):
    """The row h after reflections along all directions, the first one first."""
    for k in directions:
        h = h - 2 * (h @ k) / (k @ k) * k
    return h


def directions(order):
    """One swap for each position whose thing lies elsewhere."""
    n = len(order)
    lies, found = np.arange(n), []
    for i in range(n):
        j = int(np.flatnonzero(lies == order[i])[0])
        if i != j:
            found.append(np.eye(n)[i] - np.eye(n)[j])
            lies[[i, j]] = lies[[j, i]]
    return np.array(found).reshape(-1, n)
'''

COMMENT = r"""
When the first $n - 1$ things lie where they belong, so does the last. So $n - 1$ swaps are enough.
In the worst case, $n - 1$ reflections are also needed. Each reflection leaves all rows that are
orthogonal to its direction unchanged, so fewer than $n - 1$ reflections leave a space of at least
two dimensions unchanged. A rearrangement that moves all things round in a circle leaves only the
rows with equal entries unchanged, and these form a space of one dimension.

A network with one reflection in a step can therefore swap two things in a step, but it cannot move
three things round. It can if the input gives it two steps for this. Other directions work, too: any
two mirrors that contain $(1, 1, 1)$ and meet at an angle of 60 degrees make a rotation by a third
of a turn, and their order decides which way it turns.
"""


def check(answers):
    """All rearrangements of up to four things, and a few of seven."""
    directions = function(answers, "directions")
    rng = np.random.default_rng(3)
    orders = [np.array([0, 1]), np.array([1, 0]), np.array([2, 0, 1])]
    orders += [rng.permutation(n) for n in (3, 4, 5, 7, 7)]
    for order in orders:
        n = len(order)
        found = np.asarray(call(directions, order.copy()), dtype=float)
        if not len(found) and (order == np.arange(n)).all():
            continue
        rows = array(found, (len(found), n), "The array of directions")
        if (np.abs(rows).sum(axis=1) == 0).any():
            raise Wrong("A direction is zero, so there is no mirror orthogonal to it.")
        made, backwards = np.eye(n), np.eye(n)
        for k in rows:
            made = made @ (np.eye(n) - 2 * np.outer(k, k) / (k @ k))
        for k in rows[::-1]:
            backwards = backwards @ (np.eye(n) - 2 * np.outer(k, k) / (k @ k))
        wanted = np.eye(n)[:, order]
        if not is_close(made, wanted):
            if is_close(backwards, wanted):
                raise Wrong(
                    f"For {order.tolist()} the reflections make the inverse rearrangement: "
                    "their order is reversed."
                )
            raise Wrong(
                f"For {order.tolist()} the reflections turn {list(range(n))} into "
                f"{np.round(np.arange(n) @ made, 3).tolist()}."
            )
        if len(rows) > n - 1:
            raise Wrong(
                f"{len(rows)} reflections for {n} things: the result is right, but {n - 1} are "
                "enough."
            )
    return "Swaps are reflections, and n - 1 of them rearrange n things."
