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
One model, one validation text, and yet: shuffle the order of the batches, and the perplexity
changes; cut the text into batches of another size, and it changes again. `perplexity(p, batches)`
below has three faults. Mend them, so that the result is a property of the model and the text:
$e^L$ with $L$ the mean loss over *all* real words.

`batches` is a list. Each batch has `inputs` and `targets`, $(T, B)$ ids, and `mask`, $(T, B)$,
True where a prediction is real; a column is a sentence, and every sentence starts from $h_0 = 0$.
Batches differ in $T$, and the last may have fewer columns. `rnn.forward(p.cell, inputs, h0)`
returns the states $(T, B, H)$ and a cache.
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
    "Take the shuffled order first. What does the second batch know of the first?",
    "A batch in which half of the places are padding: by what is its sum of losses divided, and by "
    "what should it be?",
    "A mean of means gives each *batch* the same weight. Add up losses and words over all batches, "
    "and divide once.",
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
*The state is carried over.* The last state of one batch becomes $h_0$ of the next, so a sentence
is read as the continuation of one that has nothing to do with it. Carrying the state is right for
consecutive pieces of one text and wrong for sentences in any order. Where a model was *trained*
with a state that leaks, the fault hides: it has learnt to live with it.

*Padding is counted.* `np.mean(loss * mask)` divides by all places. Each padded place enters as a
word predicted with certainty, which makes the model look better the worse the batches are sorted.

*Batches are averaged.* The last batch, or one of short sentences, has fewer words and the same
weight. And the exponential comes at the end, once: a mean of perplexities is larger than the
perplexity of the mean.

The test that finds all three needs no theory: evaluate one text in two orders and in two batch
sizes, and demand the same number to ten digits. None of the three raises an error or makes a
number that looks odd.
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
        return "The same number for any order and any batch size: a property of model and text."
    if is_close(found, np.full(4, math.log(right))):
        raise Wrong("The mean loss is right; the perplexity is its exponential.")
    for carried in (True, False):
        for padding in (True, False):
            for means in ("losses", "perplexities", None):
                if behaves_like(carried=carried, padding=padding, means=means):
                    raise Wrong(_what_is_left(carried, padding, means))
    if not is_close(found[1], found[0]):
        raise Wrong(
            "The order of the batches still matters. What does a batch get from the last?"
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
            "The order no longer matters, the batch size does: padded places are counted as words "
            "of loss 0, and batches are averaged whatever their size."
        )
    if padding:
        return "Divide by the number of real words; you divide by all places, the padded ones too."
    if means == "perplexities":
        return "Average losses over words and exponentiate once, at the end; not batch by batch."
    return (
        "Within a batch it is right. But a mean of means gives a batch of few words the weight of "
        "one of many: add up losses and words, and divide once."
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
