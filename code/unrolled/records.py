"""Recorded results: numbers measured once, with everything needed to repeat and to doubt them.

A record is a small JSON file in ``results/``: what ran, on which device, with which versions, seed
and settings, on what date and commit, and a hash of the code it ran. When that code changes, the
record is stale, and every page that quotes it says so.
"""

import ast
import hashlib
import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from unrolled.files import write_whole

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "results"


def load(name):
    """Returns a record as a dictionary.

    Args:
        name: path below ``results/`` without the ending, such as ``language_model``.

    Raises:
        FileNotFoundError: no such record; the message says how to make it.
        ValueError: not a record.
    """
    path = FOLDER / f"{name}.json"
    if not path.is_file():
        verb = "make gpu" if name.startswith("gpu/") else "make results"
        raise FileNotFoundError(f"no record {name}: {verb} writes results/{name}.json")
    try:
        record = json.loads(path.read_text("utf-8"))
        record["code_hash"], record["results"]
    except (json.JSONDecodeError, KeyError, TypeError):
        raise ValueError(f"results/{name}.json is not a record; make results writes it") from None
    return record


class Code(NamedTuple):
    """Files, and what they were when they began to run."""

    paths: tuple[str, ...]
    hash: str

    @classmethod
    def now(cls, *paths):
        """Returns the Code of some files; call it at the top of a script, before it runs."""
        return cls(tuple(sorted(paths)), code_hash(paths))


def write(
    name, results, *, code, settings, seed, device=None, packages=("numpy",), elsewhere=None,
    commit=None, folder=None,
):  # fmt: skip
    """Writes a record, whole or not at all.

    Args:
        name: path below ``results/`` without the ending.
        results: what was measured; anything JSON can hold.
        code: the Code it depends on.
        settings: sizes, rates, budgets.
        seed: the seed, or a list of them.
        device: what it ran on; this machine's processor if None.
        packages: names whose versions are noted, besides Python's.
        elsewhere: {name: version} of packages that took part in an environment of their own.
        commit: of the code, where there is no git to ask.
        folder: where to, if not ``results/``.

    Returns:
        The path written.
    """
    record = {
        "name": name,
        "date": datetime.now(UTC).date().isoformat(),
        "commit": commit or _commit(),
        "device": device or cpu(),
        "versions": {"python": platform.python_version()}
        | {p: _version(p) for p in packages}
        | (elsewhere or {}),
        "seed": seed,
        "settings": settings,
        "code": list(code.paths),
        "code_hash": code.hash,
        "results": results,
    }
    path = (FOLDER if folder is None else Path(folder)) / f"{name}.json"
    write_whole(path, json.dumps(record, indent=1, allow_nan=False) + "\n")
    return path


def is_stale(record):
    """Tells whether the code that a record depends on has changed since."""
    try:
        return code_hash(record["code"]) != record["code_hash"]
    except FileNotFoundError:
        return True


def code_hash(paths):
    """Returns a hash of what scripts do, and what they reach in the package.

    Comments, docstrings and layout do not count; neither does a definition of the package that is
    never named in the scripts or in what they reach: a record of training with Adam does not
    become stale when SGD changes, or when a module gets one more function. What is called by a
    name that is put together at run time is not seen.

    Args:
        paths: files, from the repository's root. Those below ``code/`` are the package, of which
            only what is reached counts; all others, scripts and data, count whole.
    """
    pieces = [piece for path in sorted(paths) for piece in _pieces(path)]
    named: set[str] = set()
    while True:
        reached = [p for p in pieces if not p.defines or p.defines & named]
        more = set().union(*(p.names for p in reached)) - named
        if not more:
            break
        named |= more
    digest = hashlib.sha256()
    for piece in reached:
        digest.update(f"{piece.path}\n{piece.meaning}\n".encode())
    return digest.hexdigest()[:16]


class _Piece(NamedTuple):
    """A statement: what it defines (if nothing, it always counts) and which names it uses."""

    path: str
    meaning: str
    defines: frozenset[str]
    names: frozenset[str]


def _pieces(path):
    """Yields the statements of a Python file in order; of another file its content as one piece."""
    if not path.endswith(".py"):
        content = hashlib.sha256((ROOT / path).read_bytes()).hexdigest()
        yield _Piece(path, content, frozenset(), frozenset())
        return
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    _drop_strings(tree)
    is_script = not path.startswith("code/")
    for statement in tree.body:
        for part in _parts(statement):
            nodes = list(ast.walk(part))
            yield _Piece(
                path,
                ast.unparse(part),
                frozenset() if is_script else frozenset(_defined(part)),
                frozenset(
                    [n.id for n in nodes if isinstance(n, ast.Name)]
                    + [n.attr for n in nodes if isinstance(n, ast.Attribute)]
                    + [n.name for n in nodes if isinstance(n, ast.alias)]
                ),
            )


def _parts(statement):
    """Returns one import for each imported name; other statements as they are."""
    if isinstance(statement, ast.Import):
        return [ast.Import([name]) for name in statement.names]
    if isinstance(statement, ast.ImportFrom):
        module, level = statement.module, statement.level
        return [ast.ImportFrom(module, [name], level) for name in statement.names]
    return [statement]


def _defined(statement):
    """Returns the names that a statement at the top of a module defines."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [statement.name]
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return [(name.asname or name.name).partition(".")[0] for name in statement.names]
    if isinstance(statement, ast.Assign | ast.AnnAssign):
        stored = (n for n in ast.walk(statement) if isinstance(n, ast.Name))
        return [n.id for n in stored if isinstance(n.ctx, ast.Store)]
    return []


def _drop_strings(tree):
    """Takes docstrings, and other strings that stand alone, out of a tree."""
    for node in ast.walk(tree):
        for block in ("body", "orelse", "finalbody"):
            statements = getattr(node, block, None)
            if isinstance(statements, list) and statements:
                kept = [statement for statement in statements if not _is_string(statement)]
                setattr(node, block, kept or [ast.Pass()])


def _is_string(statement):
    return (
        isinstance(statement, ast.Expr)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, str)
    )


def cpu():
    """Returns the processor's name and the number of cores that may be used."""
    name = platform.processor() or platform.machine()
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    except OSError:
        pass
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{name}, {cores} cores"


def _commit():
    try:
        return subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        ).stdout.strip()  # fmt: skip
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def is_installed(package):
    """Tells whether a package is installed, under the name it was installed by."""
    return _version(package) != "not installed"


def _version(package):
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
