"""Local attention: its window, its bell, and the gradient of the position that it predicts."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.closeness import assert_gradient
from tests.support.small_seq2seq import SOURCES, V, batch, network
from unrolled import tree
from unrolled.gradients import gradcheck
from unrolled.layers import attention
from unrolled.layers.attention import additive, dot, general, scaled_dot
from unrolled.models import local_attention, seq2seq

B, T, S, Q, E, F, A, R = 3, 2, 9, 4, 4, 5, 3, 2
every_score = pytest.mark.parametrize(
    "score", (additive, general, dot, scaled_dot), ids=lambda score: score.name
)


def case(score, seed=0):
    rng = np.random.default_rng(seed)
    p = tree.map(lambda w: rng.standard_normal(w.shape), score.init(rng, Q, E, 6))
    position = tree.map(lambda w: 2 * w, local_attention.init(rng, Q, A))
    queries, keys, values = (
        rng.standard_normal(n) for n in [(B, T, Q), (B, S, E), (B, S, F)]
    )
    mask = (np.arange(S) < np.array([9, 5, 2])[:, None])[:, None]
    return p, position, queries, keys, values, mask


def run(score, p, position, queries, keys, values, mask):
    memory = attention.remember(p, keys, values, mask, score)
    return local_attention.forward(p, position, memory, queries, R, score)


@pytest.mark.equation("eq-local-centre", "eq-local-weights")
@every_score
def test_the_context_is_the_equations_place_by_place(score):
    p, position, queries, keys, values, mask = case(score)
    context, cache = run(score, p, position, queries, keys, values, mask)
    for b, t in np.ndindex(B, T):
        n = mask[b].sum()
        hidden = np.tanh(queries[b, t] @ position.W_p)
        centre = (n - 1) / (1 + np.exp(-hidden @ position.v_p))
        assert cache.centres[b, t] == pytest.approx(centre, rel=1e-12)
        seen = [s for s in range(n) if abs(s - round(centre)) <= R]
        scores, _ = score.scores(p, queries[b, [t]], score.prepare(p, keys[b, seen]))
        e = np.exp(scores[0])
        w = e / e.sum() * np.exp(-((np.array(seen) - centre) ** 2) / (2 * (R / 2) ** 2))
        np.testing.assert_allclose(context[b, t], w @ values[b, seen], rtol=1e-12)
        whole = local_attention.spread(cache)[b, t]
        np.testing.assert_allclose(whole[seen], w, rtol=1e-12)
        assert not np.delete(whole, seen).any() and whole.sum() <= 1


@every_score
def test_backward_is_the_gradient_of_forward(score):
    p, position, queries, keys, values, mask = case(score, seed=1)
    dcontext = np.random.default_rng(2).standard_normal((B, T, F))

    def loss(everything):
        return float((run(score, *everything, mask)[0] * dcontext).sum())

    _, cache = run(score, p, position, queries, keys, values, mask)
    dp, dposition, dqueries, dprepared, dvalues = local_attention.backward(
        p, position, cache, dcontext, R, score
    )
    dp_keys, dkeys, _ = attention.dremember(p, cache.memory, dprepared, dvalues, score)
    gradients = tree.map(np.add, dp, dp_keys), dposition, dqueries, dkeys, dvalues
    everything = p, position, queries, keys, values
    worst = gradcheck.check(loss, everything, gradients, tolerance=1e-7)
    # the centre moves
    assert max(abs(m.analytic) for m in worst if m.name.startswith("1.")) > 1e-3


@every_score
@given(seed=st.integers(0, 2**32 - 1))
def test_a_source_state_changes_the_weights_if_the_window_holds_it(score, seed):
    p, position, queries, keys, values, _ = case(score, seed)
    _, before = run(score, p, position, queries, keys, values, None)
    place = int(before.places[0, 0, R])  # the centre's
    changed = keys.copy()
    changed[0, place] += 0.5
    _, after = run(score, p, position, queries, changed, values, None)
    moved = np.abs(local_attention.spread(after) - local_attention.spread(before))
    assert moved[0, 0].max() > 0 and not moved[1:].any()


@every_score
def test_padding_weighs_exactly_zero_and_changes_nothing(score):
    p, position, queries, keys, values, mask = case(score, seed=3)
    context, cache = run(score, p, position, queries, keys, values, mask)
    assert not local_attention.spread(cache)[np.broadcast_to(~mask, (B, T, S))].any()
    for b in range(B):
        n = mask[b].sum()
        alone, _ = run(
            score, p, position, queries[[b]], keys[[b], :n], values[[b], :n], None
        )
        np.testing.assert_allclose(alone[0], context[b], rtol=1e-12)


def test_every_gradient_of_the_network_against_differences():
    p = local_attention.of(np.random.default_rng(4), network(general, False, True))
    _, dp = local_attention.loss_and_gradient(p, batch(), R)
    assert_gradient(
        lambda p: local_attention.loss_and_gradient(p, batch(), R)[0], p, dp
    )


def test_an_answer_is_the_likeliest_symbol_of_its_own_windows():
    p = local_attention.of(np.random.default_rng(5), network(general, False, True))
    decode = partial(local_attention.decode, radius=R)
    answers, weights = seq2seq.answer(p, SOURCES, 5, general, False, decode)
    pairs = seq2seq.pad(SOURCES, answers, V)
    encoded = seq2seq.encode(p, pairs.source, pairs.source_mask, general)
    steps = decode(p, encoded.memory, pairs.inputs, encoded.h0, encoded.h0, general)
    wanted = (steps.combined @ p.W_y + p.b_y).argmax(axis=-1)
    for b, answer in enumerate(answers):
        np.testing.assert_array_equal(wanted[: len(answer), b], answer)
        looked = steps.attended.weights[b, : len(weights[b]), : len(SOURCES[b])]
        np.testing.assert_allclose(weights[b], looked, rtol=1e-10)


def test_what_does_not_fit_is_named():
    p, position, queries, keys, values, mask = case(general)
    memory = attention.remember(p, keys, values, mask, general)
    with pytest.raises(ValueError, match="at least 1 position, got 0"):
        local_attention.forward(p, position, memory, queries, 0)
    memory = attention.remember(p, keys, values, np.repeat(mask, T, axis=1), general)
    with pytest.raises(ValueError, match="for padding only"):
        local_attention.forward(p, position, memory, queries, R)
