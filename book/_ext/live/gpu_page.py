"""The page *On your own GPU*: its button, and what it loads when the button is pressed.

The kernels are the files .wgsl of the package, and gpu_proofs.py says what they must compute.
Nothing of this is loaded before a reader asks.
"""

from __future__ import annotations

import json
import shutil
from functools import lru_cache
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from book._ext.live import gpu_proofs
from book._ext.live.kept_parts import digest
from unrolled.speed import gpu_readers

ROOT = Path(__file__).resolve().parents[3]
SCRIPTS = ROOT / "book/_live/gpu"
KERNELS = ROOT / "code/unrolled/webgpu"
PLACE = "@@own-gpu-static@@"
BUTTONS = """\
<link rel="stylesheet" href="{place}/own-gpu.css">
<div class="own-gpu not-on-paper" data-folder="{folder}">
<div class="own-gpu-bar">
<button type="button">Start</button>
<button type="button" hidden>Save the record</button>
<p role="status"></p>
</div>
<div class="own-gpu-results"></div>
</div>
<script defer src="{place}/own-gpu.js"></script>"""


@lru_cache(maxsize=1)
def data() -> bytes:
    """Return the kernels and the proofs as JSON."""
    kernels = {p.stem: p.read_text("utf-8") for p in sorted(KERNELS.glob("*.wgsl"))}
    found = {
        "digest": gpu_readers.kernels(),
        "kernels": kernels,
        "proofs": gpu_proofs.proofs(),
    }
    return json.dumps(found, separators=(",", ":")).encode()


def files() -> dict[str, bytes]:
    """Return all files that are loaded after Start, by name."""
    scripts = {path.name: path.read_bytes() for path in sorted(SCRIPTS.glob("*.*"))}
    return scripts | {"data.json": data()}


def folder() -> str:
    """Return the name of their folder, so that no browser keeps an old one."""
    return f"gpu-{digest(*files().values())}"


class OwnGpu(SphinxDirective):
    """The button, and room for what it finds."""

    def run(self) -> list[nodes.Node]:
        """Return the HTML; its script fills it."""
        ours = Path(__file__), Path(gpu_proofs.__file__)
        for path in [*SCRIPTS.glob("*.*"), *KERNELS.glob("*"), *ours]:
            self.env.note_dependency(str(path))
        html = BUTTONS.format(place=PLACE, folder=folder())
        return [nodes.raw("", html, format="html")]


class GpuReaders(SphinxDirective):
    """The table of the records that readers have sent."""

    def run(self) -> list[nodes.Node]:
        """Return the table as lines of text, made again when a record comes."""
        sent = Path(self.env.srcdir) / "results/gpu/readers"
        for path in [sent, *sent.glob("*.json")]:
            self.env.note_dependency(str(path))
        lines = gpu_readers.table(sent)
        return [nodes.literal_block(lines, lines, language="text")]


def place(
    app: Any, pagename: str, templatename: str, context: dict, doctree: Any
) -> None:
    """Write the page's own way to the static files, and the files that it loads among them."""
    if PLACE in (context.get("body") or ""):
        target = Path(app.outdir) / "_static" / folder()
        for old in target.parent.glob("gpu-*"):
            if old != target:
                shutil.rmtree(old)
        target.mkdir(parents=True, exist_ok=True)
        for name, content in files().items():
            (target / name).write_bytes(content)
        context["body"] = context["body"].replace(
            PLACE, context["pathto"]("_static", 1)
        )


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.add_directive("own-gpu", OwnGpu)
    app.add_directive("gpu-readers", GpuReaders)
    app.connect("html-page-context", place)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
