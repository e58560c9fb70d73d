"""Reads the answers that somebody hands in: a notebook, its Markdown, or a file saved by the page.

An answer is the text of the cells between a problem and its check. It runs alone, as in the page.
"""

import ast
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from unrolled import exercises
from unrolled.installed import missing

SUFFIXES = (".ipynb", ".md", ".json")
FORMAT = "unrolled answers"
VERSION = 1
LARGEST = 20_000_000  # bytes of a file
CHECK = re.compile(r"""^\s*check\(\s*["'](\w+)["']""", re.MULTILINE)
OLDER = "no exercise of this edition has this name; the file is of a different edition"
DIFFERENT_TEXT = "This answer was saved for a different text of the exercise."


class Answer(NamedTuple):
    """One answer of a file: the exercise, the code, and what the grader must be told of it."""

    exercise: str
    code: str
    note: str = ""


class Unreadable(ValueError):
    """A file from which no answer can be read; the message says why, in one line."""


def read(path: Path) -> list[Answer]:
    """Returns the answers of a file in the order of the file, the last one of each exercise.

    Raises:
        Unreadable: the file is no notebook, no Markdown notebook and no saved answers, or it holds
            no answer.
        ValueError: the package jupytext, which reads notebooks, is not installed.
    """
    if path.suffix not in SUFFIXES:
        raise Unreadable(f"{path.name} is none of {', '.join(SUFFIXES)}")
    try:
        if path.stat().st_size > LARGEST:
            raise Unreadable(f"{path.name} is larger than {LARGEST:,} bytes")
        text = path.read_text("utf-8")
    except OSError as error:
        raise Unreadable(f"{path.name} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Unreadable(f"{path.name} is not text in UTF-8") from None
    found = saved(text) if path.suffix == ".json" else of_notebook(text, path.suffix)
    if not found:
        raise Unreadable(f"{path.name} holds no answer to an exercise")
    return found


def of_notebook(text: str, suffix: str) -> list[Answer]:
    """Returns the answers of a notebook.

    A cell's metadata name its exercise. If a program has dropped the metadata, the call of `check`
    below the answer names it.

    Raises:
        Unreadable: the text is no notebook.
        ValueError: the package jupytext, which reads notebooks, is not installed.
    """
    try:
        import jupytext
    except ImportError:
        raise ValueError(missing("jupytext", "a notebook")) from None
    try:
        notebook = jupytext.reads(text, fmt="ipynb" if suffix == ".ipynb" else "myst")
        cells = [c for c in notebook.cells if c.cell_type == "code"]
    except Exception as error:  # whatever a damaged file makes the reader raise
        first_line = str(error).partition("\n")[0][:100]
        raise Unreadable(f"the file is no notebook: {first_line}") from None
    answers: dict[str, Answer] = {}
    current, sources = None, []
    for cell in cells:
        if named := cell.metadata.get("exercise"):
            if current:
                answers[current] = Answer(current, "\n\n".join(sources))
            current, sources = str(named), []
        call = CHECK.search(cell.source)
        checked = cell.metadata.get("check") or (call and call[1])
        if not checked or named:
            sources.append(runnable(cell.source))
            continue
        answers[str(checked)] = Answer(str(checked), "\n\n".join(sources))
        current, sources = None, []
    if current:
        answers[current] = Answer(current, "\n\n".join(sources))
    return list(answers.values())


def runnable(source: str) -> str:
    """Returns a cell without the lines that only IPython can run, and with as many lines."""
    try:
        ast.parse(source)
    except SyntaxError:
        return re.sub(r"^\s*[%!].*$", "", source, flags=re.MULTILINE)
    return source


def saved(text: str) -> list[Answer]:
    """Returns the answers of a file that *Save my answers* wrote.

    If it holds several answers to an exercise, the one to the present text counts.

    Raises:
        Unreadable: the text is no such file.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError):
        raise Unreadable("the file is not JSON: it is damaged or incomplete") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise Unreadable("the file was not saved by a page of this book")
    if content.get("version") != VERSION:
        raise Unreadable("the file was saved by a newer edition of this book")
    entries = content.get("answers")
    if not isinstance(entries, list) or not all(map(is_entry, entries)):
        raise Unreadable("the file is damaged: its list of answers cannot be read")
    answers: dict[str, Answer] = {}
    for entry in entries:
        name, code = entry["exercise"], entry["code"]
        is_present = name not in exercises.names() or entry["text"] == text_hash(
            exercises.load(name).STUB.strip()
        )
        if is_present or name not in answers or answers[name].note:
            note = "" if is_present else DIFFERENT_TEXT
            answers[name] = Answer(name, code, note)
    return list(answers.values())


def is_entry(entry: Any) -> bool:
    """Returns whether an entry of the list of answers has its three texts."""
    keys = ("exercise", "text", "code")
    return isinstance(entry, dict) and all(isinstance(entry.get(k), str) for k in keys)


def text_hash(text: str) -> str:
    """Returns the hash under which the page stores an edit of a text (book/_live/kept.js)."""
    a, b, mask = 0xDEADBEEF, 0x41C6CE57, 0xFFFFFFFF
    units = text.encode("utf-16-le")
    for low, high in zip(units[::2], units[1::2], strict=True):
        unit = low | high << 8
        a = (a ^ unit) * 2654435761 & mask
        b = (b ^ unit) * 1597334677 & mask
    a = ((a ^ a >> 16) * 2246822507 ^ (b ^ b >> 13) * 3266489909) & mask
    b = ((b ^ b >> 16) * 2246822507 ^ (a ^ a >> 13) * 3266489909) & mask
    number, digits = (b & 2097151) << 32 | a, ""
    while number:
        number, digit = divmod(number, 36)
        digits = "0123456789abcdefghijklmnopqrstuvwxyz"[digit] + digits
    return digits or "0"
