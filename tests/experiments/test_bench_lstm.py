"""The LSTM's benchmark, run small: who is timed, what is made of the times, what is missing."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from experiments.speed import bench_lstm
from experiments.speed.bench_lstm import Size
from unrolled import records, tree
from unrolled.cells import lstm

LIBRARIES = ("Keras", "Keras with XLA", "PyTorch", "JAX")
SMALL = Size(T=5, B=3, H=4)


@pytest.fixture
def weights_and_arrays():
    """Weights of a small LSTM, its inputs, and the weights of the sum of its outputs."""
    rng = np.random.default_rng(0)
    x, dh = rng.standard_normal((2, *SMALL)).astype(np.float32)
    return lstm.init(rng, SMALL.H, SMALL.H, np.float32), x, dh


@pytest.mark.slow
def test_every_librarys_lstm_has_numpys_outputs_and_gradients():
    rng = np.random.default_rng(0)
    functions, differences, missing, counted = bench_lstm.contestants(
        rng, SMALL, {"LSTM": lstm}
    )
    there = [name for name in LIBRARIES if name not in missing]
    assert len(there) == 4 or missing == {"PyTorch": "torch is not installed"}
    assert list(differences["LSTM"]) == there
    assert max(differences["LSTM"].values()) < 1e-5
    products = "products of the steps", "products of all steps"
    timed = {f"LSTM, {name}" for name in ("NumPy", *products, *there)}
    assert set(functions) == timed | {"hundred calls"}
    assert counted["products"] == 2 * SMALL.T + 4


def test_a_wrong_output_or_gradient_is_a_difference(weights_and_arrays):
    found = bench_lstm.numpy_pass(lstm, *weights_and_arrays)()
    assert bench_lstm.largest_difference(found, found) == 0
    for i in range(len(tree.leaves(found))):
        wrong = tree.map(np.copy, found)
        leaf = tree.leaves(wrong)[i]
        leaf.flat[0] += 0.01 * np.abs(leaf).max()
        assert bench_lstm.largest_difference(found, wrong) > 1e-3


def test_pytorch_is_named_where_it_is_not_installed(monkeypatch, weights_and_arrays):
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setattr(bench_lstm, "keras_pass", lambda *_, **__: "Keras's")
    monkeypatch.setattr(bench_lstm, "jax_pass", lambda *_: "JAX's")
    found, missing = bench_lstm.library_passes(lstm, *weights_and_arrays)
    assert list(found) == ["Keras", "Keras with XLA", "JAX"]
    assert missing == {"PyTorch": "torch is not installed"}


def test_calls_and_bytes_are_those_of_the_lines_of_the_lstm(weights_and_arrays):
    """A step makes 19 calls forward and 28 backward: 2 products, and 45 passes. Numbers that they
    move are counted by hand; the rest is what is done once."""
    p, x, dh = weights_and_arrays
    found = bench_lstm.counts(lstm, p, x, dh)
    longer = bench_lstm.counts(lstm, p, *np.repeat([x, dh], 2, axis=1))
    a_step = {k: (longer[k] - found[k]) / SMALL.T for k in found}
    BH = SMALL.B * SMALL.H
    # a += h W_h, two gates and one gate (four calls and a copy each), tanh twice, c, h
    forward = 12 + 2 * (4 * 2 + 2) + 2 + (4 * 2 + 2) + 2 * 3 + 3 + 2 + 2 + 3
    # dh_t, dc_t by dtanh, four gradients of gates with a copy each, dc_next
    backward = (
        3 + (3 + 3 + 2 + 3 + 3) + 3 * (3 + 3 + 2 + 3 + 2) + (3 + 3 + 2 + 3 + 2) + 3
    )
    at_once = 4 * 3  # sum of da, read once; a += b
    numbers = a_step["bytes_of_passes"] / 4 / BH
    assert numbers == pytest.approx(forward + backward + at_once, abs=0.01)
    assert (a_step["products"], a_step["passes"]) == (2, 45)
    assert (found["products"], found["passes"]) == (2 * 5 + 4, 45 * 5 + 4)


def test_a_copy_into_a_part_is_counted_and_a_part_changed_in_place_once():
    bench_lstm.Counted.count = {"products": 0, "passes": 0, "bytes_of_passes": 0}
    a = np.zeros((2, 3)).view(bench_lstm.Counted)
    a[0] = np.ones(3)
    assert bench_lstm.Counted.count == {
        "products": 0,
        "passes": 1,
        "bytes_of_passes": 48,
    }
    a[0] += a[1]
    assert bench_lstm.Counted.count["passes"] == 2
    assert isinstance(a[0] @ np.ones((3, 2)), bench_lstm.Counted)
    assert bench_lstm.Counted.count["products"] == 1
    np.testing.assert_array_equal(a, [[1, 1, 1], [0, 0, 0]])


def told(slower, libraries):
    """Seconds of three rounds; the last round is disturbed and takes ten times as long."""
    rounds = np.array([1.0, 1.0, 10.0])
    names = [(cell, who) for cell in bench_lstm.CELLS for who in ("NumPy", *libraries)]
    seconds = {f"{c}, {who}": slower.get(who, 1.0) * rounds for c, who in names}
    shares = {"the steps": 0.125, "all steps": 0.375}
    products = {f"LSTM, products of {which}": s * rounds for which, s in shares.items()}
    return seconds | products | {"hundred calls": 1e-4 * rounds}


def summary(libraries=LIBRARIES, missing=None):
    sizes = {"batch": Size(2, 3, 4), "one sequence": Size(2, 1, 4)}
    gaps = dict.fromkeys(libraries, 1e-7)
    seconds = {
        "batch": told({"Keras": 0.75, "JAX": 2.0}, libraries),
        "one sequence": told({"JAX": 0.25, "PyTorch": 3.0}, libraries),
    }
    differences = {key: dict.fromkeys(bench_lstm.CELLS, gaps) for key in sizes}
    rate = 1152 / np.array(
        [0.5, 0.5, 5.0]
    )  # operations of the matrix products a second
    counted = dict.fromkeys(sizes, {"products": 8, "passes": 90})
    return bench_lstm.summary(seconds, differences, missing or {}, counted, rate, sizes)


def test_ratios_are_formed_within_a_round_and_for_each_size():
    found = summary()
    batch, one = found["lstm"]["batch"], found["lstm"]["one sequence"]
    assert [batch["T"], batch["B"], batch["H"], one["B"]] == [2, 3, 4, 1]
    assert list(batch["faster_than"]) == list(one["faster_than"]) == [*LIBRARIES]
    assert batch["faster_than"]["JAX"] == {"median": 2, "quartiles": [2, 2]}
    assert one["faster_than"]["JAX"] == {"median": 0.25, "quartiles": [0.25, 0.25]}
    assert one["faster_than"]["PyTorch"]["median"] == 3
    assert one["seconds"]["PyTorch"] == {"median": 3, "quartiles": [3, 16.5]}
    assert one["largest_difference"]["JAX"] == 1e-7
    assert found["largest_difference"] == dict.fromkeys(bench_lstm.CELLS, 1e-7)
    assert found["cells"]["GRU"]["faster_than_keras"]["median"] == 0.75
    # 3 · 2 · T B · 2H · 4H operations of the LSTM, three quarters of that of a GRU
    assert bench_lstm.operations(4, Size(2, 3, 4)) == 4608
    shares = [cell["share_of_rate"]["median"] for cell in found["cells"].values()]
    assert shares == [2, 1.5, 1.5]


def test_products_and_the_rest_are_what_our_time_consists_of():
    """Of the products' operations a third needs the step before."""
    ours = summary()["lstm"]["batch"]["ours"]
    assert (ours["products"], ours["passes"], ours["operations"]) == (8, 90, 4608)
    assert ours["seconds_of_products"]["median"] == 0.5
    assert ours["seconds_of_the_rest"]["median"] == 0.5
    assert ours["share_of_products"] == {"median": 0.5, "quartiles": [0.5, 0.5]}
    assert ours["rate_of_the_steps_products"]["median"] == 1536 / 0.125
    assert ours["rate_of_all_steps_products"]["median"] == 3072 / 0.375
    assert ours["seconds_of_a_call"]["median"] == pytest.approx(1e-6)
    over = {who: s["median"] for who, s in ours["over_our_products"].items()}
    assert over == {who: 2.0 for who in ("NumPy", *LIBRARIES)} | {
        "Keras": 1.5,
        "JAX": 4.0,
    }


def test_the_report_shows_each_library_and_what_is_missing():
    report = bench_lstm.report(summary())
    assert "JAX                    250.00 ms   ours is 0.25 times as fast" in report
    assert "T = 2, B = 1, D = H = 4" in report and "missing" not in report
    absent = {"PyTorch": "torch is not installed"}
    without = [name for name in LIBRARIES if name != "PyTorch"]
    found = summary(without, absent)
    assert "PyTorch" not in found["lstm"]["batch"]["faster_than"]
    assert "missing: PyTorch: torch is not installed" in bench_lstm.report(found)


@pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity"), reason="a process chooses its cores on Linux"
)
def test_the_script_keeps_to_one_core_before_a_library_counts_them():
    """JAX is the first of the libraries that it imports; here there is none."""
    code = (
        "import os, runpy, sys; sys.modules['jax'] = None\n"
        "try: runpy.run_module('experiments.speed.bench_lstm', run_name='__main__')\n"
        "except ImportError: print(len(os.sched_getaffinity(0)), *sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=records.ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    cores, *modules = done.stdout.split()
    assert cores == "1" and not {"tensorflow", "torch", "numpy"} & set(modules)


# In a process of its own, since TensorFlow takes its number of threads once, when it begins.
ELSEWHERE = """
import json
from experiments.speed import bench_lstm as b
b.matrix_product = lambda *_: (lambda: None, 1)
sizes = {"batch": b.Size(4, 3, 5), "one sequence": b.Size(4, 1, 5)}
print(json.dumps(b.measure(sizes, {"batch": 1, "one sequence": 2})))
"""


@pytest.mark.slow
def test_both_sizes_and_all_cells_are_measured():
    done = subprocess.run(
        [sys.executable, "-c", ELSEWHERE],
        cwd=records.ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-1000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert list(found["cells"]) == [*bench_lstm.CELLS]
    assert max(found["largest_difference"].values()) < 1e-5
    for size in found["lstm"].values():
        assert {*size["faster_than"], *found["missing"]} == {*LIBRARIES}
        assert max(size["largest_difference"].values()) < 1e-5
    assert found["lstm"]["one sequence"]["B"] == 1
