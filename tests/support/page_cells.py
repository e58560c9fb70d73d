"""Runs the cells of a page as a reader would, and returns what they define."""

import ast
import functools

import jupytext
import matplotlib
import matplotlib.pyplot as plt

from tests.support.paths import BOOK
from unrolled.drawing import chart

CORPUS = "documents = text.corpus()"


def cells(page):
    """Returns the text of each cell of code of a page of the book."""
    return [c.source for c in jupytext.read(BOOK / page).cells if c.cell_type == "code"]


def executed(page, sources):
    """Returns the names that cells define, run one after another."""
    names: dict = {"__name__": "__main__"}
    try:
        with matplotlib.rc_context():
            for source in sources:
                exec(compile(source, page, "exec"), names)
    finally:
        plt.close("all")
    return names


@functools.cache
def defined(page):
    """Returns the names that a page defines."""
    return executed(page, cells(page))


def defined_with(page, documents):
    """Returns the names that a page defines when `documents` stands in the corpus's place."""
    sources = cells(page)
    assert (
        sum(source.count(CORPUS) for source in sources) == 1
    )  # the one line to change
    return executed(
        page, [s.replace(CORPUS, f"documents = {documents}") for s in sources]
    )


def charts_of(page):
    """Returns the charts in which cells of a page end, under the names of their figures."""
    found: dict = {}
    every = [c for c in jupytext.read(BOOK / page).cells if c.cell_type == "code"]
    names: dict = {"__name__": "__main__"}
    last = max(i for i, cell in enumerate(every) if "charts." in cell.source)
    with matplotlib.rc_context():
        for cell in every[: last + 1]:
            shown = value_of(cell.source, page, names)
            if isinstance(shown, chart.Chart):
                found[cell.metadata["mystnb"]["figure"]["name"]] = shown
    plt.close("all")
    return found


def value_of(source, page, names):
    """Runs a cell among the names of earlier ones; returns the value of its last expression."""
    parsed = ast.parse(source)
    last = parsed.body.pop() if isinstance(parsed.body[-1], ast.Expr) else None
    exec(compile(parsed, page, "exec"), names)
    if last is None:
        return None
    return eval(compile(ast.Expression(last.value), page, "eval"), names)


def figure(page, name):
    """Returns (alt text, the names defined by the first cell of a page and that of a figure)."""
    (cell,) = (
        cell
        for cell in jupytext.read(BOOK / page).cells
        if cell.metadata.get("mystnb", {}).get("figure", {}).get("name") == name
    )
    alt = cell.metadata["mystnb"]["image"]["alt"]
    return alt, executed(page, [cells(page)[0], cell.source])


def assigned(page, name):
    """Returns what one cell assigns to a name by itself, without running the others."""
    (value,) = (
        node.value
        for source in cells(page)
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name
    )
    return eval(compile(ast.Expression(value), page, "eval"), {})
