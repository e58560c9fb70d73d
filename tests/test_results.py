"""Which recorded results `make results` makes, in which order, and when it stops."""

import json
import sys

import pytest
import recorded

from experiments import all as experiments
from unrolled import records


@pytest.fixture
def results(tmp_path, monkeypatch):
    """Three records, of which the second is stale and the third missing."""
    monkeypatch.setattr(records, "ROOT", tmp_path)
    monkeypatch.setattr(records, "FOLDER", tmp_path / "results")
    (tmp_path / "experiments").mkdir()
    script = tmp_path / "experiments/script.py"
    script.write_text("x = 1\ny = 1\nRECORDS = {'fresh': x, 'old': y}\n")
    for name in ("fresh", "old"):
        records.write(records.begin(name), {}, settings={}, seed=0)
    script.write_text("x = 1\ny = 2\nRECORDS = {'fresh': x, 'old': y}\n")
    return tmp_path / "results"


RUNS = {"fresh": ("a",), "old": ("b", "--small"), "new": ("c",)}


def test_only_stale_and_missing_records_are_made(results, capsys):
    calls = []
    assert experiments.main([], RUNS, lambda command: calls.append(command) or 0) == 0
    assert calls == [[sys.executable, "-m", "b", "--small"], [sys.executable, "-m", "c"]]
    assert capsys.readouterr().out == "fresh: up to date\nold: stale\nnew: missing\n"


def test_a_script_that_fails_ends_the_round_with_its_status(results):
    calls = []
    assert experiments.main([], RUNS, lambda command: calls.append(command) or 7) == 7
    assert len(calls) == 1


def test_a_damaged_record_is_made_again(results):
    (results / "fresh.json").write_text("{")
    assert experiments.state("fresh") == "damaged"
    calls = []
    experiments.main([], {"fresh": ("a",)}, lambda command: calls.append(command) or 0)
    assert calls == [[sys.executable, "-m", "a"]]


def test_list_makes_nothing(results, capsys):
    assert experiments.main(["--list"], RUNS, run=None) == 0
    assert "old: stale" in capsys.readouterr().out


def test_every_record_that_a_script_makes_is_made():
    made = {n: of for n, of in records.scripts().items() if not n.startswith("gpu/")}
    assert {name: command[0] for name, command in experiments.EXPERIMENTS.items()} == made


def test_every_record_says_what_it_needs_to_be_repeated():
    for path in sorted(records.FOLDER.rglob("*.json")):
        if path.name in recorded.OF_THE_BOOK:
            continue
        record = json.loads(path.read_text("utf-8"))
        assert record["name"] == path.relative_to(records.FOLDER).with_suffix("").as_posix()
        assert record["device"] and record["versions"]["python"] and record["code"]
        assert {"seed", "settings", "commit", "date", "data"} <= record.keys()


# They are measured again when their code changes, never attested.
BENCHMARKS = {
    "bench_ladder", "bench_lstm", "data_parallel", "theano", "tfrecords", "unrolling",
    "witness_spread",
}  # fmt: skip


def test_every_record_but_a_benchmark_has_a_witness():
    without = {n for n in experiments.EXPERIMENTS if "witness" not in records.load(n)}
    assert without == BENCHMARKS


def test_no_recorded_training_is_stale():
    stale = {name: changed for name in experiments.EXPERIMENTS.keys() - BENCHMARKS
             if (changed := records.changes(records.load(name)))}  # fmt: skip
    assert not stale, "make attest asks their witnesses; make results makes them again"
