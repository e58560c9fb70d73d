"""The elements of knobs in a page."""

from __future__ import annotations

import ast
import html
import json
from collections.abc import Sequence

from book._ext.live.knobs import Knob, plain, shown_value

KNOB = '<div class="live-knob"><label for="{id}"><code>{name}</code>{label}</label>{input}</div>'
OUTPUT = '<output for="{id}" aria-live="off">{value}</output>'
SERIES = """\
<div class="live-knob live-series" role="group" aria-labelledby="{id}-of">
<span id="{id}-of"><code>{name}</code>{label}</span>
<span id="{id}" class="live-series-steps"{data}>{steps}</span>
</div>"""
PLAY = """\
<span class="live-play">\
<button type="button" data-by="-1" aria-label="{name}: one step back">Back</button> \
<button type="button" data-by="1" aria-label="{name}: one step forward">Forward</button> \
<button type="button" class="live-run" aria-label="{name}: Play">Play</button></span>"""
BOX = """\
<div class="live-knobs not-on-paper" data-cell="{cell}"{recorded} role="group" \
aria-label="{title}">
{knobs}
{buttons}
<p class="live-knob-status" role="status">{status}</p>
</div>"""
RESET = '<button type="button" aria-disabled="true" aria-label="{}">Reset</button>'
START = '<button type="button" class="live-own">Run it yourself</button>'
UNTIL_RUN = (
    "Until Python is started, the knob <code>{name}</code> shows a recorded run."
)


def box(cell: str, knobs: Sequence[Knob], recorded: str = "") -> str:
    """Return the element with all knobs of a cell.

    Args:
        cell: the cell's id.
        knobs: its knobs.
        recorded: the file with what was recorded for one of them.
    """
    made = "\n".join(_knob(knob, f"{cell}-{knob.name}") for knob in knobs)
    where = cell.replace("-", " ")
    buttons = RESET.format(f"Reset {where} to the book's text")
    status = ""
    if recorded:
        name = next(knob.name for knob in knobs if knob.recorded)
        buttons, status = buttons + START, UNTIL_RUN.format(name=name)
    return BOX.format(
        cell=cell,
        title=f"Knobs of {where}",
        knobs=made,
        buttons=buttons,
        status=status,
        recorded=recorded and f' data-recorded="{recorded}"',
    )


def _knob(knob: Knob, id: str) -> str:
    """Return the knob's elements."""
    named = f' data-name="{knob.name}" data-built="{html.escape(knob.built)}"'
    value = ast.literal_eval(knob.built)
    label = f" {html.escape(knob.label)}" if knob.label else ""
    if isinstance(value, tuple | list):
        steps = "".join(
            f"<label>{k}{_range(knob, f'{id}-{k}', v, _step(knob, k))}</label>"
            for k, v in enumerate(value, 1)
        )
        named += _float(knob, *value)
        return SERIES.format(
            id=id, name=knob.name, label=label, data=named, steps=steps
        )
    if knob.slider:
        made = _range(knob, id, value, named + _float(knob, value))
        made += PLAY.format(name=knob.name) if knob.play else ""
    elif knob.text:
        made = _text(knob, id, value, named)
    elif knob.choices:
        options = "".join(
            f'<option value="{html.escape(literal)}"'
            f"{' selected' if literal == knob.built else ''}>{html.escape(word)}</option>"
            for literal, word in knob.choices.items()
        )
        made = f'<select id="{id}"{named} autocomplete="off">{options}</select>'
    else:
        named += ' autocomplete="off" type="checkbox"' + " checked" * value
        output = OUTPUT.format(id=id, value=value)
        made = f'<input id="{id}"{named}>{output}'
    return KNOB.format(id=id, name=knob.name, label=label, input=made)


def _text(knob: Knob, id: str, value: str, data: str) -> str:
    """Return the input of a text, with buttons that step through those recorded."""
    size = f'maxlength="{knob.text}" size="{min(knob.text, 40)}"'
    data += f' autocomplete="off" spellcheck="false" {size}'
    play = ""
    if knob.recorded:
        values = [shown_value(literal) for literal in knob.recorded]
        listed = html.escape(json.dumps(values, ensure_ascii=False))
        data += f' data-values="{listed}"'
        play = PLAY.format(name=knob.name)
    shown = html.escape(value)
    return f'<input id="{id}"{data} type="text" value="{shown}">{play}'


def _step(knob: Knob, k: int) -> str:
    """Return the label of one slider of a series, which shows its number alone."""
    return f' aria-label="{knob.name}, step {k}"'


def _float(knob: Knob, *values: float) -> str:
    """Return the mark of a slider that does not set whole numbers."""
    assert knob.slider
    whole = knob.slider[2].isdigit() and all(isinstance(v, int) for v in values)
    return "" if whole else " data-float"


def _range(knob: Knob, id: str, value: float, data: str) -> str:
    """Return a slider with its value beside it."""
    assert knob.slider
    least, most, step = knob.slider
    data += f' autocomplete="off" type="range" min="{least}" max="{most}"'
    shown = plain(value)
    output = OUTPUT.format(id=id, value=shown)
    return f'<input id="{id}"{data} step="{step}" value="{shown}">{output}'
