"""Recorded runs: what the cell of a knob shows for each of the values that the knob records.

Copies of the cell, one for each value, are executed with the page: before the cell itself, which
then leaves the names as the book has them. What they show is kept with the cell. The page draws it
before a reader has started Python (book/_live/recorded.js).
"""

from __future__ import annotations

import ast
import json
from collections.abc import Iterable
from typing import Any

import nbformat

from book._ext.live import knobs

LONG = 60  # characters of JSON from which a part of a chart is written once


def with_copies(cells: Iterable[Any]) -> list[Any]:
    """Return the cells of a page, each after its copies."""
    found = []
    for cell in cells:
        for name, literal in _recorded(cell):
            text = described(knobs.with_literal(name, cell.source, literal))
            if text is not None:
                copy = nbformat.v4.new_code_cell(text)
                copy.metadata["recorded_value"] = knobs.shown_value(literal)
                found.append(copy)
        found.append(cell)
    return found


def without_copies(cells: Iterable[Any]) -> list[Any]:
    """Return the cells of a page alone; a cell has what its copies showed as metadata."""
    own: list[Any] = []
    copies: list[Any] = []
    for cell in cells:
        if "recorded_value" in cell.metadata:
            copies.append(cell)
            continue
        if copies and all(_shown(copy) for copy in copies):
            cell.metadata["recorded_run"] = written(map(_frame, copies))
        own.append(cell)
        copies = []
        for part in [cell, *cell.outputs]:
            if part.get("execution_count"):
                part["execution_count"] = len(own)
    return own


def _recorded(cell: Any) -> list[tuple[str, str]]:
    """Return the name of a cell's recorded knob with each of its literals."""
    try:
        found = knobs.read(cell.metadata["knobs"], cell.source)
    except (KeyError, knobs.KnobError):  # the build names a knob that does not fit
        return []
    return [(knob.name, literal) for knob in found for literal in knob.recorded]


def described(text: str) -> str | None:
    """Return a cell that ends in the description of its chart, so that no picture is drawn.

    It is None if the cell does not end in an expression.
    """
    lines = text.splitlines()
    last = ast.parse(text).body[-1]
    if not isinstance(last, ast.Expr):
        return None
    before = lines[: last.lineno - 1]
    chart = "\n".join(lines[last.lineno - 1 : last.end_lineno])
    return "\n".join([*before, f"({chart}\n).to_json()"])


def _shown(copy: Any) -> list[Any]:
    """Return the description that a copy ended in, as an output; none if it failed."""
    return [o for o in copy.outputs if o.output_type == "execute_result"]


def _frame(copy: Any) -> dict[str, Any]:
    """Return what one copy showed."""
    said = "".join(o["text"] for o in copy.outputs if o.output_type == "stream")
    (shown,) = _shown(copy)
    chart = json.loads(ast.literal_eval(shown["data"]["text/plain"]))
    return {"value": copy.metadata["recorded_value"], "said": said, "chart": chart}


def written(frames: Iterable[dict[str, Any]]) -> str:
    """Return frames as JSON in which each long part stands once, as one of `parts`.

    Where it occurs, there is `{"part": number}`. A part refers to earlier parts only.
    """
    parts: dict[str, int] = {}

    def shared(value: Any) -> Any:
        if isinstance(value, dict):
            value = {name: shared(inner) for name, inner in value.items()}
        elif isinstance(value, list):
            value = [shared(inner) for inner in value]
        else:
            return value
        text = _json(value)
        return (
            value if len(text) < LONG else {"part": parts.setdefault(text, len(parts))}
        )

    found = [shared(frame) for frame in frames]
    return f'{{"parts":[{",".join(parts)}],"frames":{_json(found)}}}'


def _json(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
