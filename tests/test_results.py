"""Which recorded results `make results` makes, in which order, and when it stops."""

import json
import sys
from pathlib import Path

import pytest
import recorded

from experiments import all as experiments
from unrolled import records

ROOT = Path(__file__).parent.parent


@pytest.fixture
def results(tmp_path, monkeypatch):
    """Three records, of which the second is stale and the third missing."""
    monkeypatch.setattr(records, "ROOT", tmp_path)
    monkeypatch.setattr(records, "FOLDER", tmp_path / "results")
    (tmp_path / "code.py").write_text("x = 1\n")
    (tmp_path / "other.py").write_text("y = 1\n")
    for name, path in (("fresh", "code.py"), ("old", "other.py")):
        records.write(name, {}, code=records.Code.now(path), settings={}, seed=0)
    (tmp_path / "other.py").write_text("y = 2\n")
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


def test_every_script_that_records_is_run():
    writers = {
        f"experiments.{path.stem}"
        for path in (ROOT / "experiments").glob("*.py")
        if "records.write(" in path.read_text("utf-8")
    }
    assert {command[0] for command in experiments.EXPERIMENTS.values()} == writers


def test_every_record_says_what_it_needs_to_be_repeated():
    for path in sorted(records.FOLDER.rglob("*.json")):
        if path.name in recorded.OF_THE_BOOK:
            continue
        record = json.loads(path.read_text("utf-8"))
        assert record["name"] == path.relative_to(records.FOLDER).with_suffix("").as_posix()
        assert record["device"] and record["versions"]["python"] and record["code"]
        assert {"seed", "settings", "commit", "date", "code_hash"} <= record.keys()
