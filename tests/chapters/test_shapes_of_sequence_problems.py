"""The page on shapes of sequence problems: the numbers of its cells."""

import pytest

from tests.support.page_cells import defined
from unrolled.drawing import graph

PAGE = "01-introduction/shapes-of-sequence-problems.md"


def inputs_of(wiring):
    """The steps of the inputs on which each output depends."""
    return [
        sorted(t for symbol, t in graph.ancestors(wiring, node.name) if symbol == "x")
        for node in wiring.nodes
        if node.kind == "output"
    ]


def test_the_inputs_on_which_each_output_depends():
    every = [1, 2, 3, 4]
    assert inputs_of(graph.aligned(4)) == [every[:t] for t in every]
    assert inputs_of(graph.many_to_one(4)) == [every]
    assert inputs_of(graph.delayed(4, 4)) == [every] * 4
    last = [node.name for node in defined(PAGE)["cut"].nodes if node.kind == "output"]
    assert inputs_of(defined(PAGE)["cut"])[last.index(("u", 6))] == []


@pytest.mark.parametrize("H", [3, 9])
def test_the_echo_is_perfect_up_to_one_bit_for_each_free_unit(H):
    echo_accuracy = defined(PAGE)["echo_accuracy"]
    assert [echo_accuracy(S, H) for S in range(1, H)] == [1.0] * (H - 1)
    assert all(abs(echo_accuracy(S, H) - 0.5) < 0.1 for S in range(H, 2 * H))
