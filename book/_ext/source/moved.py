"""Pages that have moved: their old addresses lead to the new ones.

book/moved.txt has a line for each: the old page and the new one, without their endings.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sphinx.util import logging

from book._ext.source import source_pages

LIST = "book/moved.txt"
LOG = logging.getLogger(__name__)


def moved(root: Path) -> dict[str, str]:
    """Return {old page: new page}; ValueError for a line that is not a pair."""
    path = root / LIST
    found: dict[str, str] = {}
    for line in path.read_text("utf-8").splitlines() if path.is_file() else ():
        if line and not line.startswith("#"):
            old, *new = line.split()
            if len(new) != 1 or old in found:
                raise ValueError(
                    f"{LIST}: {line!r} is not one old page and its new one"
                )
            found[old] = new[0]
    return found


def pages(app: Any) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield a page for each old address."""
    root = Path(app.srcdir)
    present = app.env.found_docs | {
        source_pages.page_of(name) for name in source_pages.names(root)
    }
    for old, new in moved(root).items():
        if new not in present or old in present:
            what = f"{old} is still there" if old in present else f"there is no {new}"
            LOG.warning("%s: %s", LIST, what, type="moved")
            continue
        here = posixpath.dirname(app.builder.get_target_uri(old))
        target = posixpath.relpath(app.builder.get_target_uri(new), here)
        yield old, {"title": new, "target": target, "new": new}, "moved.html"


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.connect("html-collect-pages", pages)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
