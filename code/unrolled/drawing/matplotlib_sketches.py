"""Sketches drawn by Matplotlib, as SVG, for the book and for notebooks."""

from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import patches
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.path import Path as Outline

from unrolled.drawing import matplotlib_charts, style
from unrolled.drawing.sketch import Box, Ellipse, Path, Sketch, Text

DASHES: dict[str, Any] = {"solid": "-", "dashed": (0, (3, 1.6)), "dotted": ":"}
NAMED = matplotlib_charts.NAMED | {"ground": style.GROUND, "": "none"}


def draw(sketch: Sketch) -> Figure:
    """Returns a sketch as a figure of Matplotlib; the name of a shape is its gid."""
    with mpl.rc_context(style.STYLE | {"figure.constrained_layout.use": False}):
        figure = Figure((sketch.width * sketch.scale, sketch.height * sketch.scale))
        put(figure.add_axes((0, 0, 1, 1)), sketch)
    return figure


def put(axes: Axes, sketch: Sketch) -> None:
    """Draws a sketch on axes, as large as they have room for it."""
    axes.set(
        xlim=(sketch.left, sketch.left + sketch.width),
        ylim=(sketch.bottom, sketch.bottom + sketch.height),
        aspect="equal",
    )
    axes.axis("off")
    for above, shape in enumerate(sketch.shapes):
        if isinstance(shape, Text):
            draw_text(axes, shape).set_zorder(above)
        else:
            patch = axes.add_patch(outline(shape))
            patch.set(gid=shape.name or None, zorder=above, clip_on=False)


def outline(shape: Box | Ellipse | Path) -> patches.Patch:
    """Returns a shape as a patch of Matplotlib."""
    look: dict[str, Any] = {
        "edgecolor": NAMED[shape.colour],
        "facecolor": NAMED[shape.fill],
        "linewidth": shape.line,
    }
    if isinstance(shape, Ellipse):
        return patches.Ellipse((shape.x, shape.y), shape.width, shape.height, **look)
    look["linestyle"] = DASHES[shape.dash]
    if isinstance(shape, Box):
        corner = (shape.x - shape.width / 2, shape.y - shape.height / 2)
        if not shape.corner:
            return patches.Rectangle(corner, shape.width, shape.height, **look)
        rounded = f"round,pad=0,rounding_size={shape.corner}"
        return patches.FancyBboxPatch(
            corner, shape.width, shape.height, boxstyle=rounded, **look
        )
    places, codes = [], []
    for point in shape.points:
        places += [point[i : i + 2] for i in range(0, len(point), 2)]
        codes += [Outline.LINETO] if len(point) == 2 else [Outline.CURVE3] * 2
    codes[0] = Outline.MOVETO
    if shape.fill:
        places, codes = [*places, places[0]], [*codes, Outline.CLOSEPOLY]
    look |= {"capstyle": "butt", "joinstyle": "miter" if shape.fill else "round"}
    if not shape.head:
        return patches.PathPatch(Outline(places, codes), **look)
    look |= {"facecolor": look["edgecolor"], "arrowstyle": "-|>", "mutation_scale": 10}
    return patches.FancyArrowPatch(path=Outline(places, codes), **look)


def draw_text(axes: Axes, shape: Text) -> Any:
    """Writes a text and returns it."""
    (right, above), across, up = matplotlib_charts.SIDES[shape.side]
    return axes.annotate(
        shape.text,
        (shape.x, shape.y),
        xytext=(shape.away * np.sign(right), shape.away * np.sign(above)),
        textcoords="offset points",
        ha=across,
        va=up,
        rotation=shape.angle,
        rotation_mode="anchor",
        color=NAMED[shape.colour],
        fontsize=shape.size,
        family="monospace" if shape.code else None,
        annotation_clip=False,
    )


def svg(sketch: Sketch) -> str:
    """Returns a sketch as SVG, with its description in an element `metadata`."""
    return matplotlib_charts.saved(draw(sketch), sketch.to_json())
