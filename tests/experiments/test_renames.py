"""A record stands without a run if all that changed since a commit are private names."""

import json
import shutil

import pytest

from experiments import renames
from unrolled import records

SCRIPT = """
from unrolled import cell

RECORDS = {"one": run, "all": read}
BUILDS_ON = ("one",)


def run():
    return cell.forward(3)


def read():
    return cell.other(3)
"""
CELL = """
def forward(x):
    return _twice(x) + 1

def other(x):
    return x

def _twice(x):
    return 2 * x
"""
NEW = CELL.replace("_twice", "double")
NAMES = ["unrolled.cell._twice=double"]


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Two records of a script; the second has read the first. Today's code has a new name."""
    monkeypatch.setattr(records, "ROOT", tmp_path)
    monkeypatch.setattr(records, "FOLDER", tmp_path / "results")
    for path, source in (
        ("experiments/script.py", SCRIPT),
        ("code/unrolled/cell.py", CELL),
    ):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(source)
    given = {"settings": {}, "seed": 0}
    records.write(records.begin("one"), {"loss": 0.5}, **given)
    run = records.begin("all")
    records.load("one")
    records.write(run, {}, **given)
    shutil.copytree(tmp_path, tmp_path / "before")
    (tmp_path / "code/unrolled/cell.py").write_text(NEW)
    return tmp_path


def stale():
    return [name for name in ("one", "all") if records.is_stale(records.load(name))]


def test_a_record_whose_functions_have_new_names_stands_and_so_does_its_reader(root):
    before = records.load("one")
    assert stale() == ["one"]
    assert renames.stands(root / "before", NAMES) == [True, True]
    assert stale() == []
    assert records.load("one") == before | {"code": records.load("one")["code"]}
    assert renames.stands(root / "before", NAMES) == []


@pytest.mark.parametrize(
    "source",
    [
        NEW.replace("2 * x", "3 * x"),
        NEW.replace("double(x) + 1", "double(x)"),
        NEW.replace("double", "thrice"),
    ],
)
def test_a_record_whose_functions_do_something_else_stays_stale(root, source, capsys):
    (root / "code/unrolled/cell.py").write_text(source)
    assert renames.stands(root / "before", NAMES) == [False]
    assert (
        "one: stale, more than names changed: unrolled.cell." in capsys.readouterr().out
    )
    assert stale() == ["one"]


def test_a_record_that_did_not_fit_the_commit_stays_stale(root, capsys):
    older = CELL.replace("2 * x", "x + x")
    (root / "before/code/unrolled/cell.py").write_text(older)
    (root / "code/unrolled/cell.py").write_text(older.replace("_twice", "double"))
    assert renames.stands(root / "before", NAMES) == [False]
    assert "one: stale, it did not fit the commit" in capsys.readouterr().out


def test_a_record_that_read_another_number_stays_stale(root, capsys):
    path = root / "results/one.json"
    path.write_text(path.read_text().replace("0.5", "0.25"))
    assert renames.stands(root / "before", NAMES) == [True, False]
    assert "all: stale, its data changed" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("unrolled.cell.forward=f", "is not MODULE._OLD=NEW"),
        ("unrolled.cell._twice", "is not MODULE._OLD=NEW"),
        ("unrolled.sell._twice=double", "is not MODULE._OLD=NEW"),
        ("unrolled.cell._thrice=double", "has no _thrice"),
        ("unrolled.cell._twice=forward", "has forward already"),
    ],
)
def test_a_name_that_cannot_be_given_is_refused(
    root, name, message, monkeypatch, capsys
):
    def copied(commit, folder):
        shutil.copytree(root / "before", folder, dirs_exist_ok=True)

    monkeypatch.setattr(renames, "checked_out", copied)
    with pytest.raises(SystemExit) as end:
        renames.main(["HEAD", name])
    assert end.value.code == 2 and message in capsys.readouterr().err
    assert renames.main(["HEAD", *NAMES]) == 0


def test_the_code_and_the_records_of_a_commit_are_read_from_git(tmp_path):
    renames.checked_out("HEAD", tmp_path)
    assert (tmp_path / "code/unrolled/cells/rnn.py").is_file()
    assert json.loads((tmp_path / "results/copy_task.json").read_text())["code"]
