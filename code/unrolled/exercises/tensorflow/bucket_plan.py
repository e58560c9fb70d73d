"""Limits of buckets that leave as little padding as can be."""

import numpy as np

from unrolled.exercises.judging import Wrong, call, function

TITLE = "A plan for four buckets"
CHAPTER = "06-tensorflow/batching-and-padding"
KIND = "open"
LEVEL = 3
MINUTES = 60

TEXT = r"""
A program reads four kinds of text: commands, questions, letters and reports. Their lengths are in
the cell. Batches are to have few different shapes, so that a compiled graph is compiled few times
({doc}`/book/06-tensorflow/unrolled-or-dynamic`): there are at most four buckets, and every sequence
is padded to the *limit* of its bucket, the smallest limit that is not below its length.

Write `limits(lengths, buckets)`, which returns at most `buckets` rising limits for a sample of
lengths; the last must hold the longest. On the lengths of the cell, four limits must leave less
than 10 % padding. It must work for other lengths and other numbers of buckets too. The stub has
limits at the quantiles, as in the chapter, and is far from it.
"""

STUB = '''
import numpy as np


def sample(rng, number=3000):
    """Lengths of commands, questions, letters and reports."""
    typical = rng.choice([6, 20, 45, 120], number, p=[0.5, 0.3, 0.15, 0.05])
    return np.rint(typical * rng.uniform(0.9, 1.1, number)).astype(int)


def limits(lengths, buckets):
    """At most `buckets` rising limits; the last is at least max(lengths)."""
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
    "Print a histogram of the lengths. Where would you put the limits by hand, and what do equal "
    "numbers of sequences have to do with it?",
    "In the best plan every limit is one of the lengths that occur. (Why? Lower a limit that is "
    "not.) So the candidates are few.",
    "Let $C(k, j)$ be the fewest steps computed for the sequences of the $j$ shortest lengths with"
    " $k$ buckets. The last bucket holds the lengths from some $i$ on: "
    "$C(k, j) = \\min_i \\bigl( C(k-1, i) + l_j\\, n_{ij} \\bigr)$, where $l_j$ is the $j$-th "
    "length and $n_{ij}$ the number of sequences in the last bucket. Remember where each minimum "
    "was.",
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
Quantiles give every bucket equally many *sequences*. Padding is counted in *steps*, and half of
these sequences are commands of six words, so that two of four limits are spent among them, where
hardly anything can be saved, and all questions, letters and reports share the rest. In the best
plan all limits are lengths that occur, since lowering one that is not costs nothing and saves
something. Where the last bucket begins does not change what is best below it, which is what dynamic
programming needs; the table costs $K n^2$ for $n$ different lengths and $K$ buckets, a moment for
thousands.

What to make of an answer:

- *weak:* limits read off the histogram of this sample. It reaches the target here and on nothing
  else;
- *good:* a search that improves some plan, moving one limit at a time, or limits at the largest
  gaps. It gets near the best where lengths come in clusters, and can be stuck;
- *very good:* the optimum, with a reason why it is one, and a table of waste against the number of
  buckets. That table answers what the plan alone does not: what would a fifth shape save?

In training there is a second price. A bucket of reports fills slowly, and its batches come seldom
and all alike. Next: weigh the buckets by the time that a step of each takes, or give long ones
smaller batches, and see how the plan moves.
"""


def check(answers):
    """Waste on the sample of the cell, on another one, and on lengths without clusters."""
    reader = function(answers, "limits")
    lengths = _sample(np.random.default_rng(0))
    waste = _waste(lengths, _plan(reader, lengths, 4))
    best = _waste(lengths, _best(lengths, 4))
    if waste >= 0.10:
        even = _waste(lengths, _quantiles(lengths, 4))
        if abs(waste - even) < 0.005:
            raise Wrong(
                f"With equally many sequences in each bucket {waste:.0%} is padding. What costs is "
                "not how many sequences a bucket has, but by how many steps they fall short of "
                "its limit."
            )
        raise Wrong(
            f"Four limits leave {waste:.1%} padding on the lengths of the cell; less than 10 % "
            f"can be had (the best is {best:.1%})."
        )
    rng = np.random.default_rng(1)
    others = {
        "lengths without clusters": 1 + rng.geometric(0.05, 2000),
        "the post's case, 1000 among twenties": np.append(
            rng.integers(15, 26, 992), 8 * [1000]
        ),
    }
    for name, some in others.items():
        for buckets in (2, 4):
            waste_here = _waste(some, _plan(reader, some, buckets))
            even = _waste(some, _quantiles(some, buckets))
            if waste_here > even + 1e-9:
                raise Wrong(
                    f"Good on the lengths of the cell. For {name} and {buckets} buckets it leaves "
                    f"{waste_here:.0%}, more than limits at the quantiles ({even:.0%})."
                )
    how = (
        "the best there is"
        if waste < best + 1e-9
        else f"the best possible is {best:.2%}"
    )
    return f"{waste:.2%} padding with four limits; {how}."


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
        raise Wrong(f"The limits must rise; they are {found.tolist()}.")
    if found[-1] < lengths.max():
        raise Wrong(
            f"The last limit is {found[-1]}, and the longest of the lengths is {lengths.max()}: it "
            "would have no bucket."
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
