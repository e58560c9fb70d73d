"""The chapter on batches, threads and libraries: its conclusions from the benchmark's record."""

import numpy as np
import pytest

from unrolled import records
from unrolled.cells import lstm
from unrolled.models import language_model
from unrolled.speed import cost, sgd_step


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
    roofs |= {"batch": "float32"}
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
    assert intensity["batch"] > intensity["update"]


@pytest.mark.claim(
    "a-batch-gains-little",
    "With 8000 words in the vocabulary, a batch gains little: the fixed time is less than the time "
    "of one sentence.",
    records="bench_ladder",
)
def test_a_batch_gains_little_and_soon(bench):
    """The fitted line's two times; and the words a second of the largest batch, less than twice
    those of one sentence and within a fifteenth of those of eight."""
    curve = bench["curve"]
    assert curve["seconds_fixed"] < curve["seconds_each"]
    words = dict(zip(curve["B"], curve["words_per_second"], strict=True))
    assert words[128] < 2 * words[1] and words[128] < 1.07 * words[8]
    assert 1.15 < words[8] / words[1] < 1.25  # "rises by about a fifth"
    jax = curve["peers"]["jax"]["words_per_second"]
    assert 0.6 < jax[1] / jax[0] < 0.75 and 0.9 < jax[0] / words[1] < 1.1


@pytest.mark.parametrize(("sentences", "blocks"), [(1, 1), (2, 1), (32, 12)])
def test_a_batch_multiplies_by_W_y_once_for_each_block_of_rows(sentences, blocks):
    N, seen = 45 * sentences, []
    p = language_model.init(np.random.default_rng(0), 5, 3)
    sgd_step.output_and_update(
        np.zeros((N, 3), p.W_y.dtype),
        p,
        np.zeros(N, int),
        0.1,
        sgd_step.Workspace(),
        subtract=lambda W, x, *_: seen.append(len(x)),
    )
    assert len(seen) == blocks and max(seen) <= 128 and sum(seen) == N


def test_bucketing_helps_a_program_that_knows_no_mask(bench):
    buckets = bench["buckets"]
    assert min(buckets["gain"]["quartiles"]) > 1.7
    assert max(buckets["gain_with_mask"]["quartiles"]) < 1.2
    assert buckets["bucketed"]["padding"] < buckets["as_they_come"]["padding"] / 2


@pytest.mark.claim(
    "two-pools-slow-our-step",
    "With the threads of two BLAS libraries our step is slower than on one thread, while Keras "
    "with XLA and JAX gain on a batch.",
    records="bench_ladder",
)
def test_two_pools_slow_our_step(bench):
    """Quartiles of the times with one thread and with all do not overlap, in either direction; the
    medians of the ratios are below one half on a sentence, and three quarters on a batch."""
    rungs, gains = bench["rungs"], bench["gains_of_threads"]
    for one, all_ in (("update", "threads_blas"), ("batch", "threads_blas_batch")):
        assert quartiles(rungs[one])[1] < quartiles(rungs[all_])[0]
    assert gains["blas"]["median"] < 0.5 and gains["blas_batch"]["median"] < 0.75
    for library in ("keras_xla_batch", "jax_batch"):
        assert quartiles(rungs[f"threads_{library}"])[1] < quartiles(rungs[library])[0]


@pytest.mark.claim(
    "one-pool-gains-on-a-batch",
    "With every product in NumPy a second thread makes our step faster, on a batch and on one "
    "sentence.",
    records="bench_ladder",
)
def test_a_step_gains_from_threads_if_only_one_pool_has_them(bench):
    """Lower quartiles of the gains, formed within a round; of a batch, of the times too."""
    rungs, gains = bench["rungs"], bench["gains_of_threads"]
    assert gains["one_pool"]["quartiles"][0] > 1
    assert gains["one_pool_batch"]["quartiles"][0] > 1
    one, two = rungs["batch_one_pool"], rungs["threads_one_pool_batch"]
    assert quartiles(two)[1] < quartiles(one)[0]


@pytest.mark.claim(
    "rows-on-threads-win-the-batch",
    "On a batch and two threads our step gains most if each thread takes a part of the rows, and "
    "takes less time than every library; on one sentence it gains nothing.",
    records="bench_ladder",
)
def test_rows_on_threads_win_the_batch(bench):
    """Median gains; the lower quartile of the ratio to each library, formed within a round."""
    gains, faster = bench["gains_of_threads"], bench["faster_than"]
    assert gains["rows_batch"]["median"] > 1.4
    assert gains["rows_batch"]["median"] > gains["one_pool_batch"]["median"]
    rungs = bench["rungs"]
    rows, pool = (rungs[f"threads_{kind}_batch"] for kind in ("rows", "one_pool"))
    assert rows["seconds"]["median"] < quartiles(pool)[0]
    assert gains["rows"]["median"] < 1 and gains["rows"]["quartiles"][1] < 1.02
    of_batch = {n for n in faster if n.startswith("threads_") and n.endswith("_batch")}
    libraries = "jax", "pytensor", "torch", "keras", "keras_with_xla"
    assert of_batch == {f"threads_{name}_batch" for name in libraries}
    for name in of_batch:
        assert faster[name]["ours"] == "threads_rows_batch"
        assert faster[name]["quartiles"][0] > 1


@pytest.mark.claim(
    "one-sentence-gains-from-one-pool-alone",
    "On one sentence and two threads our step with NumPy's pool takes less time than Keras, "
    "PyTensor and PyTorch, and no more than JAX.",
    records="bench_ladder",
)
def test_one_sentence_gains_from_one_pool_alone(bench):
    """Lower quartiles of the ratios to the libraries, formed within a round; of JAX the median is
    above 1 and the quartiles are on both sides of it."""
    faster = bench["faster_than"]
    for name in ("torch", "keras", "keras_with_xla", "pytensor"):
        library = f"threads_{name}"
        assert faster[library]["ours"] == "threads_one_pool"
        assert faster[library]["quartiles"][0] > 1
    low, high = faster["threads_jax"]["quartiles"]
    assert low < 1 < faster["threads_jax"]["median"] < high


@pytest.mark.claim(
    "ours-equals-jax-on-a-sentence-and-wins-the-batch",
    "On one thread and one sentence our step is as fast as JAX, within a tenth, and faster than "
    "PyTensor, PyTorch and Keras with XLA; on a batch of 32 our step is the fastest.",
    records="bench_ladder",
)
def test_ours_equals_jax_on_a_sentence_and_wins_the_batch(bench):
    """Quartiles of the ratio of times, formed within a round, against 1; of JAX, the median."""
    found = {name: row["quartiles"] for name, row in bench["faster_than"].items()}
    assert 0.9 < bench["faster_than"]["jax"]["median"] < 1  # "in this run JAX is ahead"
    assert 1 < found["pytensor"][0] < found["pytensor"][1] < 1.25
    assert found["keras_with_xla"][0] > 1.2 and found["keras"][0] > 1.3
    assert bench["faster_than"]["pytensor"]["rival"] == "pytensor_jax"
    assert found["torch"][0] > 1.3
    assert bench["faster_than"]["torch"]["rival"] == "torch_compiled"
    for name in ("jax", "pytensor", "torch", "keras", "keras_with_xla"):
        assert found[f"{name}_batch"][0] > 1
    ours = min(bench["rungs"][name]["seconds"]["median"] for name in OURS_ON_A_BATCH)
    for name, rung in bench["rungs"].items():
        if rung["threads"] == 1 and rung["sentences"] == 32:
            assert name in OURS_ON_A_BATCH or rung["seconds"]["median"] > ours


OURS_ON_A_BATCH = ("batch", "batch_one_pool", "kernels_batch", "package_batch")


def test_every_library_was_measured(bench):
    assert bench["missing"] == {}
    assert "torch" in records.load("bench_ladder")["versions"]


def test_jax_is_about_as_high_under_the_roof_as_the_last_rungs(bench):
    """The description of the roofline; the operations are those of ``fused``."""
    rungs = bench["rungs"]
    height = {name: 1 / rungs[name]["seconds"]["median"] for name in ("jax", "fused")}
    height["update"] = rungs["update"]["operations"] / rungs["fused"]["operations"]
    height["update"] /= rungs["update"]["seconds"]["median"]
    for name in ("fused", "update"):
        assert 0.87 < height["jax"] / height[name] < 1.15


def test_selecting_the_real_rows_brings_nearly_all_of_the_gain(bench):
    """Words a second, both without buckets: with the mask against computing every position."""
    buckets = bench["buckets"]
    ways = "as_they_come", "everywhere"
    masked, everywhere = (buckets[way]["words_per_second"]["median"] for way in ways)
    assert masked / everywhere > 2.3 and buckets["gain_with_mask"]["median"] < 1.1


@pytest.fixture(scope="module")
def lstms():
    return records.load("bench_lstm")["results"]


@pytest.mark.claim(
    "the-lstm-is-near-the-rate-of-products",
    "The LSTM reaches between 45 % and 75 % of the processor's rate. Keras is about as fast, and "
    "slower for the GRU that resets before the product; with XLA it is slower.",
    records="bench_lstm",
)
def test_the_lstm_is_near_the_rate_of_matrix_products(lstms):
    """Quartiles of the share of the rate, and of the speed of ours over Keras's; of the cells that
    are about as fast, the median within a tenth of 1."""
    cells = lstms["cells"]
    low, high = cells["LSTM"]["share_of_rate"]["quartiles"]
    assert 0.45 < low < high < 0.75
    assert max(lstms["largest_difference"].values()) < 1e-5
    for name in ("LSTM", "GRU, reset after"):
        assert 0.9 < cells[name]["faster_than_keras"]["median"] < 1.1
    assert cells["GRU"]["faster_than_keras"]["quartiles"][0] > 1
    for cell in cells.values():
        assert cell["faster_than_keras_with_xla"]["quartiles"][0] > 1


def test_the_lstm_was_compared_with_every_library(lstms):
    """At both sizes, with outputs and gradients that agree in float32."""
    assert lstms["missing"] == {}
    for size in lstms["lstm"].values():
        libraries = {"Keras", "Keras with XLA", "PyTorch", "JAX"}
        assert size["faster_than"].keys() == libraries
        assert max(size["largest_difference"].values()) < 1e-5


@pytest.mark.claim(
    "which-librarys-lstm-is-faster",
    "On the batch PyTorch is faster than our LSTM and JAX about as fast; on one sequence only "
    "Keras without XLA is slower.",
    records="bench_lstm",
)
def test_which_librarys_lstm_is_faster(lstms):
    """Quartiles of the speed of ours over the library's, formed within a round, against 1. With
    JAX on the batch, the median is within a tenth of it."""
    sizes = lstms["lstm"]
    batch, one = (sizes[key]["faster_than"] for key in ("batch", "one sequence"))
    assert batch["PyTorch"]["quartiles"][1] < 1
    assert 0.9 < batch["JAX"]["median"] < 1.1
    assert one["Keras"]["quartiles"][0] > 1
    for library in ("Keras with XLA", "PyTorch", "JAX"):
        assert one[library]["quartiles"][1] < 1


@pytest.mark.claim(
    "calls-on-a-sequence-and-products-on-a-batch",
    "On one sequence the calls to NumPy alone take longer than JAX's pass; on the batch PyTorch's "
    "pass takes less time than our products alone, of which those of a step have a lower rate.",
    records="bench_lstm",
)
def test_what_takes_our_lstms_time(lstms):
    """47 calls a step. Quartiles of the time of a call and of JAX's pass; of PyTorch's time over
    that of our products; and of the two rates."""
    batch, one = (lstms["lstm"][key] for key in ("batch", "one sequence"))
    for size in (batch, one):
        ours = size["ours"]
        calls = ours["products"] + ours["passes"]
        assert calls // size["T"] == 47 and ours["products"] == 2 * 64 + 4
    calls_take = calls * one["ours"]["seconds_of_a_call"]["quartiles"][0]
    assert one["seconds"]["JAX"]["quartiles"][1] < calls_take
    assert one["seconds"]["NumPy"]["median"] / 4 < calls_take
    ours = batch["ours"]
    assert ours["over_our_products"]["PyTorch"]["quartiles"][1] < 1
    rates = (ours[f"rate_of_{kind}_products"] for kind in ("the_steps", "all_steps"))
    of_step, at_once = (rate["quartiles"] for rate in rates)
    assert of_step[1] < at_once[0]
    p = lstm.init(np.random.default_rng(0), batch["H"], batch["H"], np.float32)
    assert p.W_h.nbytes == 2**20
