"""The chapter "The ladder": its equations, and that the record says what the prose says."""

import itertools
import platform

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tests.support import page_cells
from unrolled import records
from unrolled.data import text
from unrolled.models import language_model
from unrolled.speed import cost, sgd_step

V, H, T = 8000, 100, 45


@pytest.mark.equation("eq-rows-read")
def test_the_gradient_of_a_row_sums_over_the_places_of_its_word():
    rng = np.random.default_rng(0)
    p = language_model.init(rng, 12, 4, dtype=np.float64)
    words = np.array([3, 5, 3, 3, 7, 5, 1])
    sentence = text.pad([words])
    h = sgd_step.states(p.cell, sentence.inputs, sgd_step.Workspace())
    da = rng.normal(size=h[1:].shape)
    before = p.cell.W_x.copy()
    sgd_step.update_cell(p.cell, sentence.inputs, h, da.copy(), 0.5)
    one_hot = np.eye(12)[words[:-1]]
    assert_allclose(before - p.cell.W_x, 0.5 * one_hot.T @ da[:, 0], atol=1e-14)
    by_hand = 0.5 * da[[0, 2, 3], 0].sum(axis=0)
    assert_allclose((before - p.cell.W_x)[3], by_hand, atol=1e-14)


@pytest.mark.equation("eq-amdahl")
@pytest.mark.parametrize(("serial", "n"), [(0.1, 2), (0.5, 4), (0.02, 16), (1.0, 3)])
def test_a_schedule_of_small_pieces_gains_what_amdahl_says(serial, n):
    """Ten thousand pieces; one thread has its own to do, then all share the rest."""
    pieces = 10_000
    alone = round(serial * pieces)
    rounds = alone + -(-(pieces - alone) // n)
    assert pieces / rounds == pytest.approx(1 / (serial + (1 - serial) / n), rel=1e-3)
    assert pieces / rounds <= 1 / serial


@pytest.fixture(scope="module")
def bench():
    record = records.load("bench_ladder")
    assert record["settings"]["V"] == V and record["settings"]["T"] == T
    return record["results"]


def median(rung, what="seconds"):
    return rung[what]["median"]


def test_the_counts_are_as_told():
    loops = cost.total(cost.loops(T, H, V), 8)
    plain = cost.total(cost.plain(T, 1, H, V), 8)
    single, last = (
        cost.total(way(T, 1, H, V), 4) for way in (cost.plain, cost.updating)
    )
    assert 2e9 < loops.bytes < 2.5e9 and 8500 < loops.calls < 9500
    assert (
        round(loops.bytes / plain.bytes) in (14, 15) and single.bytes == plain.bytes / 2
    )
    assert 55 < loops.bytes / last.bytes < 65  # "by a factor of sixty"
    assert 0.8 < loops.operations / last.operations < 1.25  # "have hardly changed"
    assert (
        250 < sum(c.often for c in cost.recurrence(T, 1, H)) < 350
    )  # "three hundred calls"
    assert round(V / T) == 178


@pytest.mark.claim(
    "each-rung-is-faster",
    "Each rung of the ladder is faster than the rung below it.",
    records="bench_ladder",
)
def test_each_rung_is_faster_than_the_one_below(bench):
    """The upper quartile of a rung's times lies below the lower quartile of the rung before."""
    order = "loops products64 products32 in_place fused update kernels".split()
    quartiles = [bench["rungs"][name]["seconds"]["quartiles"] for name in order]
    for (low, _), (_, high) in itertools.pairwise(quartiles):
        assert high < low
    assert 1.1 < median(bench["rungs"]["loops"]) / median(
        bench["rungs"]["loops_window"]
    )


@pytest.mark.claim(
    "loops-wait-for-memory",
    "By the count, the nested loops wait for memory and not for arithmetic, and faster kernels for "
    "products hardly help them.",
    records="bench_ladder",
)
def test_loops_gain_nothing_from_wider_kernels(bench):
    """The counted time of the bytes is more than three times that of the operations. The quartiles
    of the ratio stay below 1.2, while large products gain more than 1.5."""
    loops, double = bench["rungs"]["loops"], bench["machine"]["float64"]
    of_bytes = loops["bytes"] / double["bandwidth"]
    assert of_bytes > 3 * loops["operations"] / double["rate"]
    assert of_bytes > loops["predicted_seconds"] / 2
    wider = bench["rungs"]["kernels_loops"]["faster_than_loops"]
    assert max(wider["quartiles"]) < 1.2
    assert min(bench["wide_over_default_rate"]["quartiles"]) > 1.5


@pytest.mark.claim(
    "page-faults-explain-rung-3",
    "Page faults account for most of the difference between the float64 and the float32 step.",
    records="bench_ladder",
)
def test_page_faults_account_for_most_of_rung_3(bench):
    """Their number at the measured price, against more than half of the largest difference that
    the quartiles of the two rungs allow; and the count without them predicts a factor of two."""
    double, single = (bench["rungs"][f"products{bits}"] for bits in (64, 32))
    price = bench["machine"]["page_fault"]
    saved = (double["page_faults"] - single["page_faults"]) * price
    (_, high), (low, _) = (rung["seconds"]["quartiles"] for rung in (double, single))
    assert single["page_faults"] == 0 and saved > (high - low) / 2
    counted = [
        rung["predicted_seconds"] - rung["page_faults"] * price
        for rung in (double, single)
    ]
    assert 1.8 < counted[0] / counted[1] < 2.2
    kept, kept32 = (bench["rungs"][f"products{bits}_kept"] for bits in (64, 32))
    assert kept["page_faults"] == 0
    assert kept["seconds"]["median"] < 2.5 * kept32["seconds"]["median"]
    times = [rung["seconds"]["median"] for rung in (double, kept, single)]
    assert 0.4 < times[1] / times[0] < 0.6  # "about half its former time"
    by_faults = (times[0] - times[1]) / (times[0] - times[2])
    assert 0.55 < by_faults < 0.65  # "about three fifths of the difference"
    assert saved > times[0] - times[2]  # "more than the whole difference"


@pytest.mark.slow
@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="other allocators keep other amounts"
)
@pytest.mark.claim(
    "float32-has-page-faults-too",
    "In a new process the float32 step has page faults, too. A step in place has none, and neither "
    "has a step whose allocator keeps freed memory.",
)
def test_float32_does_not_avoid_page_faults():
    """The counts of the page's own cell, in new processes: more than 500 against fewer than 50."""
    (first, *cells) = page_cells.cells("07-gpu/the-ladder.md")
    (cell,) = (cell for cell in cells if "def page_faults" in cell)
    counts = page_cells.executed("07-gpu/the-ladder.md", [first, cell])["counts"]
    for way, (usual, kept) in counts.items():
        assert usual < 50 if "in place" in way else usual > 500
        assert kept < 50


@pytest.mark.claim(
    "wider-kernels-lower-the-floor-more",
    "With wider kernels the step takes less time and is further from its floor.",
    records="bench_ladder",
)
def test_wider_kernels_lower_the_floor_more_than_the_step(bench):
    """Quartiles of the time and of the ratio to the floor, before and after, do not overlap."""
    update, kernels = (bench["rungs"][name] for name in ("update", "kernels"))
    assert kernels["seconds"]["quartiles"][1] < update["seconds"]["quartiles"][0]
    floors = [rung["times_the_floor"]["quartiles"] for rung in (update, kernels)]
    assert floors[0][1] < floors[1][0]


def test_the_machine_is_as_told(bench):
    machine, rungs = bench["machine"], bench["rungs"]
    single, double = machine["float32"], machine["float64"]
    assert 1.6 < single["rate"] / double["rate"] < 2.4
    assert machine["memory_bandwidth"] < single["bandwidth"]
    a_few_milliseconds = rungs["loops"]["operations"] / double["rate"]
    assert 3e-3 < a_few_milliseconds < 6e-3
    plain = rungs["products64"]  # most of the counted time is page faults
    assert plain["page_faults"] * machine["page_fault"] > plain["predicted_seconds"] / 2
    assert rungs["in_place"]["page_faults"] == 0
    without = plain["predicted_seconds"] - plain["page_faults"] * machine["page_fault"]
    assert 3 < rungs["loops"]["predicted_seconds"] / without < 4  # "less than four"
    gain = [
        rungs["products32"]["predicted_seconds"]
        - rungs["in_place"]["predicted_seconds"],
        median(rungs["products32"]) - median(rungs["in_place"]),
    ]
    assert 0 < gain[0] / gain[1] < 1 / 3  # "less than a third of this gain"
    over = (
        rungs["update"]["times_the_floor"],
        bench["products_alone"]["times_the_floor"],
    )
    assert 1.15 < over[0]["median"] / over[1]["median"] < 1.25  # "a fifth more time"


def test_which_of_the_two_aims_a_step_meets(bench):
    for name, within in (("update", True), ("kernels", False)):
        rung = bench["rungs"][name]
        assert median(rung, "faster_than_loops") < 20
        assert (median(rung, "times_the_floor") <= 1.7) == within


def test_a_count_is_never_far_above_the_clock_nor_far_below(bench):
    for name, rung in bench["rungs"].items():
        if "predicted_seconds" in rung:
            share = rung["predicted_seconds"] / median(rung)
            assert 0.3 < share < 1.35, name


def test_beside_the_posts_the_factor_is_of_the_size_of_theirs(bench):
    theirs, ours = 350 / 23, bench["over_the_posts_loops"]["kernels"]["median"]
    assert 0.6 < ours / theirs < 1.6


def test_every_step_that_was_timed_has_numpys_gradient(bench):
    gaps = {name: rung["gap"] for name, rung in bench["rungs"].items() if "gap" in rung}
    assert {"in_place", "fused", "update", "kernels", "batch"} <= set(gaps)
    assert {"threads_blas", "threads_blas_batch"} <= set(gaps)
    assert {"jax", "keras_loop", "keras_xla", "pytensor_c", "pytensor_numba"} <= set(
        gaps
    )
    assert max(gaps.values()) < 1e-4
