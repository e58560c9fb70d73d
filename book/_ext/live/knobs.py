"""Knobs: sliders, choices, checkboxes and texts that set a literal of a live cell.

A cell's metadata describes them; the page's scripts write the literal and run the cell again
(book/_live/knobs.js). Here they are checked against the cell's text. `knob_elements` makes their
HTML.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from book._live import dependencies

KINDS = {"choices"}, {"checkbox"}, {"text"}  # beside sliders
MOST_RECORDED = 50  # values of one knob
# As in knobs.js. An escape in a string is left out, so that both read the same.
NUMBER = r"-?[\d._]+(?:[eE][-+]?\d+)?"
LITERAL = (
    rf"{NUMBER}|True|False|None"
    r"""|"[^"\\\n]*"|'[^'\\\n]*'"""
    rf"|[(\[][ \t]*{NUMBER}(?:[ \t]*,[ \t]*{NUMBER})+[ \t]*,?[ \t]*[)\]]"
)


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
    recorded: tuple[str, ...] = ()  # the literals whose charts are made with the book


def read(metadata: Any, text: str) -> list[Knob]:
    """Return the knobs that a cell's metadata describes.

    Raises:
        KnobError: one does not fit the text of the cell.
    """
    if not isinstance(metadata, list) or not metadata:
        raise KnobError("`knobs` is no list")
    made = [_recorded(_knob(entry, text), entry) for entry in metadata]
    if sum(bool(knob.recorded) for knob in made) > 1:
        raise KnobError("two knobs of one cell are recorded, and one can be")
    return made


def _knob(entry: Any, text: str) -> Knob:
    if not isinstance(entry, dict) or not str(entry.get("name", "")).isidentifier():
        raise KnobError(f"a knob needs a name: {entry}")
    name = entry["name"]
    slider = {"from", "to", "step"}
    kinds = slider, slider | {"play"}, slider | {"series"}, *KINDS
    given = entry.keys() - {"name", "label", "recorded"}
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


def _recorded(knob: Knob, entry: dict[str, Any]) -> Knob:
    """Return a knob with the literals that its entry records: of a slider, all its steps."""
    values = entry.get("recorded")
    if not values:
        return knob
    if knob.text:
        if not isinstance(values, list) or shown_value(knob.built) not in values:
            raise KnobError(
                f"the knob {knob.name} is {knob.built}, which is not among its recorded texts"
            )
        literals = [_literal(value) for value in values]
        if any(len(shown_value(literal)) > knob.text for literal in literals):
            raise KnobError(
                f"a recorded text of the knob {knob.name} has more than {knob.text} characters"
            )
        return knob._replace(recorded=tuple(literals))
    if values is not True or not knob.slider or "series" in entry:
        raise KnobError(
            f"the knob {knob.name} needs `recorded: true`, of a slider, or a list of texts"
        )
    least, most, step = map(Decimal, knob.slider)
    count = int((most - least) / step) + 1
    if count > MOST_RECORDED:
        raise KnobError(
            f"the knob {knob.name} has {count} steps, and at most {MOST_RECORDED} are recorded"
        )
    is_whole = re.fullmatch(r"-?\d+", knob.built) and knob.slider[2].isdigit()
    steps = [str(least + k * step) for k in range(count)]
    return knob._replace(
        recorded=tuple(s if is_whole or "." in s else f"{s}.0" for s in steps)
    )


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


def with_literal(name: str, text: str, literal: str) -> str:
    """Return a cell's text with a different literal assigned to a name."""
    (found,) = re.finditer(_line(name), text, re.M)
    start, end = found.span(1)
    return text[:start] + literal + text[end:]


def shown_value(literal: str) -> str:
    """Return a literal's value as the input of its knob holds it."""
    value = ast.literal_eval(literal)
    return value if isinstance(value, str) else plain(value)


def _line(name: str) -> str:
    return rf"^{name}[ \t]*=[ \t]*({LITERAL})[ \t]*(?:#.*)?$"


def literal_of(name: str, text: str) -> str:
    """Return the literal that a cell assigns to a name on a line of its own."""
    found = re.findall(_line(name), text, re.M)
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


def plain(value: float) -> str:
    """Return a number as the browser's slider writes it, without .0."""
    return str(int(value)) if value == int(value) else str(value)


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
