"""What has changed for readers: the releases in CHANGELOG.md, the entries of the corrections page.

A release is a heading `## 1.2.0 (2026-12-31)`, and what is not released yet is `## Unreleased`. A
correction is a heading `### 2026-12-31: the title of a page`.
"""

from __future__ import annotations

import datetime
import re
import tomllib
from pathlib import Path
from typing import NamedTuple

UNRELEASED = "Unreleased"
CHANGELOG, CORRECTIONS = "CHANGELOG.md", "book/reference/corrections.md"
RELEASE = re.compile(r"(\d+\.\d+\.\d+\S*) \((\S+)\)")
CORRECTION = re.compile(r"(\S+): (.+)")


class MalformedError(ValueError):
    """A heading does not have its form; the message names it."""


class Change(NamedTuple):
    """A release or a correction: its name, its day (None if not yet released) and its text."""

    name: str
    day: datetime.date | None
    text: str


def _sections(text: str, level: int) -> list[tuple[str, str]]:
    """Return the headings of a level, each with the text that follows it."""
    marks = "#" * level
    parts = re.split(rf"^{marks} +(.+)$", text, flags=re.MULTILINE)
    bodies = [re.split(rf"^#{{1,{level}}} ", p, flags=re.MULTILINE)[0] for p in parts]
    return [(parts[i].strip(), bodies[i + 1].strip()) for i in range(1, len(parts), 2)]


def _day(text: str, heading: str) -> datetime.date:
    try:
        return datetime.date.fromisoformat(text)
    except ValueError:
        raise MalformedError(f"{heading!r} has no day like 2026-12-31") from None


def releases(root: Path) -> list[Change]:
    """Return what CHANGELOG.md lists, the newest first.

    Raises:
        MalformedError: a heading is not Unreleased, and not a number with a day.
    """
    found = []
    for heading, text in _sections((root / CHANGELOG).read_text("utf-8"), 2):
        if heading == UNRELEASED:
            found.append(Change(heading, None, text))
        elif known := RELEASE.fullmatch(heading):
            found.append(Change(known[1], _day(known[2], heading), text))
        else:
            raise MalformedError(f"{heading!r} in {CHANGELOG} is not '1.2.0 (day)'")
    return found


def corrections(root: Path) -> list[Change]:
    """Return the entries of the page of corrections, in its order.

    Raises:
        MalformedError: a heading of the third level is not a day and a page.
    """
    found = []
    for heading, text in _sections((root / CORRECTIONS).read_text("utf-8"), 3):
        known = CORRECTION.fullmatch(heading)
        if not known:
            raise MalformedError(f"{heading!r} in {CORRECTIONS} is not 'day: page'")
        found.append(Change(known[2], _day(known[1], heading), text))
    return found


def version(root: Path) -> str:
    """Return the version of the book, which is in pyproject.toml."""
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))["project"]
    return project["version"]
