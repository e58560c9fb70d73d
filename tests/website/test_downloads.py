"""The other forms of the book: archives, the notebooks in theirs, and the page that lists them."""

import json
import os
import re
import subprocess
import sys
import zipfile

import pytest

from book._ext.build import archives
from book._ext.formats import downloads, notebooks, site_zip

PAGE = f"<h1>Forms</h1>{downloads.listed([])}<p>After.</p>"


@pytest.fixture
def built(tmp_path):
    """A site that is built and has one form beside it."""
    page = tmp_path / "html" / downloads.PAGE
    page.parent.mkdir(parents=True)
    page.write_text(PAGE, "utf-8")
    (tmp_path / "html/index.html").write_text("<p>here</p>", "utf-8")
    (tmp_path / "forms").mkdir()
    (tmp_path / "forms/unrolled.pdf").write_bytes(b"%" * 1_234_567)
    return tmp_path


def shown(build, root=None):
    downloads.show(build, root or build)
    return (build / "html" / downloads.PAGE).read_text("utf-8")


def test_the_page_links_what_is_there_and_names_the_command_of_what_is_not(built):
    page = shown(built)
    assert (
        '<a href="../../downloads/unrolled.pdf" download="download">PDF</a>, 1.2 MB'
        in page
    )
    assert (built / "html/downloads/unrolled.pdf").stat().st_size == 1_234_567
    assert (
        "not made yet: <code>make epub</code>" in page and "unrolled.epub" not in page
    )
    assert page.startswith("<h1>Forms</h1>") and page.endswith("<p>After.</p>")
    assert shown(built) == page


def test_the_page_follows_the_files(built):
    shown(built)
    (built / "forms/unrolled.pdf").unlink()
    (built / "forms/unrolled.epub").write_bytes(b"e")
    page = shown(built)
    assert "not made yet: <code>make pdf</code>" in page
    assert 'href="../../downloads/unrolled.epub"' in page
    assert [path.name for path in (built / "html/downloads").iterdir()] == [
        "unrolled.epub"
    ]
    (built / "forms/unrolled.epub").write_bytes(b"another")
    os.utime(built / "forms/unrolled.epub", (2e9, 2e9))
    shown(built)
    assert (built / "html/downloads/unrolled.epub").read_bytes() == b"another"


def test_a_form_older_than_the_text_says_so(built):
    (built / "book").mkdir()
    text = built / "book/page.md"
    text.write_text("# Page")
    os.utime(text, (1e9, 1e9))
    assert "Older than the text: <code>make pdf</code>" not in shown(built)
    os.utime(text, (2e9, 2e9))
    assert "Older than the text: <code>make pdf</code>" in shown(built)


def test_the_archive_of_the_site_holds_all_of_it_but_itself(built):
    (built / "forms/unrolled-site.zip").write_bytes(b"an older one")
    assert 'href="../../downloads/unrolled-site.zip"' in shown(built)
    held = site_zip.files(built / "html")
    assert sorted(held) == [
        "unrolled/book/reference/other-forms.html",
        "unrolled/downloads/unrolled.pdf",
        "unrolled/index.html",
    ]
    page = held["unrolled/book/reference/other-forms.html"].decode()
    assert "this copy." in page and "unrolled-site.zip" not in page
    assert 'href="../../downloads/unrolled.pdf"' in page


def test_an_archive_is_the_same_bytes_again_and_whole_or_not_there(tmp_path):
    files = {"b.txt": b"b" * 1000, "a.png": b"a" * 1000}
    for name in ("one.zip", "two.zip"):
        archives.write(tmp_path / name, files)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    with zipfile.ZipFile(tmp_path / "one.zip") as archive:
        assert archive.namelist() == ["b.txt", "a.png"]
        kinds = [entry.compress_type for entry in archive.infolist()]
    assert kinds == [zipfile.ZIP_DEFLATED, zipfile.ZIP_STORED]
    with pytest.raises(FileNotFoundError):
        archives.write(tmp_path / "one.zip", files | {"c": tmp_path / "nothing"})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.zip", "two.zip"]
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()


def test_links_between_pages_lead_to_their_notebooks():
    known = {"book/a/one.ipynb": "", "book/b/two.ipynb": "", "book/notation.md": ""}
    text = (
        "[2](../b/two.md#part), [n](../notation.md), [web](https://example.org/one.md)"
    )
    cell = {"cell_type": "markdown", "source": [text]}
    code = {"cell_type": "code", "source": ["[x](../b/two.md)"]}
    led = notebooks.linked_to_notebooks(
        "book/a/one.ipynb", json.dumps({"cells": [cell, code]}), known
    )
    cells = json.loads(led)["cells"]
    assert cells[0]["source"] == [text.replace("two.md", "two.ipynb")]
    assert cells[1] == code


@pytest.fixture(scope="module")
def unpacked(site, tmp_path_factory):
    """The folder of the notebooks, as a reader unpacks it."""
    folder = tmp_path_factory.mktemp("a reader's")
    with zipfile.ZipFile(site / "downloads" / notebooks.NAME) as archive:
        archive.extractall(folder)
    return folder / notebooks.FOLDER


@pytest.mark.site
@pytest.mark.slow
def test_every_notebook_of_the_site_is_in_the_archive_and_executed(site, unpacked):
    found = sorted(unpacked.rglob("*.ipynb"))
    pages = {path.relative_to(unpacked).with_suffix("").as_posix() for path in found}
    offered = {
        path.relative_to(site / "_sources").with_suffix("").as_posix()
        for path in (site / "_sources").rglob("*.ipynb")
        if (site / path.relative_to(site / "_sources").with_suffix(".html")).is_file()
    }
    assert pages == offered and pages
    outputs = 0
    for path in [*found, *(site / "_sources" / f"{page}.ipynb" for page in pages)]:
        cells = json.loads(path.read_text("utf-8"))["cells"]
        counts = [c["execution_count"] for c in cells if c["cell_type"] == "code"]
        assert all(counts), path
        outputs += any(c.get("outputs") for c in cells)
    assert outputs > len(found)  # all but one or two pages have some, in both places


@pytest.mark.site
@pytest.mark.slow
def test_links_in_the_notebooks_lead_to_files_of_the_archive(unpacked):
    broken = []
    for path in unpacked.rglob("*.ipynb"):
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            words = "".join(cell["source"]) if cell["cell_type"] == "markdown" else ""
            for link in re.findall(r"\]\(([^)\s:#]+\.(?:md|ipynb))", words):
                if not (path.parent / link).is_file():
                    broken.append((path.name, link))
    assert broken == []


@pytest.mark.site
@pytest.mark.slow
@pytest.mark.parametrize("page", ["02-language-model/the-gradient", "exercises/bptt"])
def test_a_notebook_runs_in_the_archive_alone(unpacked, page, tmp_path):
    path = unpacked / f"book/{page}.ipynb"
    script = (
        "import sys, nbformat, nbclient\n"
        "book = nbformat.read(sys.argv[1], 4)\n"
        "where_from = 'import unrolled; print(unrolled.__file__)'\n"
        "book.cells.append(nbformat.v4.new_code_cell(where_from))\n"
        "where = {'metadata': {'path': sys.argv[2]}}\n"
        "done = nbclient.NotebookClient(book, timeout=120, resources=where).execute()\n"
        "print(done.cells[-1].outputs[0].text)"
    )
    # In place of `pip install -e .`, which has to fetch: the folder that it puts on the path.
    given = os.environ | {"PYTHONPATH": str(unpacked / "code"), "MPLBACKEND": ""}
    command = [
        sys.executable,
        "-W",
        "ignore",
        "-c",
        script,
        str(path),
        str(path.parent),
    ]
    done = subprocess.run(
        command, cwd=tmp_path, env=given, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip() == str(unpacked / "code/unrolled/__init__.py")
