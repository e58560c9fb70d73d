"""Three ways to write the same recurrence: one result, graphs of different size."""

import numpy as np
import pytest

from unrolled.frameworks import tensorflow_loops
from unrolled.frameworks.quiet_tensorflow import keras, tf

B, T, D, H = 3, 5, 2, 4


@pytest.fixture(scope="module")
def cell():
    keras.utils.set_random_seed(3)
    cell = keras.layers.LSTMCell(H, dtype="float64")
    cell.build((B, D))
    return cell


def inputs(T=T):
    return tf.constant(np.random.default_rng(T).standard_normal((B, T, D)))


def by_hand(cell, x):
    h = c = tf.zeros((B, H), tf.float64)
    states = []
    for t in range(x.shape[1]):
        _, (h, c) = cell(x[:, t], (h, c))
        states.append(h)
    return tf.stack(states, axis=1)


@pytest.mark.parametrize("way", tensorflow_loops.WAYS)
@pytest.mark.parametrize(
    "jit_compile", [False, pytest.param(True, marks=pytest.mark.slow)]
)
def test_states_loss_and_gradient_are_those_of_a_plain_loop(cell, way, jit_compile):
    x = inputs()
    weights = [w.value for w in cell.trainable_variables]
    with tf.GradientTape() as tape:
        h = by_hand(cell, x)
        wanted = tf.reduce_sum(h**2)
    gradients = tape.gradient(wanted, weights)
    assert np.abs(tensorflow_loops.states_function(way, cell)(x) - h).max() <= 1e-14
    loss, found = tensorflow_loops.training_graph(way, cell, jit_compile)(x)
    assert abs(loss - wanted) <= 1e-12
    for a, b in zip(found, gradients, strict=True):
        assert np.abs(a - b).max() <= 1e-12


def test_the_loop_by_hand_needs_neither_size_when_its_graph_is_made(cell):
    anything = tf.TensorSpec([None, None, D], tf.float64)
    loop = tf.function(
        lambda x: tensorflow_loops.while_loop(cell, x), input_signature=[anything]
    )
    for n in (1, 5):
        assert np.abs(loop(inputs(n)) - by_hand(cell, inputs(n))).max() <= 1e-14
    assert loop.experimental_get_tracing_count() == 1


def test_only_the_unrolled_graph_grows(cell):
    sizes = {
        way: [
            tensorflow_loops.nodes(
                tensorflow_loops.training_graph(way, cell).get_concrete_function(
                    inputs(n)
                )
            )
            for n in (3, 4, 6)
        ]
        for way in tensorflow_loops.WAYS
    }
    first, second, third = sizes.pop("unrolled")
    assert third - second == 2 * (second - first) > 40
    for some in sizes.values():
        assert len(set(some)) == 1


def test_nodes_counts_the_functions_that_are_called():
    @tf.function
    def inner(x):
        return x * 2 + 1

    flat = tf.function(lambda x: x * 2 + 1).get_concrete_function(tf.constant(1.0))
    nested = tf.function(lambda x: inner(x)).get_concrete_function(tf.constant(1.0))
    assert (
        tensorflow_loops.nodes(nested)
        > tensorflow_loops.nodes(flat)
        == len(flat.graph.as_graph_def().node)
    )


def test_the_loop_takes_any_length_in_one_graph(cell):
    graph = tensorflow_loops.training_graph(
        "while_loop", cell, input_signature=[tf.TensorSpec([None, None, D], tf.float64)]
    )
    for n in (1, 4, 9):
        h = by_hand(cell, inputs(n))
        assert abs(graph(inputs(n))[0] - tf.reduce_sum(h**2)) <= 1e-12
    assert graph.experimental_get_tracing_count() == 1


def test_an_unknown_way_is_refused(cell):
    with pytest.raises(
        ValueError, match="no way 'dynamic': take one of unrolled, Keras loop"
    ):
        tensorflow_loops.states_function("dynamic", cell)
