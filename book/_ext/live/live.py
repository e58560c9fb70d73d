"""Code that runs in the page: which cells can, and the button that offers it.

A cell is live if Python in a browser has all that it uses: NumPy, the standard library, and the
modules of the package that need no more than these. This is read from the text, at build time: a
name that an import of something absent binds is absent too, a cell that uses an absent name is not
live, and what such a cell defines is absent for the cells after it. Statements that draw are the
exception: the page leaves them out, says so, and runs the rest of their cell. An import of
something absent beside others is no obstacle: the page puts a stand-in in its place
(book/_live/live_runner.py). The imports of a cell that is not live are run unseen.

The page gets a button, and a list of its cells for the scripts; live_files.py makes what they load.
"""

from __future__ import annotations

import ast
import builtins
import json
import shutil
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.errors import ExtensionError

from book._ext.live import live_files
from book._ext.source import address, changes

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
    "time.thread_time": "a clock of the processor's",
    "time.process_time": "a clock of the processor's",
    "ssl": "OpenSSL",
    "sqlite3": "SQLite",
    "lzma": "lzma",
    # Of the package: what reads files of the repository, or of what is installed.
    "unrolled.records": "the recorded results",
    "unrolled.data.text.corpus": "the text of the installed packages",
    "unrolled.data.text.sentences": "sentencex",
}
COMPREHENSIONS = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
# the last two as live_runner.py has them: idle
PRESENT = {"numpy", "threadpoolctl", "tqdm"}


def module_file(name: str, root: Path) -> Path | None:
    """Return the file of a module of the package."""
    path = root / "code" / name.replace(".", "/")
    files = (path.with_suffix(".py"), path / "__init__.py")
    return next((file for file in files if file.is_file()), None)


def imports(
    tree: ast.AST, everywhere: bool = False, root: Path = live_files.ROOT
) -> set[str]:
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


# --- The cells of a page ------------------------------------------------------------------------


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
        """Return what the first absent name in some code needs."""
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                wanted = imports(node, True, self.root)
                why = first(
                    {why for name in wanted if (why := needed(name, self.root))}
                )
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
                why = self.absent.get(node.id)
            elif isinstance(node, ast.Attribute):
                why = OTHERS.get(self.dotted(node))
            else:
                why = None
            if why:
                return why
        return None

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
    for node in doctree.findall(nodes.container):
        if node.get("nb_element") != "cell_code":
            continue
        metadata = node.get("cell_metadata") or {}
        cell: dict[str, Any] = {"id": f"cell-{len(found) + 1}"}
        if cell["id"] not in node["ids"]:
            node["ids"].append(cell["id"])
        source = next(
            (n for n in node.children if n.get("nb_element") == "cell_code_source"),
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
        found.append(cell)
    return found


# --- On the page --------------------------------------------------------------------------------

BAR = """\
<div class="live-bar">
<button type="button">Run the code on this page</button>
<p role="status"></p>
</div>
<script type="application/json" class="live-cells">{}</script>"""


def elsewhere(app: Any, docname: str) -> dict[str, str]:
    """Return where cells run that do not run in the page."""
    if url := address.binder_url(app.config, f"{docname}.md"):
        return {"text": "Open this page on Binder", "url": url}
    start = (
        "make exercises"
        if docname.startswith("book/exercises")
        else ".venv/bin/jupyter lab"
    )
    return {
        "text": f"`{start}` in the repository opens it in JupyterLab, where it does."
    }


def has_code(section: nodes.section) -> bool:
    """Tell whether a section has a cell of its own, not in a section inside it."""
    return any("cell" in child.get("classes", []) for child in section.children)


def offer(app: Any, doctree: nodes.document, docname: str) -> None:
    """Put the button under the title of a page that has live cells."""
    cells = described(doctree, Path(app.srcdir))
    title = next(iter(doctree.findall(nodes.title)), None)
    if title is None or not any(
        "needs" not in cell and "check" not in cell for cell in cells
    ):
        return
    # the landing page begins with other things than its code
    if docname == app.config.root_doc:
        title = next(t for t in doctree.findall(nodes.title) if has_code(t.parent))
    about = {"name": docname, "cells": cells, "elsewhere": elsewhere(app, docname)}
    data = json.dumps(about, separators=(",", ":")).replace("</", "<\\/")
    title.parent.insert(
        title.parent.index(title) + 1, nodes.raw("", BAR.format(data), format="html")
    )


def add_scripts(
    app: Any, pagename: str, templatename: str, context: dict, doctree: Any
) -> None:
    """Load the button's script where there is a button."""
    if 'class="live-bar"' in (context.get("body") or ""):
        app.add_js_file("live.js", loading_method="defer")


def install(app: Any, config: Any) -> None:
    """Put what the scripts load into the site."""
    root = Path(app.srcdir)
    assets = Path(app.outdir).parent / "assets"
    try:
        live_files.install(assets / "live", assets / "licenses", *split(root), root)
    except live_files.LiveError as error:
        raise ExtensionError(str(error)) from None


def tidy(app: Any, exception: Exception | None) -> None:
    """Remove what an earlier build put there under other names."""
    built, site = (
        Path(app.outdir).parent / "assets/live",
        Path(app.outdir) / "_static/live",
    )
    for path in site.glob("*") if exception is None else ():
        if not (built / path.name).exists():
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    # after lean.py has emptied the folder
    app.connect("config-inited", install, priority=600)
    app.connect("doctree-resolved", offer)
    app.connect("html-page-context", add_scripts)
    app.connect("build-finished", tidy)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
