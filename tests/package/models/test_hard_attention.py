"""Hard attention: the estimate's expectation is the exact gradient, draw by draw."""

import itertools

import numpy as np
import pytest

from tests.support.closeness import assert_gradient
from tests.support.small_seq2seq import ANSWERS, SOURCES, V, network
from unrolled import tree
from unrolled.layers import attention
from unrolled.models import hard_attention, seq2seq

scores = pytest.mark.parametrize(
    "score", [attention.additive, attention.general], ids=lambda score: score.name
)


def network_and_batch(score, rows=slice(None)):
    return network(score, False, True), seq2seq.pad(SOURCES[rows], ANSWERS[rows], V)


def loss_of(p, batch, places, score):
    """The loss of given places (B, T), from the module's equations and seq2seq's own parts."""
    encoded = seq2seq.encode(p, batch.source, batch.source_mask, score)
    soft = seq2seq.decode(
        p, encoded.memory, batch.inputs, encoded.h0, encoded.h0, score, feeding=False
    )
    total = 0.0
    for t, b in zip(*np.nonzero(batch.mask), strict=True):
        value = encoded.memory.values[b, places[b, t]]
        combined = np.tanh(np.concatenate([value, soft.cell.h[t, b]]) @ p.W_c + p.b_c)
        u = combined @ p.W_y + p.b_y
        total += np.log(np.exp(u).sum()) - u[batch.targets[t, b]]
    return total / batch.mask.sum(), soft.attended.weights


def every_draw(batch):
    """All places (B, T): the draws at real steps in every combination, 0 elsewhere."""
    real = np.argwhere(batch.mask.T)
    choices = [range(int(batch.source_mask[:, b].sum())) for b, _ in real]
    for drawn in itertools.product(*choices):
        places = np.zeros(batch.mask.T.shape, int)
        places[tuple(real.T)] = drawn
        yield places


def probability(weights, batch, places):
    chosen = np.take_along_axis(weights, places[..., None], axis=2)[..., 0]
    return float(chosen[batch.mask.T].prod())


@pytest.mark.equation("eq-hard-objective")
@scores
def test_the_exact_loss_is_the_mean_over_every_combination_of_places(score):
    p, batch = network_and_batch(score, slice(1, 3))
    total = mass = 0.0
    for places in every_draw(batch):
        loss, weights = loss_of(p, batch, places, score)
        total += probability(weights, batch, places) * loss
        mass += probability(weights, batch, places)
    assert mass == pytest.approx(1, rel=1e-12)
    assert hard_attention.exact(p, batch, score)[0] == pytest.approx(total, rel=1e-12)


@scores
def test_the_exact_gradient_against_differences(score):
    p, batch = network_and_batch(score)
    _, dp = hard_attention.exact(p, batch, score)
    assert_gradient(lambda p: hard_attention.exact(p, batch, score)[0], p, dp)


@pytest.mark.equation("eq-hard-reinforce")
@pytest.mark.parametrize("baseline", [False, True])
def test_the_estimates_weighed_by_their_probability_are_the_exact_gradient(
    monkeypatch, baseline
):
    score = attention.additive
    p, batch = network_and_batch(score, slice(1, 3))
    total = tree.map(np.zeros_like, p)
    apart = 0.0
    _, exact = hard_attention.exact(p, batch, score)
    for places in every_draw(batch):
        monkeypatch.setattr(
            hard_attention, "choose", lambda rng, w, places=places: places
        )
        loss, dp = hard_attention.loss_and_gradient(p, batch, None, score, baseline)
        wanted, weights = loss_of(p, batch, places, score)
        assert loss == pytest.approx(wanted, rel=1e-12)
        mass = probability(weights, batch, places)
        total = tree.map(lambda sum, part, mass=mass: sum + mass * part, total, dp)
        apart = max(apart, np.abs(dp.attention.W_q - exact.attention.W_q).max())
    for (name, found), wanted in zip(
        tree.named_leaves(total), tree.leaves(exact), strict=True
    ):
        np.testing.assert_allclose(found, wanted, rtol=1e-10, atol=1e-13, err_msg=name)
    assert apart > 3 * np.abs(exact.attention.W_q).max()  # no single draw is near it


def test_the_baseline_is_the_mean_of_the_other_rows_that_are_real():
    losses = np.array([[1.0, 4.0], [3.0, 8.0], [8.0, 0.0]])
    share = np.array([[0.2, 0.2], [0.2, 0.2], [0.2, 0.0]])
    others = hard_attention.mean_of_others(losses, share)
    np.testing.assert_allclose(others[:, 0], [5.5, 4.5, 2.0])
    np.testing.assert_allclose(others[:2, 1], [8.0, 4.0])


def test_with_a_baseline_the_estimates_scatter_less():
    score = attention.additive
    p, batch = network_and_batch(score)
    p = p._replace(b_y=p.b_y + np.array([9.0, 0, 0, 0, 0]))  # losses far from 0
    spread = {}
    for baseline in (False, True):
        rng = np.random.default_rng(6)
        drawn = [
            hard_attention.loss_and_gradient(p, batch, rng, score, baseline)[
                1
            ].attention
            for _ in range(300)
        ]
        pieces = zip(*drawn, strict=True)
        spread[baseline] = sum(np.array(piece).var(axis=0).sum() for piece in pieces)
    assert spread[True] < 0.7 * spread[False]


def test_places_are_drawn_with_their_weights_and_never_without():
    rng = np.random.default_rng(7)
    weights = np.array([[[0.0, 0.5, 0.0, 0.25, 0.25, 0.0]]])
    drawn = np.array([hard_attention.choose(rng, weights)[0, 0] for _ in range(4000)])
    counts = np.bincount(drawn, minlength=6) / 4000
    assert counts[[0, 2, 5]].tolist() == [0, 0, 0]
    np.testing.assert_allclose(counts[[1, 3, 4]], [0.5, 0.25, 0.25], atol=0.03)


@pytest.mark.parametrize(
    ("drawn", "place"), [(0.0, 1), (0.5, 3), (np.nextafter(1, 0), 4)]
)
def test_at_the_edges_of_a_place_no_weightless_neighbour_is_drawn(drawn, place):
    class Fixed:
        def random(self, shape):
            return np.full(shape, drawn)

    weights = np.array([[[0.0, 0.5, 0.0, 0.25, 0.25, 0.0]]])
    assert hard_attention.choose(Fixed(), weights) == [[place]]


def test_an_answer_looks_at_the_heaviest_place_alone():
    score = attention.additive
    p, _ = network_and_batch(score)
    answers, weights = seq2seq.answer(
        p, SOURCES, 5, score, False, hard_attention.decode
    )
    source, mask = seq2seq.pad_sources(SOURCES)
    encoded = seq2seq.encode(p, source, mask, score)
    for b, answer in enumerate(answers):
        assert ((weights[b] == 0) | (weights[b] == 1)).all() and (
            weights[b].sum(axis=1) == 1
        ).all()
        h, before = encoded.h0[[b]], V + 1
        alone = attention.remember(
            p.attention,
            encoded.memory.values[[b]],
            mask=encoded.memory.mask[[b]],
            score=score,
        )
        for t, symbol in enumerate(answer):
            soft = seq2seq.decode(p, alone, np.array([[before]]), h, h, score, False)
            place = soft.attended.weights[0, 0].argmax()
            assert weights[b][t, place] == 1
            h = soft.cell.h[-1]
            joined = np.concatenate([alone.values[0, place], h[0]])
            u = np.tanh(joined @ p.W_c + p.b_c) @ p.W_y + p.b_y
            assert u.argmax() == symbol
            before = symbol


def test_a_baseline_needs_company():
    p, batch = network_and_batch(attention.additive, slice(0, 1))
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="batch of at least 2"):
        hard_attention.loss_and_gradient(p, batch, rng)
    loss, _ = hard_attention.loss_and_gradient(p, batch, rng, baseline=False)
    assert np.isfinite(loss)
