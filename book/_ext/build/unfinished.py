"""Removes what an interrupted build leaves half done, before the next one begins.

A page that was read with a warning would pass unread the next time; a figure is not written again
where a file of its name is; and jupyter-cache enters a page in its list before it writes the page.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path


def clear(build: Path) -> None:
    """Remove what may be unfinished; keep the outputs of pages that were executed to their end."""
    for name in (".doctrees", "jupyter_execute"):
        shutil.rmtree(build / name, ignore_errors=True)
    if (build / ".jupyter_cache").is_dir():
        mend(build / ".jupyter_cache")


def mend(cache: Path) -> None:
    """Remove the outputs that are not whole, and their entries."""
    from jupyter_cache import get_cache  # slow, and seldom needed
    from jupyter_cache.cache.db import NbCacheRecord

    for folder in (cache / "executed").glob("*"):
        if not _is_whole(folder / "base.ipynb"):
            shutil.rmtree(folder)
    kept = get_cache(cache)
    for record in kept.list_cache_records():
        if not (cache / "executed" / record.hashkey).is_dir():
            NbCacheRecord.remove_record(record.pk, kept.db)


def _is_whole(notebook: Path) -> bool:
    try:
        json.loads(notebook.read_text("utf-8"))
    except (OSError, ValueError):
        return False
    return True
