"""KaTeX's style and fonts from npm; of the theme, unused files and faults removed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

from sphinx.errors import ExtensionError

from book._ext.page import figures_on_page
from book._ext.source import source_pages

# Files the theme and the extensions copy into the site and no page of ours asks for.
UNUSED = (
    "_static/**/*.map",
    "_static/**/*.LICENSE.txt",
    "_static/scripts/fontawesome.js",
    "_static/scripts/bootstrap.js",
    "_static/webpack-macros.html",
    "_static/vendor",
    "_static/images",
    "_static/togglebutton.*",
    "_static/locales",
    "_static/sbt-webpack-macros.html",
    "objects.inv",
    ".buildinfo",
)


# Faults of accessibility in the HTML of the theme and of the extensions.
REPAIRS: tuple[tuple[str, Any], ...] = (
    # The label would hide from a screen reader whether the summary says show or hide.
    (r' aria-label="Toggle hidden content"', ""),
    # sphinx-exercise gives every exercise of a page the same id.
    (r'<section id="(?:exercise|solution)-content">', "<section>"),
    # The entries of a bibliography's list.
    (r'role="doc-biblioentry"', 'role="listitem"'),
    # The empty corner of a table is not a header.
    (r'<th class="head[^"]*">\s*(?:<p>\s*</p>)?\s*</th>', "<td></td>"),
    # A header of mathematics alone counts as empty unless its letters can be read.
    (
        r'<th class="head[^"]*"><p><span class="math">(?:(?!</th>).)*</span></p></th>',
        lambda th: (
            th[0]
            .replace('"katex-html" aria-hidden="true"', '"katex-html"')
            .replace('"katex-mathml"', '"katex-mathml" aria-hidden="true"')
        ),
    ),
)

FONTS = {  # the Latin part of each; book/_static/site.css names them
    "source-serif-4": ("400-normal", "400-italic", "600-normal"),
    "source-sans-3": ("400-normal", "600-normal"),
    "source-code-pro": ("400-normal",),
}


def npm_assets(app: Any, config: Any) -> None:
    """Put the fonts, KaTeX's style and the licences into the site."""
    modules = Path(app.srcdir) / "node_modules"
    package = modules / "katex/dist"
    if not package.is_dir():
        raise ExtensionError(f"{package} is missing: make book installs it")
    target = Path(app.outdir).parent / "assets"
    shutil.rmtree(target, ignore_errors=True)
    for folder in ("katex/fonts", "fonts", "licenses"):
        (target / folder).mkdir(parents=True)
    for family, faces in FONTS.items():
        for face in faces:
            shutil.copy(
                modules / f"@fontsource/{family}/files/{family}-latin-{face}.woff2",
                target / "fonts" / f"{family}-{face}.woff2",
            )
        shutil.copy(
            modules / f"@fontsource/{family}/LICENSE", target / f"licenses/{family}.txt"
        )
    shutil.copy(modules / "katex/LICENSE", target / "licenses/katex.txt")
    for font in package.glob("fonts/*.woff2"):
        shutil.copy(font, target / "katex/fonts")
    style = (package / "katex.min.css").read_text("utf-8")
    style = re.sub(r',url\([^)]*\.(?:woff|ttf)\) format\("\w+"\)', "", style)
    (target / "katex/katex.min.css").write_text(style, "utf-8")
    config.html_static_path.append(str(target))


def tidy_page(
    app: Any, pagename: str, templatename: str, context: dict, doctree: Any
) -> None:
    """Keep from a page the scripts that do nothing there, and offer its executed notebook."""
    body = context.get("body") or ""
    # The second would mark the words of a search on the page that it has led to.
    idle = ["design-tabs"] * ("sd-tab-set" not in body) + ["sphinx_highlight"]
    context["script_files"] = [
        script
        for script in context["script_files"]
        if not any(name in str(script.filename) for name in idle)
    ]
    for pattern, better in REPAIRS:
        body = re.sub(pattern, better, body)
    context["body"] = body
    notebook = Path(app.outdir).parent / "jupyter_execute" / f"{pagename}.ipynb"
    if (
        doctree is not None
        and notebook.is_file()
        and "kernelspec" in (context.get("meta") or {})
    ):
        target = Path(app.outdir) / "_sources" / f"{pagename}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(notebook, target)
        context["executed_notebook"] = f"_sources/{pagename}.ipynb"


def tidy_site(app: Any, exception: Exception | None) -> None:
    """Remove what no page asks for."""
    if exception or app.builder.name != "html":
        return
    out = Path(app.outdir)
    remove_stale(app, out)
    for pattern in UNUSED:
        for path in out.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    for style in out.glob("_static/styles/pydata-sphinx-theme.css"):
        text = style.read_text("utf-8")
        # The theme's icons are a font that we do not serve; site.css draws the few that pages show.
        style.write_text(
            re.sub(r"@font-face\{[^}]*Font ?Awesome[^}]*\}", "", text), "utf-8"
        )


def remove_stale(app: Any, out: Path) -> None:
    """Remove the pages and images of an earlier build that this one no longer has."""
    pages = {
        *app.env.found_docs,
        *map(source_pages.page_of, source_pages.names(Path(app.srcdir))),
    }
    pages |= {"index", "search", "genindex"}
    for path in out.rglob("*.html"):
        if path.relative_to(out).with_suffix("").as_posix() not in pages:
            path.unlink()
    images = {name for _, name in app.env.images.values()} | set(
        app.builder.images.values()
    )
    for path in out.glob("_images/*"):
        if (
            path.name not in images
            and path.name.replace(".dark.svg", ".svg") not in images
        ):
            path.unlink()
    for path in out.glob(f"{figures_on_page.CHARTS}/*"):
        if f"{path.name.partition('.')[0]}.svg" not in images:
            path.unlink()


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    # Jupyter Book sets it for sphinx-comments
    app.add_config_value("comments_config", {}, "html")
    app.connect("config-inited", npm_assets)
    app.connect("html-page-context", tidy_page, priority=800)
    app.connect("build-finished", tidy_site)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
