"""The ladder's benchmark, run small: who is timed, what is made of the times, how it stops."""

import json
import os
import platform
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import psutil
import pytest

from experiments.speed import bench_ladder, ladder_worker
from unrolled import records
from unrolled.speed import cost


@pytest.fixture
def small(monkeypatch):
    for name, size in {"V": 60, "H": 8, "T": 6, "B": 4}.items():
        monkeypatch.setattr(ladder_worker, name, size)
    monkeypatch.setattr(ladder_worker, "CURVE", (1, 2, 8))
    monkeypatch.setattr(ladder_worker, "CURVE_OF_PEERS", (1, 8))
    monkeypatch.setattr(ladder_worker, "SENTENCES", 16)
    monkeypatch.setattr(ladder_worker, "matrix_product", lambda *_: (lambda: None, 1))


def prepared(group):
    found = ladder_worker.Contestants()
    ladder_worker.GROUPS[group](found)
    for function in found.functions.values():
        function()
    return found


@pytest.mark.parametrize(
    "group",
    ["numpy_default", "numpy_kernels", "numpy_threads"],
)
def test_our_steps_have_numpys_gradient(small, group):
    found = prepared(group)
    assert len(found.gaps) >= 2 and max(found.gaps.values()) < 1e-5
    ours = {name for name in found.functions if name in bench_ladder.RUNGS}
    assert set(found.gaps) <= ours | {f"curve_{size}" for size in ladder_worker.CURVE}


def test_one_pool_calls_no_product_of_scipys(small, monkeypatch):
    def refused(*_, **__):
        raise AssertionError("SciPy's BLAS was called")

    monkeypatch.setattr(ladder_worker.sgd_step, "get_blas_funcs", refused)
    found = prepared("numpy_one_pool")
    assert set(found.gaps) == {"threads_one_pool", "threads_one_pool_batch"}
    assert max(found.gaps.values()) < 1e-5
    monkeypatch.setattr(ladder_worker, "THREADS", 2)
    monkeypatch.setattr(ladder_worker, "B", 32)  # rows for more than one thread
    found = prepared("numpy_rows")
    assert set(found.gaps) == {"threads_rows", "threads_rows_batch"}
    assert max(found.gaps.values()) < 1e-5
    with pytest.raises(AssertionError, match="SciPy"):
        prepared("numpy_threads")


def test_a_library_that_is_not_installed_is_named():
    """In a process of its own, as in the benchmark; PyTorch stands for all."""
    code = (
        "import sys; sys.modules['torch'] = None; sys.argv[1:] = ['torch', '1'];"
        "import runpy; runpy.run_module("
        "'experiments.speed.ladder_worker', run_name='__main__', alter_sys=True)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=records.ROOT, capture_output=True, text=True
    )
    assert json.loads(done.stdout) == {"missing": "torch is not installed"}


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="these are settings of glibc's allocator"
)
def test_an_allocator_that_keeps_memory_needs_no_new_pages():
    wanted = [("numpy_kept", 1, bench_ladder.KEPT)]
    _, faults, *_ = bench_ladder.measure(wanted, 2, 2, say=lambda _: None)
    assert faults["products64_kept"] < 50 and faults["products32_kept"] < 50


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one core has no second thread")
def test_after_a_turn_on_two_threads_both_are_asleep():
    worker = bench_ladder.Worker("numpy_one_pool", 2)
    try:
        worker.ready()
        worker.seconds("threads_one_pool")
        process = psutil.Process(worker.process.pid)
        before = process.cpu_times()
        time.sleep(0.3)
        assert sum(process.cpu_times()[:2]) - sum(before[:2]) < 0.015
    finally:
        worker.stop()


# In a process of its own, since TensorFlow takes its number of threads once, when it begins.
ELSEWHERE = """
import json, sys
from experiments.speed import ladder_worker as w
w.V, w.H, w.T, w.B, w.SENTENCES = 60, 8, 6, 4, 16
w.CURVE_OF_PEERS = (1, 8)
w.matrix_product = lambda *_: (lambda: None, 1)
found = w.Contestants()
w.GROUPS[sys.argv[1]](found)
for function in found.functions.values():
    function()
print(json.dumps([found.gaps, list(found.functions)]))
"""


def test_pytensor_is_named_for_its_threads(small, monkeypatch):
    """In all modes, on a sentence and on a batch."""
    from unrolled.frameworks import pytensor_step

    compiled = []

    def compile_step(p, rate, shape, mode):
        compiled.append((shape, mode))
        return lambda inputs, targets: 0.0, lambda: p

    monkeypatch.setattr(pytensor_step, "compile_step", compile_step)
    modes = ("c", "numba", "jax")
    for threads, prefix in ((1, ""), (2, "threads_")):
        monkeypatch.setattr(ladder_worker, "THREADS", threads)
        names = {f"{prefix}pytensor_{mode}" for mode in modes}
        found = prepared("pytensor").functions
        assert set(found) == names | {f"{name}_batch" for name in names}
        assert set(found) <= set(bench_ladder.RUNGS)
    assert ((ladder_worker.T, ladder_worker.B), "JAX") in compiled


@pytest.mark.slow
@pytest.mark.parametrize("group", ["jax", "keras", "torch"])
def test_the_steps_of_libraries_have_numpys_gradient(group):
    if group == "torch":
        pytest.importorskip("torch", reason="this book does not install PyTorch")
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, group],
        cwd=records.ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-1000:]
    gaps, functions = json.loads(done.stdout.splitlines()[-1])
    assert gaps and max(gaps.values()) < 1e-4
    assert {"curve_jax_8", "curve_keras_xla_8", "torch_batch"} & set(functions)


def test_a_wrong_step_has_a_gap(small):
    found = ladder_worker.Contestants()
    step = ladder_worker.sgd_step.step
    work = ladder_worker.sgd_step.Workspace()
    batch = found.batches[1]
    assert found.gap(lambda q: step(q, batch, 0.999, work), 1, np.float64) > 5e-4
    assert found.gap(lambda q: step(q, batch, 1.0, work), 1, np.float64) < 1e-12


NAMES = (
    *bench_ladder.RUNGS,
    *(f"curve_{size}" for size in bench_ladder.CURVE),
    *(
        f"curve_{peer}_{n}"
        for peer in ("jax", "keras_xla")
        for n in bench_ladder.CURVE_OF_PEERS
    ),
    "product",
    "product64",
    "kernels_product",
    "kernels_product64",
    "products_alone",
    "kernels_products_alone",
    "pass_in_cache",
    "copy_in_memory",
    "exponentials",
    "exponentials64",
    "first_touch",
    "second_touch",
    "hundred_calls",
    "buckets_everywhere",
    "buckets_as_they_come",
    "buckets_bucketed",
)


def told(**changed):
    """Seconds of five rounds under every name: one unless told; the last round is disturbed."""
    times = {name: np.array([1, 1, 1, 1, 50.0]) for name in NAMES}
    for name, value in changed.items():
        times[name] = times[name] * value
    return times


def test_ratios_are_formed_within_a_round():
    times = told(
        loops=40.0, update=2.0, product=0.5, kernels=1.0, kernels_product=0.25, jax=0.5
    )
    found = bench_ladder.summary(
        times, dict.fromkeys(NAMES, 7.0), {"update": 1e-7}, {"x": "why"}
    )
    rung, floor = found["rungs"]["update"], 6 * 45 * 100 * 8000 / (2 * 1536**3)
    assert rung["faster_than_loops"] == {"median": 20, "quartiles": [20, 20]}
    assert rung["times_the_floor"]["median"] == pytest.approx(2.0 / (0.5 * floor))
    assert found["rungs"]["kernels"]["times_the_floor"]["median"] == pytest.approx(
        4 / floor
    )
    assert found["loops_over_floor"]["median"] == pytest.approx(40 / (0.5 * floor))
    assert found["wide_over_base_rate"]["median"] == 2
    assert found["faster_than"]["jax"]["median"] == 0.5
    assert (
        rung["gap"] == 1e-7
        and rung["page_faults"] == 7
        and found["missing"] == {"x": "why"}
    )
    assert "times_the_floor" not in found["rungs"]["threads_blas"]  # of one thread
    # Of a batch, the loops would do every sentence.
    assert found["rungs"]["batch"]["faster_than_loops"]["median"] == 32 * 40
    assert found["rungs"]["batch"]["words_per_second"]["median"] == 32 * 45
    report = bench_ladder.report(found)
    assert (
        "update inside the product: 20.0 times as fast as the loops (aim 20)" in report
    )
    assert "missing: x: why" in report


def test_the_counted_time_contains_the_page_faults():
    times = told(first_touch=3.0, second_touch=1.0)
    none = bench_ladder.rungs(times, dict.fromkeys(NAMES, 0.0), {})["update"]
    some = bench_ladder.rungs(times, dict.fromkeys(NAMES, 10.0), {})["update"]
    fault = 2.0 / (ladder_worker.FRESH / 4096)
    more = some["predicted_seconds"] - none["predicted_seconds"]
    assert more == pytest.approx(10 * fault)
    assert (
        some["operations"] == cost.total(cost.updating(45, 1, 100, 8000), 4).operations
    )


@pytest.mark.equation("eq-batch-time")
def test_the_line_through_the_times_is_found():
    sizes = np.array([1, 2, 4, 64, 128])
    fixed, each = bench_ladder.line(sizes, 3.0 + 0.5 * sizes)
    assert (fixed, each) == (pytest.approx(3), pytest.approx(0.5))
    times = told(**{f"curve_{size}": 3 + 0.5 * size for size in bench_ladder.CURVE})
    curve = bench_ladder.curve(times)
    rate = np.array(curve["words_per_second"])
    assert rate == pytest.approx(
        45 * np.array(curve["B"]) / (3 + 0.5 * np.array(curve["B"]))
    )
    assert curve["half_at"] == pytest.approx(6)  # there t0 = B t1: half of T / t1
    assert 45 * 6 / (3 + 0.5 * 6) == pytest.approx(45 / 0.5 / 2)


def test_bucketing_leaves_less_padding_and_the_same_words():
    found = bench_ladder.bucketing(told(buckets_everywhere=3.0))
    padding = [
        found[key]["padding"] for key in ("everywhere", "as_they_come", "bucketed")
    ]
    assert padding[0] == 0 or padding[0] == padding[1]
    assert 0 <= padding[2] < padding[1] / 2 < 0.5
    assert found["gain"]["median"] == 3 and found["gain_with_mask"]["median"] == 1


def test_a_comparison_is_of_the_fastest_of_each():
    times = told(
        one_pool=0.5, kernels=0.8, jax=0.6, keras_xla=3.0, keras_unrolled_xla=2.0,
        threads_rows_batch=0.4, threads_one_pool_batch=0.7, threads_jax_batch=0.6,
        batch=1.0, batch_one_pool=1.2,
    )  # fmt: skip
    del times["torch"], times["torch_compiled"]
    found = bench_ladder.faster_than(times)
    assert (found["jax"]["ours"], found["jax"]["rival"]) == ("one_pool", "jax")
    assert found["jax"]["median"] == pytest.approx(1.2)
    assert found["keras_with_xla"]["rival"] == "keras_unrolled_xla"
    assert found["keras_with_xla"]["median"] == pytest.approx(4)
    both = found["threads_jax_batch"]
    assert both["ours"] == "threads_rows_batch" and both["median"] == pytest.approx(1.5)
    assert "torch" not in found and "torch_batch" in found
    gains = bench_ladder.gains_of_threads(times)
    assert gains["rows_batch"]["median"] == pytest.approx(3)
    assert gains["blas_batch"]["median"] == pytest.approx(1)
    assert "torch" not in gains


def test_without_wider_kernels_their_rungs_are_absent():
    times = {name: s for name, s in told().items() if not name.startswith("kernels")}
    found = bench_ladder.summary(times, dict.fromkeys(NAMES, 0.0), {}, {"x": "why"})
    assert "kernels" not in found["rungs"] and "wide" not in found["machine"]
    assert found["rungs"]["update"]["seconds"]["median"] == 1
    assert found["faster_than"]["jax"]["ours"] == "update"
    assert "missing: x: why" in bench_ladder.report(found)


def test_what_cannot_be_run_is_said(monkeypatch):
    monkeypatch.setattr(
        bench_ladder, "core_types", lambda: ("Haswell", None, "no such thing")
    )
    wanted, missing = bench_ladder.groups(1)
    assert {threads for _, threads, _ in wanted} == {1}
    assert "numpy_kernels" not in [name for name, *_ in wanted]
    assert missing == {
        "wider kernels": "no such thing",
        "all threads": "this machine has one core",
    }
    monkeypatch.setattr(
        bench_ladder, "core_types", lambda: ("Haswell", "SkylakeX", None)
    )
    wanted, missing = bench_ladder.groups(4)
    assert {threads for _, threads, _ in wanted} == {1, 4} and missing == {}
    on_all = {name for name, threads, _ in wanted if threads == 4}
    assert {"pytensor", "keras", "jax", "torch"} <= on_all
    for name, _, environment in wanted:
        asked = environment.get("OPENBLAS_CORETYPE")
        if name.startswith("numpy"):
            assert asked == ("SkylakeX" if "kernels" in name else "Haswell")
        else:
            assert asked == ("SkylakeX" if name == "pytensor" else None)
    assert {name for name, *_ in wanted} == set(ladder_worker.GROUPS)


@pytest.mark.parametrize(
    ("architecture", "flags", "base", "wide"),
    [
        ("Haswell", bench_ladder.FLAGS, "Haswell", "SkylakeX"),
        ("Zen", bench_ladder.FLAGS - {"avx512bw"}, "Haswell", None),
        ("SkylakeX", bench_ladder.FLAGS, "Haswell", "SkylakeX"),
        ("SapphireRapids", bench_ladder.FLAGS, "Haswell", "SapphireRapids"),
        ("Nehalem", {"sse4_2"}, None, None),
    ],
)
def test_kernels_are_named_only_where_the_processor_has_them(
    architecture, flags, base, wide, monkeypatch, tmp_path
):
    """The base is the same whatever OpenBLAS would choose. On a processor without the
    instructions the process would end with an illegal one."""
    blas = {"internal_api": "openblas", "architecture": architecture}
    monkeypatch.setattr(bench_ladder, "threadpool_info", lambda: [blas])
    (tmp_path / "cpuinfo").write_text(
        f"model name : x\nflags\t: fpu {' '.join(flags)}\nbugs :\n"
    )
    monkeypatch.setattr(bench_ladder, "Path", lambda _: tmp_path / "cpuinfo")
    *found, why_not = bench_ladder.core_types()
    assert found == [base, wide] and (why_not is None) == (wide is not None)
    monkeypatch.setattr(bench_ladder, "threadpool_info", lambda: [])
    assert bench_ladder.core_types() == (None, None, "NumPy's BLAS is not OpenBLAS")


@pytest.mark.skipif(
    bench_ladder.core_types()[0] is None, reason="there are no kernels to choose from"
)
def test_the_kernels_that_were_asked_for_are_used():
    """NumPy's OpenBLAS and SciPy's; a process that uses different ones ends the run."""
    base, *_ = bench_ladder.core_types()
    worker = bench_ladder.Worker("numpy_kept", 1, {"OPENBLAS_CORETYPE": base})
    try:
        assert worker.ready()["kernels"] == [base]
    finally:
        worker.stop()
    worker = bench_ladder.Worker("numpy_kept", 1, {"OPENBLAS_CORETYPE": base})
    worker.kernels = "Elsewhere"
    with pytest.raises(bench_ladder.Stopped, match=rf"\['{base}'\], not Elsewhere"):
        try:
            worker.ready()
        finally:
            worker.stop()


def without(package, folder):
    (folder / package).mkdir()
    (folder / package / "__init__.py").write_text(
        f"raise ModuleNotFoundError(name='{package}')"
    )
    return {"PYTHONPATH": f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}


def test_a_library_that_is_not_installed_is_said_and_a_broken_process_ends_in_a_line(
    tmp_path,
):
    wanted = [("jax", 1, without("jax", tmp_path))]
    assert bench_ladder.measure(wanted, 1, 1, say=lambda _: None)[3] == {
        "jax": "jax is not installed"
    }
    with pytest.raises(
        bench_ladder.Stopped, match="the process of nothing ended: KeyError"
    ):
        bench_ladder.measure([("nothing", 1, {})], 1, 1)


class FakeWorker:
    def __init__(self, group, threads, environment):
        self.name, self.calls, self.stopped = group, calls, False
        started.append(self)

    def ready(self):
        names = {"a": ["loops", "x_batch"], "b": ["jax"]}[self.name]
        return {"names": names, "gaps": {names[0]: 0.5}}

    def seconds(self, name):
        calls.append(name)
        if len(calls) == stop_at[0]:
            raise KeyboardInterrupt
        return float(len(calls)), 3

    def stop(self):
        self.stopped = True


calls, started, stop_at = [], [], [0]


@pytest.fixture
def fake(monkeypatch):
    calls.clear()
    started.clear()
    stop_at[0] = 0
    monkeypatch.setattr(bench_ladder, "Worker", FakeWorker)
    monkeypatch.setattr(
        bench_ladder, "groups", lambda cores: ([("a", 1, {}), ("b", 1, {})], {})
    )


def test_processes_take_turns_and_are_ended(fake):
    wanted, _ = bench_ladder.groups(1)
    seconds, faults, gaps, missing = bench_ladder.measure(
        wanted, 3, 2, say=lambda _: None
    )
    assert calls == ["loops", "x_batch", "jax"] * 2 + ["loops", "jax"]
    assert seconds["jax"].tolist() == [3, 6, 8] and seconds["x_batch"].tolist() == [
        2,
        5,
    ]
    assert faults["loops"] == 3 and gaps == {"loops": 0.5, "jax": 0.5} and missing == {}
    assert all(worker.stopped for worker in started)


def test_an_interrupted_run_writes_nothing_and_says_so(
    fake, monkeypatch, tmp_path, capsys
):
    stop_at[0] = 4
    monkeypatch.setattr(records, "FOLDER", tmp_path)
    assert (
        bench_ladder.main(record=True)
        == "experiments.speed.bench_ladder: stopped; nothing was written"
    )
    assert not list(tmp_path.iterdir()) and all(worker.stopped for worker in started)


def test_a_process_that_ends_midway_leaves_no_record(fake, monkeypatch, tmp_path):
    def ended(self, name):
        raise bench_ladder.Stopped("the process of a ended: Killed")

    monkeypatch.setattr(FakeWorker, "seconds", ended)
    monkeypatch.setattr(records, "FOLDER", tmp_path)
    assert bench_ladder.main(record=True) == (
        "experiments.speed.bench_ladder: the process of a ended: Killed; nothing was written"
    )
    assert not list(tmp_path.iterdir())


def test_a_worker_answers_each_name_with_its_time():
    """The protocol itself, in one process: names in, seconds and page faults out."""
    script = (
        "from experiments.speed import ladder_worker as w\n"
        "w.V, w.H, w.T, w.CURVE, w.GROUP = 20, 3, 4, (1,), 'one'\n"
        "w.GROUPS['one'] = lambda found: found.add('x', lambda: print('noise'))\n"
        "w.serve()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=records.ROOT,
        input="x\nx\n",
        text=True,
        capture_output=True,
        check=True,
    )
    first, *answers = done.stdout.splitlines()
    told = json.loads(first)
    assert told["names"] == ["x"] and told["gaps"] == {} and len(answers) == 2
    assert told["kernels"] == ladder_worker.kernels_in_use()
    assert all(0 <= float(answer.split()[0]) < 1 for answer in answers)
    assert "noise" not in done.stdout  # what a library prints is kept apart


def test_make_bench_records():
    done = subprocess.run(
        ["make", "-n", "bench"],
        cwd=records.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "experiments.speed.bench_ladder --record" in done.stdout
    assert SimpleNamespace(**records.load("bench_ladder")["settings"]).T == 45


def test_a_time_is_the_median_of_calls_in_a_row_after_one_that_is_not_timed():
    ticks = iter([0, 0.009, 0.1, 0.104, 0.2, 0.208, 0.3, 0.4])
    calls_made = []
    seconds, _ = ladder_worker.timed(
        lambda: calls_made.append(1), clock=lambda: next(ticks)
    )
    assert seconds == pytest.approx(0.008) and len(calls_made) == 1 + 3
    ticks = iter([0, 0.5])
    assert ladder_worker.timed(lambda: None, clock=lambda: next(ticks))[0] == 0.5
