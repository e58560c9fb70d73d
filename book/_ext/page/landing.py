"""The landing page's figure, which unrolls once when the page opens: the directive {unrolling}.

It is the graph that the diagrams of Part 1 are drawn from, as SVG in the page, so
that its colours are the theme's and its parts can move; book/_static/landing.css moves them, for
less than five seconds, and not at all where reduced motion is asked for. The directive's content is
the alt text.
"""

from __future__ import annotations

from html import escape
from typing import Any

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

COLUMN, ROW, LEFT, BOTTOM = 108, 72, 46, 186
RADIUS = {"input": 19, "state": 22, "output": 19}
WORDS = "the dog bit the man".split()


def place(node: Any) -> tuple[float, float]:
    """Return where the centre of a node is drawn."""
    return LEFT + COLUMN * node.time, BOTTOM - ROW * node.level


def symbol(node: Any) -> str:
    """Return a node: its shape and its letter with the time step as index."""
    x, y = place(node)
    r = RADIUS[node.kind]
    shape = (
        f'<circle cx="{x:g}" cy="{y:g}" r="{r}"/>'
        if node.kind == "state"
        else f'<rect x="{x - r:g}" y="{y - r:g}" width="{2 * r}" height="{2 * r}"'
        f' rx="{5 if node.kind == "output" else 0}"/>'
    )
    letter, step = node.name
    text = f'{letter}<tspan class="index" dy="4">{step}</tspan>'
    return (
        f'<g class="{node.kind}">{shape}<text x="{x:g}" y="{y + 5:g}">{text}</text></g>'
    )


def arrow(source: Any, target: Any) -> str:
    """Return the line from one node's edge to the next, with its head."""
    (x0, y0), (x1, y1) = place(source), place(target)
    length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
    dx, dy = (x1 - x0) / length, (y1 - y0) / length
    x0, y0 = x0 + dx * RADIUS[source.kind], y0 + dy * RADIUS[source.kind]
    x1, y1 = x1 - dx * (RADIUS[target.kind] + 2), y1 - dy * (RADIUS[target.kind] + 2)
    bx, by = x1 - 8 * dx, y1 - 8 * dy
    head = (
        f"{x1:g},{y1:g} {bx - 4 * dy:g},{by + 4 * dx:g} {bx + 4 * dy:g},{by - 4 * dx:g}"
    )
    return f'<path d="M{x0:g} {y0:g}L{bx:g} {by:g}"/><polygon points="{head}"/>'


def drawing(alt: str) -> str:
    """Return the figure: a group for each time step, which moves as one."""
    from unrolled.drawing import graph

    rnn = graph.unrolled_rnn(len(WORDS))
    by_name = {node.name: node for node in rnn.nodes}
    steps = []
    for t in range(len(WORDS) + 1):
        inside = [symbol(node) for node in rnn.nodes if node.time == t]
        for edge in rnn.edges:
            source, target = by_name[edge.source], by_name[edge.target]
            if target.time == t:
                kind = "through-time" if source.time < t else "edge"
                inside.append(f'<g class="{kind}">{arrow(source, target)}</g>')
        if t:
            x = LEFT + COLUMN * t
            inside.append(
                f'<text class="word" x="{x}" y="{BOTTOM + 42}">{WORDS[t - 1]}</text>'
            )
        if t == 1:
            inside += [
                weight("W", "h", LEFT + COLUMN / 2, BOTTOM - ROW - 9),
                weight("W", "x", LEFT + COLUMN + 17, BOTTOM - ROW / 2 + 5),
                weight("W", "y", LEFT + COLUMN + 17, BOTTOM - 3 * ROW / 2 + 5),
            ]
        steps.append(f'<g class="step step-{t}">{"".join(inside)}</g>')
    x, y = LEFT + COLUMN, BOTTOM - ROW
    loop = (
        f'<g class="rolled"><path d="M{x + 17} {y - 15}C{x + 62} {y - 50} {x + 62} {y + 50}'
        f' {x + 24} {y + 20}"/><polygon points="{x + 17},{y + 15} {x + 28},{y + 17}'
        f' {x + 21},{y + 25}"/></g>'
    )
    width, height = 2 * LEFT + COLUMN * len(WORDS), BOTTOM + 54
    # The last step is written first, so that each slides out from behind the one before it.
    return (
        f'<svg class="unrolling" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"'
        f' role="img" aria-label="{escape(alt)}">{"".join(reversed(steps))}{loop}</svg>'
    )


def weight(letter: str, index: str, x: float, y: float) -> str:
    """Return the name of a weight beside its arrow."""
    return (
        f'<text class="weight" x="{x:g}" y="{y:g}">{letter}'
        f'<tspan class="index" dy="4">{index}</tspan></text>'
    )


class Unrolling(SphinxDirective):
    """The figure; its content is the alt text."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return the SVG as it stands in the page."""
        alt = " ".join(self.content)
        if not alt:
            raise self.error("the figure needs its alt text as content")
        return [nodes.raw("", drawing(alt), format="html")]


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.add_directive("unrolling", Unrolling)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
