"""The "next chapter" and the "previous page" of a sentence are those of the table of contents."""

import re

import pytest
import yaml

from tests.support.paths import ROOT

LINK = re.compile(r"\{ref\}`(next|previous) (?:chapter|page) <([^>]+)>`")


def chapters():
    """Returns the files of the book's chapters in order, exercises left out."""
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    files = [
        chapter["file"] for part in toc["parts"] for chapter in part.get("chapters", ())
    ]
    return [file for file in files if "/exercises/" not in file]


def links():
    """Yields (file, "next" or "previous", label) of each such link."""
    for file in chapters():
        path = ROOT / f"{file}.md"
        if path.is_file():
            for direction, label in LINK.findall(path.read_text("utf-8")):
                yield pytest.param(file, direction, label, id=f"{file}-{label}")


@pytest.mark.parametrize(("file", "direction", "label"), [*links()])
def test_a_link_to_the_next_or_previous_chapter_leads_there(file, direction, label):
    order = chapters()
    place = order.index(file) + (1 if direction == "next" else -1)
    assert f"({label})=" in (ROOT / f"{order[place]}.md").read_text("utf-8").split("\n")


def test_some_links_are_found():
    assert len(list(links())) > 10
