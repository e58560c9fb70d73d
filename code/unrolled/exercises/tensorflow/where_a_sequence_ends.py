"""Last state and mean state of sequences that end at different steps."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, close, function, is_close

TITLE = "Where a sequence ends"
CHAPTER = "06-tensorflow/lengths-and-masks"
KIND = "debug"
LEVEL = 1
MINUTES = 10

TEXT = r"""
To classify a sentence one takes the last state of a recurrent network, or the mean of its states.
`summary` gets the states $h$ of a padded batch, $(T, B, H)$, and the lengths, $(B,)$, and returns
both side by side, $(B, 2H)$. It gives the right answer for a batch of sequences of one length,
which is how it was tested. Mend it. Behind the end of a sequence the states may be anything.
"""

STUB = '''
import numpy as np


def summary(h, lengths):
    """Last state and mean state of each sequence, (B, 2H)."""
    last = h[-1]
    mean = h.mean(axis=0)
    return np.concatenate([last, mean], axis=-1)


h = np.arange(4 * 2).reshape(4, 2, 1).astype(float)
print(summary(h, np.array([4, 2])))
'''

HINTS = (
    "The last step of a sequence of length 1 is step 0 in Python's counting.",
    "`h[rows, columns]` with two arrays of integers takes one entry for each pair. For the mean, "
    "what is the sum over, and what is it divided by?",
)

SOLUTION = '''
import numpy as np


def summary(h, lengths):
    """Last state and mean state of each sequence, (B, 2H)."""
    T, B, _ = h.shape
    last = h[lengths - 1, np.arange(B)]
    real = (np.arange(T)[:, None] < lengths)[..., None]
    mean = np.where(real, h, 0).sum(axis=0) / lengths[:, None]
    return np.concatenate([last, mean], axis=-1)


h = np.arange(4 * 2).reshape(4, 2, 1).astype(float)
print(summary(h, np.array([4, 2])))
'''

COMMENT = r"""
`h[-1]` is the last step of the *array*. A network without a mask has gone on reading padding until
then; one with a mask has repeated its last state, so that `h[-1]` is right and the mean is not; one
that writes zeros past the end, such as `Bidirectional` in Keras, makes `h[-1]` zero and gives a
mean that is too small by $\ell / T$. Three conventions, three different errors, all of which vanish
when lengths are equal: test with unequal lengths, always. `h[lengths, ...]` is off by one and
raises an error only if some sequence fills the array; in other batches it silently takes the first
state of the padding. Why `np.where` and not a product with the mask? If the padding holds NaN or
infinity, so does the product.
"""


def check(answers):
    """Both halves, with something large in the padding."""
    reader = function(answers, "summary")
    rng = np.random.default_rng(9)
    T, B, H = 6, 4, 3
    lengths = np.array([6, 1, 4, 5])
    h = rng.normal(size=(T, B, H))
    real = (np.arange(T)[:, None] < lengths)[..., None]
    h = np.where(real, h, 100 + h)
    # a batch in which no sequence fills the array: an index too large raises no error there
    for some, name in ((np.array([3, 1, 4, 5]), "no"), (lengths, "one")):
        found = array(call(reader, h.copy(), some.copy()), (B, 2 * H), "the summary")
        last, mean = found[:, :H], found[:, H:]
        inside = (np.arange(T)[:, None] < some)[..., None]
        sums = np.where(inside, h, 0).sum(axis=0)
        if is_close(last, h[-1]):
            raise Wrong(
                "The last state is taken at the last step of the array. Where does each sequence "
                "end?"
            )
        if name == "no" and is_close(last, h[some, np.arange(B)]):
            raise Wrong(
                "The last state is off by one: it is the first of the padding. Step number n has "
                "the index n - 1."
            )
        close(
            last,
            h[some - 1, np.arange(B)],
            "The first half is not each last real state.",
        )
        if is_close(mean, h.mean(axis=0)):
            raise Wrong("The last state is right. The mean still counts the padding.")
        if is_close(mean, sums / T):
            raise Wrong(
                "The padding no longer adds to the mean, and still counts in what it is divided "
                "by: T in place of the sequence's own length."
            )
        close(
            mean,
            sums / some[:, None],
            "The second half is not the mean of the real states.",
        )
    return "Each sequence ends where it ends, whatever stands behind it."
