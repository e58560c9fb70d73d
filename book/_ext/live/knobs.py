"""Knobs: sliders, choices, checkboxes and texts that set a literal of a live cell.

A cell's metadata describes them; the page's scripts write the literal and run the cell again
(book/_live/knobs.js). Here they are checked against the cell's text and written as HTML.
"""

from __future__ import annotations

import ast
import html
import json
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from book._live import dependencies

KINDS = {"choices"}, {"checkbox"}, {"text"}  # beside sliders
# As in knobs.js. An escape in a string is left out, so that both read the same.
NUMBER = r"-?[\d._]+(?:[eE][-+]?\d+)?"
LITERAL = (
    rf"{NUMBER}|True|False|None"
    r"""|"[^"\\\n]*"|'[^'\\\n]*'"""
    rf"|[(\[][ \t]*{NUMBER}(?:[ \t]*,[ \t]*{NUMBER})+[ \t]*,?[ \t]*[)\]]"
)
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
<div class="live-knobs not-on-paper" data-cell="{cell}" role="group" aria-label="Knobs of {where}">
{knobs}
<button type="button" aria-disabled="true" aria-label="{reset}">Reset</button>
<p class="live-knob-status" role="status"></p>
</div>"""


class KnobError(ValueError):
    """A knob does not fit its cell; the message says why in one line."""


class Knob(NamedTuple):
    """A knob: the name that it sets, the literal in the book's text, and what it may set."""

    name: str
    built: str
    label: str
    # of a slider or series: from, to, step; of a choice: the literals; of a text: its most
    # characters; of a checkbox: none of them
    slider: tuple[str, str, str] | None
    choices: dict[str, str]
    text: int = 0
    play: bool = False

    def html(self, id: str) -> str:
        """Return the knob's elements."""
        named = f' data-name="{self.name}" data-built="{html.escape(self.built)}"'
        value = ast.literal_eval(self.built)
        label = f" {html.escape(self.label)}" if self.label else ""
        if isinstance(value, tuple | list):
            steps = "".join(
                f"<label>{k}{self._range(f'{id}-{k}', v, self._step(k))}</label>"
                for k, v in enumerate(value, 1)
            )
            named += self._float(*value)
            return SERIES.format(
                id=id, name=self.name, label=label, data=named, steps=steps
            )
        if self.slider:
            made = self._range(id, value, named + self._float(value))
            made += PLAY.format(name=self.name) if self.play else ""
        elif self.text:
            size = f'maxlength="{self.text}" size="{min(self.text, 40)}"'
            named += f' autocomplete="off" spellcheck="false" {size}'
            shown = html.escape(value)
            made = f'<input id="{id}"{named} type="text" value="{shown}">'
        elif self.choices:
            options = "".join(
                f'<option value="{html.escape(literal)}"'
                f"{' selected' if literal == self.built else ''}>{html.escape(word)}</option>"
                for literal, word in self.choices.items()
            )
            made = f'<select id="{id}"{named} autocomplete="off">{options}</select>'
        else:
            named += ' autocomplete="off" type="checkbox"' + " checked" * value
            output = OUTPUT.format(id=id, value=value)
            made = f'<input id="{id}"{named}>{output}'
        return KNOB.format(id=id, name=self.name, label=label, input=made)

    def _step(self, k: int) -> str:
        """Return the label of one slider of a series, which shows its number alone."""
        return f' aria-label="{self.name}, step {k}"'

    def _float(self, *values: float) -> str:
        """Return the mark of a slider that does not set whole numbers."""
        assert self.slider
        whole = self.slider[2].isdigit() and all(isinstance(v, int) for v in values)
        return "" if whole else " data-float"

    def _range(self, id: str, value: float, data: str) -> str:
        """Return a slider with its value beside it."""
        assert self.slider
        least, most, step = self.slider
        data += f' autocomplete="off" type="range" min="{least}" max="{most}"'
        shown = _plain(value)
        output = OUTPUT.format(id=id, value=shown)
        return f'<input id="{id}"{data} step="{step}" value="{shown}">{output}'


def read(metadata: Any, text: str) -> list[Knob]:
    """Return the knobs that a cell's metadata describes.

    Raises:
        KnobError: one does not fit the text of the cell.
    """
    if not isinstance(metadata, list) or not metadata:
        raise KnobError("`knobs` is no list")
    return [_knob(entry, text) for entry in metadata]


def _knob(entry: Any, text: str) -> Knob:
    if not isinstance(entry, dict) or not str(entry.get("name", "")).isidentifier():
        raise KnobError(f"a knob needs a name: {entry}")
    name = entry["name"]
    slider = {"from", "to", "step"}
    kinds = slider, slider | {"play"}, slider | {"series"}, *KINDS
    given = entry.keys() - {"name", "label"}
    if given not in kinds:
        raise KnobError(
            f"the knob {name} needs from, to and step, or choices, or checkbox: true, or text"
        )
    built = literal_of(name, text)
    value = ast.literal_eval(built)
    knob = Knob(name, built, str(entry.get("label", "")), None, {})
    if "choices" in entry:
        choices = {_literal(c): str(c) for c in entry["choices"]}
        same = [c for c in choices if ast.literal_eval(c) == value]
        if not same:
            raise KnobError(
                f"the knob {name} is {built}, which is not among its choices"
            )
        return knob._replace(choices=choices, built=same[0])
    if "checkbox" in entry:
        if not isinstance(value, bool):
            raise KnobError(
                f"the knob {name} is {built}, and a checkbox sets True or False"
            )
        return knob
    if "text" in entry:
        most = entry["text"]
        if isinstance(most, bool) or not isinstance(most, int) or most < 1:
            raise KnobError(f"the knob {name} needs its most characters: text: 40")
        if not isinstance(value, str) or '"' in value or len(value) > most:
            raise KnobError(
                f"the knob {name} is {built}, and its text has at most {most} characters, "
                'none of them "'
            )
        return knob._replace(text=most)
    return _slider(knob, entry, value)


def _slider(knob: Knob, entry: dict[str, Any], value: Any) -> Knob:
    """Return a knob as the slider, or the series of sliders, that its entry describes."""
    name, built = knob.name, knob.built
    least, most, step = (_number(entry[key], name) for key in ("from", "to", "step"))
    if not (step > 0 and least < most):
        raise KnobError(f"the range of the knob {name} is empty")
    if "series" in entry and (not isinstance(value, tuple | list) or len(value) < 2):
        raise KnobError(
            f"the knob {name} is {built}, and a series sets several numbers"
        )
    for number in value if "series" in entry else [value]:
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise KnobError(f"the knob {name} is {built}, and a slider sets a number")
        number = Decimal(str(number))
        if not least <= number <= most:
            raise KnobError(
                f"the knob {name} is {built}, outside its range from {least} to {most}"
            )
        if (number - least) % step or (most - least) % step:
            raise KnobError(
                f"the knob {name}: {built} and {most} do not both lie on steps of {step} "
                f"from {least}"
            )
    play = bool(entry.get("play"))
    return knob._replace(slider=(str(least), str(most), str(step)), play=play)


def literal_of(name: str, text: str) -> str:
    """Return the literal that a cell assigns to a name on a line of its own."""
    line = rf"^{name}[ \t]*=[ \t]*({LITERAL})[ \t]*(?:#.*)?$"
    found = re.findall(line, text, re.M)
    assigned = [
        node
        for node in ast.parse(text).body
        if isinstance(node, ast.Assign)
        and [ast.unparse(target) for target in node.targets] == [name]
    ]
    if len(found) != 1 or len(assigned) != 1:
        raise KnobError(
            f"the knob {name} has no line `{name} = …` of its own, with a literal, in this cell"
        )
    return str(found[0])


def _literal(choice: Any) -> str:
    if isinstance(choice, str) and not re.search(r'["\\\n]', choice):
        return json.dumps(choice, ensure_ascii=False)
    if choice is None or isinstance(choice, bool | int | float):
        return repr(choice)
    raise KnobError(f"a knob cannot set {choice!r}")


def _number(value: Any, name: str) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise KnobError(f"the range of the knob {name} is made of numbers, not {value}")
    return Decimal(str(value))


def _plain(value: float) -> str:
    """Return a number as the browser's slider writes it, without .0."""
    return str(int(value)) if value == int(value) else str(value)


def box(cell: str, knobs: Sequence[Knob]) -> str:
    """Return the element with all knobs of a cell."""
    made = "\n".join(knob.html(f"{cell}-{knob.name}") for knob in knobs)
    where = cell.replace("-", " ")
    reset = f"Reset {where} to the book's text"
    return BOX.format(cell=cell, where=where, knobs=made, reset=reset)


def changes_others(texts: Sequence[str], index: int) -> str | None:
    """Return what is wrong if cells that a knob runs again change what others have made.

    Each move of the knob would then find something else.
    """
    page = dependencies.page(tuple(texts))
    again = {index, *page.after(index)}
    for cell in sorted(again):
        inputs = page.inputs(cell)
        for name in sorted(page.writes[cell] - page.binds[cell]):
            makers = set(inputs.get(name, [])) - again
            if makers:
                return (
                    f"cell {cell + 1} runs again when the knob moves, and changes `{name}` of "
                    f"cell {max(makers) + 1}: make it anew in a cell that runs again"
                )
    return None
