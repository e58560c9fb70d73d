"""Pages that have moved: their old addresses lead to the new ones.

book/moved.txt has a line for each: the old page and the new one, without their endings.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sphinx.util import logging

from book._ext.page import policy
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


def pages(app: Any) -> Iterator[tuple[str, str, str]]:
    """Yield each old page, the new one, and how the old one leads there."""
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
        yield old, new, posixpath.relpath(app.builder.get_target_uri(new), here)


def write(app: Any, exception: Exception | None) -> None:
    """Write a page at each old address."""
    if exception or app.builder.name != "html":
        return
    for old, new, target in pages(app):
        path = Path(app.outdir, f"{old}.html")
        path.parent.mkdir(parents=True, exist_ok=True)
        said = {"new": new, "target": target, "metatags": f"\n    {policy.META}"}
        path.write_text(app.builder.templates.render("moved.html", said), "utf-8")


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    # after theme_cleanup.py has removed the pages that are not of this book
    app.connect("build-finished", write, priority=600)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
