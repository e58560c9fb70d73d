"""Executed outputs that always follow the code.

myst-nb's execution cache knows a page's cells and nothing of what they import, so that a change in code/ would
leave old outputs standing. Here each page gets a fingerprint of what its cells can reach: the modules of the
package and of experiments that they import, directly or through another, the recorded results if they read
any, the locked versions and Python. The fingerprint is part of the cache's key, and a page whose fingerprint
changed is read again.
"""

from __future__ import annotations

import ast
import hashlib
import re
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import cells
from myst_nb.core.execute.cache import NotebookClientCache

PACKAGES = {"unrolled": "code", "experiments": "."}
ANY_CELL = re.compile(r"^```+\{code-cell\}[^\n]*\n(.*?)^```+[ ]*$", re.MULTILINE | re.DOTALL)


def fingerprint(page: Path, root: Path = cells.ROOT) -> str:
    """Return a digest of everything outside a page that its outputs depend on."""
    digest = hashlib.sha256(sys.version.encode())
    for path in [root / "requirements.lock", *sorted(reached(page.read_text("utf-8"), root))]:
        if path.is_file():
            digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def reached(source: str, root: Path) -> set[Path]:
    """Return the files that the code cells of a page can reach."""
    code = "\n".join(match[1] for match in ANY_CELL.finditer(source))
    files: set[Path] = set()
    # The cells are read line by line: magics and the options of a cell are not Python.
    waiting = [path for line in code.splitlines() for path in _imported(line.strip(), root)]
    while waiting:
        path = waiting.pop()
        if path not in files:
            files.add(path)
            waiting += _imported(path.read_text("utf-8"), root, path)
    names = {path.name for path in files}
    if "records.py" in names or "record.py" in names or "results" in code:
        files |= {p for p in (root / "results").rglob("*") if p.is_file()}
    return files


def _imported(source: str, root: Path, within: Path | None = None) -> Iterator[Path]:
    """Yield the files of our own packages that a piece of Python imports."""
    for name in _import_names(source, within is not None):
        top, *rest = name.split(".")
        if top not in PACKAGES:
            continue
        path = root / PACKAGES[top] / top
        yield from (p for p in [path / "__init__.py"] if p.is_file())
        for part in rest:
            path = path / part
            if path.with_suffix(".py").is_file():
                yield path.with_suffix(".py")
            elif (path / "__init__.py").is_file():
                yield path / "__init__.py"


@lru_cache(maxsize=4096)
def _import_names(source: str, whole: bool) -> tuple[str, ...]:
    if not whole and not source.startswith(("import ", "from ")):
        # `from x import (` over several lines begins with the line that names the module.
        return ()
    try:
        tree = ast.parse(source)
    except SyntaxError:
        match = re.match(r"(?:from|import)\s+([\w.]+)", source)
        return (match[1], *(f"{match[1]}.{p.stem}" for p in _siblings(match[1]))) if match else ()
    names = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if node.level:
                module = f"unrolled.{module}".rstrip(".")
            names += [module, *(f"{module}.{alias.name}" for alias in node.names)]
    return tuple(names)


def _siblings(package: str) -> list[Path]:
    folder = cells.ROOT / PACKAGES.get(package, "code") / package
    return sorted(folder.glob("*.py"))


def start_client(self: NotebookClientCache) -> None:
    """Start myst-nb's cached execution with the fingerprint as part of the cache's key."""
    kernel = self.notebook.metadata.setdefault("kernelspec", {})
    kernel["fingerprint"] = fingerprint(Path(self.path))
    original_start_client(self)
    self.notebook.metadata["kernelspec"].pop("fingerprint", None)


def outdated(app: Any, env: Any, added: set, changed: set, removed: set) -> list[str]:
    """Return the pages whose cells would now reach something else."""
    before = getattr(env, "unrolled_fingerprints", {})
    now = {}
    for page in env.found_docs:
        path = Path(env.doc2path(page))
        if path.suffix == ".md" and "{code-cell}" in path.read_text("utf-8"):
            now[page] = fingerprint(path)
    env.unrolled_fingerprints = now
    return [page for page, value in now.items() if page in before and before[page] != value]


original_start_client = NotebookClientCache.start_client


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    NotebookClientCache.start_client = start_client
    app.connect("env-get-outdated", outdated)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
