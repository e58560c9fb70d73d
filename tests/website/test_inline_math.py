"""Formulas: their MathML is sound, they keep their marks, and their numbers stand at the edge."""

import re
from types import SimpleNamespace
from xml.etree import ElementTree

import pytest
from docutils import nodes
from docutils.utils import new_document

from book._ext.page import inline_math, katex
from tests.support.marks import on_site

APP = SimpleNamespace(builder=SimpleNamespace(name="html"))
PAGES = (
    "reference/errata",
    "notation",
    "01-introduction/the-unrolled-graph",
    "04-gates/the-gru",
)
# Marks after a formula's last piece, and those that stand left of it: on the next line.
LONE = """() => {
  const found = {all: 0, lone: []};
  for (const formula of document.querySelectorAll(".bd-article span.math")) {
    const text = formula.nextSibling, last = [...formula.querySelectorAll(".base")].pop();
    if (text?.nodeType !== Node.TEXT_NODE || !/^[,.;:!?)]/.test(text.data) || !last) continue;
    const range = document.createRange();
    range.setStart(text, 0);
    range.setEnd(text, 1);
    const mark = range.getClientRects()[0], piece = last.getBoundingClientRect();
    if (!mark) continue;
    found.all += 1;
    if (mark.left < piece.left) found.lone.push(formula.parentElement.innerText.slice(0, 80));
  }
  return found;
}"""
NUMBERS = """() => [...document.querySelectorAll(".bd-article section > div.math > .eqno")]
  .map(number => number.parentElement.getBoundingClientRect().right
    - number.getBoundingClientRect().right)"""


def line(*parts):
    """A line whose formulas are given in dollars; returns what stands together in it."""
    paragraph = nodes.paragraph()
    for part in parts:
        text = part.strip("$")
        paragraph += nodes.math("", text) if part.startswith("$") else nodes.Text(text)
    document = new_document("test")
    document += paragraph
    inline_math.keep_marks(APP, document, "page")
    assert paragraph.astext() == "".join(part.strip("$") for part in parts)
    return [child.astext() for child in paragraph if isinstance(child, nodes.inline)]


def test_mathml_is_repaired_where_katex_writes_what_is_not_allowed():
    math = '<math xmlns="http://www.w3.org/1998/Math/MathML">'
    loose = f"{math}<msub><mi>x</mi><mi>max</mi><mo>\u2061</mo></msub></math>"
    assert katex.sound(loose) == f"{math}<msub><mi>x</mi><mi>max</mi></msub></math>"
    applied = f"{math}<mi>max</mi><mo>\u2061</mo><mi>x</mi></math>"
    assert katex.sound(applied) == applied
    marked = f'{math}<mo lspace="0"><mrow><mi>m</mi><mi>od</mi></mrow></mo></math>'
    assert (
        katex.sound(f'{math}<mtable columnspacing=""></mtable></math>')
        == f"{math}<mtable></mtable></math>"
    )
    assert katex.sound(marked) == f'{math}<mo lspace="0">mod</mo></math>'


def test_a_formula_stands_with_the_marks_that_touch_it():
    assert line("where ", "$x$", ", and so on") == ["x,"]
    assert line("the state (", "$h$", "), of size “", "$H$", "”.") == ["(h),", "“H”."]
    assert line("$a$", ", ", "$b$", "; ", "$c$", ".") == ["a,", "b;", "c."]
    assert line("the", " step ", "$t$", " and", " so (", "on)") == []
    assert line("$t$") == line("", "$t$", "-th") == []
    assert line("(", "$t$", " here)") == ["(t"]


@pytest.mark.site
@pytest.mark.browser
@pytest.mark.slow
def test_no_line_begins_with_the_mark_after_a_formula(browser, site):
    page = browser.new_page()
    seen, otherwise = 0, 0
    for name in PAGES:
        for width in (1280, 700, 390, 320):
            page.set_viewport_size({"width": width, "height": 900})
            page.goto((site / f"book/{name}.html").as_uri())
            found = page.evaluate(LONE)
            seen += found["all"]
            assert found["lone"] == []
            page.add_style_tag(
                content=".with-marks { white-space: normal !important; }"
            )
            otherwise += len(page.evaluate(LONE)["lone"])
    page.close()
    assert seen > 80 and otherwise > 0


@pytest.mark.site
@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.parametrize("width", [1280, 390])
def test_the_number_of_an_equation_stands_at_the_edge(browser, site, width):
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.goto((site / "book/04-gates/the-lstm.html").as_uri())
    gaps = page.evaluate(NUMBERS)
    page.close()
    assert len(gaps) > 4 and max(map(abs, gaps)) < 1


# How many parts MathML allows an element; a browser that finds others shows an error.
PARTS = {
    **dict.fromkeys(("msub", "msup", "munder", "mover", "mfrac", "mroot"), 2),
    **dict.fromkeys(("msubsup", "munderover"), 3),
}
MATH = re.compile(r"<math\b.*?</math>", re.S)


def unsound(formula):
    """What is wrong with the MathML of one formula."""
    for element in ElementTree.fromstring(formula).iter():
        name = element.tag.partition("}")[2]
        if len(element) != PARTS.get(name, len(element)):
            yield f"{name} of {len(element)}"
        if name == "mo" and len(element):
            yield "mo that holds elements"
        if element.get("columnspacing") == "":
            yield "columnspacing"


@on_site
def test_the_mathml_of_every_formula_is_sound(site):
    formulas = {
        formula
        for path in site.glob("book/**/*.html")
        for formula in MATH.findall(path.read_text("utf-8"))
    }
    assert len(formulas) > 1000
    assert {f: found for f in formulas if (found := list(unsound(f)))} == {}
    bad = "<msub><mi>x</mi></msub><mo><mi>m</mi></mo><mtable columnspacing=''></mtable>"
    assert len(list(unsound(f"<math xmlns='{katex.MATHML}'>{bad}</math>"))) == 3
