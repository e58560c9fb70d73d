"""Intervals of means: they cover as often as they say, and resample whole units."""

import numpy as np
import pytest
from scipy import stats

from experiments.intervals import interval


def covered(number, each, spread_of_units, rng, by_unit=True):
    """How often the interval holds the true mean 0, of values that share a unit's shift."""
    units = np.repeat(np.arange(number), each)
    found = 0
    for _ in range(200):
        values = rng.normal(0, spread_of_units, number)[units]
        values = values + rng.normal(0, 1, number * each)
        one = interval(values, units if by_unit else None)
        found += one["low"] <= 0 <= one["high"]
    return found / 200


@pytest.mark.parametrize("number", [4, 100])
def test_an_interval_by_unit_covers_and_one_by_row_does_not(number, monkeypatch):
    monkeypatch.setattr("experiments.intervals.DRAWS", 999)
    rng = np.random.default_rng(0)
    assert covered(number, 10, 1.0, rng) > 0.9
    assert covered(number, 10, 1.0, rng, by_unit=False) < 0.75


def test_few_units_have_students_interval():
    values = np.array([0.3, 0.1, 0.5, 0.2])
    found = interval(values)
    width = stats.t(3).ppf(0.975) * values.std(ddof=1) / 2
    assert (found["mean"], found["n"], found["units"]) == (values.mean(), 4, 4)
    assert found["high"] - found["mean"] == pytest.approx(width)
    assert found["mean"] - found["low"] == pytest.approx(width)
    # the same numbers, each seen three times, say no more
    again = interval(np.tile(values, 3), list("abcd") * 3)
    assert again["units"] == 4 and again["high"] == pytest.approx(found["high"])


def test_many_units_are_resampled_whole():
    rng = np.random.default_rng(1)
    values = rng.normal(3, 1, 400)
    alone, twice = interval(values), interval(np.tile(values, 2), [*range(400)] * 2)
    normal = 1.96 * values.std() / 20
    assert alone["high"] - alone["mean"] == pytest.approx(normal, rel=0.05)
    assert twice["high"] == pytest.approx(alone["high"]) and twice["units"] == 400
    assert interval(np.tile(values, 2))["high"] < alone["high"]


def test_units_of_different_sizes_count_by_their_values():
    values, units = [1.0, 1, 1, 1, 5], [*"aaaa", "b"]
    found = interval(values, units)
    assert found["mean"] == pytest.approx(1.8) and found["low"] < 1 < 5 < found["high"]


def test_a_constant_has_no_spread_and_one_unit_has_no_interval():
    assert interval([2.0] * 12) == {
        "mean": 2.0,
        "low": 2.0,
        "high": 2.0,
        "n": 12,
        "units": 12,
    }
    assert np.isnan(interval([1.0, 2.0], ["a", "a"])["low"])


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="no values"):
        interval([])
    with pytest.raises(ValueError, match="3 values, but 2 units"):
        interval([1, 2, 3], ["a", "b"])
