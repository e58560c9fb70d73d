"""Copy the functions that chapters show from code/ into their cells: `make draw`.

The pages of exercises are written whole, from code/unrolled/exercises.

With --check nothing is written: the cells that differ are named, and the exit status is 1 if there
are any.
"""

from __future__ import annotations

import difflib
import sys
from pathlib import Path

from book._ext.build import build
from book._ext.live import exercise_pages
from book._ext.source import drawn_cells


def main(arguments: list[str], root: Path = drawn_cells.ROOT) -> int:
    """Redraw every chapter, or check it; return the exit status."""
    check = arguments == ["--check"]
    if arguments and not check:
        print("usage: draw.py [--check]", file=sys.stderr)
        return 2
    if check:
        return redraw(root, check)
    with build.alone(root / "_build"):  # a build reads what is written here
        return redraw(root, check)


def redraw(root: Path, check: bool) -> int:
    """Write what differs, or name it; return the exit status."""
    differing = 0
    try:
        pages = exercise_pages.pages(root)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    for path, fresh in pages.items():
        if path.is_file() and path.read_text("utf-8") == fresh:
            continue
        differing += 1
        if check:
            print(f"{path.relative_to(root)} is not what code/unrolled/exercises says")
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(fresh, "utf-8")
            print(f"wrote {path.relative_to(root)}")
    for path in drawn_cells.chapters(root):
        source = path.read_text("utf-8")
        try:
            fresh = drawn_cells.redrawn(source, root)
        except drawn_cells.NoSource as error:
            print(f"{path.relative_to(root)}: {error}", file=sys.stderr)
            return 1
        if fresh == source:
            continue
        differing += 1
        if not check:
            path.write_text(fresh, "utf-8")
            print(f"redrew {path.relative_to(root)}")
            continue
        for cell in drawn_cells.drawn_cells(source):
            tested = drawn_cells.source_of(cell.name, root)
            if cell.text != tested:
                print(
                    f"{path.relative_to(root)}:{cell.line}: {cell.name} is not the tested text"
                )
                diff = difflib.unified_diff(
                    cell.text.splitlines(),
                    tested.splitlines(),
                    "the cell",
                    "code/",
                    lineterm="",
                )
                print("\n".join(f"    {line}" for line in diff))
    if check and differing:
        print("`make draw` copies the tested text into the pages.")
    return int(check and differing > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
