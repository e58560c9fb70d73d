"""Answers that are handed in: what is read of each kind of file, and what is said of bad ones."""

import json
import shutil
import subprocess

import jupytext
import nbformat
import pytest

from tests.support.paths import ROOT
from unrolled import exercises
from unrolled.exercises import submissions

PAGE = ROOT / "book/exercises/bptt.md"
NAMES = list(exercises.PARTS["bptt"])
NAME = "delta_by_hand"
STUB = exercises.load(NAME).STUB.strip()
HASH = submissions.text_hash(STUB)


def page_notebook():
    return jupytext.reads(PAGE.read_text("utf-8"), fmt="myst")


def written(folder, notebook):
    path = folder / "answers.ipynb"
    nbformat.write(notebook, path)
    return path


def saved_file(folder, *entries, **changes):
    content = {
        "format": "unrolled answers",
        "version": 1,
        "answers": entries,
        **changes,
    }
    path = folder / "answers.json"
    path.write_text(json.dumps(content), "utf-8")
    return path


def entry(exercise=NAME, code="x = 1", text=HASH):
    return {"exercise": exercise, "code": code, "text": text}


def test_every_answer_of_the_page_is_found_in_both_kinds_of_notebook(tmp_path):
    expected = [(name, exercises.load(name).STUB.strip()) for name in NAMES]
    for path in (PAGE, written(tmp_path, page_notebook())):
        found = submissions.read(path)
        assert [(a.exercise, a.code.strip()) for a in found] == expected


def test_a_notebook_without_metadata_is_read_by_its_checks(tmp_path):
    notebook = page_notebook()
    notebook.metadata.clear()
    for cell in notebook.cells:
        cell.metadata.clear()
    found = {a.exercise: a.code for a in submissions.read(written(tmp_path, notebook))}
    assert list(found) == NAMES
    assert found[NAME].strip() == STUB


def test_added_cells_belong_to_the_answer_and_a_deleted_check_loses_none(tmp_path):
    notebook = page_notebook()
    at = next(
        i for i, c in enumerate(notebook.cells) if c.metadata.get("check") == NAME
    )
    notebook.cells[at] = nbformat.v4.new_code_cell("more = 2")
    found = {a.exercise: a.code for a in submissions.read(written(tmp_path, notebook))}
    assert list(found) == NAMES
    assert found[NAME] == f"{STUB}\n\nmore = 2"


def test_lines_for_ipython_are_left_out_and_a_modulo_is_not():
    assert submissions.runnable("%matplotlib inline\n!ls\nx = 1") == "\n\nx = 1"
    modulo = "x = (7\n  % 4)"
    assert submissions.runnable(modulo) == modulo


def test_saved_answers_are_read(tmp_path):
    path = saved_file(tmp_path, entry(), entry("radius_one", "y = 2", "other"))
    first, second = submissions.read(path)
    assert first == (NAME, "x = 1", "")
    assert second == ("radius_one", "y = 2", submissions.DIFFERENT_TEXT)


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_saved_answers_the_one_to_the_present_text_counts(tmp_path, order):
    entries = [entry(), entry(code="old", text="older")][::order]
    assert submissions.read(saved_file(tmp_path, *entries)) == [(NAME, "x = 1", "")]


@pytest.mark.parametrize(
    ("suffix", "text", "message"),
    [
        (".txt", "x", "is none of .ipynb, .md, .json"),
        (".ipynb", "{", "is no notebook"),
        (".ipynb", "[]", "is no notebook"),
        (".ipynb", '{"cells": 3, "nbformat": 4, "nbformat_minor": 5}', "no notebook"),
        (".md", "# A title", "holds no answer"),
        (".md", "---\n: [\n---\n", "is no notebook"),
        (".json", "{", "is not JSON"),
        (".json", "[" * 100_000, "is not JSON"),
        (".json", "[1]", "was not saved by a page of this book"),
        (".json", '{"format": "unrolled answers"}', "by a newer edition"),
    ],
)
def test_a_file_without_answers_is_named_in_one_line(tmp_path, suffix, text, message):
    path = tmp_path / f"answers{suffix}"
    path.write_text(text, "utf-8")
    with pytest.raises(submissions.Unreadable, match=message) as raised:
        submissions.read(path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("answers", [None, 3, [3], [{"exercise": NAME}]])
def test_a_damaged_list_of_answers_is_said(tmp_path, answers):
    with pytest.raises(submissions.Unreadable, match="list of answers cannot be read"):
        submissions.read(saved_file(tmp_path, answers=answers))


def test_what_is_no_text_is_said(tmp_path):
    path = tmp_path / "answers.md"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(submissions.Unreadable, match="is not text in UTF-8"):
        submissions.read(path)


@pytest.mark.parametrize("text", ["", "x = 1", "é😀\n", STUB])
def test_the_hash_of_a_text_is_the_pages_own(text):
    program = (
        'import { hash } from "./book/_live/kept.js";'
        "console.log(hash(JSON.parse(process.argv[1])));"
    )
    node = shutil.which("node") or pytest.skip("there is no Node")
    command = [node, "--input-type=module", "-e", program, json.dumps(text)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert submissions.text_hash(text) == done.stdout.strip()
