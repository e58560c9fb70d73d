"""`make gpu` without a GPU: what it refuses, what it proves, and what an interruption leaves."""

import importlib
import json
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import numpy as np
import pytest

from experiments.gpu import __main__ as gpu
from experiments.gpu import (
    adapter,
    clocks,
    corpus,
    dates,
    device,
    fused_lstm,
    ladder,
    language_models,
    part,
    proof,
    saturation,
)
from unrolled import records, tree
from unrolled.cells import lstm, rnn
from unrolled.data import text
from unrolled.models import language_model
from unrolled.speed import gpu_tables

GOOD = "NVIDIA H100, 580.65.06, 81559, 80000\n"
CARD = device.Device("a card", "580.1", 8 << 30, 7 << 30)
MODULES = {
    name: importlib.import_module(f"experiments.gpu.{name}") for name in gpu.RUNS
}


def answering(stdout="", stderr="", returncode=0):
    return lambda *_, **__: SimpleNamespace(
        stdout=stdout, stderr=stderr, returncode=returncode
    )


def failing(error):
    def run(*_, **__):
        raise error

    return run


# --- the device ----------------------------------------------------------------------------------


def test_a_gpu_is_found():
    found = device.find(answering(GOOD))
    assert found == device.Device("NVIDIA H100", "580.65.06", 81559 << 20, 80000 << 20)
    assert found.described() == "NVIDIA H100, 80 GiB, driver 580.65.06"
    device.check_memory(found, 4 << 30)


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (
            failing(FileNotFoundError()),
            "no NVIDIA GPU: nvidia-smi, which comes with the driver",
        ),
        (
            failing(subprocess.TimeoutExpired("nvidia-smi", 60)),
            "the GPU does not answer",
        ),
        (
            answering(
                stderr="couldn't communicate with the driver\nmore", returncode=9
            ),
            "no NVIDIA GPU that can be used: couldn't communicate with the driver",
        ),
        (answering("No devices were found\n", returncode=6), "No devices were found"),
        (
            answering("NVIDIA H100, 470.82.01, 81559, 80000\n"),
            "470.82.01 is too old: CUDA 12",
        ),
        (answering("NVIDIA H100\n"), "cannot be read"),
        (answering("A, 580.1, [N/A], [N/A]\n"), "cannot be read"),
    ],
)
def test_what_will_not_do_is_one_line(run, message, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(records, "FOLDER", tmp_path / "results")
    assert gpu.main(["ladder"], find=lambda: device.find(run)) == gpu.UNFIT
    said = capsys.readouterr()
    assert message in said.err and said.err.count("\n") == 1 and said.out == ""
    assert not (tmp_path / "results").exists()


def test_an_adapter_is_found_of_any_make():
    said = {"adapter": "A770", "kind": "DiscreteGPU", "backend": "Vulkan", "driver": ""}
    found = adapter.find(answering(json.dumps(said)))
    assert found == adapter.Adapter("A770", "DiscreteGPU", "Vulkan", "")
    assert found.described() == "A770 (DiscreteGPU), Vulkan, no driver named"
    assert not found.is_software()
    program = found._replace(kind="CPU")
    assert program.is_software()
    assert "a software adapter, no GPU" in program.described()


def test_a_missing_adapter_is_one_line(capsys):
    error = (
        "Traceback\nunrolled.webgpu.device.NoGpuError: the package wgpu is missing\n"
    )
    run = answering(stderr=error, returncode=1)
    assert gpu.main(["webgpu"], find_adapter=lambda: adapter.find(run)) == gpu.UNFIT
    said = capsys.readouterr()
    assert said.err == "experiments.gpu: no WebGPU: the package wgpu is missing\n"


# --- the parts of a kind -------------------------------------------------------------------------


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """A ladder of three parts, whose processes are played; its folder, and what was begun."""
    kind = SimpleNamespace(
        SEED=0,
        NEEDS=1 << 30,
        SECONDS=1,
        PACKAGES=("numpy",),
        PARTS={"first": (), "second": ("json",), "third": ("no_such_library",)},
        settings=lambda rehearsal: {"small": rehearsal},
        report=lambda found: [f"parts: {', '.join(found['parts'])}"],
    )
    monkeypatch.setitem(sys.modules, "experiments.gpu.ladder", kind)
    monkeypatch.setattr(gpu, "RUNS", ("ladder",))
    monkeypatch.setattr(gpu, "KEPT", tmp_path / "kept")
    monkeypatch.setattr(records, "FOLDER", tmp_path / "results")
    begun, ends = [], {}

    def process(name, part, settings, to, until, about, rehearsal):
        begun.append(part)
        ends.get(part, lambda: None)()
        if reason := getattr(process, "reasons", {}).get(part):
            return reason
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(json.dumps({"of": part}))
        return None

    monkeypatch.setattr(gpu, "run_part", process)
    return SimpleNamespace(
        kind=kind,
        folder=tmp_path,
        begun=begun,
        ends=ends,
        process=process,
        record=tmp_path / "results/gpu/ladder.json",
    )


def test_a_kind_becomes_a_record_with_its_origin(bench, capsys):
    assert gpu.main(["--commit", "abc"], find=lambda: CARD) == gpu.DONE
    record = json.loads(bench.record.read_text())
    assert record["results"] == {
        "parts": {"first": {"of": "first"}, "second": {"of": "second"}},
        "missing": {"third": "no_such_library is not installed"},
        "failed": {},
    }
    assert record["device"] == "a card, 8 GiB, driver 580.1"
    assert record["commit"] == "abc" and record["versions"]["numpy"] == np.__version__
    assert "experiments.gpu.ladder.in_numpy" in record["code"] and not records.changes(
        record
    )
    out = capsys.readouterr().out
    assert "ladder, third: no_such_library is not installed: left out" in out
    assert "parts: first, second" in out

    assert gpu.main([], find=lambda: CARD) == gpu.DONE
    assert bench.begun == ["first", "second"]  # the record is up to date
    assert gpu.main(["--again"], find=lambda: CARD) == gpu.DONE
    assert bench.begun == ["first", "second"] * 2


def test_what_fails_is_in_the_record_and_in_the_status(bench, capsys):
    bench.process.reasons = {"second": "Wrong: W_h is off by 2.0e-01"}
    assert gpu.main([], find=lambda: CARD) == gpu.FAILED
    results = json.loads(bench.record.read_text())["results"]
    assert results["failed"] == {"second": "Wrong: W_h is off by 2.0e-01"}
    assert list(results["parts"]) == ["first"]
    assert "ladder, second: Wrong: W_h is off" in capsys.readouterr().err


def test_nothing_done_is_no_record(bench, capsys):
    bench.process.reasons = {"first": "no", "second": "no"}
    assert gpu.main([], find=lambda: CARD) == gpu.FAILED
    assert not bench.record.exists()
    assert "no part of it could be run: no record" in capsys.readouterr().err


def test_too_little_memory_is_one_line_and_no_record(bench, capsys):
    bench.kind.NEEDS = 9 << 30
    assert gpu.main([], find=lambda: CARD) == gpu.UNFIT
    said = capsys.readouterr().err
    assert said == (
        "ladder: too little device memory: 9.0 GiB needed, 7.0 of 8.0 GiB free: not run\n"
    )
    assert bench.begun == [] and not bench.record.exists()


def test_an_interruption_keeps_what_is_finished_and_the_same_command_goes_on(
    bench, capsys
):
    bench.ends["second"] = failing(KeyboardInterrupt())
    assert gpu.main([], find=lambda: CARD) == gpu.INTERRUPTED
    assert capsys.readouterr().err.startswith(
        "experiments.gpu: stopped; what was finished is kept"
    )
    assert not bench.record.exists()
    del bench.ends["second"]
    assert gpu.main([], find=lambda: CARD) == gpu.DONE
    assert bench.begun == ["first", "second", "second"]
    assert "ladder, first: kept from before" in capsys.readouterr().out
    assert list(json.loads(bench.record.read_text())["results"]["parts"]) == [
        "first",
        "second",
    ]


def test_a_part_kept_on_another_device_is_run_again(bench):
    bench.ends["second"] = failing(KeyboardInterrupt())
    gpu.main([], find=lambda: CARD)
    del bench.ends["second"]
    gpu.main([], find=lambda: CARD._replace(name="another card"))
    assert bench.begun == ["first", "second", "first", "second"]


def test_a_used_up_time_is_said_and_keeps_what_is_finished(bench, capsys):
    bench.ends["second"] = failing(
        gpu.Deadline("0 s are left and second takes about 1")
    )
    assert gpu.main([], find=lambda: CARD) == gpu.OUT_OF_TIME
    assert (
        "0 s are left and second takes about 1; the same command goes"
        in capsys.readouterr().err
    )
    assert not bench.record.exists()


def test_a_failure_of_one_kind_does_not_stop_the_next(bench, monkeypatch):
    broken = SimpleNamespace(**vars(bench.kind) | {"PARTS": {"bad": ()}})
    monkeypatch.setitem(sys.modules, "experiments.gpu.dates", broken)
    monkeypatch.setattr(gpu, "RUNS", ("dates", "ladder"))
    bench.process.reasons = {"bad": "no"}
    assert gpu.main([], find=lambda: CARD) == gpu.FAILED
    assert bench.record.exists()


ADAPTER = adapter.Adapter("A770", "DiscreteGPU", "Vulkan", "1")


def no_nvidia():
    raise device.Unfit("no NVIDIA GPU")


@pytest.mark.parametrize(("kinds", "status"), [([], gpu.DONE), (["ladder"], gpu.UNFIT)])
def test_kernels_for_every_gpu_need_no_nvidia(
    bench, monkeypatch, capsys, kinds, status
):
    any_make = SimpleNamespace(**vars(bench.kind) | {"ADAPTER": "webgpu"})
    monkeypatch.setitem(sys.modules, "experiments.gpu.webgpu", any_make)
    monkeypatch.setattr(gpu, "RUNS", ("ladder", "webgpu"))
    assert gpu.main(kinds, find=no_nvidia, find_adapter=lambda: ADAPTER) == status
    assert not bench.record.exists()
    assert capsys.readouterr().err == "experiments.gpu: no NVIDIA GPU\n"
    record = bench.folder / "results/gpu/webgpu.json"
    assert record.exists() == (not kinds)
    if not kinds:
        assert json.loads(record.read_text())["device"] == ADAPTER.described()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["quick"], "no kind quick: there are ladder, fused_lstm"),
        (["--minutes", "0"], "--minutes must be above 0"),
        (
            ["--corpus", "nowhere.npz"],
            "no file nowhere.npz: python -m experiments.gpu.corpus",
        ),
    ],
)
def test_wrong_arguments_are_refused(arguments, message, capsys):
    with pytest.raises(SystemExit) as end:
        gpu.main(arguments, find=lambda: CARD)
    assert end.value.code == 2 and message in capsys.readouterr().err


def test_a_process_that_fails_gives_one_line():
    assert gpu.failure(0, "warnings") is None
    assert gpu.failure(
        1, "Traceback\n  x\nexperiments.gpu.proof.Wrong: b is off\n"
    ) == ("Wrong: b is off")
    oom = "Traceback\ntorch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2 GiB\nlater"
    assert gpu.failure(1, oom).startswith(
        "too little device memory: torch.OutOfMemoryError"
    )
    assert gpu.failure(-9, "") == "it ended with status -9 and said nothing"


@pytest.mark.slow
def test_an_interrupted_run_leaves_no_half_of_anything(tmp_path):
    # A shell's background jobs inherit a SIGINT that is ignored.
    heed_sigint = (
        "import runpy, signal, sys\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", heed_sigint, "experiments.gpu", "ladder"]
        + ["--rehearse", str(tmp_path)],
        cwd=records.ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": "code"},
    )
    for line in process.stdout:
        if line.startswith("ladder, JAX ..."):
            break
    process.send_signal(signal.SIGINT)  # at once: the part may soon end
    _, err = process.communicate(timeout=60)
    assert process.returncode == gpu.INTERRUPTED, err
    assert err.startswith("experiments.gpu: stopped; what was finished is kept")
    assert err.count("\n") == 1
    left = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(left) == 1 and left[0].parent == tmp_path / "parts" / "ladder"
    json.loads(left[0].read_text())


@pytest.mark.slow
def test_a_part_in_time_ends_and_one_out_of_time_is_stopped(tmp_path):
    sizes = dates.settings(True)
    to = tmp_path / "part.json"
    until = time.monotonic() + 120
    part_name = "NumPy, on the processor"
    assert gpu.run_part("dates", part_name, sizes, to, until, 1, True) is None
    found = json.loads(to.read_text())
    assert found["gap"] < 1e-4 and found["curve"][-1]["updates"] >= 8
    with pytest.raises(gpu.Deadline, match="takes about 60: not begun"):
        gpu.run_part("dates", part_name, sizes, to, time.monotonic() + 5, 60, True)
    late = tmp_path / "late.json"
    with pytest.raises(gpu.Deadline, match="the time is over before"):
        gpu.run_part(
            "dates", part_name, sizes, late, time.monotonic() + 0.01, -60, True
        )
    assert not late.exists()


# --- proofs --------------------------------------------------------------------------------------


def test_a_proof_finds_what_is_off_missing_or_not_a_number():
    exact = {"a": np.array([1.0, -4.0]), "b": np.array([[2.0]])}
    assert proof.prove({"a": [1.0, -4.002], "b": [[2.0]]}, exact) == pytest.approx(5e-4)
    for wrong, message in [
        ({"a": [1.0, -4.02], "b": [[2.0]]}, "a is off by 5.0e-03"),
        ({"a": [1.0, -4.0], "b": [[np.nan]]}, "b is off by"),
        ({"a": [1.0, -4.0]}, "arrays"),
        ({"a": [1.0, -4.0], "b": [2.0]}, r"b is \(1,\) instead of \(1, 1\)"),
    ]:
        with pytest.raises(proof.Wrong, match=message):
            proof.prove(wrong, exact)


@pytest.mark.parametrize("name", ["NumPy, on the processor", "JAX"])
def test_a_rung_makes_the_step(name, monkeypatch):
    monkeypatch.setattr(clocks, "TIMES", 2)
    sizes = ladder.settings(True)
    found = ladder.run(name, sizes)
    assert found.keys() == {"1", "3"}
    for at in found.values():
        assert at["gap"] < 1e-4 and at["seconds"]["median"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("name", ["PyTensor through JAX", "Keras on JAX"])
def test_a_rung_with_a_process_of_its_own_makes_the_step(name):
    command = [sys.executable, "-m", "experiments.gpu.part", "ladder", name]
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        to = f"{folder}/part.json"
        sizes = ladder.settings(True) | {"batches": [2]}
        said = subprocess.run(
            [*command, "--to", to, "--rehearsal"],
            input=json.dumps(sizes),
            text=True,
            cwd=records.ROOT,
            env=os.environ | {"PYTHONPATH": "code"},
            capture_output=True,
        )
        assert said.returncode == 0, said.stderr[-1000:]
        with open(to) as file:
            assert json.load(file)["2"]["gap"] < 1e-4


@pytest.mark.parametrize(
    "spoil",
    [
        lambda dp: dp._replace(b_y=1.002 * dp.b_y),
        lambda dp: dp._replace(W_y=-dp.W_y),
        lambda dp: dp._replace(
            cell=dp.cell._replace(W_h=np.full_like(dp.cell.W_h, np.nan))
        ),
    ],
)
def test_a_rung_that_computes_another_step_is_not_timed(spoil, monkeypatch):
    from unrolled.frameworks import array_namespace

    right = array_namespace.of

    def of(module, xp, **changes):
        copy = right(module, xp, **changes)
        if module is language_model:
            inner = copy.loss_and_gradient
            copy.loss_and_gradient = lambda *a, **o: (0.0, spoil(inner(*a, **o)[1]))
        return copy

    monkeypatch.setattr(array_namespace, "of", of)
    monkeypatch.setattr(clocks, "by_host", failing(AssertionError("timed")))
    with pytest.raises(proof.Wrong, match="is off by"):
        ladder.run("NumPy, on the processor", ladder.settings(True))


slow = pytest.mark.slow


@pytest.mark.parametrize(
    "name",
    [
        "JAX RNN",
        pytest.param("JAX LSTM", marks=slow),
        pytest.param("JAX GRU", marks=slow),
    ],
)
@pytest.mark.slow
def test_a_layer_alone_is_proved_and_timed_by_length_and_by_batch(name, monkeypatch):
    monkeypatch.setattr(clocks, "TIMES", 1)
    monkeypatch.setattr(clocks, "WARM_UP", 1)
    found = saturation.run(name, saturation.settings(True) | {"batches": [1, 2]})
    assert found["gap"] < 1e-5 and found["stopped"] is None
    assert found["lengths"].keys() == {"4", "8"} and found["batches"].keys() == {
        "1",
        "2",
    }


@pytest.mark.slow
def test_a_batch_too_large_for_the_device_ends_the_sweep(monkeypatch):
    right = saturation.in_jax

    def in_jax(cell, T, B, H):
        if B == 64:
            raise RuntimeError(
                "RESOURCE_EXHAUSTED: Out of memory while trying to allocate"
            )
        return (lambda: {"median": T * 1e-6}), right(cell, T, B, H)[1]

    monkeypatch.setattr(saturation, "in_jax", in_jax)
    found = saturation.run(
        "JAX RNN", saturation.settings(True) | {"batches": [1, 2, 64, 128]}
    )
    assert list(found["batches"]) == ["1", "2"]
    assert found["stopped"].startswith("B = 64: RESOURCE_EXHAUSTED")
    assert found["latency"] == pytest.approx(1e-6)


def test_pytorch_s_weights_are_ours_transposed():
    p, x, _ = saturation.problem(lstm, 2, 3, 4, np.float64)
    theirs = saturation.torch_weights(p)
    a = x[0] @ theirs["weight_ih_l0"].T + theirs["bias_ih_l0"] + theirs["bias_hh_l0"]
    i, f, g, o = np.split(a, 4, axis=-1)
    sigmoid = lambda a: 1 / (1 + np.exp(-a))  # noqa: E731
    c = sigmoid(i) * np.tanh(g)  # from zero states
    np.testing.assert_allclose(
        sigmoid(o) * np.tanh(c), lstm.step(p, x[0], *np.zeros((2, 3, 4)))[0], atol=1e-12
    )


def test_the_kernels_are_rehearsed_in_the_interpreter():
    pytest.importorskip("triton", reason="Triton has builds for Linux alone")
    found = fused_lstm.run("float32", fused_lstm.settings(True))
    assert all(at["proved"] < 1e-5 for at in found.values())


def test_without_flashrnn_its_kernels_are_named_as_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "flashrnn", None)
    assert fused_lstm.flash_rnn(None, None, None) == ({}, "not installed")


def on_the_processor():
    """Weights, inputs and gradients as PyTorch's, and the gradients that NumPy has of them."""
    torch = pytest.importorskip("torch", reason="this book does not install PyTorch")
    p, x, dh = fused_lstm.problem(5, 3, 4, np.float64)
    dp, dx, *_ = lstm.backward(p, lstm.forward(p, x)[1], dh)
    return tree.map(torch.tensor, (p, x, dh)), (dx, *dp)


def flashrnns_lstm(sums, R, b, function, backend):
    """What FlashRNN says that it computes: from (B, T, gate, head, unit), states first."""
    import torch

    assert (function, backend) == ("lstm", "cuda_fused")
    B, T, gates, heads, H = sums.shape
    assert R.shape == (gates, heads, H, H) and b.shape == (gates, heads, H)
    h = c = torch.zeros(B, heads, H, dtype=sums.dtype)
    states = []
    for t in range(T):
        a = sums[:, t] + torch.einsum("bhk,ghku->bghu", h, R) + b
        i, f, g, o = a.unbind(1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        h = torch.sigmoid(o) * torch.tanh(c)
        states.append(torch.stack([h, c]))
    return torch.stack(states, 2), states[-1]


def test_flashrnn_is_given_our_weights_and_has_our_gradients(monkeypatch):
    given, (dx, dW_x, dW_h, db) = on_the_processor()
    stand_in = SimpleNamespace(flashrnn=flashrnns_lstm)
    monkeypatch.setitem(sys.modules, "flashrnn", stand_in)
    found, why_not = fused_lstm.flash_rnn(*given)
    assert list(found) == ["FlashRNN"] and why_not is None
    H = len(dW_h)
    dW_h = dW_h.reshape(H, 4, 1, H).transpose(1, 2, 0, 3)
    right = dx, dW_x, dW_h, db.reshape(4, 1, H)
    for theirs, ours in zip(found["FlashRNN"](), right, strict=True):
        np.testing.assert_allclose(theirs.numpy(), ours, atol=1e-12)


def test_a_size_that_flashrnn_does_not_take_is_one_line(monkeypatch):
    given, _ = on_the_processor()
    refused = failing(RuntimeError("no kernel for 4 units\nmore of it"))
    monkeypatch.setitem(sys.modules, "flashrnn", SimpleNamespace(flashrnn=refused))
    said = ({}, "RuntimeError: no kernel for 4 units")
    assert fused_lstm.flash_rnn(*given) == said


def test_dates_on_numpy_through_the_copies_are_the_package_s_own():
    sizes = dates.settings(True) | {"updates": 4, "check_every": 4}
    found = dates.run("NumPy, on the processor", sizes)
    assert found["gap"] < 1e-4
    assert found["curve"][0]["validation"] < np.log(len(dates.dates.ANSWERS) + 1)


def test_the_batches_of_dates_are_those_of_the_processor_s_record():
    from experiments.attention import attention_dates

    sizes = dates.settings(False)
    ours, theirs = dates.batches(0, 1, sizes)[:3], attention_dates.batches(0, 1)[:3]
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a.source, b.source)
    for key, name in [("H", "HIDDEN"), ("batch", "BATCH"), ("rate", "LEARNING_RATE")]:
        assert sizes[key] == getattr(attention_dates, name)


# --- language models -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained():
    sizes = language_models.settings(True) | {
        "sentences": 600,
        "epochs": 3,
        "seconds": 600,
        "large": 48,
        "learning_rate": 0.01,
    }
    previous, corpus.V = corpus.V, 60
    try:
        yield language_models.run("GRU, large", sizes)
    finally:
        corpus.V = previous


@pytest.mark.slow
def test_a_language_model_learns_the_chain_and_not_more_than_is_in_it(trained):
    losses = [point["validation"] for point in trained["curve"]]
    assert trained["gap"] < 1e-4 and len(losses) == 3
    assert trained["entropy"] < losses[-1] < 0.9 * trained["unigram"]


@pytest.mark.slow
def test_adam_on_arrays_that_cannot_be_written_is_adam():
    from unrolled.layers import embedding, stacked
    from unrolled.training import optimizers

    rng = np.random.default_rng(0)
    cell = stacked.of(embedding, rnn)
    p = language_model.init(rng, 9, 5, cell, np.float32)
    ids = rng.integers(0, 9, (6, 4))
    batch = language_models.fixed_shape(text.Batch(ids, ids, np.ones((6, 4), bool)), 4)
    assert batch.mask.shape == (8, 4) and batch.mask.sum() == 24
    step, evaluate = language_models.compiled(rnn, clip=0.5)
    ours, state = tree.map(np.copy, p), None
    theirs, their_state = p, language_models.adam_state(p)
    for weight in (0.5, 1.0, 3.0):
        loss, dp = language_model.loss_and_gradient(ours, batch, cell)
        theirs, their_state, their_loss = step(
            theirs, their_state, *batch, np.float32(0.01), np.float32(weight)
        )
        dp = tree.map(lambda d, weight=weight: d * weight, dp)
        optimizers.clip_by_global_norm(dp, 0.5)
        ours, state = optimizers.adam(ours, dp, state, learning_rate=0.01)
        assert float(their_loss) == pytest.approx(loss, rel=1e-5)
    for a, b in zip(tree.leaves(theirs), tree.leaves(ours), strict=True):
        np.testing.assert_allclose(a, b, atol=2e-5)
    assert float(evaluate(theirs, *batch)) < loss


def test_sentences_survive_their_file_and_a_wrong_file_is_refused(
    tmp_path, monkeypatch
):
    said = "One two three.", "Two two.", "Three one two."
    documents = [text.Document(f"a.b{n}", said) for n in range(120)]
    monkeypatch.setattr(text, "corpus", lambda: documents)
    monkeypatch.setattr(text, "remove_duplicates", lambda found: (found, 0))
    monkeypatch.setattr(corpus, "V", 7)
    corpus.save(tmp_path / "corpus.npz")
    loaded = corpus.load(tmp_path / "corpus.npz")
    assert loaded.least is None and loaded.train and loaded.validation
    assert {(ids[0], ids[-1]) for ids in loaded.train} == {(1, 2)}
    np.savez(tmp_path / "other.npz", a=np.zeros(2))
    with pytest.raises(ValueError, match="is no file of experiments.gpu.corpus"):
        corpus.load(tmp_path / "other.npz")


def test_drawn_sentences_have_the_entropy_they_say():
    words = corpus.load(None, 3000)
    pairs = {}
    for ids in words.train + words.validation:
        for a, b in zip(ids[1:-1], ids[2:-1], strict=False):
            pairs.setdefault(int(a), []).append(int(b))
    counts = [
        np.unique(v, return_counts=True)[1] for v in pairs.values() if len(v) > 60
    ]
    assert all(len(c) <= corpus.SUCCESSORS for c in counts)
    entropies = [-(c / c.sum() * np.log(c / c.sum())).sum() for c in counts]
    assert np.mean(entropies) == pytest.approx(words.least, abs=0.15)


# --- clocks, libraries, records ------------------------------------------------------------------


def test_the_host_s_clock_counts_steps_and_waits():
    calls = []
    found = clocks.by_host(lambda: time.sleep(0.002), lambda: calls.append(1), times=3)
    assert 0.002 <= found["median"] < 0.05
    assert 1 <= found["steps"] <= 10 and len(calls) == 3 + 2
    assert found["clock"] == "host, waiting for the device"


def test_a_library_that_sees_no_gpu_is_refused(monkeypatch):
    with pytest.raises(part.Blind, match="JAX .* sees no GPU"):
        part.see_the_gpu(("jax",))
    blind = SimpleNamespace(
        __version__="2", cuda=SimpleNamespace(is_available=lambda: False)
    )
    monkeypatch.setitem(sys.modules, "torch", blind)
    with pytest.raises(part.Blind, match="PyTorch 2 sees no GPU"):
        part.see_the_gpu(("torch",))


@pytest.mark.parametrize("name", MODULES)
def test_every_kind_says_all_that_a_record_needs(name):
    kind = MODULES[name]
    assert kind.PARTS and kind.settings(False) != kind.settings(True)
    assert kind.NEEDS >= 1 << 30 and isinstance(kind.SEED, int)
    assert kind.RECORDS == {f"gpu/{name}": (kind.settings, kind.run)}
    total = sum(kind.SECONDS for _ in kind.PARTS)
    assert total < 20 * 60, "the parts of a kind together fit into twenty minutes"


def test_the_kinds_are_the_modules_with_parts_and_each_has_its_table():
    assert set(gpu.RUNS) == {
        name.removeprefix("gpu/") for name in records.scripts() if name[:4] == "gpu/"
    }
    missing = [name for name in gpu.RUNS if name not in gpu_tables.TABLES]
    assert not missing, (
        f"write {missing[0]}, and its line in TABLES, in code/unrolled/speed/gpu_tables.py"
    )
