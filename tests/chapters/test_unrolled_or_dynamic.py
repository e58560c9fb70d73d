"""The chapter "Unrolled, or a loop": the count of nodes, and what was recorded."""

import pytest

from unrolled import records
from unrolled.frameworks import tensorflow_loops
from unrolled.frameworks.quiet_tensorflow import keras, tf


@pytest.mark.equation("eq-graph-nodes")
def test_nodes_grow_with_the_steps_of_the_unrolled_graph_alone():
    cell = keras.layers.LSTMCell(3)
    cell.build((2, 2))
    sizes = {
        way: [
            tensorflow_loops.nodes(
                tensorflow_loops.training_graph(way, cell).get_concrete_function(
                    tf.ones((2, T, 2))
                )
            )
            for T in (2, 5, 9)
        ]
        for way in tensorflow_loops.WAYS
    }
    two, five, nine = sizes["unrolled"]
    assert (five - two) * 4 == (nine - five) * 3 > 0  # n_0 + T n_step, to the node
    assert all(len(set(sizes[way])) == 1 for way in tensorflow_loops.WAYS[1:])


@pytest.fixture(scope="module")
def results():
    return records.load("unrolling")["results"]


def test_the_recorded_costs_are_as_told(results):
    ways = results["ways"]
    assert ways["unrolled"]["T"] == [8, 16, 32, 64] and ways["unrolled_xla"]["T"] == [
        8,
        16,
        32,
    ]
    for name in ("Keras_loop", "while_loop"):
        assert len(set(ways[name]["nodes"])) == 1
    assert (
        ways["unrolled"]["trace_seconds"][-1] > 2 * ways["unrolled"]["trace_seconds"][0]
    )
    assert results["first_at_32"]["loop_xla_of_loop"] > 3
    assert results["first_at_32"]["unrolled_xla_of_loop_xla"] > 3
    first = ways["unrolled_xla"]["first_seconds"]
    assert first[2] > 3 * first[0]
    step = {name: way["step_seconds"] for name, way in ways.items()}
    for i in range(4):
        assert step["unrolled"][i] < 0.8 * step["Keras_loop"][i]
        assert step["Keras_loop_xla"][i] < 0.6 * step["Keras_loop"][i]
    assert step["unrolled_xla"][2] > step["Keras_loop_xla"][2]
