"""The book's look for a figure that Matplotlib draws on a `canvas`.

The book's own figures are descriptions: of numbers with ``charts``, of anything else with
``diagrams`` and ``schematics``.
"""

from unrolled.drawing.style import (
    COLOURS,
    DARK,
    DIVERGING,
    GREY,
    GROUND,
    INK,
    PALE,
    SEQUENTIAL,
    STYLE,
    canvas,
    use_style,
)

__all__ = [
    "COLOURS",
    "DARK",
    "DIVERGING",
    "GREY",
    "GROUND",
    "INK",
    "PALE",
    "SEQUENTIAL",
    "STYLE",
    "canvas",
    "use_style",
]
