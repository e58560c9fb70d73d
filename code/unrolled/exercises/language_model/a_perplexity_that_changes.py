"""An evaluation that depends on the order of the sentences and on the batch size."""

import math
from types import SimpleNamespace

import numpy as np

from unrolled import tree
from unrolled.cells import rnn
from unrolled.exercises.judging import Wrong, call, function, is_close
from unrolled.functional import cross_entropy
from unrolled.models import language_model

TITLE = "A perplexity that changes with the batch size"
CHAPTER = "02-language-model/forward-and-loss"
KIND = "debug"
LEVEL = 2
MINUTES = 20

TEXT = r"""
The function `perplexity(p, batches)` below measures one model on one validation text. If the
batches are shuffled, its result changes. If the text is cut into batches of a different size, the
result changes again. The function has three faults. Fix them, so that the result depends only on
the model and the text: it should be $e^L$, where $L$ is the mean loss over *all* real words.

`batches` is a list. Each batch has `inputs` and `targets`, which are ids of shape $(T, B)$, and
`mask` of the same shape, which is True where a prediction is real. A column is a sentence, and
every sentence starts from $h_0 = 0$. Batches differ in $T$, and the last batch may have fewer
columns. `rnn.forward(p.cell, inputs, h0)` returns the states $(T, B, H)$ and a cache.
"""

STUB = '''
import numpy as np

from unrolled.cells import rnn
from unrolled.functional import cross_entropy


def perplexity(p, batches):
    """exp of the mean loss in nats per word, over all batches."""
    h, losses = None, []
    for batch in batches:
        h0 = None if h is None or h.shape[1] != batch.inputs.shape[1] else h[-1]
        h, _ = rnn.forward(p.cell, batch.inputs, h0)
        loss = cross_entropy(h @ p.W_y + p.b_y, batch.targets)  # (T, B)
        losses.append(np.mean(loss * batch.mask))
    return np.exp(np.mean(losses))
'''

HINTS = (
    "Begin with the shuffled order. What does the second batch get from the first?",
    "In a batch, half of the positions are padding. By which number is its sum of losses divided, "
    "and by which number should it be divided?",
    "A mean of means gives each *batch* the same weight. Add up the losses and the words of all "
    "batches, and divide once.",
)

SOLUTION = '''
import numpy as np

from unrolled.cells import rnn
from unrolled.functional import cross_entropy


def perplexity(p, batches):
    """exp of the mean loss in nats per word, over all batches."""
    total, words = 0.0, 0
    for batch in batches:
        h, _ = rnn.forward(p.cell, batch.inputs)
        loss = cross_entropy(h @ p.W_y + p.b_y, batch.targets)  # (T, B)
        total += loss[batch.mask].sum()
        words += batch.mask.sum()
    return np.exp(total / words)
'''

COMMENT = r"""
*The state is carried over.* The last state of one batch becomes $h_0$ of the next batch, so a
sentence is read as the continuation of an unrelated sentence. Carrying the state is right for
consecutive pieces of one text, and wrong for sentences in any order.

*Padding is counted.* `np.mean(loss * mask)` divides by the number of all positions. Each padded
position then counts as a word that was predicted with certainty, which makes the model look
better than it is.

*Batches are averaged.* A batch of short sentences has fewer words than other batches, but it gets
the same weight. The exponential also has to come at the end, once: a mean of perplexities is at
least as large as the perplexity of the mean loss.

One test finds all three faults: evaluate the same text in two orders and with two batch sizes,
and require the same number to ten digits. None of the faults raises an error, and none gives a
number that looks wrong.
"""


def check(answers):
    """One text in two orders and three batch sizes; each fault and their combinations."""
    reader = function(answers, "perplexity")
    rng = np.random.default_rng(0)
    p = language_model.init(rng, 9, 4, dtype=np.float64)
    p = tree.map(lambda w: 1.5 * rng.normal(size=w.shape), p)
    sentences = [rng.integers(0, 9, n) for n in (3, 12, 5, 4, 9, 2, 7)]
    by_2, by_3, whole = (_batches(sentences, size) for size in (2, 3, 7))
    cases = (by_2, by_2[::-1], by_3, whole)
    found = [_number(call(reader, p, batches)) for batches in cases]
    right = _variant(p, whole)

    def behaves_like(**faults):
        return is_close(found, [_variant(p, batches, **faults) for batches in cases])

    if is_close(found, np.full(4, right)):
        return "Right: the number is the same for every order and every batch size."
    if is_close(found, np.full(4, math.log(right))):
        raise Wrong("The mean loss is right; the perplexity is its exponential.")
    for carried in (True, False):
        for padding in (True, False):
            for means in ("losses", "perplexities", None):
                if behaves_like(carried=carried, padding=padding, means=means):
                    raise Wrong(_what_is_left(carried, padding, means))
    if not is_close(found[1], found[0]):
        raise Wrong(
            "The order of the batches still matters. What does a batch get from the one before?"
        )
    if is_close(found[0], found[3]):
        raise Wrong(
            "It no longer depends on the batches, but it is not exp of the mean loss."
        )
    raise Wrong(
        "It still depends on the batch size: divide once, by the number of real words."
    )


def _what_is_left(carried, padding, means):
    if carried:
        return (
            "The order of the batches still matters: each batch starts from the last state of the "
            "one before, although its sentences continue nothing."
        )
    if padding and means:
        return (
            "The order no longer matters, but the batch size does: padded positions are counted as "
            "words of loss 0, and all batches get the same weight."
        )
    if padding:
        return "Divide by the number of real words; you divide by the number of all positions."
    if means == "perplexities":
        return "Average losses over words and exponentiate once, at the end; not batch by batch."
    return (
        "Within a batch it is right. But a mean of means gives a batch of few words "
        "the same weight as a batch of many words: add up losses and words, and divide once."
    )


def _number(found):
    try:
        return float(found)
    except (TypeError, ValueError):
        raise Wrong("`perplexity` should return one number.") from None


def _batches(sentences, size):
    made = []
    for start in range(0, len(sentences), size):
        group = sentences[start : start + size]
        lengths = np.array([len(ids) - 1 for ids in group])
        ids = np.full((max(lengths) + 1, len(group)), 2)
        for column, sentence in enumerate(group):
            ids[: len(sentence), column] = sentence
        mask = np.arange(max(lengths))[:, None] < lengths
        made.append(SimpleNamespace(inputs=ids[:-1], targets=ids[1:], mask=mask))
    return made


def _variant(p, batches, carried=False, padding=False, means=None):
    last, sums, counts = np.zeros((0, len(p.cell.b))), [], []
    for batch in batches:
        usable = carried and len(last) == batch.inputs.shape[1]
        h, _ = rnn.forward(p.cell, batch.inputs, last if usable else None)
        last = h[-1]
        loss = cross_entropy(h @ p.W_y + p.b_y, batch.targets)
        sums.append((loss * batch.mask).sum())
        counts.append(loss.size if padding else batch.mask.sum())
    each = np.array(sums) / np.array(counts)
    if means == "losses":
        return float(np.exp(each.mean()))
    if means == "perplexities":
        return float(np.exp(each).mean())
    return float(np.exp(np.sum(sums) / np.sum(counts)))
