"""The equations of the chapter on cells and wrappers, each against what Keras does."""

import numpy as np
import pytest

from unrolled.cells import peephole_lstm
from unrolled.frameworks import keras_models
from unrolled.frameworks.quiet_tensorflow import keras, tf
from unrolled.functional import sigmoid, softmax

layers = keras.layers
T, B, D, H = 6, 3, 4, 5
AGREED = 1e-10


@pytest.mark.equation("eq-tf-cell")
def test_a_layer_is_its_cell_repeated():
    rng = np.random.default_rng(0)
    p = peephole_lstm.init(rng, D, H)
    (layer,) = keras_models.layers(p, return_state=True)
    x = rng.standard_normal((B, T, D))
    y, *last = layer(x)
    assert layer.cell.state_size == [H, H] and layer.cell.output_size == H
    state = [np.zeros((B, H)), np.zeros((B, H))]
    for t in range(T):
        output, state = layer.cell(x[:, t], state)
        np.testing.assert_allclose(output, y[:, t], atol=AGREED)
    for one, two in zip(state, last, strict=True):
        np.testing.assert_allclose(one, two, atol=AGREED)


@pytest.mark.equation("eq-tf-dropout")
@pytest.mark.parametrize("rates", [(0.3, 0.3), (0.0, 0.3), (0.3, 0.0)])
def test_dropout_draws_its_masks_once_and_leaves_what_is_carried_whole(rates):
    rng = np.random.default_rng(1)
    cell = layers.LSTMCell(
        H, dropout=rates[0], recurrent_dropout=rates[1], seed=1, dtype="float64"
    )
    cell.build((B, D))
    W_x, W_h, b = (rng.standard_normal(w.shape) for w in cell.get_weights())
    cell.set_weights([W_x, W_h, b])
    x = rng.standard_normal((T, B, D))
    state = [tf.constant(rng.standard_normal((B, H))) for _ in range(2)]
    h, c = (s.numpy() for s in state)
    drawn = (
        cell.get_dropout_mask(tf.constant(x[0])),
        cell.get_recurrent_dropout_mask(state[0]),
    )
    masks = []
    for q, mask in zip(rates, drawn, strict=True):
        if not q:
            masks.append(np.ones((4, 1, 1)))
            continue
        own = isinstance(mask, list | tuple)
        assert own == (rates[1] > 0)  # with recurrent dropout each gate has its own
        mask = (
            np.array([m.numpy() for m in mask]) if own else np.stack([mask.numpy()] * 4)
        )
        kept = mask > 0
        assert 0 < kept.mean() < 1
        np.testing.assert_allclose(mask[kept], 1 / (1 - q))
        masks.append(mask)
    m, m_h = masks
    for x_t in x:
        blocks = zip(
            m, m_h, *(np.split(w, 4, axis=-1) for w in (W_x, W_h, b)), strict=True
        )
        i, f, g, o = ((m * x_t) @ W + (n * h) @ R + bias for m, n, W, R, bias in blocks)
        # the state that is carried is whole
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        output, state = cell(x_t, state, training=True)
        np.testing.assert_allclose(output, h, atol=AGREED)
        np.testing.assert_allclose(state[1], c, atol=AGREED)


def test_a_recurrent_layer_draws_its_masks_anew_for_every_batch_and_none_in_use():
    layer = layers.SimpleRNN(
        200, activation=None, kernel_initializer="identity", dropout=0.25
    )
    layer.build((None, 2, 200))
    layer.cell.recurrent_kernel.assign(np.zeros((200, 200)))
    ones = np.ones((5, 2, 200), np.float32)
    one, two = (layer(ones, training=True).numpy() for _ in range(2))
    assert (one != two).mean() > 0.2
    assert one.mean() == pytest.approx(1, abs=0.1)  # the mean stays
    np.testing.assert_array_equal(layer(ones), ones[:, 0])


def test_a_dropout_layer_has_one_mask_for_all_steps_if_its_noise_shape_says_so():
    ones = np.ones((4, 3, 8), np.float32)
    options = {"noise_shape": (None, 1, 8)}, {}
    one, fresh = (
        layers.Dropout(0.5, seed=1, **chosen)(ones, training=True).numpy()
        for chosen in options
    )
    assert (one == one[:, :1]).all() and not (one == one[:1]).all()
    assert not (fresh == fresh[:, :1]).all()


@pytest.mark.equation("eq-tf-state-dropout")
def test_what_is_dropped_anew_at_each_step_is_gone_soon():
    """Over all patterns of keeping, each weighed by its probability: no chance is left in it."""
    q = 0.2
    for k in (1, 3, 6):
        patterns = (np.arange(2**k)[:, None] >> np.arange(k)) & 1
        probability = np.prod(np.where(patterns, 1 - q, q), axis=1)
        survived = patterns.all(axis=1)
        assert probability.sum() == pytest.approx(1)
        assert (probability * survived).sum() == pytest.approx((1 - q) ** k)


@pytest.mark.equation("eq-tf-residual")
def test_the_jacobian_of_a_residual_step_has_an_identity_in_it():
    rng = np.random.default_rng(2)
    x_t, h = (
        tf.constant(rng.standard_normal((1, D))),
        tf.constant(rng.standard_normal((1, D))),
    )
    cell = layers.GRUCell(D, dtype="float64")
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(x_t)
        h_t, _ = cell(x_t, h)
        y_t = x_t + h_t
    of_h, of_y = (tape.jacobian(v, x_t)[0, :, 0].numpy() for v in (h_t, y_t))
    np.testing.assert_allclose(of_y, np.eye(D) + of_h, atol=1e-12)
    assert np.abs(of_h).max() > 0.01


@pytest.mark.slow
@pytest.mark.claim(
    "residual-keeps-the-gradient",
    "In ten untrained LSTM layers, the gradient at the lowest layer is more than a thousand times "
    "smaller than at the top layer. With residual connections it stays within a factor of two.",
)
def test_residual_connections_keep_the_gradient_of_ten_layers_within_a_factor_of_two():
    """For five seeds, the gradient at every layer relative to the top: the lowest below 0.001
    without residual connections; all between 0.5 and 2 with them."""
    for seed in range(5):
        keras.utils.set_random_seed(seed)
        x = np.random.default_rng(seed).standard_normal((8, 12, 16))
        for residual in (False, True):
            inputs = [tf.constant(x, tf.float32)]
            with tf.GradientTape() as tape:
                tape.watch(inputs[0])
                for _ in range(10):
                    h = layers.LSTM(16, return_sequences=True)(inputs[-1])
                    inputs.append(inputs[-1] + h if residual else h)
                loss = tf.reduce_sum(inputs[-1] ** 2) / 2
            norms = [float(tf.norm(g)) for g in tape.gradient(loss, inputs[:-1])]
            relative = np.array(norms) / norms[-1]
            if residual:
                assert 0.5 < relative.min() and relative.max() < 2
            else:
                assert relative[0] < 1e-3


@pytest.mark.equation("eq-tf-additive-attention")
def test_additive_attention_is_what_the_equation_says_behind_two_projections():
    rng = np.random.default_rng(3)
    S, M, A = 4, 3, 5
    W_q, W_k, v = (rng.standard_normal(shape) for shape in ((H, A), (M, A), (A,)))
    h, memory = rng.standard_normal((B, H)), rng.standard_normal((B, S, M))
    layer = layers.AdditiveAttention(dtype="float64")
    layer.build([(B, 1, A), (B, S, M), (B, S, A)])
    assert [tuple(w.shape) for w in layer.weights] == [(A,)]  # no projection of its own
    layer.set_weights([v])
    found, weights = layer(
        [(h @ W_q)[:, None], memory, memory @ W_k], return_attention_scores=True
    )
    for b in range(B):
        scores = np.array(
            [v @ np.tanh(h[b] @ W_q + memory[b, s] @ W_k) for s in range(S)]
        )
        alpha = softmax(scores)
        np.testing.assert_allclose(weights[b, 0], alpha, atol=AGREED)
        wanted = sum(alpha[s] * memory[b, s] for s in range(S))
        np.testing.assert_allclose(found[b, 0], wanted, atol=AGREED)


def test_what_a_stateful_layer_keeps_carries_no_gradient():
    rng = np.random.default_rng(4)
    layer = layers.GRU(H, stateful=True)
    x = tf.constant(rng.standard_normal((B, T, D)), tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(x)
        layer(x[:, :3])
        loss = tf.reduce_sum(layer(x[:, 3:]))
    moved = np.abs(tape.gradient(loss, x)).sum(axis=(0, 2)) > 0
    assert moved.tolist() == [False] * 3 + [True] * 3


@pytest.mark.parametrize(
    ("cell", "bias"),
    [
        (layers.LSTMCell, [0, 50, 0, 0]),  # f = 1
        (layers.GRUCell, [50, 0, 0]),  # z = 1
    ],
)
def test_recurrent_dropout_erases_nothing_behind_an_open_gate(cell, bias):
    options = {} if cell is layers.LSTMCell else {"reset_after": False}
    cell = cell(64, recurrent_dropout=0.2, seed=2, **options)
    cell.build((1, 1))
    W_x, W_h, _ = cell.get_weights()
    cell.set_weights([0 * W_x, 0 * W_h, np.repeat(np.array(bias, float), 64)])
    state = [np.ones((1, 64), np.float32)] * np.size(cell.state_size)
    for _ in range(20):
        _, state = cell(np.zeros((1, 1), np.float32), state, training=True)
    np.testing.assert_allclose(state[-1], 1, atol=1e-5)


def test_recurrent_dropout_erases_a_part_of_the_memory_of_a_plain_cell():
    cell = layers.SimpleRNNCell(
        64,
        activation=None,
        recurrent_initializer="identity",
        recurrent_dropout=0.2,
        seed=2,
    )
    state = [np.ones((1, 64), np.float32)]
    for _ in range(20):
        _, state = cell(np.zeros((1, 1), np.float32), state, training=True)
    assert 0.6 < np.mean(np.array(state[0]) > 0) < 0.95
