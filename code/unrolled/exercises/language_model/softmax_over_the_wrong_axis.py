"""A softmax of a batch that sums over the wrong axis."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, close, function, is_close
from unrolled.functional import softmax

TITLE = "Softmax over the wrong axis"
CHAPTER = "02-language-model/forward-and-loss"
KIND = "debug"
LEVEL = 1
MINUTES = 10

TEXT = r"""
This softmax passes the test its author wrote: the output for a single word, a vector of $V$ logits,
sums to 1. In a batch of words (rows) it trains a model that learns next to nothing, and no line of
it raises an error. Find the mistake and mend it, so that the function takes logits of any shape
$(\dots, V)$. While you are there, make it survive a logit of 1000.
"""

STUB = '''
import numpy as np


def softmax(u):
    """Probabilities from logits u (..., V); each row sums to 1."""
    e = np.exp(u)
    return e / e.sum(axis=0)


print(softmax(np.array([2.0, 1.0, 0.0])).sum())
'''

HINTS = (
    "Print `softmax(u).sum(axis=-1)` for a `u` of shape `(2, 3)`. What should it be, what is it?",
    "`axis=-1` is the vocabulary whatever stands before it; `keepdims=True` keeps the sum beside "
    "its row. For the large logit: which number may be subtracted from a whole row without "
    "changing the result?",
)

SOLUTION = '''
import numpy as np


def softmax(u):
    """Probabilities from logits u (..., V); each row sums to 1."""
    e = np.exp(u - u.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


print(softmax(np.array([2.0, 1.0, 0.0])).sum())
'''

COMMENT = r"""
For a vector, axis 0 *is* the last axis, so the author's test could not fail. In a batch, axis 0
runs over the words: each word of the vocabulary gets a distribution over the positions of the
batch, and nothing looks broken but the perplexity. A test of a function for batches needs at least
two rows of unequal content. Subtracting the row's maximum multiplies numerator and denominator by
the same $e^{-\max u}$; the largest exponent is then 0.
"""


def check(answers):
    """Rows, shapes of more axes, and large logits."""
    reader = function(answers, "softmax")
    rng = np.random.default_rng(0)
    u = rng.normal(size=(4, 3))
    found = array(call(reader, u.copy()), (4, 3), "softmax of logits of shape (4, 3)")
    if is_close(found.sum(axis=0), np.ones(3)):
        raise Wrong(
            "The columns of a batch sum to 1, not its rows: each word of the vocabulary gets a "
            "distribution over the batch. Which axis is the vocabulary?"
        )
    if is_close(found.sum(), 1.0):
        raise Wrong("The whole batch sums to 1; each of its rows should.")
    close(
        found, softmax(u), "The rows are not exp(u) divided by its sum along the row."
    )
    u = rng.normal(size=(2, 5, 3))
    found = array(
        call(reader, u.copy()), (2, 5, 3), "softmax of logits of shape (2, 5, 3)"
    )
    close(
        found,
        softmax(u),
        "Right for a batch of shape (B, V), wrong for (T, B, V): count the axis from the end.",
    )
    with np.errstate(all="ignore"):
        found = np.asarray(
            call(reader, np.array([[1000.0, 0.0, 999.0], [-1000.0, 0.0, 1.0]]))
        )
    if not np.isfinite(found).all():
        raise Wrong(
            "A logit of 1000 gives NaN: exp overflows. Subtract each row's maximum first."
        )
    close(
        found,
        softmax(np.array([[1000.0, 0.0, 999.0], [-1000.0, 0.0, 1.0]])),
        "Large logits come out wrong: what you subtract must be one number per row.",
    )
    return "Rows of any shape sum to 1, and a logit of 1000 does no harm."
