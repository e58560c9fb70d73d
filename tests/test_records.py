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


def test_versions_of_another_environment_stand_beside_our_own(root):
    given = {"code": records.Code.now("a.py"), "settings": {}, "seed": 0}
    records.write("one", {}, **given, packages=("numpy", "nothing"), elsewhere={"theano": "1.0.5"})
    versions = records.load("one")["versions"]
    assert versions["theano"] == "1.0.5" and versions["nothing"] == "not installed"
    assert set(versions) == {"python", "numpy", "nothing", "theano"}


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


@pytest.fixture
def package(root):
    """A script, and a module of the package of which it uses a part."""
    (root / "code").mkdir()
    (root / "code" / "m.py").write_text(
        "import math\nRATE: float = 0.1\nUNUSED = 5\n\n"
        "def used(x):\n    return RATE * helper(x)\n\n"
        "def helper(x):\n    return math.sin(x)\n\n"
        "class Kept:\n    def method(self):\n        return 1\n\n"
        "def other(x):\n    return x * UNUSED\n"
    )
    (root / "script.py").write_text("from m import used\nimport m\nprint(used(1), m.Kept())\n")
    (root / "data.bin").write_text("1")
    code = records.Code.now("script.py", "code/m.py", "data.bin")
    records.write("one", {}, code=code, settings={}, seed=0)
    return root


@pytest.mark.parametrize(
    ("file", "before", "after", "stale"),
    [
        ("code/m.py", "x * UNUSED", "x + UNUSED", False),
        ("code/m.py", "UNUSED = 5", "UNUSED = 6", False),
        ("code/m.py", "def other", "def one_more():\n    return 0\n\ndef other", False),
        ("code/m.py", "RATE: float = 0.1", "RATE: float = 0.2", True),
        ("code/m.py", "math.sin", "math.cos", True),
        ("code/m.py", "RATE * helper", "2 * RATE * helper", True),
        ("code/m.py", "return 1", "return 2", True),
        ("code/m.py", "class Kept", "print(0)\n\nclass Kept", True),
        ("script.py", "used(1)", "used(2)", True),
        ("script.py", "print(", "unused = 0\nprint(", True),
        (
            "script.py",
            "import m\nprint(used(1), m.Kept())",
            "print(used(1), m.Kept())\nimport m",
            True,
        ),
        ("code/m.py", "import math", "import cmath as math", True),
        ("code/m.py", "import math", "import math, json", False),
        ("data.bin", "1", "2", True),
    ],
)
def test_what_a_script_does_not_reach_does_not_make_its_record_stale(
    package, file, before, after, stale
):
    source = (package / file).read_text()
    assert before in source
    (package / file).write_text(source.replace(before, after))
    assert records.is_stale(records.load("one")) is stale
