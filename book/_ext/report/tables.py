"""Tables, paragraphs and folded parts as docutils nodes, and numbers as they are read."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from typing import TypeAlias

from docutils import nodes

from book._ext.evidence import drawn

Cell: TypeAlias = str | nodes.Node | Sequence[nodes.Node]
Row: TypeAlias = Sequence[Cell]


def table(caption: str, heads: Sequence[str], rows: Iterable[Row]) -> nodes.table:
    """Return a table whose first column names the rows; a row of one cell heads those below it."""
    group = nodes.tgroup("", cols=len(heads))
    group += [
        nodes.colspec("", colwidth=1, stub=int(i == 0)) for i in range(len(heads))
    ]
    group += nodes.thead("", _row(heads, len(heads)))
    group += nodes.tbody("", *(_row(row, len(heads)) for row in rows))
    title, anchor = nodes.title("", caption), f"table-{nodes.make_id(caption)}"
    return nodes.table("", title, group, classes=["checked"], ids=[anchor])


def _row(cells: Row, width: int) -> nodes.row:
    entries = [nodes.entry("", *_paragraph(cell)) for cell in cells]
    entries[-1].attributes.update(
        {"morecols": width - len(cells)} if len(cells) < width else {}
    )
    return nodes.row("", *entries)


def _paragraph(cell: Cell) -> list[nodes.Node]:
    if isinstance(cell, str):
        return [nodes.paragraph("", cell)]
    if isinstance(cell, nodes.Node):
        return [nodes.paragraph("", "", cell)]
    return [nodes.paragraph("", "", *between(cell))]


def between(several: Sequence[nodes.Node]) -> list[nodes.Node]:
    """Return nodes with commas between them."""
    commas = [nodes.Text(", ") for _ in several]
    return [node for pair in zip(several, commas, strict=True) for node in pair][:-1]


def word(text: str) -> nodes.inline:
    """Return an outcome in its colour: what a run, a record or a number is."""
    is_good = text in ("passed", "fresh", "reproduced")
    return nodes.inline(
        "", text, classes=["outcome", "good" if is_good else "not-good"]
    )


def whole(text: str) -> nodes.inline:
    """Return a number that is not broken into two lines."""
    return nodes.inline("", text, classes=["outcome"])


def folded(summary: str, *content: nodes.Node) -> list[nodes.Node]:
    """Return content that is folded under its summary."""
    opening = f'<details class="checked-fold"><summary>{html.escape(summary)}</summary>'
    return [drawn.raw(opening), *content, drawn.raw("</details>")]


def sentence(text: str, *classes: str) -> nodes.paragraph:
    """Return a paragraph of plain text."""
    return nodes.paragraph("", text, classes=list(classes))


def listed(words: Sequence[str]) -> str:
    """Return words as one reads them: a, b and c."""
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def size(value: float | None) -> str:
    """Return an error as it is read: 4.1 × 10⁻⁸."""
    if value is None:
        return "not a number"
    if value == 0:
        return "0"
    digits, _, power = f"{value:.1e}".partition("e")
    small = str(int(power)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"10{small}" if digits == "1.0" else f"{digits} × 10{small}"
