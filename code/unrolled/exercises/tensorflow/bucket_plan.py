"""Limits of buckets that leave as little padding as possible."""

import numpy as np

from unrolled.exercises.judging import Wrong, call, function

TITLE = "A plan for four buckets"
CHAPTER = "06-tensorflow/batching-and-padding"
SECTION = "similar-lengths-together"
KIND = "open"
LEVEL = 3
MINUTES = 60

TEXT = r"""
A program reads four kinds of text: commands, questions, letters and reports. The cell draws a
sample of their lengths. A compiled graph is compiled again for every new length
({doc}`/book/06-tensorflow/unrolled-or-dynamic`), so the batches should have few different lengths.
There are at most four buckets. Each bucket has a *limit*, and every sequence is padded to the
smallest limit that is not below its length.

Write `limits(lengths, buckets)`. It returns at most `buckets` increasing limits for a sample of
lengths, and the last limit must not be below the longest length. On the lengths of the cell, four
limits must leave less than 10 % padding. The function must work for other lengths and other
numbers of buckets too. The stub places the limits at the quantiles, as the chapter does, and
leaves far more padding.
"""

STUB = '''
import numpy as np


def sample(rng, number=3000):
    """Lengths of commands, questions, letters and reports."""
    typical = rng.choice([6, 20, 45, 120], number, p=[0.5, 0.3, 0.15, 0.05])
    return np.rint(typical * rng.uniform(0.9, 1.1, number)).astype(int)


def limits(lengths, buckets):
    """At most `buckets` increasing limits; the last is >= max(lengths)."""
    shares = np.arange(1, buckets + 1) / buckets
    return np.unique(np.quantile(lengths, shares, method="higher")).tolist()


def waste(lengths, limits):
    """The share of padding if each length is padded to the next limit."""
    padded = np.array(limits)[np.searchsorted(limits, lengths)]
    return 1 - lengths.sum() / padded.sum()


lengths = sample(np.random.default_rng(0))
print(limits(lengths, 4), round(waste(lengths, limits(lengths, 4)), 3))
'''

HINTS = (
    "Print a histogram of the lengths. Where would you put the limits by hand? Do the "
    "buckets need equal numbers of sequences?",
    "In the best plan, every limit is a length that occurs. (Why? Lower a limit that "
    "does not occur.) There are therefore only a few candidates.",
    "Let $C(k, j)$ be the smallest number of computed steps for the sequences of the "
    "$j$ shortest lengths, with $k$ buckets. The last bucket holds the lengths after "
    "the $i$-th: $C(k, j) = \\min_i \\bigl( C(k-1, i) + l_j\\, n_{ij} \\bigr)$. Here "
    "$l_j$ is the $j$-th length, and $n_{ij}$ is the number of sequences in the last "
    "bucket. Store where each minimum was.",
)

SOLUTION = '''
import numpy as np


def sample(rng, number=3000):
    """Lengths of commands, questions, letters and reports."""
    typical = rng.choice([6, 20, 45, 120], number, p=[0.5, 0.3, 0.15, 0.05])
    return np.rint(typical * rng.uniform(0.9, 1.1, number)).astype(int)


def limits(lengths, buckets):
    """The rising limits that leave the least padding."""
    occurring, counts = np.unique(lengths, return_counts=True)
    n = len(occurring)
    up_to = np.append(0, np.cumsum(counts))  # sequences of the j shortest
    cost = np.append(0.0, np.full(n, np.inf))  # with no bucket
    cuts = []
    for _ in range(min(buckets, n)):
        better, cut = np.append(0.0, np.full(n, np.inf)), np.zeros(n + 1, int)
        for j in range(1, n + 1):
            # the last bucket holds the lengths i, ..., j - 1
            steps = cost[:j] + occurring[j - 1] * (up_to[j] - up_to[:j])
            cut[j] = steps.argmin()
            better[j] = steps[cut[j]]
        cost = better
        cuts.append(cut)
    found, j = [], n
    for cut in reversed(cuts):
        if j > 0:
            found.append(int(occurring[j - 1]))
            j = cut[j]
    return found[::-1]


def waste(lengths, limits):
    """The share of padding if each length is padded to the next limit."""
    padded = np.array(limits)[np.searchsorted(limits, lengths)]
    return 1 - lengths.sum() / padded.sum()


lengths = sample(np.random.default_rng(0))
print(limits(lengths, 4), round(waste(lengths, limits(lengths, 4)), 3))
'''

COMMENT = r"""
Quantiles give every bucket the same number of *sequences*, but padding is counted in *steps*. Half
of these sequences are commands of about six words. Two of the four limits are therefore spent on
the commands, where hardly any padding can be saved. All questions, letters and reports share the
other two.

In the best plan, every limit is a length that occurs. Lowering any other limit to the next shorter
length saves steps and costs nothing. If we know where the last bucket begins, the best plan for the
shorter lengths does not depend on the lengths in the last bucket. This property allows dynamic
programming. For $n$ different lengths and $K$ buckets, the table takes about $K n^2$ operations,
which is fast even for thousands of lengths.

How good is your answer?

- *Weak:* the limits are read off the histogram of this sample. They meet the target here, but they
  fail for other lengths.
- *Good:* a search improves some plan by moving one limit at a time, or the limits are placed at the
  largest gaps. Such a search comes near the best plan if the lengths form clusters, and it can get
  stuck.
- *Very good:* the function finds the optimum, you can say why it is one, and a table shows the
  padding for each number of buckets. The table also tells you what a fifth limit would save.

In training there is a second cost. The bucket of the reports fills slowly, so its batches are rare.
As a next step, weight each bucket by the time that one of its steps takes, or use smaller batches
for long sequences, and compare the plans.
"""


def check(answers):
    """Padding on the sample of the cell, and on lengths of other kinds."""
    reader = function(answers, "limits")
    lengths = _sample(np.random.default_rng(0))
    waste = _waste(lengths, _plan(reader, lengths, 4))
    best = _waste(lengths, _best(lengths, 4))
    if waste >= 0.10:
        even = _waste(lengths, _quantiles(lengths, 4))
        if abs(waste - even) < 0.005:
            raise Wrong(
                f"With equal numbers of sequences in the buckets, {waste:.0%} is padding. Padding "
                "depends on how many steps each sequence falls short of its limit, not on how "
                "many sequences a bucket has."
            )
        raise Wrong(
            f"Four limits leave {waste:.1%} padding on the lengths of the cell. Less than 10 % is "
            f"possible (the best plan leaves {best:.1%})."
        )
    rng = np.random.default_rng(1)
    others = {
        "lengths without clusters": 1 + rng.geometric(0.05, 2000),
        "a length of 1000 among lengths near 20": np.append(
            rng.integers(15, 26, 992), 8 * [1000]
        ),
    }
    for name, some in others.items():
        for buckets in (2, 4):
            waste_here = _waste(some, _plan(reader, some, buckets))
            even = _waste(some, _quantiles(some, buckets))
            if waste_here > even + 1e-9:
                raise Wrong(
                    f"The plan is good for the lengths of the cell. For {name} and {buckets} "
                    f"buckets, it leaves {waste_here:.0%} padding, more than limits at the "
                    f"quantiles ({even:.0%})."
                )
    how = (
        "no plan is better"
        if waste < best + 1e-9
        else f"the best plan leaves {best:.2%}"
    )
    return f"Four limits leave {waste:.2%} padding; {how}."


def _sample(rng, number=3000):
    typical = rng.choice([6, 20, 45, 120], number, p=[0.5, 0.3, 0.15, 0.05])
    return np.rint(typical * rng.uniform(0.9, 1.1, number)).astype(int)


def _plan(reader, lengths, buckets):
    found = np.asarray(call(reader, lengths.copy(), buckets))
    if found.ndim != 1 or not len(found) or found.dtype.kind not in "iuf":
        raise Wrong("`limits` should return a list of numbers.")
    if len(found) > buckets:
        raise Wrong(f"`limits` returns {len(found)} limits for {buckets} buckets.")
    if (np.diff(found) <= 0).any():
        raise Wrong(f"The limits must increase; they are {found.tolist()}.")
    if found[-1] < lengths.max():
        raise Wrong(
            f"The last limit is {found[-1]}, but the longest length is {lengths.max()}, so the "
            "longest sequence would have no bucket."
        )
    return found


def _waste(lengths, limits):
    padded = np.asarray(limits)[np.searchsorted(limits, lengths)]
    return float(1 - lengths.sum() / padded.sum())


def _quantiles(lengths, buckets):
    return np.unique(
        np.quantile(lengths, np.arange(1, buckets + 1) / buckets, method="higher")
    )


def _best(lengths, buckets):
    occurring, counts = np.unique(lengths, return_counts=True)
    n, up_to = len(occurring), np.append(0, np.cumsum(counts))
    cost, cuts = np.append(0.0, np.full(n, np.inf)), []
    for _ in range(min(buckets, n)):
        tried = [
            cost[:j] + occurring[j - 1] * (up_to[j] - up_to[:j])
            for j in range(1, n + 1)
        ]
        cuts.append([0] + [int(steps.argmin()) for steps in tried])
        cost = np.append(0.0, [steps.min() for steps in tried])
    limits, j = [], n
    for cut in reversed(cuts):
        if j:
            limits.append(int(occurring[j - 1]))
            j = cut[j]
    return limits[::-1]
