"""Embedding, layers, dropout between them, and sequences read from both ends."""

import numpy as np
import pytest

from experiments.intervals import interval
from tests.support.cell_cases import cell_case, shaken
from unrolled import tree
from unrolled.cells import gru, lstm, rnn
from unrolled.gradients import gradcheck
from unrolled.layers import bidirectional, embedding, padding, stacked

SIZES = T, B, D, H = 5, 3, 4, 6


@pytest.mark.equation("eq-embedding")
def test_an_embedding_is_the_product_of_one_hot_rows_and_its_backward_that_of_the_product():
    rng = np.random.default_rng(72)
    p = embedding.init(rng, 7, D)
    ids = rng.integers(0, 7, (T, B))
    v, cache = embedding.forward(p, ids)
    one_hot = np.eye(7)[ids]
    np.testing.assert_array_equal(v, one_hot @ p.E)
    np.testing.assert_array_equal(embedding.step(p, ids[2]), v[2])
    dv = rng.standard_normal(v.shape)
    dp, dx = embedding.backward(p, cache, dv)
    np.testing.assert_allclose(dp.E, np.einsum("tbv,tbd->vd", one_hot, dv), atol=1e-14)
    assert dx is None


@pytest.mark.claim(
    "tables-hold-most-weights",
    "In a network of two GRU layers of width 128 and 8,000 words, nine tenths of the weights are "
    "in the embedding and the output layer.",
)
def test_the_network_of_the_fourth_post_has_its_number_of_weights():
    """The share of the two tables with 0.9, and the total with the number of the post's code."""
    layers = stacked.of(embedding, gru, gru).init(np.random.default_rng(0), 8000, 128)
    table, output = layers[0].E.size, 128 * 8000 + 8000
    total = sum(leaf.size for leaf in tree.leaves(layers)) + output
    assert total == 2_253_376
    assert 0.9 < (table + output) / total < 0.95


@pytest.mark.equation("eq-stacked")
def test_a_stack_runs_each_layer_on_the_states_of_the_one_below():
    stack = stacked.of(gru, lstm, rnn)
    p, x, _, _ = cell_case(stack, *SIZES)
    h1, _ = gru.forward(p[0], x)
    h2, _ = lstm.forward(p[1], h1)
    h3, _ = rnn.forward(p[2], h2)
    found, cache = stack.forward(p, x)
    np.testing.assert_array_equal(found, h3)
    for layer, h in zip(cache.layers, (h1, h2, h3), strict=True):
        np.testing.assert_array_equal(layer.h, h)


@pytest.mark.equation("eq-stacked-gradient")
def test_what_a_layer_returns_for_its_inputs_joins_what_the_loss_reads_of_the_layer_below():
    stack = stacked.of(gru, lstm, rnn)
    p, x, _, dh3 = cell_case(stack, *SIZES)
    rng = np.random.default_rng(73)
    dh1, dh2 = rng.standard_normal((2, T, B, H))

    def loss(point):
        h1, _ = gru.forward(point[0][0], point[1])
        h2, _ = lstm.forward(point[0][1], h1)
        h3, _ = rnn.forward(point[0][2], h2)
        return float((h1 * dh1).sum() + (h2 * dh2).sum() + (h3 * dh3).sum())

    _, cache = stack.forward(p, x)
    dp, dx, *_ = stack.backward(p, cache, (dh1, dh2, dh3))
    gradcheck.check(loss, (p, x), (dp, dx))
    dp3, from_above, _ = rnn.backward(p[2], cache.layers[2], dh3)
    dp2, from_above, *_ = lstm.backward(p[1], cache.layers[1], dh2 + from_above)
    dp1, *_ = gru.backward(p[0], cache.layers[0], dh1 + from_above)
    for found, wanted in zip(
        tree.leaves(dp), tree.leaves((dp1, dp2, dp3)), strict=True
    ):
        np.testing.assert_allclose(found, wanted, rtol=1e-12)


@pytest.mark.claim(
    "an-unread-layer-has-no-gradient",
    "If the output reads layer 1 alone, the gradient of layer 2 is exactly zero.",
)
def test_a_layer_that_nothing_reads_has_a_gradient_of_exactly_zero():
    """Every entry with 0, and the gradient of layer 1 with that of a network of layer 1 alone."""
    stack = stacked.of(gru, gru)
    p, x, _, dh = cell_case(stack, *SIZES)
    _, cache = stack.forward(p, x)
    (first, second), *_ = stack.backward(p, cache, (dh, None))
    assert not any(leaf.any() for leaf in second)
    alone, *_ = gru.backward(p[0], cache.layers[0], dh)
    for name, found, wanted in zip(first._fields, first, alone, strict=True):
        np.testing.assert_array_equal(found, wanted, err_msg=name)


def test_a_stack_is_its_functions_with_the_cells_filled_in():
    cells = (gru, lstm, rnn)
    stack = stacked.of(*cells)
    p, x, _, dh = cell_case(stack, *SIZES)
    h, cache = stack.forward(p, x)
    h_same, cache_same = stacked.forward(p, x, cells=cells)
    np.testing.assert_array_equal(h_same, h)
    same = stacked.backward(p, cache_same, dh, cells=cells)
    for one, other in zip(
        tree.leaves(same), tree.leaves(stack.backward(p, cache, dh)), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_states_and_their_gradients_are_listed_from_the_top_layer_down():
    stack = stacked.of(gru, lstm)
    p, x, _, dh = cell_case(stack, *SIZES)
    h2, c2, h1 = np.random.default_rng(81).standard_normal((3, B, H))

    def loss(point):
        p, h2, c2, h1 = point
        below, _ = gru.forward(p[0], x, h1)
        return float((lstm.forward(p[1], below, h2, c2)[0] * dh).sum())

    dp, _, *dstates = stack.backward(p, stack.forward(p, x, h2, c2, h1)[1], dh)
    gradcheck.check(loss, (p, h2, c2, h1), (dp, *dstates))


@pytest.mark.equation("eq-dropout")
def test_dropout_hides_a_share_scales_the_others_and_leaves_time_alone():
    q, rng = 0.25, np.random.default_rng(74)
    p, _, _, _ = cell_case(stacked.of(gru, gru), *SIZES)
    x = rng.standard_normal((T, 4000, D))
    _, plain = stacked.of(gru, gru).forward(p, x)
    _, cache = stacked.of(gru, gru, dropout=q, rng=rng).forward(p, x)
    kept = cache.kept[0]
    np.testing.assert_allclose(np.unique(kept), [0, 1 / (1 - q)])
    assert (kept == 0).mean() == pytest.approx(q, abs=0.01)
    # not within a layer
    np.testing.assert_array_equal(cache.layers[0].h, plain.layers[0].h)
    np.testing.assert_array_equal(cache.layers[1].x, kept * plain.layers[0].h)
    error = (cache.layers[1].x - plain.layers[0].h).mean(axis=1)
    assert np.abs(error).max() < 0.03  # expectation
    # and neither before the first layer nor behind the last
    assert len(cache.kept) == 1


def test_the_gradient_through_dropout_is_that_of_the_network_with_these_factors():
    q = 0.4
    p, x, _, dh = cell_case(stacked.of(gru, lstm), *SIZES)
    dropping = stacked.of(gru, lstm, dropout=q, rng=np.random.default_rng(75))
    _, cache = dropping.forward(p, x)
    kept = cache.kept[0]

    def loss(point):
        h, _ = gru.forward(point[0][0], point[1])
        return float((lstm.forward(point[0][1], kept * h)[0] * dh).sum())

    dp, dx, *_ = dropping.backward(p, cache, dh)
    gradcheck.check(loss, (p, x), (dp, dx))


@pytest.mark.equation("eq-dropout-through-time")
def test_a_bit_that_is_dropped_in_time_is_soon_gone():
    q, k, trials = 0.2, 10, 200_000
    masks = np.random.default_rng(76).random((k, trials)) >= q
    assert masks.all(axis=0).mean() == pytest.approx((1 - q) ** k, rel=0.03)
    # with one mask for all steps, as in Gal & Ghahramani, the distance does not matter
    one = np.broadcast_to(masks[0], masks.shape)
    assert one.all(axis=0).mean() == pytest.approx(1 - q, rel=0.03)


@pytest.mark.equation("eq-padded-reverse")
def test_each_sequence_is_reversed_in_its_own_length():
    x = np.random.default_rng(77).standard_normal((T, B, D))
    lengths = np.array([2, 5, 1])
    found = padding.reverse(x, lengths)
    for b, n in enumerate(lengths):
        for t in range(1, T + 1):
            source = n + 1 - t if t <= n else t
            np.testing.assert_array_equal(found[t - 1, b], x[source - 1, b])
    np.testing.assert_array_equal(padding.reverse(found, lengths), x)
    # its own backward: an adjoint
    push = np.random.default_rng(78).standard_normal(x.shape)
    assert (found * push).sum() == pytest.approx(
        (x * padding.reverse(push, lengths)).sum()
    )


def moved_by_careless_reversal(cell, seed, padded_by=24):
    """The relative change of a sentence's backward states if its batch is reversed as a whole."""
    rng = np.random.default_rng(seed)
    p = bidirectional.init(rng, 50, 32, cell, input_scale=0.5)
    sentence = rng.integers(1, 50, (6, 1))
    alone, _ = bidirectional.forward(p, sentence, cell)
    padded = np.concatenate([sentence, np.zeros((padded_by, 1), int)])
    careful, _ = bidirectional.forward(p, padded, cell, np.array([6]))
    np.testing.assert_allclose(careful[:6], alone, rtol=1e-12, atol=1e-14)
    careless = cell.forward(p.reverse, padded[::-1])[0][::-1][:6]
    right = alone[..., 32:]
    change = np.linalg.norm(careless - right, axis=-1)
    return (change / np.linalg.norm(right, axis=-1)).mean()


@pytest.mark.claim(
    "careless-reversal-moves-the-lstm-most",
    "Reversing a batch with 24 steps of padding as a whole changes the states by over a third of "
    "their size, and those of an LSTM most.",
)
def test_careless_reversal_moves_the_states_of_an_lstm_most():
    """Over ten untrained networks with 24 steps of padding: the lower end of the interval of the
    change with a third, for each cell, and of its difference from the LSTM's with 0."""
    moved = {
        cell: np.array([moved_by_careless_reversal(cell, seed) for seed in range(10)])
        for cell in (rnn, gru, lstm)
    }
    assert min(interval(values)["low"] for values in moved.values()) > 1 / 3
    for cell in (rnn, gru):
        assert interval(moved[lstm] - moved[cell])["low"] > 0


CELLS = pytest.mark.parametrize("cell", [rnn, gru, lstm], ids=["rnn", "gru", "lstm"])


@CELLS
@pytest.mark.equation("eq-bidirectional")
def test_in_a_batch_a_sequence_has_the_states_that_it_has_alone(cell):
    rng = np.random.default_rng(79)
    p = bidirectional.init(rng, D, H, cell)
    x, lengths = rng.standard_normal((T, B, D)), np.array([2, 5, 3])
    together, _ = bidirectional.forward(p, x, cell, lengths)
    for b, n in enumerate(lengths):
        alone = x[:n, b : b + 1]
        onward, _ = cell.forward(p.onward, alone)
        reverse, _ = cell.forward(p.reverse, alone[::-1])
        wanted = np.concatenate([onward, reverse[::-1]], axis=-1)[:, 0]
        np.testing.assert_allclose(together[:n, b], wanted, rtol=1e-12, atol=1e-14)
    careless, _ = cell.forward(p.reverse, x[::-1])
    assert np.abs(careless[::-1][:2, 0] - together[:2, 0, H:]).max() > 0.01


@CELLS
def test_the_gradient_from_both_ends_with_lengths(cell):
    rng = np.random.default_rng(80)
    p = bidirectional.init(rng, D, H, cell)
    p = shaken(p, rng)
    x, lengths = rng.standard_normal((T, B, D)), np.array([2, 5, 3])
    dh = rng.standard_normal((T, B, 2 * H))
    dh *= (np.arange(T)[:, None] < lengths)[..., None]

    def loss(point):
        return float((bidirectional.forward(*point, cell, lengths)[0] * dh).sum())

    _, cache = bidirectional.forward(p, x, cell, lengths)
    dp, dx = bidirectional.backward(p, cache, dh, cell)
    gradcheck.check(loss, (p, x), (dp, dx))
    assert not dx[np.arange(T)[:, None] >= lengths].any()
