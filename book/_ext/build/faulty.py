"""Pages that were built with a warning are read again by the next build, which warns again.

Sphinx itself would find them unchanged and pass over them. This works where each warning of a build
names its page; where one does not, the next build reads every page.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

LIST = "_build/.faulty"


def note(root: Path, problems: list[str]) -> bool:
    """Note the pages that the warnings of a build name; tell whether each warning names one."""
    named = [re.match(r"(.+?\.md)(?::\d+)?: WARNING: ", line) for line in problems]
    pages = [place[1] for place in named if place]
    ended = (re.search(r"finished with problems, (\d+) warn", p) for p in problems)
    counts = [int(count[1]) for count in ended if count]
    (root / LIST).write_text("".join(f"{page}\n" for page in sorted(set(pages))))
    return counts == [len(pages)]


def forget(root: Path) -> None:
    """Forget the pages of an earlier build."""
    (root / LIST).unlink(missing_ok=True)


def outdated(app: Any, env: Any, added: set, changed: set, removed: set) -> list[str]:
    """Return the pages that the last build warned of."""
    path = Path(app.srcdir, LIST)
    pages = path.read_text("utf-8").splitlines() if path.is_file() else ()
    return [page for page in map(env.path2doc, pages) if page in env.found_docs]


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.connect("env-get-outdated", outdated)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
