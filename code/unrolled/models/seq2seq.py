r"""Sequence to sequence: an encoder reads the source, a decoder writes the answer.

    e_s  = GRU of the source, from the start or from both ends
    h_0  = tanh(e W_0 + b_0),   e: the encoder's state after its last symbol    (eq-seq2seq-bridge)
    h_t  = GRU([y_{t-1} ; h~_{t-1}], h_{t-1})           with input feeding      (eq-seq2seq-feeding)
    c_t  = sum_s w_ts e_s                               attention, query h_t
    h~_t = tanh([c_t ; h_t] W_c + b_c)                                          (eq-seq2seq-combine)
    u_t  = h~_t W_y + b_y                                                       (eq-seq2seq-output)
    L    = -(1/N) sum_t log softmax(u_t)[y_t]           over the N real symbols

Without input feeding, h~_{t-1} is left out of the third line. No step then waits for the attention
of the previous step, and all steps are computed at once. Without attention (``score=None``), c_t is
left out, and the decoder gets nothing from the source but h_0.

The decoder follows Luong, Pham & Manning (2015), and the encoder that reads from both ends follows
Bahdanau, Cho & Bengio (2015). Without attention, the network is an encoder and decoder as in
Sutskever, Vinyals & Le (2014) and Cho et al. (2014), with one GRU on each side.

S source steps, T target steps, B batch, D source symbols, V target symbols, H hidden, E entries of
an encoder state: H, or 2H from both ends. The decoder also reads START and writes END.
"""

from typing import Any, NamedTuple

import numpy as np

from unrolled import tree
from unrolled.arguments import (
    check_ids,
    fields,
    mask,
    names_arguments,
    parts,
    shaped,
)
from unrolled.cells import gru
from unrolled.functional import cross_entropy, dcross_entropy, dtanh
from unrolled.layers import attention, bidirectional, padding
from unrolled.layers.attention import additive

Array = Any


class Params(NamedTuple):
    """Weights; gradients are a Params too."""

    encoder: Any  # gru.Params, or bidirectional.Params of two of them
    W_0: Array  # (E, H)
    b_0: Array  # (H,)
    decoder: Any  # gru.Params; W_x is (V+2, 3H), or (V+2+H, 3H) with input feeding
    attention: Any  # what the score has; () without attention
    W_c: Array  # (E+H, H), or (H, H) without attention
    b_c: Array  # (H,)
    W_y: Array  # (H, V+1)
    b_y: Array  # (V+1,)


class Batch(NamedTuple):
    """Pairs side by side, both padded at the end."""

    source: Array  # (S, B) ids
    source_mask: Array  # (S, B) bool: True at real symbols
    inputs: Array  # (T, B) ids: START, then the answer
    targets: Array  # (T, B) ids: the answer, then END
    mask: Array  # (T, B) bool: True where a symbol is to be predicted


class Encoded(NamedTuple):
    """A source, encoded."""

    states: Array  # (S, B, E): the encoder's states
    memory: Any  # attention.Memory of them; None without attention
    h0: Array  # (B, H): the decoder's state before its first step
    end: Array  # (B, E): the encoder's state after its last symbol
    cell: Any  # the encoder's cache
    lengths: Array  # (B,)


class Steps(NamedTuple):
    """What backward and figures need from some steps of the decoder."""

    cell: Any  # gru.Cache
    attended: Any  # attention.Cache, with weights (B, T, S); None without attention
    joined: Array  # (T, B, E+H): [c_t ; h_t]
    combined: Array  # (T, B, H): h~_t


class Cache(NamedTuple):
    """What backward needs from forward."""

    encoded: Encoded
    steps: list  # Steps: one for each step with input feeding, else one for all


# encoder, decoder and score check their own; a network with more weights has these too
WEIGHTS = parts(W_0="E H", b_0="H", W_c="C H", b_c="H", W_y="H V", b_y="V")
ENCODED = fields(Encoded, states="S B E", h0="B H", end="B E", lengths=shaped("B"))
STEPS = fields(Steps, joined="T B C", combined="T B H")
BATCH = fields(
    Batch,
    source=shaped("S B"),
    source_mask=mask("S B"),
    inputs=shaped("T B"),
    targets=shaped("T B"),
    mask=mask("T B"),
)


@names_arguments
def init(
    rng, D, V, H, score=additive, feeding=True, both_ends=True, dtype=np.float32, A=None
):
    """Returns random Params.

    Args:
        rng: a ``numpy.random.Generator``.
        D: symbols of the source.
        V: symbols of the target, without START and END.
        H: hidden units of the decoder and of each direction of the encoder.
        score: one of attention.SCORES; None for no attention.
        feeding: whether the decoder reads h~_{t-1} with y_{t-1}.
        both_ends: whether the encoder reads from both ends.
        dtype: floating-point type.
        A: units of the additive score; H if left out.
    """
    E = 2 * H if both_ends else H
    read = E + H if score is not None else H

    def uniform(rows, columns):
        return rng.uniform(-1, 1, (rows, columns)).astype(dtype) / dtype(np.sqrt(rows))

    def encoder():
        return gru.init(rng, D, H, dtype, input_scale=0.3)

    decoder = gru.init(rng, V + 2 + (H if feeding else 0), H, dtype, input_scale=0.3)
    return Params(
        encoder=bidirectional.Params(encoder(), encoder()) if both_ends else encoder(),
        W_0=uniform(E, H),
        b_0=np.zeros(H, dtype),
        decoder=decoder,
        attention=() if score is None else score.init(rng, H, E, A or H, dtype),
        W_c=uniform(read, H),
        b_c=np.zeros(H, dtype),
        W_y=uniform(H, V + 1),
        b_y=np.zeros(V + 1, dtype),
    )


@names_arguments
def pad(sources, answers, V, limit=None):
    """Returns the Batch of some pairs.

    Args:
        sources: a non-empty list of (S,) int arrays, none of them empty.
        answers: as many (T,) int arrays of symbols 0..V-1.
        V: symbols of the target; END is V, START is V + 1.
        limit: the longest answer allowed; any if None.

    Raises:
        ValueError: no pair, more of one than of the other, an empty source, an answer above the
            limit or with a symbol outside 0..V-1.
    """
    source, source_mask = pad_sources(sources)
    if len(sources) != len(answers):
        raise ValueError(
            f"{len(sources)} sources need as many answers, got {len(answers)}"
        )
    for i, answer in enumerate(answers):
        if limit is not None and len(answer) > limit:
            raise ValueError(
                f"answer {i} has {len(answer)} symbols, the limit is {limit}"
            )
        check_symbols(f"answer {i}", answer)
        if len(answer) and not 0 <= min(answer) <= max(answer) < V:
            raise ValueError(
                f"answer {i}: symbols must lie in 0..{V - 1}, got {np.asarray(answer).tolist()}"
            )
    lengths = np.array([len(answer) + 1 for answer in answers])
    inputs = np.full((lengths.max(), len(answers)), V)
    targets = inputs.copy()
    inputs[0] = V + 1
    for b, answer in enumerate(answers):
        inputs[1 : lengths[b], b] = targets[: lengths[b] - 1, b] = answer
    mask = np.arange(len(inputs))[:, None] < lengths
    return Batch(source, source_mask, inputs, targets, mask)


@names_arguments
def pad_sources(sources):
    """Returns (source, source_mask), each (S, B), of a list of (S,) int arrays.

    Raises:
        ValueError: no source, or an empty one.
    """
    if not len(sources):
        raise ValueError("a batch needs at least one source")
    lengths = np.array([len(source) for source in sources])
    if not lengths.all():
        raise ValueError(
            f"source {lengths.argmin()} is empty: there is nothing to read"
        )
    padded = np.zeros((lengths.max(), len(sources)), int)
    for b, source in enumerate(sources):
        check_symbols(f"source {b}", source)
        padded[: lengths[b], b] = source
    return padded, np.arange(len(padded))[:, None] < lengths


def check_symbols(name, symbols):
    """Raises ValueError unless symbols, a list or an array, are one row of integers."""
    if np.ndim(symbols) != 1 or np.asarray(symbols).dtype.kind not in (
        "iu" if len(symbols) else "iuf"  # an empty list is one of floats
    ):
        raise ValueError(
            f"{name} must be a row of integers, got {np.asarray(symbols).dtype} of"
            f" {np.shape(symbols)}"
        )


# --- the encoder -------------------------------------------------------------------------------


@names_arguments(p=WEIGHTS, source=shaped("S B"), source_mask=mask("S B"))
def encode(p, source, source_mask, score=additive):
    """Reads the source.

    Args:
        p: Params.
        source: (S, B) ids.
        source_mask: (S, B) bool.
        score: one of attention.SCORES; None for no attention.

    Returns:
        Encoded.

    Raises:
        ValueError: an empty source, a mask of another shape, or ids out of range.
    """
    if not len(source):
        raise ValueError(
            f"the source is empty: it must be (S, B) with S >= 1, got {source.shape}"
        )
    lengths = padding.lengths(source_mask)
    if isinstance(p.encoder, bidirectional.Params):
        e, cell = bidirectional.forward(p.encoder, source, gru, lengths)
        onward, reverse = np.split(e, 2, axis=-1)
        end = np.concatenate([padding.last(onward, lengths), reverse[0]], axis=-1)
    else:
        e, cell = gru.forward(p.encoder, source)
        end = padding.last(e, lengths)
    h0 = np.tanh(end @ p.W_0 + p.b_0)
    if score is None:
        return Encoded(e, None, h0, end, cell, lengths)
    mask_B1S = source_mask.T[:, None]
    memory = attention.remember(
        p.attention, e.swapaxes(0, 1), mask=mask_B1S, score=score
    )
    return Encoded(e, memory, h0, end, cell, lengths)


@names_arguments(
    p=WEIGHTS, encoded=ENCODED, dh0="B H", dprepared="B S A", dvalues_BSE="B S G"
)
def dencode(p, encoded, dh0, dprepared, dvalues_BSE, score=additive):
    """Returns (dencoder, dW_0, db_0, dattention) of ``encode``.

    Without attention, dprepared and dvalues_BSE are None.
    """
    da = dtanh(encoded.h0, dh0)  # h0 = tanh(end W_0 + b_0)
    dend = da @ p.W_0.T
    dattention: Any = ()
    if score is None:
        de = np.zeros_like(encoded.states)
    else:
        dattention, dkeys_BSE, _ = attention.dremember(
            p.attention, encoded.memory, dprepared, dvalues_BSE, score
        )
        de = (dkeys_BSE + dvalues_BSE).swapaxes(0, 1)  # the values are the keys
    if isinstance(p.encoder, bidirectional.Params):
        donward, dreverse = np.split(dend, 2, axis=-1)  # end = [onward's ; reverse's]
        H = donward.shape[-1]
        de = de + padding.dlast(de, encoded.lengths, np.pad(donward, ((0, 0), (0, H))))
        de[0, :, H:] += dreverse
        dencoder, _ = bidirectional.backward(p.encoder, encoded.cell, de, gru)
    else:
        de = de + padding.dlast(de, encoded.lengths, dend)  # end = last(e)
        dencoder, *_ = gru.backward(p.encoder, encoded.cell, de)
    return dencoder, encoded.end.T @ da, da.sum(axis=0), dattention


# --- the decoder -------------------------------------------------------------------------------


@names_arguments(p=WEIGHTS, inputs=shaped("T B"), h="B H", combined="B H")
def decode(p, memory, inputs, h, combined, score=additive, feeding=True):
    """Runs the decoder: over one step with input feeding, over any number without.

    Args:
        p: Params.
        memory: attention.Memory of the source; None without attention.
        inputs: (T, B) ids, the previous symbol of each step; T = 1 with input feeding.
        h: (B, H) state before the first step.
        combined: (B, H), h~ of the previous step; not read without input feeding.
        score: one of attention.SCORES, or None.
        feeding: whether combined is read.

    Returns:
        Steps; the logits are ``steps.combined @ p.W_y + p.b_y``.
    """
    check_ids("inputs", inputs, len(p.b_y) + 1)
    x = inputs
    if feeding:
        symbols = np.eye(len(p.b_y) + 1, dtype=h.dtype)[inputs]
        x = np.concatenate([symbols, combined[None]], axis=-1)
    states, cell = gru.forward(p.decoder, x, h)
    joined, attended = states, None
    if score is not None:
        context_BTE, attended = attention.attend(
            p.attention, memory, states.swapaxes(0, 1), score
        )
        joined = np.concatenate([context_BTE.swapaxes(0, 1), states], axis=-1)
    return Steps(cell, attended, joined, np.tanh(joined @ p.W_c + p.b_c))


@names_arguments(p=WEIGHTS, steps=STEPS, dcombined="T B H", dh="B H")
def ddecode(p, steps, dcombined, dh, score=additive, feeding=True):
    """The gradient of ``decode``.

    Args:
        p: Params.
        steps: what decode returned.
        dcombined: (T, B, H), gradient with respect to every h~_t.
        dh: (B, H), gradient that reaches the last state from later steps.
        score: as in decode.
        feeding: as in decode.

    Returns:
        ddecoder, dattention, dW_c, db_c; then dh and dcombined of the step before the
        first (dcombined is None without feeding); then dprepared and dvalues of the
        memory (None without attention).
    """
    da = dtanh(steps.combined, dcombined)  # h~ = tanh(joined W_c + b_c)
    djoined = da @ p.W_c.T
    width, H = djoined.shape[-1], da.shape[-1]
    dW_c = steps.joined.reshape(-1, width).T @ da.reshape(-1, H)
    dattention: Any = ()
    dstates, dprepared, dvalues, dbefore = djoined, None, None, None
    if score is not None:
        E = width - H
        dcontext, dstates = djoined[..., :E], djoined[..., E:]  # joined = [c ; h]
        dattention, dqueries, dprepared, dvalues = attention.dattend(
            p.attention, steps.attended, dcontext.swapaxes(0, 1), score
        )
        dstates = dstates + dqueries.swapaxes(0, 1)  # the states are the queries
    dstates = dstates.copy()
    dstates[-1] += dh
    ddecoder, dx, dh = gru.backward(p.decoder, steps.cell, dstates)
    if feeding:
        dbefore = dx[0, :, -H:]  # x = [y ; h~ of the step before]
    parts = ddecoder, dattention, dW_c, da.sum(axis=(0, 1))
    return *parts, dh, dbefore, dprepared, dvalues


# --- both --------------------------------------------------------------------------------------


@names_arguments(p=WEIGHTS, batch=BATCH)
def forward(p, batch, score=additive, feeding=True):
    """Returns the logits (T, B, V+1) of the right answer's symbols.

    The decoder reads the right answer instead of its own: teacher forcing (Williams
    & Zipser, 1989).

    Args:
        p: Params.
        batch: a Batch.
        score: one of attention.SCORES; None for no attention.
        feeding: whether the decoder reads h~_{t-1}.

    Returns:
        logits: (T, B, V+1), for the symbols and END.
        cache: what ``backward`` needs.

    Raises:
        ValueError: different numbers of sources and answers, or bad input to
            ``encode``.
    """
    T, B = batch.inputs.shape
    encoded = encode(p, batch.source, batch.source_mask, score)
    h, combined = encoded.h0, np.zeros_like(encoded.h0)
    steps = []
    for at in [slice(t, t + 1) for t in range(T)] if feeding else [slice(0, T)]:
        some = decode(p, encoded.memory, batch.inputs[at], h, combined, score, feeding)
        h, combined = some.cell.h[-1], some.combined[-1]
        steps.append(some)
    combined = np.concatenate([some.combined for some in steps])
    return combined @ p.W_y + p.b_y, Cache(encoded, steps)


@names_arguments(p=WEIGHTS, dlogits="T B V", cache=fields(Cache, encoded=ENCODED))
def backward(p, cache, dlogits, score=additive, feeding=True):
    """Returns dp, a Params: the gradient of ``forward``, given dlogits (T, B, V+1)."""
    combined = np.concatenate([some.combined for some in cache.steps])
    H = combined.shape[-1]
    # u = h~ W_y + b_y
    dW_y = combined.reshape(-1, H).T @ dlogits.reshape(-1, len(p.b_y))
    dcombined = dlogits @ p.W_y.T
    dh = np.zeros_like(cache.encoded.h0)
    dfed: Any = None
    total: Any = None
    end = len(dcombined)
    for some in reversed(cache.steps):
        here = slice(end - len(some.combined), end)
        end = here.start
        arriving = dcombined[here] if dfed is None else dcombined[here] + dfed
        *parts, dh, dfed, dprepared, dvalues = ddecode(
            p, some, arriving, dh, score, feeding
        )
        gathered = (*parts, () if score is None else (dprepared, dvalues))
        total = gathered if total is None else tree.map(np.add, total, gathered)
    ddecoder, dattention, dW_c, db_c, dmemory = total
    dprepared, dvalues = dmemory or (None, None)
    dencoder, dW_0, db_0, dprepare = dencode(
        p, cache.encoded, dh, dprepared, dvalues, score
    )
    dattention = tree.map(np.add, dattention, dprepare)
    return Params(
        dencoder,
        dW_0,
        db_0,
        ddecoder,
        dattention,
        dW_c,
        db_c,
        dW_y,
        dlogits.sum(axis=(0, 1)),
    )


@names_arguments(p=WEIGHTS, batch=BATCH)
def loss(p, batch, score=additive, feeding=True):
    """Returns the mean loss of a batch in nats per symbol, END included."""
    check_targets(p, batch)
    logits, _ = forward(p, batch, score, feeding)
    return float(cross_entropy(logits, batch.targets)[batch.mask].mean())


@names_arguments(p=WEIGHTS, batch=BATCH)
def loss_and_gradient(p, batch, score=additive, feeding=True):
    """Returns (loss in nats per symbol, its gradient as a Params) of a batch.

    Raises:
        ValueError: as ``forward``, or as ``check_targets``.
    """
    check_targets(p, batch)
    logits, cache = forward(p, batch, score, feeding)
    losses = cross_entropy(logits, batch.targets)
    dlosses = batch.mask.astype(logits.dtype) / batch.mask.sum(dtype=logits.dtype)
    dlogits = dcross_entropy(logits, batch.targets, dlosses)
    return float((losses * dlosses).sum()), backward(p, cache, dlogits, score, feeding)


def check_targets(p, batch):
    """Raises ValueError unless a Batch asks for a symbol, and all its targets can be written."""
    if not batch.mask.any():
        raise ValueError("the batch holds no symbol to predict: its mask is all False")
    check_ids("targets", batch.targets, len(p.b_y))


@names_arguments(p=WEIGHTS)
def answer(p, sources, limit, score=additive, feeding=True, decode=decode):
    """Writes an answer to each source: the likeliest symbol at every step, until END.

    Args:
        p: Params.
        sources: a list of (S,) int arrays.
        limit: the largest number of symbols to write, END included; at least 1. An answer that is
            not finished by then is returned unfinished.
        score: one of attention.SCORES, or None.
        feeding: as in ``forward``.
        decode: the decoder's step: this module's, or a function like it.

    Returns:
        answers: a list of int arrays, without END.
        weights: for each answer an array (T, S), the attention of every step. T counts the symbols
            and END, if END came before the limit. Without attention, a list of None.

    Raises:
        ValueError: no source, an empty one, or a limit below 1.
    """
    if limit < 1:
        raise ValueError(f"the limit must be at least 1 symbol, got {limit}")
    source, mask = pad_sources(sources)
    encoded = encode(p, source, mask, score)
    END = len(p.b_y) - 1
    h, combined = encoded.h0, np.zeros_like(encoded.h0)
    symbol = np.full(len(sources), END + 1)
    written, looked = [], []
    done = np.zeros(len(sources), bool)
    while len(written) < limit and not done.all():
        some = decode(p, encoded.memory, symbol[None], h, combined, score, feeding)
        h, combined = some.cell.h[-1], some.combined[-1]
        symbol = (combined @ p.W_y + p.b_y).argmax(axis=-1)
        done |= symbol == END
        written.append(symbol)
        if score is not None:
            looked.append(some.attended.weights[:, 0])
    answers, weights = [], []
    for b, symbols in enumerate(np.array(written).T):
        ends = np.flatnonzero(symbols == END)
        T = int(ends[0]) if len(ends) else len(symbols)
        answers.append(symbols[:T])
        if looked:
            weights.append(
                np.array([w[b, : encoded.lengths[b]] for w in looked[: T + 1]])
            )
    return answers, (weights if looked else [None] * len(answers))


@names_arguments
def exactly_right(
    p, sources, answers, limit, score=additive, feeding=True, decode=decode
):
    """Returns (B,) bool: whether each answer is written without any error."""
    written, _ = answer(p, sources, limit, score, feeding, decode)
    return np.array(
        [np.array_equal(w, a) for w, a in zip(written, answers, strict=True)]
    )
