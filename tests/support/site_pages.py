"""The pages of the built site, and those that a browser visits in the tests."""

from book._ext.page import moved
from tests.support.paths import ROOT

EVERY_KIND = (
    "book/intro.html",
    "book/notation.html",
    "book/03-bptt/the-delta-recursion.html",
    "book/04-gates/the-lstm.html",
    "book/exercises/language-model.html",
    "book/reference/bibliography.html",
    "search.html",
    "source/code/unrolled/cells/rnn.html",
)


def pages_of(folder):
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*.html"))


def worth_a_visit(folder):
    """Returns the names of the pages that a browser visits.

    The pages that show our source files are one template filled many times: the heaviest, the
    lightest and one more stand for them.
    """
    # these only lead on
    left = {"index.html", *(f"{page}.html" for page in moved.moved(ROOT))}
    names = [name for name in pages_of(folder) if name not in left]
    sources = [name for name in names if name.startswith("source/")]
    sources.sort(key=lambda name: (folder / name).stat().st_size)
    chosen = {*sources[:1], *sources[-1:], *EVERY_KIND}
    return [name for name in names if not name.startswith("source/") or name in chosen]
