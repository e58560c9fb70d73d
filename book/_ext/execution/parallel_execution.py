"""Pages executed ahead, a few at a time, while Sphinx reads one after the other.

Sphinx comes to a page, myst-nb executes it, and all other cores wait. Here the pages that are about
to be read, and whose outputs are not in the cache, are given to a few threads beforehand, each of
which runs a kernel. When myst-nb asks for a page's execution, it gets the one that is done or
under way; whatever else it asks for, it executes itself as before.
"""

from __future__ import annotations

import os
import threading
from concurrent.futures import Future
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from jupyter_cache import get_cache
from jupyter_cache.executors.utils import single_nb_execution
from myst_nb.core.execute import cache as cached_execution
from myst_nb.core.read import create_nb_reader
from traitlets.config import Config

from book._ext.execution.execution_cache import fingerprint

# The build and its kernels encrypt what they send each other, so that other users of a machine
# cannot read it. Without encryption, kernels print a warning on every page.
KERNEL = Config(KernelManager={"transport_encryption": "auto"})
MOST = 4  # kernels at a time: a page with TensorFlow takes a gigabyte

_under_way: dict[tuple[str, ...], Future] = {}


def begin(app: Any, env: Any, pages: list[str]) -> None:
    """Start to execute those of the pages that will not be found in the cache."""
    waiting: SimpleQueue = SimpleQueue()
    for page in pages:
        path = Path(env.doc2path(page))
        notebook = _notebook(path, env)
        if notebook is not None and not _is_cached(notebook, path, app, env):
            future: Future = Future()
            _under_way[_key(notebook, path.parent)] = future
            waiting.put((future, notebook, path.parent, env.mystnb_config))
    for _ in range(min(MOST, os.cpu_count() or 1, waiting.qsize())):
        # A daemon ends with the build, and its kernel with it.
        threading.Thread(target=_work, args=(waiting,), daemon=True).start()


def _work(waiting: SimpleQueue) -> None:
    with suppress(Empty):
        while True:
            future, notebook, folder, config = waiting.get_nowait()
            try:
                found = single_nb_execution(
                    notebook,
                    cwd=str(folder),
                    timeout=config.execution_timeout,
                    allow_errors=config.execution_allow_errors,
                    config=KERNEL,
                )
                future.set_result(found)
            except BaseException as error:  # the reader of the page raises it again
                future.set_exception(error)


def _notebook(path: Path, env: Any) -> Any:
    """Return the page's notebook as myst-nb reads it, or None if the page has no cells."""
    if path.suffix != ".md" or "{code-cell}" not in (text := path.read_text("utf-8")):
        return None
    reader = create_nb_reader(str(path), env.myst_config, env.mystnb_config, text)
    return reader and reader.read(text)


def _is_cached(notebook: Any, path: Path, app: Any, env: Any) -> bool:
    cache = get_cache(env.mystnb_config.execution_cache_path or ".jupyter_cache")
    kernel = notebook.metadata.setdefault("kernelspec", {})
    kernel["fingerprint"] = fingerprint(path, Path(app.srcdir))
    with suppress(KeyError):
        cache.match_cache_notebook(notebook)
        return True
    del kernel["fingerprint"]
    return False


def _key(notebook: Any, folder: str | os.PathLike) -> tuple[str, ...]:
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return os.path.abspath(folder), *code


def _execution(notebook: Any, cwd: str, **options: Any) -> Any:
    """Take the place of jupyter-cache's function: the result that is under way, or a new one."""
    future = _under_way.pop(_key(notebook, cwd), None)
    if future is None:
        return single_nb_execution(notebook, cwd=cwd, config=KERNEL, **options)
    found = future.result()
    for cell, executed in zip(notebook.cells, found.nb.cells, strict=True):
        cell.update(executed)
    return found


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    cached_execution.single_nb_execution = _execution
    app.connect("env-before-read-docs", begin)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
