"""The package's and the tests' files as pages of the site.

Captions and marks link to them: to something that works offline, in the very version that the book
was built from, before the repository has an address.

A function or class of a file has its name as anchor: `source/code/unrolled/cells/rnn.html#step`.
"""

from __future__ import annotations

import ast
import hashlib
import html
import multiprocessing
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from book._ext.source import address

FOLDERS = ("code/unrolled", "tests", "experiments")
MANY = 50  # files: for fewer, no other processes are started


def page_of(path: str) -> str:
    """Return the page that shows a file: `code/a.py` -> `source/code/a`."""
    return "source/" + path.removesuffix(".py")


def listed(root: Path) -> list[Path]:
    """Return every Python file that has a page."""
    return [p for folder in FOLDERS for p in sorted((root / folder).rglob("*.py"))]


def names(root: Path) -> list[str]:
    """Return the same files by their path from the repository's root."""
    return [path.relative_to(root).as_posix() for path in listed(root)]


def link(app: Any, docname: str, path: str, name: str = "") -> str:
    """Return the relative address of a file's page, at the definition of `name`, from a page."""
    uri = app.builder.get_relative_uri(docname, page_of(path))
    return f"{uri}#{name}" if name else uri


def rendered(text: str) -> str:
    """Return highlighted HTML with an anchor at every function, class and method."""
    body = highlight(
        text, PythonLexer(), HtmlFormatter(linespans="L", cssclass="highlight")
    )
    for node in _definitions(ast.parse(text)):
        line = min([node.lineno, *(d.lineno for d in node.decorator_list)])
        span = f'<span id="L-{line}">'
        body = body.replace(
            span, f'<span id="{node.name}" class="anchor"></span>{span}', 1
        )
    return body


def all_rendered(texts: list[str]) -> Iterator[str]:
    """Yield what `rendered` makes of each text; of many texts, on all cores."""
    if len(texts) < MANY or sys.platform != "linux":
        yield from map(rendered, texts)
        return
    copies = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(mp_context=copies) as processes:
        yield from processes.map(rendered, texts, chunksize=8)


def _definitions(tree: ast.Module) -> Iterator[ast.FunctionDef | ast.ClassDef]:
    names = set()
    for node in tree.body:
        inner = node.body if isinstance(node, ast.ClassDef) else []
        for item in [node, *inner]:
            if (
                isinstance(item, ast.FunctionDef | ast.ClassDef)
                and item.name not in names
            ):
                names.add(item.name)
                yield item


def pages(app: Any) -> Iterator[tuple[str, dict[str, Any], str]]:
    """Yield a page for each file that has changed, or for all if every page of the book is new."""
    root, out = Path(app.srcdir), Path(app.outdir)
    written = [out / app.builder.get_target_uri(page) for page in app.env.found_docs]
    oldest = min(page.stat().st_mtime_ns for page in written)

    def is_made(name: str) -> bool:
        made = out / app.builder.get_target_uri(page_of(name))
        unchanged = name not in app.env.unrolled_changed_sources
        return unchanged and made.is_file() and made.stat().st_mtime_ns > oldest

    due = [name for name in names(root) if not is_made(name)]
    texts = [(root / name).read_text("utf-8") for name in due]
    for name, body in zip(due, all_rendered(texts), strict=True):
        url = address.file_url(app.config, name)
        where = f'<a href="{html.escape(url)}">in the repository</a>' if url else ""
        # The first heading and the highlighted file; <main> comes from the theme.
        yield (
            page_of(name),
            {
                "title": name,
                "body": f"<h1><code>{name}</code></h1><p class='source-note'>The file as this book "
                f"was built from it. {where}</p>"
                + body.replace("<pre>", '<pre tabindex="0">', 1),
            },
            "source.html",
        )


def outdated(app: Any, env: Any, added: set, changed: set, removed: set) -> list[str]:
    """Make the builder run when only a file's page has changed."""
    root = Path(app.srcdir)
    before = getattr(env, "unrolled_source_hashes", {})
    now = {
        name: hashlib.sha256((root / name).read_bytes()).digest()
        for name in names(root)
    }
    env.unrolled_source_hashes = now
    env.unrolled_changed_sources = {
        name for name in now if now[name] != before.get(name)
    }
    return [] if before == now else [app.config.root_doc]


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.connect("html-collect-pages", pages)
    app.connect("env-get-outdated", outdated)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
