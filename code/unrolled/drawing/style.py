"""The look of the book's figures: fonts, colour maps and an empty canvas."""

from typing import Any

import matplotlib as mpl
import matplotlib.pyplot as plt
from cycler import cycler

from unrolled.arguments import names_arguments
from unrolled.drawing.palette import COLOURS, DARK, GREY, GROUND, INK, PALE

__all__ = [
    "COLOURS",
    "DARK",
    "DIVERGING",
    "GREY",
    "GROUND",
    "INK",
    "ON_DARK_CELL",
    "ON_LIGHT_CELL",
    "PALE",
    "SEQUENTIAL",
    "STYLE",
    "canvas",
    "use_style",
]

# Numbers on the cells of a heat map. Its colours are the same in both themes, so these are no keys
# of DARK.
ON_LIGHT_CELL, ON_DARK_CELL = "#000000", "#fefefe"
SEQUENTIAL = "cividis"
DIVERGING = "PuOr"

STYLE: Any = {
    "figure.facecolor": GROUND,
    "figure.dpi": 100,
    "figure.constrained_layout.use": True,
    "axes.facecolor": GROUND,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.labelsize": 11,
    "axes.prop_cycle": cycler(color=list(COLOURS.values())),
    "text.color": INK,
    "font.family": "DejaVu Sans",
    "font.size": 11,
    "mathtext.fontset": "cm",
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.labelsize": 10,
    "ytick.labelsize": 10,
    "xtick.major.width": 0.8,
    "ytick.major.width": 0.8,
    "lines.linewidth": 1.8,
    "lines.markersize": 5,
    "image.cmap": SEQUENTIAL,
    "savefig.facecolor": GROUND,
    "svg.fonttype": "path",
    "svg.hashsalt": "unrolled",
}


def use_style() -> None:
    """Sets the book's look for every figure that follows; a notebook shows figures as SVG."""
    mpl.rcParams.update(STYLE)
    try:
        from IPython.core.getipython import get_ipython
        from matplotlib_inline.backend_inline import set_matplotlib_formats
    except ImportError:
        return
    if get_ipython() is not None:
        # Without a date, the same figure gives the same bytes in every build.
        set_matplotlib_formats("svg", metadata={"Date": None})


@names_arguments
def canvas(
    width: float = 6.4,
    height: float = 3.2,
    rows: int = 1,
    columns: int = 1,
    **shared: Any,
) -> Any:
    """Returns the Axes of a new figure, `width` × `height` inches.

    With more than one row or column it returns an array of Axes, (rows, columns). `shared` goes to
    Matplotlib's `subplots`: `sharey=True`, `width_ratios=[2, 1]` and the like.
    """
    _, axes = plt.subplots(rows, columns, figsize=(width, height), **shared)
    return axes
