"""The Atom feed of changes, and llms.txt."""

import datetime
import re
from xml.etree import ElementTree

import pytest

from book._ext.build import build
from book._ext.metadata import feed
from tests.support.paths import ROOT
from tests.support.seeded_book import HEADER, seed

ATOM = "{http://www.w3.org/2005/Atom}"
BASE = "https://someone.github.io/their-fork/"
CHANGES = [
    (datetime.date(2026, 12, 31), "Release 1.2.0", "- a chapter & more"),
    (datetime.date(2026, 12, 1), "Correction: The LSTM", "A sign was wrong."),
]


def test_the_feed_has_each_change_with_its_day_and_a_name_that_stays():
    top = ElementTree.fromstring(feed.feed(BASE, CHANGES, "en"))
    found = top.findall(f"{ATOM}entry")
    assert [entry.findtext(f"{ATOM}title") for entry in found] == [
        "Release 1.2.0",
        "Correction: The LSTM",
    ]
    assert top.findtext(f"{ATOM}updated") == "2026-12-31T00:00:00Z"
    assert found[0].findtext(f"{ATOM}content") == "- a chapter & more"
    names = [entry.findtext(f"{ATOM}id") for entry in found]
    assert len(set(names)) == 2
    later = [(day, title, "other words") for day, title, _ in CHANGES]
    again = ElementTree.fromstring(feed.feed(BASE, later, "en"))
    assert names == [e.findtext(f"{ATOM}id") for e in again.findall(f"{ATOM}entry")]
    links = [e.get("href") for e in top.iter(f"{ATOM}link")]
    assert links and all(link.startswith(BASE) for link in links)


def test_a_feed_without_changes_is_complete():
    top = ElementTree.fromstring(feed.feed(BASE, [], "en"))
    for tag in ("id", "title", "updated", "author"):
        assert top.find(f"{ATOM}{tag}") is not None


def test_releases_and_corrections_are_merged_by_day(tmp_path):
    (tmp_path / "book/reference").mkdir(parents=True)
    (tmp_path / "CHANGELOG.md").write_text(
        "## Unreleased\n\n- new\n\n## 1.2.0 (2026-12-31)\n\n- a chapter & more\n"
    )
    (tmp_path / "book/reference/corrections.md").write_text(
        "### 2026-12-01: The LSTM\n\nA sign was wrong.\n"
    )
    assert feed.entries(tmp_path) == CHANGES


def test_the_page_of_corrections_is_where_the_feed_says():
    assert (ROOT / feed.CORRECTIONS).with_suffix(".md").is_file()


@pytest.mark.slow
def test_a_site_has_a_feed_only_if_its_address_is_known(tmp_path):
    build.npm_packages(ROOT)
    pages = {name: f"{HEADER}# {name.title()}\n\nWords.\n" for name in ("good", "deep")}
    book = seed(tmp_path, pages)
    site = book / "_build/html"
    link = f'<link rel="alternate" type="application/atom\\+xml"[^>]* href="{BASE}changes.xml"'
    assert build.run_sphinx(book, {"GITHUB_REPOSITORY": "Someone/their-fork"}) == []
    assert BASE in (site / "changes.xml").read_text("utf-8")
    page = (site / "book/deep.html").read_text("utf-8")
    assert len(re.findall(link, page)) == 1
    listed = (site / "llms.txt").read_text("utf-8")
    assert re.search(rf"^- \[Deep\]\({BASE}book/deep\.md\): \S", listed, re.M)
    assert build.run_sphinx(book, {"GITHUB_REPOSITORY": ""}) == []
    assert not (site / "changes.xml").exists()
    assert "atom+xml" not in (site / "book/deep.html").read_text("utf-8")
    listed = (site / "llms.txt").read_text("utf-8")
    assert "- [Good](book/good.md): " in listed and "://" not in listed
