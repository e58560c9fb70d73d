"""Pages executed before Sphinx reads them, a few at a time; their outputs stay in _build/executed.

A page's outputs are kept under its fingerprint (fingerprint.py), so they follow the code: a page is
executed again when its cells, or anything that they reach, have changed. Each file is written
whole or not at all, so an interrupted build keeps the pages that were executed to their end.

myst-nb itself executes nothing (its mode is `off`). Its option `nb_custom_formats` names `read`,
which gives it each page as a notebook with the outputs in place. myst-nb's own cache knows a page's
cells and not what they import (issue 1633 of jupyter-book), and executes pages one after the other.
"""

from __future__ import annotations

import asyncio
import copy
import os
import shutil
import traceback
from pathlib import Path
from typing import Any

import nbformat
from docutils import nodes
from myst_nb.core import read as myst_nb_read
from myst_parser.config.main import MdParserConfig
from nbclient import NotebookClient
from nbclient.exceptions import CellControlSignal
from sphinx.errors import SphinxError
from sphinx.util import logging
from traitlets.config import Config

from book._ext.execution import recorded_runs
from book._ext.execution.fingerprint import Reach
from book._ext.source import drawn_cells
from unrolled.files import write_whole

LOG = logging.getLogger(__name__)

# Kernels talk with the build in cipher: on a machine that others use nobody can listen, and the
# kernel has no cause to warn of it on every page.
KERNEL = Config(KernelManager={"transport_encryption": "auto"})
# Kernels at a time: one more than there are cores, since each waits while it starts and ends.
# A page with TensorFlow takes a gigabyte.
MOST = 4
KEPT = 1000  # notebooks, the last used


# --- Notebooks that were executed -----------------------------------------------------------------


def folder_of(root: Path) -> Path:
    """Return where the executed notebooks of a book are."""
    return root / "_build/executed"


def kept(folder: Path, name: str) -> Any:
    """Return an executed notebook, or None if it is not there or not whole."""
    path = folder / f"{name}.ipynb"
    try:
        notebook = nbformat.read(path, as_version=4)
    except (OSError, ValueError):
        return None
    os.utime(path)
    return notebook


def keep(folder: Path, name: str, notebook: Any) -> None:
    """Write an executed notebook, and remove those that were not used for longest."""
    write_whole(folder / f"{name}.ipynb", nbformat.writes(notebook))
    paths = sorted(folder.glob("*.ipynb"), key=lambda path: path.stat().st_mtime_ns)
    for path in paths[:-KEPT]:
        path.unlink()


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


# --- A page as a notebook -------------------------------------------------------------------------


def parsed(text: str, extensions: list[str]) -> Any:
    """Return a page as a notebook without outputs; one without a header has no cells to run."""
    is_notebook = myst_nb_read.is_myst_markdown_notebook(text)
    if "{code-cell}" in text and not is_notebook:
        cell = nbformat.v4.new_markdown_cell(text)
        notebook = nbformat.v4.new_notebook(cells=[cell], metadata={"source_map": [0]})
    else:
        config = MdParserConfig(enable_extensions=set(extensions))
        notebook = myst_nb_read.read_myst_markdown_notebook(
            text, config=config, add_source_map=True
        )
    if not text.startswith("---"):  # myst-nb counts from the end of a header
        lines = notebook.metadata["source_map"]
        notebook.metadata["source_map"] = [line - 1 for line in lines]
    for number, cell in enumerate(notebook.cells, start=1):
        cell["id"] = f"cell-{number}"  # the same at each build
    return notebook


def code_of(notebook: Any) -> list[Any]:
    """Return the code cells of a notebook."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def read(text: str, root: str, extensions: list[str]) -> Any:
    """Return a page as a notebook with the outputs that are kept of it; myst-nb calls this."""
    notebook = parsed(text, extensions)
    cells = code_of(notebook)
    if cells:
        folder, name = folder_of(Path(root)), Reach(Path(root)).fingerprint(text)
        executed = kept(folder, name) or kept(folder, f"{name}.failed")
        if executed is None:
            raise SphinxError(
                f"{_page_with(text, Path(root))}, or a file that its cells reach, changed "
                "while the book was built: build it again"
            )
        for cell, done in zip(cells, executed.cells, strict=True):
            if cell.source != done.source:
                raise ValueError(f"the outputs of {cell.id} are of another cell")
            cell.outputs, cell.execution_count = done.outputs, done.execution_count
    return notebook


def _page_with(text: str, root: Path) -> str:
    for path in drawn_cells.chapters(root):
        if path.read_text("utf-8") == text:
            return path.relative_to(root).as_posix()
    return "a page"


# --- Execution ------------------------------------------------------------------------------------


async def execute(notebook: Any, folder: Path, timeout: int) -> str:
    """Run the cells of a notebook in a folder; return the traceback if one failed, or ""."""
    client = NotebookClient(
        notebook,
        timeout=timeout,
        startup_timeout=timeout,
        kernel_name=notebook.metadata.kernelspec.name,
        resources={"metadata": {"path": str(folder)}},
        config=KERNEL,
        record_timing=False,
    )
    try:
        await client.async_execute()
    except (CellControlSignal, RuntimeError):  # the latter: no kernel, or a dead one
        return traceback.format_exc()
    finally:
        for cell in notebook.cells:
            cell.outputs = joined(cell.outputs)
    return ""


async def execute_all(
    pages: dict[str, Path], root: Path, extensions: list[str], timeout: int
) -> dict[str, str]:
    """Execute pages and keep their outputs; return the tracebacks of those that failed."""
    folder = folder_of(root)
    failed = {}
    reach = Reach(root)
    at_once = asyncio.Semaphore(min(MOST, (os.cpu_count() or 1) + 1))

    async def one(page: str, path: Path) -> None:
        async with at_once:
            LOG.info("executing %s", page)
            text = path.read_text("utf-8")
            notebook = parsed(text, extensions)
            notebook.cells = recorded_runs.with_copies(code_of(notebook))
            name = reach.fingerprint(text)
            error = await execute(notebook, path.parent, timeout)
            notebook.cells = recorded_runs.without_copies(notebook.cells)
            if error:
                failed[page] = error
            keep(folder, f"{name}.failed" if error else name, notebook)

    async with asyncio.TaskGroup() as group:
        for page, path in pages.items():
            group.create_task(one(page, path))
    return failed


# --- Sphinx ---------------------------------------------------------------------------------------


def use_reader(app: Any, config: Any) -> None:
    """Let myst-nb read pages with `read`."""
    given = {"root": str(app.srcdir), "extensions": config.myst_enable_extensions}
    config.nb_custom_formats = {".md": (f"{__name__}.read", given, False)}


def outdated(app: Any, env: Any, added: set, changed: set, removed: set) -> list[str]:
    """Return the pages whose fingerprint has changed."""
    reach = Reach(Path(app.srcdir))
    state, before = reach.state(), getattr(env, "unrolled_fingerprints", {})
    is_same = state == getattr(env, "unrolled_reach", None)
    now = {}
    for page in env.found_docs:
        if is_same and page in before and page not in changed:
            now[page] = before[page]
            continue
        text = Path(env.doc2path(page)).read_text("utf-8")
        if "{code-cell}" in text:
            now[page] = reach.fingerprint(text)
    env.unrolled_reach, env.unrolled_fingerprints = state, now
    return [page for page in now if before.get(page, now[page]) != now[page]]


def add_recorded(app: Any, doctree: nodes.document) -> None:
    """Give the cells of a page what was recorded for their knobs.

    It stands in no notebook: nobody reads it there.
    """
    name = app.env.unrolled_fingerprints.get(app.env.docname)
    executed = kept(folder_of(Path(app.srcdir)), name) if name else None
    runs = {
        cell.id: cell
        for cell in (executed.cells if executed else ())
        if "recorded_run" in cell.metadata
    }
    for node in doctree.findall(nodes.container) if runs else ():
        if cell := runs.get(f"cell-{node.get('cell_index', -1) + 1}"):
            node["recorded_run"] = cell.metadata["recorded_run"]


def run(app: Any, env: Any, docnames: list[str]) -> None:
    """Execute those of the pages about to be read whose outputs are not kept."""
    reports = Path(app.outdir, "reports")  # of cells that failed
    shutil.rmtree(reports, ignore_errors=True)
    root, config = Path(app.srcdir), app.config
    folder = folder_of(root)
    pages = {}
    for page in docnames:
        name = env.unrolled_fingerprints.get(page)
        path = Path(env.doc2path(page))
        is_notebook = name and myst_nb_read.is_myst_markdown_notebook(
            path.read_text("utf-8")
        )
        if is_notebook and kept(folder, name) is None:
            pages[page] = path
    if not pages:
        return
    failed = asyncio.run(
        execute_all(
            pages, root, config.myst_enable_extensions, config.nb_execution_timeout
        )
    )
    for page, error in failed.items():
        report = reports / f"{page}.err.log"
        write_whole(report, error)
        LOG.warning("executing this page failed:\n%s", error, location=page)
        LOG.warning("the traceback is in %s", report, location=page)


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.connect("config-inited", use_reader)
    app.connect("env-get-outdated", outdated)
    app.connect("env-before-read-docs", run)
    app.connect("doctree-read", add_recorded)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
