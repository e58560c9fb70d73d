"""The labels of the book's equations, read from its pages."""

import re

from book._ext.source import drawn_cells
from tests.support.paths import ROOT


def labels(source):
    """The labels of a page's equations, in order; code that shows how to write one has none."""
    found, fences = [], []
    for line in source.splitlines():
        if fence := re.match(r"(`{3,}|:{3,})(.*)", line):
            if fences and not fence[2] and fence[1] == fences[-1][0]:
                fences.pop()
            else:
                fences.append((fence[1], fence[2].strip()))
        elif all(kind.startswith("{") and "code" not in kind for _, kind in fences):
            in_math = bool(fences) and fences[-1][1].startswith("{math}")
            pattern = r":label: *([\w-]+)" if in_math else r".*\$\$ *\(([\w-]+)\)"
            if label := re.match(pattern, line):
                found.append(label[1])
    return found


LABELS = {
    label: path.relative_to(ROOT).as_posix()
    for path in drawn_cells.chapters()
    for label in labels(path.read_text("utf-8"))
}
