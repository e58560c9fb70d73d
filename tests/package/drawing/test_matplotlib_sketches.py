"""Sketches as Matplotlib draws them: every shape where and as the description says."""

import html
import re
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch

from unrolled.drawing import matplotlib_sketches, sketch, style
from unrolled.drawing.sketch import Box, Ellipse, Path, Sketch, Text

SHAPES = (
    Box(1, 2, 1.0, 0.5, "box", "blue", dash="dashed"),
    Box(3, 2, 1.0, 0.5, "round", "grey", "", corner=0.2),
    Ellipse(5, 2, 1.0, 0.5, "ring", "", "pale", 0),
    Path(((1, 1), (2, 1), (3, 1, 3, 0.5)), "arrow", "vermilion", head=True),
    Path(((4, 0), (5, 0), (5, 1)), "area", fill="ground"),
    Text(1, 3, "$W_h$", "purple", 9, "above", 5, 30),
)
DRAWN = Sketch(SHAPES, 6, 4, 0.5)


def drawn(made=DRAWN):
    (axes,) = matplotlib_sketches.draw(made).axes
    return axes, {patch.get_gid(): patch for patch in axes.patches}


def test_each_colour_and_dash_of_a_sketch_is_known():
    assert set(matplotlib_sketches.DASHES) == set(sketch.DASHES)
    assert set(sketch.COLOURS) < set(matplotlib_sketches.NAMED)


def test_every_shape_is_drawn_where_the_sketch_says():
    axes, patches = drawn()
    for shape in (shape for shape in SHAPES if isinstance(shape, Box | Ellipse)):
        outline = patches[shape.name].get_transform() - axes.transData
        extent = outline.transform_path(patches[shape.name].get_path()).get_extents()
        middle = (extent.x0 + extent.x1) / 2, (extent.y0 + extent.y1) / 2
        assert (*middle, extent.width, extent.height) == pytest.approx(shape[:4])
    edge, face = patches["box"].get_edgecolor(), patches["box"].get_facecolor()
    assert (to_hex(edge), to_hex(face)) == (style.COLOURS["blue"], style.GROUND)
    assert patches["box"].get_linestyle() not in ("-", "solid")
    assert (
        patches["round"].get_facecolor()[3] == 0 == patches["ring"].get_edgecolor()[3]
    )


def test_one_unit_is_equally_long_across_and_up():
    axes, _ = drawn()
    (x, y), (right, up) = axes.transData.transform([(0, 0), (1, 1)])
    assert (
        right - x
        == pytest.approx(up - y)
        == pytest.approx(0.5 * style.STYLE["figure.dpi"])
    )


def test_on_axes_of_another_shape_the_units_stay_equal():
    axes = Figure((6, 1)).add_axes((0, 0, 1, 1))
    matplotlib_sketches.put(axes, DRAWN)
    axes.apply_aspect()
    (x, y), (right, up) = axes.transData.transform([(0, 0), (1, 1)])
    assert right - x == pytest.approx(up - y)


def test_a_path_has_curves_an_arrowhead_or_an_area():
    _, patches = drawn()
    assert isinstance(patches["arrow"], FancyArrowPatch)
    line = patches["arrow"].get_path().vertices
    np.testing.assert_allclose(line[:2], [(1, 1), (2, 1)], atol=1e-6)
    assert np.hypot(*(line - (3, 0.5)).T).min() < 0.06
    curve = patches["arrow"].get_path()
    assert list(curve.codes).count(curve.CURVE3) == 2
    area = patches["area"].get_path()
    assert area.vertices.tolist() == [[4, 0], [5, 0], [5, 1], [4, 0]]
    assert area.codes[-1] == area.CLOSEPOLY


def test_a_text_stands_on_its_side_and_is_turned():
    axes, _ = drawn()
    (text,) = axes.texts
    assert text.xy == (1, 3) and text.xyann == (0, 5)
    assert (text.get_va(), text.get_ha(), text.get_rotation()) == (
        "bottom",
        "center",
        30,
    )
    assert (text.get_fontsize(), to_hex(text.get_color())) == (
        9,
        style.COLOURS["purple"],
    )


def test_later_shapes_are_drawn_over_earlier_ones():
    axes, patches = drawn()
    above = [patches[shape.name].get_zorder() for shape in SHAPES[:-1]]
    assert above == sorted(set(above)) and axes.texts[0].get_zorder() > above[-1]


def test_the_svg_is_the_same_each_time_and_carries_the_description():
    svg = matplotlib_sketches.svg(DRAWN)
    assert svg == matplotlib_sketches.svg(DRAWN) == DRAWN._repr_svg_()
    ElementTree.fromstring(svg)
    described = re.search(r'id="chart">([^<]*)<', svg)[1]
    assert html.unescape(described) == DRAWN.to_json()
