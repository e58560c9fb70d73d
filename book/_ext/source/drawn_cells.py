"""The drawn cells of a chapter's source: code cells whose text is an object of the tested package.

The object is a function, a class or a whole module.

```{code-cell} python3
:drawn: unrolled.cells.rnn.step
def step(p, x_t, h):
    …
```
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[3]

FENCE = re.compile(
    r"^(?P<open>(?P<tick>```+|:::+|~~~+)\{code-cell\}[^\n]*\n)"
    r"(?P<head>(?:---\n(?:(?!---\n)[^\n]*\n)*---\n|(?::[\w-]+:[^\n]*\n)*)\n*)"
    r"(?P<body>.*?)"
    r"^(?P=tick)[ ]*$",
    re.MULTILINE | re.DOTALL,
)
DRAWN = re.compile(r"^:?drawn:[ ]*[\"']?([\w.]+)[\"']?[ ]*$", re.MULTILINE)


class Cell(NamedTuple):
    """A drawn cell: the object's dotted name, its text, and where the text lies in the source."""

    name: str
    text: str
    start: int
    end: int
    line: int


class NoSource(ValueError):
    """A drawn cell names something whose source cannot be shown; the message says why."""


def drawn_cells(source: str) -> Iterator[Cell]:
    """Yield the drawn cells of a chapter's MyST source, in order."""
    for match in FENCE.finditer(source):
        if name := DRAWN.search(match["head"]):
            start, end = match.span("body")
            line = source.count("\n", 0, match.start()) + 1
            yield Cell(name[1], match["body"].rstrip("\n"), start, end, line)


def module_file(name: str, root: Path = ROOT) -> Path | None:
    """Return the file of a module of the package, or None if the name is not a module's."""
    path = root / "code" / (name.replace(".", "/") + ".py")
    return path if name.startswith("unrolled.") and path.is_file() else None


def file_of(name: str, root: Path = ROOT) -> Path:
    """Return the file that defines `unrolled.cells.rnn.step`, or the file of a module."""
    path = module_file(name, root) or module_file(name.rpartition(".")[0], root)
    if path is None:
        raise NoSource(f"{name} is not a function or class of a module of the package")
    return path


def source_of(name: str, root: Path = ROOT) -> str:
    """Return the text of a function, class or module, as `inspect.getsource` would.

    The newline at its end is left out.

    The file is read, not imported: a module that needs TensorFlow would take seconds to import.
    """
    path = file_of(name, root)
    text = path.read_text("utf-8")
    if path == module_file(name, root):
        return text.rstrip("\n")
    wanted = name.rpartition(".")[2]
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == wanted:
            first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
            return "\n".join(text.splitlines()[first - 1 : node.end_lineno])
    raise NoSource(
        f"{path.relative_to(root)} defines no function or class {wanted} at its top level"
    )


def redrawn(source: str, root: Path = ROOT) -> str:
    """Return a chapter's source with the text of every drawn cell taken from the package."""
    for cell in reversed(list(drawn_cells(source))):
        source = (
            source[: cell.start]
            + source_of(cell.name, root)
            + "\n"
            + source[cell.end :]
        )
    return source


def chapters(root: Path = ROOT) -> list[Path]:
    """Return every Markdown file of the book."""
    return [p for p in sorted((root / "book").rglob("*.md")) if "_ext" not in p.parts]
