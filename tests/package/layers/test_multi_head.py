"""Multi-head attention: its equations, its gradient, its masks, and Keras with the same weights."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.cell_cases import shaken
from unrolled import tree
from unrolled.gradients import gradcheck
from unrolled.layers import multi_head

B, T, S, D, N, E = 3, 4, 5, 6, 2, 4
seeds = st.integers(0, 2**32 - 1)


def case(seed=0):
    """Weights of order 1, steps, a source, and a mask with at least one place for every step."""
    rng = np.random.default_rng(seed)
    p = multi_head.init(rng, D, N, E)
    p = shaken(p, rng, 0.3)
    mask = rng.random((B, T, S)) < 0.6
    mask[..., 0] = True
    return p, rng.standard_normal((B, T, D)), rng.standard_normal((B, S, D)), mask


@pytest.mark.equation("eq-heads-project", "eq-heads-attend", "eq-heads-join")
def test_forward_is_the_equations_head_by_head():
    p, x, source, mask = case()
    y, cache = multi_head.forward(p, x, source, mask)
    for b, t in np.ndindex(B, T):
        joined = p.b_o.copy()
        for n in range(N):
            q = x[b, t] @ p.W_q[:, n] + p.b_q[n]
            scores, values = {}, {}
            for s in range(S):
                if mask[b, t, s]:
                    k = source[b, s] @ p.W_k[:, n] + p.b_k[n]
                    scores[s] = np.exp(q @ k / np.sqrt(E))
                    values[s] = source[b, s] @ p.W_v[:, n] + p.b_v[n]
            weights = {s: e / sum(scores.values()) for s, e in scores.items()}
            for s in range(S):
                assert cache.weights[b, n, t, s] == pytest.approx(
                    weights.get(s, 0), rel=1e-12
                )
            joined = joined + sum(w * values[s] for s, w in weights.items()) @ p.W_o[n]
        np.testing.assert_allclose(y[b, t], joined, rtol=1e-11)


def test_one_product_serves_all_heads():
    p, x, _, _ = case(12)
    found = multi_head.to_heads(x, p.W_q, p.b_q)
    for n in range(N):
        np.testing.assert_allclose(found[:, n], x @ p.W_q[:, n] + p.b_q[n], rtol=1e-12)


def gradient_check(inputs, mask, gradients, dy):
    """Every entry of everything; the keys' bias by itself, whose gradient is exactly zero."""

    def loss(everything):
        return float((multi_head.forward(*everything, mask=mask)[0] * dy).sum())

    dp, *others = gradients
    numeric = gradcheck.central_difference(loss, inputs)[0].b_k
    assert np.abs(dp.b_k).max() < 1e-14 and np.abs(numeric).max() < 1e-8
    without = dp._replace(b_k=numeric)  # 0 against 0 has no relative error
    return gradcheck.check(loss, inputs, (without, *others), tolerance=1e-7)


@pytest.mark.parametrize("masked", [True, False])
def test_backward_is_the_gradient_of_forward(masked):
    p, x, source, mask = case(1)
    mask = mask if masked else None
    dy = np.random.default_rng(2).standard_normal((B, T, D))
    _, cache = multi_head.forward(p, x, source, mask)
    found = multi_head.backward(p, cache, dy)
    assert len(gradient_check((p, x, source), mask, found, dy)) == 10


def test_in_self_attention_a_step_is_asker_key_and_value_at_once():
    p, x, _, _ = case(3)
    mask = multi_head.causal(T)
    dy = np.random.default_rng(4).standard_normal((B, T, D))
    _, cache = multi_head.forward(p, x, mask=mask)
    dp, dx, dsource = multi_head.backward(p, cache, dy)
    assert dsource is None
    gradient_check((p, x), mask, (dp, dx), dy)
    # the same steps given twice: two gradients
    _, cache = multi_head.forward(p, x, x, mask)
    dp_two, dx_two, dsource = multi_head.backward(p, cache, dy)
    np.testing.assert_allclose(dx_two + dsource, dx, rtol=1e-11, atol=1e-14)
    tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-13), dp_two, dp)


@given(seeds)
def test_weights_are_distributions_and_hidden_places_weigh_nothing(seed):
    p, x, source, mask = case(seed)
    weights = multi_head.forward(p, x, source, mask)[1].weights
    np.testing.assert_allclose(weights.sum(axis=-1), 1, rtol=1e-12)
    hidden = np.broadcast_to(~mask[:, None], weights.shape)
    assert (weights[hidden] == 0).all() and (weights[~hidden] > 0).all()


@given(seeds, st.integers(1, T - 1))
def test_a_causal_mask_hides_the_future_and_nothing_else(seed, t):
    p, x, _, _ = case(seed)
    changed = x.copy()
    changed[:, t] += 1
    y = multi_head.forward(p, x, mask=multi_head.causal(T))[0]
    z = multi_head.forward(p, changed, mask=multi_head.causal(T))[0]
    np.testing.assert_allclose(y[:, :t], z[:, :t], rtol=1e-12)
    assert (np.abs(y[:, t:] - z[:, t:]).max(axis=-1) > 1e-9).all()


@given(seeds, st.integers(0, S - 1))
def test_a_changed_step_of_the_source_changes_the_weights_of_every_head(seed, s):
    p, x, source, _ = case(seed)
    changed = source.copy()
    changed[:, s] += np.random.default_rng(seed).uniform(0.5, 1, D)
    before = multi_head.forward(p, x, source)[1].weights
    after = multi_head.forward(p, x, changed)[1].weights
    assert (np.abs(before - after).max(axis=(2, 3)) > 1e-9).all()


def test_a_batch_is_its_sequences_one_by_one_without_padding():
    p, x, source, _ = case(5)
    lengths = np.array([5, 2, 3])
    mask = (np.arange(S) < lengths[:, None])[:, None]
    together, _ = multi_head.forward(p, x, source, mask)
    for b in range(B):
        alone, _ = multi_head.forward(p, x[[b]], source[[b], : lengths[b]])
        np.testing.assert_allclose(alone[0], together[b], rtol=1e-12)


@pytest.mark.equation("eq-self-attention-order")
@given(seeds)
def test_without_positions_the_order_of_the_steps_is_not_seen(seed):
    p, x, _, _ = case(seed)
    order = np.random.default_rng(seed).permutation(T)
    y, y_moved = (multi_head.forward(p, steps)[0] for steps in (x, x[:, order]))
    np.testing.assert_allclose(y_moved, y[:, order], rtol=1e-9, atol=1e-12)
    if (order != np.arange(T)).any():
        told = multi_head.positions(T, D)
        z, z_moved = (multi_head.forward(p, s + told)[0] for s in (x, x[:, order]))
        assert np.abs(z_moved - z[:, order]).max() > 1e-6


@pytest.mark.equation("eq-positions", "eq-positions-turn")
def test_positions_are_sines_and_a_step_on_turns_each_pair():
    found = multi_head.positions(50, 8)
    for t, i in ((0, 0), (3, 1), (49, 3)):
        angle = t / 10000 ** (2 * i / 8)
        np.testing.assert_allclose(
            found[t, 2 * i : 2 * i + 2], [np.sin(angle), np.cos(angle)]
        )
    for k in (1, 7):
        for i in range(4):
            a = k / 10000 ** (2 * i / 8)
            turn = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
            pair = found[:, 2 * i : 2 * i + 2]
            np.testing.assert_allclose(pair[:-k] @ turn, pair[k:], atol=1e-12)
    t = np.arange(3)
    np.testing.assert_allclose(
        multi_head.positions(3, 2), np.stack([np.sin(t), np.cos(t)], axis=1)
    )
    assert multi_head.positions(1, 2).tolist() == [[0, 1]]


@pytest.mark.equation("eq-key-bias")
def test_the_bias_of_the_keys_changes_nothing():
    p, x, source, mask = case(6)
    y = multi_head.forward(p, x, source, mask)[0]
    moved = p._replace(b_k=p.b_k + 5)
    np.testing.assert_allclose(
        multi_head.forward(moved, x, source, mask)[0], y, rtol=1e-10
    )


def test_float32_stays_float32():
    assert multi_head.positions(3, 4, np.float32).dtype == np.float32
    p, x, source, mask = tree.map(lambda a: a.astype(np.float32), case(7)[:3]) + (
        case(7)[3],
    )
    y, cache = multi_head.forward(p, x, source, mask)
    found = multi_head.backward(p, cache, y)
    assert {leaf.dtype for leaf in tree.leaves((y, found))} == {np.dtype(np.float32)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"x_BTD": np.zeros((B, T, D + 1))},
            r"x must be \(batch, steps, 6\), got \(3, 4, 7\)",
        ),
        (
            {"source_BSD": np.zeros((B, S))},
            r"source must be \(batch, steps, 6\), got \(3, 5\)",
        ),
        ({"source_BSD": np.zeros((B, 0, D)), "mask": None}, "the source is empty"),
        (
            {"source_BSD": np.zeros((B + 1, S, D)), "mask": None},
            "must agree in their batch",
        ),
        ({"mask": np.zeros((B, T, S), bool)}, "has no real position"),
        ({"mask": np.ones((B, T, S + 1), bool)}, "a last axis of 5 positions"),
    ],
)
def test_what_does_not_fit_is_named(change, message):
    p, x, source, mask = case()
    given = {"x_BTD": x, "source_BSD": source, "mask": mask} | change
    with pytest.raises(ValueError, match=message):
        multi_head.forward(p, **given)


def test_weights_begin_within_one_over_the_root_of_the_terms_of_their_sum_and_biases_at_0():
    p = multi_head.init(np.random.default_rng(0), 30, 5, 4)
    for W, terms in ((p.W_q, 30), (p.W_k, 30), (p.W_v, 30), (p.W_o, 20)):
        assert (
            0.95 < np.abs(W).max() * np.sqrt(terms) <= 1
            and abs(W.mean()) < 0.1 * W.max()
        )
    assert not any(b.any() for b in (p.b_q, p.b_k, p.b_v, p.b_o))


def test_impossible_sizes_are_refused():
    for sizes in ((0, 2, 2), (4, 0, 2), (4, 2, 0)):
        with pytest.raises(ValueError, match="sizes must be at least 1"):
            multi_head.init(np.random.default_rng(0), *sizes)
    for T_, D_ in ((3, 5), (0, 4), (3, 0)):
        with pytest.raises(ValueError, match="come in pairs"):
            multi_head.positions(T_, D_)


# --- Keras -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def frameworks():
    keras = pytest.importorskip("keras")
    tensorflow = pytest.importorskip("tensorflow")
    return keras, tensorflow


def keras_layer(frameworks, p, x, source, mask, causal, dy):
    """Keras's output and gradients with our weights, in the order of ours."""
    keras, tf = frameworks
    layer = keras.layers.MultiHeadAttention(*p.W_q.shape[1:], dtype="float64")
    layer.build(x.shape, source.shape)
    layer.set_weights(list(p))
    given = [tf.constant(x), tf.constant(source)]
    with tf.GradientTape() as tape:
        tape.watch(given)
        y = layer(*given, attention_mask=mask, use_causal_mask=causal)
        loss = tf.reduce_sum(y * dy)
    weights = [weight.value for weight in layer.weights]
    return y.numpy(), [g.numpy() for g in tape.gradient(loss, weights + given)]


# Keras brings 1/√E to single precision on its way into the product. With E = 4 that is exact.
@pytest.mark.slow
@pytest.mark.parametrize("kind", ["plain", "masked", "causal"])
def test_keras_agrees_on_outputs_and_gradients(frameworks, kind):
    p, x, source, mask = case(8)
    dy = np.random.default_rng(9).standard_normal((B, T, D))
    if kind == "causal":
        source, mask = x.copy(), multi_head.causal(T)
    elif kind == "plain":
        mask = None
    y, cache = multi_head.forward(p, x, source, mask)
    given = None if kind == "causal" else mask
    y_keras, expected = keras_layer(
        frameworks, p, x, source, given, kind == "causal", dy
    )
    np.testing.assert_allclose(y, y_keras, rtol=0, atol=1e-12)
    found = tree.leaves(multi_head.backward(p, cache, dy))
    for ours, theirs in zip(found, expected, strict=True):
        assert np.abs(ours - theirs).max() <= 1e-10 * max(1, np.abs(theirs).max())


@pytest.mark.slow
def test_where_the_root_is_not_exact_keras_rounds_it_to_single_precision(frameworks):
    _, x, source, mask = case(10)
    rng = np.random.default_rng(11)
    p = tree.map(lambda w: rng.standard_normal(w.shape), multi_head.init(rng, D, N, 3))
    y, _ = multi_head.forward(p, x, source, mask)
    y_keras, _ = keras_layer(frameworks, p, x, source, mask, False, y)
    assert 1e-10 < np.abs(y - y_keras).max() < 1e-6
    rounded = float(np.float32(1 / np.sqrt(3))) * np.sqrt(3)
    p = p._replace(W_q=rounded * p.W_q, b_q=rounded * p.b_q)
    np.testing.assert_allclose(
        multi_head.forward(p, x, source, mask)[0], y_keras, atol=1e-12
    )
