"""The buttons *Save my answers* and *Load*, beside the list of exercises and on their pages.

answers.js writes and reads the file. The element says which exercises this edition has and the hash
of each cell's text, so that answers of a different edition are recognised.
"""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Any

from docutils import nodes

from book._ext.live import exercise_pages
from unrolled import exercises
from unrolled.exercises import submissions

BAR = """\
<div class="live-buttons answers-file" data-exercises="{}">
<button type="button">Save my answers</button>
<button type="button">Load answers</button>
<input type="file" accept=".json" aria-label="A file of answers" hidden>
<p role="status"></p>
</div>"""


def known() -> dict[str, dict[str, str]]:
    """Return {page: {exercise: hash of its cell's text}}."""
    found = {}
    for part, names in exercises.PARTS.items():
        page = exercise_pages.page_of(part, Path()).with_suffix("").as_posix()
        found[page] = {
            name: submissions.text_hash(exercises.load(name).STUB.strip())
            for name in names
        }
    return found


def bar() -> nodes.raw:
    """Return the buttons."""
    data = json.dumps(known(), separators=(",", ":"))
    return nodes.raw("", BAR.format(html.escape(data)), format="html")


def add_script(
    app: Any, pagename: str, templatename: str, context: dict, doctree: Any
) -> None:
    """Load the script where the buttons are."""
    if 'class="live-buttons answers-file"' in (context.get("body") or ""):
        app.add_js_file("answers.js", loading_method="defer")


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.connect("html-page-context", add_script)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
