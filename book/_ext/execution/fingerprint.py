"""The fingerprint of a page: a digest of its cells and of everything that they can reach.

Cells reach the modules of the package and of experiments that they import, directly or through
another module, and the recorded results if they read any. The locked versions and the version of
Python count as well, and whether a package is there that only the tests install. A page is executed
again when its fingerprint changes.
"""

from __future__ import annotations

import ast
import hashlib
import re
import sys
from collections.abc import Iterator
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import yaml

from book._ext.evidence import record_roles
from book._ext.source import changes, drawn_cells

PACKAGES = {"unrolled": "code", "experiments": "."}
ONLY_WITH_TESTS = ("triton",)  # a page can use it, and says what it lacks without it


class Reach:
    """What the cells of a book's pages can reach, as the files are now."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.hashes: dict[str, bytes] = {}
        self.code: changes.Files = {}
        for top, folder in PACKAGES.items():
            self.code |= changes.files(root / folder / top)
        self.results = changes.files(root / "results")
        self.installed = [name for name in ONLY_WITH_TESTS if find_spec(name)]

    def state(self) -> str:
        """Return a digest that changes whenever anything does that any page can reach."""
        lock = self.hash(str(self.root / "requirements.lock"))
        files = changes.digest(self.code | self.results)
        return "".join([files, lock.hex(), *self.installed])

    def fingerprint(self, page: str) -> str:
        """Return a digest of everything that the outputs of a page, given as text, depend on."""
        digest = hashlib.sha256(sys.version.encode())
        for cell in drawn_cells.FENCE.finditer(page):
            may_fail = "raises-exception" in cell["head"]
            digest.update(f"{cell['body']}\0{may_fail}\0".encode())
            if "recorded:" in cell["head"]:  # knobs whose values are executed too
                options = yaml.safe_load(cell["head"].replace("---\n", "")) or {}
                digest.update(repr(options.get("knobs")).encode())
        for path in [str(self.root / "requirements.lock"), *sorted(self.files(page))]:
            digest.update(self.hash(path))
        digest.update(repr([name for name in self.installed if name in page]).encode())
        return digest.hexdigest()[:32]

    def hash(self, path: str) -> bytes:
        """Return a digest of a file with its name; nothing if it is not there."""
        if path not in self.hashes:
            file = Path(path)
            name = file.relative_to(self.root).as_posix().encode()
            content = name + file.read_bytes() if file.is_file() else b""
            self.hashes[path] = content and hashlib.sha256(content).digest()
        return self.hashes[path]

    def files(self, page: str) -> set[str]:
        """Return the files that the code cells of a page can reach."""
        waiting: list[str] = []
        text = ""
        for cell in drawn_cells.FENCE.finditer(page):
            code = re.sub(r"^[%!].*$", "", cell["body"], flags=re.MULTILINE)
            waiting += map(str, _imported(code, self.root))
            text += code
        found: set[str] = set()
        while waiting:
            path = waiting.pop()
            if path not in found:
                found.add(path)
                waiting += self.imports.get(path, ())
        if "results" in text or any(path.endswith("/records.py") for path in found):
            found |= {
                path
                for path in self.results
                if Path(path).name not in record_roles.OF_THE_BOOK
            }
        return found

    @cached_property
    def imports(self) -> dict[str, list[str]]:
        """The files of our own packages that each of them imports."""

        def compute() -> dict[str, list[str]]:
            texts = {
                path: Path(path).read_text("utf-8")
                for path in self.code
                if path.endswith(".py")
            }
            return {
                path: sorted({*map(str, _imported(text, self.root))})
                for path, text in texts.items()
            }

        return changes.remembered(self.root, "imports", self.code, compute)


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
