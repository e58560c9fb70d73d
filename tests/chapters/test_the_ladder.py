"""The chapter "The ladder": its equations, and that the record says what the prose says."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

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


def test_each_rung_is_faster_than_the_one_below(bench):
    rungs = bench["rungs"]
    order = [
        "loops",
        "products64",
        "products32",
        "in_place",
        "fused",
        "update",
        "kernels",
    ]
    ratios = [median(rungs[name], "faster_than_loops") for name in order]
    assert ratios == sorted(ratios)
    assert ratios[-1] > 10  # "more than a factor of ten"
    assert 1.1 < median(rungs["loops"]) / median(rungs["loops_window"]) < 2.5


def test_the_machine_is_as_told(bench):
    machine, rungs = bench["machine"], bench["rungs"]
    single, double, wide = (machine[name] for name in ("float32", "float64", "wide"))
    assert 1.6 < single["rate"] / double["rate"] < 2.4  # "R doubles"
    assert 1.5 < wide["rate"] / single["rate"] < 2.4
    assert machine["memory_bandwidth"] < single["bandwidth"]
    five_milliseconds = rungs["loops"]["operations"] / double["rate"]
    assert 3e-3 < five_milliseconds < 8e-3
    assert rungs["products64"]["page_faults"] > 1000 > rungs["in_place"]["page_faults"]
    assert (
        0.8 < median(rungs["kernels_loops"], "faster_than_loops") < 1.4
    )  # "hardly notice"


def test_a_count_is_never_far_above_the_clock_nor_far_below(bench):
    for name, rung in bench["rungs"].items():
        if "predicted_seconds" in rung:
            share = rung["predicted_seconds"] / median(rung)
            assert 0.3 < share < 1.35, name
    # No rung is above its roof.
    for name, machine in (
        ("update", "float32"),
        ("kernels", "wide"),
        ("kernels_batch", "wide"),
    ):
        rung = bench["rungs"][name]
        roof = cost.attainable(
            rung["operations"] / rung["bytes"],
            cost.Machine(**bench["machine"][machine]),
        )
        assert rung["operations"] / median(rung) < roof


def test_the_aims_are_told_as_they_were_met(bench):
    update, kernels = bench["rungs"]["update"], bench["rungs"]["kernels"]
    alone = bench["products_alone"]
    assert median(update, "times_the_floor") < 1.9  # "near its floor"
    assert (
        median(alone, "loops_over_default") < 22
    )  # "out of reach" of twenty, with the rest
    assert median(update, "faster_than_loops") < 19
    assert 16 < median(kernels, "faster_than_loops") < 26  # "there or nearly so"
    assert median(kernels, "times_the_floor") > 1.7  # "further off"
    assert 0.55 < median(alone, "share_of_step") < 0.9
    faster = bench["faster_than"]
    assert median(faster, "keras_with_xla") > 1 and faster["pytensor"]["median"] > 0.8
    assert 0.7 < faster["jax"]["median"] < 1.3  # "about the time of our last rung"
    assert (
        faster["pytensor_batch"]["median"] > 1.3
        and faster["keras_with_xla_batch"]["median"] > 0.9
    )


def test_beside_the_posts_the_factor_is_of_the_size_of_theirs(bench):
    theirs, ours = 350 / 23, bench["over_the_posts_loops"]["kernels"]["median"]
    assert 0.6 < ours / theirs < 1.6  # "about what one core makes"


def test_every_step_that_was_timed_has_numpys_gradient(bench):
    gaps = {name: rung["gap"] for name, rung in bench["rungs"].items() if "gap" in rung}
    assert {"in_place", "fused", "update", "kernels", "batch", "threads_batch"} <= set(
        gaps
    )
    assert {"jax", "keras_loop", "keras_xla", "pytensor_c", "pytensor_numba"} <= set(
        gaps
    )
    assert max(gaps.values()) < 1e-4


def test_a_batch_gains_little_and_soon(bench):
    curve = bench["curve"]
    assert curve["half_at"] < 2  # "no more than the time of a sentence or two"
    gain, masked = (
        bench["buckets"]["gain"]["median"],
        bench["buckets"]["gain_with_mask"]["median"],
    )
    assert gain > 1.7 > masked
    padding = {
        name: found["padding"]
        for name, found in bench["buckets"].items()
        if "gain" not in name
    }
    assert padding["bucketed"] < padding["as_they_come"] / 2
