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
    assert 1.1 < loops.operations / last.operations < 1.18  # "by about an eighth"
    assert (
        250 < sum(c.often for c in cost.recurrence(T, 1, H)) < 350
    )  # "three hundred calls"
    assert round(V / T) == 178


@pytest.mark.claim(
    "each-rung-is-faster",
    "Each of the rungs 2 to 5 is faster than the rung below it, and rung 6 by a twentieth.",
    records="bench_ladder",
)
def test_each_rung_is_faster_than_the_one_below(bench):
    """The upper quartile of a rung's times lies below the lower quartile of the rung before. For
    rung 6 the two quartiles lie within a twentieth, and its median is lower by a twentieth."""
    order = "loops products64 products32 in_place fused".split()
    times = [bench["rungs"][name]["seconds"] for name in order]
    for before, after in itertools.pairwise(times):
        assert after["quartiles"][1] < before["quartiles"][0]
    fused, update = (bench["rungs"][name] for name in ("fused", "update"))
    assert 0.7 < update["bytes"] / fused["bytes"] < 0.8  # "a quarter fewer bytes"
    assert 0.94 < median(update) / median(fused) < 0.97
    highest, lowest = (
        update["seconds"]["quartiles"][1],
        fused["seconds"]["quartiles"][0],
    )
    assert 0.95 < highest / lowest < 1.05
    assert 1.1 < median(bench["rungs"]["loops"]) / median(
        bench["rungs"]["loops_window"]
    )


@pytest.mark.claim(
    "loops-wait-for-memory",
    "By the count, the nested loops wait for memory and not for arithmetic.",
    records="bench_ladder",
)
def test_by_the_count_the_loops_wait_for_memory(bench):
    """The counted time of the bytes is more than three times that of the operations, and more
    than half of all."""
    loops, double = bench["rungs"]["loops"], bench["machine"]["float64"]
    of_bytes = loops["bytes"] / double["bandwidth"]
    assert of_bytes > 3 * loops["operations"] / double["rate"]
    assert of_bytes > loops["predicted_seconds"] / 2


@pytest.mark.claim(
    "float32-halves-the-time",
    "The float32 step takes half the time of the float64 step, without page faults; by the count, "
    "between 1.9 and 2.6 times less.",
    records="bench_ladder",
)
def test_float32_halves_the_time(bench):
    """Ratios of the medians and of the counted times; no run of either has a page fault, and an
    allocator that keeps memory changes the times by less than a tenth."""
    double, single = (bench["rungs"][f"products{bits}"] for bits in (64, 32))
    assert double["page_faults"] == single["page_faults"] == 0
    assert 1.9 < median(double) / median(single) < 2.1
    assert 1.9 < double["predicted_seconds"] / single["predicted_seconds"] < 2.6
    for rung, bits in ((double, 64), (single, 32)):
        kept = bench["rungs"][f"products{bits}_kept"]
        assert kept["page_faults"] == 0
        assert 0.9 < median(kept) / median(rung) < 1.1


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
    "wider-kernels-do-not-help-here",
    "With kernels for wider registers a large product takes about the same time, and the step is "
    "slower.",
    records="bench_ladder",
)
def test_wider_kernels_do_not_help_here(bench):
    """The median ratio of the times of a large product is 1 to a twentieth, and the quartiles of
    the step's times do not overlap. The record names both kernels."""
    kernels = records.load("bench_ladder")["settings"]["kernels"]
    assert kernels["base"] == "Haswell" and kernels["wide"] not in (None, "Haswell")
    assert 0.95 < bench["wide_over_base_rate"]["median"] < 1.05
    base, wide = (bench["rungs"][name]["seconds"] for name in ("update", "kernels"))
    assert base["quartiles"][1] < wide["quartiles"][0]


@pytest.mark.claim(
    "one-pool-costs-nothing-on-one-thread",
    "On one thread, storing the product in NumPy takes the same time as the update inside BLAS.",
    records="bench_ladder",
)
def test_one_pool_costs_nothing_on_one_thread(bench):
    """The medians differ by less than a twentieth, and each lies within the other's quartiles or
    beside them by less than the spread."""
    inside, stored = (
        bench["rungs"][name]["seconds"] for name in ("update", "one_pool")
    )
    assert abs(inside["median"] / stored["median"] - 1) < 0.05
    assert stored["quartiles"][0] < inside["quartiles"][1]
    assert inside["quartiles"][0] < stored["quartiles"][1]


def test_the_machine_is_as_told(bench):
    machine, rungs = bench["machine"], bench["rungs"]
    single, double = machine["float32"], machine["float64"]
    assert 1.6 < single["rate"] / double["rate"] < 2.4
    assert machine["memory_bandwidth"] < single["bandwidth"]
    a_few_milliseconds = rungs["loops"]["operations"] / double["rate"]
    assert 3e-3 < a_few_milliseconds < 6e-3
    plain = rungs["products64"]
    assert all(rung.get("page_faults", 0) == 0 for rung in rungs.values())
    counted = rungs["loops"]["predicted_seconds"] / plain["predicted_seconds"]
    assert 3 < counted < 4  # "less than four"
    assert counted < median(plain, "faster_than_loops")
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
    assert 1.28 < over[0]["median"] / over[1]["median"] < 1.38  # "a third more time"
    assert over[1]["quartiles"][0] > 1  # "slower than the floor"


def test_which_of_the_two_aims_a_step_meets(bench):
    for name in ("update", "batch", "batch_one_pool"):
        rung = bench["rungs"][name]
        is_batch = name.startswith("batch")
        assert (median(rung, "faster_than_loops") >= 20) == is_batch
        assert (median(rung, "times_the_floor") <= 1.5) == is_batch


def test_a_count_is_never_far_above_the_clock_nor_far_below(bench):
    for name, rung in bench["rungs"].items():
        if "predicted_seconds" in rung:
            share = rung["predicted_seconds"] / median(rung)
            assert 0.3 < share < 1.35, name


def test_beside_the_posts_the_factor_is_of_the_size_of_theirs(bench):
    theirs, ours = 350 / 23, bench["over_the_posts_loops"]["update"]["median"]
    assert 0.6 < ours / theirs < 1.6


def test_every_step_that_was_timed_has_numpys_gradient(bench):
    gaps = {name: rung["gap"] for name, rung in bench["rungs"].items() if "gap" in rung}
    assert {"in_place", "fused", "update", "kernels", "batch"} <= set(gaps)
    assert {"threads_blas", "threads_blas_batch"} <= set(gaps)
    assert {"jax", "keras_loop", "keras_xla", "pytensor_c", "pytensor_numba"} <= set(
        gaps
    )
    assert max(gaps.values()) < 1e-4
