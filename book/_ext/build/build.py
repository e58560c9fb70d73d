"""Build the book: `python -m book._ext.build.build`. The result is _build/html.

What is there already is not made again: npm's packages by their lock, cells whose code has not
changed, pages that have not changed. Where nothing has changed at all, nothing is run. --fresh
throws all of that away and executes everything, for a release.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from sphinx.errors import ExtensionError

from book._ext.build import faulty
from book._ext.live import live_files
from book._ext.source import changes, node

ROOT = Path(__file__).resolve().parents[3]
BUILD = ROOT / "_build"

# What an interrupted build may leave half done, and what a fresh one begins without as well.
HALF_DONE, EVERYTHING = (".doctrees", "jupyter_execute"), ("html", "executed")

# Cells print no colours, no banner of TensorFlow and no progress bars.
QUIET = {
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",  # as in JupyterLab
    "NO_COLOR": "1",
    # the same sums, to the bit, whatever the number of cores
    "OPENBLAS_NUM_THREADS": "1",
    # TensorFlow's threads wait for one another in a busy loop: a fifth of a page's time
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    # Python keeps what it compiles, also in a container that forbids it. Otherwise each page would
    # compile all that it imports again, which takes 2 seconds, and 7 seconds with TensorFlow.
    "PYTHONDONTWRITEBYTECODE": "",
    "PYTHONHASHSEED": "0",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    "SOURCE_DATE_EPOCH": "1767225600",  # a fixed day in the year of the copyright
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "CUDA_VISIBLE_DEVICES": "-1",
    "TQDM_DISABLE": "1",
}


# A line of what Sphinx prints that says what went wrong.
PROBLEM = r"\b(WARNING|ERROR|CRITICAL)\b(?! \|)|[A-Z]\w+Error\b|finished with problems"


class BuildError(Exception):
    """The build cannot go on; the message says why in one line."""


def npm_packages(root: Path) -> None:
    """Install what package-lock.json names, unless that very lock is installed."""
    lock = (root / "package-lock.json").read_bytes()
    packages = root / "node_modules"
    stamp = packages / ".lock-installed"
    digest = hashlib.sha256(lock).hexdigest()
    if stamp.is_file() and stamp.read_text() == digest:
        return
    if packages.is_symlink():
        raise BuildError(
            "node_modules is a link, and npm would empty the folder that it leads to:"
            " remove the link, and build again"
        )
    print("Installing the site's npm packages", flush=True)
    done = subprocess.run(
        [Path(sys.executable).with_name("npm"), "ci", "--no-audit", "--no-fund"],
        cwd=root,
        capture_output=True,
        text=True,
        env=node.environment(),
    )
    if done.returncode:
        raise BuildError(f"npm ci failed:\n{done.stderr.strip()}")
    stamp.write_text(digest)


@contextlib.contextmanager
def alone(build: Path) -> Iterator[int]:
    """Hold the build's lock, which ends with its process; a second build says that it waits.

    Yields the lock's number, for a process that would go on if this one were killed.
    """
    build.mkdir(exist_ok=True)
    with open(build / ".lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print("Another build is running here: waiting for it to end", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield lock.fileno()


def arguments(root: Path, builder: str = "html") -> list[str]:
    """Return the arguments of jupyter-book: warnings are errors, but do not end the build."""
    found = ["build", str(root), "-W", "-n", "--keep-going"]
    if builder != "html":
        found += ["--builder", "custom", "--custom-builder", builder]
    return found


class Output:
    """What a build prints, line by line, and which of the lines say what went wrong."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.terminal = sys.stdout

    def show(self, line: str) -> None:
        """Print a line."""
        line = re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip()
        # Sphinx redraws its progress on one line; what counts is the end of each.
        line = line.rpartition("\r")[2]
        if re.search(PROBLEM, line):
            self.problems.append(line)
        if line:
            print(line, file=self.terminal, flush=True)


def run_sphinx(
    root: Path,
    environment: dict[str, str] | None = None,
    lock: int | None = None,
    builder: str = "html",
) -> list[str]:
    """Run Jupyter Book; return the lines that say what went wrong."""
    output = Output()
    with subprocess.Popen(
        [sys.executable, "-m", "book._ext.build.command", *arguments(root, builder)],
        cwd=root,
        env=os.environ | QUIET | (environment or {}),
        text=True,
        encoding="utf-8",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=[lock] if lock is not None else [],
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            output.show(line)
    if process.returncode and not output.problems:
        output.show(f"ERROR: jupyter-book ended with status {process.returncode}")
    return output.problems if process.returncode else []


def build(fresh: bool = False, sphinx: Callable[..., list[str]] = run_sphinx) -> None:
    """Build the whole book; raise BuildError with the causes when anything is wrong."""
    with alone(BUILD) as lock:
        npm_packages(ROOT)
        made_from = changes.sources(ROOT)
        if changes.is_built(ROOT, made_from) and not fresh:
            return
        try:
            live_files.prepare()
        except ExtensionError as error:
            raise BuildError(str(error)) from None
        unfinished = BUILD / ".unfinished"
        # A page that was read with a warning would pass unread the next time, and a figure is not
        # written again where a file of its name is.
        if fresh or unfinished.exists():
            for name in HALF_DONE + EVERYTHING * fresh:
                shutil.rmtree(BUILD / name, ignore_errors=True)
        unfinished.touch()
        problems = sphinx(ROOT, lock=lock)
        if problems:
            if faulty.note(ROOT, problems):
                unfinished.unlink()
            causes = "\n".join(f"  {line.replace(f'{ROOT}/', '')}" for line in problems)
            raise BuildError(f"The book did not build:\n{causes}")
        unfinished.unlink()
        faulty.forget(ROOT)
        changes.note_built(ROOT, made_from)


def status(work: Callable[[], str], interrupted: str) -> int:
    """Do a command's work and print what it returns, or in one line why not; return the status."""
    try:
        print(work())
    except BuildError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"\nInterrupted; {interrupted}", file=sys.stderr)
        return 130
    return 0


def main(arguments: list[str], sphinx: Callable[..., list[str]] = run_sphinx) -> int:
    """Run the build; return the exit status."""
    if arguments not in ([], ["--fresh"]):
        print("usage: build.py [--fresh]", file=sys.stderr)
        return 2

    def work() -> str:
        build("--fresh" in arguments, sphinx)
        return "The book is in _build/html; `make serve` serves it."

    return status(work, "the next build begins where it is safe")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
