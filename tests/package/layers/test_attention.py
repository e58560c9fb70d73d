"""Attention: scores, masks, contexts and their gradients; the properties that define it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled import tree
from unrolled.gradients import gradcheck
from unrolled.layers import attention
from unrolled.layers.attention import SCORES, additive, dot, general, scaled_dot

B, T, S, Q, E, F, A = 3, 2, 5, 4, 4, 6, 7  # a dot product wants Q = E
every_score = pytest.mark.parametrize("score", SCORES, ids=lambda score: score.name)


def case(score, seed=0, B=B, T=T, S=S, E=E, F=F, masked=True):
    """Weights of order 1, queries, keys, values, and a mask with a real position in each row."""
    rng = np.random.default_rng(seed)
    p = tree.map(lambda w: rng.standard_normal(w.shape), score.init(rng, Q, E, A))
    queries, keys, values = (
        rng.standard_normal(shape) for shape in [(B, T, Q), (B, S, E), (B, S, F)]
    )
    if not masked:
        return p, queries, keys, values, None
    lengths = rng.integers(1, S + 1, B)
    return p, queries, keys, values, (np.arange(S) < lengths[:, None])[:, None]


def score_by_hand(score, p, query, key):
    """The score of one key for one query, entry by entry, from the displayed equation."""
    if score is additive:
        a = [
            sum(query[i] * p.W_q[i, j] for i in range(Q))
            + sum(key[i] * p.W_k[i, j] for i in range(E))
            for j in range(A)
        ]
        return sum(p.v[j] * np.tanh(a[j]) for j in range(A))
    if score is general:
        return sum(query[i] * p.W[i, j] * key[j] for i in range(Q) for j in range(E))
    product = sum(query[i] * key[i] for i in range(E))
    return product if score is dot else product / E**0.5


@pytest.mark.equation(
    "eq-attention-additive",
    "eq-attention-general",
    "eq-attention-dot",
    "eq-attention-scaled-dot",
)
@every_score
def test_scores_are_the_equation_pair_by_pair(score):
    p, queries, keys, _, _ = case(score)
    scores, _ = score.scores(p, queries, score.prepare(p, keys))
    for b, t, s in np.ndindex(B, T, S):
        expected = score_by_hand(score, p, queries[b, t], keys[b, s])
        assert scores[b, t, s] == pytest.approx(expected, rel=1e-12)


@pytest.mark.equation("eq-attention-weights", "eq-attention-context")
@every_score
def test_the_context_is_the_weighted_mean_of_the_real_values(score):
    p, queries, keys, values, mask = case(score, seed=1)
    context, cache = attention.forward(p, queries, keys, values, mask, score)
    for b, t in np.ndindex(B, T):
        real = [s for s in range(S) if mask[b, 0, s]]
        e = {
            s: np.exp(score_by_hand(score, p, queries[b, t], keys[b, s])) for s in real
        }
        weights = {s: e[s] / sum(e.values()) for s in real}
        expected = sum(weights[s] * values[b, s] for s in real)
        np.testing.assert_allclose(context[b, t], expected, rtol=1e-12)
        for s in range(S):
            assert cache.weights[b, t, s] == pytest.approx(weights.get(s, 0), rel=1e-12)


@every_score
@pytest.mark.parametrize("masked", [False, True])
def test_backward_is_the_gradient_of_forward(score, masked):
    p, queries, keys, values, mask = case(score, seed=2, masked=masked)
    dcontext = np.random.default_rng(3).standard_normal((B, T, F))

    def loss(everything):
        p, queries, keys, values = everything
        context, _ = attention.forward(p, queries, keys, values, mask, score)
        return float((context * dcontext).sum())

    _, cache = attention.forward(p, queries, keys, values, mask, score)
    gradients = attention.backward(p, cache, dcontext, score)
    worst = gradcheck.check(loss, (p, queries, keys, values), gradients, tolerance=1e-7)
    assert len(worst) == len(tree.leaves(p)) + 3


@every_score
def test_where_values_are_the_keys_their_gradients_add_up(score):
    p, queries, keys, _, mask = case(score, seed=4)
    dcontext = np.random.default_rng(5).standard_normal((B, T, E))
    _, cache = attention.forward(p, queries, keys, mask=mask, score=score)
    dp, dqueries, dkeys, dvalues = attention.backward(p, cache, dcontext, score)

    def loss(everything):
        context, _ = attention.forward(*everything, mask=mask, score=score)
        return float((context * dcontext).sum())

    gradcheck.check(
        loss, (p, queries, keys), (dp, dqueries, dkeys + dvalues), tolerance=1e-7
    )


@every_score
def test_the_weights_alone_have_a_gradient_too(score):
    p, queries, keys, _, mask = case(score, seed=6)
    dweights = np.random.default_rng(7).standard_normal((B, T, S))

    def loss(everything):
        p, queries, keys = everything
        memory = attention.remember(p, keys, mask=mask, score=score)
        return float((attention.weigh(p, memory, queries, score)[0] * dweights).sum())

    memory = attention.remember(p, keys, mask=mask, score=score)
    _, cache = attention.weigh(p, memory, queries, score)
    dp, dqueries, dprepared = attention.dweigh(p, cache, dweights, score)
    dp_keys, dkeys, _ = attention.dremember(p, memory, dprepared, None, score)
    gradients = tree.map(np.add, dp, dp_keys), dqueries, dkeys
    gradcheck.check(loss, (p, queries, keys), gradients, tolerance=1e-7)


def test_the_additive_score_without_the_softmax():
    p, queries, keys, _, _ = case(additive, seed=13)
    dscores = np.random.default_rng(14).standard_normal((B, T, S))
    prepared = attention.prepare_additive(p, keys)
    np.testing.assert_allclose(
        prepared, np.einsum("bse,ea->bsa", keys, p.W_k), rtol=1e-12
    )
    _, cache = attention.additive_scores(p, queries, prepared)
    dp, dqueries, dprepared = attention.dadditive_scores(p, prepared, cache, dscores)

    def loss(everything):
        W_q, v, queries, prepared = everything
        scores, _ = attention.additive_scores(
            p._replace(W_q=W_q, v=v), queries, prepared
        )
        return float((scores * dscores).sum())

    everything, gradients = (
        (p.W_q, p.v, queries, prepared),
        (dp.W_q, dp.v, dqueries, dprepared),
    )
    gradcheck.check(loss, everything, gradients, tolerance=1e-7)
    assert not dp.W_k.any()  # the keys' half is prepare's


# --- properties --------------------------------------------------------------------------------

seeds = st.integers(0, 2**32 - 1)
sizes = st.integers(1, 6)


@every_score
@given(seed=seeds, B=sizes, T=sizes, S=sizes)
def test_rows_sum_to_one_and_padding_weighs_exactly_zero(score, seed, B, T, S):
    p, queries, keys, values, mask = case(score, seed, B, T, S)
    _, cache = attention.forward(p, queries, keys, values, mask, score)
    np.testing.assert_allclose(cache.weights.sum(axis=-1), 1, rtol=1e-12)
    padding = np.broadcast_to(~mask, cache.weights.shape)
    assert (cache.weights[padding] == 0).all() and (cache.weights[~padding] > 0).all()


@every_score
@given(seed=seeds, S=st.integers(2, 6), place=st.integers(0, 5))
def test_perturbing_a_source_state_changes_the_weights(score, seed, S, place):
    p, queries, keys, values, _ = case(score, seed, S=S, masked=False)
    _, before = attention.forward(p, queries, keys, values, None, score)
    changed = keys.copy()
    changed[:, place % S] += 0.5
    _, after = attention.forward(p, queries, changed, values, None, score)
    moved = np.abs(after.weights - before.weights)
    assert (moved.max(axis=-1) > 0).all()


@every_score
@given(seed=seeds)
def test_what_stands_in_the_padding_changes_nothing(score, seed):
    p, queries, keys, values, mask = case(score, seed)
    dcontext = np.ones((B, T, F))
    context, cache = attention.forward(p, queries, keys, values, mask, score)
    *_, dkeys, dvalues = attention.backward(p, cache, dcontext, score)
    padding = ~mask[:, 0]
    other_keys, other_values = keys.copy(), values.copy()
    other_keys[padding], other_values[padding] = 1e3, -1e3
    again, _ = attention.forward(p, queries, other_keys, other_values, mask, score)
    np.testing.assert_array_equal(again, context)
    assert not dkeys[padding].any() and not dvalues[padding].any()


@every_score
@given(seed=seeds)
def test_batched_is_unbatched_without_its_padding(score, seed):
    p, queries, keys, values, mask = case(score, seed)
    together, _ = attention.forward(p, queries, keys, values, mask, score)
    for b in range(B):
        real = mask[b, 0]
        alone, _ = attention.forward(
            p, queries[b], keys[b, real], values[b, real], None, score
        )
        np.testing.assert_allclose(together[b], alone, rtol=1e-12, atol=1e-14)


@every_score
def test_one_query_at_a_time_is_all_at_once(score):
    p, queries, keys, values, mask = case(score, seed=8)
    dcontext = np.random.default_rng(9).standard_normal((B, T, F))
    together, cache = attention.forward(p, queries, keys, values, mask, score)
    expected = attention.backward(p, cache, dcontext, score)
    memory = attention.remember(p, keys, values, mask, score)
    steps = [attention.attend(p, memory, queries[:, [t]], score) for t in range(T)]
    np.testing.assert_allclose(
        np.concatenate([c for c, _ in steps], axis=1), together, rtol=1e-13
    )
    found = [
        attention.dattend(p, c, dcontext[:, [t]], score)
        for t, (_, c) in enumerate(steps)
    ]
    dp, dprepared, dvalues = (
        tree.map(lambda *parts: sum(parts), *(step[i] for step in found))
        for i in (0, 2, 3)
    )
    dp_keys, dkeys, dvalues = attention.dremember(p, memory, dprepared, dvalues, score)
    dqueries = np.concatenate([step[1] for step in found], axis=1)
    actual = tree.map(np.add, dp, dp_keys), dqueries, dkeys, dvalues
    for a, e in zip(tree.leaves(actual), tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, e, rtol=1e-11, atol=1e-13)


def test_more_leading_axes_are_a_stack():
    p, queries, keys, values, mask = case(scaled_dot, seed=10)
    twice = [np.stack([a, 2 * a]) for a in (queries, keys, values)]
    stacked, _ = attention.forward(p, *twice, mask, scaled_dot)
    for i, (q, k, v) in enumerate(zip(*twice, strict=True)):
        alone, _ = attention.forward(p, q, k, v, mask, scaled_dot)
        np.testing.assert_allclose(stacked[i], alone, rtol=1e-13)


@every_score
def test_float32_stays_float32(score):
    p, queries, keys, values, mask = case(score)
    p, queries, keys, values = tree.map(
        lambda leaf: leaf.astype(np.float32), (p, queries, keys, values)
    )
    context, cache = attention.forward(p, queries, keys, values, mask, score)
    gradients = attention.backward(p, cache, context, score)
    assert {leaf.dtype for leaf in tree.leaves((context, gradients))} == {
        np.dtype(np.float32)
    }


@every_score
def test_init_is_reproducible_and_bounded(score):
    one, other = (
        score.init(np.random.default_rng(4), 9, 9, 64, np.float32) for _ in range(2)
    )
    terms = {"additive": (9, 9, 64), "general": (81,)}.get(score.name, ())
    for a, b, n in zip(tree.leaves(one), tree.leaves(other), terms, strict=True):
        np.testing.assert_array_equal(a, b)
        scaled = a * np.sqrt(n)
        assert (
            a.dtype == np.float32
            and -1 <= scaled.min() < -0.9
            and 0.9 < scaled.max() <= 1
        )
    score.init(np.random.default_rng(4), 1, 1, 1)  # the smallest that there is


# --- bad input ---------------------------------------------------------------------------------


@every_score
def test_what_does_not_fit_is_named(score):
    p, queries, keys, values, mask = case(score)

    def refused(message, queries=queries, keys=keys, values=values, mask=mask):
        with pytest.raises(ValueError, match=message):
            attention.forward(p, queries, keys, values, mask, score)

    refused("the source is empty", keys=keys[:, :0], values=values[:, :0], mask=None)
    refused("must agree in their batch", queries=queries[:2])
    refused("keys and values must agree", values=values[:, 1:])
    refused(r"last axis of 5 positions, got bool \(3, 1, 4\)", mask=mask[..., 1:])
    refused("must be bool", mask=mask.astype(int))
    refused(r"the mask \(4, 3, 1, 5\) does not fit", mask=np.stack([mask] * 4))
    nothing = mask.copy()
    nothing[1] = False
    refused(r"row \(1, 0\) of the mask has no real position", mask=nothing)
    refused("needs queries of size", queries=queries[..., 1:])
    refused("the source is empty", keys=keys[0, 0], values=values[0, 0], mask=None)
    if score in (additive, general):
        refused("needs keys of size 4", keys=keys[..., 1:])
    for sizes in ((0, 4, 1), (4, 0, 1), *([(4, 4, 0)] if score is additive else [])):
        with pytest.raises(ValueError, match="at least 1"):
            score.init(np.random.default_rng(0), *sizes)


def test_a_product_needs_one_size():
    for score in (dot, scaled_dot):
        with pytest.raises(ValueError, match="one size, got Q=4 and E=5: use general"):
            score.init(np.random.default_rng(0), 4, 5)


# --- Keras -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def keras():
    """Keras and TensorFlow, imported once and only if a test asks."""
    import keras
    import tensorflow

    return keras, tensorflow


def keras_context(frameworks, score, p, queries, keys, values, mask, dcontext):
    """Keras's context, weights and gradients for our weights; projections are plain products."""
    keras, tf = frameworks
    p, queries, keys, values = tree.map(tf.constant, (p, queries, keys, values))
    wanted = tree.leaves((p, queries, keys, values))
    with tf.GradientTape() as tape:
        tape.watch(wanted)
        if score is additive:  # Keras's layer begins after the two projections
            layer = keras.layers.AdditiveAttention(use_scale=True, dtype="float64")
            layer.build([(B, T, A), (B, S, F), (B, S, A)])
            layer.scale = p.v
            query, key = queries @ p.W_q, keys @ p.W_k
        else:
            layer = keras.layers.Attention(
                use_scale=score is scaled_dot, dtype="float64"
            )
            layer.build([(B, T, E), (B, S, F), (B, S, E)])
            if score is scaled_dot:
                layer.scale.assign(1 / np.sqrt(E))
            query, key = (queries @ p.W if score is general else queries), keys
        context, weights = layer(
            [query, values, key],
            mask=[None, None if mask is None else tf.constant(mask[:, 0])],
            return_attention_scores=True,
        )
        loss = tf.reduce_sum(context * dcontext)
    return (
        context.numpy(),
        weights.numpy(),
        [g.numpy() for g in tape.gradient(loss, wanted)],
    )


@pytest.mark.slow
@every_score
@pytest.mark.parametrize("masked", [False, True])
def test_keras_agrees_on_contexts_and_gradients(keras, score, masked):
    p, queries, keys, values, mask = case(score, seed=11, masked=masked)
    dcontext = np.random.default_rng(12).standard_normal((B, T, F))
    context, cache = attention.forward(p, queries, keys, values, mask, score)
    gradients = tree.leaves(attention.backward(p, cache, dcontext, score))
    found = keras_context(keras, score, p, queries, keys, values, mask, dcontext)
    np.testing.assert_allclose(found[0], context, rtol=1e-10, atol=1e-10)
    np.testing.assert_allclose(found[1], cache.weights, rtol=1e-10, atol=1e-10)
    for theirs, ours in zip(found[2], gradients, strict=True):
        np.testing.assert_allclose(theirs, ours, rtol=1e-10, atol=1e-10)
