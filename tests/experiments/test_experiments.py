"""The scripts behind the records, run small: they record what they say, and stop with one line."""

import itertools
import subprocess
import sys

import numpy as np
import pytest

from experiments.language_models import language_model as experiment
from experiments.speed import timing
from unrolled import records
from unrolled.data import text
from unrolled.models import language_model, pretrained


@pytest.fixture
def small(tmp_path, monkeypatch):
    """The experiment on a small corpus, in a folder of its own; its settings."""
    documents = [d for d in text.corpus(["keras"], cache=tmp_path / "cache")]
    monkeypatch.setattr(text, "corpus", lambda: documents)
    monkeypatch.setattr(experiment, "RUNS", tmp_path / "runs")
    monkeypatch.setattr(records, "FOLDER", tmp_path / "results")
    settings = experiment.POCKET | {"V": 300, "H": 16, "epochs": 2}
    monkeypatch.setitem(
        experiment.RECORDS, "pocket_language_model", (experiment.main, settings)
    )
    return settings


@pytest.mark.slow
def test_the_experiment_records_what_it_measured(small, capsys):
    experiment.main("pocket_language_model", small)
    record = records.load("pocket_language_model")["results"]
    assert [point["epoch"] for point in record["curve"]] == [1, 2]
    best = min(point["validation_loss"] for point in record["curve"])
    assert record["validation"]["perplexity"] == pytest.approx(np.exp(best), rel=1e-2)
    assert record["test"]["perplexity"] < record["baselines"]["uniform"]["test"]
    assert record["parameters"] == 2 * 300 * 16 + 16 * 16 + 16 + 300
    assert (
        set(record["samples"]) == {"0.5", "0.8", "1.0"}
        and len(record["samples"]["0.5"]) == 6
    )

    params, vocabulary, _ = pretrained.load("pocket", folder=records.FOLDER)
    documents, _ = text.remove_duplicates(text.corpus())
    held_out = text.encode(text.split(documents).test, vocabulary)
    assert experiment.perplexity(params, held_out) == record["test"]["perplexity"]

    # over already: nothing is trained again
    experiment.main("pocket_language_model", small)
    assert records.load("pocket_language_model")["results"] == record
    assert "epoch 1" in capsys.readouterr().out


def test_a_missing_text_ends_in_one_line():
    command = [
        sys.executable,
        "-m",
        "experiments.language_models.language_model",
        "--text",
        "no-such.txt",
    ]
    done = subprocess.run(command, cwd=records.ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert (
        done.stderr
        == "experiments.language_models.language_model: no such file: no-such.txt\n"
    )


def test_the_mean_loss_weights_batches_by_their_words():
    p = language_model.init(np.random.default_rng(0), 9, 4, dtype=np.float64)
    sentences = [np.array([1, *[4] * n, 2]) for n in (1, 1, 9)]
    whole = language_model.loss(p, text.pad(sentences))[0]
    assert experiment.mean_loss(p, text.batches(sentences, 2)) == pytest.approx(whole)


def test_contestants_take_turns():
    calls = []
    found = timing.timed(
        {name: lambda name=name: calls.append(name) for name in "ab"}, 3
    )
    turns = [name for name, _ in itertools.groupby(calls)]
    assert turns == ["a", "b"] * (len(turns) // 2) and len(turns) >= 6
    assert {name: len(seconds) for name, seconds in found.items()} == {"a": 3, "b": 3}
    assert all((seconds >= 0).all() for seconds in found.values())


def test_a_spread_is_the_median_and_the_quartiles():
    found = timing.spread(np.array([5.0, 1, 2, 3, 4]))
    assert found == {"median": 3, "quartiles": [2, 4]}
