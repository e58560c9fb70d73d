"""An SGD step of the language model in Keras, the same as ``speed.sgd_step``: one graph.

The network is a lookup of the rows of W_x, a loop over the cell below, and a Dense layer: the same
operations as in NumPy. TensorFlow differentiates with respect to the rows that were read, and only
these are updated.
"""

from unrolled import tree
from unrolled.arguments import check_words, names_arguments
from unrolled.frameworks.quiet_tensorflow import keras, tf
from unrolled.models import language_model


@keras.saving.register_keras_serializable("unrolled")
class StateCell(keras.layers.Layer):
    """h_t = tanh(x_t + h_{t-1} W_h + b): an ``rnn`` whose input is already multiplied by W_x."""

    def __init__(self, units, **options):
        """Takes the number of hidden units, H."""
        super().__init__(**options)
        self.units = self.state_size = self.output_size = units

    def build(self, input_shape):
        """Makes W_h and b."""
        self.W_h = self.add_weight(
            shape=(self.units, self.units), name="recurrent_kernel"
        )
        self.b = self.add_weight(shape=(self.units,), initializer="zeros", name="bias")

    def call(self, x_t, states, training=False):
        """Returns (h_t, [h_t])."""
        (h,) = states
        h = keras.ops.tanh(x_t + keras.ops.matmul(h, self.W_h) + self.b)
        return h, [h]

    def get_config(self):
        """Returns what ``__init__`` takes, for saving."""
        return super().get_config() | {"units": self.units}


@names_arguments(p=language_model.OVER_RNN)
def compile_step(p, learning_rate, shape, jit_compile=False, unroll=False):
    """Returns (step, params): functions that take an SGD step and that return the weights.

    Args:
        p: ``language_model.Params`` over ``rnn``: the weights to begin with; they are copied.
        learning_rate: η.
        shape: (T, B) of the batches.
        jit_compile: whether XLA compiles the graph.
        unroll: whether the loop over time is written out, T times the cell.

    Returns:
        step: (inputs, targets), (T, B) ids each, to the loss in nats, when the step is done. It
            raises ValueError for ids out of range, or of another shape.
        params: () to Params of NumPy arrays.
    """
    (T, B), (V, H), dtype = shape, p.cell.W_x.shape, p.W_y.dtype.name
    options = {"return_sequences": True, "unroll": unroll, "dtype": dtype}
    rnn = keras.layers.RNN(StateCell(H, dtype=dtype), **options)
    dense = keras.layers.Dense(V, dtype=dtype)
    rnn.build((B, T, H))
    dense.build((B, T, H))
    rnn.set_weights(list(p.cell[1:]))
    dense.set_weights([p.W_y, p.b_y])
    W_x = tf.Variable(p.cell.W_x)
    variables = [weight.value for weight in (*rnn.weights, *dense.weights)]

    @tf.function(jit_compile=jit_compile)
    def step(inputs, targets):
        # Keras: the batch first
        inputs, targets = tf.transpose(inputs), tf.transpose(targets)
        with tf.GradientTape() as tape:
            x = tf.ensure_shape(tf.gather(W_x, inputs), (B, T, H))
            tape.watch(x)
            logits = dense(rnn(x))
            loss = tf.reduce_sum(
                tf.nn.sparse_softmax_cross_entropy_with_logits(targets, logits)
            )
        dx, *gradients = tape.gradient(loss, [x, *variables])
        dx = tf.reshape(dx, (-1, H)) * learning_rate
        W_x.scatter_sub(tf.IndexedSlices(dx, tf.reshape(inputs, [-1])))
        for variable, gradient in zip(variables, gradients, strict=True):
            variable.assign_sub(learning_rate * gradient)
        return loss

    def params():
        cell = p.cell._replace(
            W_x=W_x.numpy(), W_h=variables[0].numpy(), b=variables[1].numpy()
        )
        return tree.replace_leaves(
            p, [*cell, variables[2].numpy(), variables[3].numpy()]
        )

    def run(inputs, targets):
        check_words(inputs, targets, V, shape)
        return float(step(tf.constant(inputs), tf.constant(targets)))

    return run, params
