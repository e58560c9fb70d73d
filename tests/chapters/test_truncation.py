"""The truncations: which pairs they keep, what they lose, and which library computes which."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.language_models import truncation_bias
from tests.support.closeness import distance
from tests.support.output_network import EXACT, case, deltas, own_output
from unrolled import records
from unrolled.cells import rnn
from unrolled.data import text
from unrolled.drawing import charts
from unrolled.functional import cross_entropy, softmax
from unrolled.gradients import chain_rule
from unrolled.models import language_model


def kept(T, condition):
    """[t, k] of bool from a condition on steps counted from 1, as in the equation."""
    return np.array(
        [
            [k <= t and bool(condition(t, k)) for k in range(1, T + 1)]
            for t in range(1, T + 1)
        ]
    ).reshape(T, T)


TRUNCATIONS = {
    "window": (rnn.backward_window, lambda T, w: lambda t, k: t - k <= w),
    "last": (rnn.backward_last, lambda T, n: lambda t, k: k > T - n),
    "chunks": (rnn.backward_chunks, lambda T, c: lambda t, k: -(-t // c) == -(-k // c)),
}


def network(T, seed=0):
    p, h0, x, targets = case(T, seed)
    cache, dh = own_output(p, h0, x, targets)
    return p.cell, h0, x, cache, dh


@pytest.mark.equation("eq-truncation-pairs", "eq-truncation-sets")
@pytest.mark.parametrize("name", TRUNCATIONS)
@settings(max_examples=25, deadline=None)
@given(T=st.integers(0, 9), size=st.integers(0, 12), seed=st.integers(0, 1000))
def test_a_truncation_is_a_choice_of_pairs(name, T, size, seed):
    backward, rule = TRUNCATIONS[name]
    size = max(size, name == "chunks")
    cell, _, _, cache, dh = network(T, seed)
    pairs = kept(T, rule(T, size))
    delta = deltas(cell, cache.h, dh)
    W_h = np.zeros_like(cell.W_h)
    for t, k in zip(*np.nonzero(pairs), strict=True):
        W_h += cache.h_previous[k].T @ delta[t, k]
    dp, dx, dh0 = backward(cell, cache, dh, size)
    assert distance(dp.W_h, W_h) <= EXACT
    by_pairs = chain_rule.gradient(cell, cache, dh, pairs.astype(bool))
    assert distance((dp, dh0), by_pairs) <= EXACT
    kept_delta = (
        np.where(pairs[..., None, None], delta, 0).sum(axis=0)
        if T
        else np.zeros_like(dh)
    )
    assert distance(dx, kept_delta @ cell.W_x.T) <= EXACT


def test_the_window_of_four_walks_five_steps():
    T = 12
    pairs = kept(T, TRUNCATIONS["window"][1](T, 4))
    assert pairs.sum(axis=1).tolist() == [1, 2, 3, 4, 5, 5, 5, 5, 5, 5, 5, 5]
    # the post's loop, as it prints its steps
    assert [len(np.arange(max(0, t - 4), t + 1)) for t in range(T)] == pairs.sum(
        axis=1
    ).tolist()
    cell, _, _, cache, dh = network(T)
    window = rnn.backward_window(cell, cache, dh, 4)
    assert distance(rnn.backward_loops(cell, cache, dh, 4), window) <= EXACT
    assert distance(rnn.backward_loops(cell, cache, dh, 3), window) > 0.01


@pytest.mark.parametrize("name", TRUNCATIONS)
@pytest.mark.parametrize("T", [0, 1, 2, 7])
def test_beyond_the_sequence_it_is_the_full_gradient(name, T):
    backward, _ = TRUNCATIONS[name]
    cell, _, _, cache, dh = network(T)
    for size in (max(T, 1), T + 1, 1000):
        assert (
            distance(backward(cell, cache, dh, size), rnn.backward(cell, cache, dh))
            <= EXACT
        )


@pytest.mark.parametrize("name", TRUNCATIONS)
@pytest.mark.parametrize("T", [0, 1, 5])
def test_a_negative_size_is_refused(name, T):
    cell, _, _, cache, dh = network(T)
    with pytest.raises(ValueError, match=r"at least [01].*-3"):
        TRUNCATIONS[name][0](cell, cache, dh, -3)


@pytest.mark.equation("eq-truncation-output-layer")
def test_with_the_softmax_in_the_loop_the_output_layer_is_cut_too():
    T, n, V = 9, 4, 5
    p, h0, x, targets = case(T, 41)
    h, _ = rnn.forward(p.cell, x, h0)
    du = softmax(h @ p.W_y + p.b_y) - np.eye(V)[targets]
    cut = sum(h[t].T @ du[t] for t in range(T - n, T))
    whole = sum(h[t].T @ du[t] for t in range(T))

    # the outputs that the truncated scan still runs backward over
    def loss(W_y, first):
        return sum(
            cross_entropy(h[t] @ W_y + p.b_y, targets[t]).sum() for t in range(first, T)
        )

    for first, found in ((T - n, cut), (0, whole)):
        numeric = np.zeros_like(p.W_y)
        for i, j in np.ndindex(numeric.shape):
            e = np.zeros(numeric.shape, complex)
            e[i, j] = 1e-30j
            numeric[i, j] = loss(p.W_y + e, first).imag / 1e-30
        assert distance(found, numeric) <= EXACT
    assert distance(cut, whole) > 0.1


@pytest.mark.equation("eq-truncation-descent")
@pytest.mark.parametrize("name", TRUNCATIONS)
def test_the_loss_falls_by_the_inner_product(name):
    cell, h0, x, cache, dh = network(8, 42)
    full = rnn.backward(cell, cache, dh)[0].W_h
    step = TRUNCATIONS[name][0](cell, cache, dh, 3)[0].W_h

    def loss(W_h):
        return (rnn.forward(cell._replace(W_h=W_h), x, h0)[0] * dh).sum()

    errors = []
    for eta in (1e-3, 1e-4):
        fall = loss(cell.W_h - eta * step) - loss(cell.W_h)
        errors.append(abs(fall + eta * (step * full).sum()))
    assert errors[0] / errors[1] == pytest.approx(100, rel=0.2)  # what is left is O(η²)


def test_a_window_can_point_uphill():
    p = rnn.Params(np.array([[1.0]]), np.array([[2.0]]), np.zeros(1))
    x, own = np.array([[[-2.0]], [[0.0]]]), np.array([[[-1.0]], [[1.0]]])
    _, cache = rnn.forward(p, x, np.ones((1, 1)))
    assert rnn.backward(p, cache, own)[0].W_h.item() == 1
    assert rnn.backward_window(p, cache, own, 0)[0].W_h.item() == -1


@pytest.mark.claim(
    "truncation-never-moves-weights-outside-its-pairs",
    "If an input is nonzero only at steps that no kept pair joins to an output with a loss, the "
    "truncated gradient of its weights is exactly zero.",
)
@pytest.mark.equation("eq-truncation-blind")
@pytest.mark.parametrize("name", TRUNCATIONS)
def test_what_no_pair_reaches_has_no_gradient(name):
    """The row of W_x for such an input, truncated (zero) and in full (not zero)."""
    T, size = 10, 5
    rng = np.random.default_rng(43)
    cell = rnn.init(rng, 2, 6)
    x = np.zeros((T, 3, 2))
    x[0, :, 0], x[:, :, 1] = 1.0, rng.standard_normal((T, 3))
    dh = np.zeros((T, 3, 6))
    dh[-1] = rng.standard_normal((3, 6))
    _, cache = rnn.forward(cell, x)
    backward, rule = TRUNCATIONS[name]
    W_x = backward(cell, cache, dh, size)[0].W_x
    delta, pairs = deltas(cell, cache.h, dh)[-1], kept(T, rule(T, size))[-1]
    for d in range(2):
        by_steps = sum(x[k, :, d, None] * delta[k] for k in np.nonzero(pairs)[0]).sum(
            axis=0
        )
        assert distance(W_x[d], by_steps) <= EXACT
    assert not W_x[0].any() and W_x[1].all()  # exactly zero
    assert rnn.backward(cell, cache, dh)[0].W_x[0].all()


def test_the_figure_of_pairs_fills_what_is_kept():
    pairs = kept(12, TRUNCATIONS["chunks"][1](12, 4))
    filled, hollow = charts.pairs(pairs).panels[0].marks
    assert pairs.sum() == 30
    assert (len(filled.x), len(hollow.x)) == (30, 48)
    assert hollow.hollow and not filled.hollow


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_pytensor_truncates_to_the_last_steps():
    import pytensor
    import pytensor.tensor as pt

    cell, h0, x, _, dh = network(12, 44)
    _, cache = rnn.forward(cell, x[:, :1], h0[:1])
    weights = [pytensor.shared(w) for w in cell]
    inputs, own = pt.dmatrix(), pt.dmatrix()

    def step(x_t, h, W_x, W_h, b):
        return pt.tanh(x_t @ W_x + h @ W_h + b)

    for size in (4, 12, -1):
        states = pytensor.scan(
            step,
            [inputs],
            [pt.as_tensor(h0[0])],
            weights,
            truncate_gradient=size,
            return_updates=False,
        )
        gradients = pytensor.grad((states * own).sum(), weights)
        function = pytensor.function([inputs, own], gradients, mode="FAST_COMPILE")
        found = rnn.Params(*function(x[:, 0], dh[:, 0]))
        wanted = rnn.backward_last(cell, cache, dh[:, :1], size if size > 0 else 12)[0]
        assert distance(found, wanted) <= EXACT
        if size == 4:
            assert (
                distance(found, rnn.backward_window(cell, cache, dh[:, :1], 4)[0]) > 0.1
            )


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_keras_stateful_layers_truncate_to_chunks():
    import keras
    import tensorflow as tf

    cell, _, x, _, dh = network(12, 45)
    _, cache = rnn.forward(cell, x)
    layer = keras.layers.SimpleRNN(
        4, return_sequences=True, stateful=True, dtype="float64"
    )
    layer.build((2, 4, 3))
    layer.set_weights(list(cell))
    total = [0.0, 0.0, 0.0]
    for first in range(0, 12, 4):
        piece, own = (np.swapaxes(a[first : first + 4], 0, 1) for a in (x, dh))
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(layer(tf.constant(piece)) * own)
        gradients = tape.gradient(loss, layer.trainable_variables)
        total = [one + g.numpy() for one, g in zip(total, gradients, strict=True)]
    wanted = rnn.backward_chunks(cell, cache, dh, 4)[0]
    assert distance(rnn.Params(*total), wanted) <= EXACT
    assert distance(wanted, rnn.backward(cell, cache, dh)[0]) > 0.1


def test_the_measure_of_bias_on_a_case_that_can_be_done_by_hand():
    rng = np.random.default_rng(46)
    p = language_model.init(rng, 7, 5, dtype=np.float64)
    p = p._replace(W_y=10 * p.W_y)
    batches = [tuple(rng.integers(0, 7, (2, 6, 3))) for _ in range(2)]
    found = truncation_bias.measure(p, batches, [0, 1, 2, 6])
    full, window = [], []
    for inputs, targets in batches:
        logits, cache = language_model.forward(p, inputs)
        dh = (softmax(logits) - np.eye(7)[targets]) @ p.W_y.T
        pairs = kept(6, lambda t, k: t - k <= 1)
        x = np.eye(7)[inputs]
        cache = cache._replace(x=x)
        full.append(chain_rule.gradient(p.cell, cache, dh)[0].W_h)
        window.append(chain_rule.gradient(p.cell, cache, dh, pairs)[0].W_h)
    whole, cut = sum(full), sum(window)
    off = np.linalg.norm(cut - whole) / np.linalg.norm(whole)
    angle = (cut * whole).sum() / np.linalg.norm(cut) / np.linalg.norm(whole)
    noise = np.mean(
        [np.linalg.norm(g - whole / 2) / np.linalg.norm(whole / 2) for g in full]
    )
    assert found["window"]["distance"][1] == pytest.approx(off, rel=1e-10)
    assert found["window"]["cosine"][1] == pytest.approx(angle, rel=1e-10)
    assert found["noise"] == pytest.approx(noise, rel=1e-10)
    assert found["chunks"]["steps"] == [1, 2, 6]
    assert found["last"]["distance"][0] == 1 and found["last"]["cosine"][0] == 0
    for name in TRUNCATIONS:
        assert found[name]["distance"][-1] == pytest.approx(0, abs=1e-12)


def test_too_few_sentences_of_the_length_are_named(monkeypatch):
    documents = [text.Document(f"d{i}", (f"A b c d {i}.",)) for i in range(50)]
    monkeypatch.setattr(text, "corpus", lambda: documents)
    with pytest.raises(ValueError, match="sentences of 30 steps; 512 are needed"):
        truncation_bias.chosen_batches(
            text.Vocabulary(["a", "b"]),
            truncation_bias.SETTINGS,
            np.random.default_rng(0),
        )


@pytest.fixture(scope="module")
def bias():
    return records.load("truncation_bias")["results"]


def at(truncation, measure, steps):
    """Returns the recorded number for this many steps."""
    return truncation[measure][truncation["steps"].index(steps)]


@pytest.mark.claim(
    "window-closest-last-farthest",
    "At the same number of steps, one to eight, the window is closest to the gradient of the "
    "trained model, and the last truncation is farthest from it.",
    records="truncation_bias",
)
@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 6, 8])
def test_the_window_is_closest_and_last_is_farthest(bias, steps):
    """Cosine and distance of the gradient over all sentences, at each number of steps."""
    window, chunks, last = (bias["trained"][n] for n in ("window", "chunks", "last"))
    for better, worse in ((window, chunks), (chunks, last)):
        assert at(better, "cosine", steps) > at(worse, "cosine", steps)
        assert at(better, "distance", steps) < at(worse, "distance", steps)


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5])
def test_the_window_is_closest_if_its_own_step_counts_too(bias, steps):
    """A window of w against w + 1 steps of the other two truncations."""
    window, chunks, last = (bias["trained"][n] for n in ("window", "chunks", "last"))
    for measure, sign in (("distance", 1), ("cosine", -1)):
        found = (
            at(window, measure, steps),
            at(chunks, measure, steps + 1),
            at(last, measure, steps + 1),
        )
        assert sorted(found, key=lambda value: sign * value) == list(found)


def test_a_window_loses_more_when_the_recurrent_weights_are_doubled():
    """The example of the page: weights uniform within ±1/√n, twelve steps."""
    rng = np.random.default_rng(0)
    p = rnn.Params(
        rng.uniform(-1, 1, (3, 6)) / np.sqrt(3),
        rng.uniform(-1, 1, (6, 6)) / np.sqrt(6),
        np.zeros(6),
    )
    x, dh = rng.standard_normal((12, 2, 3)), rng.standard_normal((12, 2, 6))
    off = []
    for scale in (1, 2):
        scaled = p._replace(W_h=scale * p.W_h)
        _, cache = rnn.forward(scaled, x)
        full = rnn.backward(scaled, cache, dh)[0].W_h
        cut = rnn.backward_window(scaled, cache, dh, 4)[0].W_h
        off.append(np.linalg.norm(cut - full) / np.linalg.norm(full))
    assert off[0] < 0.05 and off[1] > 0.5


@pytest.mark.claim(
    "batch-noise-exceeds-the-bias-of-a-window",
    "The gradient of one batch is several times as far from the gradient of all sentences as a "
    "window of four steps is from the full gradient.",
    records="truncation_bias",
)
def test_one_batch_is_further_off_than_a_window(bias):
    """The mean distance of a batch with three times the distance of the window."""
    assert bias["trained"]["noise"] > 3 * at(bias["trained"]["window"], "distance", 4)
