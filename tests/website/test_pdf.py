"""Tests of the book as one PDF: a small book printed, and each fault of a PDF seen and named."""

import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
from pypdf import PdfReader, PdfWriter
from pypdf.annotations import Link
from pypdf.generic import NameObject, TextStringObject

from book._ext.build import build, chromium
from book._ext.build.paths import Paths
from book._ext.formats import pdf, print_html
from tests.support.paths import ROOT
from tests.support.seeded_book import HEADER, PLOT, code, seed

LONG = (
    "total = "
    + " + ".join(f"part_{i:02}" for i in range(8))
    + " # "
    + "x" * 5
    + "the_end"
)
assert len(LONG) == 100
LONGER = (
    "assert "
    + " and ".join(f"condition_{i:02}" for i in range(12))
    + " or the_very_end"
)
WIDE = " + ".join(rf"\frac{{a_{{{i}}}}}{{b_{{{i}}}}}" for i in range(40))
FIGURE = code(
    PLOT,
    '---\nmystnb:\n  image: {alt: "A rising line."}\n'
    '  figure: {caption: "A line.", name: fig-curve}\n---\n',
)
FOLDED = code('print("six times seven is", 6 * 7)', ":tags: [hide-input]\n")

ROOT_PAGE = """# A small book

See [](one.md), [the second section](two.md#further), {numref}`fig-curve`, {eq}`eq-tested` and
[a paper](https://doi.org/10.1000/1).
"""
ONE = f"""{HEADER}# Page one of $x^2$

## Within

````{{tab-set}}
```{{tab-item}} Label one
Words in the first tab.
```
```{{tab-item}} Label two
Words in the second tab.
```
````

```{{dropdown}} A closed box
What was folded away.
```

```python
{LONG}
```

```python
{LONGER}
```

$$
{WIDE}
$$ (eq-tested)

{FIGURE}

{FOLDED}
"""
TWO = """# Page two

```{exercise} Do it
:label: ex-one
What is to be done, after {ref}`Within <within-one>`.
```

```{solution} ex-one
:class: dropdown
How it is done.
```

## Further

{ref}`Exercise <ex-one>` again.
"""
TOC = """format: jb-book
root: book/root
parts:
  - caption: "First & last part"
    chapters:
      - file: book/one
      - file: book/two
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A small book, built."""
    build.npm_packages(ROOT)
    one = ONE.replace("## Within", "(within-one)=\n## Within")
    folder = seed(
        tmp_path_factory.mktemp("pdf"), {"root": ROOT_PAGE, "one": one, "two": TWO}
    )
    (folder / "_toc.yml").write_text(TOC, "utf-8")
    assert build.run_sphinx(folder) == []
    return folder


@pytest.fixture(scope="module")
def book(folder):
    return print_html.assemble(folder, folder / "_build/html")


@pytest.fixture(scope="module")
def path(folder, browser):
    path = folder / "_build/forms/unrolled.pdf"
    pdf.make(folder, folder / "_build/html", path, browser)
    return path


@pytest.fixture(scope="module")
def reader(path):
    return PdfReader(path)


@pytest.fixture(scope="module")
def text(reader):
    return "\n".join(page.extract_text() for page in reader.pages)


pytestmark = [pytest.mark.slow, pytest.mark.browser]


def test_parts_chapters_and_sections_are_bookmarks_that_nest(reader):
    assert [(level, title) for level, title, _ in pdf.bookmarks(reader)] == [
        (1, "Contents"),
        (1, "About this edition"),
        (1, "A small book"),
        (1, "First & last part"),
        (2, "Page one of x2"),
        (3, "Within"),
        (2, "Page two"),
        (3, "Further"),
        (1, "Left out of this edition"),
    ]
    pages = {title: page for level, title, page in pdf.bookmarks(reader) if level < 3}
    assert pages.pop("About this edition") == pages["Contents"]
    assert len(set(pages.values())) == len(pages) == 6


def test_the_contents_say_on_which_page_a_chapter_begins(reader):
    contents = reader.pages[1].extract_text()
    found = pdf.places(reader)
    for title, name in {"Page one": "book-one", "Page two": "book-two"}.items():
        line = next(line for line in contents.splitlines() if title in line)
        assert line.endswith(str(found[name]))
        footer = reader.pages[found[name] - 1].extract_text()
        assert title in footer and str(found[name]) in footer


def test_a_folded_box_and_what_is_behind_a_tab_are_printed(text):
    for words in (
        "Label one",
        "Words in the first tab.",
        "Label two",
        "Words in the second tab.",
        "A closed box",
        "What was folded away.",
        "How it is done.",
        "✓ 1 test",
        "Figure 1 A line.",
    ):
        assert words in " ".join(text.split())


def test_folded_code_is_left_out_and_listed(reader, book, text):
    assert "six times seven is 42" in text and "6 * 7" not in text
    assert "Code: 1 line, on the site." in text
    assert "test_step" not in text
    end = reader.pages[pdf.places(reader)["left-out"] - 1].extract_text()
    assert "leaves out 1 piece of code" in end and "Within 1 line." in end
    assert "Page one" in end and "Page two" not in end
    page = str(pdf.places(reader)["book-one"])
    assert page in [line.split()[0] for line in end.splitlines() if line.strip()]
    preface = reader.pages[1].extract_text()
    assert f"on page {len(reader.pages)}," in " ".join(preface.split())


def test_there_is_nothing_to_press_and_no_figure_twice(book, text):
    assert "#\n" not in text and "Copy" not in text and "Run the code" not in text
    assert "dark" not in book.html.replace("dark-light", "")
    assert book.html.count('alt="A rising line."') == 1
    assert "loading=" not in book.html


def test_the_end_of_a_long_line_is_on_the_page(reader):
    """A line of 100 columns stays whole; a longer one goes on below, indented."""
    places = {}
    for page in reader.pages:
        right = float(page.mediabox.right)

        def see(words, ctm, matrix, font, size, right=right):
            for end in ("the_end", "the_very_end", "part_00", "condition_00"):
                if end in words:
                    x = ctm[0] * matrix[4] + ctm[4]
                    y = ctm[3] * matrix[5] + ctm[5]
                    places[end] = (x, round(y), right)

        page.extract_text(visitor_text=see)
    for x, _, right in places.values():
        assert 60 < x < right - 60
    assert places["part_00"][1] == places["the_end"][1]
    assert places["condition_00"][1] != places["the_very_end"][1]


def test_every_link_leads_somewhere(reader, book):
    assert pdf.wrong_links(reader) == []
    uris, names = set(), set()
    for page in reader.pages:
        for note in page.get("/Annots", []):
            link = note.get_object()
            uris |= {link["/A"]["/URI"]} if "/A" in link else set()
            names |= {link["/Dest"].lstrip("/")} if "/Dest" in link else set()
    assert uris == {"https://doi.org/10.1000/1"}
    assert names == book.targets
    assert {"book-one", "book-two--further", "book-one--fig-curve"} <= names


def test_an_empty_anchor_gives_its_place_to_what_follows(book):
    """Nothing is painted for it, and a line of its own would part it from its heading."""
    assert "<span id=" not in book.html
    assert '<h3 class="was-h2" id="book-one--within-one">Within</h3>' in book.html


def test_it_says_what_it_is(reader):
    assert reader.metadata.title == "Unrolled"
    assert reader.metadata.author == "The Unrolled authors"
    # nor what else the browser says of the machine
    assert "Linux" not in reader.metadata.creator
    assert reader.root_object["/Lang"] == "en"
    assert reader.metadata.creation_date.year == 2026


def test_a_formula_has_its_tex_as_alternative(book):
    assert 'aria-label="x^2"' in book.html
    assert "<math" not in book.html


def test_it_is_the_same_when_made_again(folder, path, tmp_path, browser):
    pdf.make(folder, folder / "_build/html", tmp_path / "again.pdf", browser)
    assert (tmp_path / "again.pdf").read_bytes() == path.read_bytes()


# --- Faults --------------------------------------------------------------------------------------


FAULTS = {
    '<pre style="white-space: pre !important">CLIPPED'
    + "x" * 200
    + "</pre>": "CLIPPED",
    '<table style="white-space: nowrap"><tr><td>TABLE '
    + "wide " * 60
    + "</td></tr></table>": "wider than the page <table> TABLE",
    "<p>UNBROKEN" + "x" * 200 + "</p>": "wider than the page",
    '<p><code style="white-space: pre; position: relative; left: 700px">'
    "SHIFTED</code></p>": "wider than the page <code> SHIFTED",
    '<img src="nowhere.svg" alt="">': "no picture",
    '<div style="width: 300mm">BOX</div>': "wider than the page <div> BOX",
    '<p style="padding-left: 130mm"><span class="katex"><span class="katex-mathml"><math>'
    '<annotation>TEX</annotation></math></span><span class="katex-html"><span class="base">'
    + "x" * 80
    + "</span></span></span></p>": "wider than the page <span> TEX",
}


def changed(folder, tmp_path, page, change):
    """Returns a copy of the built book with one page changed."""
    html = tmp_path / "html"
    shutil.copytree(folder / "_build/html", html, symlinks=True)
    there = html / f"book/{page}.html"
    there.write_text(change(there.read_text("utf-8")), "utf-8")
    return html


def test_whatever_does_not_fit_is_named(folder, browser, tmp_path):
    """And the PDF that was there before stays."""
    body = "".join(FAULTS)
    html = changed(
        folder, tmp_path, "two", lambda t: t.replace("</article>", body + "</article>")
    )
    target = tmp_path / "unrolled.pdf"
    target.write_text("the old one")
    with pytest.raises(pdf.PdfError) as error:
        pdf.make(folder, html, target, browser)
    lines = str(error.value).splitlines()
    for message in FAULTS.values():
        assert any(
            line.startswith("Page two: ") and message in line for line in lines
        ), message
    assert not [line for line in lines if not line.startswith("Page two: ")]
    assert [file.name for file in tmp_path.iterdir() if file.is_file()] == [
        "unrolled.pdf"
    ]
    assert target.read_text() == "the old one"


def test_a_link_that_leads_nowhere_is_named(folder, tmp_path):
    html = changed(
        folder, tmp_path, "two", lambda t: t.replace('"#ex-one"', '"#ex-two"')
    )
    with pytest.raises(
        pdf.PdfError, match="a link leads to #book-two--ex-two, which is not there"
    ):
        pdf.make(folder, html, tmp_path / "unrolled.pdf", None)


def seen(path, book):
    return "\n".join(pdf.faults(path, book, pdf.places(PdfReader(path))))


def test_the_good_one_has_no_fault(path, book):
    assert seen(path, book) == ""


def test_a_pdf_that_is_too_long_is_named(path, book, reader, monkeypatch):
    pages = len(reader.pages)
    assert pdf.PAGES == 600
    monkeypatch.setattr(pdf, "PAGES", pages)
    assert f"the PDF has {pages} pages, and must have fewer than" in seen(path, book)
    monkeypatch.setattr(pdf, "PAGES", pages + 1)
    assert seen(path, book) == ""


def test_a_missing_or_misplaced_bookmark_is_named(path, book):
    more = [*book.headings, print_html.Heading(2, "Not there")]
    assert "no bookmark of level 2: Not there" in seen(
        path, book._replace(headings=more)
    )
    lower = [h._replace(level=3) if h.title == "Page two" else h for h in book.headings]
    assert "no bookmark of level 3: Page two" in seen(
        path, book._replace(headings=lower)
    )
    turned = book._replace(headings=book.headings[::-1])
    assert "not in the order of the headings" in seen(path, turned)


def test_a_missing_or_misplaced_chapter_is_named(path, book):
    assert "the page book-three is not" in seen(
        path, book._replace(chapters=["book-three"])
    )
    turned = book._replace(chapters=book.chapters[::-1])
    assert "the table of contents are not in its order" in seen(path, turned)
    numbers = pdf.places(PdfReader(path)) | {"book-two": 99}
    assert "have page 99 for book-two" in "\n".join(pdf.faults(path, book, numbers))


def test_a_link_without_a_place_is_named(path, book, tmp_path):
    assert "nothing at #gone" in seen(
        path, book._replace(targets=book.targets | {"gone"})
    )
    writer = PdfWriter(path)
    for target in ("file:///somewhere", "http://localhost:8000/"):
        writer.add_annotation(0, Link(rect=(0, 0, 9, 9), url=target))
    lost = writer.add_annotation(0, Link(rect=(0, 0, 9, 9), url="https://doi.org"))
    del lost["/A"]
    lost[NameObject("/Dest")] = NameObject("/lost")
    writer.write(tmp_path / "bad.pdf")
    lines = pdf.wrong_links(PdfReader(tmp_path / "bad.pdf"))
    assert "page 1: a link to file:///somewhere" in lines
    assert "page 1: a link to http://localhost:8000/" in lines
    assert "page 1: a link leads nowhere: /lost" in lines


def test_a_font_that_is_not_embedded_and_missing_facts_are_named(path, book, tmp_path):
    writer = PdfWriter(path)
    for page in writer.pages:
        for font in page["/Resources"].get("/Font", {}).values():
            for inner in font.get_object().get("/DescendantFonts", []):
                inner.get_object()["/FontDescriptor"].get_object().pop(
                    "/FontFile2", None
                )
    for key in ("/Lang", "/StructTreeRoot"):
        writer.root_object.pop(key)
    writer.add_metadata({NameObject("/Title"): TextStringObject("Another")})
    writer.write(tmp_path / "bad.pdf")
    lines = seen(tmp_path / "bad.pdf", book)
    for message in ("a font is not embedded", "no title", "no language", "no tags"):
        assert message in lines


def run_main(root, capsys):
    """Returns status and words of the command; its browser needs a thread of its own."""
    with ThreadPoolExecutor() as pool:
        status = pool.submit(pdf.main, Paths(root)).result()
    return status, capsys.readouterr().err


def test_without_a_browser_it_says_what_to_do(folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(chromium, "path", lambda: str(tmp_path / "nothing"))
    forms = folder / "_build/forms"
    before = {path: path.stat().st_mtime_ns for path in forms.iterdir()}
    status, words = run_main(folder, capsys)
    assert status == 1
    assert (
        "There is no new PDF:\nno Chromium: install one (`make browser` fetches it)"
        in words
    )
    assert {path: path.stat().st_mtime_ns for path in forms.iterdir()} == before


def test_without_a_book_it_says_what_to_do(tmp_path, capsys):
    status, words = run_main(tmp_path, capsys)
    assert (status, words) == (1, "The book is not built yet: `make book` builds it\n")


def test_an_interrupted_run_leaves_the_old_one(folder, path, tmp_path, monkeypatch):
    def interrupted(browser, book, source, target):
        target.write_text("half of")
        raise KeyboardInterrupt

    monkeypatch.setattr(pdf, "printed", interrupted)
    before = path.read_bytes()
    with pytest.raises(KeyboardInterrupt):
        pdf.make(folder, folder / "_build/html", path, None)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == [path.name]
