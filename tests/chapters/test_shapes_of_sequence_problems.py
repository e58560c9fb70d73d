"""The page on shapes of sequence problems: the numbers of its cells."""

import pytest

from tests.support.page_cells import defined

PAGE = "01-introduction/shapes-of-sequence-problems.md"


@pytest.mark.parametrize("H", [3, 9])
def test_the_echo_is_perfect_up_to_one_bit_for_each_free_unit(H):
    echo_accuracy = defined(PAGE)["echo_accuracy"]
    assert [echo_accuracy(S, H) for S in range(1, H)] == [1.0] * (H - 1)
    assert all(abs(echo_accuracy(S, H) - 0.5) < 0.1 for S in range(H, 2 * H))
