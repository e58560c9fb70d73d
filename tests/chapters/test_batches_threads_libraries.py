"""The chapter on batches, threads and libraries: its conclusions from the benchmark's record."""

import pytest

from unrolled import records
from unrolled.speed import cost


@pytest.fixture(scope="module")
def bench():
    return records.load("bench_ladder")["results"]


def quartiles(rung):
    """Lower and upper quartile of a rung's seconds."""
    return rung["seconds"]["quartiles"]


@pytest.mark.claim(
    "no-rung-is-above-its-roof",
    "Up to rung 6 each rung does more operations for each byte, and none is above its roof.",
    records="bench_ladder",
)
def test_rungs_move_right_and_stay_under_their_roofs(bench):
    """Operations a second at the lower quartile of the time, against the roof at the intensity
    that is counted."""
    order = "loops products64 products32 in_place fused update".split()
    roofs = dict.fromkeys(order, "float32") | dict.fromkeys(order[:2], "float64")
    roofs |= {"kernels": "wide", "batch": "float32", "kernels_batch": "wide"}
    intensity = {}
    for name, machine in roofs.items():
        rung = bench["rungs"][name]
        intensity[name] = rung["operations"] / rung["bytes"]
        roof = cost.attainable(
            intensity[name], cost.Machine(**bench["machine"][machine])
        )
        assert rung["operations"] / quartiles(rung)[0] < roof, name
    right = [intensity[name] for name in order]
    assert right == sorted(right)
    assert intensity["kernels"] == intensity["update"]


@pytest.mark.claim(
    "a-batch-gains-little",
    "With 8000 words in the vocabulary, a batch gains little: the fixed time is less than the time "
    "of one sentence.",
    records="bench_ladder",
)
def test_a_batch_gains_little_and_soon(bench):
    """The fitted line's two times; and the words a second of the largest batch, less than twice
    those of one sentence and within a seventh of those of four."""
    curve = bench["curve"]
    assert curve["seconds_fixed"] < curve["seconds_each"]
    words = dict(zip(curve["B"], curve["words_per_second"], strict=True))
    assert words[128] < 2 * words[1] and words[128] < words[4] * 8 / 7


def test_bucketing_helps_a_program_that_knows_no_mask(bench):
    buckets = bench["buckets"]
    assert min(buckets["gain"]["quartiles"]) > 1.7
    assert max(buckets["gain_with_mask"]["quartiles"]) < 1.2
    assert buckets["bucketed"]["padding"] < buckets["as_they_come"]["padding"] / 2


@pytest.mark.claim(
    "threads-slow-our-step-only",
    "With the threads of BLAS our step is slower than on one thread, while Keras with XLA and JAX "
    "gain on a batch.",
    records="bench_ladder",
)
def test_threads_slow_our_step_and_speed_up_the_libraries(bench):
    """Quartiles of the times with one thread and with all do not overlap, in either direction."""
    rungs = bench["rungs"]
    for one, all_ in (
        ("kernels", "threads_blas"),
        ("kernels_batch", "threads_blas_batch"),
    ):
        assert quartiles(rungs[one])[1] < quartiles(rungs[all_])[0]
    for library in ("keras_xla_batch", "jax_batch"):
        assert quartiles(rungs[f"threads_{library}"])[1] < quartiles(rungs[library])[0]


@pytest.mark.claim(
    "two-pools-slow-our-step",
    "With SciPy's pool limited to one thread, a second thread makes our step on a batch faster, "
    "and on one sentence it no longer makes the step several times slower.",
    records="bench_ladder",
)
def test_a_batch_gains_from_threads_if_only_one_pool_has_them(bench):
    """Quartiles of the times: on a batch, with NumPy's threads alone below those of one thread; on
    a batch and on a sentence, with both pools more than twice as long as with one."""
    rungs = bench["rungs"]
    for size in ("", "_batch"):
        both, numpy_alone = (
            rungs[f"{threads}{size}"]
            for threads in ("threads_blas", "threads_one_pool")
        )
        assert quartiles(both)[0] > 2 * quartiles(numpy_alone)[1]
    one, numpy_alone = rungs["kernels_batch"], rungs["threads_one_pool_batch"]
    assert quartiles(numpy_alone)[1] < quartiles(one)[0]


@pytest.mark.claim(
    "jax-wins-one-sentence-ours-the-batch",
    "On one sentence JAX is faster than our last rung, PyTensor through JAX about as fast, and "
    "Keras with XLA slower; on a batch of 32 our step with the wider kernels is the fastest, and "
    "with the kernels that OpenBLAS chose, Keras with XLA is faster.",
    records="bench_ladder",
)
def test_jax_is_first_on_a_sentence_and_ours_on_a_batch(bench):
    """Quartiles of the ratio of times, formed within a round, against 1."""
    found = {name: row["quartiles"] for name, row in bench["faster_than"].items()}
    assert found["jax"][1] < 1 < found["keras_with_xla"][0]
    assert 0.85 < found["pytensor"][0] < found["pytensor"][1] < 1.15
    assert bench["faster_than"]["pytensor"]["rival"] == "pytensor_jax"
    for name in ("jax_batch", "pytensor_batch", "keras_with_xla_batch"):
        assert found[name][0] > 1
    ours = bench["rungs"]["kernels_batch"]["seconds"]["median"]
    for rung in bench["rungs"].values():
        if rung["threads"] == 1 and rung["sentences"] == 32:
            assert rung["seconds"]["median"] >= ours
    chosen, keras = (bench["rungs"][name] for name in ("batch", "keras_xla_batch"))
    assert chosen["seconds"]["quartiles"][0] > keras["seconds"]["quartiles"][1]


@pytest.mark.claim(
    "the-lstm-is-near-the-rate-of-products",
    "The LSTM reaches more than 60 % of the processor's rate, and Keras's whole pass takes less "
    "time than its matrix products alone.",
    records="bench_lstm",
)
def test_the_lstm_is_near_the_rate_of_matrix_products():
    """Lower quartile of the share of the rate: above 0.6. Upper quartile of Keras's time over that
    of our products alone: below 1."""
    bench = records.load("bench_lstm")["results"]
    assert bench["cells"]["LSTM"]["share_of_rate"]["quartiles"][0] > 0.6
    assert max(bench["largest_difference"].values()) < 1e-5
    assert bench["lstm_share_of_products"]["quartiles"][1] < 1
    assert bench["keras_lstm_over_products"]["quartiles"][1] < 1


def test_which_of_the_two_is_faster():
    """Quartiles of the speed of ours over Keras's: below 1 for two cells, above 1 for one; with
    XLA within a fifth of each other."""
    cells = records.load("bench_lstm")["results"]["cells"]
    for name in ("LSTM", "GRU, reset after"):
        assert cells[name]["faster_than_keras"]["quartiles"][1] < 1
    assert cells["GRU"]["faster_than_keras"]["quartiles"][0] > 1
    for cell in cells.values():
        assert 0.8 < cell["faster_than_keras_with_xla"]["median"] < 1.2
