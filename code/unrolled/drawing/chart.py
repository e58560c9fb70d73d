"""A chart as data: panels with marks and axes, which any renderer can draw.

Chapters make charts with the functions of ``charts``. ``matplotlib_charts`` draws a chart when the
book is built, and a script of the site draws the same description in the page. This module needs
NumPy alone, so it runs in the page too.

Text is plain, or has formulas between dollar signs. A colour is one of `COLOURS`; the last three
are for marks on the cells of a heat map.
"""

import json
import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from unrolled.drawing import palette

DIGITS = 6  # significant digits of a number in JSON: more than an eye can see
DASHES = ("solid", "dashed", "dotted", "none")
MARKERS = ("circle", "square", "diamond", "up", "down", "cross")
SIDES = ("right", "left", "above", "below", "centre")
COLOURS = (*palette.COLOURS, "grey", "pale", *palette.ON_CELLS)


class Line(NamedTuple):
    """A curve, or points alone if the dash is "none".

    An empty `marker` draws no points. A name that is not `labelled` stands in the table of numbers
    and not beside the curve; an empty name stands nowhere.
    """

    x: np.ndarray
    y: np.ndarray
    name: str
    colour: str
    dash: str = "solid"
    marker: str = ""
    width: float = 1.8  # of the curve, in points
    size: float = 5.0  # of a marker, in points
    hollow: bool = False
    labelled: bool = True


class Reference(NamedTuple):
    """A straight dashed or dotted line at one value of an axis, "x" or "y"."""

    axis: str
    at: float
    name: str = ""
    dash: str = "dashed"


class Band(NamedTuple):
    """The area between two curves, with the name of the curve that it surrounds."""

    x: np.ndarray
    low: np.ndarray
    high: np.ndarray
    colour: str
    name: str = ""


class Note(NamedTuple):
    """A short text at a point, or on one side of it, turned by `angle` degrees."""

    x: float
    y: float
    text: str
    colour: str = "ink"
    side: str = "right"
    angle: float = 0.0


class Bars(NamedTuple):
    """A horizontal bar for each name, the first on top; its value is written at its end.

    In the page, a click on a bar sets the cell's knob `sets` to the literal in `to`, if there is
    one.
    """

    names: tuple[str, ...]
    values: np.ndarray
    colour: str
    number: str
    sets: str = ""
    to: tuple[str | None, ...] = ()


class Columns(NamedTuple):
    """Vertical bars of one width around numbers on the horizontal axis."""

    x: np.ndarray
    heights: np.ndarray
    name: str
    colour: str


class Cells(NamedTuple):
    """A matrix as coloured cells, row 0 on top; the limits are the ends of its colour scale.

    Cell (i, j) is centred on x = j and y = i, where other marks can be placed. In the page, a click
    on it sets the cell's knob `sets` to the literal in `to`, as for `Bars`.
    """

    matrix: np.ndarray
    rows: tuple[str, ...] | None
    columns: tuple[str, ...] | None
    label: str
    signed: bool
    limits: tuple[float, float] | None
    number: str | None
    bar: bool = True
    sets: str = ""
    to: tuple[tuple[str | None, ...], ...] = ()


class Field(NamedTuple):
    """A colour for each point of an even grid; `values` are (len(y), len(x))."""

    x: np.ndarray
    y: np.ndarray
    values: np.ndarray
    label: str
    limits: tuple[float, float] | None


class Contour(NamedTuple):
    """The curve on which values on an even grid, (len(y), len(x)), are equal to `level`."""

    x: np.ndarray
    y: np.ndarray
    values: np.ndarray
    level: float
    colour: str
    width: float = 1.8


class Axis(NamedTuple):
    """An axis; limits and ticks that are None follow from the data.

    Either limit can be None, too. The first limit may be the larger one. `names` replaces the
    numbers of the ticks.
    """

    label: str = ""
    scale: str = "linear"  # or log
    limits: tuple[float | None, float | None] | None = None
    ticks: tuple[float, ...] | None = None
    names: tuple[str, ...] | None = None


Mark = Line | Reference | Band | Note | Bars | Columns | Cells | Field | Contour


class Panel(NamedTuple):
    """One pair of axes and the marks on it, the first at the bottom.

    The names of curves stand at their right ends, or in a legend above the chart. If `equal` is
    true, the unit of both axes has the same length. If `frame` is false, an axis has its numbers
    and no line.
    """

    marks: tuple[Mark, ...]
    x: Axis = Axis()
    y: Axis = Axis()
    title: str = ""
    legend: bool = False
    equal: bool = False
    frame: bool = True


class Chart(NamedTuple):
    """Panels in rows of `columns`, on `width` × `height` inches."""

    panels: tuple[Panel, ...]
    width: float = 6.4
    height: float = 3.2
    columns: int = 1

    def __repr__(self) -> str:
        """Says how many panels there are: the description itself is long."""
        return f"<Chart of {len(self.panels)} panel{'s' * (len(self.panels) != 1)}>"

    def _repr_svg_(self) -> str:
        # Here, because a page has no Matplotlib.
        from unrolled.drawing import matplotlib_charts

        return matplotlib_charts.svg(self)

    def to_json(self) -> str:
        """Returns the description as JSON; a value that is not finite is null there."""
        return to_json(self)


def to_json(described: Any) -> str:
    """Returns a description as JSON; a value that is not finite is null there."""
    return json.dumps(plain(described), separators=(",", ":"), allow_nan=False)


def plain(part: Any) -> Any:
    """Returns a part of a description as dicts, lists, strings and numbers.

    A mark or a shape names its kind.
    """
    if isinstance(part, float):  # first, since a chart is mostly numbers
        return float(f"{part:.{DIGITS}g}") if math.isfinite(part) else None
    if isinstance(part, np.ndarray | np.generic):
        return plain(part.tolist())
    if hasattr(part, "_asdict"):
        fields = {name: plain(value) for name, value in part._asdict().items()}
        if isinstance(part, Chart | Panel | Axis):
            return fields
        return {"kind": type(part).__name__.lower(), **fields}
    if isinstance(part, tuple | list):
        return [plain(inner) for inner in part]
    return part


def one_of(what: str, given: str, known: tuple[str, ...]) -> str:
    """Returns a name that is among the known ones.

    Raises:
        ValueError: it is not.
    """
    if given not in known:
        raise ValueError(f"a {what} is one of {', '.join(known)}, got {given!r}")
    return given


def literal(value: Any) -> str | None:
    """Returns a value as a knob of the page writes it into a cell; None stays None.

    Raises:
        ValueError: it is no string, number, bool or series of numbers, or a string with a
            character that needs an escape.
    """
    if value is None:
        return None
    if isinstance(value, str) and not set('"\\\n') & set(value):
        return f'"{value}"'
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, tuple | list):
        written = ", ".join(repr(np.asarray(number).item()) for number in value)
        return f"[{written}]" if isinstance(value, list) else f"({written})"
    raise ValueError(f"a knob cannot be set to {value!r}")


def curve(name: str, x: ArrayLike, y: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Returns the points of a curve as arrays.

    Raises:
        ValueError: x and y differ in length or are no rows of numbers, or y has no finite value.
    """
    positions, values = np.asarray(x), np.asarray(y)
    if positions.shape != values.shape or values.ndim != 1:
        raise ValueError(
            f"curve {name!r}: x has shape {positions.shape}, values {values.shape}"
        )
    if not np.isfinite(values).any():
        raise ValueError(f"curve {name!r} has no finite value")
    return positions, values
