"""What of Python a page can import: NumPy, the standard library, most of the package.

A module of the package is available if all that it imports is. This is read from the source, at
build time, because nothing of a browser is at hand then.
"""

from __future__ import annotations

import ast
import sys
from functools import lru_cache
from pathlib import Path

from book._ext.live.kept_parts import ROOT
from book._ext.source import changes

DRAWING = "Matplotlib"
# What a page lacks, as the reader is told. Of the standard library: what needs processes, threads
# or a system library that Pyodide leaves out.
OTHERS = {
    "matplotlib": DRAWING,
    "scipy": "SciPy",
    "tensorflow": "TensorFlow",
    "keras": "Keras",
    "pytensor": "PyTensor",
    "theano": "Theano",
    "jax": "JAX",
    "cupy": "CuPy",
    "sentencex": "sentencex",
    "IPython": "IPython",
    "myst_nb": "MyST-NB",
    "experiments": "the scripts of the experiments",
    "subprocess": "other processes",
    "multiprocessing": "other processes",
    "threading.Thread": "threads",
    "ssl": "OpenSSL",
    "sqlite3": "SQLite",
    "lzma": "lzma",
    # Of the package.
    "unrolled.data.text.read": "sentencex",
    "unrolled.data.text.sentences": "sentencex",
}
# live_runner.py has stand-ins for the last two that do nothing
PRESENT = {"numpy", "threadpoolctl", "tqdm"}


def module_file(name: str, root: Path) -> Path | None:
    """Return the file of a module of the package."""
    path = root / "code" / name.replace(".", "/")
    files = (path.with_suffix(".py"), path / "__init__.py")
    return next((file for file in files if file.is_file()), None)


def imports(tree: ast.AST, everywhere: bool = False, root: Path = ROOT) -> set[str]:
    """Return the modules that some code imports when it is run; everywhere: in functions too."""
    found = set()
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= {
                name for name in inner if name in OTHERS or module_file(name, root)
            }
        if everywhere or not isinstance(node, ast.FunctionDef | ast.Lambda):
            waiting += ast.iter_child_nodes(node)
    return found


def needed(name: str, root: Path, seen: frozenset[str] = frozenset()) -> str | None:
    """Return what a page lacks to import a module, in words, or None if it can."""
    parts = name.split(".")
    for end in range(len(parts), 0, -1):
        if (start := ".".join(parts[:end])) in OTHERS:
            return OTHERS[start]
    if parts[0] != "unrolled":
        known = parts[0] in PRESENT or parts[0] in sys.stdlib_module_names
        return None if known else parts[0]
    path = module_file(name, root)
    if path is None or name in seen:
        return None
    everywhere = name.startswith("unrolled.exercises.") and name.count(".") > 2
    return _needed(path, path.stat().st_mtime_ns, everywhere, root, seen | {name})


@lru_cache(maxsize=4096)
def _needed(
    path: Path, stamp: int, everywhere: bool, root: Path, seen: frozenset[str]
) -> str | None:
    tree = ast.parse(path.read_text("utf-8"))
    wanted = imports(tree, everywhere, root)
    if everywhere:  # an exercise: what its stub and its solution import as well
        for node in ast.walk(tree):
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
                if getattr(node.targets[0], "id", "") in ("STUB", "SOLUTION"):
                    wanted |= imports(ast.parse(str(node.value.value)), True, root)
    return first({why for name in wanted if (why := needed(name, root, seen))})


def first(reasons: set[str]) -> str | None:
    """Return the reason that says most to a reader, if there is one."""
    known = list(OTHERS.values())
    return min(
        reasons, key=lambda w: (known.index(w) if w in known else 99, w), default=None
    )


def modules(root: Path) -> dict[str, Path]:
    """Return every module of the package with its file."""
    return {
        path.relative_to(root / "code")
        .with_suffix("")
        .as_posix()
        .replace("/", ".")
        .removesuffix(".__init__"): path
        for path in sorted((root / "code/unrolled").rglob("*.py"))
    }


def lacking(root: Path) -> dict[str, str]:
    """Return the modules of the package that a page cannot import, with what each would need."""
    return changes.remembered(
        root,
        "modules-that-a-page-lacks",
        changes.files(root / "code"),
        lambda: {name: why for name in modules(root) if (why := needed(name, root))},
    )


def split(root: Path) -> tuple[list[Path], dict[str, str]]:
    """Return the files that run in a page, and what is absent there with what it would need."""
    absent = lacking(root)
    present = [path for name, path in modules(root).items() if name not in absent]
    return present, OTHERS | absent
