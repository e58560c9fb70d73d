"""What an alignment leaves out, what it reads twice, and how many places it looks at."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, close, function, is_close

TITLE = "Left out and read twice"
CHAPTER = "05-attention/alignments"
KIND = "write"
LEVEL = 1
MINUTES = 20

TEXT = r"""
A translator that leaves out half a sentence, or says a word three times, shows it in its weights.
Two numbers make that visible for a batch of weights $w$ of shape $(B, T, S)$, where answer $b$ has
`lengths[b]` real steps and is padded behind its end:

- `coverage(weights, lengths)`, $(B, S)$: how much each place of the source has been read in the
  whole answer, $\sum_t w_{ts}$ over the real steps. Near 1 is as it should be; near 0 a place was
  left out.
- `places(weights)`, $(B, T)$: how many places a step looks at. With one place it should be 1, with
  an even weight on $n$ places exactly $n$, and for everything in between the exponential of the
  entropy, $\exp\bigl(-\sum_s w_{ts} \log w_{ts}\bigr)$, the perplexity of the row. Weights can be
  exactly 0, and such a place contributes nothing.
"""

STUB = '''
import numpy as np


def coverage(weights, lengths):
    """(B, S): how much each place of the source has been read."""
    raise NotImplementedError


def places(weights):
    """(B, T): the number of places that each step looks at."""
    raise NotImplementedError
'''

HINTS = (
    "`np.arange(T) < lengths[:, None]` is True at the real steps, with shape (B, T).",
    "`0 * np.log(0)` is NaN. Give the logarithm something harmless where the weight is 0, *before*"
    " it is taken: `np.where(weights > 0, weights, 1)`.",
)

SOLUTION = '''
import numpy as np


def coverage(weights, lengths):
    """(B, S): how much each place of the source has been read."""
    real = np.arange(weights.shape[1]) < lengths[:, None]
    return (weights * real[:, :, None]).sum(axis=1)


def places(weights):
    """(B, T): the number of places that each step looks at."""
    logs = np.log(np.where(weights > 0, weights, 1))
    return np.exp(-(weights * logs).sum(axis=-1))
'''

COMMENT = r"""
The padded steps of an answer have weights like any others, since the decoder ran on; counted in,
they make everything look read. The total of a row of `coverage` is the length of the answer, which
is a good assertion. {cite:t}`tu2016` put coverage to use: kept during translation and shown to the
score, it tells the decoder what is still to be said.

`places` is a perplexity, the number of sides of a fair die as undecided as the row. It says in one
number how soft a soft attention is, and is easier to read than an entropy in nats. Watch it during
training: it begins near $S$ and falls as the network finds where to look. If it is 1 from the
beginning the scores were too large ({doc}`/book/05-attention/attention`). Try both on the weights
that `seq2seq.answer` returns for a date.
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
            "`coverage` counts the padded steps of the shorter answers too: there, too, the "
            "decoder has weights."
        )
    if is_close(found, right / lengths[:, None]) or is_close(found, right / T):
        raise Wrong("`coverage` is a mean over the steps; the sum is asked.")
    close(
        found,
        right,
        "`coverage` is not the sum of the weights over each answer's real steps.",
    )

    reader = function(answers, "places")
    found = array(call(reader, weights.copy()), (B, T), "`places`")
    entropy = -(weights * np.log(weights)).sum(axis=-1)
    if is_close(found, entropy):
        raise Wrong(
            "`places` is the entropy. Its exponential counts places: for an even row, n."
        )
    if is_close(found, np.exp(-entropy)):
        raise Wrong("`places` has lost a sign: an even row of n weights gives 1/n.")
    if is_close(found, np.exp(entropy / np.log(2))) or is_close(
        found, entropy / np.log(2)
    ):
        raise Wrong(
            "`places` mixes logarithms: with base 2, raise 2 to the entropy and not e."
        )
    close(found, np.exp(entropy), "`places` is not exp of the entropy of each row.")
    weights = np.array([[[0.5, 0.5, 0.0], [0.0, 1.0, 0.0]]])
    with np.errstate(all="ignore"):
        found = np.asarray(call(reader, weights.copy()), dtype=float)
    if not np.isfinite(found).all():
        raise Wrong(
            "`places` is NaN where a weight is exactly 0, as every padded place of a source is: "
            "0 · log 0 should count as 0."
        )
    close(
        found,
        [[2.0, 1.0]],
        "`places` should be 2 for weights 1/2, 1/2, 0, and 1 for 0, 1, 0.",
    )
    return "Only real steps count, and a weight of 0 is no place."
