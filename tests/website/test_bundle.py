"""One style sheet for all pages: what it keeps of the theme's, and what it drops."""

import json
import re

import pytest

from book._ext.page import bundle
from book._ext.source import node

PAGE = (
    '<html lang="en" data-theme="dark">'
    '<p class="used" alt="unused words" id="here">text</p></html>'
)
STYLE = """
.used {color: red} .unused {color: blue} p {margin: 0} #here {top: 0} #gone {top: 0}
html[data-theme="dark"] .used {color: pink} .by-script {left: 0} words {right: 0}
"""


def test_names_are_those_that_a_selector_can_ask_for(tmp_path):
    (tmp_path / "page.html").write_text(PAGE, "utf-8")
    words = bundle.words_of(tmp_path).split()
    assert {"html", "p", "used", "here", "data-theme", "dark", "class", "alt"} <= set(
        words
    )
    assert not {"unused", "words", "text"} & set(words)


@pytest.mark.slow
def test_rules_that_nothing_can_match_go_and_all_others_stay(tmp_path):
    (tmp_path / "page.html").write_text(PAGE, "utf-8")
    (tmp_path / "all.css").write_text(STYLE, "utf-8")
    (tmp_path / "a.js").write_text('box.classList.add("by-script")', "utf-8")
    given = {
        "css": str(tmp_path / "all.css"),
        "words": bundle.words_of(tmp_path),
        "scripts": [str(tmp_path / "a.js")],
        "kept": bundle.KEPT,
        "out": str(tmp_path / "book.css"),
    }

    node.run([node.NODE, "--input-type=module", "-e", bundle.PURGE], json.dumps(given))
    kept = re.findall(r"([^{}]+?)\s*{", (tmp_path / "book.css").read_text("utf-8"))
    assert [selector.strip() for selector in kept] == [
        ".used",
        "p",
        "#here",
        'html[data-theme="dark"] .used',
        ".by-script",
    ]


@pytest.mark.slow
def test_scripts_of_some_pages_lose_their_comments_and_no_name(tmp_path):
    static, whole = tmp_path / "_static", tmp_path / "bundle"
    static.mkdir(), whole.mkdir()
    source = bundle.ROOT / "book/_static"
    for name in ("live.js", "storage.js"):
        (static / name).write_bytes((source / name).read_bytes())
    (static / "others.js").write_text("// not ours\n", "utf-8")
    for _ in range(2):  # again, as when a build has written no page
        bundle.compress_own_scripts(static, whole)
        live = (static / "live.js").read_text("utf-8")
        assert len(live) < 0.7 * len((source / "live.js").read_text("utf-8"))
        assert "//" not in live and "before_python.js" in live
        assert "pageStorage=" in (static / "storage.js").read_text("utf-8")
    assert (static / "others.js").read_text("utf-8") == "// not ours\n"
    assert not (static / "site.js").exists()


@pytest.mark.slow
@pytest.mark.site
def test_a_page_loads_one_style_sheet_and_few_scripts(site):
    for path in (site / "book").rglob("*.html"):
        page = path.read_text("utf-8")
        sheets = re.findall(r'<link rel="stylesheet" href="([^"?]*)', page)
        scripts = re.findall(r"<script[^>]* src=\"([^\"?]*)", page)
        names = {script.rpartition("/")[2] for script in scripts}
        times_a_gpu = "own-gpu.js" in names
        # The sheet of all pages, and one for readers without scripts.
        assert len(sheets) <= 2 + times_a_gpu, sheets
        # A chapter with exercises marks those that are solved. Most pages have no exercises, and
        # the page that lists them all needs the same script, so it is not in that of all pages.
        has_exercises = "exercises.js" in names
        keeps_answers = "answers.js" in names
        # theme.js, book.js and live.js.
        own = has_exercises + keeps_answers + times_a_gpu
        assert len(scripts) <= 3 + own, scripts
        assert all(
            "defer" in tag for tag in re.findall("<script [^>]*src=[^>]*>", page)[1:]
        )


@pytest.mark.slow
@pytest.mark.site
def test_what_scripts_make_has_its_style(site):
    style = (site / "_static/book.css").read_text("utf-8")
    for name in (
        ".copybtn",
        ".live-output",
        ".part-progress",
        ".toc-part",
        ".page-actions",
    ):
        assert name in style, name
