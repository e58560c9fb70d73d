"""The fingerprint of a page: a digest of its cells and of everything that they can reach.

Cells reach the modules of the package and of experiments that they import, directly or through
another module, and the recorded results if they read any. The locked versions and the version of
Python count as well. A page is executed again when its fingerprint changes.
"""

from __future__ import annotations

import ast
import hashlib
import re
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from book._ext.evidence import record_roles
from book._ext.source import changes, drawn_cells

PACKAGES = {"unrolled": "code", "experiments": "."}


def fingerprint(page: str, root: Path) -> str:
    """Return a digest of everything that the outputs of a page, given as text, depend on."""
    digest = hashlib.sha256(sys.version.encode())
    for cell in drawn_cells.FENCE.finditer(page):
        may_fail = "raises-exception" in cell["head"]
        digest.update(f"{cell['body']}\0{may_fail}\0".encode())
    for path in [root / "requirements.lock", *sorted(reached(page, root))]:
        if path.is_file():
            name, stamp = path.relative_to(root).as_posix(), path.stat().st_mtime_ns
            digest.update(name.encode() + _hash(path, stamp))
    return digest.hexdigest()[:32]


@lru_cache(maxsize=4096)
def _hash(path: Path, stamp: int) -> bytes:
    return hashlib.sha256(path.read_bytes()).digest()


def reached(page: str, root: Path) -> set[Path]:
    """Return the files that the code cells of a page can reach."""
    waiting = []
    text = ""
    for cell in drawn_cells.FENCE.finditer(page):
        code = re.sub(r"^[%!].*$", "", cell["body"], flags=re.MULTILINE)
        waiting += _imported(code, root)
        text += code
    imports = _imports(root)
    files: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path not in files:
            files.add(path)
            waiting += map(Path, imports.get(str(path), ()))
    if "results" in text or "records.py" in {path.name for path in files}:
        results = (path for path in (root / "results").rglob("*") if path.is_file())
        files |= {path for path in results if path.name not in record_roles.OF_THE_BOOK}
    return files


def _imports(root: Path) -> dict[str, list[str]]:
    """Return for each file of our own packages the files of them that it imports."""
    found: changes.Files = {}
    for top, folder in PACKAGES.items():
        found |= changes.files(root / folder / top)
    return _remembered_imports(root, tuple(found.items()))


@lru_cache(maxsize=8)
def _remembered_imports(root: Path, found: tuple) -> dict[str, list[str]]:
    def compute() -> dict[str, list[str]]:
        paths = (Path(path) for path, _ in found if path.endswith(".py"))
        return {
            str(path): sorted({*map(str, _imported(path.read_text("utf-8"), root))})
            for path in paths
        }

    return changes.remembered(root, "imports", dict(found), compute)


def _imported(source: str, root: Path) -> Iterator[Path]:
    """Yield the files of our own packages that some Python imports; all, if it cannot be read."""
    names = _import_names(source)
    if names is None:
        for top, folder in PACKAGES.items():
            yield from (root / folder / top).rglob("*.py")
        return
    for name in names:
        top, *rest = name.split(".")
        if top in PACKAGES:
            path = root / PACKAGES[top] / top
            yield from _files(path)
            for part in rest:
                path = path / part
                yield from _files(path)
                if part == "exercises":  # which loads its members by their names
                    yield from path.rglob("*.py")


def _files(module: Path) -> list[Path]:
    return [
        p for p in (module.with_suffix(".py"), module / "__init__.py") if p.is_file()
    ]


def _import_names(source: str) -> tuple[str, ...] | None:
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return None
    names: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = (
                f"unrolled.{node.module or ''}".rstrip(".")
                if node.level
                else node.module
            )
            names += [str(module), *(f"{module}.{alias.name}" for alias in node.names)]
    return tuple(names)
