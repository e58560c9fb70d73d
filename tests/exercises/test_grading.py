"""The commands list, check and grade: rows, tables, and what is said of bad input."""

import csv
import json
import os
import shutil
import sys

import pytest

from tests.support.paths import ROOT
from unrolled import exercises
from unrolled.exercises import __main__ as command
from unrolled.exercises import grading, isolation

NAMES = exercises.PARTS["bptt"][:3]
needs_bubblewrap = pytest.mark.skipif(
    isolation.sandbox() is None, reason="no sandbox: bubblewrap is missing or forbidden"
)


def saved(path, answers):
    entries = [
        {"exercise": name, "code": code, "text": ""} for name, code in answers.items()
    ]
    content = {"format": "unrolled answers", "version": 1, "answers": entries}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content), "utf-8")
    return path


def rows(path):
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_the_list_has_a_line_for_each_exercise(capsys):
    assert command.main(["list"]) == 0
    first, *lines = capsys.readouterr().out.splitlines()
    assert first.split("\t") == ["exercise", "part", "kind", "level", "minutes"]
    assert [line.split("\t")[0] for line in lines] == exercises.names()
    assert "delta_by_hand\tbptt\tderive\t1\t15" in lines


@pytest.mark.slow
def test_check_prints_a_line_for_each_answer(tmp_path, capsys):
    solution = exercises.load(NAMES[0]).SOLUTION
    path = saved(tmp_path / "a.json", {NAMES[0]: solution, NAMES[1]: "", "gone": ""})
    assert command.main(["check", str(path)]) == 1
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{NAMES[0]}: Right. ")
    assert second.startswith(f"{NAMES[1]}: Not yet. ")
    assert third == (
        "gone: Not checked: no exercise of this edition has this name; "
        "the file is of a different edition."
    )
    assert command.main(["check", str(saved(path, {NAMES[0]: solution}))]) == 0


@pytest.mark.slow
@needs_bubblewrap
def test_a_hostile_file_changes_no_row_of_the_others(tmp_path, capsys):
    folder = tmp_path / "handed-in"
    solutions = {name: exercises.load(name).SOLUTION for name in NAMES}
    for student in ("ada", "zoe"):
        saved(folder / student / "answers.json", solutions)
    hostile = (
        "while True: pass",
        "x = bytearray(10**10)",
        f"import shutil\nshutil.rmtree({str(tmp_path)!r})",
        "import socket\nsocket.create_connection(('127.0.0.1', 22), 1)",
    )
    names = exercises.PARTS["bptt"][: len(hostile)]
    saved(folder / "eve/=1+1.json", dict(zip(names, hostile, strict=True)))
    (folder / "eve/damaged.ipynb").write_text("{")
    (folder / "eve/.hidden.json").write_text("{")
    out = tmp_path / "out.csv"
    arguments = ["grade", str(folder), "--csv", str(out), "--seconds", "2"]
    assert command.main(arguments) == 0
    assert "6 of 11 answers of 4 files are solved" in capsys.readouterr().out
    found = rows(out)
    assert [(r["file"], r["exercise"]) for r in found if r["solved"] == "yes"] == [
        (f"{student}/answers.json", name)
        for student in ("ada", "zoe")
        for name in NAMES
    ]
    eve = [row for row in found if row["file"].startswith("eve")]
    assert eve[-1]["message"].startswith("Not read: the file is no notebook")
    assert [row["exercise"] for row in eve] == [*names, ""]
    assert folder.is_dir()
    assert all(float(row["seconds"]) > 0 for row in found if row["exercise"])


def test_without_a_sandbox_nothing_is_graded_unless_it_is_trusted(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(isolation.shutil, "which", lambda name: None)
    saved(tmp_path / "in/a.json", {"gone": ""})
    out = tmp_path / "out.csv"
    arguments = ["grade", str(tmp_path / "in"), "--csv", str(out)]
    assert command.main(arguments) == 2
    assert "no sandbox can be made" in capsys.readouterr().err
    assert not out.exists()
    assert command.main([*arguments, "--trust"]) == 0
    assert rows(out)[0]["exercise"] == "gone"


@pytest.mark.slow
def test_without_a_sandbox_one_file_is_checked_all_the_same(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(isolation.shutil, "which", lambda name: None)
    solution = exercises.load(NAMES[0]).SOLUTION
    path = saved(tmp_path / "a.json", {NAMES[0]: solution})
    assert command.main(["check", str(path)]) == 0
    assert capsys.readouterr().out.startswith(f"{NAMES[0]}: Right. ")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["check", "nowhere.ipynb"], "there is no file nowhere.ipynb"),
        (["grade", "nowhere", "--trust", "--csv", "o"], "there is no folder nowhere"),
        (["grade", "EMPTY", "--trust", "--csv", "o"], "there is no file of answers"),
    ],
)
def test_what_is_not_there_is_said_in_one_line(tmp_path, arguments, message, capsys):
    arguments = [str(tmp_path) if a == "EMPTY" else a for a in arguments]
    assert command.main(arguments) == 2
    said = capsys.readouterr().err
    assert message in said and said.count("\n") == 1


def test_answers_are_graded_where_the_system_does_not_tell_the_allowed_processors(
    tmp_path, monkeypatch
):
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    path = saved(tmp_path / "a.json", {"gone": ""})
    (row,) = grading.grade([path], tmp_path, isolation.Limits(), None)
    assert row.exercise == "gone" and row.solved == "no"


def test_a_missing_reader_of_notebooks_is_said_in_one_line(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setitem(sys.modules, "jupytext", None)
    path = tmp_path / "a.ipynb"
    path.write_text("{}")
    assert command.main(["check", str(path)]) == 2
    said = capsys.readouterr().err
    assert "pip install 'unrolled[lab]'" in said and said.count("\n") == 1


def test_a_spreadsheet_takes_no_field_for_a_formula():
    assert grading.plain("=HYPERLINK(1)") == "'=HYPERLINK(1)"
    assert grading.plain("Right. x = 1") == "Right. x = 1"


def test_the_markdown_of_a_page_is_taken_as_it_is(tmp_path):
    shutil.copy(ROOT / "book/exercises/bptt.md", tmp_path)
    found = list(grading.tasks(grading.found_in(tmp_path), tmp_path))
    assert [task.answer.exercise for task in found] == list(exercises.PARTS["bptt"])
    assert not any(task.trouble for task in found)
