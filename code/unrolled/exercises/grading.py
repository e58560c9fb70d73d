"""Grades a folder of answers: one row for each answer of each file, whatever the others do."""

import csv
import io
import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from unrolled import exercises, files
from unrolled.exercises import isolation, submissions


class Row(NamedTuple):
    """A line of the table; a file that cannot be read has one line without an exercise."""

    file: str
    exercise: str
    solved: str
    message: str
    seconds: str


class Task(NamedTuple):
    """An answer to run, or the reason why there is none."""

    file: str
    answer: submissions.Answer
    trouble: str = ""


def tasks(paths: Iterable[Path], folder: Path) -> Iterator[Task]:
    """Yields the answers of files, and the trouble with those that cannot be read."""
    for path in paths:
        name = path.relative_to(folder).as_posix()
        nothing = submissions.Answer("", "")
        try:
            answers = submissions.read(path)
        except submissions.Unreadable as error:
            yield Task(name, nothing, f"Not read: {error}.")
            continue
        for answer in answers:
            is_known = answer.exercise in exercises.names()
            trouble = "" if is_known else f"Not checked: {submissions.OLDER}."
            yield Task(name, answer, trouble)


def graded(task: Task, limits: isolation.Limits, wrapper: list[str] | None) -> Row:
    """Returns the line of a task."""
    name = task.answer.exercise
    if task.trouble:
        return Row(task.file, name, "no", task.trouble, "")
    found = isolation.run(name, task.answer.code, limits, wrapper)
    message = f"{found.message} {task.answer.note}".strip()
    solved = "yes" if found.solved else "no"
    return Row(task.file, name, solved, message, f"{found.seconds:.1f}")


def found_in(folder: Path) -> list[Path]:
    """Returns the files of a folder and of those inside it that may hold answers, in order.

    Raises:
        ValueError: there is no such folder, or nothing in it.
    """
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}")
    found = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix in submissions.SUFFIXES
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    if not found:
        suffixes = ", ".join(submissions.SUFFIXES)
        raise ValueError(f"there is no file of answers ({suffixes}) in {folder}")
    return found


def cores() -> int:
    """Returns the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # macOS and Windows do not have it
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def grade(
    paths: Iterable[Path],
    folder: Path,
    limits: isolation.Limits,
    wrapper: list[str] | None,
    workers: int | None = None,
) -> Iterator[Row]:
    """Yields the lines of files in their order, while as many answers run as there are processors.

    Args:
        paths: of the files.
        folder: to which the names of files are relative.
        limits: of each answer.
        wrapper: what `isolation.sandbox` returned.
        workers: how many answers run at a time.
    """
    with ThreadPoolExecutor(workers or cores()) as pool:
        yield from pool.map(
            lambda task: graded(task, limits, wrapper), tasks(paths, folder)
        )


def plain(text: str) -> str:
    """Returns a field that a spreadsheet does not take for a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def write(rows: Iterable[Row], path: Path) -> None:
    """Writes a table whole or not at all, with a heading."""
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(Row._fields)
    writer.writerows([plain(field) for field in row] for row in rows)
    files.write_whole(path, table.getvalue())
