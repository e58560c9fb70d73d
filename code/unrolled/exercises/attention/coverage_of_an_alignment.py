"""What an alignment leaves out or reads twice, and how many positions each step reads."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, close, function, is_close

TITLE = "Left out or read twice"
CHAPTER = "05-attention/alignments"
SECTION = "where-does-it-look"
KIND = "write"
LEVEL = 1
MINUTES = 20

TEXT = r"""
If a translation network leaves out half of a sentence, or repeats a word three times, we can often
see the error in its attention weights. Two quantities help to find such errors. The weights $w$ of
a batch have shape $(B, T, S)$. Answer $b$ has `lengths[b]` real steps, and padding after its end.

- `coverage(weights, lengths)`, $(B, S)$, tells us how much each position of the source has been
  read in the whole answer. It is $\sum_t w_{ts}$ over the real steps. If the answer is about
  as long as the source, the mean is about 1. If the value is near 0, the position was hardly read.
- `positions(weights)`, $(B, T)$, is the number of positions that a step reads. It is the
  exponential of the entropy, $\exp\bigl(-\sum_s w_{ts} \log w_{ts}\bigr)$, which is the perplexity
  of the row. The result is 1 if all weight is on one position, and $n$ if $n$ positions have equal
  weights. A weight can be exactly 0, and such a position must add nothing.
"""

STUB = '''
import numpy as np


def coverage(weights, lengths):
    """(B, S): how much each position of the source has been read."""
    raise NotImplementedError


def positions(weights):
    """(B, T): the number of positions that each step reads."""
    raise NotImplementedError
'''

HINTS = (
    "`np.arange(T) < lengths[:, None]` is True at the real steps, and has shape (B, T).",
    "`0 * np.log(0)` is NaN. Replace a weight of 0 by 1 *before* taking the logarithm: "
    "`np.where(weights > 0, weights, 1)`.",
)

SOLUTION = '''
import numpy as np


def coverage(weights, lengths):
    """(B, S): how much each position of the source has been read."""
    real = np.arange(weights.shape[1]) < lengths[:, None]
    return (weights * real[:, :, None]).sum(axis=1)


def positions(weights):
    """(B, T): the number of positions that each step reads."""
    logs = np.log(np.where(weights > 0, weights, 1))
    return np.exp(-(weights * logs).sum(axis=-1))
'''

COMMENT = r"""
The padded steps of an answer have weights too, because the decoder kept running. If they are
counted, a position can seem to have been read that the answer has left out. Each row of `coverage`
sums to the length of the answer, which is a useful assertion. {cite:t}`tu2016` made coverage part
of the model: they update it during translation and use it as an input of the score, so that the
decoder can tell which positions it has not read yet.

`positions` is a perplexity. It is the number of sides of a fair die that has the same entropy as
the row. It tells us in one number how many positions share the weight. Watch it during training: it
usually starts near $S$ and falls as the network learns where to look. If it is near 1 before
training, the scores are too large ({doc}`/book/05-attention/attention`). Try both functions on the
weights that `seq2seq.answer` returns for a date.
"""


def check(answers):
    """Both functions, on padded answers and with weights of exactly 0."""
    rng = np.random.default_rng(4)
    B, T, S = 3, 5, 4
    weights = rng.dirichlet(np.ones(S), (B, T))
    lengths = np.array([5, 2, 3])
    real = np.arange(T) < lengths[:, None]
    reader = function(answers, "coverage")
    found = array(call(reader, weights.copy(), lengths.copy()), (B, S), "`coverage`")
    right = (weights * real[:, :, None]).sum(axis=1)
    if is_close(found, weights.sum(axis=1)):
        raise Wrong(
            "`coverage` also counts the padded steps of the shorter answers. The decoder has "
            "weights there too."
        )
    if is_close(found, right / lengths[:, None]) or is_close(found, right / T):
        raise Wrong("`coverage` is a mean over the steps. It should be the sum.")
    close(
        found,
        right,
        "`coverage` is not the sum of the weights over the real steps of each answer.",
    )

    reader = function(answers, "positions")
    found = array(call(reader, weights.copy()), (B, T), "`positions`")
    entropy = -(weights * np.log(weights)).sum(axis=-1)
    if is_close(found, entropy):
        raise Wrong(
            "`positions` is the entropy. Take its exponential, which is n for n equal "
            "weights."
        )
    if is_close(found, np.exp(-entropy)):
        raise Wrong("`positions` has lost a sign: a row of n equal weights gives 1/n.")
    if is_close(found, np.exp(entropy / np.log(2))) or is_close(
        found, entropy / np.log(2)
    ):
        raise Wrong(
            "`positions` mixes logarithms. If the entropy has base 2, raise 2 to it instead "
            "of e."
        )
    close(
        found,
        np.exp(entropy),
        "`positions` is not the exponential of the entropy of each row.",
    )
    weights = np.array([[[0.5, 0.5, 0.0], [0.0, 1.0, 0.0]]])
    with np.errstate(all="ignore"):
        found = np.asarray(call(reader, weights.copy()), dtype=float)
    if not np.isfinite(found).all():
        raise Wrong(
            "`positions` is NaN where a weight is exactly 0, as it is at padded positions. "
            "Here 0 · log 0 should count as 0."
        )
    close(
        found,
        [[2.0, 1.0]],
        "`positions` should be 2 for the weights 1/2, 1/2, 0, and 1 for the weights 0, 1, 0.",
    )
    return "Only real steps count, and a weight of 0 adds no position."
