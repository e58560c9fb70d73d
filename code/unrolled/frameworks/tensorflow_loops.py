"""One recurrent layer as a graph, in three ways: unrolled, Keras's loop, and a loop by hand.

    h_t, c_t = cell(x_t, h_{t-1}, c_{t-1})    for t = 1 … T

x is (B, T, D) here, as in TensorFlow. A loop is one node of the graph, with a subgraph for its
body. An unrolled graph holds the body T times.
"""

from unrolled.frameworks.quiet_tensorflow import keras, tf

WAYS = ("unrolled", "Keras loop", "while_loop")


def while_loop(cell, x):
    """Returns every hidden state of an LSTM cell, (B, T, H), by a loop in the graph.

    Args:
        cell: a built ``keras.layers.LSTMCell``.
        x: (B, T, D); B and T need not be known when the graph is built.
    """
    B, T = tf.shape(x)[0], tf.shape(x)[1]
    steps = tf.TensorArray(x.dtype, T).unstack(tf.transpose(x, (1, 0, 2)))
    states = tf.TensorArray(x.dtype, T, element_shape=(x.shape[0], cell.units))
    zero = tf.zeros((B, cell.units), x.dtype)

    def body(t, h, c, states):
        _, (h, c) = cell(steps.read(t), (h, c))
        return t + 1, h, c, states.write(t, h)

    *_, states = tf.while_loop(
        lambda t, *_: t < T, body, (0, zero, zero, states), maximum_iterations=T
    )
    return tf.transpose(states.stack(), (1, 0, 2))


def states_function(way, cell):
    """Returns the function x (B, T, D) → h (B, T, H) of a built cell.

    Raises:
        ValueError: a way that is not in ``WAYS``.
    """
    if way not in WAYS:
        raise ValueError(f"no way {way!r}: take one of {', '.join(WAYS)}")
    if way == "while_loop":
        return lambda x: while_loop(cell, x)
    return keras.layers.RNN(  # without dtype, it would cast x to float32
        cell, return_sequences=True, unroll=way == "unrolled", dtype=cell.dtype_policy
    )


def training_graph(way, cell, jit_compile=False, **options):
    """Returns a tf.function: x → (L, gradients of the cell's weights), L = Σ h².

    Args:
        way: one of ``WAYS``.
        cell: a built ``keras.layers.LSTMCell``.
        jit_compile: whether XLA compiles the graph.
        options: further arguments of ``tf.function``.
    """
    states = states_function(way, cell)
    weights = [w.value for w in cell.trainable_variables]

    def loss_and_gradient(x):
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(states(x) ** 2)
        return loss, tape.gradient(loss, weights)

    return tf.function(loss_and_gradient, jit_compile=jit_compile, **options)


def nodes(concrete):
    """Returns the number of nodes of a traced function and of all that it calls.

    Args:
        concrete: what ``get_concrete_function`` returns.
    """
    graph = concrete.graph.as_graph_def()
    return len(graph.node) + sum(
        len(function.node_def) for function in graph.library.function
    )
