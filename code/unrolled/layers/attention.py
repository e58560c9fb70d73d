r"""Attention: a mean of a memory's values, weighted by how well each key answers a query.

    scores   additive     v · tanh(q W_q + k W_k)                 (eq-attention-additive)
             general      q W k^T                                 (eq-attention-general)
             dot          q k^T                                   (eq-attention-dot)
             scaled_dot   q k^T / √E                              (eq-attention-scaled-dot)
    weights  softmax of the scores over the places that are real  (eq-attention-weights)
    context  weights @ values                                     (eq-attention-context)

Sources: additive is Bahdanau, Cho & Bengio (2015, appendix A.1.2); dot and general are Luong,
Pham & Manning (2015, section 3.1); scaled_dot is Vaswani et al. (2017, section 3.2.1).

B batch, T queries, S places of the source, Q entries of a query, E of a key, F of a value, A units
of the additive score. A name ends in the axes of its array, because there are many. Time is not
axis 0: NumPy's matrix product treats leading axes as a stack, so the two axes to be multiplied come
last. B stands for any number of leading axes.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from unrolled import tree
from unrolled.functional import as_rows, dsoftmax, dtanh, softmax

Array = Any


class Score(NamedTuple):
    """How well a key answers a query: five functions that every score has.

    What depends on the keys alone is done once, by ``prepare``, however many queries will come.
    """

    name: str
    init: Callable[..., Any]  # (rng, Q, E, A, dtype) -> params
    prepare: Callable[..., Any]  # (p, keys_BSE) -> prepared
    dprepare: Callable[..., Any]  # (p, keys_BSE, dprepared) -> dp, dkeys_BSE
    scores: Callable[..., Any]  # (p, queries_BTQ, prepared) -> scores_BTS, cache
    # (p, prepared, cache, dscores_BTS) -> dp, dqueries, dprepared
    dscores: Callable[..., Any]


class Memory(NamedTuple):
    """A source, prepared for queries."""

    keys: Array  # (B, S, E)
    prepared: Array  # what the score made of the keys
    values: Array  # (B, S, F)
    mask: Array  # bool, broadcasts to (B, T, S): True at real places; None if all are real


class Cache(NamedTuple):
    """What backward needs, and what figures draw (the weights)."""

    memory: Memory
    scored: Any  # the score's own cache
    weights: Array  # (B, T, S)


# --- additive ----------------------------------------------------------------------------------


class Additive(NamedTuple):
    """Weights of the additive score; gradients are an Additive too."""

    W_q: Array  # (Q, A)
    W_k: Array  # (E, A)
    v: Array  # (A,)


def init_additive(rng, Q, E, A, dtype=np.float64):
    """Returns random weights, each uniform within ±1/√(number of terms in its sum)."""
    _at_least_1(Q=Q, E=E, A=A)
    return Additive(
        W_q=rng.uniform(-1, 1, (Q, A)).astype(dtype) / dtype(np.sqrt(Q)),
        W_k=rng.uniform(-1, 1, (E, A)).astype(dtype) / dtype(np.sqrt(E)),
        v=rng.uniform(-1, 1, A).astype(dtype) / dtype(np.sqrt(A)),
    )


def prepare_additive(p, keys_BSE):
    """Returns the keys' half of the sum under the tanh, (B, S, A)."""
    return keys_BSE @ p.W_k


def dprepare_additive(p, keys_BSE, dprepared_BSA):
    """Returns (dp, dkeys) of ``prepare_additive``."""
    dW_k = as_rows(keys_BSE).T @ as_rows(dprepared_BSA)  # prepared = keys W_k
    dp = Additive(np.zeros_like(p.W_q), dW_k, np.zeros_like(p.v))
    return dp, dprepared_BSA @ p.W_k.T


def additive_scores(p, queries_BTQ, prepared_BSA):
    """Returns scores (B, T, S) = v · tanh(q W_q + k W_k) and a cache."""
    projected_BTA = queries_BTQ @ p.W_q
    h_BTSA = np.tanh(projected_BTA[..., :, None, :] + prepared_BSA[..., None, :, :])
    return h_BTSA @ p.v, (queries_BTQ, h_BTSA)


def dadditive_scores(p, prepared_BSA, cache, dscores_BTS):
    """Returns (dp, dqueries, dprepared) of ``additive_scores``."""
    queries_BTQ, h_BTSA = cache
    dv = dscores_BTS.reshape(-1) @ as_rows(h_BTSA)  # scores = h v
    da_BTSA = dtanh(h_BTSA, dscores_BTS[..., None] * p.v)  # h = tanh(a), scores = h v
    dprojected_BTA = da_BTSA.sum(axis=-2)  # a query is used at every place
    dprepared_BSA = da_BTSA.sum(axis=-3)  # a key is used by every query
    dW_q = as_rows(queries_BTQ).T @ as_rows(dprojected_BTA)  # projected = queries W_q
    dqueries_BTQ = dprojected_BTA @ p.W_q.T
    return Additive(dW_q, np.zeros_like(p.W_k), dv), dqueries_BTQ, dprepared_BSA


additive = Score(
    name="additive",
    init=init_additive,
    prepare=prepare_additive,
    dprepare=dprepare_additive,
    scores=additive_scores,
    dscores=dadditive_scores,
)


# --- general -----------------------------------------------------------------------------------


class General(NamedTuple):
    """The weight of the general score; gradients are a General too."""

    W: Array  # (Q, E)


def init_general(rng, Q, E, A=None, dtype=np.float64):
    """Returns a random weight, uniform within ±1/√(Q E), so that scores begin near 0."""
    _at_least_1(Q=Q, E=E)
    return General(rng.uniform(-1, 1, (Q, E)).astype(dtype) / dtype(np.sqrt(Q * E)))


def prepare_general(p, keys_BSE):
    """Returns W k^T for every key, as rows: (B, S, Q)."""
    return keys_BSE @ p.W.T


def dprepare_general(p, keys_BSE, dprepared_BSQ):
    """Returns (dp, dkeys) of ``prepare_general``."""
    dW = as_rows(dprepared_BSQ).T @ as_rows(keys_BSE)  # prepared = keys W^T
    return General(dW), dprepared_BSQ @ p.W


def general_scores(p, queries_BTQ, prepared_BSQ):
    """Returns scores (B, T, S) = q (W k^T) and a cache."""
    return queries_BTQ @ np.swapaxes(prepared_BSQ, -1, -2), queries_BTQ


def dgeneral_scores(p, prepared_BSQ, queries_BTQ, dscores_BTS):
    """Returns (dp, dqueries, dprepared) of ``general_scores``."""
    dqueries_BTQ = dscores_BTS @ prepared_BSQ  # scores = queries prepared^T
    dprepared_BSQ = np.swapaxes(dscores_BTS, -1, -2) @ queries_BTQ
    return tree.map(np.zeros_like, p), dqueries_BTQ, dprepared_BSQ


general = Score(
    name="general",
    init=init_general,
    prepare=prepare_general,
    dprepare=dprepare_general,
    scores=general_scores,
    dscores=dgeneral_scores,
)


# --- dot, scaled dot ---------------------------------------------------------------------------


def init_dot(rng, Q, E, A=None, dtype=np.float64):
    """Returns (): a product of the query with the key has no weights.

    Raises:
        ValueError: the query and the key differ in size.
    """
    _at_least_1(Q=Q, E=E)
    _same_size(Q, E)
    return ()


def prepare_dot(p, keys_BSE):
    """Returns the keys as they are."""
    return keys_BSE


def dprepare_dot(p, keys_BSE, dprepared_BSE):
    """Returns (dp, dkeys) of ``prepare_dot``."""
    return (), dprepared_BSE


def dot_scores(p, queries_BTE, keys_BSE):
    """Returns scores (B, T, S) = q k^T and a cache."""
    return queries_BTE @ np.swapaxes(keys_BSE, -1, -2), queries_BTE


def ddot_scores(p, keys_BSE, queries_BTE, dscores_BTS):
    """Returns (dp, dqueries, dkeys) of ``dot_scores``."""
    dqueries_BTE = dscores_BTS @ keys_BSE  # scores = queries keys^T
    dkeys_BSE = np.swapaxes(dscores_BTS, -1, -2) @ queries_BTE
    return (), dqueries_BTE, dkeys_BSE


dot = Score(
    name="dot",
    init=init_dot,
    prepare=prepare_dot,
    dprepare=dprepare_dot,
    scores=dot_scores,
    dscores=ddot_scores,
)


def scaled_dot_scores(p, queries_BTE, keys_BSE):
    """Returns scores (B, T, S) = q k^T / √E and a cache."""
    scores_BTS, cache = dot_scores(p, queries_BTE, keys_BSE)
    return scores_BTS / _root(keys_BSE), cache


def dscaled_dot_scores(p, keys_BSE, queries_BTE, dscores_BTS):
    """Returns (dp, dqueries, dkeys) of ``scaled_dot_scores``."""
    return ddot_scores(p, keys_BSE, queries_BTE, dscores_BTS / _root(keys_BSE))


scaled_dot = Score(
    name="scaled_dot",
    init=init_dot,
    prepare=prepare_dot,
    dprepare=dprepare_dot,
    scores=scaled_dot_scores,
    dscores=dscaled_dot_scores,
)

SCORES = (additive, general, dot, scaled_dot)


# --- what all scores share ---------------------------------------------------------------------


def remember(p, keys_BSE, values_BSF=None, mask=None, score=additive):
    """Returns the Memory of a source, with all that does not depend on the queries.

    Args:
        p: the score's parameters.
        keys_BSE: (B, S, E), what a query is compared with.
        values_BSF: (B, S, F), what is read; the keys if left out.
        mask: bool, broadcasts to (B, T, S): True at real places. Padding known as
            (B, S) goes in as ``mask[:, None]``. All places are real if left out.
        score: one of SCORES.

    Raises:
        ValueError: a source without a place, keys and values of different numbers, a
            mask that is not bool or does not fit, or one that leaves some query nothing
            to look at.
    """
    values_BSF = keys_BSE if values_BSF is None else values_BSF
    E = score_sizes(p, keys_BSE)[1]
    if keys_BSE.ndim < 2 or keys_BSE.shape[-2] == 0:
        raise ValueError(
            "the source is empty: keys must be (B, S, E) with S >= 1,"
            f" got {keys_BSE.shape}"
        )
    if keys_BSE.shape[-1] != E:
        raise ValueError(
            f"the {score.name} score needs keys of size {E}, got {keys_BSE.shape}"
        )
    if keys_BSE.shape[:-1] != values_BSF.shape[:-1]:
        raise ValueError(
            "keys and values must agree in all but their last axis,"
            f" got {keys_BSE.shape} and {values_BSF.shape}"
        )
    if mask is not None:
        if mask.dtype != bool or mask.shape[-1:] != keys_BSE.shape[-2:-1]:
            raise ValueError(
                "the mask must be bool with a last axis of"
                f" {keys_BSE.shape[-2]} places, got {mask.dtype} {mask.shape}"
            )
        if not mask.any(axis=-1).all():
            row = tuple(int(i) for i in np.argwhere(~mask.any(axis=-1))[0])
            raise ValueError(
                f"row {row} of the mask lets no place through:"
                " leave empty sources out of the batch"
            )
    return Memory(keys_BSE, score.prepare(p, keys_BSE), values_BSF, mask)


def dremember(p, memory, dprepared, dvalues_BSF, score=additive):
    """Returns (dp, dkeys, dvalues) of ``remember``; values left out: add the last two."""
    dp, dkeys_BSE = score.dprepare(p, memory.keys, dprepared)
    return dp, dkeys_BSE, dvalues_BSF


def weigh(p, memory, queries_BTQ, score=additive):
    """Returns the weights (B, T, S) of every place for every query, and a Cache.

    Each row sums to 1; a place outside the mask weighs exactly 0.

    Raises:
        ValueError: queries of another batch or size, or a mask that does not fit them.
    """
    check_queries(memory, queries_BTQ, p, score)
    scores_BTS, scored = score.scores(p, queries_BTQ, memory.prepared)
    if memory.mask is not None:
        if np.broadcast_shapes(memory.mask.shape, scores_BTS.shape) != scores_BTS.shape:
            raise ValueError(
                f"the mask {memory.mask.shape} does not fit scores {scores_BTS.shape}"
            )
        # exp(-inf) is exactly 0
        scores_BTS = np.where(memory.mask, scores_BTS, -np.inf)
    weights_BTS = softmax(scores_BTS)
    return weights_BTS, Cache(memory, scored, weights_BTS)


def dweigh(p, cache, dweights_BTS, score=additive):
    """Returns (dp, dqueries, dprepared) of ``weigh``."""
    dscores_BTS = dsoftmax(cache.weights, dweights_BTS)  # 0 where the weight is 0
    return score.dscores(p, cache.memory.prepared, cache.scored, dscores_BTS)


def attend(p, memory, queries_BTQ, score=additive):
    """Returns the context (B, T, F) of every query, and a Cache with the weights."""
    weights_BTS, cache = weigh(p, memory, queries_BTQ, score)
    return weights_BTS @ memory.values, cache


def dattend(p, cache, dcontext_BTF, score=additive):
    """Returns (dp, dqueries, dprepared, dvalues) of ``attend``."""
    # context = weights values
    dvalues_BSF = np.swapaxes(cache.weights, -1, -2) @ dcontext_BTF
    dweights_BTS = dcontext_BTF @ np.swapaxes(cache.memory.values, -1, -2)
    return *dweigh(p, cache, dweights_BTS, score), dvalues_BSF


def forward(p, queries_BTQ, keys_BSE, values_BSF=None, mask=None, score=additive):
    """Attends to a source with all queries at once: ``remember``, then ``attend``.

    Args:
        p: the score's parameters.
        queries_BTQ: (B, T, Q).
        keys_BSE: (B, S, E).
        values_BSF: (B, S, F); the keys if left out.
        mask: as in ``remember``.
        score: one of SCORES.

    Returns:
        context: (B, T, F).
        cache: what ``backward`` needs; ``cache.weights`` is (B, T, S).

    Raises:
        ValueError: as ``remember`` and ``weigh``.
    """
    return attend(p, remember(p, keys_BSE, values_BSF, mask, score), queries_BTQ, score)


def backward(p, cache, dcontext_BTF, score=additive):
    """Returns (dp, dqueries, dkeys, dvalues) of ``forward``.

    Where the values were left out, the gradient of the keys is the sum of the last two.
    """
    dp, dqueries_BTQ, dprepared, dvalues_BSF = dattend(p, cache, dcontext_BTF, score)
    dp_keys, dkeys_BSE, _ = dremember(p, cache.memory, dprepared, dvalues_BSF, score)
    return tree.map(np.add, dp, dp_keys), dqueries_BTQ, dkeys_BSE, dvalues_BSF


def _root(keys_BSE):
    return keys_BSE.dtype.type(np.sqrt(keys_BSE.shape[-1]))


def check_queries(memory, queries_BTQ, p, score):
    """Checks queries (..., T, Q) against a memory with keys (..., S, A) and a score's parameters.

    Raises:
        ValueError: the batches differ, or Q is not the size that the score takes.
    """
    if queries_BTQ.shape[:-2] != memory.keys.shape[:-2]:
        raise ValueError(
            "queries and keys must agree in their batch, all but the last two axes,"
            f" got {queries_BTQ.shape} and {memory.keys.shape}"
        )
    Q = score_sizes(p, memory.keys)[0]
    if queries_BTQ.shape[-1] != Q:
        raise ValueError(
            f"the {score.name} score needs queries of size {Q}, got {queries_BTQ.shape}"
        )


def score_sizes(p, keys_BSE):
    """Returns the (Q, E) that a score's parameters are made for."""
    if isinstance(p, Additive):
        return len(p.W_q), len(p.W_k)
    return p.W.shape if isinstance(p, General) else (keys_BSE.shape[-1],) * 2


def _same_size(Q, E):
    if Q != E:
        raise ValueError(
            f"a product needs queries and keys of one size, got {Q} and {E}: use general"
        )


def _at_least_1(**sizes):
    if min(sizes.values()) < 1:
        raise ValueError(f"sizes must be at least 1, got {sizes}")
