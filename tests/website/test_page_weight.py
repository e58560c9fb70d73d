"""What knobs and redrawn charts add to a page that nobody clicks: bytes, gzipped.

All else that they need is loaded by a click or a move. The texts of pages are not counted: their
words and their recorded figures are there without knobs as well.
"""

import gzip
import json
import re

import pytest

from book._ext.live.editor_bundle import SCRIPTS
from book._ext.source import node
from tests.support.marks import ON_SITE
from tests.support.paths import ROOT

pytestmark = ON_SITE

MOST = 2_000
# Of commit 0581e634, the last one without knobs and redrawn charts.
BUTTON_BEFORE = 1_424
STYLE_BEFORE = 757  # in the style sheet of today

BOX = re.compile(r'<div class="live-knobs.*?</p>\s*</div>\s*', re.S)
CELLS = re.compile(r'(?<=class="live-cells">).*?(?=</script>)', re.S)
RULE = re.compile(r"[^{}]+\{[^{}]*\}")


def size(text):
    return len(gzip.compress(text if isinstance(text, bytes) else text.encode(), 6))


def without_live_rules(style):
    """A style sheet without the rules of code that runs, as one line of minified CSS."""
    return RULE.sub(lambda rule: "" if ".live-" in rule[0] else rule[0], style)


def without_knobs(page):
    """A page without its knobs and what its list of cells says for them."""

    def without(cells):
        about = json.loads(cells[0])
        for cell in about["cells"]:
            for name in ("knobs", "seconds", "imports"):
                cell.pop(name, None)
        return json.dumps(about, separators=(",", ":"), ensure_ascii=False)

    return CELLS.sub(without, BOX.sub("", page))


@pytest.fixture(scope="module")
def shared(site):
    """{file: how many more bytes a page loads of it} of the files of all pages."""
    script = (site / "_static/book.js").read_text("utf-8")
    tool = str(ROOT / "node_modules/.bin/esbuild")
    numbers = (ROOT / "book/_static/chart-numbers.js").read_text("utf-8")
    flags = [
        "--minify-whitespace",
        "--minify-syntax",
        "--loader=js",
    ]  # as `bundle.join` has
    part = node.run([tool, *flags], numbers).strip()
    assert part in script
    style = (site / "_static/book.css").read_text("utf-8")
    button = size((site / "_static/live.js").read_bytes())
    return {
        "chart-numbers.js": size(script) - size(script.replace(part, "")),
        "live.css": size(style) - size(without_live_rules(style)) - STYLE_BEFORE,
        "live.js": button - BUTTON_BEFORE,
    }


def test_a_page_that_nobody_clicks_grows_by_two_kilobytes_at_most(site, shared):
    grown = {}
    for path in sorted(site.glob("**/*.html")):
        page = path.read_text("utf-8")
        if 'class="live-bar"' in page:
            added = size(page) - size(without_knobs(page))
            grown[path.relative_to(site).as_posix()] = sum(shared.values()) + added
    (*_, most) = sorted(grown, key=grown.get)
    print(shared, most, grown[most], "median", sorted(grown.values())[len(grown) // 2])
    assert len(grown) > 60
    assert {page: n for page, n in grown.items() if n > MOST} == {}


def test_what_is_counted_is_there(site):
    pages = [p.read_text("utf-8") for p in (site / "book").rglob("*.html")]
    boxes = sum(len(BOX.findall(page)) for page in pages)
    assert boxes == sum(page.count('<div class="live-knobs') for page in pages) > 40
    for page in pages:
        assert "live-knob" not in without_knobs(page)
        assert '"knobs":' not in without_knobs(page)
    style = (site / "_static/book.css").read_text("utf-8")
    assert ".live-knob" in style and ".live-" not in without_live_rules(style)


def test_what_only_editors_need_comes_with_them(site):
    style = (site / "_static/book.css").read_text("utf-8")
    rules = RULE.findall((SCRIPTS / "editor.css").read_text("utf-8"))
    assert len(rules) > 15 and ".live-editor" not in style
