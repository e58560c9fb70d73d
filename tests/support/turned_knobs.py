"""Runs the live cells of a chapter as its worker does, with knobs moved and cells edited."""

import functools
import json

import jupytext

from book._ext.live import knobs
from book._ext.live.live_cells import Names, import_lines
from book._live import dependencies, live_runner
from tests.support.paths import BOOK, ROOT


class Chapter:
    """The live cells of a chapter: what the page shows of them when their knobs move."""

    def __init__(self, page):
        read = jupytext.read(BOOK / page).cells
        self.cells = [cell for cell in read if cell.cell_type == "code"]
        names = Names(ROOT)
        lacks = [names.cell(cell.source)[0] for cell in self.cells]
        self.texts = [
            import_lines(cell.source) if lack else cell.source
            for cell, lack in zip(self.cells, lacks, strict=True)
        ]
        self.namespace = live_runner.new_namespace()
        self.order = dependencies.Order(self.namespace)

    def edit(self, old, new):
        """Changes the one place of the cells where a text stands."""
        (index,) = (i for i, text in enumerate(self.texts) if old in text)
        assert self.texts[index].count(old) == 1
        self.texts[index] = self.texts[index].replace(old, new)

    def turn(self, figure, **values):
        """Runs a figure's cell with these knobs, all others as built, and what it depends on.

        Returns:
            (what the cell prints, the panels of its chart), or (its traceback, None).
        """
        (index,) = (
            i
            for i, cell in enumerate(self.cells)
            if cell.metadata.get("mystnb", {}).get("figure", {}).get("name") == figure
        )
        entries = self.cells[index].metadata["knobs"]
        assert set(values) <= {entry["name"] for entry in entries}
        texts = list(self.texts)
        for name, value in values.items():
            literal = knobs.literal_of(name, texts[index])
            line = f"{name} = {literal}"
            assert texts[index].count(line) == 1
            texts[index] = texts[index].replace(line, f"{name} = {value!r}")
        knobs.read(entries, texts[index])  # the knob can stand there
        assert knobs.changes_others(texts, index) is None
        said, drawn = [], []
        for cell in self.order.plan(texts, index):
            said, drawn = [], []
            where = f"cell {cell + 1}"
            passed, _ = live_runner.run(
                texts[cell], where, self.namespace, said.append, draw=drawn.append
            )
            self.order.ran(texts, cell, passed)
            if not passed:
                return "".join(said), None
        return "".join(said), json.loads(drawn[-1])["panels"]


@functools.cache
def chapter(page):
    """Returns a Chapter, for tests that edit no cell."""
    return Chapter(page)


def named(panel, name):
    """Returns the one mark of a panel with this name."""
    (mark,) = (mark for mark in panel["marks"] if mark.get("name") == name)
    return mark
