"""The Content-Security-Policy that every page carries, first in its head, and obeys.

Scripts come from the site's own files: no page has a script of its own, and none can be slipped in.
Styles may stand in attributes, where KaTeX writes them, and in CodeMirror's element. Python runs in
a worker, compiled to WebAssembly. A worker that is made from a file obeys the policy that the file
is served with, which may be none; one that is made from a blob obeys the page's. So pages may only
make the latter, and code in a cell can ask no other host for anything, whatever the server sends.
"""

from __future__ import annotations

from typing import Any

PAGE = {
    # Firefox checks a prefetch against default-src. manifest-src is left to it too: WebKit 2.50
    # does not know that name, and writes an error to the console.
    "default-src": "'self'",
    "script-src": "'self' 'wasm-unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "worker-src": "blob:",
    "frame-src": "'none'",
    "object-src": "'none'",
    "media-src": "'none'",
    "base-uri": "'none'",
    "form-action": "'self'",
}
# For a server that sends it as a header. An element cannot say who may frame a page.
SERVED = PAGE | {"frame-ancestors": "'none'"}


def written(policy: dict[str, str]) -> str:
    """Return a policy as a header or an element has it."""
    return "; ".join(f"{name} {sources}" for name, sources in policy.items())


META = f'<meta http-equiv="Content-Security-Policy" content="{written(PAGE)}"/>'


def guard(
    app: Any, pagename: str, templatename: str, context: dict, doctree: Any
) -> None:
    """Put the policy before all that it governs, and drop the theme's inline scripts.

    The scripts set two options: one is false by default, the other is for a menu of versions.
    """
    if app.builder.name == "html":
        context["metatags"] = f"\n    {META}{context.get('metatags') or ''}"
    context["script_files"] = [s for s in context["script_files"] if s.filename]


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    # after the theme has added its own
    app.connect("html-page-context", guard, priority=960)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
