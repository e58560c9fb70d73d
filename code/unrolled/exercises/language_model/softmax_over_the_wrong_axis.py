"""A softmax of a batch that sums over the wrong axis."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, close, function, is_close
from unrolled.functional import softmax

TITLE = "Softmax over the wrong axis"
CHAPTER = "02-language-model/forward-and-loss"
SECTION = "softmax-without-overflow"
KIND = "debug"
LEVEL = 1
MINUTES = 10

TEXT = r"""
This softmax passes the test that its author wrote: for a single word, a vector of $V$ logits, the
probabilities sum to 1. With a batch of words (one word in each row), its results are not the
probabilities of the words, and no error is raised. Find the mistake and fix it, so that the
function takes logits of any shape $(\dots, V)$. Also make sure that a logit of 1000 does not
overflow.
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
    "Print `softmax(u).sum(axis=-1)` for a `u` of shape `(2, 3)`. What should it be, and what is "
    "it?",
    "`axis=-1` is the vocabulary, whatever the other axes are. `keepdims=True` "
    "gives the sums a shape that fits the rows. For the large logit: which "
    "number may be subtracted from a whole row "
    "without changing the result?",
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
runs over the words of the batch. Each word of the vocabulary gets a distribution over these
words, and the sum of a row is usually not 1. A test of a function for batches needs at least two
different rows. Subtracting the maximum of a row multiplies numerator and
denominator by the same $e^{-\max u}$, and the largest exponent becomes 0.
"""


def check(answers):
    """Rows, shapes of more axes, and large logits."""
    reader = function(answers, "softmax")
    rng = np.random.default_rng(0)
    u = rng.normal(size=(4, 3))
    found = array(call(reader, u.copy()), (4, 3), "softmax of logits of shape (4, 3)")
    if is_close(found.sum(axis=0), np.ones(3)):
        raise Wrong(
            "The columns of a batch sum to 1, but its rows do not: each word of the "
            "vocabulary gets a distribution over the batch. Which axis is the vocabulary?"
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
    return "Every row sums to 1, and a logit of 1000 does not overflow."
