"""Trees: maps keep their structure, leaves their order and names."""

from typing import NamedTuple

import numpy as np
import pytest

from unrolled import tree


class Pair(NamedTuple):
    first: object
    second: object


def test_map_keeps_the_structure_and_meets_leaf_with_leaf():
    a = Pair(np.array([1.0, 2.0]), (np.array(3.0), Pair(np.array(4.0), np.array(5.0))))
    b = tree.map(lambda leaf: 10 * leaf, a)
    total = tree.map(lambda x, y: x + y, a, b)
    assert isinstance(total, Pair) and isinstance(total.second[1], Pair)
    np.testing.assert_array_equal(total.first, [11.0, 22.0])
    assert [float(leaf) for leaf in tree.leaves(total)[1:]] == [33.0, 44.0, 55.0]


def test_leaves_have_dotted_names_in_order():
    a = Pair(1, (2, Pair(3, 4)))
    expected = [
        ("first", 1),
        ("second.0", 2),
        ("second.1.first", 3),
        ("second.1.second", 4),
    ]
    assert list(tree.named_leaves(a)) == expected


def test_replace_leaves_is_the_inverse_of_leaves():
    a = Pair(1, (2, Pair(3, 4)))
    assert tree.replace_leaves(tree.map(lambda _: 0, a), tree.leaves(a)) == a


@pytest.mark.parametrize("other", [Pair(1, 2), (1, (2, 3), 4), Pair(1, ((2, 3), 4)), 5])
def test_trees_of_other_structure_are_refused(other):
    with pytest.raises(ValueError, match="differ in structure"):
        tree.map(lambda x, y: x, Pair(1, (2, 3)), other)
