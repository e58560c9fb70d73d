"""A masked loss that leaves out a word, and the perplexity of many batches."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, close, function, is_close

TITLE = "The loss per word"
CHAPTER = "06-tensorflow/loss-on-padded-sequences"
SECTION = "the-loss-that-keras-prints"
KIND = "debug"
LEVEL = 2
MINUTES = 20

TEXT = r"""
`loss_per_word(losses, targets, lengths)` gets the losses of a padded batch, $(B, T)$, the ids of
the words to be predicted, $(B, T)$, and the real lengths, $(B,)$. In this vocabulary the id 0 is
UNKNOWN, a word like any other, and the padding has the id 0 too. `perplexity(batches)` gets a
list of such triples, whose batches have different sizes. It should return the perplexity per word
of all batches together. Both functions contain common mistakes. Correct them. Losses at padded
positions can have any value.
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
    "The lengths tell which losses are real, and by what number to divide.",
    "The perplexity is the exponential of the mean loss of *all* words. A mean of "
    "means gives the words of small batches a larger weight, and a mean of "
    "exponentials is larger than the exponential of the mean.",
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
The two lines contain four decisions.

- *Which positions are real?* The id 0 does not answer this, because it is also the id of a word. A
  test of the sign leaves out every unknown word, and unknown words are not a random selection.
- *By what number do we divide?* `mean` divides by the number of positions. The more padding a
  batch has, the smaller its loss becomes, and the smaller its gradient.
- *What is the weight of a batch?* The weight is the number of its words.
- *Where does the exponential go?* It goes outside the mean.

The last point follows from Jensen's inequality,

$$
\frac 1 N \sum_\beta e^{L_\beta} \;\ge\; e^{\frac 1 N \sum_\beta L_\beta} ,
$$

where $L_\beta$ is the loss of batch $\beta$, and $N$ the number of batches. If all batches have
the same number of words but different losses, a mean of perplexities is therefore too large. The
error grows with the differences between the losses. Sorting by length makes the batches different.

Selecting the real losses with `losses[real]` is safer than multiplying by a mask, because
$0 \cdot \infty$ is NaN. If the functions are used only for reports, the mistakes change
only a printed number, until you use the number to choose a model.
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
        "the unknown words are missing, because their id is 0, like the id of the padding. "
        "(The sum is also divided by all positions.)": losses[known].sum() / 18,
        "the sum is divided by all positions, B T, and not by the number of words.": kept
        / 18,
        "the unknown words are missing from the sum and from the number of words.": (
            losses[known].mean()
        ),
        "the unknown words are missing from the sum.": losses[known].sum() / real.sum(),
        "this is the mean loss of a sequence. It should be the mean loss of a word.": kept
        / 3,
        "every sequence has the same weight, so the words of short sequences count more. Every "
        "word should have the same weight.": np.mean(
            [row[:n].mean() for row, n in zip(losses, lengths, strict=True)]
        ),
        "the padding is counted.": losses.mean(),
        "this is the sum. It should be the mean.": kept,
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
            "`loss_per_word` fails if a padded loss is infinite, because 0 · ∞ is NaN. Select "
            "the real losses instead of multiplying."
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
            "`perplexity` gives every batch the same weight. The mean over words is not the mean "
            "of the batches' means."
        )
    if is_close(found, np.average(np.exp(means), weights=words)):
        raise Wrong(
            "`perplexity` has the right weights, but takes the exponential too early."
        )
    if is_close(found, sum(sums) / sum(words)):
        raise Wrong("`perplexity` is still in nats: the exponential is missing.")
    close(
        found,
        np.exp(sum(sums) / sum(words)),
        "`perplexity` is not exp of the mean of all words.",
    )
    return "Every word counts once, unknown or not, in every batch."


def _batch(rng, lengths, T):
    lengths = np.array(lengths)
    real = np.arange(T) < lengths[:, None]
    targets = np.where(real, rng.integers(0, 4, real.shape), 0)
    targets[0, 0] = 0
    return rng.uniform(1, 2, real.shape) + 3 * ~real, targets, lengths


def _copies(batch):
    return tuple(a.copy() for a in batch)
