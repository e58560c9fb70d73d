"""Which cells of a page can run in the page.

A cell is live if Python in a browser has all that it uses. This is read from the text, at build
time: a name that an import of something absent binds is absent too, a cell that uses an absent name
is not live, and what such a cell defines is absent for the cells after it. Statements that draw are
the exception: the page leaves them out, says so, and runs the rest of their cell. If a cell imports
something absent beside others, the page puts a stand-in in its place (book/_live/live_runner.py).
The imports of a cell that is not live are run unseen.
"""

from __future__ import annotations

import ast
import builtins
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.util import logging

from book._ext.live import knob_elements, knobs
from book._ext.live.available_modules import DRAWING, OTHERS, first, imports, needed
from book._ext.live.smaller_settings import in_the_page

LOG = logging.getLogger(__name__)

COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


class Names:
    """The names of a page as its cells bind them, one after the other."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.origin: dict[str, str] = {}  # name -> what it was imported as
        self.absent: dict[str, str] = {}  # name -> what it would need

    def cell(self, text: str) -> tuple[str | None, bool]:
        """Read the next cell; return what it needs that a page lacks, and whether it draws.

        Statements that only draw are left out in the page: the rest of the cell runs. For any other
        lack, nothing of the cell runs.
        """
        try:
            tree = ast.parse(text)
        except SyntaxError:
            return "IPython", False
        rest = [
            node
            for node in tree.body
            if not self.imported(node) and not _is_style(node)
        ]
        lacks = []
        for node in rest:
            lacks.append(self.uses(node))
            self.bind(node, lacks[-1])
        why = first({lack for lack in lacks if lack and lack != DRAWING})
        if why is None and rest and all(lacks):
            why = DRAWING
        if not rest:  # imports alone: worth running if one of them is there
            bound = [name for node in tree.body for name in _bound(node)]
            missing = {self.absent[name] for name in bound if name in self.absent}
            why = first(missing) if all(name in self.absent for name in bound) else None
        elif why:
            for node in rest:
                self.bind(node, why)
        return why, why is None and any(lacks)

    def bind(self, node: ast.stmt, lack: str | None) -> None:
        """Bind the names of a statement, absent ones if it cannot run."""
        for name in _bound(node):
            self.origin.pop(name, None)
            self.absent.pop(name, None)
            if lack:
                self.absent[name] = lack

    def imported(self, node: ast.stmt) -> bool:
        """Bind what an import statement binds; return whether it is one."""
        if not isinstance(node, ast.Import | ast.ImportFrom):
            return False
        for alias in node.names:
            module = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
            full = module + alias.name
            name = (
                alias.asname
                or (full if module else full.split(".")[0]).rpartition(".")[2]
            )
            self.origin[name] = full if module or alias.asname else name
            self.absent.pop(name, None)
            if why := needed(full, self.root) or (
                module and needed(module[:-1], self.root)
            ):
                self.absent[name] = why
        return True

    def uses(self, tree: ast.AST) -> str | None:
        """Return what the absent names in some code need: more than drawing, if one does."""
        found: set[str] = set()
        own = _own(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                wanted = imports(node, True, self.root)
                why = first(
                    {why for name in wanted if (why := needed(name, self.root))}
                )
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                why = None if node.id in own else self.absent.get(node.id)
            elif isinstance(node, ast.Attribute):
                why = OTHERS.get(self.dotted(node))
            else:
                why = None
            if why:
                found.add(why)
        return first(found - {DRAWING}) or first(found)

    def dotted(self, node: ast.expr) -> str:
        """Return the full name of `text.corpus`, as far as imports tell."""
        if isinstance(node, ast.Attribute):
            return f"{self.dotted(node.value)}.{node.attr}"
        return self.origin.get(node.id, "") if isinstance(node, ast.Name) else ""


def import_lines(text: str) -> str:
    """Return the imports of a cell, without the rest of it."""
    try:
        statements = ast.parse(text).body
    except SyntaxError:
        return ""
    return "\n".join(
        ast.unparse(n) for n in statements if isinstance(n, ast.Import | ast.ImportFrom)
    )


def _is_style(node: ast.stmt) -> bool:
    """Return whether a statement is `figures.use_style()`, which the stand-in allows."""
    return ast.unparse(node) == "figures.use_style()"


def _own(tree: ast.AST) -> set[str]:
    """Return the names that a statement gives a value itself before it reads them.

    They are the parameters and the local names of functions, and the targets of loops.
    """
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.For | ast.comprehension):
            found |= _stored(node.target)
        elif isinstance(node, ast.FunctionDef):
            found |= _stored(node)
    return found


def _stored(tree: ast.AST) -> set[str]:
    return {
        node.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }


def _bound(node: ast.AST) -> set[str]:
    """Return the names that a statement binds in its own scope."""
    found = set()
    waiting = [node]
    while waiting:
        inner = waiting.pop()
        if isinstance(inner, ast.FunctionDef | ast.ClassDef):
            found.add(inner.name)
        elif isinstance(inner, ast.Import | ast.ImportFrom):
            found |= {(a.asname or a.name).split(".")[0] for a in inner.names}
        elif isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            found.add(inner.id)
        elif not isinstance(inner, ast.Lambda | COMPREHENSIONS):
            waiting += ast.iter_child_nodes(inner)
    return found - set(dir(builtins))


def described(doctree: nodes.document, root: Path) -> list[dict[str, Any]]:
    """Return what the scripts must know of each code cell, and give each its id."""
    names = Names(root)
    found = []
    texts = []  # as the page sees them: of a cell that is not live, the imports
    turned = []
    for node in doctree.findall(nodes.container):
        if node.get("nb_element") != "cell_code":
            continue
        metadata = node.get("cell_metadata") or {}
        cell: dict[str, Any] = {"id": f"cell-{len(found) + 1}"}
        if cell["id"] not in node["ids"]:
            node["ids"].append(cell["id"])
        # A folded cell has its source one level deeper.
        source = next(
            (
                part
                for part in node.findall(nodes.container)
                if part.get("nb_element") == "cell_code_source"
            ),
            None,
        )
        # An exercise runs in a namespace of its own.
        known = Names(root) if "exercise" in metadata else names
        why, draws = (
            known.cell(source.astext())
            if source is not None
            else ("a hidden text", False)
        )
        if "check" in metadata:
            cell["check"] = str(metadata["check"])
        elif "exercise" in metadata:
            cell["exercise"] = name = str(metadata["exercise"])
            part = next((root / "code/unrolled/exercises").glob(f"*/{name}.py"), None)
            if part:
                why = why or needed(
                    f"unrolled.exercises.{part.parent.name}.{name}", root
                )
        if why and "check" not in cell:
            cell["needs"] = why
            if source is not None and (wanted := import_lines(source.astext())):
                cell["imports"] = wanted
        elif draws:
            cell["draws"] = True
        alone = "check" in cell or "exercise" in cell
        text = "" if alone or source is None else source.astext()
        if "seconds" in metadata and not why:
            cell["seconds"] = int(metadata["seconds"])
        if "in_the_page" in metadata and not why:
            try:
                text, cell["smaller"] = in_the_page(text, metadata)
            except ValueError as error:
                where = f"cell {len(found) + 1}: {error}"
                LOG.warning("%s", where, location=node, type="in_the_page")
        texts.append(cell.get("imports", "") if why else text)
        if "knobs" in metadata:
            turned.append((node, len(found), metadata["knobs"]))
        found.append(cell)
    for node, index, described_knobs in turned:
        add_knobs(node, index, described_knobs, found[index], texts)
    return found


def add_knobs(
    node: nodes.container,
    index: int,
    described_knobs: Any,
    cell: dict[str, Any],
    texts: list[str],
) -> None:
    """Put the knobs of a cell above what it shows; a fault of theirs is a warning."""
    recorded = node.get("recorded", "")  # as figures_on_page.py has called the file
    try:
        if "needs" in cell:
            raise knobs.KnobError(
                f"it has knobs and does not run in the page: it needs {cell['needs']}"
            )
        if not texts[index]:
            raise knobs.KnobError("it has knobs, and only a cell of a chapter can")
        made = knobs.read(described_knobs, texts[index])
        if any(knob.recorded for knob in made) and not recorded:
            raise knobs.KnobError("its knob is recorded, and it shows no chart")
        if fault := knobs.changes_others(texts, index):
            raise knobs.KnobError(fault)
    except knobs.KnobError as error:
        fault = f"cell {index + 1}: {error}"
        LOG.warning("%s", fault, location=node, type="knobs")
        return
    cell["knobs"] = [knob.name for knob in made]
    elements = knob_elements.box(cell["id"], made, recorded)
    box = nodes.raw("", elements, format="html")
    shown = (
        part
        for part in node.findall(nodes.container)
        if part.get("nb_element") == "cell_code_output"
    )
    output = next(shown, None)
    # Not inside a fold: a folded cell is turned as well.
    while output is not None and output.parent is not node:
        output = output.parent
    node.insert(len(node) if output is None else node.index(output), box)
