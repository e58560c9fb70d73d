"""What the print leaves out of a page, the notes in its place, and the table that lists it all.

The site folds code that draws a figure, prepares data or defines a helper. On paper this code would
take a tenth of the pages. Its output stays, with a note in the place of the code.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from html import escape
from typing import NamedTuple

from bs4 import Tag

from book._ext.formats.print_articles import element, text_of
from book._ext.page.plural import many

HEADING = re.compile("^h[1-6]$")
TITLE = "Left out of this edition"
PLACE = "left-out"
SITE = "on the site"
CHECK = "Call of the check"


class Omission(NamedTuple):
    """Something that was left out: the title of its section, and what it was."""

    section: str
    what: str


class Omitted(NamedTuple):
    """What was left out of a chapter, and the number of its marks without names of tests."""

    name: str
    place: str
    title: str
    things: list[Omission]
    marks: int


def leave_out(article: Tag, address: str) -> list[Omission]:
    """Leave folded code, calls of checks and folded tables out; return what they were.

    The notes link the page's own address on the site, if it has one.
    """
    found = []
    for node in article.select("details.hide, details.checked-fold, div.cell"):
        section = section_of(node)
        if what := left_out_of(node, address):
            found.append(Omission("" if what == CHECK else section, what))
    return found


def section_of(node: Tag) -> str:
    """Return the title of an element's section; what is above the first has a name of its own."""
    heading = node.find_previous(HEADING)
    if heading is None or heading.name == "h1":
        return "Beginning"
    return text_of(heading)


def left_out_of(node: Tag, address: str) -> str:
    """Leave out of one element what is not for paper; return what it was, or nothing."""
    code = node.select_one(".cell_input")
    if node.name == "div":
        is_check = code and re.match(r'check\("\w+", globals\(\)\)', text_of(code))
        return left_out_check(node) if is_check else ""
    if code is not None:
        return left_out_code(node, code, address)
    rows = len(node.select("tbody tr"))
    return left_out_table(node, rows, address) if rows else ""


def left_out_check(cell: Tag) -> str:
    """Leave a call of a check out: it runs in a notebook and on the site."""
    cell.decompose()
    return CHECK


def left_out_code(fold: Tag, code: Tag, address: str) -> str:
    """Leave folded code out, with a note in its caption, or where it stood."""
    lines = many(code.get_text().strip().count("\n") + 1, "line")
    cell = fold.find_parent(class_="cell") or fold
    caption = cell.select_one(".drawn-caption") or cell.select_one("figcaption p")
    number = caption.select_one(".caption-number") if caption else None
    if caption is None:
        fold.insert_before(note("p", f"Code: {lines}, {SITE}.", address))
    elif number is not None and "Listing" in number.get_text():
        caption.append(note("span", f"{lines}, {SITE}", address))
    else:
        caption.append(note("span", f" Code: {lines}, {SITE}.", address))
    if fold.select_one(".cell_output") is None:
        fold.decompose()
    else:
        code.decompose()
    return f"{text_of(number)}, {lines}" if number else lines


def left_out_table(fold: Tag, rows: int, address: str) -> str:
    """Leave a folded table out, with a note that has its summary."""
    summary = fold.find("summary")
    said = text_of(summary) if isinstance(summary, Tag) else "Table"
    table = f"table of {many(rows, 'row')}"
    fold.replace_with(note("p", f"{said}: {table}, {SITE}.", address))
    return f"{said}, {table}"


def note(name: str, text: str, address: str) -> Tag:
    """Return the note in the place of what was left out; its last words link the site."""
    made = element(name, text, **{"class": "left-out"})
    if address:
        before, _, after = text.rpartition(SITE)
        made.string = before
        made.append(element("a", SITE, href=address))
        made.append(after)
    return made


def name_no_tests(article: Tag) -> int:
    """Leave of each mark the number of tests; set that of an equation beside its number.

    Return the number of marks.
    """
    marks = article.select("details.checked-by")
    for mark in marks:
        for named in mark.select("ul, .more"):
            named.decompose()
        equation = beside(mark)
        number = equation.select_one(".eqno") if equation else None
        said = re.fullmatch(r"Checked by (\d+ tests?)", text_of(mark))
        if number is not None and mark.parent is not None and said:
            number.append(element("span", f"✓ {said[1]}", **{"class": "tests"}))
            mark.parent.decompose()
    return len(marks)


def beside(mark: Tag) -> Tag | None:
    """Return the equation directly above a mark."""
    parent = mark.parent
    if parent is None or "equation-mark" not in parent.get_attribute_list("class"):
        return None
    above = parent.find_previous_sibling()
    is_equation = above is not None and "math" in above.get_attribute_list("class")
    return above if is_equation else None


def preface(omitted: list[Omitted]) -> str:
    """Return what a reader of the print has to know first."""
    if not sum(counts(omitted)):
        return ""
    return (
        '<section class="edition"><h1>About this edition</h1>'
        "<p>This edition contains the text, the equations, the figures, the exercises and the "
        "solutions of the site. It leaves out most of the code that the site folds: this code "
        "draws a figure, prepares data or defines a helper. Its outputs are printed, and a "
        f'note gives the number of lines. The table <a href="#{PLACE}">{TITLE}</a>, on page '
        f'<span data-to="{PLACE}">000</span>, lists what was left out and says where it is. '
        "A check mark beside an equation gives the number of tests that compute both of its "
        "sides in numbers.</p></section>"
    )


def counts(omitted: list[Omitted]) -> tuple[int, int]:
    """Return the number of things that were left out, and of marks without names."""
    return sum(len(o.things) for o in omitted), sum(o.marks for o in omitted)


def appendix(omitted: list[Omitted]) -> str:
    """Return the table of what was left out, one row for each chapter."""
    pieces, marks = counts(omitted)
    if not pieces + marks:
        return ""
    rows = "".join(row(chapter) for chapter in omitted if chapter.things)
    table = (
        '<table class="omissions"><thead><tr><th>page</th><th>chapter, file</th><th>left out, '
        f"by section</th></tr></thead><tbody>{rows}</tbody></table>"
    )
    of_code = (
        f"<p>This edition leaves out {many(pieces, 'piece')} of code and tables, which the "
        "table lists. Each of them is on the site, in the section of the same title. The code "
        "is in the notebooks too. The table names the file of a chapter: on the site its name "
        "ends in <code class='literal'>.html</code>, and among the notebooks in "
        "<code class='literal'>.ipynb</code>. A call of the check tests the answer to an "
        "exercise.</p>"
    )
    of_tests = (
        f"<p>The {many(marks, 'mark')} of equations and listings give the number of tests. "
        "The site also names the tests, below each equation and above each listing.</p>"
    )
    return (
        f'<article class="chapter" id="{PLACE}" style="page: omissions"><section>'
        f'<h1 class="was-h1">{TITLE}</h1>{of_code * bool(pieces)}{of_tests * bool(marks)}'
        f"{table * bool(pieces)}</section></article>"
    )


def row(chapter: Omitted) -> str:
    """Return a chapter's row of the table."""
    return (
        f'<tr><td><span data-to="{chapter.place}">000</span></td>'
        f'<td><a href="#{chapter.place}">{escape(chapter.title)}</a><br>'
        f'<code class="literal">{escape(chapter.name.removeprefix("book/"))}</code></td>'
        f"<td>{'. '.join(by_section(chapter.things))}.</td></tr>"
    )


def by_section(things: Iterable[Omission]) -> list[str]:
    """Return a phrase for each section: its title, and what was left out of it."""
    sections: dict[str, Counter[str]] = {}
    for section, what in things:
        sections.setdefault(section, Counter())[what] += 1
    return [
        (f"<b>{escape(section)}</b> " if section else "")
        + "; ".join(
            escape(what) + f" ({n} times)" * (n > 1) for what, n in inside.items()
        )
        for section, inside in sections.items()
    ]
