"""A diagram as data: boxes, ellipses, lines and texts, which any renderer can draw.

Chapters make sketches with the functions of ``schematics`` and ``diagrams``.
``matplotlib_sketches`` draws a sketch when the book is built, and a script of the site draws the
same description in the page. This module needs NumPy alone, so it runs in the page too.

One unit is equally long across and up. Text is plain, or has formulas between dollar signs. A
colour is one of `COLOURS`, and an empty one draws nothing. The `name` of a shape says what it
stands for. Widths of lines and sizes of text are in points.
"""

from typing import NamedTuple

from unrolled.drawing import chart, palette

COLOURS = (*palette.COLOURS, "grey", "pale", "ground")
DASHES = ("solid", "dashed", "dotted")


class Box(NamedTuple):
    """A rectangle around its middle, with round corners of the radius `corner`."""

    x: float
    y: float
    width: float
    height: float
    name: str = ""
    colour: str = "ink"
    fill: str = "ground"
    line: float = 1.2
    dash: str = "solid"
    corner: float = 0.0


class Ellipse(NamedTuple):
    """An ellipse around its middle."""

    x: float
    y: float
    width: float
    height: float
    name: str = ""
    colour: str = "ink"
    fill: str = "ground"
    line: float = 1.2


class Path(NamedTuple):
    """A line through points, which can end in an arrowhead; if it has a `fill`, it is closed.

    A point (x, y) is reached on a straight line, and (a, b, x, y) on a curve, which begins towards
    (a, b) and comes from there.
    """

    points: tuple[tuple[float, ...], ...]
    name: str = ""
    colour: str = "ink"
    fill: str = ""
    line: float = 1.2
    dash: str = "solid"
    head: bool = False


class Text(NamedTuple):
    """A text at a point, or `away` points to one side of it, turned by `angle` degrees."""

    x: float
    y: float
    text: str
    colour: str = "ink"
    size: float = 11.0
    side: str = "centre"
    away: float = 0.0
    angle: float = 0.0
    code: bool = False


Shape = Box | Ellipse | Path | Text


class Sketch(NamedTuple):
    """Shapes, the first at the bottom, on `width` × `height` units of `scale` inches."""

    shapes: tuple[Shape, ...]
    width: float
    height: float
    scale: float
    left: float = 0.0
    bottom: float = 0.0

    def __repr__(self) -> str:
        """Says how many shapes there are: the description itself is long."""
        return f"<Sketch of {len(self.shapes)} shape{'s' * (len(self.shapes) != 1)}>"

    def _repr_svg_(self) -> str:
        # Here, because a page has no Matplotlib.
        from unrolled.drawing import matplotlib_sketches

        return matplotlib_sketches.svg(self)

    def to_json(self) -> str:
        """Returns the description as JSON."""
        return chart.to_json(self)
