"""Groups by their tables, and their word problems."""

import itertools

import numpy as np
import pytest

from unrolled.data import groups

TABLES = {
    "one element": groups.cyclic(1),
    "parity": groups.cyclic(2),
    "modulo 5": groups.cyclic(5),
    "three cups": groups.table(groups.permutations(3)),
    "A5": groups.table(groups.permutations(5, even=True)),
}
every_table = pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)


@every_table
def test_a_table_is_that_of_a_group(table):
    N = len(table)
    elements = np.arange(N)
    np.testing.assert_array_equal(table[0], elements)
    np.testing.assert_array_equal(table[:, 0], elements)
    for i in elements:  # every row and column has each element once: all can be undone
        assert sorted(table[i]) == sorted(table[:, i]) == [*elements]
    left = table[table]  # [i, j, k]: (i j) k
    right = table[elements[:, None, None], table[None]]  # i (j k)
    np.testing.assert_array_equal(left, right)


def test_a5_has_60_elements_and_the_order_of_two_matters():
    assert len(TABLES["A5"]) == 60
    for name in ("three cups", "A5"):
        assert (TABLES[name] != TABLES[name].T).any()


def test_an_element_followed_by_another_moves_the_things_twice():
    orders = groups.permutations(4)
    table = groups.table(orders)
    rng = np.random.default_rng(0)
    for first, then in rng.integers(0, len(orders), (20, 2)):
        cups = np.array([*"abcd"])[orders[first]][orders[then]]
        wanted = np.array([*"abcd"])[orders[table[first, then]]]
        np.testing.assert_array_equal(cups, wanted)


def test_even_orders_are_made_by_an_even_number_of_exchanges():
    even = {tuple(order) for order in groups.permutations(4, even=True)}
    assert len(even) == 12 and (0, 1, 2, 3) in even
    for order in even:
        for i, j in itertools.combinations(range(4), 2):
            moved = list(order)
            moved[i], moved[j] = moved[j], moved[i]
            assert tuple(moved) not in even


@every_table
@pytest.mark.parametrize(("T", "B"), [(1, 3), (9, 1), (9, 4)])
def test_the_target_is_the_product_of_all_inputs_so_far(table, T, B):
    batch = groups.word_problem(np.random.default_rng(1), T, B, table)
    assert batch.mask.all() and batch.inputs.shape == batch.targets.shape == (T, B)
    for b in range(B):
        product = 0
        for t in range(T):
            product = table[product, batch.inputs[t, b]]
            assert batch.targets[t, b] == product
    assert 0 <= batch.inputs.min() and batch.inputs.max() < len(table)


def test_the_word_problem_of_two_elements_is_parity():
    batch = groups.word_problem(np.random.default_rng(2), 50, 20, groups.cyclic(2))
    np.testing.assert_array_equal(batch.targets, np.cumsum(batch.inputs, axis=0) % 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: groups.cyclic(0), "m must be at least 1, got 0"),
        (lambda: groups.permutations(7), "n must be from 1 to 6, got 7"),
        (
            lambda: groups.table(np.array([[0, 1, 2], [1, 2, 0]])),
            "orders: a product of two of them is not among them",
        ),
        (
            lambda: groups.word_problem(
                np.random.default_rng(0), 0, 1, groups.cyclic(2)
            ),
            "T and B must be at least 1, got T=0 and B=1",
        ),
        (
            lambda: groups.word_problem(
                np.random.default_rng(0), 3, 1, np.array([[0, 1], [1, 2]])
            ),
            "table: ids must lie in 0..1, got 0..2",
        ),
    ],
)
def test_bad_input_is_refused_in_one_line(call, message):
    with pytest.raises(ValueError, match=message):
        call()
