r"""Local attention: reads a window of the source around a position that the query predicts.

    p_t  = (S-1) sigmoid(v · tanh(q_t W_p))           centre, 0..S-1      (eq-local-centre)
    a_ts = softmax of the scores over |s - round(p_t)| <= R              (eq-local-weights)
    w_ts = a_ts exp(-(s - p_t)^2 / (2 σ^2)),  σ = R/2
    c_t  = sum_s w_ts values_s

The window alone gives p_t no gradient, because round(p_t) does not change if p_t changes a little.
The bell curve gives it one, but a row of w then sums to less than 1.

Source: Luong, Pham & Manning (2015, section 3.2, local-p), where positions are counted from 1.
B batch, T queries, S positions of the source (of its own source, for each row), Q entries of a
query, E of a state, A units of the predictor, R positions on each side of the centre, W = 2R + 1.
"""

from typing import Any, NamedTuple

import numpy as np

from unrolled import tree
from unrolled.arguments import fields, names_arguments, shaped
from unrolled.cells import gru
from unrolled.functional import dsigmoid, dsoftmax, dtanh, sigmoid, softmax
from unrolled.layers import attention
from unrolled.layers.attention import general
from unrolled.models import hard_attention, seq2seq

Array = Any


class Position(NamedTuple):
    """Weights that predict a centre; gradients are a Position too."""

    W_p: Array  # (Q, A)
    v_p: Array  # (A,)


class Cache(NamedTuple):
    """What backward needs from forward, and what figures draw."""

    memory: Any  # attention.Memory
    queries: Array  # (B, T, Q)
    hidden: Array  # (B, T, A)
    fraction: Array  # (B, T): centre / (S-1)
    centres: Array  # (B, T)
    places: Array  # (B, T, W): indices into the source, clipped to it
    offsets: Array  # (B, T, W): s - p_t
    near: Array  # (B, T, W, ...): prepared keys of the window
    scored: Any  # the score's cache
    soft: Array  # (B, T, W): a
    bell: Array  # (B, T, W)
    lengths: Array  # (B, 1)


POSITION = fields(Position, W_p="Q A", v_p="A")
CACHE = fields(
    Cache,
    memory=fields(attention.Memory, keys="B S E", values="B S F"),
    queries="B T Q",
    hidden="B T A",
    fraction="B T",
    centres="B T",
    places=shaped("B T W"),
    offsets="B T W",
    soft="B T W",
    bell="B T W",
    lengths=shaped("B 1"),
)


@names_arguments
def init(rng, Q, A, dtype=np.float64):
    """Returns a random Position: centres start near the middle of the source."""
    return Position(
        rng.uniform(-1, 1, (Q, A)).astype(dtype) / dtype(np.sqrt(Q)),
        rng.uniform(-1, 1, A).astype(dtype) / dtype(np.sqrt(A)),
    )


@names_arguments(
    position=POSITION,
    memory=fields(attention.Memory, keys="B S E", values="B S F"),
    queries_BTQ="B T Q",
)
def forward(p, position, memory, queries_BTQ, radius, score=general):
    """Attends to a window for each query.

    Args:
        p: the score's parameters.
        position: a Position.
        memory: an attention.Memory of the source, with axes (B, S, ...).
        queries_BTQ: (B, T, Q).
        radius: positions on each side of the centre, at least 1.
        score: one of attention.SCORES.

    Returns:
        context: (B, T, F).
        cache: what ``backward`` needs.

    Raises:
        ValueError: a radius below 1, or a mask that depends on the query.
    """
    if radius < 1:
        raise ValueError(
            f"the radius of a window must be at least 1 position, got {radius}"
        )
    B, S = memory.keys.shape[:2]
    lengths_B1 = np.full((B, 1), S)
    if memory.mask is not None:
        if memory.mask.shape != (B, 1, S):
            raise ValueError(
                f"the mask must be {(B, 1, S)}, for padding only: {memory.mask.shape}"
            )
        lengths_B1 = memory.mask.sum(axis=2)
    hidden_BTA = np.tanh(queries_BTQ @ position.W_p)
    fraction_BT = sigmoid(hidden_BTA @ position.v_p)
    centres_BT = (lengths_B1 - 1).astype(fraction_BT.dtype) * fraction_BT
    window = np.arange(-radius, radius + 1)
    wanted_BTW = np.rint(centres_BT).astype(int)[..., None] + window
    real_BTW = (wanted_BTW >= 0) & (wanted_BTW < lengths_B1[..., None])
    places_BTW = np.clip(wanted_BTW, 0, S - 1)
    rows = np.arange(B)[:, None, None]

    near_BTWX = memory.prepared[rows, places_BTW]
    scores_BT1W, scored = score.scores(p, queries_BTQ[:, :, None], near_BTWX)
    soft_BTW = softmax(np.where(real_BTW, scores_BT1W[:, :, 0], -np.inf))
    offsets_BTW = wanted_BTW.astype(centres_BT.dtype) - centres_BT[..., None]
    narrow = centres_BT.dtype.type(-2 / radius**2)  # 1 / (2 σ^2) = 2 / R^2
    bell_BTW = np.exp(narrow * offsets_BTW**2)
    weights_BTW = soft_BTW * bell_BTW
    context_BTF = (weights_BTW[:, :, None] @ memory.values[rows, places_BTW])[:, :, 0]
    return context_BTF, Cache(
        memory,
        queries_BTQ,
        hidden_BTA,
        fraction_BT,
        centres_BT,
        places_BTW,
        offsets_BTW,
        near_BTWX,
        scored,
        soft_BTW,
        bell_BTW,
        lengths_B1,
    )


@names_arguments(position=POSITION, cache=CACHE, dcontext_BTF="B T F")
def backward(p, position, cache, dcontext_BTF, radius, score=general):
    """Returns (dp, dposition, dqueries, dprepared, dvalues) of ``forward``."""
    memory, rows = cache.memory, np.arange(len(cache.places))[:, None, None]
    weights_BTW = cache.soft * cache.bell
    near_values_BTWF = memory.values[rows, cache.places]
    dvalues_BSF = np.zeros_like(memory.values)
    dprepared = np.zeros_like(memory.prepared)
    # context = weights values
    dnear_values = weights_BTW[..., None] * dcontext_BTF[:, :, None]
    np.add.at(dvalues_BSF, (rows, cache.places), dnear_values)
    dweights_BTW = (near_values_BTWF @ dcontext_BTF[..., None])[..., 0]

    dsoft_BTW = dweights_BTW * cache.bell  # weights = soft bell
    dbell_BTW = dweights_BTW * cache.soft
    scale = cache.bell.dtype.type(4 / radius**2)
    # bell = exp(-2 offset^2 / R^2), offset = s - centre
    dcentres_BT = scale * (dbell_BTW * cache.bell * cache.offsets).sum(axis=2)

    dscores_BT1W = dsoftmax(cache.soft, dsoft_BTW)[:, :, None]
    dp, dqueries_BT1Q, dnear = score.dscores(p, cache.near, cache.scored, dscores_BT1W)
    np.add.at(dprepared, (rows, cache.places), dnear)  # near = prepared[places]

    dfraction_BT = dcentres_BT * (cache.lengths - 1)  # centre = (S-1) fraction
    da_BT = dsigmoid(cache.fraction, dfraction_BT.astype(cache.fraction.dtype))
    dhidden_BTA = dtanh(cache.hidden, da_BT[..., None] * position.v_p)
    A = len(position.v_p)
    dposition = Position(
        cache.queries.reshape(-1, cache.queries.shape[-1]).T
        @ dhidden_BTA.reshape(-1, A),
        da_BT.reshape(-1) @ cache.hidden.reshape(-1, A),
    )
    dqueries_BTQ = dqueries_BT1Q[:, :, 0] + dhidden_BTA @ position.W_p.T
    return dp, dposition, dqueries_BTQ, dprepared, dvalues_BSF


@names_arguments(cache=CACHE)
def spread(cache):
    """Returns the weights (B, T, S) over the whole source, 0 outside the windows."""
    B, T = cache.centres.shape
    weights_BTS = np.zeros((B, T, cache.memory.keys.shape[1]), cache.soft.dtype)
    at = np.arange(B)[:, None, None], np.arange(T)[:, None], cache.places
    np.add.at(
        weights_BTS, at, cache.soft * cache.bell
    )  # clipped positions have weight 0
    return weights_BTS


# --- in the network of seq2seq -----------------------------------------------------------------


class Params(NamedTuple):
    """Weights of a network: those of ``seq2seq`` and a Position; gradients are a Params too."""

    encoder: Any
    W_0: Array
    b_0: Array
    decoder: Any
    attention: Any
    W_c: Array
    b_c: Array
    W_y: Array
    b_y: Array
    position: Position


@names_arguments(p=seq2seq.WEIGHTS)
def of(rng, p, A=None):
    """Returns the Params of a seq2seq network (without input feeding) and a random Position."""
    H = len(p.b_0)
    return Params(**p._asdict(), position=init(rng, H, A or H, p.W_y.dtype.type))


@names_arguments(p=seq2seq.WEIGHTS, batch=seq2seq.BATCH)
def loss_and_gradient(p, batch, radius, score=general):
    """Returns (loss in nats per symbol, its gradient as a Params) of a batch.

    Args:
        p: Params.
        batch: a seq2seq.Batch.
        radius: of the windows.
        score: one of attention.SCORES.
    """
    seq2seq.check_targets(p, batch)
    encoded = seq2seq.encode(p, batch.source, batch.source_mask, score)
    states, cell = gru.forward(p.decoder, batch.inputs, encoded.h0)
    states_BTH = states.swapaxes(0, 1)
    context, local = forward(
        p.attention, p.position, encoded.memory, states_BTH, radius, score
    )
    losses, made = hard_attention.output(p, context, states_BTH, batch.targets.T)
    share = batch.mask.T.astype(losses.dtype) / batch.mask.sum(dtype=losses.dtype)
    dcontext, dstates_BTH, (dW_c, db_c, dW_y, db_y) = hard_attention.doutput(
        p, made, share
    )
    dattention, dposition, dqueries, dprepared, dvalues = backward(
        p.attention, p.position, local, dcontext, radius, score
    )
    dstates = (dstates_BTH + dqueries).swapaxes(0, 1)  # the states are the queries
    ddecoder, _, dh0 = gru.backward(p.decoder, cell, dstates)
    dencoder, dW_0, db_0, dprepare = seq2seq.dencode(
        p, encoded, dh0, dprepared, dvalues, score
    )
    dattention = tree.map(np.add, dattention, dprepare)
    dp = Params(
        dencoder, dW_0, db_0, ddecoder, dattention, dW_c, db_c, dW_y, db_y, dposition
    )
    return float((losses * share).sum()), dp


@names_arguments(p=seq2seq.WEIGHTS, inputs=shaped("T B"), h="B H", combined="B H")
def decode(p, memory, inputs, h, combined, score=general, feeding=False, radius=3):
    """As ``seq2seq.decode`` with windows: pass it, with its radius, to ``seq2seq.answer``."""
    states, cell = gru.forward(p.decoder, inputs, h)
    context, local = forward(
        p.attention, p.position, memory, states.swapaxes(0, 1), radius, score
    )
    joined = np.concatenate([context.swapaxes(0, 1), states], axis=-1)
    attended = attention.Cache(memory, local, spread(local))
    return seq2seq.Steps(cell, attended, joined, np.tanh(joined @ p.W_c + p.b_c))
