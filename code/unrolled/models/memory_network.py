r"""The end-to-end memory network of Sukhbaatar, Szlam, Weston & Fergus (2015).

A sentence is a bag of words x_s, a row of V counts. It has an age, which is 0 for the last
sentence. The memory is read K times, each time with different keys and values, and what was read is
added to the query:

    q_1 = x_q E_0                                                  (eq-memory-question)
    k_s = x_s E_{j-1} + A_{j-1}[age],  v_s = x_s E_j + A_j[age]    (eq-memory-keys)
    w_j = softmax(q_j k^T),  c_j = w_j v                           (eq-memory-read)
    q_{j+1} = q_j + c_j                                            (eq-memory-update)
    u = q_{K+1} E_K^T                                              (eq-memory-answer)

The values of one read and the keys of the next use the same weights. The question uses the weights
of the first keys, and the answer uses the weights of the last values. The paper calls this adjacent
weight tying.
B batch, S sentences, V words, E numbers in an embedding, K reads ("hops").
"""

from typing import Any, NamedTuple

import numpy as np

from unrolled.arguments import fields, ids, mask, names_arguments
from unrolled.data.stories import Batch
from unrolled.functional import cross_entropy, dcross_entropy
from unrolled.layers import attention

Array = Any


class Params(NamedTuple):
    """Weights; gradients are a Params too."""

    words: Array  # (K+1, V, E): what a word adds to a key, a value, the question
    ages: Array  # (K+1, S_max, E): what the age of a sentence adds; row 0 for the last


class Cache(NamedTuple):
    """What backward needs, and what figures draw (the weights)."""

    bags: Array  # (B, S, V)
    questions: Array  # (B, V)
    reads: Any  # a list of K attention.Cache
    weights: Array  # (K, B, S): where each read looked; rows sum to 1
    q: Array  # (B, E): after the last read


WEIGHTS = fields(Params, words="K V E", ages="K L E")
BATCH = fields(
    Batch, bags="B S V", questions="B V", answers=ids("B", "V"), mask=mask("B S")
)
CACHE = fields(Cache, bags="B S V", questions="B V", weights="R B S", q="B E")


@names_arguments
def init(rng, V, S, E, K, dtype=np.float32, scale=0.1):
    """Returns random Params, normal with standard deviation ``scale``, as in the paper.

    Args:
        rng: a ``numpy.random.Generator``.
        V: words.
        S: sentences in the longest story.
        E: numbers in an embedding.
        K: reads.
        dtype: floating-point type.
        scale: standard deviation.

    Raises:
        ValueError: a size is below 1.
    """
    if min(V, S, E, K) < 1:
        raise ValueError(f"sizes must be at least 1, got V={V}, S={S}, E={E}, K={K}")
    return Params(
        (scale * rng.standard_normal((K + 1, V, E))).astype(dtype),
        (scale * rng.standard_normal((K + 1, S, E))).astype(dtype),
    )


@names_arguments(p=WEIGHTS)
def forward(p, bags, questions, mask=None):
    """Reads the memory K times and answers.

    Args:
        p: Params.
        bags: (B, S, V) counts of words, the last sentence at S-1.
        questions: (B, V) counts of words.
        mask: (B, S) bool, True for real sentences; all are real if left out.

    Returns:
        u: (B, V) logits of the answer.
        cache: what ``backward`` needs.

    Raises:
        ValueError: shapes do not fit together, no sentence, or more sentences than
            there are ages.
    """
    check_stories(p, bags, questions, mask)
    S = bags.shape[1]
    age = np.arange(S)[::-1]
    memory = [bags @ E + A[age] for E, A in zip(p.words, p.ages, strict=True)]
    mask = None if mask is None else mask[:, None]
    q = questions @ p.words[0]
    reads = []
    for keys, values in zip(memory[:-1], memory[1:], strict=True):
        c, read = attention.forward((), q[:, None], keys, values, mask, attention.dot)
        q = q + c[:, 0]
        reads.append(read)
    weights = np.stack([read.weights[:, 0] for read in reads])
    return q @ p.words[-1].T, Cache(bags, questions, reads, weights, q)


@names_arguments(p=WEIGHTS, cache=CACHE, du="B V")
def backward(p, cache, du):
    """Returns dp, given du (B, V), the gradient of the loss with respect to the logits.

    The gradient of an embedding is the sum over its uses: keys, values, question, answer.
    """
    bags, questions, reads, _, q = cache
    S = bags.shape[1]
    dmemory = [np.zeros((*bags.shape[:2], q.shape[1]), q.dtype) for _ in p.words]
    dq = du @ p.words[-1]  # u = q E_K^T
    for j in reversed(range(len(reads))):
        # q_{j+1} = q_j + c_j: the gradient of the sum goes to both terms.
        _, dquery, dkeys, dvalues = attention.backward(
            (), reads[j], dq[:, None], attention.dot
        )
        dq = dq + dquery[:, 0]
        dmemory[j] += dkeys
        dmemory[j + 1] += dvalues
    words = bags.reshape(-1, bags.shape[-1])
    # k_s and v_s = x_s E + ...
    dwords = np.stack([words.T @ d.reshape(len(words), -1) for d in dmemory])
    dwords[0] += questions.T @ dq  # q_1 = x_q E_0
    dwords[-1] += du.T @ q  # u = q E_K^T
    dages = np.zeros_like(p.ages)
    dages[:, :S] = np.stack([d.sum(axis=0)[::-1] for d in dmemory])  # ... + A[age]
    return Params(dwords, dages)


@names_arguments(p=WEIGHTS, batch=BATCH)
def loss_and_gradient(p, batch):
    """Returns (mean loss of the answers in nats, its gradient as a Params) of a stories.Batch.

    Raises:
        ValueError: as ``forward``, or no story.
    """
    u, cache = forward(p, batch.bags, batch.questions, batch.mask)
    B = len(u)
    du = dcross_entropy(u, batch.answers, np.full(B, 1 / B, u.dtype))
    return float(cross_entropy(u, batch.answers).mean()), backward(p, cache, du)


@names_arguments(p=WEIGHTS, batch=BATCH)
def accuracy(p, batch):
    """Returns the share of the questions of a stories.Batch that are answered correctly."""
    u, _ = forward(p, batch.bags, batch.questions, batch.mask)
    return float((u.argmax(axis=-1) == batch.answers).mean())


@names_arguments
def check_stories(p, bags, questions, mask):
    """Raises ValueError if the arguments of ``forward`` do not fit together."""
    V, S = p.words.shape[1], p.ages.shape[1]
    if bags.ndim != 3 or bags.shape[2] != V or questions.shape != (len(bags), V):
        raise ValueError(
            f"bags must be (B, S, {V}) and questions (B, {V}),"
            f" got {bags.shape} and {questions.shape}"
        )
    if not len(bags):
        raise ValueError(f"bags need at least one story, got {bags.shape}")
    if bags.dtype.kind not in "fc" or questions.dtype.kind not in "fc":
        raise ValueError(
            "bags and questions must hold floating-point numbers,"
            f" got {bags.dtype} and {questions.dtype}"
        )
    if not 1 <= bags.shape[1] <= S:
        raise ValueError(f"a story has 1 to {S} sentences here, got {bags.shape[1]}")
    if mask is not None and (mask.shape != bags.shape[:2] or mask.dtype != bool):
        raise ValueError(
            f"the mask must be bool of {bags.shape[:2]}, got {mask.dtype} of {mask.shape}"
        )
