"""The chapter "Unrolled, or a loop": the count of nodes, and what was recorded."""

import logging

import numpy as np
import pytest

from experiments.intervals import interval
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
            for T in (1, 2, 5, 9)
        ]
        for way in tensorflow_loops.WAYS
    }
    one, two, five, nine = sizes["unrolled"]
    assert (five - two) * 4 == (nine - five) * 3 > 0  # n_0 + T n_step, to the node
    assert 0 < (two - one) * 3 - (five - two) < 15  # one step has a few nodes fewer
    assert all(len(set(sizes[way])) == 1 for way in tensorflow_loops.WAYS[1:])


@pytest.fixture(scope="module")
def results():
    return records.load("unrolling")["results"]


def test_the_graph_of_a_loop_has_one_size_and_the_unrolled_graph_grows(results):
    ways = results["ways"]
    assert ways["unrolled"]["T"] == ways["Keras_loop"]["T"] == [8, 16, 32, 64]
    for name in ("Keras_loop", "while_loop"):
        assert len(set(ways[name]["nodes"])) == 1
    tracing = ways["unrolled"]["trace_seconds"]
    assert tracing[-1] > 2 * tracing[0]


@pytest.mark.claim(
    "unrolling-and-compiling-shorten-a-step",
    "A later step of the unrolled graph takes about half the time of a step of the loop, and a "
    "step of the compiled loop takes less than half.",
    records="unrolling",
)
@pytest.mark.parametrize(("way", "most"), [("unrolled", 0.6), ("Keras_loop_xla", 0.5)])
def test_unrolling_and_compiling_shorten_a_step(results, way, most):
    """The upper end of the interval of the log ratio over four lengths with log 0.6 or 0.5."""
    step = {name: np.log(way["step_seconds"]) for name, way in results["ways"].items()}
    assert interval(step[way] - step["Keras_loop"])["high"] < np.log(most)
    if way == "unrolled":
        assert interval(step[way] - step["Keras_loop"])["low"] > np.log(0.4)


@pytest.mark.claim(
    "compiling-an-unrolled-graph-is-slow",
    "XLA takes longer to compile the unrolled graph than the loop, and this time grows with the "
    "length. The later steps of the two compiled graphs differ less.",
    records="unrolling",
)
def test_compiling_an_unrolled_graph_is_slow(results):
    """The first calls with each other, and their growth with the spread of the loop's."""
    ways = results["ways"]
    unrolled = np.array(ways["unrolled_xla"]["first_seconds"])
    loop = np.array(ways["Keras_loop_xla"]["first_seconds"])
    spread = loop.max() / loop.min()
    assert (unrolled > 2 * spread * loop[:3]).all()
    assert (unrolled[1:] / unrolled[:-1] > 1.5 * spread).all()
    assert results["first_at_32"]["loop_xla_of_loop"] > 3
    later = np.log(ways["unrolled_xla"]["step_seconds"])
    differences = later - np.log(ways["Keras_loop_xla"]["step_seconds"][:3])
    assert abs(differences).max() < np.log(1.5)
    assert (differences[:2] < 0).all() and differences[2] > 0


def test_compiling_the_loop_by_hand_saves_less_than_half_of_its_shortest_step(results):
    """So the page names the loop of which it says that compiling saves half: Keras's."""
    plain, compiled = (
        results["ways"][name]["step_seconds"]
        for name in ("while_loop", "while_loop_xla")
    )
    assert compiled[0] > 0.5 * plain[0]


def test_a_sequence_as_long_as_the_last_boundary_stops_a_run_that_pads_to_it():
    def widths(longest):
        rows = tf.data.Dataset.from_tensor_slices([3, longest]).map(
            lambda T: tf.ones([T])
        )
        batches = rows.bucket_by_sequence_length(
            tf.size, [4, 8], [1, 1, 1], pad_to_bucket_boundary=True
        )
        return [batch.shape[1] for batch in batches]

    assert widths(7) == [3, 7]
    for longest in (8, 9):
        with pytest.raises(tf.errors.OpError, match="must have length"):
            widths(longest)


def test_first_steps_of_the_loops_take_longer_at_the_shortest_length(results):
    for name in ("Keras_loop", "Keras_loop_xla"):
        way = results["ways"][name]
        first, second, *_ = np.add(way["trace_seconds"], way["first_seconds"])
        assert first > second


@pytest.mark.parametrize("allowed", [True, False])
def test_keras_compiles_only_if_every_layer_allows_it(allowed, recwarn):
    """Even if ``jit_compile`` is True: if a layer does not allow it, Keras warns instead."""
    model = keras.Sequential([keras.Input((None, 3)), keras.layers.LSTM(2)])
    model.layers[0].supports_jit = allowed
    model.compile(loss="mse", jit_compile=True)
    warned = [w for w in recwarn if "jit_compile" in str(w.message)]
    assert model.jit_compile == allowed and len(warned) == (not allowed)


def test_warnings_of_retracing_count_all_functions_of_one_line():
    """Two warnings, at the fifth and the sixth traced call, whichever function is called."""

    def made():
        @tf.function
        def doubled(x):
            return 2 * x

        return doubled

    class Counted(logging.Handler):
        found = 0

        def emit(self, record):
            self.found += "triggered tf.function retracing" in record.getMessage()

    logger, counted = tf.get_logger(), Counted()
    logger.addHandler(counted)
    try:
        before = []
        for function in [made()] * 2 + [made()] * 6:
            function(tf.zeros(len(before) + 1))
            before.append(counted.found)
    finally:
        logger.removeHandler(counted)
    assert before == [0, 0, 0, 0, 1, 2, 2, 2]
