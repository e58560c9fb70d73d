"""Draw the picture that goes with a link to the book: `python -m book._ext.metadata.social`."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import Any

from matplotlib import font_manager
from matplotlib import pyplot as plt

from book._ext.metadata import page_metadata
from book._ext.source import citation_file
from unrolled.drawing import diagrams, figures, graph, matplotlib_sketches

TARGET = Path(__file__).resolve().parents[2] / page_metadata.PICTURE[0]


def main() -> None:
    """Write the picture."""
    _, width, height = page_metadata.PICTURE
    figures.use_style()
    plt.rcParams.update({"font.size": 19, "figure.constrained_layout.use": False})
    figure = plt.figure(figsize=(width / 100, height / 100), dpi=100)
    axes = figure.add_axes((0.04, 0.06, 0.92, 0.62))
    named = enumerate("the dog bit the man".split(), start=1)
    words: dict[Hashable, str] = {("x", t): word for t, word in named}
    sketch = diagrams.diagram(graph.unrolled_rnn(5), words=words, edge_labels="none")
    matplotlib_sketches.put(axes, sketch)
    for label in axes.texts:  # larger than in a figure of a page
        if label.get_text() in words.values():
            label.set(fontsize=19, position=(0, -30))
        else:
            label.set(fontsize=26)
    name, _, rest = citation_file.citation()["title"].partition(": ")
    serif = font_manager.FontProperties(family="serif", size=58, weight="bold")
    figure.text(0.07, 0.84, name, fontproperties=serif, color=figures.INK)
    figure.text(0.07, 0.745, rest[0].upper() + rest[1:], size=27, color=figures.GREY)
    settings: dict[str, Any] = {
        "facecolor": figures.GROUND,
        "metadata": {"Software": None},
    }
    figure.savefig(TARGET, dpi=100, **settings)


if __name__ == "__main__":
    main()
