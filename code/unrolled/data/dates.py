"""A translation task: dates as people write them, to be rewritten as in ISO 8601.

A date is drawn and written in one of many formats; the answer is the same date as ``yyyy-mm-dd``.
Each text has exactly one right answer. The alignment is known too: the generator knows which
characters of the text give the year, the month and the day. Some days and some formats are held out
for testing. In a numeric date the day stands before the month unless the year comes first, because
03/04 would be ambiguous if both orders occurred. Years are 1950 to 2049, so that two digits
identify a year.
"""

import datetime
import re
import string
from typing import NamedTuple

import numpy as np

from unrolled.arguments import check_ids, names_arguments

FIRST, LAST = datetime.date(1950, 1, 1), datetime.date(2049, 12, 31)
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
WEEKDAYS = (
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
)

FORMATS = (
    "{d} {Month} {yyyy}",
    "{d} {Mon} {yyyy}",
    "{dth} {Month} {yyyy}",
    "{Month} {d}, {yyyy}",
    "{Mon} {d}, {yyyy}",
    "{Month} {dth}, {yyyy}",
    "the {dth} of {Month} {yyyy}",
    "{Weekday}, {d} {Month} {yyyy}",
    "{Weekday}, {Month} {d}, {yyyy}",
    "{d} {Mon} '{yy}",
    "{dd}-{Mon}-{yyyy}",
    "{yyyy} {Month} {d}",
    "{d}.{m}.{yyyy}",
    "{dd}.{mm}.{yyyy}",
    "{d}/{m}/{yy}",
    "{dd}/{mm}/{yyyy}",
    "{yyyy}/{mm}/{dd}",
)
"""Formats to learn from."""
HELD_OUT_FORMATS = (
    "{Weekday} the {dth} of {Month}, {yyyy}",
    "{Weekday}, {dd}.{mm}.{yyyy}",
    "{Mon} {dth} '{yy}",
    "{d} {Mon}, {yyyy}",
    "{yyyy}, {d} {Month}",
    "{d}-{m}-{yyyy}",
)
"""Formats never trained on, made of the same parts in another order or with other signs."""

ALPHABET = string.ascii_lowercase + string.digits + " ,.'/-"
ANSWERS = string.digits + "-"
LIMIT = 40
"""Characters in the longest text that is accepted; the longest of any format has 37."""

PARTS = {
    "year": ("yyyy", "yy"),
    "month": ("Month", "Mon", "mm", "m"),
    "day": ("dth", "dd", "d"),
}
ANSWERED_AT = {"year": slice(0, 4), "month": slice(5, 7), "day": slice(8, 10)}


class Example(NamedTuple):
    """A date in words, its answer, and which characters give the year, month and day."""

    text: str
    answer: str  # yyyy-mm-dd
    format: str
    spans: dict[
        str, slice
    ]  # "year", "month", "day": characters of the text that say it


def write(day, format):
    """Writes a day in a format.

    Args:
        day: a ``datetime.date`` in FIRST..LAST.
        format: text with fields in braces: d, dd, dth; Month, Mon, mm, m; yyyy, yy; Weekday.

    Returns:
        An Example.

    Raises:
        ValueError: a day outside FIRST..LAST, a field that does not exist, or a format that leaves
            out the year, the month or the day.
    """
    if not FIRST <= day <= LAST:
        raise ValueError(f"days run from {FIRST} to {LAST}, got {day}")
    month = MONTHS[day.month - 1]
    fields = {
        "d": f"{day.day}",
        "dd": f"{day.day:02}",
        "dth": f"{day.day}{_ordinal(day.day)}",
        "Month": month,
        "Mon": month[:3],
        "mm": f"{day.month:02}",
        "m": f"{day.month}",
        "yyyy": f"{day.year}",
        "yy": f"{day.year % 100:02}",
        "Weekday": WEEKDAYS[day.weekday()],
    }
    text, spans = "", {}
    for literal, field, _, _ in string.Formatter().parse(format):
        text += literal
        if field is None:
            continue
        if field not in fields:
            raise ValueError(
                f"no field {field!r} in a date; fields: {', '.join(fields)}"
            )
        for part, names in PARTS.items():
            if field in names:
                spans[part] = slice(len(text), len(text) + len(fields[field]))
        text += fields[field]
    if missing := [part for part in PARTS if part not in spans]:
        raise ValueError(f"the format {format!r} does not say the {missing[0]}")
    return Example(text, day.isoformat(), format, spans)


def is_held_out(day):
    """Tells whether a day is held out for testing: one in ten, spread evenly over the calendar.

    Multiplying by an odd number near 2^32 / golden ratio spreads consecutive numbers evenly over
    0..2^32 (Knuth, *The Art of Computer Programming*, vol. 3, section 6.4).
    """
    return day.toordinal() * 2654435761 % 2**32 < 2**32 // 10


@names_arguments
def draw(rng, B, held_out=False, formats=FORMATS):
    """Draws B Examples: a day uniform among those held out, or not, in a format drawn uniformly.

    Args:
        rng: a ``numpy.random.Generator``.
        B: how many.
        held_out: whether the days are those kept for testing.
        formats: formats to draw from.

    Raises:
        ValueError: B below 1, or no format.
    """
    if B < 1 or not formats:
        raise ValueError(f"need B >= 1 and a format, got {B} and {len(formats)}")
    examples = []
    while len(examples) < B:
        day = datetime.date.fromordinal(
            int(rng.integers(FIRST.toordinal(), LAST.toordinal() + 1))
        )
        if is_held_out(day) == held_out:
            examples.append(write(day, formats[rng.integers(len(formats))]))
    return examples


def encode(text):
    """Returns the ids of a date's characters, (S,), for a model; capitals become small letters.

    Raises:
        ValueError: no characters, too many, or one outside the alphabet; the message shows it.
    """
    small = text.strip().lower()
    if not small:
        raise ValueError("there is no date here: type one, such as 3 April 2020")
    if len(small) > LIMIT:
        raise ValueError(
            f"a date has at most {LIMIT} characters, this has {len(small)}: {text!r}"
        )
    if unknown := sorted(set(small) - set(ALPHABET)):
        raise ValueError(
            f"cannot read {', '.join(map(repr, unknown))} in {text!r}: dates are written with the"
            " letters a to z, digits, spaces and , . ' / -"
        )
    return np.array([ALPHABET.index(character) for character in small])


def encode_answer(answer):
    """Returns the ids of an answer's characters, (10,).

    Raises:
        ValueError: not of the form yyyy-mm-dd.
    """
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", answer, re.ASCII):
        raise ValueError(f"an answer is yyyy-mm-dd, got {answer!r}")
    return np.array([ANSWERS.index(character) for character in answer])


@names_arguments
def decode_answer(ids):
    """Returns the characters that a model answered with.

    Raises:
        ValueError: ids that are not a row of numbers of ANSWERS.
    """
    check_ids("ids", np.asarray(ids, int if len(ids) == 0 else None), len(ANSWERS))
    return "".join(ANSWERS[i] for i in ids)


@names_arguments(weights="T S")
def aligned(example, weights, margin=0):
    """Returns the share of the attention on the characters that give what is being written.

    Args:
        example: an Example.
        weights: (T, S), where each step of the answer looked; T at least 10.
        margin: characters on either side of the span that count as it.

    Returns:
        A dictionary: for "year", "month" and "day" the weight on the characters that say it, in
        0..1, averaged over the steps that write it.

    Raises:
        ValueError: weights of another text, or of an unfinished answer.
    """
    if weights.shape[0] < 10 or weights.shape[1] != len(example.text):
        raise ValueError(
            f"the weights of {example.text!r} must be (10 or more, {len(example.text)}),"
            f" got {weights.shape}"
        )
    found = {}
    for part, span in example.spans.items():
        said = slice(max(0, span.start - margin), span.stop + margin)
        found[part] = float(weights[ANSWERED_AT[part], said].sum(axis=1).mean())
    return found


def _ordinal(n):
    if n in (11, 12, 13):
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
