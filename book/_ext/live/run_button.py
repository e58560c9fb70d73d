"""The button *Run the code on this page*, and the files that it loads, put into the site."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from docutils import nodes

from book._ext.live import answers_file, available_modules, live_cells, live_files
from book._ext.source import address

BAR = """\
<div class="live-bar">
<button type="button">Run the code on this page</button>
<p role="status"></p>
</div>
<script type="application/json" class="live-cells">{}</script>"""


def elsewhere(app: Any, docname: str) -> dict[str, str]:
    """Return where cells run that do not run in the page."""
    if url := address.binder_url(app, f"{docname}.md"):
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
    cells = live_cells.described(doctree, Path(app.srcdir))
    title = next(iter(doctree.findall(nodes.title)), None)
    if title is None or not any(
        "needs" not in cell and "check" not in cell for cell in cells
    ):
        return
    # the landing page begins with other things than the code to be run
    if docname == app.config.root_doc:
        *_, title = (t for t in doctree.findall(nodes.title) if has_code(t.parent))
    about = {"name": docname, "cells": cells, "elsewhere": elsewhere(app, docname)}
    data = json.dumps(about, separators=(",", ":")).replace("</", "<\\/")
    below = [nodes.raw("", BAR.format(data), format="html")]
    if any("exercise" in cell for cell in cells):
        below.append(answers_file.bar())
    title.parent[title.parent.index(title) + 1 : title.parent.index(title) + 1] = below


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
    live_files.install(
        assets / "live", assets / "licenses", *available_modules.split(root), root
    )


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
    # after theme_cleanup.py has emptied the folder
    app.connect("config-inited", install, priority=600)
    app.connect("doctree-resolved", offer)
    app.connect("html-page-context", add_scripts)
    app.connect("build-finished", tidy)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
