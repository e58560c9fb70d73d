r"""The book's networks as Keras layers and models, with the same weights.

Keras stores a layer's weights as (kernel, recurrent_kernel, bias), in our layout and our order of
gates. So ``layer.set_weights`` takes ``tree.leaves(params)`` without any change.

                   ours                         Keras
    rnn            W_x, W_h, b                  SimpleRNN
    lstm           blocks i, f, g, o            LSTM                     (Keras: i, f, c, o)
    gru            blocks z, r, h               GRU(reset_after=False)
    gru_reset_after   the same, b (2, 3H)       GRU(reset_after=True)
    peephole_lstm  W_x, W_h, w_c, b             RNN(PeepholeLSTMCell), the cell below
    embedding      E                            Embedding
    bidirectional  onward, reverse              Bidirectional
    stacked        a tuple of these             one layer after the other

Keras puts the batch first, (B, T, D); the functions here that take and return NumPy arrays keep to
the book's (T, B, D). T time, B batch, D input, H hidden, V vocabulary.
"""

import numpy as np

from unrolled import tree
from unrolled.arguments import check_ids, fields, ids, mask, names_arguments
from unrolled.cells import gru, gru_reset_after, lstm, peephole_lstm, rnn
from unrolled.data.text import Batch
from unrolled.frameworks.quiet_tensorflow import keras, tf
from unrolled.layers import bidirectional, embedding
from unrolled.models import language_model

# --- layers --------------------------------------------------------------------------------------


@keras.saving.register_keras_serializable("unrolled")
class PeepholeLSTMCell(keras.layers.Layer):
    """The cell of ``peephole_lstm`` for ``keras.layers.RNN`` (eq-peephole-gates)."""

    def __init__(self, units, **options):
        """Takes the number of hidden units, H."""
        super().__init__(**options)
        self.units = units
        self.state_size = [units, units]  # h, c: RNN makes zeros of these sizes
        self.output_size = units

    def build(self, input_shape):
        """Makes the weights, in the order of ``peephole_lstm.Params``."""
        D, H = input_shape[-1], self.units
        self.W_x = self.add_weight(shape=(D, 4 * H), name="kernel")
        recurrent = dict(initializer="orthogonal", name="recurrent_kernel")
        self.W_h = self.add_weight(shape=(H, 4 * H), **recurrent)
        self.w_c = self.add_weight(shape=(3, H), name="peepholes")
        self.b = self.add_weight(shape=(4 * H,), initializer="zeros", name="bias")

    def call(self, x_t, states, training=False):
        """Returns (h_t, [h_t, c_t]): the output of a step, and the states after it."""
        h, c = states
        a = keras.ops.matmul(x_t, self.W_x) + keras.ops.matmul(h, self.W_h) + self.b
        a_i, a_f, a_g, a_o = keras.ops.split(a, 4, axis=-1)
        w_i, w_f, w_o = keras.ops.unstack(self.w_c)
        i = keras.ops.sigmoid(a_i + w_i * c)
        f = keras.ops.sigmoid(a_f + w_f * c)
        c = f * c + i * keras.ops.tanh(a_g)
        o = keras.ops.sigmoid(a_o + w_o * c)  # sees the new cell state
        h = o * keras.ops.tanh(c)
        return h, [h, c]

    def get_config(self):
        """Returns what ``__init__`` takes, for saving."""
        return super().get_config() | {"units": self.units}


def layers(p, **options):
    """Returns the Keras layers, first to last, that compute what the network of ``p`` does.

    Args:
        p: Params of one of this book's networks (the table above), or a tuple of them.
        options: what ``keras.layers.RNN`` takes, such as return_state, unroll, stateful,
            zero_output_for_mask. If return_sequences is left out, it is True.

    Returns:
        A list of layers in the precision of ``p``, with its weights.

    Raises:
        ValueError: Params of a network that Keras has no layer for.
    """
    return [_layer(part, options) for part in (p if type(p) is tuple else (p,))]


def _layer(p, options):
    dtype = tree.leaves(p)[0].dtype.name
    if isinstance(p, embedding.Params):
        layer = keras.layers.Embedding(*p.E.shape, dtype=dtype)
        layer.build()
    elif isinstance(p, bidirectional.Params):
        layer = keras.layers.Bidirectional(_recurrent(p.onward, options), dtype=dtype)
        layer.build((None, None, len(p.onward.W_x)))
    else:
        layer = _recurrent(p, options)
        layer.build((None, None, len(p.W_x)))
    set_weights(layer, p)
    return layer


def _recurrent(p, options):
    dtype = tree.leaves(p)[0].dtype.name
    options = {"return_sequences": True, "dtype": dtype} | options
    match p:
        case rnn.Params():
            return keras.layers.SimpleRNN(len(p.W_h), **options)
        case lstm.Params():
            return keras.layers.LSTM(len(p.W_h), **options)
        case gru.Params():
            return keras.layers.GRU(len(p.W_h), reset_after=False, **options)
        case gru_reset_after.Params():
            return keras.layers.GRU(len(p.W_h), reset_after=True, **options)
        case peephole_lstm.Params():
            return keras.layers.RNN(
                PeepholeLSTMCell(len(p.W_h), dtype=dtype), **options
            )
    name = f"{type(p).__module__}.{type(p).__name__}".split(".", 2)[-1]
    raise ValueError(f"Keras has no layer for weights of the type {name}")


def set_weights(layer, p):
    """Copies Params into a built Keras layer or model, without any change.

    Args:
        layer: has ``weights`` and ``set_weights``.
        p: Params; their leaves, from first to last, become the layer's weights.

    Raises:
        ValueError: the Params are of another cell or size.
    """
    _check(layer, p)
    layer.set_weights(tree.leaves(p))


def get_weights(layer, like):
    """Returns the weights of a Keras layer or model as Params of the structure of ``like``.

    Raises:
        ValueError: the layer holds weights of another cell or size.
    """
    _check(layer, like)
    return tree.replace_leaves(like, layer.get_weights())


def _check(layer, p):
    ours = [(name, leaf.shape) for name, leaf in tree.named_leaves(p)]
    theirs = [tuple(weight.shape) for weight in layer.weights]
    if [shape for _, shape in ours] != theirs:
        raise ValueError(
            f"{layer.name} has weights {theirs}, these Params {dict(ours)}:"
            " they are of another cell or size"
        )


# --- forward and backward on NumPy arrays --------------------------------------------------------


def forward(p, x, *state, mask=None, **options):
    """Returns the states (T, B, H) of the top layer, computed by Keras, as a NumPy array.

    Args:
        p: Params, as ``layers`` takes them.
        x: (T, B, D) vectors, or (T, B) ids.
        state: initial states, (B, H) each, all or none, in the order in which the networks of this
            book take them (stacks: from the top layer down); zeros if left out.
        mask: (T, B) of bool; where it is False, a network stays in the state it was in.
        options: as in ``layers``.

    Raises:
        ValueError: a mask or states of another shape, or too few of them.
    """
    stack = layers(p, **options)
    return _time_first(_run(stack, *_tensors(p, stack, x, state, mask))).numpy()


def backward(p, x, dh, *state, mask=None, **options):
    """Returns the full-BPTT gradient of sum(h * dh), found by TensorFlow.

    Args:
        p: Params, as ``layers`` takes them.
        x: (T, B, D) vectors, or (T, B) ids.
        dh: (T, B, H), gradient of a loss with respect to the top layer's states.
        state: as in ``forward``.
        mask: as in ``forward``.
        options: as in ``layers``.

    Returns:
        dp, dx (None for ids), and a gradient for each initial state that was given.

    Raises:
        ValueError: as ``forward``.
    """
    stack = layers(p, **options)
    x_, state_, mask_ = _tensors(p, stack, x, state, mask)
    vectors = [x_] if x_.dtype.is_floating else []
    with tf.GradientTape() as tape:
        tape.watch(vectors + state_)
        h = _time_first(_run(stack, x_, state_, mask_))
        if h.shape != np.shape(dh):
            raise ValueError(f"dh must be {tuple(h.shape)}, got {np.shape(dh)}")
        loss = tf.reduce_sum(h * dh)
    weights = [weight.value for layer in stack for weight in layer.trainable_weights]
    d = [
        tf.convert_to_tensor(g) for g in tape.gradient(loss, weights + vectors + state_)
    ]
    dp = tree.replace_leaves(p, [g.numpy() for g in d[: len(weights)]])
    dx = None if x.dtype.kind in "iu" else _time_first(d[len(weights)]).numpy()
    return dp, dx, *(g.numpy() for g in d[len(weights) + len(vectors) :])


def _run(stack, x, state, mask):
    remaining = list(state)
    for layer in stack:
        if isinstance(layer, keras.layers.Embedding):
            x = layer(x)
        else:
            count = len(_state_sizes(layer)) if state else 0
            first = len(remaining) - count  # states are listed from the top layer down
            initial, remaining = remaining[first:], remaining[:first]
            x = layer(x, initial_state=initial or None, mask=mask)
    return x


def _state_sizes(layer):
    if isinstance(layer, keras.layers.Embedding):
        return []
    if isinstance(layer, keras.layers.Bidirectional):
        return _state_sizes(layer.forward_layer) + _state_sizes(layer.backward_layer)
    sizes = layer.cell.state_size
    return list(sizes) if isinstance(sizes, list | tuple) else [sizes]


def _tensors(p, stack, x, state, mask):
    """Returns (x, states, mask) as tensors, the batch first, or raises ValueError."""
    if mask is not None and np.shape(mask) != x.shape[:2]:
        raise ValueError(f"mask must be (T, B) = {x.shape[:2]}, got {np.shape(mask)}")
    if mask is not None and mask.dtype != bool:
        raise ValueError(f"mask must be bool, got {mask.dtype}")
    wanted = [
        (x.shape[1], size) for layer in reversed(stack) for size in _state_sizes(layer)
    ]
    first = tree.leaves(p)[0]
    if x.dtype.kind in "iu":
        check_ids("x", x, len(first))
    elif x.ndim != 3 or x.shape[2] != len(first):
        raise ValueError(f"x must be (T, B, {len(first)}) vectors, got {x.shape}")
    if state and [np.shape(s) for s in state] != wanted:
        raise ValueError(
            f"give the states {wanted} or none, got {[np.shape(s) for s in state]}"
        )
    if x.dtype.kind in "iu" and not isinstance(stack[0], keras.layers.Embedding):
        x = np.eye(len(first), dtype=first.dtype)[x]
    mask = None if mask is None else tf.constant(mask.T)
    return tf.constant(np.swapaxes(x, 0, 1)), [tf.constant(s) for s in state], mask


def _time_first(x):
    return tf.transpose(x, [1, 0, 2])


# --- language models -----------------------------------------------------------------------------


@keras.saving.register_keras_serializable("unrolled")
class OneHot(keras.layers.Layer):
    """A layer that turns ids (B, T) into one-hot vectors (B, T, V)."""

    def __init__(self, V, **options):
        """Takes the number of ids."""
        super().__init__(**options)
        self.V = V

    def call(self, ids):
        """Returns the vectors of ids."""
        return keras.ops.one_hot(ids, self.V, dtype=self.compute_dtype)

    def get_config(self):
        """Returns what ``__init__`` takes, for saving."""
        return super().get_config() | {"V": self.V}


def model(p, padding=None, **options):
    """Returns the Keras model of a language model: ids (B, T) in, logits (B, T, V) out.

    Args:
        p: ``language_model.Params`` over any network that ``layers`` takes.
        padding: the id that pads inputs, if the layers should skip it. It can be left out if the
            network reads forwards and the loss counts real words only.
        options: as in ``layers``.

    Raises:
        ValueError: Params of a network that Keras has no layer for, or padding that is no id.
    """
    V, dtype = len(p.b_y), p.W_y.dtype.name
    check_padding(padding, V)
    stack = layers(p.cell, **options)
    ids = keras.Input((None,), dtype="int32", name="ids")
    mask = None if padding is None else keras.ops.not_equal(ids, padding)
    if isinstance(stack[0], keras.layers.Embedding):
        h = stack.pop(0)(ids)
    else:
        h = OneHot(V, dtype=dtype, name="one_hot")(ids)
    for layer in stack:
        h = layer(h, mask=mask)
    made = keras.Model(ids, keras.layers.Dense(V, dtype=dtype, name="logits")(h))
    set_weights(made, p)
    return made


def check_padding(padding, V):
    """Raises ValueError unless padding is None or an id in 0..V-1: no other would be skipped."""
    if padding is not None:
        check_ids("padding", np.asarray(padding), V)


@keras.saving.register_keras_serializable("unrolled")
class LossPerWord(keras.metrics.Mean):
    """The mean cross-entropy of all words since the start of an epoch, in nats.

    Keras's own metric first takes means over the steps of each batch, so a word weighs
    less if its batch is longer. Here every word weighs the same, and the exponential is
    the perplexity. Pass it as one of the ``weighted_metrics`` of ``compile``.
    """

    def update_state(self, targets, logits, sample_weight=None):
        """Adds a batch: targets (B, T) ids, logits (B, T, V), sample_weight (B, T)."""
        losses = keras.ops.sparse_categorical_crossentropy(
            targets, logits, from_logits=True
        )
        if sample_weight is not None:
            sample_weight = keras.ops.ravel(sample_weight)
        return super().update_state(keras.ops.ravel(losses), sample_weight)


@names_arguments(
    p=language_model.WEIGHTS,
    batch=fields(
        Batch,
        inputs=ids("T B", "V"),
        targets=ids("T B", "V"),
        mask=mask("T B"),
    ),
)
def loss_and_gradient(p, batch, padding=None):
    """Returns what ``language_model.loss_and_gradient`` returns, found by Keras and TensorFlow.

    Args:
        p: ``language_model.Params``.
        batch: a text.Batch; steps outside its mask count for nothing.
        padding: as in ``model``.

    Returns:
        loss: a float, the mean over the real words in nats.
        dp: Params.

    Raises:
        ValueError: a mask that is not bool or of another shape, one without a real word, or ids
            out of range.
    """
    if not batch.mask.any():
        raise ValueError("the batch holds no word to predict: its mask is all False")
    network = model(p, padding)
    mask = tf.constant(batch.mask.T.astype(p.W_y.dtype))
    with tf.GradientTape() as tape:
        losses = keras.ops.sparse_categorical_crossentropy(
            batch.targets.T, network(batch.inputs.T), from_logits=True
        )
        loss = tf.reduce_sum(losses * mask) / tf.reduce_sum(mask)
    d = tape.gradient(loss, [weight.value for weight in network.trainable_weights])
    return float(loss), tree.replace_leaves(
        p, [tf.convert_to_tensor(g).numpy() for g in d]
    )
