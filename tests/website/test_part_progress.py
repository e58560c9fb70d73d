"""Where a chapter stands in its part."""

import re

from sphinx_external_toc.parsing import parse_toc_yaml

from book._ext.page import contents
from tests.support.marks import on_site
from tests.support.paths import ROOT


def test_a_chapter_has_its_place_in_the_part_that_its_folder_numbers():
    toc = contents.parts(parse_toc_yaml(ROOT / "_toc.yml"))
    place = contents.place(toc, "book/03-bptt/the-delta-recursion")
    assert place == (
        3,
        "Backpropagation through time",
        "book/03-bptt/the-chain-rule-through-time",
        2,
        9,
    )
    last = contents.place(toc, "book/exercises/bptt")
    assert (last.part, last.here) == (3, last.of)
    assert contents.place(toc, "book/notation") is None
    assert contents.place(toc, "book/reference/glossary") is None


@on_site
def test_every_chapter_says_where_it_stands(site):
    toc = contents.parts(parse_toc_yaml(ROOT / "_toc.yml"))
    for path in (site / "book").rglob("*.html"):
        name = path.relative_to(site).with_suffix("").as_posix()
        place = contents.place(toc, name)
        line = re.search(
            r'<nav class="part-progress".*?</nav>', path.read_text("utf-8"), re.S
        )
        assert bool(line) == bool(place), name
        if place:
            assert f"· {place.here} of {place.of}" in line[0]
            assert line[0].count("<i") == place.of
