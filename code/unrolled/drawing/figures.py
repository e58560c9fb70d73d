"""The book's look and its drawings under one name.

Figures of numbers are described with ``charts``. What is no chart is drawn with Matplotlib on a
`canvas`, in the colours of ``style``; ``diagrams`` draws graphs and cells.
"""

from unrolled.drawing.diagrams import (
    NODE_RADIUS,
    cell_diagram,
    diagram,
    draw_cell,
    draw_graph,
)
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
    "NODE_RADIUS",
    "PALE",
    "SEQUENTIAL",
    "STYLE",
    "canvas",
    "cell_diagram",
    "diagram",
    "draw_cell",
    "draw_graph",
    "use_style",
]
