"""Tasks in which every input changes a hidden state, and the state must be followed.

A group is given by its table: entry [i, j] is the element that stands for element i followed by
element j. The inputs of the task are elements, and the target of each step is the product of all
inputs so far. This is the word problem of the group. Element 0 changes nothing. T time, B batch.
"""

import itertools

import numpy as np

from unrolled.arguments import check_ids, ids, names_arguments, shaped
from unrolled.data.text import Batch


def cyclic(m):
    """Returns the table (m, m) of addition modulo m; with m = 2, the product is the parity.

    Raises:
        ValueError: m is below 1.
    """
    if m < 1:
        raise ValueError(f"m must be at least 1, got {m}")
    elements = np.arange(m)
    return (elements[:, None] + elements) % m


@names_arguments
def permutations(n, even=False):
    """Returns all orders (N, n) of n things, as rows of places, in alphabetical order.

    Row r says that the thing at position r[i] moves to position i. With ``even``, the orders that
    an odd number of exchanges of two things makes are left out.

    Raises:
        ValueError: n is not from 1 to 6.
    """
    if not 1 <= n <= 6:
        raise ValueError(f"n must be from 1 to 6, got {n}")
    orders = np.array([*itertools.permutations(range(n))])
    pairs = [*itertools.combinations(range(n), 2)]
    odd = sum((orders[:, i] > orders[:, j]).astype(int) for i, j in pairs) % 2
    return orders[odd == 0] if even and pairs else orders


@names_arguments(orders=shaped("N n"))
def table(orders):
    """Returns the table (N, N) of the group with these orders (N, n) as its elements.

    Raises:
        ValueError: two orders, one after the other, give one that is not among them.
    """
    index = {order.tobytes(): i for i, order in enumerate(orders)}
    try:
        return np.array(
            [[index[first[then].tobytes()] for then in orders] for first in orders]
        )
    except KeyError:
        raise ValueError("orders: a product of two of them is not among them") from None


@names_arguments(orders=ids("N n", "n"))
def swaps(orders):
    """Returns the ids of the orders (N, n) that exchange two things and leave the others."""
    return np.flatnonzero((orders != np.arange(orders.shape[1])).sum(axis=1) == 2)


@names_arguments(table=ids("N N", "N"))
def word_problem(rng, T, B, table, among=None):
    """Draws sequences of elements; the target of each step is the product of all so far.

    Args:
        rng: a ``numpy.random.Generator``.
        T: steps, at least 1.
        B: sequences, at least 1.
        table: (N, N) ids, such as ``cyclic(2)``.
        among: (M,) ids, from which the inputs are drawn; all if left out.

    Returns:
        A Batch (T, B): ids in 0..N-1; the mask is True everywhere.

    Raises:
        ValueError: T or B is below 1, or an id of ``among`` is not in the table.
    """
    if among is not None:
        check_ids("among", among, len(table))
    if T < 1 or B < 1:
        raise ValueError(f"T and B must be at least 1, got T={T} and B={B}")
    if among is None:
        among = np.arange(len(table))
    inputs = among[rng.integers(0, len(among), (T, B))]
    targets = inputs.copy()
    for t in range(1, T):
        targets[t] = table[targets[t - 1], inputs[t]]
    return Batch(inputs, targets, np.ones((T, B), bool))
