"""The equations of attention's gradient, each computed as it is displayed, sum by sum."""

import itertools

import numpy as np
import pytest

from experiments.intervals import interval
from tests.support import page_cells
from unrolled import tree
from unrolled.functional import softmax
from unrolled.gradients import gradcheck
from unrolled.layers import attention

T, S, Q, E, F, A = 3, 4, 5, 2, 6, 3


def case(score, seed=0):
    rng = np.random.default_rng(seed)
    p = tree.map(lambda w: rng.standard_normal(w.shape), score.init(rng, Q, E, A))
    queries, keys, values, dcontext = (
        rng.standard_normal(shape) for shape in [(T, Q), (S, E), (S, F), (T, F)]
    )
    context, cache = attention.forward(p, queries, keys, values, score=score)
    return p, queries, keys, values, dcontext, context, cache


def dscores(values, dcontext, context, w):
    return np.array(
        [
            [w[t, s] * dcontext[t] @ (values[s] - context[t]) for s in range(S)]
            for t in range(T)
        ]
    )


@pytest.mark.equation("eq-attention-dvalues")
def test_the_gradient_of_a_value_is_a_sum_over_queries():
    p, _, _, values, dcontext, _, cache = case(attention.additive)
    *_, dvalues = attention.backward(p, cache, dcontext)
    for s in range(S):
        expected = sum(cache.weights[t, s] * dcontext[t] for t in range(T))
        np.testing.assert_allclose(dvalues[s], expected, rtol=1e-12)
    numeric = gradcheck.central_difference(
        lambda w: float(((w @ values) * dcontext).sum()), cache.weights.copy()
    )
    for t, s in np.ndindex(T, S):
        assert dcontext[t] @ values[s] == pytest.approx(
            numeric[t, s], rel=1e-7, abs=1e-9
        )


@pytest.mark.equation("eq-attention-dscores")
def test_the_gradient_of_a_score_compares_its_value_with_the_context():
    p, queries, _, values, dcontext, context, cache = case(attention.additive)
    found = dscores(values, dcontext, context, cache.weights)
    scores, _ = attention.additive.scores(p, queries, cache.memory.prepared)
    numeric = gradcheck.central_difference(
        lambda u: float(((softmax(u) @ values) * dcontext).sum()), scores
    )
    np.testing.assert_allclose(found, numeric, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(found.sum(axis=1), 0, atol=1e-12)


@pytest.mark.equation("eq-attention-dadditive")
def test_the_additive_scores_gradient_sum_by_sum():
    p, queries, keys, values, dcontext, context, cache = case(attention.additive)
    d = dscores(values, dcontext, context, cache.weights)
    h = np.tanh((queries @ p.W_q)[:, None] + keys @ p.W_k)
    da = d[..., None] * p.v * (1 - h**2)
    dp, dqueries, dkeys, _ = attention.backward(p, cache, dcontext)
    for t in range(T):
        expected = sum(da[t, s] for s in range(S)) @ p.W_q.T
        np.testing.assert_allclose(dqueries[t], expected, rtol=1e-11)
    for s in range(S):
        expected = sum(da[t, s] for t in range(T)) @ p.W_k.T
        np.testing.assert_allclose(dkeys[s], expected, rtol=1e-11)
    pairs = list(itertools.product(range(T), range(S)))
    W_q = sum(np.outer(queries[t], da[t, s]) for t, s in pairs)
    W_k = sum(np.outer(keys[s], da[t, s]) for t, s in pairs)
    v = sum(d[t, s] * h[t, s] for t, s in pairs)
    for found, expected in zip(dp, (W_q, W_k, v), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-11, atol=1e-13)


@pytest.mark.equation("eq-attention-dgeneral")
def test_the_general_scores_gradient_sum_by_sum():
    score = attention.general
    p, queries, keys, values, dcontext, context, cache = case(score)
    d = dscores(values, dcontext, context, cache.weights)
    dp, dqueries, dkeys, _ = attention.backward(p, cache, dcontext, score)
    for t in range(T):
        expected = sum(d[t, s] * keys[s] @ p.W.T for s in range(S))
        np.testing.assert_allclose(dqueries[t], expected, rtol=1e-11)
    for s in range(S):
        expected = sum(d[t, s] * queries[t] @ p.W for t in range(T))
        np.testing.assert_allclose(dkeys[s], expected, rtol=1e-11)
    W = sum(d[t, s] * np.outer(queries[t], keys[s]) for t, s in np.ndindex(T, S))
    np.testing.assert_allclose(dp.W, W, rtol=1e-11)


@pytest.mark.equation("eq-attention-dstate")
def test_only_finite_padding_leaves_the_context_alone():
    """A large number in the padding changes nothing; NaN does, because 0 times NaN is NaN."""
    rng = np.random.default_rng(3)
    queries, keys = rng.standard_normal((1, 2, 4)), rng.standard_normal((1, 5, 4))
    mask = (np.arange(5) < 3)[None, None]
    contexts = []
    for padding in (0.0, 1e30, np.nan):
        keys[:, 3:] = padding
        found, _ = attention.forward((), queries, keys, mask=mask, score=attention.dot)
        contexts.append(found)
    zero, large, missing = contexts
    assert (zero == large).all() and np.isnan(missing).all()


def test_a_state_that_is_key_and_value_gets_both_gradients():
    rng = np.random.default_rng(3)
    p = attention.init_additive(rng, Q, E, A)
    queries, states, dcontext = (
        rng.standard_normal(n) for n in [(T, Q), (S, E), (T, E)]
    )
    _, cache = attention.forward(p, queries, states)
    _, _, dkeys, _ = attention.backward(p, cache, dcontext)
    for s in range(S):
        as_value = sum(cache.weights[t, s] * dcontext[t] for t in range(T))

        def loss(state, s=s):
            moved = states.copy()
            moved[s] = state
            return float((attention.forward(p, queries, moved)[0] * dcontext).sum())

        numeric = gradcheck.central_difference(loss, states[s].copy())
        np.testing.assert_allclose(as_value + dkeys[s], numeric, rtol=1e-7, atol=1e-9)


@pytest.mark.equation("eq-attention-dot-variance")
@pytest.mark.parametrize("E", [1, 2, 4])
def test_a_dot_product_of_E_terms_has_variance_E(E):
    """Exactly, over all vectors with entries 1 and -1, which have mean 0 and variance 1."""
    vectors = np.array(list(itertools.product((1, -1), repeat=E)))
    products = vectors @ vectors.T
    assert products.mean() == 0 and products.var() == E
    scaled, _ = attention.scaled_dot.scores(
        (), vectors.astype(float), vectors.astype(float)
    )
    assert scaled.var() == pytest.approx(1)


@pytest.fixture(scope="module")
def own_gradients():
    """The page's function of that name, without the cells that it does not need."""
    page = "05-attention/attention.md"
    sources = page_cells.cells(page)
    wanted = [s for s in sources if s.startswith("def own_gradients")]
    assert len(wanted) == 1
    return page_cells.executed(page, [sources[0], *wanted])["own_gradients"]


@pytest.mark.claim(
    "attention-brings-every-symbol-near",
    "Before training, the gradient from the loss of a symbol to its input is about the same for "
    "all symbols with attention, and more than a hundred times larger than without; in the "
    "reversed source it is large for the first symbols and vanishes for the last.",
)
def test_attention_brings_every_symbol_equally_near(own_gradients):
    """Logarithms of the norms for copies of length 24, five untrained networks of each kind: 95 %
    intervals over the networks. With attention the largest norm of a symbol is less than three
    times the smallest; the smallest ratio to the norm without attention is above a hundred."""
    gains, spreads, falls, firsts = [], [], [], []
    for seed in range(5):
        near = np.log(own_gradients(attention.general, False, seed=seed))
        plain = np.log(own_gradients(None, False, seed=seed))
        turned = np.log(own_gradients(None, True, seed=seed))
        gains.append((near - plain).min())
        spreads.append(np.ptp(near))
        falls.append(turned[0] - turned[-1])
        firsts.append(turned[0] - near[0])
    assert interval(gains)["low"] > np.log(100)
    assert interval(spreads)["high"] < np.log(3)
    assert interval(falls)["low"] > np.log(1e5)
    assert interval(firsts)["low"] > 0
    # the networks of the page: the reversed source is ahead at the first two symbols
    near = np.array(own_gradients(attention.general, False))
    turned = np.array(own_gradients(None, True))
    assert np.flatnonzero(turned > near).tolist() == [0, 1]


@pytest.mark.claim(
    "spread-weights-make-the-gradient-small",
    "If all the weight is put on the right position, the gradient with attention becomes more than "
    "eight times as large, and larger than the gradient of the first symbol of a reversed source.",
)
def test_all_weight_on_the_right_position_makes_the_gradient_larger(
    own_gradients, monkeypatch
):
    """Logarithms of the norms for the first symbol of copies of length 24, five untrained networks
    of each kind: the lower ends of the 95 % intervals over the networks."""
    seeds = range(5)
    near = [own_gradients(attention.general, False, seed=s)[0] for s in seeds]
    turned = [own_gradients(None, True, seed=s)[0] for s in seeds]
    monkeypatch.setattr(
        attention, "softmax", lambda z: np.broadcast_to(np.eye(*z.shape[-2:]), z.shape)
    )
    right = [own_gradients(attention.general, False, seed=s)[0] for s in seeds]
    assert interval(np.log(right) - np.log(near))["low"] > np.log(8)
    assert interval(np.log(right) - np.log(turned))["low"] > 0
