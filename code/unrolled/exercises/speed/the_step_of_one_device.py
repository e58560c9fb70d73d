"""A step on several devices with three mistakes: a mean of means, early clipping, no words."""

import warnings

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, function, is_close

TITLE = "The step of one device"
CHAPTER = "07-gpu/more-than-one-device"
SECTION = "what-is-sent"
KIND = "debug"
LEVEL = 2
MINUTES = 20

TEXT = r"""
Several devices share a batch. Device $k$ has the gradients of its own words in `shares[k]`, of
shape $(n_k, P)$: one row for each word, and $P$ weights. The numbers $n_k$ differ, and near the end
of an epoch a device may have no words. All devices hold the same weights `w`. The function `step`
returns a list with the weights of every device after one step of SGD with clipping. Every device
should have the weights that *one* device with all the words would have:

$$
\begin{aligned}
N &= \sum_k n_k, \\
g &= \frac1N \sum_k \sum_{i=1}^{n_k} g_{k,i}, \\
w &\leftarrow w - \eta\, \min\Bigl(1, \frac{c}{\lVert g \rVert}\Bigr)\, g .
\end{aligned}
$$

If the shares have the same size and the gradients are small, `step` is right. For other shares and
gradients, `step` contains three mistakes. Correct them.

The devices communicate only through `all_reduce(values)`. It takes a list with one array or number
for each device, and gives every device the sum. What a device sends must not grow with the number
of its words. A device does not know how many words the others have, unless these numbers are sent.
"""

_HEAD = '''
import numpy as np


def all_reduce(values):
    """Gives each device the sum over all devices."""
    return [sum(values)] * len(values)


def clipped(g, limit):
    """Returns g, shortened to the limit if it is longer."""
    return g * min(1.0, limit / max(np.linalg.norm(g), 1e-30))

'''

STUB = (
    _HEAD
    + '''
def step(w, shares, rate, limit, all_reduce=all_reduce):
    """The weights (P,) of each device after a step."""
    means = [clipped(share.mean(axis=0), limit) for share in shares]
    totals = all_reduce(means)
    return [w - rate * total / len(shares) for total in totals]


rng = np.random.default_rng(0)
shares = [rng.normal(size=(n, 3)) + k for k, n in enumerate((8, 2))]
print(step(np.zeros(3), shares, 1.0, 1.0)[0])
print(-clipped(np.concatenate(shares).mean(axis=0), 1.0))  # one device
'''
)

HINTS = (
    "One device has 8 words and one has 2. How much does a word of each device count "
    "in the average "
    "of the two means?",
    "A sum over words is a sum over devices. A mean is not. Which two sums give the "
    "mean?",
    "The formula uses the norm of $g$, the gradient of the whole batch. When is $g$ "
    "known?",
)

SOLUTION = (
    _HEAD
    + '''
def step(w, shares, rate, limit, all_reduce=all_reduce):
    """The weights (P,) of each device after a step."""
    totals = all_reduce([share.sum(axis=0) for share in shares])  # 0 without words
    words = all_reduce([len(share) for share in shares])
    pairs = zip(totals, words, strict=True)
    return [w - rate * clipped(total / N, limit) for total, N in pairs]


rng = np.random.default_rng(0)
shares = [rng.normal(size=(n, 3)) + k for k, n in enumerate((8, 2))]
print(step(np.zeros(3), shares, 1.0, 1.0)[0])
print(-clipped(np.concatenate(shares).mean(axis=0), 1.0))  # one device
'''
)

COMMENT = r"""
*A mean of means.* With $K$ devices, a word on device $k$ counts $N / (K n_k)$ times as much as it
should. With 8 and 2 words, these factors are 0.625 and 2.5. If the loss is averaged in the same
way, it agrees with this gradient, so nothing looks wrong. PyTorch's `DistributedDataParallel`
averages over the devices for you. This average is right only if each device first multiplies its
mean by $K n_k / N$. To know $N$, the devices must also add up their numbers of words.

*Clipping too early.* Each device shortens its own gradient by its own factor. The average is never
longer than $c$, so the norm in a log looks right, but the direction is wrong. If the gradients of
the devices point in different directions, their average can be short and need no clipping. But the
function shortens the gradient of each device all the same.

*No words.* The mean of no rows is NaN, and after one all-reduce every device has NaN. The sum of no
rows is 0, which is right. The device adds nothing, but it must still take part, because the others
wait for it.

A test with shares of the same size and with gradients below the limit finds none of the three
mistakes. The rule is the same as for padding ({doc}`/book/06-tensorflow/loss-on-padded-sequences`):
add up sums and counts, and divide once, at the end.

Next, add up the gradients of several small batches on *one* device before a step. Which of the
three mistakes can you make there?
"""

SIZES = (8, 1, 3)


def _step(shares, limit, by_words, clip_first):
    """Returns the change of the weights for rate 1, with or without two of the mistakes."""

    def clipped(g):
        return g * min(1.0, limit / np.linalg.norm(g))

    if clip_first:
        means = [clipped(share.mean(axis=0)) for share in shares]
    else:
        means = [share.mean(axis=0) for share in shares]
    sizes = [len(share) if by_words else 1 for share in shares]
    g = np.average(means, axis=0, weights=sizes)
    return -g if clip_first else -clipped(g)


def check(answers):
    """Compares with one device: unequal shares, a clipped step, a device without words."""
    reader = function(answers, "step")
    rng = np.random.default_rng(4)
    P = 5
    w = rng.normal(size=P)
    shares = [
        3 * k + rng.normal(size=(n, P)) for k, n in zip((-1, 1, 2), SIZES, strict=True)
    ]
    loose, tight = 1e6, 0.2
    plain, _ = _ask(reader, w, shares, loose)
    if is_close(plain, _step(shares, loose, by_words=False, clip_first=False)):
        raise Wrong(
            f"With {SIZES} words on three devices and nothing to clip, the single "
            "word of the "
            "second device counts as much as all eight words of the first. This is a "
            "mean of means."
        )
    total = sum(share.sum(axis=0) for share in shares)
    if is_close(plain, -total):
        raise Wrong("You do not divide by N. This is the step of the summed loss.")
    if is_close(plain, -total / len(shares)):
        raise Wrong(
            "You add up sums and divide by the number of devices. N is the number of "
            "all words."
        )
    if not is_close(plain, -total / sum(SIZES)):
        raise Wrong(
            "With unequal shares and nothing to clip, the step differs from the step "
            "of one device. "
            "The gradient is the sum over all words, divided by the number of all "
            "words."
        )
    cut, _ = _ask(reader, w, shares, tight)
    if is_close(cut, _step(shares, tight, by_words=True, clip_first=True)):
        raise Wrong(
            "Without clipping, the step is right. With clipping, each device "
            "shortens its own mean "
            "by its own factor, so the sum has a different direction. Use the norm "
            "of the whole batch."
        )
    right = _step(shares, tight, by_words=True, clip_first=False)
    if not is_close(cut, right):
        if is_close(cut, right * (np.linalg.norm(cut) / np.linalg.norm(right))):
            raise Wrong(
                f"A long gradient keeps its direction, but the step has the length "
                f"{np.linalg.norm(cut):.3g}, and the limit is {tight}."
            )
        raise Wrong(
            "Without clipping, the step is right. With clipping, the direction of "
            "the gradient has "
            "changed. Clip once, when the gradient of the whole batch is known."
        )
    without = [shares[0], np.empty((0, P)), shares[2]]
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # NumPy warns of the mean of no rows
        change, sent = _ask(
            reader, w, without, tight, "With a device that has no words: "
        )
    right = _step([shares[0], shares[2]], tight, by_words=True, clip_first=False)
    if not is_close(change, right):
        raise Wrong(
            "If one device has no words, the step should be the step of the other "
            "devices' words."
        )
    if sent == 0:
        raise Wrong(
            "`all_reduce` is never called, but the devices can communicate only "
            "through it."
        )
    if sent > 2 * (P + 1):
        raise Wrong(
            f"Each device sends {sent} numbers for {P} weights. The sum over its "
            "words is enough."
        )
    if sent <= P:
        raise Wrong(
            f"Each device sends {sent} numbers, its part of the gradient. It can "
            "know how many words "
            "the others have only if the counts are added up too."
        )
    return "All devices take the step of one device. Each sends its gradient and one more number."


def _ask(reader, w, shares, limit, where=""):
    """Returns (the change of the weights with rate 1, numbers that a device sent)."""
    sent = []

    def all_reduce(values):
        values = list(values)
        if len(values) != len(shares):
            raise Wrong(f"{where}`all_reduce` needs one value from each device.")
        sizes = {np.shape(value) for value in values}
        if len(sizes) > 1:
            raise Wrong(
                f"{where}`all_reduce` adds arrays of the same shape, but it got "
                f"{sorted(sizes)}."
            )
        sent.append(max(np.size(value) for value in values))
        return [sum(np.asarray(value) for value in values)] * len(values)

    found = call(
        reader, w.copy(), [share.copy() for share in shares], 1.0, limit, all_reduce
    )
    if not isinstance(found, list | tuple) or len(found) != len(shares):
        raise Wrong("`step` should return a list with the weights of every device.")
    kinds = [np.asarray(one, dtype=float) for one in found]
    if any(one.shape == w.shape and np.isnan(one).any() for one in kinds):
        raise Wrong(
            f"{where}the weights are NaN on all devices. The mean of no rows was "
            "added up."
        )
    new = [array(one, w.shape, f"{where}the weights") for one in kinds]
    if any(not np.array_equal(one, new[0]) for one in new):
        raise Wrong(
            f"{where or 'After the step '}the devices' weights differ. They must be "
            "equal."
        )
    return new[0] - w, sum(sent)
