"""The chapter on scans: what its cells compute, its figure, and the recorded times.

The equations are checked by tests/package/layers/test_scan.py.
"""

import numpy as np
import pytest

from tests.support.page_cells import defined, figure
from unrolled import records

PAGE = "08-today/the-scan.md"


def test_the_forms_of_the_page_are_those_of_the_package():
    ns = defined(PAGE)
    h = ns["sequential"](ns["f"], ns["g"], ns["h0"])
    for form in ("hillis_steele", "blelloch", "chunked"):
        found = ns[form](ns["f"], ns["g"], ns["h0"])
        np.testing.assert_allclose(found, h, rtol=1e-12, atol=1e-12)
    assert max(mismatch.error for mismatch in ns["worst"]) < 1e-7


def test_three_choices_of_the_factors_give_three_memories():
    ns = defined(PAGE)
    x, ones, mark, run = ns["x"], ns["ones"], ns["mark"], ns["sequential"]
    np.testing.assert_array_equal(run(ones, x), np.cumsum(x))
    average = 0.0
    for x_t, found in zip(x, run(0.5 * ones, 0.5 * x), strict=True):
        average = (average + x_t) / 2
        assert found == average
    assert run(1 - mark, mark * x).tolist() == [0, 1, 1, 1, 5]


def test_the_figure_shows_the_combinations_of_both_scans():
    """Walking the drawn combinations adds every step up to each position exactly once."""
    alt, ns = figure(PAGE, "fig-scans")
    hillis = [[(t, r) for t in range(r, 8)] for r in (1, 2, 4)]
    for rounds, words in ((hillis, "17 comb"), (ns["up"] + ns["down"], "11 comb")):
        reached = [{t} for t in range(8)]
        for combinations in rounds:
            before = [set(each) for each in reached]
            for t, reach in combinations:
                assert not before[t] & before[t - reach]
                reached[t] = before[t] | before[t - reach]
        assert reached == [set(range(t + 1)) for t in range(8)]
        assert f"{sum(map(len, rounds))} comb" == words and words in alt


def seconds(form, T, width):
    """The recorded processor's time on one core."""
    (row,) = (
        row
        for row in records.load("scan_times")["results"]["rows"]
        if (row["form"], row["T"], row["width"], row["threads"]) == (form, T, width, 1)
    )
    return row["processor_seconds"]


@pytest.mark.claim(
    "a-narrow-recurrence-is-faster-as-a-scan-in-numpy",
    "In NumPy, a single recurrence of 16,384 steps is more than ten times faster as a scan than as "
    "a loop.",
    records="scan_times",
)
def test_with_one_number_a_step_every_scan_beats_the_loop_of_the_interpreter():
    """Processor's time of the loop, more than ten times that of each scan. The shortest times of
    many runs are compared; they have no spread over seeds."""
    for form in ("Hillis-Steele", "Blelloch", "chunked"):
        assert seconds("loop", 16384, 1) > 10 * seconds(form, 16384, 1)


@pytest.mark.claim(
    "a-wide-recurrence-is-faster-as-a-loop",
    "With 1,024 numbers a step, every scan in NumPy takes longer than the loop, and with 16,384 "
    "steps at least 1.5 times as long.",
    records="scan_times",
)
def test_with_a_thousand_numbers_a_step_the_loop_wins():
    """Processor's time of each scan divided by that of the loop: at least 1.1 at every length, and
    1.5 at the largest."""
    for T in records.load("scan_times")["settings"]["lengths"]:
        for form in ("Hillis-Steele", "Blelloch", "chunked"):
            least = 1.5 if T == 16384 else 1.1
            assert seconds(form, T, 1024) > least * seconds("loop", T, 1024)


def test_with_64_numbers_a_step_the_scans_win_at_the_two_longer_lengths():
    for T in (1024, 16384):
        for form in ("Hillis-Steele", "Blelloch", "chunked"):
            assert seconds(form, T, 64) < seconds("loop", T, 64)


def test_width_costs_a_scan_far_more_than_a_loop():
    for T in records.load("scan_times")["settings"]["lengths"]:
        assert seconds("loop", T, 1024) < 2 * seconds("loop", T, 1)
        assert seconds("loop", T, 64) < seconds("loop", T, 1)
        for form in ("Hillis-Steele", "Blelloch", "chunked"):
            ratio = seconds(form, T, 1024) / seconds(form, T, 1)
            assert T == 64 or ratio > 10


@pytest.mark.claim(
    "two-threads-do-not-help-the-loop-of-numpy",
    "In NumPy, with 1,024 numbers a step, two threads make the loop slower, and no form with two "
    "threads is faster than the loop with one. At 16,384 steps, all other forms gain.",
    records="scan_times",
)
def test_two_threads_do_not_help_the_loop_of_numpy():
    """Time that passes: of the loop with two threads, 1.8 to 3 times that with one; of every
    form of NumPy with two threads, longer than of the loop with one; of the other forms at 16,384
    steps, at least 1.2 times less with two threads than with one."""
    wide = {
        (row["form"], row["T"], row["threads"]): row["seconds"]
        for row in records.load("scan_times")["results"]["rows"]
        if row["width"] == 1024
    }
    scans = ("Hillis-Steele", "Blelloch", "chunked")
    for T in (64, 1024, 16384):
        one = wide["loop", T, 1]
        assert 1.8 * one < wide["loop", T, 2] < 3 * one
        assert all(wide[form, T, 2] > one for form in scans)
    for form in (*scans, "compiled loop", "compiled scan"):
        assert wide[form, 16384, 1] > 1.2 * wide[form, 16384, 2]


@pytest.mark.claim(
    "the-compiled-loop-is-faster-than-the-compiled-scan",
    "Compiled by JAX for one core, the loop is faster than the scan at every length and width.",
    records="scan_times",
)
def test_the_compiled_loop_is_faster_everywhere():
    """Processor's time of the compiled scan divided by that of the loop: at least 1.1 in all nine
    settings."""
    settings = records.load("scan_times")["settings"]
    for T in settings["lengths"]:
        for width in settings["widths"]:
            loop = seconds("compiled loop", T, width)
            assert seconds("compiled scan", T, width) > 1.1 * loop
