"""The outputs of a page are cached until something that its cells reach has changed.

myst-nb's execution cache knows a page's cells and nothing of what they import, so that a change in
code/ would leave old outputs standing. Here each page gets a fingerprint of what its cells can
reach: the modules of the package and of experiments that they import, directly or through another,
the recorded results if they read any, the locked versions and Python. The fingerprint is part of
the cache's key, and a page whose fingerprint changed is read again.
"""

from __future__ import annotations

import ast
import copy
import hashlib
import re
import sys
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from myst_nb.core import execute
from myst_nb.core.execute.cache import NotebookClientCache

from book._ext.evidence import record_roles
from book._ext.source import drawn_cells

PACKAGES = {"unrolled": "code", "experiments": "."}


def fingerprint(page: Path, root: Path) -> str:
    """Return a digest of everything outside a page that its outputs depend on."""
    digest = hashlib.sha256(sys.version.encode())
    for path in [
        root / "requirements.lock",
        *sorted(reached(page.read_text("utf-8"), root)),
    ]:
        if path.is_file():
            digest.update(
                path.relative_to(root).as_posix().encode() + path.read_bytes()
            )
    return digest.hexdigest()[:16]


def reached(page: str, root: Path) -> set[Path]:
    """Return the files that the code cells of a page can reach."""
    waiting = []
    text = ""
    for cell in drawn_cells.FENCE.finditer(page):
        code = re.sub(r"^[%!].*$", "", cell["body"], flags=re.MULTILINE)
        waiting += _imported(code, root)
        text += code
    files: set[Path] = set()
    while waiting:
        path = waiting.pop()
        if path not in files:
            files.add(path)
            waiting += _imported_by(path, path.stat().st_mtime_ns, root)
    if "results" in text or "records.py" in {path.name for path in files}:
        results = (path for path in (root / "results").rglob("*") if path.is_file())
        files |= {path for path in results if path.name not in record_roles.OF_THE_BOOK}
    return files


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
                if (
                    part == "exercises"
                ):  # the package of exercises loads its modules by name
                    yield from path.rglob("*.py")


@lru_cache(maxsize=4096)
def _imported_by(path: Path, stamp: int, root: Path) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(_imported(path.read_text("utf-8"), root)))


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


class Client(NotebookClientCache):
    """myst-nb's cached execution, with the fingerprint as part of the cache's key."""

    root: Path

    def start_client(self) -> None:
        """Look the page up, or execute it."""
        asked = self.notebook
        kernel = asked.metadata.setdefault("kernelspec", {})
        kernel["fingerprint"] = fingerprint(Path(self.path), self.root)
        super().start_client()
        for notebook in (asked, self.notebook):
            notebook.metadata["kernelspec"].pop("fingerprint", None)
        # Readers download the notebook that myst-nb asked with: give it the outputs that were in
        # the cache, and cells the same ids at each build.
        for number, (cell, done) in enumerate(
            zip(asked.cells, self.notebook.cells, strict=True), start=1
        ):
            cell["id"] = f"cell-{number}"
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = (
                    joined(done.outputs),
                    done.execution_count,
                )


def joined(outputs: list[Any]) -> list[Any]:
    """Return a cell's outputs with what it printed in one piece; a kernel cuts it by chance."""
    found: list[Any] = []
    for output in outputs:
        before = found[-1] if found else {}
        if output.get("name") and output.get("name") == before.get("name"):
            before["text"] += output["text"]
        else:
            found.append(copy.deepcopy(output))
    return found


def outdated(app: Any, env: Any, added: set, changed: set, removed: set) -> list[str]:
    """Return the pages whose cells would now reach something else."""
    before = getattr(env, "unrolled_fingerprints", {})
    now = {}
    for page in env.found_docs:
        path = Path(env.doc2path(page))
        if path.suffix == ".md" and "{code-cell}" in path.read_text("utf-8"):
            now[page] = fingerprint(path, Path(app.srcdir))
    env.unrolled_fingerprints = now
    return [
        page for page, value in now.items() if page in before and before[page] != value
    ]


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    Client.root = Path(app.srcdir)
    execute.NotebookClientCache = Client
    app.connect("env-get-outdated", outdated)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
