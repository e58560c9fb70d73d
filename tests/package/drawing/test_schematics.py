"""Schematic drawings: every entry, block, arrow and branch is drawn where and as it is told."""

import itertools

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.colors import to_hex

from unrolled.drawing import figures, schematics


def shapes(axes):
    return {patch.get_gid(): patch for patch in axes.patches}


def written(axes):
    return {text.get_text(): text for text in axes.texts}


def test_a_table_writes_each_entry_into_its_cell_row_0_on_top():
    axes = schematics.sketch(10, 6)
    entries = [["a", "b", "c"], ["d", "e", "f"]]
    edges = schematics.table(axes, (2, 5), entries, "x", cell=(1.5, 1), rows=("p", "q"))
    assert edges == (2, 6.5, 3, 5)
    for i, j in np.ndindex(2, 3):
        cell = shapes(axes)[f"x-{i}-{j}"]
        assert cell.get_xy() == (2 + 1.5 * j, 4 - i)
        x, y = written(axes)[entries[i][j]].get_position()
        assert (x, y) == (cell.get_x() + 0.75, cell.get_y() + 0.5)
    for i, name in enumerate("pq"):
        x, y = written(axes)[name].get_position()
        assert x < 2 and y == 4.5 - i


def test_marked_and_pale_cells_differ_in_outline_not_only_in_colour():
    axes = schematics.sketch(4, 2)
    schematics.table(axes, (0, 1), [[1, 2, 3]], "x", marked={(0, 1)}, pale={(0, 2)})
    plain, marked, pale = (shapes(axes)[f"x-0-{j}"] for j in range(3))
    assert marked.get_linewidth() > plain.get_linewidth() == pale.get_linewidth()
    assert pale.get_linestyle() not in ("-", "solid")
    assert plain.get_linestyle() in ("-", "solid")
    colours = [to_hex(cell.get_edgecolor()) for cell in (plain, marked, pale)]
    assert colours == [figures.GREY, figures.COLOURS["blue"], figures.PALE]


def test_a_table_refuses_what_does_not_fit():
    axes = schematics.sketch(4, 2)
    with pytest.raises(ValueError, match="rows of a table must be of one length"):
        schematics.table(axes, (0, 1), [[1, 2], [3]], "x")
    with pytest.raises(ValueError, match="1 names for a table of 2 rows"):
        schematics.table(axes, (0, 1), [[1], [3]], "x", rows=("a",))


def test_a_block_has_depth_and_a_sheet_has_none():
    axes = schematics.sketch(20, 8)
    assert schematics.block(axes, (1, 2), (3, 4, 5), "box", "(T, B, V)") == (1, 4, 2, 6)
    schematics.block(axes, (14, 2), (3, 4, 0), "sheet", "(T, B)")
    assert set(shapes(axes)) == {"box-front", "box-top", "box-side", "sheet-front"}
    side = shapes(axes)["box-side"].get_xy()
    assert side[0].tolist() == [4, 2]
    assert side[1] - side[0] == pytest.approx(np.array([3.0, 2.25]))
    assert {"box", "(T, B, V)", "sheet", "(T, B)"} == set(written(axes))


@pytest.mark.parametrize(("end", "beside"), [((5, 1), False), ((1, 5), True)])
def test_an_arrow_runs_from_its_start_to_its_end(end, beside):
    axes = schematics.sketch(6, 6)
    schematics.arrow(axes, (1, 1), end, "times")
    (line,) = axes.patches
    assert line.get_gid() == "arrow-times"
    points = (
        axes.transData.inverted()
        .transform_path(line.get_transform().transform_path(line.get_path()))
        .vertices
    )
    assert points[0] == pytest.approx(np.array([1, 1]), abs=0.05)
    assert np.hypot(*(points - end).T).min() < 0.1
    label = written(axes)["times"]
    assert label.xy == ((1 + end[0]) / 2, (1 + end[1]) / 2)
    assert (label.get_ha() == "left") == beside


@given(st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(1, 3))
def test_a_branch_is_as_wide_as_its_course_is_probable(weights, steps):
    p = np.array(weights) / sum(weights)
    axes = schematics.choices(figures.canvas(), p, steps)
    lines = {line.get_gid(): line for line in axes.lines}
    courses = [
        course
        for n in range(1, steps + 1)
        for course in itertools.product(range(len(p)), repeat=n)
    ]
    assert set(lines) == {"branch-" + "-".join(map(str, course)) for course in courses}
    widest = lines["branch-0"].get_linewidth() / p[0]
    for course in courses:
        line = lines["branch-" + "-".join(map(str, course))]
        assert line.get_linewidth() == pytest.approx(widest * np.prod(p[list(course)]))
        assert list(line.get_xdata()) == [len(course) - 1, len(course)]
        if len(course) > 1:  # it begins where the course before it ends
            before = lines["branch-" + "-".join(map(str, course[:-1]))]
            assert line.get_ydata()[0] == before.get_ydata()[1]
    ends = [line.get_ydata()[1] for g, line in lines.items() if g.count("-") == steps]
    assert len({round(end, 9) for end in ends}) == len(p) ** steps
    assert 0 <= min(ends) and max(ends) <= 1
    plt.close("all")


@pytest.mark.parametrize("p", [[0.5, 0.6], [1.0, 0.0]])
def test_what_is_no_distribution_is_refused(p):
    with pytest.raises(ValueError, match="probabilities above 0 that sum to 1"):
        schematics.choices(figures.canvas(), p)
