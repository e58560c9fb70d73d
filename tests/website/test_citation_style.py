"""Citations: authors and year, letters by date, and the same labels in text and bibliography."""

import re

import pytest
from bs4 import BeautifulSoup
from pybtex.database import parse_string

from book._ext.page import citation_style

ENTRIES = r"""
@misc{later, author = {Gers, Felix}, title = {A}, year = 2000, month = may, day = {20}}
@misc{first, author = {Gers, Felix}, title = {B}, year = 2000, month = may, day = {3}}
@misc{dated, author = {Gers, Felix}, title = {C}, year = 2000, month = dec}
@misc{other, author = {Gers, Felix}, title = {D}, year = 2001}
@misc{two, author = {Goto, Kazushige and van de Geijn, Robert}, title = {E}, year = 2008}
@misc{many, author = {A, A and Ko{\v c}isk{\'y}, T and Z, Z}, title = {F}, year = 2016}
@misc{alone, author = {Ko{\v c}isk{\'y}, T}, title = {G}, year = 2015}
"""


def labels(text):
    style = citation_style.Style()
    entries = style.sort(parse_string(text, "bibtex").entries.values())
    return {
        e.key: label
        for e, label in zip(entries, style.format_labels(entries), strict=True)
    }


def test_a_label_is_authors_and_year_and_a_letter_where_it_must_be():
    assert labels(ENTRIES) == {
        "many": "A et al., 2016",
        "first": "Gers, 2000a",
        "later": "Gers, 2000b",
        "dated": "Gers, 2000c",
        "other": "Gers, 2001",
        "two": "Goto and van de Geijn, 2008",
        "alone": "Kočiský, 2015",
    }


def soup(path):
    return BeautifulSoup(path.read_text("utf-8"), "html.parser")


def cited(page):
    """The words of each citation on a page, up to its link; the link's text, and where it leads."""
    for link in page.select('a.reference[href*="bibliography.html#"]'):
        before = "".join(link.find_all_previous(string=True, limit=12)[::-1])
        yield (
            re.sub(r"\s+", " ", before),
            link.get_text(),
            link["href"].partition("#")[2],
        )


def wrong(before, text, label):
    """Whether a citation says another thing than its entry's label."""
    authors, _, year = label.rpartition(", ")
    return text != label and not (text == year and before.endswith(f"{authors} ["))


@pytest.mark.site
@pytest.mark.slow
def test_every_citation_says_what_its_entry_is_called(site):
    page = soup(site / "book/reference/bibliography.html")
    named = {
        e["id"]: e.select_one(".label").get_text()[1:-1]
        for e in page.select(".citation")
    }
    assert len(named) == len(set(named.values())) > 100
    # a link that stays as entries come
    assert all(name.startswith("cite-") for name in named)
    found = {"authors": 0, "brackets": 0}
    for path in site.glob("book/**/*.html"):
        for before, text, target in cited(soup(path)):
            assert not wrong(before, text, named[target]), (
                path.name,
                before[-60:],
                text,
            )
            found["brackets" if text == named[target] else "authors"] += 1
    assert min(found.values()) > 100
    names = {"part1": "2015a", "part2": "2015b", "part3": "2015c", "part4": "2015d"}
    for part, year in names.items():
        assert named[f"cite-britz2015{part}"] == f"Britz, {year}"


def test_a_wrong_citation_is_seen():
    assert not wrong("as Gers [", "2000a", "Gers, 2000a")
    assert not wrong("[", "Gers, 2000a", "Gers, 2000a")
    assert wrong("as Gers [", "2000b", "Gers, 2000a")
    assert wrong("as Goto [", "2000a", "Gers, 2000a")
    assert wrong("as Gers [", "Gers, 2000b", "Gers, 2000a")
