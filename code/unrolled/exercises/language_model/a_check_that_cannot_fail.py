"""A gradient check that accepts NaN, two percent, and anything where the gradient is zero."""

import numpy as np

from unrolled.exercises.judging import Wrong, call, function

TITLE = "A check that cannot fail"
CHAPTER = "02-language-model/gradient-checking"
KIND = "debug"
LEVEL = 2
MINUTES = 20

TEXT = r"""
`gradient_is_right(loss, w, dw)` is to say whether `dw` is the gradient of `loss` at `w`, a float64
array of any shape. It is written after the check of the second post: central differences with a
step of 0.001, the relative error $|a - n| / (|a| + |n|)$ of each entry against a threshold of
0.01. It lets pass what should be refused, and refuses a right gradient where the difference of a
zero rounds. Mend it, so that it

- accepts the right gradient, also where some or all of its entries are exactly zero,
- refuses a gradient with NaN in it,
- refuses one that is too large by 0.1 %, in one array or in a single entry,
- refuses a value where the true gradient is zero,
- and leaves `w` as it was.
"""

STUB = '''
import numpy as np


def gradient_is_right(loss, w, dw, epsilon=0.001, threshold=0.01):
    """Whether dw is the gradient of loss, a function of the array w, at w."""
    for index in np.ndindex(w.shape):
        kept = w[index]
        w[index] = kept + epsilon
        above = loss(w)
        w[index] = kept - epsilon
        below = loss(w)
        w[index] = kept
        numeric, analytic = (above - below) / (2 * epsilon), dw[index]
        with np.errstate(invalid="ignore"):
            error = np.abs(analytic - numeric) / (np.abs(analytic) + np.abs(numeric))
        if error > threshold:
            return False
    return True


w = np.array([1.0, 2.0, 0.0])
print(gradient_is_right(lambda w: np.sum(w**2), w, np.full(3, np.nan)))
'''

HINTS = (
    "What is `np.nan > 0.01`? What is `not (np.nan <= 0.01)`?",
    "Where both values are 0, $0/0$ is NaN; that case is right. Give the denominator a floor, "
    "such as 1 % of the largest entry of the numeric gradient, and if all entries are 0 a tiny "
    "number of its own.",
    "With a step near $6 \\cdot 10^{-6}$ the difference is right to about ten digits for a loss of "
    "order 1, so a threshold of $10^{-5}$ is generous.",
)

SOLUTION = '''
import numpy as np


def gradient_is_right(loss, w, dw, epsilon=6e-6, threshold=1e-5):
    """Whether dw is the gradient of loss, a function of the array w, at w."""
    numeric = np.empty_like(w)
    for index in np.ndindex(w.shape):
        kept = w[index]
        w[index] = kept + epsilon
        above = loss(w)
        w[index] = kept - epsilon
        below = loss(w)
        w[index] = kept
        numeric[index] = (above - below) / (2 * epsilon)
    floor = max(0.01 * np.abs(numeric).max(), 1e-8)
    size = np.maximum(np.maximum(np.abs(dw), np.abs(numeric)), floor)
    return bool(np.all(np.abs(dw - numeric) <= threshold * size))


w = np.array([1.0, 2.0, 0.0])
print(gradient_is_right(lambda w: np.sum(w**2), w, np.full(3, np.nan)))
'''

COMMENT = r"""
*NaN passes.* Every comparison with NaN is false, so `error > threshold` never refuses it. Ask the
other way round, whether everything is small, and NaN fails. With one-hot inputs this is no rare
case: at the post's own settings, four words out of a hundred, 960 of the 1,000 entries of its $U$
are $0/0$ and were never compared.

*Two percent pass.* With $a = (1+q)\,n$ the error is $q/(2+q)$, which stays below 0.01 up to
$q = 2/99$. The difference itself is far better than that; nothing but the threshold is coarse.
Mistakes of a percent exist: one term of a hundred lost at the end of a sequence.

*Zero is left to chance.* If both numbers are exactly 0, the error is NaN and passes by the first
hole; if rounding has made the difference $10^{-13}$, the error is 1 and an honest zero is refused.
A floor relative to the array's largest entry says what matters: an entry may be wrong by so much
of what the array as a whole does.

A check is a program that has to be tested like any other, and its tests are gradients that are
*wrong*. Next, give it a loss in float32 and see which threshold it can keep:
{doc}`/book/02-language-model/gradient-checking` has the numbers.
"""


def check(answers):
    """Right gradients, and wrong ones of the kinds that the stub lets pass."""
    reader = function(answers, "gradient_is_right")
    rng = np.random.default_rng(0)
    A = rng.normal(size=(3, 4))
    A[1], A[0, 0] = 0, 1e-4  # a row of zeros, and one entry far smaller than the rest

    w = rng.normal(size=(3, 4))

    def loss(w):  # sin² + cos² is constant, and its differences are rounding
        return float(
            np.sum(np.tanh(w) * A) + 10 * np.sum(np.sin(w[1]) ** 2 + np.cos(w[1]) ** 2)
        )

    right = (1 - np.tanh(w) ** 2) * A

    def says(dw, loss=loss, w=w):
        point = w.copy()
        with np.errstate(all="ignore"):
            verdict = call(reader, loss, point, np.array(dw))
        if not np.array_equal(point, w):
            raise Wrong("`w` is not the same after the check: put each entry back.")
        return bool(verdict)

    nothing = np.full((3, 4), np.nan)
    if says(nothing):
        raise Wrong(
            "It accepts a gradient of nothing but NaN. A comparison with NaN is false, whichever "
            "way round, so ask whether all is well and not whether something is wrong."
        )
    if not says(right):
        raise Wrong(
            "It refuses the right gradient. This one has entries that are exactly zero: is there a "
            "0/0, or does the rounding of the difference count as an error there?"
        )
    one = right.copy()
    one[1, 2] = np.nan
    if says(one):
        raise Wrong(
            "It accepts a NaN where the true gradient is zero: only there it passes."
        )
    if says(1.02 * right):
        raise Wrong(
            "It accepts a gradient that is too large by 2 %: |a - n| / (|a| + |n|) is half of the "
            "relative error, and 0.01 is coarse besides."
        )
    if says(1.001 * right):
        raise Wrong(
            "It accepts a gradient that is too large by 0.1 %: the threshold is coarse."
        )
    index = np.unravel_index(
        np.argmin(np.where(right == 0, np.inf, np.abs(right))), right.shape
    )
    one = right.copy()
    one[index] *= 1.5
    if says(one):
        raise Wrong(
            "It accepts a small entry that is wrong by half, among large ones that are right. "
            "Compare entry by entry, or with a smaller floor."
        )
    index = np.unravel_index(np.abs(right).argmax(), right.shape)
    one = right.copy()
    one[index] *= 1.001
    if says(one):
        raise Wrong(
            "It refuses 0.1 % in the whole array and accepts it in a single entry."
        )
    one = right.copy()
    one[1, 0] = 0.1 * np.abs(right).max()
    if says(one):
        raise Wrong(
            "It accepts a value where the true gradient is zero: that is to be refused."
        )
    if not says(1000 * right, loss=lambda w: 1000 * loss(w)):
        raise Wrong(
            "It refuses a right gradient when the loss is in other units, 1000 times as large: "
            "the tolerance should be relative."
        )
    flat = np.zeros(4)
    if not says(flat, loss=lambda w: 1.0, w=rng.normal(size=4)):
        raise Wrong(
            "It refuses the gradient of a constant, zero everywhere: 0 against 0 is right."
        )
    if says(flat + 0.5, loss=lambda w: 1.0, w=rng.normal(size=4)):
        raise Wrong("The loss is a constant, its gradient zero, and it accepts 0.5.")
    return "It accepts what is right and has been seen to refuse what is not."
