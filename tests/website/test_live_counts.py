"""How much of the book is alive, read from its sources: live cells, and knobs with a sentence."""

import re
from typing import NamedTuple

import jupytext
import pytest

from book._ext.live import knobs
from book._ext.live.live_cells import Names
from tests.support.live_pages import chapters
from tests.support.paths import ROOT

pytestmark = pytest.mark.slow

SHARE = 0.85  # of the cells that need no framework
LEAST_KNOBS, LEAST_PAGES = 60, 40
FRAMEWORKS = {"TensorFlow", "Keras", "PyTensor", "Theano", "JAX", "CuPy"}
# What a page says where the name would help less: the gate is named by its own figure.
SAID_OTHERWISE = {"write": "gate", "reach": "truncation", "typed": "Type a date"}


class CodeCell(NamedTuple):
    """A code cell of a page."""

    page: str
    lack: str | None  # what it needs that a browser lacks
    knobs: tuple[str, ...]
    near: str  # the text around it


def near(cells, at):
    """The Markdown beside a cell, over at most two cells of code on each side."""
    texts = []
    for step in (-1, 1):
        inner, code = at + step, 0
        while 0 <= inner < len(cells) and code <= 2:
            if cells[inner].cell_type == "markdown":
                texts.append(cells[inner].source)
                break
            code += 1
            inner += step
    return "\n".join(texts)


def cells_of(name):
    """The code cells of a page, but not those of exercises."""
    cells = jupytext.read(ROOT / f"{name}.md").cells
    names = Names(ROOT)
    for at, cell in enumerate(cells):
        if cell.cell_type != "code" or {"check", "exercise"} & cell.metadata.keys():
            continue
        is_hidden = "remove-input" in cell.metadata.get("tags", ())
        lack = "a hidden text" if is_hidden else names.cell(cell.source)[0]
        described = cell.metadata.get("knobs")
        made = knobs.read(described, cell.source) if described else []
        yield CodeCell(name, lack, tuple(k.name for k in made), near(cells, at))


@pytest.fixture(scope="module")
def cells():
    return [cell for name in chapters() for cell in cells_of(name)]


def is_named(knob, text):
    """Whether a text has the name of a knob as code, or the words that stand for it."""
    said = SAID_OTHERWISE.get(knob)
    return bool(
        re.search(rf"`{knob}( = [^`]*)?`", text)
        or re.search(rf"\b{knob}\b", re.sub(r"\$[^$]*\$", "", text))
        and len(knob) > 4
        or (said and said in text)
    )


def test_most_cells_that_need_no_framework_are_live(cells):
    plain = [cell for cell in cells if cell.lack not in FRAMEWORKS]
    live = [cell for cell in plain if cell.lack is None]
    print(len(live), "of", len(plain), "without a framework;", len(cells), "in all")
    assert len(plain) > 700
    assert len(live) >= SHARE * len(plain)


def test_many_pages_have_knobs(cells):
    turned = [cell for cell in cells if cell.knobs]
    count, pages = sum(len(cell.knobs) for cell in turned), {c.page for c in turned}
    print(count, "knobs of", len(turned), "cells on", len(pages), "pages")
    assert count >= LEAST_KNOBS and len(pages) >= LEAST_PAGES


def test_each_knob_is_named_beside_its_cell(cells):
    unnamed = [
        f"{cell.page}: {knob}"
        for cell in cells
        if cell.lack is None  # a recorded run alone shows no name
        for knob in cell.knobs
        if not is_named(knob, cell.near)
    ]
    assert unnamed == []


@pytest.mark.parametrize(
    ("knob", "text", "named"),
    [
        ("gain", "Raise `gain` and look.", True),
        ("gain", "Try `gain = 3`.", True),
        ("gain", "Raise the gains.", False),
        ("radius", "The radius is 1.", True),
        ("H", "With $H$ units.", False),
        ("top_k", "Draw from the top k.", False),
        ("write", "Close a gate.", True),
    ],
)
def test_a_name_is_found_as_code_or_as_a_word(knob, text, named):
    assert is_named(knob, text) is named
