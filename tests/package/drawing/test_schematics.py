"""Schematic drawings: every entry, block, arrow and branch is drawn where and as it is told."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.drawing import schematics
from unrolled.drawing.sketch import Text


def shapes(part):
    return {shape.name: shape for shape in part if not isinstance(shape, Text)}


def written(part):
    return {shape.text: shape for shape in part if isinstance(shape, Text)}


def test_a_sketch_joins_its_parts_the_lowest_first():
    word, dot = schematics.text((1, 1), "a"), schematics.dot((2, 2), "green", 0.2)
    joined = schematics.arrow((0, 0), (1, 0), name="b")
    sketch = schematics.sketch(3, 2, [word, joined, [dot]], 0.5, (-1, -2))
    assert sketch.shapes == (word, *joined, dot)
    assert sketch[1:] == (3, 2, 0.5, -1, -2)
    assert (dot.width, dot.fill, dot.line) == (0.2, "green", 0)


def test_a_table_writes_each_entry_into_its_cell_row_0_on_top():
    entries = [["a", "b", "c"], ["d", "e", "f"]]
    part = schematics.table((2, 5), entries, "x", cell=(1.5, 1), rows=("p", "q"))
    for i, j in np.ndindex(2, 3):
        cell, text = shapes(part)[f"x-{i}-{j}"], written(part)[entries[i][j]]
        assert cell[:4] == (2.75 + 1.5 * j, 4.5 - i, 1.5, 1)
        assert (text.x, text.y, text.side) == (cell.x, cell.y, "centre")
    for i, name in enumerate("pq"):
        text = written(part)[name]
        assert text.x < 2 and text.y == 4.5 - i and text.side == "left"


def test_marked_and_pale_cells_differ_in_outline_not_only_in_colour():
    part = schematics.table((0, 1), [[1, 2, 3]], "x", marked={(0, 1)}, pale={(0, 2)})
    plain, marked, pale = (shapes(part)[f"x-0-{j}"] for j in range(3))
    assert marked.line > plain.line == pale.line
    assert (plain.dash, marked.dash, pale.dash) == ("solid", "solid", "dashed")
    assert (plain.colour, marked.colour, pale.colour) == ("grey", "blue", "pale")
    assert part.index(marked) > part.index(pale)  # its outline covers its neighbours'


def test_a_table_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="rows of a table must be of one length"):
        schematics.table((0, 1), [[1, 2], [3]], "x")
    with pytest.raises(ValueError, match="1 names for a table of 2 rows"):
        schematics.table((0, 1), [[1], [3]], "x", rows=("a",))


def test_a_block_has_depth_and_a_sheet_has_none():
    box = schematics.block((1, 2), (3, 4, 5), "box", "(T, B, V)")
    sheet = schematics.block((14, 2), (3, 4, 0), "sheet", "(T, B)")
    faces = shapes([*box, *sheet])
    assert set(faces) == {"box-front", "box-top", "box-side", "sheet-front"}
    assert faces["box-front"].points == ((1, 2), (4, 2), (4, 6), (1, 6))
    first, second, *_ = faces["box-side"].points
    assert first == (4, 2) and np.subtract(second, first) == pytest.approx([3.0, 2.25])
    for part, words in ((box, ("box", "(T, B, V)")), (sheet, ("sheet", "(T, B)"))):
        name, label = (written(part)[word] for word in words)
        assert 2 > name.y > label.y and name.x == label.x


@pytest.mark.parametrize(("end", "side"), [((5, 1), "above"), ((1, 5), "right")])
def test_an_arrow_runs_from_its_start_to_its_end(end, side):
    line, label = schematics.arrow((1, 1), end, "times", colour="blue")
    assert (line.name, line.points, line.head) == ("arrow-times", ((1, 1), end), True)
    assert line.colour == "blue"
    assert label[:2] == ((1 + end[0]) / 2, (1 + end[1]) / 2)
    assert label.side == side
    assert len(schematics.arrow((1, 1), end, name="a")) == 1


def test_a_line_runs_through_its_points_or_bulges_to_its_left():
    line = schematics.line(np.eye(2), "grey", dash="dotted", width=2.0, name="a")
    assert line.points == ((1, 0), (0, 1))
    assert (line.colour, line.dash, line.line, line.name) == ("grey", "dotted", 2, "a")
    bent = schematics.line([(0, 0), (4, 0)], bend=0.25)
    assert bent.points == ((0, 0), (2, 1, 4, 0))


def test_a_box_has_its_label_in_its_middle():
    outline, label = schematics.box((1, 2), (3, 1), "sum", "green", corner=0.3)
    assert outline[:6] == (1, 2, 3, 1, "sum", "green") and outline.corner == 0.3
    assert (label.x, label.y, label.text, label.side) == (1, 2, "sum", "centre")


def test_a_text_is_what_it_is_told():
    made = schematics.text((1, 2), "a", "left", "blue", 9, angle=45, code=True)
    assert made == Text(1, 2, "a", "blue", 9, "left", 0, 45, True)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: schematics.text((0, 0), "a", "top"), "side is one of right"),
        (lambda: schematics.text((0, 0), "a", colour="red"), "colour is one of blue"),
        (lambda: schematics.line([(0, 0), (1, 1)], "red"), "colour is one of blue"),
        (lambda: schematics.line([(0, 0), (1, 1)], dash="-"), "dash is one of solid"),
        (
            lambda: schematics.line([(0, 0), (1, 1), (2, 2)], bend=1),
            "line with points .* bend 1",
        ),
        (lambda: schematics.arrow((0, 0), (1, 1), colour="red"), "colour is one of"),
        (lambda: schematics.text((0, 0, 0), "a"), "schematics.text with place"),
        (lambda: schematics.arrow((0, 0, 0), (1, 1)), "schematics.arrow with start"),
        (lambda: schematics.dot((0, 0), "red"), "colour is one of blue"),
        (lambda: schematics.dot((0, 0, 0)), "schematics.dot with place"),
        (lambda: schematics.box((0, 0), (1, 1), "a", "red"), "colour is one of blue"),
        (lambda: schematics.box((0, 0), (1,), "a"), "schematics.box with place"),
        (lambda: schematics.block((0, 0), (1, 1), "a", ""), "schematics.block with"),
        (lambda: schematics.sketch(1, 1, [3]), "schematics.sketch with width"),
    ],
)
def test_arguments_of_which_no_part_can_be_made_are_named(make, said):
    with pytest.raises((ValueError, TypeError), match=said):
        make()


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(1, 3))
def test_a_branch_is_as_wide_as_its_course_is_probable(weights, steps):
    p = np.array(weights) / sum(weights)
    lines = shapes(schematics.choices((2, 1), (6, 4), p, steps))
    courses = [
        course
        for n in range(1, steps + 1)
        for course in itertools.product(range(len(p)), repeat=n)
    ]
    assert set(lines) == {"branch-" + "-".join(map(str, course)) for course in courses}
    widest = lines["branch-0"].line / p[0]
    for course in courses:
        line = lines["branch-" + "-".join(map(str, course))]
        assert line.line == pytest.approx(widest * np.prod(p[list(course)]))
        (x, y), (end, _) = line.points
        assert end - x == pytest.approx(6 / steps)
        assert x == pytest.approx(2 + 6 * (len(course) - 1) / steps)
        if len(course) > 1:  # it begins where the course before it ends
            before = lines["branch-" + "-".join(map(str, course[:-1]))]
            assert y == before.points[1][1]
    ends = [line.points[1][1] for g, line in lines.items() if g.count("-") == steps]
    assert len({round(end, 9) for end in ends}) == len(p) ** steps
    assert 1 <= min(ends) and max(ends) <= 5


@pytest.mark.parametrize("p", [[0.5, 0.6], [1.0, 0.0], np.full((2, 2), 0.25)])
def test_what_is_no_distribution_is_refused(p):
    with pytest.raises(ValueError, match="probabilities above 0 that sum to 1"):
        schematics.choices((0, 0), (1, 1), p)
