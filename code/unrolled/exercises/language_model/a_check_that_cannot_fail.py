"""A gradient check that accepts NaN and an error of two per cent, and handles zeros badly."""

import numpy as np

from unrolled.exercises.judging import Wrong, call, function

TITLE = "A check that cannot fail"
CHAPTER = "02-language-model/the-posts-check"
SECTION = "nan-passes"
KIND = "debug"
LEVEL = 2
MINUTES = 20

TEXT = r"""
`gradient_is_right(loss, w, dw)` should say whether `dw` is the gradient of `loss` at `w`, a float64
array of any shape. It computes the numeric gradient $n$ by central differences with a step of
0.001. It compares the relative error $|a - n| / (|a| + |n|)$ of each entry $a$ of `dw` with a
threshold of 0.01. The function accepts wrong gradients. It also refuses some gradients that are
right: where the true gradient is zero, $n$ may be a rounding error, which makes the relative error
1, its largest value. Repair the function, so that it

- accepts the right gradient, even if some or all of its entries are exactly zero,

- refuses a gradient that contains NaN,

- refuses a gradient that is 0.1 % too large, in one array or in a single entry,

- refuses a value other than zero where the true gradient is zero,

- leaves `w` unchanged.
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
    "Where both values are 0, $0/0$ is NaN, although such an entry is right. Give the "
    "denominator a floor, such as 1 % of the largest entry of the numeric gradient. If all "
    "entries are 0, the floor needs a tiny value of its own.",
    "With a step near $6 \\cdot 10^{-6}$, the difference is right to about ten digits if the "
    "loss is of order 1. So a threshold of $10^{-5}$ is generous.",
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
*NaN passes.* The comparison `error > threshold` is false if the error is NaN, so the function never
refuses a NaN. Test instead whether the error is small: then NaN fails. With one-hot inputs this
case is common. In {ref}`ch-the-posts-check`, 960 of 1,000 entries of one matrix are $0/0$ and are
never compared.

*Two per cent pass.* With $a = (1+q)\,n$ the error is $q/(2+q)$, which stays below 0.01 up to
$q = 2/99$. The difference itself is far more precise; only the threshold is coarse. Mistakes of one
per cent do happen, for example when one term of a hundred is lost at the end of a sequence.

*Zero is left to chance.* If both numbers are exactly 0, the error is NaN, and the entry passes
because of the first fault. If rounding has made the difference $10^{-13}$, the error is 1, and a
gradient that is exactly zero is refused. A floor relative to the largest entry of the array
repairs both.

A check is a program too. To test it, give it *wrong* gradients. Next, give the function a loss in
float32, and find out how low the threshold can be. You can find the numbers in
{ref}`ch-gradient-checking`.
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
            raise Wrong("`w` has changed after the check: put each entry back.")
        return bool(verdict)

    nothing = np.full((3, 4), np.nan)
    if says(nothing):
        raise Wrong(
            "It accepts a gradient that contains only NaN. Every comparison with NaN is "
            "false, so ask whether all errors are small, not whether one is large."
        )
    if not says(right):
        raise Wrong(
            "It refuses the right gradient. Some of its entries are exactly zero: is there a "
            "0/0, or does a rounding error of the difference count as an error there?"
        )
    one = right.copy()
    one[1, 2] = np.nan
    if says(one):
        raise Wrong(
            "It accepts a NaN where the true gradient is zero, although it refuses NaN elsewhere."
        )
    if says(1.02 * right):
        raise Wrong(
            "It accepts a gradient that is too large by 2 %: |a - n| / (|a| + |n|) is about half "
            "of the relative error, and the threshold is coarse."
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
            "It refuses an error of 0.1 % in the whole array, but accepts it in a single entry."
        )
    one = right.copy()
    one[1, 0] = 0.1 * np.abs(right).max()
    if says(one):
        raise Wrong(
            "It accepts a value other than zero where the true gradient is zero."
        )
    if not says(1000 * right, loss=lambda w: 1000 * loss(w)):
        raise Wrong(
            "It refuses a right gradient if the loss is 1000 times as large. The tolerance "
            "should be relative."
        )
    flat = np.zeros(4)
    if not says(flat, loss=lambda w: 1.0, w=rng.normal(size=4)):
        raise Wrong(
            "It refuses the gradient of a constant, which is zero everywhere. 0 and 0 agree."
        )
    if says(flat + 0.5, loss=lambda w: 1.0, w=rng.normal(size=4)):
        raise Wrong(
            "The loss is a constant, so its gradient is zero, but the check accepts 0.5."
        )
    return "It accepts right gradients and refuses wrong ones."
