"""What a cell computes is what the built page holds: its charts, number by number."""

import json
import re

import pytest

from tests.support import page_cells
from tests.support.chart_differences import differences
from tests.support.marks import on_site

# Pages with charts that run in the browser, take a few seconds, and measure no time.
PAGES = (
    "01-introduction/bidirectional-and-deep",
    "01-introduction/sequences-and-memory",
    "01-introduction/shapes-of-sequence-problems",
    "primer",
)
PICTURE = (
    r'<figure[^>]* id="{}">\s*<img[^>]*class="[^"]*\bchart\b[^"]*"[^>]*src="([^"]*)"'
)


def test_a_difference_is_found_where_it_is():
    first = {"a": [1.0, None, "x"], "b": {"c": True}}
    assert differences(first, json.loads(json.dumps(first))) == []
    assert differences(first, {"a": [1.1, None, "x"], "b": {"c": True}}) == ["/a/0"]
    assert differences(first, {"a": [1.0, 2.0, "y"], "b": {"c": True}}) == [
        "/a/1",
        "/a/2",
    ]
    assert differences(first, {"a": [1.0, None], "b": {"c": True}}) == ["/a"]
    assert differences(first, {"a": [1.0, None, "x"]}) == [""]


def test_the_charts_of_a_page_stand_under_the_names_of_their_figures():
    found = page_cells.charts_of("01-introduction/sequences-and-memory.md")
    assert list(found) == ["fig-window", "fig-attractors"]
    assert len(found["fig-attractors"].panels) == 2


@on_site
@pytest.mark.parametrize("page", PAGES)
def test_the_built_page_holds_what_its_cells_compute(site, page):
    text = (site / f"book/{page}.html").read_text("utf-8")
    assert 'class="live-cells"' in text
    found = page_cells.charts_of(f"{page}.md")
    assert found
    for name, made in found.items():
        (source,) = re.findall(PICTURE.format(name), text)
        stem = source.rpartition("/")[2].removesuffix(".svg")
        built = json.loads((site / f"_charts/{stem}.json").read_text("utf-8"))
        assert differences(json.loads(made.to_json()), built) == [], name
