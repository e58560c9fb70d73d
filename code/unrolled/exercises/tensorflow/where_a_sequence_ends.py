"""Last state and mean state of sequences that end at different steps."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, close, function, is_close

TITLE = "Where a sequence ends"
CHAPTER = "06-tensorflow/lengths-and-masks"
SECTION = "what-a-mask-does"
KIND = "debug"
LEVEL = 1
MINUTES = 10

TEXT = r"""
A classifier of sentences uses the last state of a recurrent network, or the mean of its states.
`summary` gets the states $h$ of a padded batch, $(T, B, H)$, and the lengths, $(B,)$. It returns
the last state and the mean side by side, $(B, 2H)$. The function was tested with sequences of
equal length, and for these it is right. Correct it, so that it is right for all batches. After the
end of a sequence, the states can have any value.
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
    "The last step of a sequence of length 1 has the index 0.",
    "`h[rows, columns]` with two arrays of integers takes one entry for each pair. "
    "For the mean: which states belong to the sum, and by what number must it be "
    "divided?",
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
`h[-1]` is the last step of the *array*. What it contains depends on the network:

- Without a mask, the network has read the padding, and `h[-1]` is wrong.
- With a mask, the network repeats its last state. `h[-1]` is right, but the mean is wrong.
- With zeros after the end, as in `Bidirectional` in Keras, `h[-1]` is zero, and the mean over $T$
  steps is too small by the factor $\ell / T$, where $\ell$ is the length.

All three errors vanish if the lengths are equal, so always test with unequal lengths.

`h[lengths, ...]` is off by one. It raises an error only if some sequence fills the array. In other
batches it takes the first state of the padding. Why does the solution use `np.where` and not a
product with the mask? If the padding contains NaN or infinity, the product contains NaN.
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
    # if no sequence fills the array, an index that is too large raises no error
    for some, name in ((np.array([3, 1, 4, 5]), "no"), (lengths, "one")):
        found = array(call(reader, h.copy(), some.copy()), (B, 2 * H), "the summary")
        last, mean = found[:, :H], found[:, H:]
        inside = (np.arange(T)[:, None] < some)[..., None]
        sums = np.where(inside, h, 0).sum(axis=0)
        if is_close(last, h[-1]):
            raise Wrong(
                "The last state is taken from the last step of the array. Where does each sequence "
                "end?"
            )
        if name == "no" and is_close(last, h[some, np.arange(B)]):
            raise Wrong(
                "The last state is off by one: it is the first state of the padding. The n-th "
                "step has the index n - 1."
            )
        close(
            last,
            h[some - 1, np.arange(B)],
            "The first half is not the last real state of each sequence.",
        )
        if is_close(mean, h.mean(axis=0)):
            raise Wrong("The last state is right. The mean still counts the padding.")
        if is_close(mean, sums / T):
            raise Wrong(
                "The padding is no longer in the sum, but the sum is divided by T instead of the "
                "sequence's own length."
            )
        close(
            mean,
            sums / some[:, None],
            "The second half is not the mean of the real states.",
        )
    return "Both halves depend on the real states only."
