"""Build the book: `python -m book._ext.build.build`. The result is _build/html.

What is there already is not made again: npm's packages by their lock, cells whose code has not
changed, pages that have not changed. --fresh throws all of that away and executes everything, for a
release.
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

from book._ext.build.unfinished import clear
from book._ext.live import kept_parts, live_files

ROOT = Path(__file__).resolve().parents[3]
BUILD = ROOT / "_build"

# Cells print no colours, no banner of TensorFlow and no progress bars.
QUIET = {
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",  # as in JupyterLab
    "NO_COLOR": "1",
    # the same sums, to the bit, whatever the number of cores
    "OPENBLAS_NUM_THREADS": "1",
    "PYTHONHASHSEED": "0",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    "SOURCE_DATE_EPOCH": "1767225600",  # a fixed day in the year of the copyright
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "CUDA_VISIBLE_DEVICES": "-1",
    "TQDM_DISABLE": "1",
}


class BuildError(Exception):
    """The build cannot go on; the message says why in one line."""


def npm_packages(root: Path) -> None:
    """Install what package-lock.json names, unless that very lock is installed."""
    lock = (root / "package-lock.json").read_bytes()
    stamp = root / "node_modules" / ".lock-installed"
    digest = hashlib.sha256(lock).hexdigest()
    if stamp.is_file() and stamp.read_text() == digest:
        return
    print("Installing the site's npm packages", flush=True)
    done = subprocess.run(
        [script("npm"), "ci", "--no-audit", "--no-fund"],
        cwd=root,
        capture_output=True,
        text=True,
        env=os.environ | node_path(),
    )
    if done.returncode:
        raise BuildError(f"npm ci failed:\n{done.stderr.strip()}")
    stamp.write_text(digest)


def script(name: str) -> str:
    """Return a command that was installed beside the running Python."""
    return str(Path(sys.executable).parent / name)


def node_path() -> dict[str, str]:
    """Return a PATH on which the locked node comes first."""
    return {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    }


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


def run_sphinx(
    root: Path,
    environment: dict[str, str] | None = None,
    lock: int | None = None,
    builder: str = "html",
) -> list[str]:
    """Run Jupyter Book with warnings as errors; return the lines that say what went wrong."""
    command = [script("jupyter-book"), "build", str(root), "-W", "-n", "--keep-going"]
    if builder != "html":
        command += ["--builder", "custom", "--custom-builder", builder]
    problems: list[str] = []
    with subprocess.Popen(
        command,
        cwd=root,
        env=os.environ | node_path() | QUIET | (environment or {}),
        text=True,
        encoding="utf-8",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=[lock] if lock is not None else [],
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            line = re.sub(r"\x1b\[[0-9;]*m", "", line).rstrip()
            # Sphinx redraws its progress on one line; what counts is the end of each.
            line = line.rpartition("\r")[2]
            if re.search(r"\b(WARNING|ERROR|CRITICAL)\b(?! \|)|[A-Z]\w+Error\b", line):
                problems.append(line)
            if line:
                print(line, flush=True)
    if process.returncode and not problems:
        problems.append(f"jupyter-book ended with exit status {process.returncode}")
    return problems if process.returncode else []


def build(fresh: bool = False) -> None:
    """Build the whole book; raise BuildError with the causes when anything is wrong."""
    with alone(BUILD) as lock:
        npm_packages(ROOT)
        try:
            live_files.prepare()
        except kept_parts.LiveError as error:
            raise BuildError(str(error)) from None
        unfinished = BUILD / ".unfinished"
        if fresh:
            for name in ("html", ".doctrees", ".jupyter_cache", "jupyter_execute"):
                shutil.rmtree(BUILD / name, ignore_errors=True)
        elif unfinished.exists():
            clear(BUILD)
        unfinished.touch()
        problems = run_sphinx(ROOT, lock=lock)
        if problems:
            causes = "\n".join(f"  {line.replace(f'{ROOT}/', '')}" for line in problems)
            raise BuildError(f"The book did not build:\n{causes}")
        unfinished.unlink()


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


def main(arguments: list[str]) -> int:
    """Run the build; return the exit status."""
    if arguments not in ([], ["--fresh"]):
        print("usage: build.py [--fresh]", file=sys.stderr)
        return 2

    def work() -> str:
        build(fresh="--fresh" in arguments)
        return "The book is in _build/html; `make serve` serves it."

    return status(work, "the next build begins where it is safe")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
