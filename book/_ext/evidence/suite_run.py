"""The record of a run of the tests, which the page "How this book is checked" shows.

A run of the whole suite leaves it in _build/checks.json (tests/support/suite_recorder.py). `make
checks` keeps that of a green run of this very commit in results/checks.json, so that a fresh
clone's book has one to show.
"""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from unrolled.files import write_whole

ROOT = Path(__file__).resolve().parents[3]
LAST, KEPT = "_build/checks.json", "results/checks.json"
FOLDERS = ("book", "code", "experiments", "tests")
MADE = re.compile(
    r"/(node_modules|\.ipynb_checkpoints|\.pytest_cache|[^/]*\.egg-info)/"
)
# Suffixes of the files that people write.
WRITTEN = {".bib", ".css", ".html", ".js", ".md", ".mjs", ".py", ".svg", ".txt"}


class NoRun(Exception):
    """There is no run to keep; the message says why."""


class State(NamedTuple):
    """What a run was of: a commit, whether files differed from it, a hash for each folder."""

    commit: str
    changed: bool
    hashes: dict[str, str]


def hashes(root: Path) -> dict[str, str]:
    """Return a hash of what stands in each folder that the tests are about."""
    return {folder: _hash(root, root / folder) for folder in FOLDERS}


def _hash(root: Path, folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.suffix in WRITTEN and path.is_file() and not MADE.search(name):
            digest.update(name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def state(root: Path) -> State:
    """Return what a run that begins now is of; without git the commit is unknown."""
    commit = _git(root, "rev-parse", "--short=12", "HEAD")
    changed = _git(root, "status", "--porcelain")
    return State((commit or "unknown").strip(), bool(changed), hashes(root))


def _git(root: Path, *arguments: str) -> str | None:
    try:
        return subprocess.run(
            ["git", *arguments], cwd=root, capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return None


def load(path: Path) -> dict[str, Any] | None:
    """Return a record, or None where there is none of a whole run that can be read."""
    try:
        record = json.loads(path.read_text("utf-8"))
        return (
            record if record["whole"] and record["hashes"] and record["tests"] else None
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def changed_since(record: dict[str, Any], root: Path) -> list[str]:
    """Return the folders in which something has changed since the run."""
    now = hashes(root)
    return [folder for folder in FOLDERS if now[folder] != record["hashes"].get(folder)]


def shown(root: Path) -> dict[str, Any] | None:
    """Return the run that the book shows: the last one here, unless only the kept one is fresh."""
    found = [record for name in (LAST, KEPT) if (record := load(root / name))]
    return min(
        found, key=lambda record: bool(changed_since(record, root)), default=None
    )


def failures(record: dict[str, Any]) -> Iterator[str]:
    """Yield the tests that failed, as pytest names them."""
    for file, functions in record["tests"].items():
        for name, found in functions.items():
            if isinstance(found, dict):
                yield from (f"{file}::{name}{case}" for case in found.get("failed", []))


class Found(NamedTuple):
    """What a run found of one test function; the cases are those that did not pass."""

    passed: int
    failed: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()

    @property
    def outcome(self) -> str:
        """Return the worst word for it."""
        if self.failed:
            return "failed"
        return "skipped" if self.skipped else "passed" if self.passed else "not run"


NOT_RUN = Found(0)


def found(record: dict[str, Any] | None, file: str, test: str) -> Found:
    """Return what a run found of a test, in a class or not; NOT_RUN if it is not in the record."""
    functions = record["tests"].get(file, {}) if record else {}
    of_test = [
        value for name, value in functions.items() if name.rpartition("::")[2] == test
    ]
    return sum_of(Found(v) if isinstance(v, int) else _several(v) for v in of_test)


def _several(value: dict[str, Any]) -> Found:
    return Found(
        value["passed"], tuple(value.get("failed", ())), tuple(value.get("skipped", ()))
    )


def sum_of(several: Iterable[Found]) -> Found:
    """Return what was found of several tests as of one."""
    total = NOT_RUN
    for one in several:
        total = Found(
            total.passed + one.passed,
            total.failed + one.failed,
            total.skipped + one.skipped,
        )
    return total


def outcome(several: Iterable[Found]) -> str:
    """Return one word for several tests: the worst of theirs; that of none is "not run"."""
    words = {one.outcome for one in several} or {"not run"}
    return next(
        word for word in ("failed", "not run", "skipped", "passed") if word in words
    )


def keep(root: Path) -> dict[str, Any]:
    """Copy the last run's record to results/; raise NoRun if it is not one to be kept."""
    record = load(root / LAST)
    if record is None:
        raise NoRun(f"{LAST} holds no run of the whole suite: `make test` makes one")
    if failed := list(failures(record)):
        raise NoRun(f"the last whole run failed {len(failed)} tests, first {failed[0]}")
    now = state(root)
    if record["commit"] != now.commit:
        raise NoRun(
            f"the last whole run was of commit {record['commit']}, and this is {now.commit}: "
            "run `make test`"
        )
    if record["changed"]:
        raise NoRun(
            "the last whole run was of files that were not committed: commit, `make test`"
        )
    if since := changed_since(record, root):
        raise NoRun(
            f"{', '.join(since)} changed since the last whole run: run `make test`"
        )
    write_whole(root / KEPT, (root / LAST).read_bytes())
    return record


def main(root: Path = ROOT) -> int:
    """Keep the last run; return the exit status."""
    try:
        record = keep(root)
    except NoRun as error:
        print(f"Nothing is kept: {error}.", file=sys.stderr)
        return 1
    print(
        f"{KEPT}: {record['passed']:,} tests passed at {record['commit']}. Commit it."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
