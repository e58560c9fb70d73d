"""```{checked} exercises``` and ```{checked} planted```: wrong answers and planted errors."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from pathlib import Path

from docutils import nodes

from book._ext.evidence.suite_run import Found, found, outcome
from book._ext.live import available_modules
from book._ext.report.book import Book
from book._ext.report.tables import Row, sentence, table, word

EXERCISES = "tests/exercises/test_exercises.py"
SOLUTION, WRONG = (
    "test_the_solution_passes",
    "test_a_wrong_answer_fails_with_its_message",
)
IN_THE_PAGE = (
    "tests/website/test_live_page.py",
    "test_every_exercise_is_judged_in_the_page",
)


def wrong_answers(root: Path, part: str) -> dict[str, int]:
    """Return how many wrong answers tests/exercises/PART.py has to each exercise."""
    path = root / f"tests/exercises/{part}.py"
    for node in ast.parse(path.read_text("utf-8")).body if path.is_file() else ():
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "WRONG":
            answers = node.value
            assert isinstance(answers, ast.Dict)
            return {
                ast.literal_eval(key): len(value.elts)
                for key, value in zip(answers.keys, answers.values, strict=True)
                if key is not None and isinstance(value, ast.List)
            }
    return {}


def the_exercises(book: Book) -> list[nodes.Node]:
    """Solutions that pass and wrong answers that are refused, natively and in the page."""
    from unrolled import exercises

    parts = {part: names for part, names in exercises.PARTS.items() if names}
    in_page = found(book.run, *IN_THE_PAGE)
    # part -> how many solutions, wrong answers and exercises in the page; and how many came right
    there, right = {}, {}
    for part, names in parts.items():
        in_browser = [
            n for n in names if needs_nothing(f"unrolled.exercises.{part}.{n}", book)
        ]
        answers = sum(wrong_answers(book.root, part).values())
        there[part] = (len(names), answers, len(in_browser))
        is_judged = f"[{part}]" not in (*in_page.failed, *in_page.skipped)
        lost = [
            not_passed(found(book.run, EXERCISES, t), names) for t in (SOLUTION, WRONG)
        ]
        right[part] = (
            len(names) - lost[0],
            answers - lost[1],
            len(in_browser) * is_judged,
        )
    ran = [number_of(found(book.run, EXERCISES, test)) for test in (SOLUTION, WRONG)]
    every, passed = (
        [sum(of) for of in zip(*d.values(), strict=True)] for d in (there, right)
    )
    is_known = [
        ran[0] == every[0],
        ran[1] == every[1],
        number_of(in_page) == len(parts),
    ]

    def row(of: Sequence[int], good: Sequence[int]) -> list[str]:
        return [
            f"{g} of {n}" if known else f"not run, of {n}"
            for n, g, known in zip(of, good, is_known, strict=True)
        ]

    rows: list[Row] = []
    for part in parts:
        page = f"book/exercises/{part.replace('_', '-')}"
        link = book.page(page) if page in book.app.env.titles else nodes.Text(part)
        rows.append([link, *row(there[part], right[part])])
    rows.append(["all", *row(every, passed)])
    heads = ["exercises", "solutions", "wrong answers", "in the page"]
    caption = (
        "Solutions that pass, wrong answers refused, exercises judged in the page too"
    )
    passing, refused, judged = row(every, passed)
    line = (
        f"Solutions that passed: {passing}; wrong answers refused: {refused}; "
        f"exercises judged in the page too: {judged}."
    )
    return [sentence(line, "checked-count"), table(caption, heads, rows)]


def needs_nothing(module: str, book: Book) -> bool:
    """Tell whether an exercise can be run in the page."""
    return module not in available_modules.lacking(book.root)


def number_of(of_test: Found) -> int:
    """Return how many cases of a test were run or skipped."""
    return of_test.passed + len(of_test.failed) + len(of_test.skipped)


def not_passed(of_test: Found, names: Sequence[str]) -> int:
    """Return how many cases of these exercises did not pass."""
    return sum(
        case.startswith((f"[{name}]", f"[{name}-"))
        for case in (*of_test.failed, *of_test.skipped)
        for name in names
    )


def the_planted(book: Book) -> list[nodes.Node]:
    """Errors planted by tests, and whether they were found."""
    rows: list[Row] = []
    total = passed = 0
    for file, functions in sorted(book.run["tests"].items() if book.run else ()):
        tests = [name for name in functions if "planted" in name]
        of_tests = [found(book.run, file, name.rpartition("::")[2]) for name in tests]
        if tests:
            number = sum(number_of(one) for one in of_tests)
            total += number
            passed += sum(one.passed for one in of_tests)
            rows.append([book.file(file), str(number), word(outcome(of_tests))])
    if not rows:
        return [sentence("No planted error is in the recorded run.", "not-yet")]
    rows.append(["all", str(total), ""])
    heads = ["file", "errors", "found"]
    line = f"Planted errors that the tests found in the last run: {passed} of {total}."
    return [
        sentence(line, "checked-count"),
        table("Errors planted by the tests", heads, rows),
    ]
