r"""A word-level recurrent language model: which word comes next, and with what probability.

    u_t = h_t W_y + b_y            p_t = softmax(u_t)                  (eq-lm-output)
    L   = -(1/N) sum_t log p_t[y_t]        over the N real words       (eq-lm-loss)

The recurrent cell is a module with ``init``, ``step``, ``forward`` and ``backward``; ``rnn`` unless
another is passed. A batch is a ``text.Batch``: inputs, targets and mask, (T, B) each.
T time, B batch, V vocabulary, H hidden.
"""

from typing import Any, NamedTuple

import numpy as np

from unrolled.arguments import (
    check_ids,
    fields,
    ids,
    mask,
    names_arguments,
    shaped,
)
from unrolled.cells import rnn
from unrolled.data.text import Batch
from unrolled.functional import cross_entropy, softmax

Array = Any
ROWS_AT_ONCE = 128  # of logits


class Params(NamedTuple):
    """Weights; gradients are a Params too."""

    cell: Any  # the recurrent cell's own Params; its W_x is (V, H), one row per word
    W_y: Array  # (H, V)
    b_y: Array  # (V,)


WEIGHTS = fields(Params, W_y="H V", b_y="V")  # the cell checks its own
CELL = fields(rnn.Params, W_x="V H", W_h="H H", b="H")
OVER_RNN = fields(Params, cell=CELL, W_y="H V", b_y="V")  # of words, for the fast steps
BATCH = fields(Batch, inputs=shaped("T B"), targets=shaped("T B"), mask=mask("T B"))


@names_arguments
def init(rng, V, H, cell=rnn, dtype=np.float32):
    """Returns random Params for a vocabulary of V words and H hidden units.

    One-hot inputs have one entry that is not 0, so the sum that enters a hidden unit has one
    term, whatever V is: W_x needs no 1/√V. W_y is small: the untrained model should hold all words
    equally likely, a loss of log V.
    """
    return Params(
        cell=cell.init(rng, V, H, dtype, input_scale=0.1),
        W_y=rng.uniform(-0.1, 0.1, (H, V)).astype(dtype) / dtype(np.sqrt(H)),
        b_y=np.zeros(V, dtype),
    )


@names_arguments(p=WEIGHTS)
def forward(p, inputs, *state, cell=rnn):
    """Returns the logits (T, B, V) for ids (T, B), and the cell's cache."""
    h, cache = cell.forward(p.cell, inputs, *state)
    return h @ p.W_y + p.b_y, cache


@names_arguments(p=WEIGHTS, batch=BATCH)
def loss(p, batch, cell=rnn):
    """Returns (mean loss in nats per word, number of words) of a batch, without gradients."""
    targets = real_targets(p, batch)
    h, _ = cell.forward(p.cell, batch.inputs)
    h = h[batch.mask]
    total = 0.0
    for rows in blocks_of_rows(len(targets)):
        total += float(cross_entropy(h[rows] @ p.W_y + p.b_y, targets[rows]).sum())
    return total / len(targets), len(targets)


@names_arguments(p=WEIGHTS, batch=BATCH)
def loss_and_gradient(p, batch, cell=rnn, reduction="mean"):
    """Returns the loss of a batch in nats, and its exact gradient.

    Args:
        p: Params.
        batch: a text.Batch; steps outside its mask count for nothing.
        cell: the module of the recurrent cell.
        reduction: "mean" over the real words, or "sum" over them.

    Returns:
        loss: a float.
        dp: Params.

    Raises:
        ValueError: another reduction, a batch without a real word, or ids out of range.
    """
    if reduction not in ("mean", "sum"):
        raise ValueError(f'reduction must be "mean" or "sum", got {reduction!r}')
    targets = real_targets(p, batch)
    scale = 1 / len(targets) if reduction == "mean" else 1.0
    h, cache = cell.forward(p.cell, batch.inputs)
    loss, dh_real, dW_y, db_y = output_layer(
        h[batch.mask], p.W_y, p.b_y, targets, scale
    )
    dh = np.zeros_like(h)
    dh[batch.mask] = dh_real
    dcell, *_ = cell.backward(p.cell, cache, dh)
    return loss, Params(dcell, dW_y, db_y)


@names_arguments(W_y="H V", h="N H", b_y="V", targets=ids("N", "V"))
def output_layer(h, W_y, b_y, targets, scale=1.0):
    """Returns the loss of the output layer and its gradients.

    Works on one block of rows at a time: the logits of a block become probabilities and
    then gradients in the same memory. The (N, V) array of all logits never exists,
    unless N is at most one block.

    Args:
        h: (N, H) states.
        W_y: (H, V).
        b_y: (V,).
        targets: (N,) ids.
        scale: factor of the summed cross-entropy; 1/N gives the mean.

    Returns:
        loss in nats, dh (N, H), dW_y (H, V), db_y (V,).
    """
    loss = 0.0
    dh, dW_y, db_y = np.empty_like(h), np.empty_like(W_y), np.zeros_like(b_y)
    for rows in blocks_of_rows(len(h)):
        u = h[rows] @ W_y
        u += b_y
        u -= u.max(axis=1, keepdims=True)
        here = np.arange(len(u)), targets[rows]
        u_target = u[here]
        e = np.exp(u, out=u)
        total = e.sum(axis=1, keepdims=True)
        loss += float((np.log(total[:, 0]) - u_target).sum())
        du = np.multiply(e, u.dtype.type(scale) / total, out=e)  # scale * p
        du[here] -= scale
        np.matmul(du, W_y.T, out=dh[rows])
        if rows.start == 0:
            np.matmul(h[rows].T, du, out=dW_y)
        else:
            dW_y += h[rows].T @ du
        db_y += du.sum(axis=0)
    return scale * loss, dh, dW_y, db_y


@names_arguments(
    p=fields(
        Params, cell=fields(rnn.Params, W_x="V H", W_h="H H", b="H"), W_y="H V", b_y="V"
    ),
    inputs=ids("T", "V"),
    targets=ids("T", "V"),
)
def loss_and_gradient_loops(p, inputs, targets, window=None):
    """Returns the summed loss of one sentence and its gradient, in two nested loops.

    Backpropagation through time, one word at a time: from each output, a walk back
    to the first word. Slow; meant for reading and for comparison.

    Args:
        p: Params over ``rnn``.
        inputs: (T,) ids.
        targets: (T,) ids.
        window: steps to walk back from an output; to the first word if None.

    Returns:
        loss: summed, in nats.
        dp: Params.

    Raises:
        ValueError: shapes do not fit together, ids out of range, or a negative window.
    """
    W_x, W_h, b = p.cell
    T, H = len(inputs), len(b)
    if window is not None and window < 0:
        raise ValueError(f"window must be at least 0, got {window}")
    window = T if window is None else window
    # h[-1] stands for the state before the first step
    h = np.zeros((T + 1, H), W_h.dtype)
    probabilities = np.zeros((T, len(p.b_y)), W_h.dtype)
    for t in range(T):
        h[t] = np.tanh(W_x[inputs[t]] + h[t - 1] @ W_h + b)
        probabilities[t] = softmax(h[t] @ p.W_y + p.b_y)
    loss = -sum(np.log(probabilities[t, targets[t]]) for t in range(T))

    dp = Params(
        rnn.Params(*map(np.zeros_like, p.cell)),
        np.zeros_like(p.W_y),
        np.zeros_like(p.b_y),
    )
    for output in range(T):
        du = probabilities[output].copy()
        du[targets[output]] -= 1
        dp.W_y[:] += np.outer(h[output], du)
        dp.b_y[:] += du
        dh = p.W_y @ du
        for t in range(output, max(-1, output - window - 1), -1):
            da = dh * (1 - h[t] ** 2)
            dp.cell.W_h[:] += np.outer(h[t - 1], da)
            dp.cell.W_x[inputs[t]] += da
            dp.cell.b[:] += da
            dh = W_h @ da
    return loss, dp


@names_arguments(p=WEIGHTS)
def generate(
    p,
    rng,
    start,
    end,
    forbidden=(),
    temperature=1.0,
    top_k=None,
    minimum=0,
    limit=60,
    cell=rnn,
):
    """Draws one sentence, a word at a time: ancestral sampling.

    Each word costs one step of the network, because the state already holds what the network
    has kept of the words before.

    Args:
        p: Params.
        rng: a ``numpy.random.Generator``.
        start: ids the sentence begins with (an id, or a list of them); read, not returned.
        end: the id that ends a sentence.
        forbidden: ids that are never drawn, such as UNKNOWN and START.
        temperature: logits are divided by it: below 1 sharper, above 1 flatter; 0: always the
            likeliest word.
        top_k: draw among the k likeliest only; among all if None.
        minimum: ``end`` is not drawn before this many words.
        limit: stop after this many words even without ``end``.
        cell: the module of the recurrent cell.

    Returns:
        The drawn ids, without ``start`` and ``end``.

    Raises:
        ValueError: an empty start, a negative temperature, top_k below 1, an id out of range,
            every word forbidden, or logits that are not finite.
    """
    V = len(p.b_y)
    prefix = np.atleast_1d(start)
    if not len(prefix):
        raise ValueError(
            "start is empty: give at least one id for the sentence to begin with"
        )
    if temperature < 0 or (top_k is not None and top_k < 1):
        raise ValueError(
            f"need temperature >= 0 and top_k >= 1, got {temperature} and {top_k}"
        )
    check_ids("start, end and forbidden", np.array([*prefix, end, *forbidden]), V)
    if len({*map(int, forbidden)} | ({int(end)} if minimum > 0 else set())) == V:
        raise ValueError(f"forbidden holds all {V} words: none is left to draw")

    state, drawn = cell.initial_state(p.cell), []
    for word in prefix:
        logits, state = next_logits(p, word, state, cell)
    while len(drawn) < limit:
        logits = logits.astype(np.float64)
        check_finite("the logits of the next word", logits)
        logits[list(forbidden)] = -np.inf
        if len(drawn) < minimum:
            logits[end] = -np.inf
        if top_k is not None and top_k < V:
            logits[logits < np.partition(logits, -top_k)[-top_k]] = -np.inf
        if temperature == 0:
            word = int(logits.argmax())
        else:
            word = int(rng.choice(V, p=softmax(logits / temperature)))
        if word == end:
            break
        drawn.append(word)
        logits, state = next_logits(p, word, state, cell)
    return drawn


@names_arguments(p=WEIGHTS)
def next_logits(p, word, state, cell):
    """Returns the logits (V,) after one more word, and the new state as a tuple."""
    state = cell.step(p.cell, np.asarray(word), *state)
    state = state if isinstance(state, tuple) else (state,)
    return state[0] @ p.W_y + p.b_y, state


@names_arguments(batch=BATCH)
def real_targets(p, batch):
    """Returns the targets (N,) inside a batch's mask.

    Raises:
        ValueError: the mask is not bool, or all False, or an id is out of range.
    """
    targets = batch.targets[batch.mask]
    if not len(targets):
        raise ValueError("the batch holds no word to predict: its mask is all False")
    check_ids("targets", targets, len(p.b_y))
    return targets


def check_finite(name, numbers):
    """Raises ValueError, which names the numbers, unless all of them are finite."""
    if not np.isfinite(numbers).all():
        raise ValueError(
            f"{name} must be finite, got {numbers[~np.isfinite(numbers)][0]}"
        )


@names_arguments
def blocks_of_rows(N):
    """Returns slices of at most ROWS_AT_ONCE rows that together cover N rows."""
    return [slice(i, i + ROWS_AT_ONCE) for i in range(0, N, ROWS_AT_ONCE)]
