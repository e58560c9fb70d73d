"""Intervals of a mean that resample what is independent: seeds, subjects, documents.

SciPy makes the intervals. To compare two methods that ran with the same seeds, give the
differences, one for each seed: the interval of the mean difference is paired.
"""

import numpy as np
from scipy import stats

LEVEL, DRAWS = 0.95, 9999
FEW = 10  # with fewer units the bootstrap's intervals are too narrow


def interval(values, units=None):
    """Returns the mean of values (N,) and its 95 % interval, as a dict.

    Values that share a unit are not independent, so whole units are resampled. With ten units or
    more the interval is that of the percentile bootstrap. With fewer it is Student's t interval,
    because the bootstrap draws from the few units at hand and gives intervals that are too narrow.

    Args:
        values: one number for each observation.
        units: to which unit (a seed, a subject, a document) each value belongs; None: each value
            is a unit.

    Returns:
        mean, low, high, n (values) and units (how many).
    """
    values = np.asarray(values, np.float64)
    if not len(values):
        raise ValueError("interval: no values")
    names = np.arange(len(values)) if units is None else np.asarray(units)
    if len(names) != len(values):
        raise ValueError(f"interval: {len(values)} values, but {len(names)} units")
    _, of = np.unique(names, return_inverse=True)
    totals, counts = np.bincount(of, values), np.bincount(of)
    mean = values.mean()
    # The mean is a ratio, total over count. A unit's share in its error, to first order:
    shares = mean + (totals - mean * counts) / counts.mean()
    if len(counts) < 2:
        low = high = np.nan
    elif np.ptp(shares) <= 1e-12 * abs(shares).max():
        low = high = mean
    elif len(counts) < FEW:
        low, high = stats.ttest_1samp(shares, mean).confidence_interval(LEVEL)
    else:
        low, high = stats.bootstrap(
            (totals, counts),
            lambda total, count, axis: total.sum(axis) / count.sum(axis),
            n_resamples=DRAWS,
            batch=1000,
            paired=True,
            confidence_level=LEVEL,
            method="percentile",
            rng=np.random.default_rng(0),
        ).confidence_interval
    found = {"mean": mean, "low": low, "high": high}
    return {name: float(value) for name, value in found.items()} | {
        "n": len(values),
        "units": len(counts),
    }
