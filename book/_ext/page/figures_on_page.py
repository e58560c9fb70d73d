"""Figures on the page: alt text for every image, and a dark twin for every figure of the book.

Matplotlib's SVG names each colour. The style of `unrolled.drawing.figures` uses a few named ones
(ink, grid, palette), so a dark twin of a figure is the same file with those colours exchanged; the
page shows the one that suits.
"""

from __future__ import annotations

import html
import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util import logging

from book._ext.source import changes

LOG = logging.getLogger(__name__)

HEAVIEST = 400_000
CHARTS = "_charts"  # the folder of the site with a file for each chart


def dark_colours(root: Path) -> dict[str, str]:
    """Return the dark counterpart of each colour of the figures' style."""

    def compute() -> dict[str, str]:
        from unrolled.drawing import figures  # Matplotlib takes half a second

        return figures.DARK

    made_from = changes.files(root / "code")
    return changes.remembered(root, "dark-colours", made_from, compute)


def dark_twin(svg: str, colours: dict[str, str]) -> str:
    """Return an SVG with each colour of the style exchanged for its dark counterpart."""
    return re.sub(r"#[0-9a-fA-F]{6}\b", lambda m: colours.get(m[0].lower(), m[0]), svg)


DESCRIPTION = re.compile(r'<metadata id="chart">([^<]*)</metadata>\s*')


def without_description(svg: str) -> str:
    """Return the SVG of a chart without its numbers, which stand in a file of their own."""
    return DESCRIPTION.sub("", svg)


def description(svg: str) -> str | None:
    """Return the description of a chart that its SVG carries, as JSON, if it is one."""
    found = DESCRIPTION.search(svg)
    return found and html.unescape(found[1])


def put_description(svg: str, path: Path, out: Path) -> str | None:
    """Put the description of a chart or a diagram into the site; return which of them it is.

    It is kept beside the picture, from which it is taken away: the page can be written again
    without its cells being run again.
    """
    kept = path.with_suffix(".chart.json")
    if (found := description(svg)) is not None:
        kept.write_text(found, "utf-8")
    elif not kept.is_file():
        return None
    (out / CHARTS).mkdir(exist_ok=True)
    shutil.copy(kept, out / CHARTS / f"{path.stem}.json")
    return json.loads(kept.read_text("utf-8")).get("kind", "chart")


def put_recording(node: nodes.Node, path: Path, out: Path) -> None:
    """Put what was recorded for the knob of a chart's cell into the site, beside the chart.

    The cell notes the name of the file, for the elements of the knob.
    """
    if (cell := _cell_of(node)) and "recorded_run" in cell:
        cell["recorded"] = f"{path.stem}.recorded.json"
        (out / CHARTS / cell["recorded"]).write_text(cell["recorded_run"], "utf-8")


def _cell_of(node: nodes.Node) -> nodes.Element | None:
    """Return the code cell in which a node is."""
    while (node := node.parent) is not None:
        if node.get("nb_element") == "cell_code":
            return node
    return None


def inline_bars(described: str, alt: str) -> str:
    """Return a chart of bars as a list in the page, with its alt text: a picture is heavier.

    It stands in the place of a cell's picture if the cell's metadata says `inline: true`.
    """
    (panel,) = json.loads(described)["panels"]
    (mark,) = panel["marks"]
    most = (panel["x"]["limits"] or [0, max(mark["values"])])[1]
    bars = "".join(
        f'<li><span>{html.escape(name)}</span> <i style="width:{70 * value / most:.0f}%"></i> '
        f"{value:{mark['number']}}</li>"
        for name, value in zip(mark["names"], mark["values"], strict=True)
    )
    return f'<div class="chart-bars"><p>{html.escape(alt)}</p><ol>{bars}</ol></div>'


def check(app: Any, doctree: nodes.document) -> None:
    """Fail for an image without alt text, and for a figure in the wrong form."""
    if not doctree.get("source", "").endswith(".bib"):
        for node, fault in faults(doctree):
            LOG.warning("%s", fault, location=place(node), type="figure")


def faults(doctree: nodes.document) -> Iterator[tuple[nodes.Node, str]]:
    """Yield each image or cell that is at fault, and what is wrong with it."""
    for node in doctree.findall(nodes.image):
        if not str(node.get("alt", "")).strip():
            yield node, f"image without alt text: {Path(node['uri']).name}"
    for node in doctree.findall(nodes.container):
        if node.get("nb_element") == "cell_code":
            options = (node.get("cell_metadata") or {}).get("mystnb", {})
            if {"image", "figure"} & set(options) and not any(
                node.findall(nodes.image)
            ):
                yield node, "cell without its figure"
        if node.get("nb_element") == "mime_bundle":
            types = {child.get("mime_type") for child in node.children}
            if "image/png" in types and "image/svg+xml" not in types:
                yield node, "figure as PNG: call figures.use_style() first"
            shown = not any(str(kind).startswith("image/") for kind in types)
            if shown and re.match(
                r"\[?<(Figure|Axes|matplotlib\.)", node.astext().strip()
            ):
                why = "output shows a Matplotlib object: end the cell with a semicolon"
                yield node, why
    for node in doctree.findall(nodes.raw):
        if re.search(r"<img\b(?![^>]*\balt=\"[^\"]+\")", node.astext()):
            yield node, "HTML output with an image without alt text"


def place(node: nodes.Node) -> nodes.Node:
    """Return the nearest node that knows its line."""
    while node.parent is not None and not (getattr(node, "line", None) and node.source):
        node = node.parent
    return node


class Twins(SphinxPostTransform):
    """Replace each SVG that a cell drew by a light and a dark one."""

    # after myst-nb has chosen among the forms of an output, before images are collected
    default_priority = 6
    builders = ("html", "dirhtml", "singlehtml")

    def run(self, **kwargs: Any) -> None:
        """Write the dark twins and put both images in place."""
        root = Path(self.app.srcdir)
        drawn = {
            node: path
            for node in self.document.findall(nodes.image)
            if (path := root / node["uri"].lstrip("/")).suffix == ".svg"
            and "jupyter_execute" in path.parts
            and path.is_file()
        }
        colours = dark_colours(root) if drawn else {}
        for node, path in drawn.items():
            whole = path.read_text("utf-8")
            svg = without_description(whole)
            kind = put_description(whole, path, Path(self.app.outdir))
            is_chart = kind == "chart"
            if is_chart:
                put_recording(node, path, Path(self.app.outdir))
            if svg != whole:
                path.write_text(svg, "utf-8")
            cell = _cell_of(node)
            if is_chart and cell and (cell.get("cell_metadata") or {}).get("inline"):
                kept = path.with_suffix(".chart.json").read_text("utf-8")
                bars = inline_bars(kept, node["alt"])
                node.replace_self(nodes.raw("", bars, format="html"))
                continue
            if len(svg) > HEAVIEST:
                LOG.warning(
                    "figure of %d KB: draw its many points with rasterized=True",
                    len(svg) // 1000,
                    location=place(node),
                    type="figure",
                )
            twin = path.with_name(path.stem + ".dark.svg")
            twin.write_text(dark_twin(svg, colours), "utf-8")
            dark = node.deepcopy()
            dark["uri"] = node["uri"].lstrip("/").removesuffix(".svg") + ".dark.svg"
            dark["candidates"] = {"*": dark["uri"]}
            self.env.images.add_file(self.env.docname, dark["uri"])
            size = re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg[:2000])
            for image, theme in ((node, "light-twin"), (dark, "dark-twin")):
                image["classes"] = [
                    *image.get("classes", []),
                    "plot",
                    "dark-light",
                    theme,
                ]
                image["loading"] = "lazy"
                if kind and image is node:
                    image["classes"].append(kind)
                if size and "width" not in image:
                    # Goes into the image's style as it is; its place is kept until it has loaded.
                    image["width"] = (
                        f"{round(float(size[1]) * 4 / 3)}px; aspect-ratio: auto "
                    )
                    image["width"] += f"{size[1]} / {size[2]}"
            node.parent.insert(node.parent.index(node) + 1, dark)


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.connect("doctree-read", check)
    app.add_post_transform(Twins)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
