"""The description of a chart as JSON."""

import json

import numpy as np

from unrolled.drawing import charts


def test_json_holds_the_numbers_and_null_for_what_is_not_finite():
    both = charts.beside(
        charts.lines([1, 2, 3], {"a": [1 / 3, np.nan, np.inf]}),
        charts.heat_map(np.eye(2, dtype=int), columns=[7, 8], signed=True),
        width=7,
    )
    read = json.loads(both.to_json())
    line, cells = (panel["marks"][0] for panel in read["panels"])
    assert line["kind"] == "line" and line["y"] == [0.333333, None, None]
    assert line["x"] == [1, 2, 3]
    assert cells["kind"] == "cells" and cells["matrix"] == [[1, 0], [0, 1]]
    assert cells["columns"] == ["7", "8"] and cells["signed"] is True
    assert (read["width"], read["columns"]) == (7, 2)
