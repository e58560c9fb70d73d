"""One style sheet and one script for all pages, in place of two dozen files.

The theme and the extensions bring most of a megabyte of style, of which a page uses a few hundred
rules. When the pages are written, esbuild joins the sheets, and PurgeCSS drops the rules whose
names occur on no page and in no script. What single pages add (the button that runs code, the
search) stays a file of its own, without its comments. Every script is deferred but theme.js,
which runs before the first paint.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from book._ext.source import node

ROOT = Path(__file__).resolve().parents[3]
THEME_STYLES = ["styles/theme.css", "styles/pydata-sphinx-theme.css"]
THEME_SCRIPTS = ["scripts/pydata-sphinx-theme.js"]
# The first is for the theme's script, and the others come after all others.
STORAGE = "storage.js"
WITH_STORAGE = """((localStorage, sessionStorage) => {{
{}
}})(pageStorage, keptIn("sessionStorage"));"""
OUR_SCRIPTS = [
    "site.js",
    "reading.js",
    "progress.js",
    "settings.js",
    "chart-numbers.js",
]
# The first is loaded by few pages, the second by none.
SEPARATE = ("design-tabs.js", "sphinx_highlight.js")

# Classes whose names scripts put together, or that are in no page when the bundle is made.
KEPT = ["dark", "light", "auto", "scripted", "scrolled", "show", "active"]

PURGE = """\
import { readFileSync, writeFileSync } from "node:fs";
import { PurgeCSS } from "purgecss";
const { css, words, scripts, kept, out } = JSON.parse(readFileSync(0, "utf-8"));
const content = [{ raw: words, extension: "html" },
  ...scripts.map((path) => ({ raw: readFileSync(path, "utf-8"), extension: "js" }))];
const extractor = (text) => text.match(/[\\w-]+/g) ?? [];
const [purged] = await new PurgeCSS().purge({
  content, css: [{ raw: readFileSync(css, "utf-8") }], defaultExtractor: extractor,
  safelist: { standard: kept, variables: [/^--u-/] }, keyframes: true, variables: true,
});
writeFileSync(out, purged.css);
"""


def version() -> str:
    """Return a digest of what the bundles are made of, so that no browser keeps an old one."""
    digest = hashlib.sha256((ROOT / "requirements.lock").read_bytes())
    digest.update((ROOT / "package-lock.json").read_bytes())
    for path in sorted((ROOT / "book/_static").glob("*.[cj]s*")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:8]


class Shared:
    """The style sheets and scripts that every page loads."""

    styles: list[str] = []
    scripts: list[str] = []


def note_shared(
    app: Any, pagename: str, templatename: str, context: dict, doctree: Any
) -> None:
    """Note what a page loads before anything has added what it alone needs."""
    names = {
        kind: [str(f.filename).removeprefix("_static/") for f in files if f.filename]
        for kind, files in context.items()
        if kind in ("css_files", "script_files")
    }
    Shared.styles = THEME_STYLES + list(dict.fromkeys(names["css_files"]))
    others = [
        name
        for name in dict.fromkeys(names["script_files"])
        if name not in (STORAGE, *OUR_SCRIPTS, *SEPARATE)
    ]
    Shared.scripts = [*others, STORAGE, *THEME_SCRIPTS, *OUR_SCRIPTS]


def drop_bundled(
    app: Any, pagename: str, templatename: str, context: dict, doctree: Any
) -> None:
    """Keep in a page's lists only files that are in no bundle; the template links the bundles."""
    bundled = {f"_static/{name}" for name in Shared.styles + Shared.scripts}
    context["bundle_version"] = app.config.bundle_version
    for kind in ("css_files", "script_files"):
        own = [
            f for f in context[kind] if f.filename and str(f.filename) not in bundled
        ]
        for file in own if kind == "script_files" else ():
            file.attributes["defer"] = "defer"
        context[kind] = own


def join(out: Path, names: list[str], target: Path, suffix: str) -> None:
    """Join files of _static into one; what the sheets' url() name goes with them."""
    node_modules = ROOT / "node_modules"
    tool = [
        str(node_modules / ".bin/esbuild"),
        "--minify-whitespace",
        "--legal-comments=none",
        "--log-level=warning",
    ]
    static = out / "_static"
    if suffix == ".css":
        entry = static / ".entry.css"
        entry.write_text("".join(f'@import "./{name}";\n' for name in names), "utf-8")
        flags = [
            "--bundle",
            "--minify-syntax",
            "--loader:.woff2=file",
            "--loader:.svg=dataurl",
            "--loader:.png=dataurl",
            "--asset-names=fonts/[name]",
            "--allow-overwrite",
            f"--outdir={target.parent}",
            f"--entry-names={target.stem}",
        ]
        node.run([*tool, *flags, str(entry)])
        entry.unlink()
    else:
        texts = {name: (static / name).read_text("utf-8") for name in names}
        for name in set(names) & set(THEME_SCRIPTS):
            texts[name] = WITH_STORAGE.format(texts[name])
        text = "\n;\n".join(texts.values())
        # The theme writes what it does to the console.
        silent = [f"--pure:console.{name}" for name in ("log", "info", "debug")]
        done = node.run([*tool, *silent, "--minify-syntax", "--loader=js"], text)
        target.write_text(done, "utf-8")


def compress_own_scripts(static: Path, whole: Path) -> None:
    """Take comments and white space out of the scripts that only some pages load."""
    tool = [str(ROOT / "node_modules/.bin/esbuild"), "--minify", "--loader=js"]
    for path in sorted((ROOT / "book/_static").glob("*.js")):
        if not (static / path.name).is_file():
            continue
        target, text = whole / path.name, path.read_bytes()

        def make(target: Path = target, text: bytes = text) -> None:
            target.write_text(node.run(tool, text.decode()), "utf-8")

        (static / path.name).write_bytes(made(target, [text], make))


# A selector can ask for the values of these attributes; alt and title hold prose.
ATTRIBUTE = re.compile(r'\s([\w-]+)(?:="([^"]*)")?')
NAMING = ("class", "id", "type", "role", "data-")


def words_of(out: Path) -> str:
    """Return every word that pages use as an element, attribute, class, id, type or role."""
    words: set[str] = set()
    tags: set[str] = set()
    for path in out.rglob("*.html"):
        tags.update(re.findall(r"<[a-zA-Z][^<>]*", path.read_text("utf-8")))
    for tag in tags:
        words.update(re.findall(r"^<([\w-]+)", tag))
        for name, value in ATTRIBUTE.findall(tag):
            words.add(name)
            if name.startswith(NAMING):
                words.update(re.findall(r"[\w-]+", value))
    return " ".join(sorted(words))


def made(path: Path, inputs: Iterable[bytes], make: Callable[[], Any]) -> bytes:
    """Return the content of a file, made anew unless it was made from the same inputs."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    locks = (ROOT / name for name in ("requirements.lock", "package-lock.json"))
    for data in [*inputs, *(lock.read_bytes() for lock in locks)]:
        digest.update(hashlib.sha256(data).digest())
    stamp = path.with_name(f"{path.name}.made-from")
    if not (path.is_file() and stamp.is_file()) or (
        stamp.read_text("utf-8") != digest.hexdigest()
    ):
        stamp.unlink(missing_ok=True)
        make()
        stamp.write_text(digest.hexdigest(), "utf-8")
    return path.read_bytes()


def bundle(app: Any, exception: Exception | None) -> None:
    """Make book.css and book.js when all pages are written; remove their parts from the site."""
    if exception or app.builder.name != "html":
        return
    out = Path(app.outdir)
    whole = out.parent / "bundle"
    whole.mkdir(exist_ok=True)
    made_of = whole / "parts.json"
    static = out / "_static"
    if not Shared.styles:
        # No page was written: the last bundles stay. Sphinx may have copied some parts again.
        for part in json.loads(made_of.read_text("utf-8")) if made_of.is_file() else ():
            (static / part).unlink(missing_ok=True)
        compress_own_scripts(static, whole)
        return
    made_of.write_text(json.dumps([*Shared.styles, *Shared.scripts]), "utf-8")
    pictures = [path.read_bytes() for path in sorted(ROOT.glob("book/_static/*.svg"))]
    bundles = {"book.css": Shared.styles, "book.js": Shared.scripts}
    for name, parts in bundles.items():
        texts = [(static / part).read_bytes() for part in parts]
        make = partial(join, out, parts, whole / name, Path(name).suffix)
        (static / name).write_bytes(made(whole / name, texts + pictures, make))
        for part in parts:
            (static / part).unlink()
    compress_own_scripts(static, whole)
    shutil.copytree(whole / "fonts", static / "fonts", dirs_exist_ok=True)
    shutil.rmtree(static / "katex", ignore_errors=True)
    scripted = [*static.glob("*.js"), *ROOT.glob("book/_live/**/*.js")]
    words = words_of(out)
    given = {
        "css": str(whole / "book.css"),
        "words": words,
        "scripts": sorted(map(str, scripted)),
        "kept": KEPT,
        "out": str(whole / "purged.css"),
    }
    texts = [path.read_bytes() for path in sorted(scripted)]
    inputs = [words.encode(), (whole / "book.css").read_bytes(), *texts]
    command = [node.NODE, "--input-type=module", "-e", PURGE]
    purge = partial(node.run, command, json.dumps(given))
    (static / "book.css").write_bytes(made(whole / "purged.css", inputs, purge))


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.add_config_value("bundle_version", version(), "html")
    app.connect("html-page-context", note_shared, priority=1)
    app.connect("html-page-context", drop_bundled, priority=950)
    app.connect("build-finished", bundle, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
