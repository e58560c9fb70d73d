"""The description of a diagram as JSON."""

import json

from unrolled.drawing.sketch import Box, Ellipse, Path, Sketch, Text

SHAPES = (
    Box(1, 2, 1 / 3, 0.5, "box"),
    Ellipse(5, 2, 1.0, 0.5),
    Path(((1, 1), (3, 1, 3, 0.5)), head=True),
    Text(1, 3, "$W_h$", side="above"),
)


def test_json_holds_each_shape_with_its_kind():
    read = json.loads(Sketch(SHAPES, 6, 4, 0.5, bottom=-1).to_json())
    sizes = {"width": 6, "height": 4, "scale": 0.5, "left": 0, "bottom": -1}
    assert {name: read[name] for name in sizes} == sizes and read["kind"] == "sketch"
    box, ellipse, path, text = read["shapes"]
    assert (box["kind"], box["width"], box["name"]) == ("box", 0.333333, "box")
    assert (ellipse["kind"], ellipse["fill"]) == ("ellipse", "ground")
    assert path["kind"] == "path" and path["head"] is True
    assert path["points"] == [[1, 1], [3, 1, 3, 0.5]]
    assert (text["kind"], text["text"], text["side"]) == ("text", "$W_h$", "above")


def test_a_sketch_says_how_many_shapes_it_has():
    assert repr(Sketch(SHAPES, 6, 4, 0.5)) == "<Sketch of 4 shapes>"
    assert repr(Sketch(SHAPES[:1], 6, 4, 0.5)) == "<Sketch of 1 shape>"
