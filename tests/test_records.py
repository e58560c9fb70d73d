"""Records say what they were made with, and notice when the code has changed."""

import json

import pytest

from unrolled import records


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "ROOT", tmp_path)
    monkeypatch.setattr(records, "FOLDER", tmp_path / "results")
    (tmp_path / "a.py").write_text('"""Doc."""\n\ndef f(x):\n    """Doc."""\n    return x + 1\n')
    return tmp_path


def test_a_record_says_what_it_was_made_with(root):
    code = records.Code.now("a.py")
    path = records.write("deep/one", {"loss": 1.5}, code=code, settings={"H": 3}, seed=4)
    record = records.load("deep/one")
    assert json.loads(path.read_text()) == record
    assert record["results"] == {"loss": 1.5} and record["settings"] == {"H": 3}
    assert record["seed"] == 4 and record["code"] == ["a.py"] and record["commit"] == "unknown"
    assert set(record["versions"]) == {"python", "numpy"} and record["device"]
    assert not records.is_stale(record)


@pytest.mark.parametrize(
    ("source", "stale"),
    [
        ('def f(x):\n    # why\n    """Other words."""\n    return (x\n  + 1)\n', False),
        ("def f(x):\n    return x + 2\n", True),
        ("def f(y):\n    return y + 1\n", True),
    ],
    ids=["comments, docstrings and layout", "a constant", "a name"],
)
def test_only_what_the_code_does_makes_a_record_stale(root, source, stale):
    records.write("one", {}, code=records.Code.now("a.py"), settings={}, seed=0)
    (root / "a.py").write_text(source)
    assert records.is_stale(records.load("one")) is stale


def test_the_code_of_a_long_run_is_that_of_its_beginning(root):
    code = records.Code.now("a.py")
    (root / "a.py").write_text("changed = True\n")
    records.write("one", {}, code=code, settings={}, seed=0)
    assert records.is_stale(records.load("one"))


def test_a_record_whose_code_is_gone_is_stale(root):
    records.write("one", {}, code=records.Code.now("a.py"), settings={}, seed=0)
    (root / "a.py").unlink()
    assert records.is_stale(records.load("one"))


def test_a_number_that_is_not_finite_is_refused_and_nothing_is_left_behind(root):
    with pytest.raises(ValueError, match="JSON"):
        records.write("one", {"x": float("nan")}, code=records.Code.now(), settings={}, seed=0)
    assert list((root / "results").glob("*")) == []


def test_missing_and_broken_records_are_named(root):
    with pytest.raises(FileNotFoundError, match="no record one: make results writes"):
        records.load("one")
    (root / "results").mkdir()
    for content in ("{", "[1]", "{}"):
        (root / "results" / "one.json").write_text(content)
        with pytest.raises(ValueError, match=r"results/one\.json is not a record"):
            records.load("one")
