"""Runs the cells of a page, the corpus exchanged for another text, as a reader would."""

import jupytext
import matplotlib.pyplot as plt

from tests.support.paths import BOOK

CORPUS = "documents = text.corpus()"


def run(page, documents):
    """Returns the names that a page defines when `documents` stands in the corpus's place."""
    cells = [
        c.source for c in jupytext.read(BOOK / page).cells if c.cell_type == "code"
    ]
    assert sum(cell.count(CORPUS) for cell in cells) == 1  # the one line to change
    names: dict = {"__name__": "__main__"}
    try:
        for cell in cells:
            exec(
                compile(cell.replace(CORPUS, f"documents = {documents}"), page, "exec"),
                names,
            )
    finally:
        plt.close("all")
    return names
