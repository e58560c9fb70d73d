"""A chart as data: panels with marks and axes, which any renderer can draw.

Chapters make charts with the functions of ``charts``. ``matplotlib_charts`` draws a chart when the
book is built, and a script of the site draws the same description in the page. This module needs
NumPy alone, so it runs in the page too.

Text is plain, or has formulas between dollar signs. A colour is a name of ``style.COLOURS``, or
"grey".
"""

import json
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike

DIGITS = 6  # significant digits of a number in JSON: more than an eye can see


class Line(NamedTuple):
    """A curve; an empty `marker` draws no points, and an empty `name` no label."""

    x: np.ndarray
    y: np.ndarray
    name: str
    colour: str
    dash: str = "solid"  # or dashed
    marker: str = ""  # circle, square, diamond, up, down


class Reference(NamedTuple):
    """A straight dashed or dotted line at one value of an axis, "x" or "y"."""

    axis: str
    at: float
    name: str = ""
    dash: str = "dashed"


class Band(NamedTuple):
    """The area between two curves."""

    x: np.ndarray
    low: np.ndarray
    high: np.ndarray
    colour: str


class Cells(NamedTuple):
    """A matrix as coloured cells, row 0 on top; the limits are the ends of its colour scale."""

    matrix: np.ndarray
    rows: tuple[str, ...] | None
    columns: tuple[str, ...] | None
    label: str
    signed: bool
    limits: tuple[float, float] | None
    number: str | None


class Axis(NamedTuple):
    """An axis; limits and ticks that are None follow from the data."""

    label: str = ""
    scale: str = "linear"  # or log
    limits: tuple[float, float] | None = None
    ticks: tuple[float, ...] | None = None


Mark = Line | Reference | Band | Cells


class Panel(NamedTuple):
    """One pair of axes and the marks on it, the first at the bottom."""

    marks: tuple[Mark, ...]
    x: Axis = Axis()
    y: Axis = Axis()
    title: str = ""


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

    def to_json(self: Self) -> str:
        """Returns the description as JSON; a value that is not finite is null there."""
        return json.dumps(plain(self), separators=(",", ":"), allow_nan=False)


def plain(part: Any) -> Any:
    """Returns a part of a chart as dicts, lists, strings and numbers; a mark names its kind."""
    if hasattr(part, "_asdict"):
        fields = {name: plain(value) for name, value in part._asdict().items()}
        if isinstance(part, Mark):
            return {"kind": type(part).__name__.lower(), **fields}
        return fields
    if isinstance(part, np.ndarray | tuple | list):
        return [plain(inner) for inner in part]
    if isinstance(part, bool | np.bool_):
        return bool(part)
    if isinstance(part, int | np.integer):
        return int(part)
    if isinstance(part, float | np.floating):
        return float(f"{part:.{DIGITS}g}") if np.isfinite(part) else None
    return part


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
