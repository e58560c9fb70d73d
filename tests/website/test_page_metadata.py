"""What a page says of itself in its head, and the files that say it of the site.

Each rule is also turned on a page that breaks it; what needs the site's address is tested on a
small book whose repository has an owner.
"""

import re
from urllib.robotparser import RobotFileParser
from xml.etree import ElementTree

import pytest
import yaml
from pybtex.database import parse_string

from book._ext.build import build
from book._ext.metadata import cite, page_metadata
from book._ext.page import moved
from book._ext.source import citation_file, repository
from tests.support import site_address
from tests.support.html_head import Head, heads
from tests.support.marks import on_site
from tests.support.paths import ROOT
from tests.support.seeded_book import HEADER, code, seed

ENDS = re.compile(r"[.!?][”’)]?$")
BOOK = {
    "@context",
    "@type",
    "name",
    "author",
    "license",
    "inLanguage",
    "description",
    "hasPart",
}
CHAPTER = {
    "@context",
    "@type",
    "headline",
    "description",
    "position",
    "isPartOf",
    "author",
}


def faults(pages):
    """What is wrong with the heads of some pages, as (page, rule)."""
    found = []
    titles, descriptions = {}, {}
    for name, page in pages.items():

        def rule(broken, what, name=name):
            if broken:
                found.append((name, what))

        rule(len(page.titles) != 1 or not page.titles[0].strip(), "one title")
        described = page.all("description")
        rule(len(described) != 1, "one description")
        rule(page.headings != 1, "one heading")
        rule(len(page.all("viewport")) != 1, "one viewport")
        for text in described[:1]:
            rule(not ENDS.search(text or ""), "whole sentences")
            rule("\\" in text or "$" in text, "no mathematics")
            rule(
                name.startswith("book/") and not 50 <= len(text) <= 160,
                "50 to 160 characters",
            )
        if len(page.titles) == 1:
            rule(page.titles[0] in titles, "a title of its own")
            titles[page.titles[0]] = name
        if len(described) == 1:
            rule(described[0] in descriptions, "a description of its own")
            descriptions[described[0]] = name
        if name.startswith("book/"):
            rule(page.all("og:description") != described, "og:description")
            rule(
                any(len(page.all(n)) != 1 for n in ("og:title", "og:type")),
                "Open Graph",
            )
            rule(len(page.data) != 1, "one block of data")
            for data in page.described:
                rule(
                    not (BOOK <= data.keys() or CHAPTER <= data.keys()),
                    "keys of the data",
                )
            for key in ("title", "author", "publication_date", "language"):
                rule(len(page.all(f"citation_{key}")) != 1, f"citation_{key}")
    return found


def order_of_reading():
    toc = yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8"))
    return [
        toc["root"],
        *(c["file"] for part in toc["parts"] for c in part["chapters"]),
    ]


def address_of_the_site():
    config = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    configured = config["repository"]["url"]
    return repository.find(ROOT, configured, site_address.of_the_site()).url


@pytest.fixture(scope="module")
def pages(site):
    left = {f"{page}.html" for page in moved.moved(ROOT)}  # these only lead on
    return {name: head for name, head in heads(site).items() if name not in left}


@pytest.mark.site
@pytest.mark.slow
class TestTheSite:
    def test_every_page_has_a_head_of_its_own(self, pages):
        assert faults(pages) == []

    def test_the_book_names_its_chapters_in_order(self, pages):
        root, *rest = order_of_reading()
        (book,) = pages[f"{root}.html"].described
        assert book["@type"] == "Book"
        assert book["author"]["name"] == citation_file.author()
        assert [part["position"] for part in book["hasPart"]] == list(
            range(1, len(rest) + 1)
        )
        positions = [pages[f"{name}.html"].described[0]["position"] for name in rest]
        assert positions == list(range(1, len(rest) + 1))
        for part, name in zip(book["hasPart"], rest, strict=True):
            (chapter,) = pages[f"{name}.html"].described
            assert chapter["headline"] == part["name"]
            assert chapter["isPartOf"]["name"] == book["name"]
            assert pages[f"{name}.html"].titles == [f"{part['name']} · Unrolled"]

    def test_every_entry_can_be_read_and_all_are_in_one_file(self, site, pages):
        everything = parse_string(
            (site / cite.FILE).read_text("utf-8"), "bibtex"
        ).entries
        assert len(everything) == len(order_of_reading())
        for name in order_of_reading():
            text = (site / f"{name}.html").read_text("utf-8")
            shown = re.search(r'class="cite">.*?<pre>(.*?)</pre>', text, re.S)[1]
            assert len(shown) < 400
            for escaped, plain in (("&#34;", '"'), ("&amp;", "&"), ("&#39;", "'")):
                shown = shown.replace(escaped, plain)
            ((key, entry),) = parse_string(shown, "bibtex").entries.items()
            assert everything[key] == entry
            title = pages[f"{name}.html"].one("citation_title")
            assert entry.fields["title"].strip("{}").replace("\\", "") == title
            assert str(entry.persons["author"][0]) == f"{{{citation_file.author()}}}"

    def test_what_needs_an_address_waits_for_one(self, site, pages):
        if address_of_the_site():
            pytest.skip("the address is decided")
        assert not (site / "sitemap.xml").exists()
        for page in pages.values():
            assert page.canonical == page.all("og:url") == page.all("og:image") == []

    def test_robots_may_read_everything(self, site):
        robots = RobotFileParser()
        robots.parse((site / "robots.txt").read_text("utf-8").splitlines())
        assert robots.can_fetch("Anybody", "/book/intro.html")


@pytest.mark.site
@pytest.mark.slow
@pytest.mark.browser
def test_the_entry_is_copied_by_keyboard(site, browser):
    context = browser.new_context(permissions=["clipboard-read", "clipboard-write"])
    page = context.new_page()
    page.goto((site / "book/04-gates/the-lstm.html").as_uri())
    for press in (".page-actions > summary", ".cite > summary", ".cite button"):
        page.focus(press)
        page.keyboard.press("Enter")
    page.wait_for_selector(".cite button.success")
    shown = page.inner_text(".cite pre")
    assert page.evaluate("navigator.clipboard.readText()").strip() == shown.strip()
    assert "unrolled-the-lstm" in parse_string(shown, "bibtex").entries
    context.close()


@on_site
def test_no_link_leads_to_an_address_that_is_undecided(site):
    shown = [
        path.relative_to(site).as_posix()
        for path in site.rglob("*.html")
        if re.search(r'href="[^"]*OWNER', path.read_text("utf-8"))
    ]
    assert shown == []


# --- With an address ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def decided(tmp_path_factory):
    build.npm_packages(ROOT)
    words = "One *two* $x_t$. A formula $\\frac{a}{b}$ here. Five & six."
    pages = {
        "good": f"{HEADER}# Good\n\n{words}\n\n{code('1 + 1')}",
        "mean": "---\ndescription: Given by hand.\n---\n\n# Mean & 100 % of it\n\nWords.\n\n"
        "```{prf:theorem}\nWith an index of its own.\n```\n",
    }
    folder = seed(tmp_path_factory.mktemp("decided"), pages)
    config = (
        (ROOT / "_config.yml").read_text("utf-8").replace("com/OWNER/", "com/Someone/")
    )
    (folder / "_config.yml").unlink()
    (folder / "_config.yml").write_text(config, "utf-8")
    assert build.run_sphinx(folder) == []
    return folder


HOME = "https://someone.github.io/unrolled/"


@pytest.mark.slow
def test_a_decided_address_stands_wherever_it_is_needed(decided):
    site = decided / "_build/html"
    pages = heads(site)
    top = ElementTree.parse(site / "sitemap.xml").getroot()
    listed = [place.text for place in top.findall("{*}url/{*}loc")]
    assert listed == sorted(set(listed), key=listed.index)
    assert {HOME + name for name in pages} - set(listed) == {
        HOME + "index.html",
        HOME + "search.html",
    }
    assert {name.removeprefix(HOME) for name in listed} <= set(pages)
    assert f"Sitemap: {HOME}sitemap.xml" in (site / "robots.txt").read_text()
    for name, page in pages.items():
        home = "book/good.html" if name == "index.html" else name
        assert page.canonical == [HOME + home]
        if name.startswith(("book/", "source/")):
            assert page.one("og:url") == HOME + name
            assert page.one("og:image") == HOME + page_metadata.PICTURE[0]
            assert (site / page_metadata.PICTURE[0]).is_file()
    assert pages["book/mean.html"].one("citation_public_url") == f"{HOME}book/mean.html"
    (chapter,) = pages["book/mean.html"].described
    assert chapter["isPartOf"]["url"] == f"{HOME}book/good.html"
    entries = parse_string((site / cite.FILE).read_text("utf-8"), "bibtex").entries
    assert entries["unrolled-mean"].fields["url"] == f"{HOME}book/mean.html"
    assert entries["unrolled-mean"].fields["title"] == r"{Mean \& 100 \% of it}"
    # A page that is not written again stays in the map.
    (decided / "book/mean.md").write_text("# Mean\n\nOther words.\n", "utf-8")
    assert build.run_sphinx(decided) == []
    again = ElementTree.parse(site / "sitemap.xml").getroot()
    assert [place.text for place in again.findall("{*}url/{*}loc")] == listed


@pytest.mark.slow
def test_a_decided_address_gives_the_binder_button_and_links_to_the_repository(decided):
    page = (decided / "_build/html/book/good.html").read_text("utf-8")
    binder = "https://mybinder.org/v2/gh/Someone/unrolled/binder-numpy?urlpath=git-pull"
    assert f'href="{binder}' in page
    assert "https://github.com/Someone/unrolled/blob/main/book/good.md" in page


@pytest.mark.slow
def test_a_description_is_given_or_taken_in_whole_sentences(decided):
    pages = heads(decided / "_build/html")
    assert pages["book/good.html"].one("description") == "One two x_t. Five & six."
    assert pages["source/tests/test_seeded.html"].one("description") == (
        "tests/test_seeded.py, a file of the book Unrolled."
    )
    assert (
        pages["source/code/unrolled/cells/rnn.html"]
        .one("description")
        .startswith("code/unrolled/cells/rnn.py, a file of the book Unrolled: ")
    )


def test_the_picture_is_of_the_size_that_it_says():
    path, *size = page_metadata.PICTURE
    data = (ROOT / "book" / path).read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    assert [int.from_bytes(data[i : i + 4]) for i in (16, 20)] == size
    assert len(data) < 100_000


# --- Each rule, turned on a page that breaks it -------------------------------------------------

FINE = """<!doctype html><html lang="en"><head><meta name="viewport" content="x">
<title>{n} · Unrolled</title><meta name="description" content="{d}">
<meta property="og:title" content="{n}"><meta property="og:type" content="article">
<meta property="og:description" content="{d}">
<meta name="citation_title" content="{n}"><meta name="citation_author" content="a">
<meta name="citation_publication_date" content="2026"><meta name="citation_language" content="en">
<script type="application/ld+json">{{"@context": "https://schema.org", "@type": "Chapter",
"headline": "h", "description": "d", "position": 1, "isPartOf": {{}}, "author": {{}}}}</script>
</head><body><h1>{n}</h1></body></html>"""
SENTENCE = "Page {} of a book, described in a whole sentence of some length."
BROKEN = {
    "one title": ("<title>B · Unrolled</title>", ""),
    "one description": ('<meta name="description"', '<meta name="other"'),
    "one heading": ("<h1>B</h1>", "<h1>B</h1><h1>B</h1>"),
    "one viewport": ("<title>", '<meta name="viewport" content="y"><title>'),
    "whole sentences": ("some length.", "some len"),
    "no mathematics": ("whole sentence", r"whole \frac12"),
    "50 to 160 characters": ("in a whole sentence", "at length " * 20),
    "a title of its own": ("<title>B", "<title>A"),
    "a description of its own": ("Page B", "Page A"),
    "og:description": ('property="og:description"', 'property="og:other"'),
    "Open Graph": ('property="og:type"', 'property="og:kind"'),
    "one block of data": ("application/ld+json", "application/json"),
    "keys of the data": ('"headline"', '"head"'),
    "citation_author": ("citation_author", "citation_authors"),
}


@pytest.mark.parametrize("rule", BROKEN)
def test_each_rule_finds_its_fault_and_no_other(rule):
    fine = {n: FINE.format(n=n, d=SENTENCE.format(n)) for n in "AB"}
    before, after = BROKEN[rule]
    assert before in fine["B"]
    fine["B"] = fine["B"].replace(before, after)
    found = faults({f"book/{n}.html": Head(text) for n, text in fine.items()})
    assert ("book/B.html", rule) in found
    assert {what for _, what in found} <= {rule, "og:description"}


def test_a_page_without_faults_has_none():
    fine = {n: Head(FINE.format(n=n, d=SENTENCE.format(n))) for n in "AB"}
    assert faults({f"book/{n}.html": page for n, page in fine.items()}) == []
