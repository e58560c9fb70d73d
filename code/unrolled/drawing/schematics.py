"""Schematic drawings: arrays as tables or blocks, arrows between them, and trees of choices.

A function returns the shapes of one part, and `sketch` puts parts on a ground. Each shape carries
the name of what it stands for. Places are in units that are equally long across and up.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from unrolled.arguments import names_arguments
from unrolled.drawing.chart import SIDES, one_of
from unrolled.drawing.sketch import (
    COLOURS,
    DASHES,
    Box,
    Ellipse,
    Path,
    Shape,
    Sketch,
    Text,
)

Place = tuple[float, float]


@names_arguments
def sketch(
    width: float,
    height: float,
    parts: Iterable[Shape | Iterable[Shape]],
    scale: float = 0.4,
    corner: Place = (0.0, 0.0),
) -> Sketch:
    """Returns a sketch of `width` × `height` units, `scale` inches each.

    Args:
        width: units.
        height: units.
        parts: what the other functions return, the lowest first.
        scale: inches a unit.
        corner: the place at the bottom left.
    """
    shapes: list[Shape] = []
    for part in parts:
        shapes += [part] if isinstance(part, Shape) else part
    return Sketch(tuple(shapes), width, height, scale, *corner)


@names_arguments
def text(
    place: Place,
    words: str,
    side: str = "centre",
    colour: str = "ink",
    size: float = 11.0,
    *,
    angle: float = 0.0,
    code: bool = False,
) -> Text:
    """Returns a text at a place, or on one side of it.

    Args:
        place: (x, y).
        words: plain text, or with formulas between dollar signs.
        side: "right", "left", "above", "below" or "centre".
        colour: one of `COLOURS`.
        size: points.
        angle: degrees, counterclockwise.
        code: set in the font of code.

    Raises:
        ValueError: a side or a colour is unknown.
    """
    one_of("side", side, SIDES)
    one_of("colour", colour, COLOURS)
    x, y = place
    return Text(x, y, words, colour, size, side, angle=angle, code=code)


@names_arguments
def line(
    points: Iterable[Sequence[float]],
    colour: str = "ink",
    *,
    dash: str = "solid",
    width: float = 1.2,
    bend: float = 0.0,
    name: str = "",
) -> Path:
    """Returns a line through points.

    Args:
        points: the places.
        colour: one of `COLOURS`.
        dash: "solid", "dashed" or "dotted".
        width: points.
        bend: of a line from one place to another, how far it bulges to its left, as a share of
            its length.
        name: what it stands for.

    Raises:
        ValueError: a colour or dash is unknown.
    """
    one_of("colour", colour, COLOURS)
    one_of("dash", dash, DASHES)
    places = [(float(x), float(y)) for x, y in points]
    if bend:
        (x, y), (end, up) = places
        middle = (x + end) / 2 - bend * (up - y), (y + up) / 2 + bend * (end - x)
        return Path(((x, y), (*middle, end, up)), name, colour, line=width, dash=dash)
    return Path(tuple(places), name, colour, line=width, dash=dash)


@names_arguments
def dot(place: Place, colour: str = "ink", width: float = 0.12) -> Ellipse:
    """Returns a filled circle, `width` units wide.

    Raises:
        ValueError: the colour is unknown.
    """
    one_of("colour", colour, COLOURS)
    x, y = place
    return Ellipse(x, y, width, width, "", colour, colour, 0.0)


@names_arguments
def box(
    place: Place,
    sides: tuple[float, float],
    label: str,
    colour: str = "blue",
    *,
    corner: float = 0.0,
) -> tuple[Shape, ...]:
    """Returns a box around a place, named after the label in it.

    Args:
        place: its middle.
        sides: (width, height).
        label: what is written in it.
        colour: of its outline.
        corner: the radius of its corners.

    Raises:
        ValueError: the colour is unknown.
    """
    one_of("colour", colour, COLOURS)
    (x, y), (width, height) = place, sides
    outline = Box(x, y, width, height, label, colour, line=1.0, corner=corner)
    return outline, Text(x, y, label)


@names_arguments
def table(
    place: Place,
    entries: Sequence[Sequence[Any]],
    name: str,
    cell: tuple[float, float] = (1.0, 0.7),
    marked: Collection[tuple[int, int]] = (),
    pale: Collection[tuple[int, int]] = (),
    rows: Sequence[str] = (),
) -> tuple[Shape, ...]:
    """Returns an array as a table of cells, each with its entry.

    Args:
        place: (left, top) of the table.
        entries: rows of what is written; `str` is applied.
        name: the cells are named `name-i-j`.
        cell: (width, height) of a cell.
        marked: (row, column) of the cells with a thick blue outline.
        pale: (row, column) of the cells in grey, with a dashed outline.
        rows: a name for each row, written to its left.

    Raises:
        ValueError: rows of unequal length, or a number of names that does not fit.
    """
    shape = (len(entries), len(entries[0]))
    if {len(row) for row in entries} != {shape[1]}:
        raise ValueError("the rows of a table must be of one length")
    if rows and len(rows) != shape[0]:
        raise ValueError(f"{len(rows)} names for a table of {shape[0]} rows")
    (left, top), (width, height) = place, cell
    boxes, outlined, texts = [], [], []
    for i, j in np.ndindex(*shape):
        middle = left + (j + 0.5) * width, top - (i + 0.5) * height
        outline = Box(*middle, width, height, f"{name}-{i}-{j}", "grey", line=0.8)
        colour = "ink"
        if (i, j) in marked:
            colour = "blue"
            outlined.append(outline._replace(colour=colour, line=2.0))
        elif (i, j) in pale:
            colour = "grey"
            boxes.append(outline._replace(colour="pale", dash="dashed"))
        else:
            boxes.append(outline)
        texts.append(Text(*middle, str(entries[i][j]), colour, 10))
    for i, label in enumerate(rows):
        y = top - (i + 0.5) * height
        texts.append(Text(left - 0.15, y, label, size=10, side="left"))
    return (*boxes, *outlined, *texts)


@names_arguments
def block(
    place: Place, sides: tuple[float, float, float], name: str, label: str
) -> tuple[Shape, ...]:
    """Returns an array of three axes as a block, or of two as a sheet (a depth of 0).

    Args:
        place: (left, bottom) of the front.
        sides: across, down and depth; the depth runs to the upper right.
        name: written below, with the label under it; the faces are named `name-front`, …
        label: the array's shape.
    """
    (x, y), (across, down, depth) = place, sides
    aside, up = 0.6 * depth, 0.45 * depth
    right, top = x + across, y + down
    faces = {"front": ((x, y), (right, y), (right, top), (x, top))}
    if depth:
        back = (right + aside, top + up)
        faces["top"] = ((x, top), (right, top), back, (x + aside, top + up))
        faces["side"] = ((right, y), (right + aside, y + up), back, (right, top))
    shapes: list[Shape] = []
    for face, corners in faces.items():
        fill = "pale" if face == "side" else "ground"
        shapes.append(Path(corners, f"{name}-{face}", "blue", fill, 1.4))
    middle = x + across / 2
    below = Text(middle, y - 0.2, name, side="below")
    return *shapes, below, below._replace(y=y - 0.75, text=label)


@names_arguments
def arrow(
    start: Place, end: Place, label: str = "", name: str = "", colour: str = "ink"
) -> tuple[Shape, ...]:
    """Returns an arrow between two places, with a label at its middle.

    The label stands above an arrow that runs across, and to the right of one that runs up or down.

    Raises:
        ValueError: the colour is unknown.
    """
    one_of("colour", colour, COLOURS)
    (x, y), (right, up) = start, end
    line = Path(((x, y), (right, up)), f"arrow-{name or label}", colour, head=True)
    side, away = ("above", 4) if abs(right - x) > abs(up - y) else ("right", 6)
    if not label:
        return (line,)
    middle = (x + right) / 2, (y + up) / 2
    return line, Text(*middle, label, "grey", 10, side, away)


@names_arguments
def choices(
    place: Place, sides: tuple[float, float], probabilities: ArrayLike, steps: int = 2
) -> tuple[Shape, ...]:
    """Returns every course of `steps` choices, each by the same probabilities, as a tree.

    A branch is as wide as the whole course up to its end is probable, so the widths of each step
    add up to the same total. The name of a branch lists the choices so far: `branch-0-2`.

    Args:
        place: (left, bottom) of the tree.
        sides: (width, height).
        probabilities: of the choices.
        steps: how many follow one another.

    Raises:
        ValueError: probabilities that are not above 0 or do not sum to 1.
    """
    p = np.asarray(probabilities, float)
    if p.ndim != 1 or not (p > 0).all() or not np.isclose(p.sum(), 1):
        raise ValueError(f"need probabilities above 0 that sum to 1, got {p}")
    (left, bottom), (width, height) = place, sides
    branches = []
    # choices so far, height, probability
    ends: list[tuple[tuple[int, ...], float, float]] = [((), 0.5, 1.0)]
    for step in range(steps):
        grown = []
        room = 0.92 / len(p) ** step  # between the ends of this step
        for course, low, probability in ends:
            for k, share in enumerate(p.tolist()):
                high = low + room * ((len(p) - 1) / 2 - k) / len(p)
                points = tuple(
                    (left + width * x / steps, bottom + height * y)
                    for x, y in ((step, low), (step + 1, high))
                )
                name = "branch-" + "-".join(map(str, (*course, k)))
                wide = 12 * probability * share
                branches.append(Path(points, name, "blue", line=wide))
                grown.append(((*course, k), high, probability * share))
        ends = grown
    return tuple(branches)
