"""Generated dates: each text says its answer, and where; what is held out is never drawn."""

import datetime
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.data import dates

days = st.dates(dates.FIRST, dates.LAST)
formats = st.sampled_from(dates.FORMATS + dates.HELD_OUT_FORMATS)


def read(example):
    """The date that an Example's spans say, read without the code that wrote it."""
    said = {part: example.text[span] for part, span in example.spans.items()}
    year = int(said["year"])
    if year < 100:
        year += 1900 if year >= 50 else 2000
    month = said["month"]
    month = (
        int(month)
        if month.isdigit()
        else datetime.datetime.strptime(month[:3], "%b").month
    )
    return datetime.date(
        year, month, int("".join(c for c in said["day"] if c.isdigit()))
    )


@given(days, formats)
def test_the_spans_say_the_date_and_the_answer_is_it(day, format):
    example = dates.write(day, format)
    assert read(example) == day and example.answer == day.isoformat()
    for part, at in dates.ANSWERED_AT.items():
        assert int(example.answer[at]) == getattr(day, part)


def test_one_day_in_every_format():
    day = datetime.date(2003, 8, 22)
    texts = [dates.write(day, f).text for f in dates.FORMATS + dates.HELD_OUT_FORMATS]
    assert (
        texts[6] == "the 22nd of August 2003" and texts[8] == "Friday, August 22, 2003"
    )
    assert "22/8/03" in texts and "22-Aug-2003" in texts and "Aug 22nd '03" in texts
    assert len(set(texts)) == len(texts)


@pytest.mark.parametrize(
    ("day", "text"),
    [
        (1, "1st"),
        (2, "2nd"),
        (3, "3rd"),
        (4, "4th"),
        (11, "11th"),
        (12, "12th"),
        (13, "13th"),
        (21, "21st"),
        (22, "22nd"),
        (23, "23rd"),
        (30, "30th"),
        (31, "31st"),
    ],
)
def test_ordinals(day, text):
    assert (
        dates.write(datetime.date(1999, 1, day), dates.FORMATS[2]).text
        == f"{text} January 1999"
    )


def test_no_text_has_two_answers():
    """Every text of a month that is held by no other day: numeric formats put the day first."""
    answers = {}
    for ordinal in range(
        datetime.date(2003, 1, 1).toordinal(), dates.LAST.toordinal(), 7
    ):
        day = datetime.date.fromordinal(ordinal)
        for format in dates.FORMATS + dates.HELD_OUT_FORMATS:
            example = dates.write(day, format)
            assert answers.setdefault(example.text, example.answer) == example.answer


def test_one_day_in_ten_is_held_out_and_none_of_them_is_drawn_for_training():
    every = [
        datetime.date.fromordinal(n)
        for n in range(dates.FIRST.toordinal(), dates.LAST.toordinal() + 1)
    ]
    held = [day for day in every if dates.is_held_out(day)]
    assert len(held) / len(every) == pytest.approx(0.1, abs=1e-3)
    assert max((b - a).days for a, b in pairwise(held)) <= 21
    for part, values in (("month", 12), ("day", 31), ("year", 100)):
        assert len({getattr(day, part) for day in held}) == values
    for held_out in (False, True):
        drawn = dates.draw(np.random.default_rng(0), 300, held_out)
        assert {dates.is_held_out(read(example)) for example in drawn} == {held_out}


def test_every_format_is_drawn_and_no_other():
    drawn = dates.draw(np.random.default_rng(1), 500)
    assert {example.format for example in drawn} == set(dates.FORMATS)
    assert not set(dates.FORMATS) & set(dates.HELD_OUT_FORMATS)
    held = dates.draw(np.random.default_rng(1), 200, formats=dates.HELD_OUT_FORMATS)
    assert {example.format for example in held} == set(dates.HELD_OUT_FORMATS)


def test_one_generator_one_draw():
    one, other = (dates.draw(np.random.default_rng(3), 20) for _ in range(2))
    assert one == other != dates.draw(np.random.default_rng(4), 20)


@given(days, formats)
def test_every_text_can_be_read_and_every_answer_comes_back(day, format):
    example = dates.write(day, format)
    ids = dates.encode(example.text)
    assert "".join(dates.ALPHABET[i] for i in ids) == example.text.lower()
    assert len(ids) <= dates.LIMIT
    assert dates.decode_answer(dates.encode_answer(example.answer)) == example.answer


def test_aligned_counts_the_weight_on_the_characters_that_say_it():
    # 3 April 2020
    example = dates.write(datetime.date(2020, 4, 3), "{d} {Month} {yyyy}")
    weights = np.zeros((11, 12))
    weights[0:4, 8:12] = 0.25  # the year, on the year
    weights[5:7, 2], weights[5:7, 9] = 0.75, 0.25  # the month, mostly on April
    weights[8:10, 1] = 1  # the day, on the space behind it
    assert dates.aligned(example, weights) == {"year": 1, "month": 0.75, "day": 0}
    assert dates.aligned(example, weights, margin=1)["day"] == 1
    for wrong in (weights[:9], weights[:, 1:]):
        with pytest.raises(ValueError, match=r"must be \(10 or more, 12\)"):
            dates.aligned(example, wrong)


def test_what_a_reader_may_type_wrong_is_named():
    for text, message in [
        (
            "3 März 2020",
            "cannot read 'ä' in '3 März 2020': dates are written with the letters",
        ),
        ("3:4_2020", "cannot read ':', '_'"),
        ("  ", "there is no date here"),
        ("x" * 41, "at most 40 characters, this has 41"),
    ]:
        with pytest.raises(ValueError, match=message):
            dates.encode(text)
    for answer in ("2020-4-3", "3 April", "٢٠٢٠-٠١-٠١"):
        with pytest.raises(ValueError, match="yyyy-mm-dd"):
            dates.encode_answer(answer)


def test_what_cannot_be_written_is_named():
    day = datetime.date(2000, 2, 29)
    with pytest.raises(ValueError, match="no field 'week'"):
        dates.write(day, "{week}")
    with pytest.raises(ValueError, match="does not say the month"):
        dates.write(day, "{d} {yyyy}")
    with pytest.raises(ValueError, match="days run from 1950-01-01"):
        dates.write(datetime.date(1949, 12, 31), dates.FORMATS[0])
    with pytest.raises(ValueError, match="need B >= 1 and a format"):
        dates.draw(np.random.default_rng(0), 0)
