"""The scripts behind the records, run small: they record what they say, and stop with one line."""

import itertools
import re
import subprocess
import sys
from argparse import Namespace

import numpy as np
import pytest

from experiments import bench_step
from experiments import language_model as experiment
from unrolled import language_model, pretrained, records, text


@pytest.fixture
def small(tmp_path, monkeypatch):
    """The experiment on a small corpus, in a folder of its own."""
    documents = [d for d in text.corpus(["keras"], cache=tmp_path / "cache")]
    monkeypatch.setattr(text, "corpus", lambda: documents)
    monkeypatch.setattr(experiment, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(records, "FOLDER", tmp_path / "results")
    for name in ("FULL", "POCKET"):
        settings = getattr(experiment, name) | {"V": 300, "H": 16, "epochs": 2}
        monkeypatch.setattr(experiment, name, settings)
    return tmp_path


@pytest.mark.slow
def test_the_experiment_records_what_it_measured(small, monkeypatch, capsys):
    monkeypatch.setattr(records, "ROOT", small)
    experiment.main(Namespace(pocket=True, text=None))
    record = records.load("pocket_language_model")["results"]
    assert [point["epoch"] for point in record["curve"]] == [1, 2]
    best = min(point["validation_loss"] for point in record["curve"])
    assert record["validation"]["perplexity"] == pytest.approx(np.exp(best), rel=1e-2)
    assert record["test"]["perplexity"] < record["baselines"]["uniform"]["test"]
    assert record["parameters"] == 2 * 300 * 16 + 16 * 16 + 16 + 300
    assert set(record["samples"]) == {"0.5", "0.8", "1.0"} and len(record["samples"]["0.5"]) == 6

    params, vocabulary = pretrained.load(path=small / "results" / "pocket_language_model.npz")
    documents, _ = text.remove_duplicates(text.corpus())
    held_out = text.encode(text.split(documents).test, vocabulary)
    assert experiment.perplexity(params, held_out) == record["test"]["perplexity"]

    experiment.main(Namespace(pocket=True, text=None))  # over already: nothing is trained again
    assert records.load("pocket_language_model")["results"] == record
    assert "epoch 1" in capsys.readouterr().out


def test_a_missing_text_ends_in_one_line():
    command = [sys.executable, "-m", "experiments.language_model", "--text", "no-such.txt"]
    done = subprocess.run(command, cwd=records.ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "experiments.language_model: no such file: no-such.txt\n"


def test_the_mean_loss_weights_batches_by_their_words():
    p = language_model.init(np.random.default_rng(0), 9, 4, dtype=np.float64)
    sentences = [np.array([1, *[4] * n, 2]) for n in (1, 1, 9)]
    whole = language_model.loss(p, text.pad(sentences))[0]
    assert experiment.mean_loss(p, text.batches(sentences, 2)) == pytest.approx(whole)


PRODUCTS = "matrix products, float32"
TOLD = {
    "loops, float64": 2.0,
    "matrix products, float64": 0.1,
    PRODUCTS: 0.05,
    "batch of 32, float32": 0.4,
    "matrix product of 1536": 0.08,
    "step": 0.01,
}


def told(contestants, rounds):
    """Calls each contestant once and says the seconds that stand above: no clock is read."""
    for function in contestants.values():
        function()
    return {name: np.full(rounds, TOLD[name]) for name in contestants}


def test_the_benchmark_measures_and_reports(monkeypatch):
    for name, size in {"V": 60, "H": 8, "T": 6, "B": 4}.items():
        monkeypatch.setattr(bench_step, name, size)
    growth = {"T": (3, 6), "B": (2, 4), "H": (4, 8), "V": (30, 60)}
    monkeypatch.setattr(bench_step, "GROWTH", growth)
    monkeypatch.setattr(bench_step, "timed", told)
    found = bench_step.measure(3)
    rate = 2 * 1536**3 / TOLD["matrix product of 1536"]
    floor = 3 * 2 * 6 * 8 * 60 / rate
    assert found["largest_difference"] < 1e-12
    assert found["faster_than_loops"]["median"] == pytest.approx(40)
    assert found["floor_seconds"] == pytest.approx(floor)
    assert found["times_the_floor"]["median"] == pytest.approx(TOLD[PRODUCTS] / floor)
    share = 4 * floor / TOLD["batch of 32, float32"]
    assert found["batch_share_of_rate"]["median"] == pytest.approx(share)
    for size, values in growth.items():
        assert found["growth"][size]["values"] == values
        assert found["growth"][size]["slope"] == pytest.approx(0, abs=1e-12)
        assert found["growth"][size]["bytes"][1] > found["growth"][size]["bytes"][0] > 0
    report = bench_step.report(found)
    assert "40.0 times faster    (aim: at least 18" in report
    assert re.search(r"^loops, float64 +2000\.00   2000\.00 to 2000\.00$", report, re.MULTILINE)


def test_contestants_take_turns():
    calls = []
    found = bench_step.timed({name: lambda name=name: calls.append(name) for name in "ab"}, 3)
    turns = [name for name, _ in itertools.groupby(calls)]
    assert turns == ["a", "b"] * (len(turns) // 2) and len(turns) >= 6
    assert {name: len(seconds) for name, seconds in found.items()} == {"a": 3, "b": 3}
    assert all((seconds >= 0).all() for seconds in found.values())


def test_the_floor_is_the_count_of_the_issue():
    assert bench_step.operations(45, 1, 100, 8000) == pytest.approx(0.216e9)


def test_memory_of_a_step_does_not_hold_all_logits():
    p = language_model.init(np.random.default_rng(0), 8000, 20)
    batch = bench_step.random_batch(np.random.default_rng(0), 40, 32, 8000)
    all_logits = 40 * 32 * 8000 * 4
    assert bench_step.peak_memory(p, batch) < all_logits / 2
