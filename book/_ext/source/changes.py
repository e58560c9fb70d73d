"""Whether files have changed: those that the site is made from, and those that it consists of.

A file counts as changed when its size or the time of its last change has, as for `make`. What was
computed from files that have not changed is remembered in _build/remembered.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from book._ext.source import repository
from unrolled.files import write_whole

SOURCES = ("book", "code", "experiments", "results", "tests", "envs")
MADE = ("_build/html", "_build/live", "_build/forms")

MACHINERY = Path(__file__).resolve().parents[1]

Files = dict[str, tuple[int, int]]


def _files(folder: Path) -> Iterator[os.DirEntry]:
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda entry: entry.name):
            if entry.name[0] == "." or entry.name == "__pycache__":
                continue
            if entry.is_dir():
                yield from _files(Path(entry.path))
            elif entry.is_file():
                yield entry


def files(folder: Path) -> Files:
    """Return the size and the time of the last change of every file under a folder."""
    found: Files = {}
    for entry in _files(folder) if folder.is_dir() else ():
        try:
            about = entry.stat()
        except FileNotFoundError:  # an editor's, gone again
            continue
        found[entry.path] = about.st_size, about.st_mtime_ns
    return found


def sources(root: Path) -> Files:
    """Return the files that a book is made from."""
    found: Files = {}
    for path in sorted(root.iterdir()):
        if path.is_file() and path.name[0] != ".":
            found[str(path)] = path.stat().st_size, path.stat().st_mtime_ns
    for name in SOURCES:
        found |= files(root / name)
    return found


def digest(found: Files) -> str:
    """Return a digest of files, of the site's machinery and of Python."""
    found = found | files(MACHINERY)
    return hashlib.sha256(f"{sys.version}\n{found}".encode()).hexdigest()


def stamp(root: Path, made_from: Files) -> str:
    """Return a digest of what a site was made from, and of the site; its address included."""
    found = dict(made_from)
    for name in MADE:
        found |= files(root / name)
    return f"{digest(found)} {repository.find(root).url}"


def is_built(root: Path, made_from: Files) -> bool:
    """Tell whether the last build was made from these sources, and is still as it was."""
    path = root / "_build/.built"
    return path.is_file() and path.read_text("utf-8") == stamp(root, made_from)


def note_built(root: Path, made_from: Files) -> None:
    """Note that the site is made from these sources, as they were when the build began."""
    (root / "_build/.built").write_text(stamp(root, made_from), "utf-8")


def remembered(
    root: Path, name: str, made_from: Files, compute: Callable[[], Any]
) -> Any:
    """Return what a function computes from files, as JSON holds it, or what it did last time."""
    path, key = root / f"_build/remembered/{name}.json", digest(made_from)
    try:
        known = json.loads(path.read_text("utf-8"))
        if known["key"] == key:
            return known["value"]
    except (OSError, ValueError, KeyError, TypeError):
        pass
    value = json.dumps(compute())
    write_whole(path, f'{{"key": "{key}", "value": {value}}}')
    return json.loads(value)
