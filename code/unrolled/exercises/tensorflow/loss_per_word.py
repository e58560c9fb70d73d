"""A masked loss that forgets a word and counts the padding, and the perplexity of many batches."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, close, function, is_close

TITLE = "The loss of a word"
CHAPTER = "06-tensorflow/loss-on-padded-sequences"
KIND = "debug"
LEVEL = 2
MINUTES = 20

TEXT = r"""
`loss_per_word(losses, targets, lengths)` gets the losses of a padded batch, $(B, T)$, the ids of
the words to be predicted, $(B, T)$, and the real lengths, $(B,)$. The vocabulary uses the id 0 for
UNKNOWN, a word like any other, and the padding has the id 0 too. `perplexity(batches)` gets a list
of such triples, with batches of different sizes, and is to return the perplexity per word of all of
them together. Both are wrong in the way in which it is usually done wrong. Mend them. Losses at
padded places may be anything.
"""

STUB = '''
import numpy as np


def loss_per_word(losses, targets, lengths):
    """The mean loss over the real words of a batch, in nats."""
    mask = np.sign(targets)
    return (losses * mask).mean()


def perplexity(batches):
    """The perplexity per word of all batches together."""
    return np.mean([np.exp(loss_per_word(*triple)) for triple in batches])


losses, targets = np.ones((2, 4)), np.array([[5, 0, 3, 2], [4, 2, 0, 0]])
print(loss_per_word(losses, targets, np.array([4, 2])))
'''

HINTS = (
    "The stub prints the mean of losses that are all 1. What should it print?",
    "What is real, the lengths say; what is to be divided by, too.",
    "Perplexity is the exponential of the mean loss of *all* words. A mean of means weighs the "
    "words of small batches more, and a mean of exponentials is larger than the exponential of the"
    " mean.",
)

SOLUTION = '''
import numpy as np


def loss_per_word(losses, targets, lengths):
    """The mean loss over the real words of a batch, in nats."""
    real = np.arange(losses.shape[1]) < lengths[:, None]
    return losses[real].sum() / lengths.sum()


def perplexity(batches):
    """The perplexity per word of all batches together."""
    total = sum(loss_per_word(*triple) * triple[2].sum() for triple in batches)
    return np.exp(total / sum(lengths.sum() for _, _, lengths in batches))


losses, targets = np.ones((2, 4)), np.array([[5, 0, 3, 2], [4, 2, 0, 0]])
print(loss_per_word(losses, targets, np.array([4, 2])))
'''

COMMENT = r"""
Four decisions are hidden in two lines. *Which places are real* cannot be read off an id that a word
has as well; the sign leaves out every unknown word, and not at random. *By what to divide:* with
`mean` it is the number of places, so that the same loss per word looks smaller the more a batch is
padded, and the step of the optimizer changes with it. *What a batch counts:* as many words as it
has. *Where the exponential stands:* outside. By Jensen's inequality

$$
\frac 1 N \sum_\beta e^{L_\beta} \;\ge\; e^{\frac 1 N \sum_\beta L_\beta} ,
$$

so that a mean of perplexities is too large, and the more so the more the batches differ, which is
what sorting them by length brings about. Picking out the real losses, `losses[real]`, has an
advantage over the product with a mask: $0 \cdot \infty$ is NaN. All this only changes a number that
is printed, until a model is chosen by it.
"""


def check(answers):
    """The mean of one batch, and of batches that differ."""
    reader = function(answers, "loss_per_word")
    rng = np.random.default_rng(11)
    batch = _batch(rng, [6, 2, 3], 6)
    losses, targets, lengths = batch
    found = float(array(call(reader, *_copies(batch)), (), "the loss per word"))
    real = np.arange(6) < lengths[:, None]
    known = real & (targets != 0)
    kept = losses[real].sum()
    explained = {
        "the unknown words are missing: their id is 0, like the padding's, and the sign cannot "
        "tell them apart. (And the sum is divided by all places.)": losses[known].sum()
        / 18,
        "the sum is divided by all places, B T, and not by the number of words.": kept
        / 18,
        "the unknown words are missing, from the sum and from what it is divided by.": (
            losses[known].mean()
        ),
        "the unknown words are missing from the sum.": losses[known].sum() / real.sum(),
        "this is the sum of the losses for each sequence; the mean for each word is asked.": kept
        / 3,
        "every sequence counts the same, so that a word of a short one counts more; every word "
        "should.": np.mean(
            [row[:n].mean() for row, n in zip(losses, lengths, strict=True)]
        ),
        "the padding is counted.": losses.mean(),
        "this is the sum; the mean is asked.": kept,
    }
    for message, value in explained.items():
        if is_close(found, value):
            raise Wrong(f"`loss_per_word`: {message}")
    close(
        found,
        kept / real.sum(),
        "`loss_per_word` is not the mean of the real words' losses.",
    )
    losses[~real] = np.inf
    with np.errstate(all="ignore"):
        found = float(np.asarray(call(reader, losses, targets, lengths)))
    if not is_close(found, kept / real.sum()):
        raise Wrong(
            "`loss_per_word` is right until a padded place holds infinity: 0 · ∞ is NaN. Pick the "
            "real losses out in place of multiplying."
        )
    batches = [_batch(rng, [6, 2, 3], 6), _batch(rng, [1, 2], 2), _batch(rng, [9], 9)]
    batches[1] = (3 * batches[1][0], *batches[1][1:])
    found = float(
        array(
            call(function(answers, "perplexity"), [_copies(b) for b in batches]),
            (),
            "`perplexity`",
        )
    )
    sums = [float(u[np.arange(u.shape[1]) < n[:, None]].sum()) for u, _, n in batches]
    words = [int(n.sum()) for _, _, n in batches]
    means = np.divide(sums, words)
    if is_close(found, np.exp(means).mean()):
        raise Wrong(
            "`perplexity` is a mean of perplexities. Take the mean of the losses first."
        )
    if is_close(found, np.exp(means.mean())):
        raise Wrong(
            "`perplexity` takes every batch for as large as the others: the mean over words is "
            "not the mean of the batches' means."
        )
    if is_close(found, np.average(np.exp(means), weights=words)):
        raise Wrong("`perplexity` weighs rightly, and takes the exponential too early.")
    if is_close(found, sum(sums) / sum(words)):
        raise Wrong("`perplexity` is still in nats: the exponential is missing.")
    close(
        found,
        np.exp(sum(sums) / sum(words)),
        "`perplexity` is not exp of the mean of all words.",
    )
    return "Every word counts once, unknown or not, in whatever company."


def _batch(rng, lengths, T):
    lengths = np.array(lengths)
    real = np.arange(T) < lengths[:, None]
    targets = np.where(real, rng.integers(0, 4, real.shape), 0)
    targets[0, 0] = 0
    return rng.uniform(1, 2, real.shape) + 3 * ~real, targets, lengths


def _copies(batch):
    return tuple(a.copy() for a in batch)
