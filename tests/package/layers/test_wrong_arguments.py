"""Arguments that a layer would compute something else with are refused."""

import numpy as np
import pytest

from unrolled.cells import gru, lstm
from unrolled.layers import (
    adaptive_softmax,
    attention,
    bidirectional,
    class_softmax,
    dropout,
    embedding,
    feed_forward,
    multi_head,
    padding,
    sampled_softmax,
    stacked,
)

N, H, V = 5, 4, 12


def refused(said, function, *args, **options):
    with pytest.raises(ValueError, match=said):
        function(*args, **options)


def rng(seed=0):
    return np.random.default_rng(seed)


def test_embeddings_of_ids_outside_are_refused():
    p = embedding.init(rng(), V, 3)
    refused(r"x_t: ids must lie in 0\.\.11, got -1", embedding.step, p, np.array([-1]))
    refused("x_t: ids must be integers", embedding.step, p, np.array([1.0]))
    v, cache = embedding.forward(p, np.ones((2, 3), int))
    refused(r"dv must be \(2, 3, 3\)", embedding.backward, p, cache, v[:, :1])


def test_lengths_of_padding_are_whole_numbers_of_steps_in_every_function():
    h = rng().standard_normal((4, 2, 3))
    for lengths in (
        np.array([0, 2]),
        np.array([1, 5]),
        np.array([1.0, 2.0]),
        np.array([True, True]),
        np.array([1, 2, 3]),
    ):
        refused(r"need 2 lengths in 1\.\.4", padding.reverse, h, lengths)
        refused(r"need 2 lengths in 1\.\.4", padding.last, h, lengths)
        refused(r"need 2 lengths in 1\.\.4", padding.dlast, h, lengths, h[0])
    right = np.array([1, 4])
    refused(r"dlast_h must be \(2, 3\)", padding.dlast, h, right, h[0, :1])
    refused("h must hold floating", padding.dlast, h.astype(int), right, h[0])


OUTPUTS = {
    "class": (class_softmax, class_softmax.init(rng(), H, V, 3), (0, 4, 8, V)),
    "adaptive": (
        adaptive_softmax,
        adaptive_softmax.init(rng(), H, (4, 8, V)),
        (4, 8, V),
    ),
}
outputs = pytest.mark.parametrize("name", OUTPUTS)


@outputs
@pytest.mark.parametrize("i", [-1, V])
def test_targets_outside_the_vocabulary_are_refused(name, i):
    layer, p, edges = OUTPUTS[name]
    h, targets, edges = rng().standard_normal((N, H)), np.arange(N), np.array(edges)
    layer.forward(p, h, targets, edges)
    targets[2] = i
    refused(r"targets: ids must lie in 0\.\.11", layer.forward, p, h, targets, edges)


@outputs
@pytest.mark.parametrize("change", [(0, 1), (-1, 1), (-1, -1), (1, 9)])
def test_edges_that_do_not_divide_the_words_are_refused(name, change):
    layer, p, edges = OUTPUTS[name]
    edges, (i, by) = np.array(edges), change
    edges[i] += by
    h = rng().standard_normal((N, H))
    refused("edges must be", layer.forward, p, h, np.arange(N), edges)
    refused("edges must be", layer.forward, p, h, np.arange(N), edges[:-1])


@outputs
def test_gradients_of_losses_are_one_for_each_row(name):
    layer, p, edges = OUTPUTS[name]
    h = rng().standard_normal((N, H))
    _, cache = layer.forward(p, h, np.arange(N), np.array(edges))
    layer.backward(p, cache, np.ones(N))
    if name == "class":
        narrow = p._replace(b_y=p.b_y[:1])
        refused(r"p\.b_y must be \(12,\)", layer.backward, narrow, cache, np.ones(N))
    else:
        tails = (p.tails[0]._replace(b=np.zeros((4, 1))), p.tails[1])
        wrong = p._replace(tails=tails)
        refused(
            r"p\.tails\[0\]\.b must be \(4,\)", layer.backward, wrong, cache, np.ones(N)
        )


def test_sampled_words_outside_the_vocabulary_are_refused():
    p = sampled_softmax.Params(rng().standard_normal((H, V)), np.zeros(V))
    h, q = rng().standard_normal((N, H)), np.full(V, 1 / V)
    for targets, sampled in ((np.arange(N) - 1, [3]), (np.arange(N), [-1])):
        sampled = np.array(sampled)
        refused(
            "ids must lie in 0..11", sampled_softmax.forward, p, h, targets, sampled, q
        )
    refused(
        r"q must be \(12,\)",
        sampled_softmax.forward,
        p,
        h,
        np.arange(N),
        np.array([3]),
        q[:1],
    )


def test_dropout_of_ids_or_of_everything_is_refused():
    x = np.ones((2, 3, 4))
    refused(
        "x must hold floating", dropout.forward, (), x.astype(int), share=0.5, rng=rng()
    )
    refused(
        "share must be in 0 <= share < 1", dropout.forward, (), x, share=1, rng=rng()
    )
    _, cache = dropout.forward((), x, share=0.5, rng=rng())
    refused(r"dy must be \(2, 3, 4\)", dropout.backward, (), cache, x[:, :1])


def test_a_layer_without_memory_checks_what_cells_check():
    p = feed_forward.init(rng(), 3, H)
    x = rng().standard_normal((2, 5, 3))
    h, cache = feed_forward.forward(p, x)
    refused(r"dh must be \(2, 5, 4\)", feed_forward.backward, p, cache, h[:, :1])
    refused("dh must hold floating", feed_forward.backward, p, cache, h.astype(int))
    refused("x_t: ids must lie in 0..2", feed_forward.step, p, np.array([-1]))


def test_weights_of_two_directions_are_of_the_cell():
    p = bidirectional.init(rng(), 3, H, gru)
    x = rng().standard_normal((5, 2, 3))
    refused("p must be cells.lstm.Params", bidirectional.forward, p, x, lstm)
    h, cache = bidirectional.forward(p, x, gru)
    refused("dh must be", bidirectional.backward, p, cache, h[..., :-1], gru)


def test_layers_of_a_stack_are_of_its_cells():
    stack = stacked.of(gru, lstm)
    p = stack.init(rng(), 3, H)
    x = rng().standard_normal((5, 2, 3))
    refused("p must be cells", stack.forward, p[::-1], x)
    refused("p must be cells", stack.step, p[::-1], x[0])


# --- attention -----------------------------------------------------------------------------------


@pytest.fixture
def source():
    return rng().standard_normal((3, 5, H)), rng(1).standard_normal((3, 2, H))


@pytest.mark.parametrize("score", attention.SCORES, ids=lambda score: score.name)
def test_gradients_of_attention_are_not_repeated(score, source):
    keys, queries = source
    p = score.init(rng(), H, H, 6)
    context, cache = attention.forward(p, queries, keys, score=score)
    for wrong in (context[:1], context[:, :1], context[..., :1]):
        refused(
            r"dcontext_BTF must be \(3, 2, 4\)",
            attention.backward,
            p,
            cache,
            wrong,
            score,
        )
    prepared = cache.memory.prepared
    refused("must be", score.scores, p, queries[:1], prepared)
    whole = np.ones(queries.shape, int)
    refused("must hold floating", score.scores, p, whole, prepared)


def test_weights_of_the_additive_score_are_not_repeated(source):
    keys, _ = source
    p = attention.init_additive(rng(), H, H, 6)
    refused(
        r"p\.v must be \(6,\)", attention.prepare_additive, p._replace(v=p.v[:1]), keys
    )


@pytest.mark.parametrize("score", [attention.additive, attention.general])
def test_the_gradient_of_the_weights_is_taken_for_the_keys_that_were_read(
    score, source
):
    keys, queries = source
    p = score.init(rng(), H, H, 6)
    _, cache = attention.forward(p, queries, keys, score=score)
    wrong = (
        p._replace(W_k=p.W_k[:-1])
        if score is attention.additive
        else p._replace(W=p.W[:, :-1])
    )
    refused(r"p\.W\w* must be", attention.dattend, wrong, cache, queries, score)
    refused(r"p\.W\w* must be", attention.dweigh, wrong, cache, cache.weights, score)


@pytest.mark.parametrize("shape", [(2, 1, 5), (4, 1, 5), (0, 1, 5), (1, 3, 1, 5)])
def test_a_mask_of_another_batch_is_refused_with_the_source(shape, source):
    keys, queries = source
    p = attention.init_additive(rng(), H, H, 6)
    mask = np.ones(shape, bool)
    refused("does not fit a batch", attention.remember, p, keys, None, mask)
    attention.remember(p, keys, None, np.ones((1, 1, 5), bool))
    attention.remember(p, keys, None, np.ones((2, 5), bool))


def test_keys_without_entries_have_no_root_to_divide_by():
    empty = np.ones((3, 2, 0))
    refused("at least 1 entry", attention.scaled_dot_scores, (), empty, empty)


def test_weights_of_heads_fit_together():
    p = multi_head.init(rng(), 6, 2, 3)
    x = rng().standard_normal((2, 4, 6))
    wrong = p._replace(b_q=p.b_q[:, :1])
    refused(r"p\.b_q must be \(2, 3\)", multi_head.forward, wrong, x)
    y, cache = multi_head.forward(p, x)
    refused(r"dy_BTD must be \(2, 4, 6\)", multi_head.backward, p, cache, y[:1])
