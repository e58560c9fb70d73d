"""The EPUB: what it holds, made from a small seeded book, and that faults in it are found."""

import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
from docutils import nodes
from docutils import utils as document

from book._ext.build import build
from book._ext.formats import epub, epub_pages
from tests.support.paths import ROOT
from tests.support.seeded_book import GOOD, HEADER, code, seed

OPF = "{http://www.idpf.org/2007/opf}"
XHTML = "{http://www.w3.org/1999/xhtml}"
SECOND = (
    HEADER + "# Second & last\n\nA greatest value, $x_{\\max}$, of $7 \\bmod 4$.\n\n"
    "```{admonition} Hint\n:class: dropdown\nFolded.\n```\n\n"
    "````{tab-set}\n```{tab-item} One\nUno.\n```\n```{tab-item} Two\nDue.\n```\n````\n\n"
    + code("1 + 1", ":tags: [hide-input]\n")
)
TOC = """format: jb-book
root: book/root
parts:
  - caption: A part & its name
    chapters: [{file: book/good}]
  - caption: Another part
    chapters: [{file: book/second}]
"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """The folder with the pages of a book of two parts."""
    build.npm_packages(ROOT)
    texts = {"root": "# The book\n\n[There](good.md)\n", "good": GOOD, "second": SECOND}
    folder = seed(tmp_path_factory.mktemp("epub"), texts)
    (folder / "_toc.yml").write_text(TOC)
    assert build.run_sphinx(folder, builder="epub") == []
    return folder / "_build/epub"


@pytest.fixture(scope="module")
def book(pages, tmp_path_factory):
    """The packed book, which has passed epubcheck."""
    path = tmp_path_factory.mktemp("packed") / "book.epub"
    epub.checked(pages, path)
    with zipfile.ZipFile(path) as archive:
        yield archive


def texts(book, name):
    return book.read(f"book/{name}.xhtml").decode()


@pytest.mark.slow
def test_the_book_begins_as_an_epub_must_and_is_read_in_order(book):
    first = book.infolist()[0]
    assert (first.filename, first.compress_type) == ("mimetype", zipfile.ZIP_STORED)
    package = ElementTree.fromstring(book.read("content.opf"))
    hrefs = {item.get("id"): item.get("href") for item in package.iter(f"{OPF}item")}
    spine = [hrefs[item.get("idref")] for item in package.iter(f"{OPF}itemref")]
    chapters = [f"book/{name}.xhtml" for name in ("root", "good", "second")]
    assert spine == ["title-page.xhtml", "nav.xhtml", *chapters]
    assert set(book.namelist()) == {
        "mimetype",
        "META-INF/container.xml",
        "content.opf",
        *hrefs.values(),
    }


@pytest.mark.slow
def test_the_contents_have_parts_and_in_them_chapters(book):
    nav = ElementTree.fromstring(book.read("nav.xhtml"))
    entries = nav.find(f".//{XHTML}nav/{XHTML}ol")
    found = [
        (entry[0].text, [link.text for link in entry.iter(f"{XHTML}a")])
        for entry in entries.findall(f"{XHTML}li")
    ]
    assert found == [
        ("The book", ["The book"]),
        ("A part & its name", ["Good"]),
        ("Another part", ["Second & last"]),
    ]


@pytest.mark.slow
def test_an_equation_is_mathml_with_its_number_and_links(book):
    page = texts(book, "good")
    assert '<math xmlns="http://www.w3.org/1998/Math/MathML" display="block">' in page
    assert "katex-html" not in page
    assert '<span class="eqno">(1)' in page and 'id="equation-eq-tested"' in page
    assert 'href="#equation-eq-tested"' in page
    assert "Checked by 1 test" in page and "test_seeded.py::test_step" in page
    package = ElementTree.fromstring(book.read("content.opf"))
    kinds = {
        item.get("href"): item.get("properties") for item in package.iter(f"{OPF}item")
    }
    assert (kinds["book/good.xhtml"], kinds["book/root.xhtml"]) == ("mathml", None)


@pytest.mark.slow
def test_a_figure_is_there_once_and_light(book):
    page = texts(book, "good")
    assert page.count("<img") == page.count('alt="A rising line."') == 1
    images = [name for name in book.namelist() if name.startswith("_images/")]
    assert len(images) == 1
    from unrolled.drawing import figures

    assert figures.INK in book.read(images[0]).decode()


@pytest.mark.slow
def test_nothing_needs_a_script_and_nothing_leads_out_of_the_book(book):
    for name in book.namelist():
        if name.endswith(".xhtml"):
            page = book.read(name).decode()
            assert not epub_pages.NEEDS_SCRIPT.search(page), name
            assert "<input" not in page and "source/" not in page, name
    assert not [name for name in book.namelist() if name.endswith(".js")]


@pytest.mark.slow
def test_what_folds_can_be_opened_and_tabs_stand_in_order(book):
    page = texts(book, "second")
    assert re.search(
        r'<details class="dropdown.*?<summary[^>]*>Hint</summary><p>Folded', page, re.S
    )
    assert (
        page.index("One</p>")
        < page.index("Uno.")
        < page.index("Two</p>")
        < page.index("Due.")
    )
    assert "Show code cell source" in page and "Hide code cell source" not in page


@pytest.mark.slow
def test_the_same_pages_make_the_same_book_and_it_says_what_it_is(
    pages, book, tmp_path
):
    epub.pack(pages, tmp_path / "again.epub")
    assert (tmp_path / "again.epub").read_bytes() == Path(book.filename).read_bytes()
    package = book.read("content.opf").decode()
    assert "urn:uuid:91b96661-3a7f-5ece-b5e5-604bc5b3ba4d</dc:identifier>" in package
    assert '<meta property="dcterms:modified">2026-01-01T00:00:00Z</meta>' in package
    for said in ("MathML", "alternativeText", "tableOfContents"):
        assert f'<meta property="schema:accessibilityFeature">{said}</meta>' in package


@pytest.mark.slow
def test_faults_are_named_and_keep_the_book_from_its_place(pages, tmp_path):
    folder, target = tmp_path / "pages", tmp_path / "forms/book.epub"
    shutil.copytree(pages, folder)
    page = folder / "book/good.xhtml"
    text = page.read_text("utf-8").replace(
        "</body>", '<img alt="a" src="none.svg"/></body>'
    )
    page.write_text(text.replace("<h1>", "<p><p>twice</p></p><h1>"), "utf-8")
    target.parent.mkdir()
    target.write_text("the book that was there")
    with pytest.raises(build.BuildError) as found:
        epub.checked(folder, target)
    lines = str(found.value).splitlines()
    assert any("RSC-007" in line and "none.svg" in line for line in lines), lines
    assert any("RSC-005" in line and "book/good.xhtml" in line for line in lines), lines
    assert str(tmp_path) not in str(found.value)
    assert [path.name for path in target.parent.iterdir()] == ["book.epub"]
    assert target.read_text() == "the book that was there"


def test_a_page_that_is_not_xml_is_a_warning_that_names_it(monkeypatch, tmp_path):
    said = []
    monkeypatch.setattr(
        epub_pages.LOG, "warning", lambda *words, **where: said.append((words, where))
    )
    builder = SimpleNamespace(
        outdir=tmp_path,
        config=SimpleNamespace(language="en"),
        get_target_uri=lambda name: name,
    )
    for body in ("<p>a&nbsp;b<br/></p>", "<p>a<br></p>"):
        epub_pages.EpubPages.write_page(builder, "book/page", "Page", body)
    ((words, where),) = said
    assert words[0].startswith("not XHTML") and where["location"] == "book/page"


def test_without_a_java_one_line_says_what_to_do(monkeypatch, capsys):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert epub.main() == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "needs a Java" in said


def test_an_epubcheck_that_does_not_run_is_no_pass(monkeypatch, tmp_path):
    def broken(command, **options):
        return subprocess.CompletedProcess(command, 1, "", "Error: no such jar")

    monkeypatch.setattr(subprocess, "run", broken)
    with pytest.raises(
        build.BuildError, match="epubcheck did not run: Error: no such jar"
    ):
        epub.check(tmp_path / "book.epub")


def test_ids_that_xml_does_not_allow_are_dropped():
    svg = '<svg><g id="a (1)"/><g id="b-1"/></svg>'
    assert epub_pages.plain_ids(svg) == '<svg><g/><g id="b-1"/></svg>'


def test_links_to_what_the_site_alone_has_become_plain_text():
    links = {
        "../../_static/licenses/katex.txt": False,
        "../../source/code/unrolled/cells/rnn.xhtml#step": False,
        "../good.xhtml#part": True,
        "https://example.org/_static/": True,
    }
    page = document.new_document("page")
    page += [
        nodes.paragraph("", "", nodes.reference("", uri, refuri=uri)) for uri in links
    ]
    config = SimpleNamespace(repository_address="")
    epub_pages.for_paper(page, "book/reference/licences", config)
    assert [bool(list(p.findall(nodes.reference))) for p in page] == list(
        links.values()
    )
    assert page.astext().split() == list(links)
