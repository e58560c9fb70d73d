r"""Hard attention: reads one position, drawn at random, and learns from the loss where to read.

    s_t ~ w_t                        the position, drawn with the weights of soft attention
    J   = E[ sum_t L_t(s_t) ] / N    = sum_t sum_s w_ts L_t(s) / N           (eq-hard-objective)
    dJ  = E[ sum_t dL_t(s_t) + (L_t(s_t) - b_t) d log w_t[s_t] ] / N         (eq-hard-reinforce)

The third line is the score-function estimator, REINFORCE (Williams, 1992). The baseline b_t is any
number that does not depend on the draw s_t. The network is that of ``seq2seq`` without input
feeding, so that a draw changes only the loss of its own step. The expectation is then a sum over
the positions of that step. ``exact`` computes it, to check the estimates and to train without them.

S source steps, T target steps, B batch, H hidden, E entries of a source state, N real targets.
"""

from typing import Any, NamedTuple

import numpy as np

from unrolled import tree
from unrolled.arguments import (
    check_ids,
    check_same_shapes,
    fields,
    ids,
    names_arguments,
    shaped,
)
from unrolled.cells import gru
from unrolled.functional import cross_entropy, dcross_entropy, dtanh
from unrolled.layers import attention
from unrolled.layers.attention import additive
from unrolled.models import seq2seq

Array = Any


class Read(NamedTuple):
    """Everything that is computed before a position is drawn."""

    encoded: Any  # seq2seq.Encoded
    cell: Any  # the decoder's gru.Cache
    states: Array  # (B, T, H), the decoder's
    weighed: Any  # attention.Cache, with weights (B, T, S)
    targets: Array  # (B, T)
    share: Array  # (B, T): 1/N at real targets, else 0


class Output(NamedTuple):
    """What the backward pass of the output layer needs; any leading axes."""

    joined: Array  # (..., E+H)
    combined: Array  # (..., H)
    logits: Array  # (..., V+1)
    targets: Array  # (...)


WEIGHTS = seq2seq.WEIGHTS
OUTPUT = fields(
    Output,
    joined="... C",
    combined="... H",
    logits="... V",
    targets=ids("...", "V"),
)


@names_arguments(p=WEIGHTS, batch=seq2seq.BATCH)
def read(p, batch, score=additive):
    """Runs encoder and decoder, and computes the weights: all that does not depend on the draw."""
    seq2seq.check_targets(p, batch)
    encoded = seq2seq.encode(p, batch.source, batch.source_mask, score)
    states, cell = gru.forward(p.decoder, batch.inputs, encoded.h0)
    states_BTH = states.swapaxes(0, 1)
    _, weighed = attention.weigh(p.attention, encoded.memory, states_BTH, score)
    share = batch.mask.T.astype(states.dtype) / batch.mask.sum(dtype=states.dtype)
    return Read(encoded, cell, states_BTH, weighed, batch.targets.T, share)


@names_arguments(
    p=WEIGHTS,
    cache=fields(Read, states="B T H", targets=shaped("B T")),
    dstates_BTH="B T H",
    dweights_BTS="B T S",
    dvalues_BSE="B S E",
)
def dread(p, cache, doutput, dstates_BTH, dweights_BTS, dvalues_BSE, score=additive):
    """Returns the gradient of all parameters, given the gradients of what ``read`` returned."""
    check_same_shapes("doutput", doutput, (p.W_c, p.b_c, p.W_y, p.b_y))
    dattention, dqueries_BTH, dprepared = attention.dweigh(
        p.attention, cache.weighed, dweights_BTS, score
    )
    dstates = (dstates_BTH + dqueries_BTH).swapaxes(0, 1)  # the states are the queries
    ddecoder, _, dh0 = gru.backward(p.decoder, cache.cell, dstates)
    dencoder, dW_0, db_0, dprepare = seq2seq.dencode(
        p, cache.encoded, dh0, dprepared, dvalues_BSE, score
    )
    dattention = tree.map(np.add, dattention, dprepare)
    return seq2seq.Params(dencoder, dW_0, db_0, ddecoder, dattention, *doutput)


@names_arguments(p=WEIGHTS)
def output(p, context, states, targets):
    """Returns the losses (...) of targets (...), given contexts (..., E), states (..., H)."""
    check_ids("targets", targets, len(p.b_y))
    shape = np.broadcast_shapes(context.shape[:-1], states.shape[:-1])
    parts = [np.broadcast_to(a, (*shape, a.shape[-1])) for a in (context, states)]
    joined = np.concatenate(parts, axis=-1)
    combined = np.tanh(joined @ p.W_c + p.b_c)
    logits = combined @ p.W_y + p.b_y
    targets = np.broadcast_to(targets, shape)
    return cross_entropy(logits, targets), Output(joined, combined, logits, targets)


@names_arguments(p=WEIGHTS, cache=OUTPUT, dlosses="...")
def doutput(p, cache, dlosses):
    """Returns dcontext, dstates, and (dW_c, db_c, dW_y, db_y) of ``output``."""
    dlogits = dcross_entropy(cache.logits, cache.targets, dlosses)
    da = dtanh(cache.combined, dlogits @ p.W_y.T)  # logits = combined W_y + b_y
    djoined = da @ p.W_c.T  # combined = tanh(joined W_c + b_c)
    E = djoined.shape[-1] - da.shape[-1]
    joined, combined, da, dlogits = (
        a.reshape(-1, a.shape[-1]) for a in (cache.joined, cache.combined, da, dlogits)
    )
    weights = joined.T @ da, da.sum(axis=0), combined.T @ dlogits, dlogits.sum(axis=0)
    return djoined[..., :E], djoined[..., E:], weights


@names_arguments
def choose(rng, weights_BTS):
    """Returns positions (B, T), drawn with the probabilities of their rows.

    A position is drawn if the running sum of its row passes a uniform random number
    there. A position of weight 0 is therefore never drawn.
    """
    sums = weights_BTS.cumsum(axis=-1)
    threshold = rng.random(weights_BTS.shape[:-1]) * sums[..., -1]
    return (sums <= threshold[..., None]).sum(axis=-1)


@names_arguments(p=WEIGHTS, batch=seq2seq.BATCH)
def loss_and_gradient(p, batch, rng, score=additive, baseline=True):
    """Draws a position for every step, and estimates the gradient from the draws.

    The estimate is unbiased, with and without a baseline.

    Args:
        p: seq2seq.Params, made with ``feeding=False``.
        batch: a seq2seq.Batch, of at least 2 pairs if there is a baseline.
        rng: a ``numpy.random.Generator``, which draws the positions.
        score: one of attention.SCORES.
        baseline: whether to subtract the mean loss of the *other* rows of the batch at
            the same step, which does not depend on the draw of the row itself.

    Returns:
        loss: of the draws, in nats per symbol.
        dp: Params.

    Raises:
        ValueError: a baseline for a batch of one, or bad input to ``seq2seq.encode``.
    """
    cache = read(p, batch, score)
    weights_BTS, values_BSE = cache.weighed.weights, cache.encoded.memory.values
    places_BT1 = choose(rng, weights_BTS)[..., None]
    context_BTE = np.take_along_axis(values_BSE, places_BT1, axis=1)
    losses_BT, made = output(p, context_BTE, cache.states, cache.targets)
    dcontext_BTE, dstates_BTH, dweights = doutput(p, made, cache.share)

    rows = np.arange(len(values_BSE))[:, None]
    dvalues_BSE = np.zeros_like(values_BSE)
    # context = values[position]
    np.add.at(dvalues_BSE, (rows, places_BT1[..., 0]), dcontext_BTE)

    b_BT = mean_of_others(losses_BT, cache.share) if baseline else 0
    chosen_BT1 = np.take_along_axis(weights_BTS, places_BT1, axis=2)
    surprise_BT = (losses_BT - b_BT) * cache.share
    dchosen_BT1 = surprise_BT[..., None] / chosen_BT1  # d log w = dw / w
    dweights_BTS = np.zeros_like(weights_BTS)
    np.put_along_axis(dweights_BTS, places_BT1, dchosen_BT1, axis=2)
    dp = dread(p, cache, dweights, dstates_BTH, dweights_BTS, dvalues_BSE, score)
    return float((losses_BT * cache.share).sum()), dp


@names_arguments(p=WEIGHTS, batch=seq2seq.BATCH)
def exact(p, batch, score=additive):
    """Returns the expected loss in nats per symbol and its exact gradient.

    This takes S times the work of one draw in the output layer. Arguments are as in
    ``loss_and_gradient``.
    """
    cache = read(p, batch, score)
    weights_BTS, values_BSE = cache.weighed.weights, cache.encoded.memory.values
    losses_BTS, made = output(
        p, values_BSE[:, None], cache.states[:, :, None], cache.targets[:, :, None]
    )
    share_BT1 = cache.share[..., None]
    dcontext_BTSE, dstates_BTSH, dweights = doutput(p, made, weights_BTS * share_BT1)
    dp = dread(
        p,
        cache,
        dweights,
        dstates_BTSH.sum(axis=2),  # a state is used with every position
        losses_BTS * share_BT1,  # J = sum w L / N
        dcontext_BTSE.sum(axis=1),  # a position is used at every step
        score,
    )
    return float((weights_BTS * losses_BTS * share_BT1).sum()), dp


@names_arguments(p=WEIGHTS, inputs=shaped("T B"), h="B H", combined="B H")
def decode(p, memory, inputs, h, combined, score=additive, feeding=False):
    """As ``seq2seq.decode``, but reads only the position with the largest weight.

    For ``seq2seq.answer``. With a mask that leaves one position, the weighted mean is
    the value of that position.
    """
    soft = seq2seq.decode(p, memory, inputs, h, combined, score, feeding)
    weights_BTS = soft.attended.weights
    place_BT1 = weights_BTS.argmax(axis=-1)[..., None]
    heaviest = place_BT1 == np.arange(weights_BTS.shape[-1])
    one_place = memory._replace(mask=heaviest)
    return seq2seq.decode(p, one_place, inputs, h, combined, score, feeding)


@names_arguments(losses_BT="B T", share_BT="B T")
def mean_of_others(losses_BT, share_BT):
    """Returns (B, T): at each step, the mean loss of the other rows that are real at that step."""
    if len(losses_BT) < 2:
        raise ValueError("a baseline from the other rows needs a batch of at least 2")
    real = share_BT > 0
    losses = np.where(real, losses_BT, 0)
    others = np.maximum(real.sum(axis=0) - real, 1)
    return (losses.sum(axis=0) - losses) / others
