"""Every exercise: stub and wrong answers fail, each with its own message; the solution passes.

The same answers are typed into the page's own editor by test_live_page.py.
"""

import ast
import importlib
import re
import subprocess
import sys

import pytest

from book._ext.live import exercise_pages
from book._ext.source import drawn_cells
from tests.exercises.attempt import all_wrong_attempts, wrong_attempts
from tests.support.paths import ROOT
from unrolled import exercises
from unrolled.exercises import judging

NAMES = exercises.names()
SOFTMAX = "softmax_over_the_wrong_axis"
ATTEMPTS = all_wrong_attempts()


def verdict(name, code):
    """What the reader is told of a cell with this code."""
    answers = {"__name__": "__main__"}
    exec(compile(code, "<the reader's cell>", "exec"), answers)
    return exercises.judge(name, answers)


@pytest.mark.parametrize("name", NAMES)
def test_the_stub_fails_and_says_what_to_do(name):
    found = verdict(name, exercises.load(name).STUB)
    assert not found.passed
    assert found.message.startswith("Not yet. ")


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_cell_is_told_what_to_define(name):
    found = exercises.judge(name, {})
    assert not found.passed
    assert re.search(r"Define|Set", found.message), found.message


@pytest.mark.parametrize(
    ("name", "attempt"), ATTEMPTS, ids=[f"{n}-{a.says[:40]}" for n, a in ATTEMPTS]
)
def test_a_wrong_answer_fails_with_its_message(name, attempt):
    found = verdict(name, attempt.text(exercises.load(name).SOLUTION))
    assert not found.passed, found.message
    assert attempt.says in found.message


@pytest.mark.parametrize("name", NAMES)
def test_two_mistakes_at_least_are_known_and_told_apart(name):
    says = [attempt.says for attempt in wrong_attempts(name)]
    assert len(set(says)) == len(says) >= 2


@pytest.mark.parametrize("name", NAMES)
def test_the_solution_passes(name):
    found = verdict(name, exercises.load(name).SOLUTION)
    assert found.passed, found.message
    assert found.message.startswith("Right. ")


@pytest.mark.parametrize("name", NAMES)
def test_an_exercise_is_complete(name):
    exercise = exercises.load(name)
    assert exercise.KIND in exercises.KIND_LABELS
    assert exercise.LEVEL in (1, 2, 3)
    assert 2 <= exercise.MINUTES <= 240
    assert (ROOT / "book" / f"{exercise.CHAPTER}.md").is_file()
    assert exercise.HINTS and all(len(hint.strip()) > 20 for hint in exercise.HINTS)
    assert len(exercise.TEXT.strip()) > 80
    assert len(exercise.COMMENT.strip()) > 80
    for code in (exercise.STUB, exercise.SOLUTION):
        ast.parse(code)
        assert max(map(len, code.splitlines())) <= 88


def test_no_exercise_file_is_left_out_and_no_list_of_wrong_answers():
    for part, names in exercises.PARTS.items():
        folder = ROOT / "code/unrolled/exercises" / part
        files = {path.stem for path in folder.glob("*.py")} - {"__init__"}
        assert files == set(names)
        if names:
            assert set(importlib.import_module(f"tests.exercises.{part}").WRONG) == set(
                names
            )


def test_the_pages_are_what_the_modules_say():
    written = {
        path: path.read_text("utf-8") for path in (ROOT / "book/exercises").glob("*.md")
    }
    assert written == exercise_pages.pages(ROOT)


def test_a_page_that_drifted_is_found(tmp_path, monkeypatch, capsys):
    from book._ext.evidence import draw

    (tmp_path / "book/exercises").mkdir(parents=True)
    assert draw.main([], tmp_path) == 0
    assert draw.main(["--check"], tmp_path) == 0
    page = next((tmp_path / "book/exercises").glob("*.md"))
    page.write_text(page.read_text("utf-8") + "drift\n", "utf-8")
    capsys.readouterr()
    assert draw.main(["--check"], tmp_path) == 1
    assert f"book/exercises/{page.name} is not what" in capsys.readouterr().out


def test_stubs_and_solutions_are_clean_code(tmp_path):
    for name in NAMES:
        (tmp_path / f"{name}_solution.py").write_text(
            exercises.load(name).SOLUTION.lstrip()
        )
    command = [
        sys.executable,
        "-m",
        "ruff",
        "check",
        "--config",
        str(ROOT / "pyproject.toml"),
    ]
    ignored = ["--ignore", "D,B018", str(tmp_path)]
    done = subprocess.run([*command, *ignored], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_each_cell_of_a_page_runs_its_stub(tmp_path):
    for part in exercise_pages.parts():
        found = [
            cell["body"].strip()
            for cell in drawn_cells.FENCE.finditer(exercise_pages.page(part))
        ]
        for name in exercises.PARTS[part]:
            assert exercises.load(name).STUB.strip() in found


def test_code_that_raises_is_named_with_its_line():
    found = verdict(SOFTMAX, "def softmax(u):\n    return u / {}['rows']\n")
    assert found.message == (
        "Not yet. Your code raises KeyError: 'rows' (in `softmax`, line 2 of the cell)."
    )


def test_an_error_inside_the_package_is_laid_at_the_readers_line():
    code = (
        "from unrolled.cells import rnn\n\n\ndef softmax(u):\n"
        "    return rnn.forward(rnn.Params(u, u, u), u)\n"
    )
    assert "(in `softmax`, line 5 of the cell)" in verdict(SOFTMAX, code).message


def test_an_error_inside_the_standard_library_is_laid_at_the_readers_line():
    code = "import json\n\n\ndef softmax(u):\n    return json.loads('{')\n"
    assert "(in `softmax`, line 5 of the cell)" in verdict(SOFTMAX, code).message
    code = "def softmax(u):\n    import no_such_module.at_all\n"
    assert "(in `softmax`, line 2 of the cell)" in verdict(SOFTMAX, code).message


def test_hints_and_solutions_are_printed(capsys):
    name = SOFTMAX
    exercises.hint(name)
    exercises.hint(name, 2)
    exercises.solution(name)
    exercise = exercises.load(name)
    printed = capsys.readouterr().out
    assert printed == (
        f"{exercise.HINTS[0]}\n{exercise.HINTS[1]}\n"
        f"{exercise.SOLUTION.strip()}\n\n{exercise.COMMENT.strip()}\n"
    )
    exercises.check(name, {})
    assert capsys.readouterr().out.startswith("Not yet. Define a function")


def test_a_name_or_a_hint_that_is_not_there_is_said():
    with pytest.raises(ValueError, match="no exercise is named 'sofmax'"):
        exercises.load("sofmax")
    with pytest.raises(ValueError, match="has hints 1 to 2, and none of number 3"):
        exercises.hint(SOFTMAX, 3)


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (None, "Set `x` to a number."),
        (..., "Set `x` to a number."),
        ("three", "should be a number; it is 'three'"),
        ([1.0, 2.0], "should be one finite number"),
        (float("nan"), "should be one finite number"),
    ],
)
def test_what_is_no_number_is_said(found, message):
    with pytest.raises(judging.Wrong, match=re.escape(message)):
        judging.number({"x": found}, "x")


def test_a_number_in_any_wrapping_is_taken():
    assert judging.number({"x": [[0.25]]}, "x") == 0.25


def test_a_choice_is_answered_with_what_speaks_against_it():
    why_not = {"a": "a grows", "c": "c is for later"}
    judging.choice({"x": " B "}, "x", why_not, "b")
    with pytest.raises(judging.Wrong, match="c is for later"):
        judging.choice({"x": "c"}, "x", why_not, "b")
    for nothing in ({}, {"x": 3}, {"x": "d"}):
        with pytest.raises(judging.Wrong, match='Set `x` to one of "a", "b", "c".'):
            judging.choice(nothing, "x", why_not, "b")


@pytest.mark.parametrize(
    ("found", "message"),
    [
        ([[1.0, 2.0]], "y has shape (1, 2); it should have (2,)"),
        ([1.0, float("inf")], "y holds NaN or infinity"),
        (["a", "b"], "y should be an array of numbers"),
    ],
)
def test_what_is_no_array_is_said(found, message):
    with pytest.raises(judging.Wrong, match=re.escape(message)):
        judging.array(found, (2,), "y")


def test_close_is_relative_to_the_largest_entry():
    assert judging.is_close([1e6, 1.0], [1e6 + 1e-3, 1.0])
    assert not judging.is_close([1.0, 2.0], [1.0, 2.0 + 1e-7])
    assert not judging.is_close([1.0], [1.0, 1.0])
    with pytest.raises(judging.Wrong, match="too far"):
        judging.close([1.0], [1.1], "too far")
