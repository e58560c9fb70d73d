"""A scan over the elements of a group that is right for parity and wrong for three cups."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, function

TITLE = "A scan that is right for parity only"
CHAPTER = "08-today/what-a-state-can-follow"
SECTION = "three-tasks"
KIND = "debug"
LEVEL = 2
MINUTES = 20

TEXT = r"""
The product of group elements is associative, so a {ref}`scan <ch-the-scan>` computes all products
in about $\log_2 T$ rounds. The function `products(elements, table)` should return the product of
the first $t$ elements, for each $t$. Entry `[i, j]` of the table is element $i$ followed by
element $j$. For parity and up to eight elements, every answer is right. For three cups, some
answers are wrong. With more than eight elements, answers are sometimes wrong even for parity. Find
both mistakes.
"""

STUB = '''
import numpy as np


def products(elements, table):
    """The products of the first 1 ... T elements, by Hillis and Steele's scan."""
    found = np.array(elements)
    for reach in (1, 2, 4):
        later, earlier = found[reach:], found[:-reach]
        found = np.concatenate([found[:reach], table[later, earlier]])
    return found
'''

HINTS = (
    "In which tables does the order of two elements not matter?",
    "After round 1 each entry covers two elements, after round 2 four. How many rounds does a "
    "sequence of $T$ elements need?",
)

SOLUTION = '''
import numpy as np


def products(elements, table):
    """The products of the first 1 ... T elements, by Hillis and Steele's scan."""
    found = np.array(elements)
    reach = 1
    while reach < len(found):
        later, earlier = found[reach:], found[:-reach]
        found = np.concatenate([found[:reach], table[earlier, later]])
        reach *= 2
    return found
'''

COMMENT = r"""
Associative does not mean commutative. A scan may place the brackets anywhere, but it must leave the
elements in their order. The product of the earlier elements stands first. For sums modulo a number,
the order does not matter, so a test with such sums alone does not find the mistake. The same holds
for factors that are single numbers, whose products commute. It does not hold for the steps $(f, g)$
of a linear recurrence, nor for matrices.

This scan solves the word problem of *any* finite group in about $\log_2 T$ rounds, including the
word problem of $A_5$. The limits in the chapter hold for a number of layers that does not grow with
$T$.
"""


def check(answers):
    """Short and long sequences of two groups."""
    products = function(answers, "products")
    parity = np.array([[0, 1], [1, 0]])
    cups = _cups()
    rng = np.random.default_rng(5)
    for name, table, T in (
        ("parity", parity, 8),
        ("parity", parity, 50),
        ("three cups", cups, 8),
        ("three cups", cups, 50),
        ("three cups", cups, 1),
    ):
        elements = rng.integers(0, len(table), T)
        elements[0] = 1
        found = array(call(products, elements.copy(), table.copy()), (T,), "The result")
        wanted = [elements[0]]
        for element in elements[1:]:
            wanted.append(table[wanted[-1], element])
        wrong = np.flatnonzero(found != wanted)
        if not len(wrong):
            continue
        if T > 8 and wrong[0] >= 8:
            raise Wrong(
                f"{name}: the first {wrong[0]} products are right, and later ones are not. Does "
                "the reach grow until it covers the sequence?"
            )
        if name == "three cups" and T > 1:
            raise Wrong(
                "Parity is right and three cups are wrong: does the earlier product stand first?"
            )
        raise Wrong(f"{name}: product {wrong[0] + 1} of {T} is wrong.")
    return (
        "The order of the elements matters, but the position of the brackets does not."
    )


def _cups():
    orders = [(0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)]
    return np.array(
        [
            [orders.index((first[i], first[j], first[k])) for i, j, k in orders]
            for first in orders
        ]
    )
