"""The other forms of the book: what is in _build/forms, offered by the page that PAGE names.

Its list follows the files, which are made after the site and at any time: so it is written into the
finished page, between two marks, at the end of each build, `make pdf`, `make epub` and `make zip`.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from book._ext.build import build
from book._ext.formats import notebooks
from book._ext.source import drawn_cells

PAGE = "book/reference/other-forms.html"
# The PDF and the EPUB leave the list out: they cannot hold their own size.
BEGIN, END = (
    '<ul class="forms not-on-paper">',
    '<li class="forms-end" hidden="hidden"></li></ul>',
)
TEXT = (".md", ".bib", ".py", ".json", ".npz", ".yml")


class Form(NamedTuple):
    """A form of the book that is one file: what it is, and the command that makes it."""

    file: str
    name: str
    about: str
    command: str


ZIP = Form(
    "unrolled-site.zip",
    "The whole site, offline",
    "Unpack it and open <code>unrolled/index.html</code>. Everything works without a network, "
    "except running code in the page: for this, browsers need a server, for example "
    "<code>python3 -m http.server</code> in that folder.",
    "make zip",
)
FORMS = (
    ZIP,
    Form(
        "unrolled.pdf",
        "PDF",
        "All chapters, with bookmarks, for paper and for screens.",
        "make pdf",
    ),
    Form(
        "unrolled.epub",
        "EPUB",
        "For reading apps and devices. The text flows, the equations are MathML, and no scripts "
        "are needed.",
        "make epub",
    ),
    Form(
        notebooks.NAME,
        "Notebooks",
        "All chapters and exercises, executed, with the package that they import. The file "
        "<code>README.txt</code> in it says how to run them.",
        "make book",
    ),
)


def size(path: Path) -> str:
    """Return a file's size in words."""
    return f"{max(path.stat().st_size / 1e6, 0.1):.1f} MB"


def line(form: Form, path: Path | None, newest: float = 0, inside: bool = False) -> str:
    """Return a form's entry: its link if the file is there, or the command that makes it.

    A file older than the newest text of the book says so; inside: in the archive of the site, which
    cannot hold itself.
    """
    if inside and form is ZIP:
        said = f"<strong>{form.name}</strong>: this copy."
    elif path is None:
        said = (
            f"<strong>{form.name}</strong>, not made yet: <code>{form.command}</code> in the "
            f"repository makes it. {form.about}"
        )
    else:
        link = (
            f'<a href="../../downloads/{form.file}" download="download">{form.name}</a>'
        )
        said = f"{link}, {size(path)}. {form.about}"
        if path.stat().st_mtime < newest:
            said += f" Older than the text: <code>{form.command}</code> makes it again."
    return f"<li><p>{said}</p></li>"


def listed(lines: Iterable[str]) -> str:
    """Return the list, between its marks."""
    return BEGIN + "\n".join(lines) + END


def filled(page: str, downloads: Path, newest: float = 0, inside: bool = False) -> str:
    """Return the page with the list of what is among the downloads."""
    paths = {form: downloads / form.file for form in FORMS}
    entries = [
        line(form, path if path.is_file() else None, newest, inside)
        for form, path in paths.items()
    ]
    return re.sub(
        f"{re.escape(BEGIN)}.*?{re.escape(END)}",
        lambda m: listed(entries),
        page,
        flags=re.S,
    )


def newest_text(root: Path) -> float:
    """Return when the text of the book, its code or its records last changed."""
    files = (
        p for folder in ("book", "code", "results") for p in (root / folder).rglob("*")
    )
    texts = (p for p in files if p.suffix in TEXT and "_ext" not in p.parts)
    return max((path.stat().st_mtime for path in texts), default=0)


def show(folder: Path, root: Path = drawn_cells.ROOT) -> None:
    """Bring the site's downloads, and the page that lists them, up to date with _build/forms."""
    downloads = folder / "html/downloads"
    downloads.mkdir(parents=True, exist_ok=True)
    for form in FORMS:
        made, shown = folder / "forms" / form.file, downloads / form.file
        if made.is_file():
            if not shown.is_file() or os.path.getmtime(made) != os.path.getmtime(shown):
                shutil.copy2(made, f"{shown}.new")
                os.replace(f"{shown}.new", shown)
        elif form.file != notebooks.NAME:
            shown.unlink(missing_ok=True)
    page = folder / "html" / PAGE
    if page.is_file():
        text = page.read_text("utf-8")
        now = filled(text, downloads, newest_text(root))
        if now != text:
            with tempfile.NamedTemporaryFile(
                "w", dir=page.parent, delete=False
            ) as file:
                file.write(now)
            os.chmod(file.name, 0o644)
            os.replace(file.name, page)


class Downloads(SphinxDirective):
    """The list, as it stands before any file is there."""

    def run(self) -> list[nodes.Node]:
        """Return the list."""
        return [
            nodes.raw("", listed(line(form, None) for form in FORMS), format="html")
        ]


def main() -> None:
    """Show what is in _build/forms now."""
    with build.alone(build.BUILD):
        show(build.BUILD)


def finish(app: Any, exception: Exception | None) -> None:
    """Show the forms once the site is built."""
    if exception is None and app.builder.name == "html":
        show(Path(app.outdir).parent, Path(app.srcdir))


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.add_directive("downloads", Downloads)
    # after the notebooks are packed
    app.connect("build-finished", finish, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


if __name__ == "__main__":
    main()
