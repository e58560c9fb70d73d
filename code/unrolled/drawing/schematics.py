"""Schematic drawings: arrays as tables or blocks, arrows between them, and trees of choices.

Each shape carries as gid the name of what it stands for, so that a test can find it. Places are in
the units of the axes, which `sketch` makes equally long in both directions.
"""

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, Polygon, Rectangle
from numpy.typing import ArrayLike

from unrolled.drawing.style import COLOURS, GREY, GROUND, INK, PALE, canvas


def sketch(width: float, height: float, scale: float = 0.4) -> Axes:
    """Returns empty axes of `width` × `height` units, `scale` inches each, (0, 0) bottom left."""
    axes = canvas(scale * width, scale * height)
    axes.set(xlim=(0, width), ylim=(0, height), aspect="equal")
    axes.axis("off")
    return axes


def table(
    axes: Axes,
    place: tuple[float, float],
    entries: Sequence[Sequence[Any]],
    name: str,
    cell: tuple[float, float] = (1.0, 0.7),
    marked: Collection[tuple[int, int]] = (),
    pale: Collection[tuple[int, int]] = (),
    rows: Sequence[str] = (),
) -> tuple[float, float, float, float]:
    """Draws an array as a table of cells, each with its entry.

    Args:
        axes: where to draw.
        place: (left, top) of the table.
        entries: rows of what is written; `str` is applied.
        name: the cells' gids are `name-i-j`.
        cell: (width, height) of a cell.
        marked: (row, column) of the cells with a thick blue outline.
        pale: (row, column) of the cells in grey, with a dashed outline.
        rows: a name for each row, written to its left.

    Returns:
        (left, right, bottom, top) of the table.

    Raises:
        ValueError: rows of unequal length, or a number of names that does not fit.
    """
    shape = (len(entries), len(entries[0]))
    if {len(row) for row in entries} != {shape[1]}:
        raise ValueError("the rows of a table must be of one length")
    if rows and len(rows) != shape[0]:
        raise ValueError(f"{len(rows)} names for a table of {shape[0]} rows")
    (left, top), (width, height) = place, cell
    for i, j in np.ndindex(*shape):
        x, y = left + j * width, top - (i + 1) * height
        is_marked, is_pale = (i, j) in marked, (i, j) in pale
        box = Rectangle(
            (x, y),
            width,
            height,
            facecolor=GROUND,
            edgecolor=COLOURS["blue"] if is_marked else PALE if is_pale else GREY,
            linestyle=(0, (2, 2)) if is_pale else "-",
            linewidth=2.0 if is_marked else 0.8,
            zorder=3 if is_marked else 2,
        )
        box.set_gid(f"{name}-{i}-{j}")
        axes.add_patch(box)
        axes.text(
            x + width / 2,
            y + height / 2,
            str(entries[i][j]),
            ha="center",
            va="center",
            fontsize=10,
            color=COLOURS["blue"] if is_marked else GREY if is_pale else INK,
            zorder=4,
        )
    for i, label in enumerate(rows):
        y = top - (i + 0.5) * height
        axes.text(left - 0.15, y, label, ha="right", va="center", fontsize=10)
    return left, left + shape[1] * width, top - shape[0] * height, top


def block(
    axes: Axes,
    place: tuple[float, float],
    sides: tuple[float, float, float],
    name: str,
    label: str,
) -> tuple[float, float, float, float]:
    """Draws an array of three axes as a block, or of two as a sheet (a depth of 0).

    Args:
        axes: where to draw.
        place: (left, bottom) of the front.
        sides: across, down and depth; the depth runs to the upper right.
        name: written below, with the label under it; the faces' gids are `name-front`, …
        label: the array's shape.

    Returns:
        (left, right, bottom, top) of the front.
    """
    (x, y), (across, down, depth) = place, sides
    back = depth * np.array([0.6, 0.45])
    low_left, low_right = np.array([x, y]), np.array([x + across, y])
    up_left, up_right = low_left + [0, down], low_right + [0, down]
    faces = {"front": (low_left, low_right, up_right, up_left)}
    if depth:
        faces["top"] = (up_left, up_right, up_right + back, up_left + back)
        faces["side"] = (low_right, low_right + back, up_right + back, up_right)
    for face, corners in faces.items():
        shape = Polygon(
            np.array(corners),
            facecolor=PALE if face == "side" else GROUND,
            edgecolor=COLOURS["blue"],
            linewidth=1.4,
            zorder=2,
        )
        shape.set_gid(f"{name}-{face}")
        axes.add_patch(shape)
    middle = x + across / 2
    axes.text(middle, y - 0.2, name, ha="center", va="top", fontsize=11)
    axes.text(middle, y - 0.75, label, ha="center", va="top", fontsize=11)
    return x, x + across, y, y + down


def arrow(
    axes: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    label: str = "",
    name: str = "",
) -> None:
    """Draws an arrow between two places, with a label at its middle: above it, or to its right."""
    line = FancyArrowPatch(
        start,
        end,
        arrowstyle="-|>",
        mutation_scale=10,
        linewidth=1.2,
        color=INK,
        shrinkA=0,
        shrinkB=0,
    )
    line.set_gid(f"arrow-{name or label}")
    axes.add_patch(line)
    is_level = abs(end[0] - start[0]) > abs(end[1] - start[1])
    axes.annotate(
        label,
        ((start[0] + end[0]) / 2, (start[1] + end[1]) / 2),
        xytext=(0, 4) if is_level else (6, 0),
        textcoords="offset points",
        ha="center" if is_level else "left",
        va="bottom" if is_level else "center",
        fontsize=10,
        color=GREY,
    )


def choices(axes: Axes, probabilities: ArrayLike, steps: int = 2) -> Axes:
    """Draws every course of `steps` choices, each by the same probabilities, as a tree.

    A branch is as wide as the whole course up to its end is probable, so the widths of each step
    add up to the same total. The gid of a branch lists the choices so far: `branch-0-2`.

    Raises:
        ValueError: probabilities that are not above 0 or do not sum to 1.
    """
    p = np.asarray(probabilities, float)
    if not (p > 0).all() or not np.isclose(p.sum(), 1):
        raise ValueError(f"need probabilities above 0 that sum to 1, got {p}")
    # choices so far, height, probability
    ends: list[tuple[tuple[int, ...], float, float]] = [((), 0.5, 1.0)]
    for step in range(steps):
        grown = []
        room = 0.92 / len(p) ** step  # between the ends of this step
        for course, height, probability in ends:
            for k, share in enumerate(p):
                up = height + room * ((len(p) - 1) / 2 - k) / len(p)
                (line,) = axes.plot(
                    [step, step + 1],
                    [height, up],
                    color=COLOURS["blue"],
                    linewidth=12 * probability * share,
                    solid_capstyle="butt",
                )
                line.set_gid("branch-" + "-".join(map(str, (*course, k))))
                grown.append(((*course, k), up, probability * share))
        ends = grown
    axes.set(xlim=(0, steps), ylim=(0, 1))
    axes.axis("off")
    return axes
