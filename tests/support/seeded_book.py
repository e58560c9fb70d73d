"""Small books of one or a few pages, with our configuration, extensions and package."""

import json
import re
import shutil

from book._ext.evidence import coverage_index, measure_evidence
from book._ext.live import exercise_pages
from book._ext.source import drawn_cells
from tests.support.paths import ROOT

HEADER = """---
jupytext:
  text_representation: {extension: .md, format_name: myst, format_version: 0.13}
kernelspec: {display_name: Python 3, language: python, name: python3}
---

"""
STEP = drawn_cells.source_of("unrolled.cells.rnn.step")
PLOT = """from unrolled.drawing import figures
figures.use_style()
axes = figures.canvas()
axes.plot([0, 1], [0, 1]);"""
CHART = """from unrolled.drawing import charts
charts.lines([0, 1], {"curve": [0, 1]})"""
IMPORTS = """```{code-cell} python3
import numpy as np
from unrolled.functional import project
```
"""


def code(text, options=""):
    return f"```{{code-cell}} python3\n{options}{text}\n```\n"


GOOD = (
    HEADER
    + "# Good\n\n$$\na = b\n$$ (eq-tested)\n\nSee {eq}`eq-tested`, {numref}`fig-curve`.\n\n"
    + IMPORTS
    + code(STEP, ":drawn: unrolled.cells.rnn.step\n")
    + code(
        CHART,
        '---\nmystnb:\n  image: {alt: "A rising line."}\n'
        '  figure: {caption: "A line.", name: fig-curve}\n---\n',
    )
    + "It was {record}`demo:results.loss:.2f`, {record}`demo:results.runs.1:,d` times.\n\n"
    + "```{record-origin} demo\n```\n\n"
    + "```{record-origin} gpu/demo\n:not-yet: There is none of this.\n```\n\n"
    + "```{record-origin} gpu/none\n:not-yet: No GPU has been at hand.\n```\n"
)
TESTS = """
import pytest
from unrolled.cells import rnn

@pytest.mark.equation("eq-tested", "tested")
def test_step():
    assert rnn.step

@pytest.mark.equation("eq-shapes")
def test_shape():
    assert rnn.step.shape == (2, 3)

@pytest.mark.equation("eq-nothing")
def test_nothing():
    assert 1 + 1 == 2
"""
RECORD = {
    "name": "demo",
    "device": "a machine",
    "versions": {"python": "3.11.9", "numpy": "2.4.6"},
    "seed": 7,
    "commit": "0123456789abcdef",
    "date": "2026-11-20",
    "settings": {},
    "code": {"experiments.demo.RECORDS": "outdated"},
    "data": {},
    "results": {"loss": 1.23456, "runs": [1, 2345]},
}
SEEDED = "tests/test_seeded.py::"
LABELS = {
    f"{SEEDED}test_step": ["eq-tested", "tested"],
    f"{SEEDED}test_shape": ["eq-shapes"],
    f"{SEEDED}test_nothing": ["eq-nothing"],
}
EXECUTED = {f"{SEEDED}test_step", f"{SEEDED}test_shape"}


def write_evidence(folder, executed, labels):
    """Writes what `make evidence` would have found."""
    record = measure_evidence.record_of(folder, executed, labels)
    record |= {"date": "2026-11-28", "commit": "0123456789ab"}
    (folder / coverage_index.RECORD).write_text(
        measure_evidence.written(record), "utf-8"
    )


# What the pages above show and import, of the package: each module gets a page in a build.
MODULES = (
    *("__init__", "arguments", "functional", "records", "tree"),
    *("cells/__init__", "cells/rnn"),
    *("drawing/__init__", "drawing/charts", "drawing/figures"),
    *("exercises/__init__", "exercises/today/__init__"),
    "exercises/today/four_memories_in_one_line",
)


def seed(folder, pages, whole=False):
    """Writes a book of these pages; the first is its root.

    Args:
        folder: an empty folder.
        pages: their texts by name.
        whole: has it all of the package, not MODULES alone?
    """
    if whole:
        (folder / "code").symlink_to(ROOT / "code")
    for name in () if whole else MODULES:
        path = f"code/unrolled/{name}.py"
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, folder / path)
    for name in ("node_modules", "_config.yml", "requirements.lock"):
        (folder / name).symlink_to(ROOT / name)
    for name in ("book", "tests", "results", "experiments"):
        (folder / name).mkdir()
    for name in ("_ext", "_live", "_static", "_templates"):
        (folder / "book" / name).symlink_to(ROOT / "book" / name)
    (folder / "book/references.bib").write_text("", "utf-8")
    (folder / "tests/test_seeded.py").write_text(TESTS, "utf-8")
    write_evidence(folder, {"unrolled.cells.rnn.step": EXECUTED}, LABELS)
    (folder / "results/demo.json").write_text(json.dumps(RECORD), "utf-8")
    (folder / "results/gpu").mkdir()
    on_gpu = RECORD | {"device": "a graphics card, driver 580.1"}
    (folder / "results/gpu/demo.json").write_text(json.dumps(on_gpu), "utf-8")
    for name, text in pages.items():
        (folder / f"book/{name}.md").write_text(text, "utf-8")
    root, *rest = pages
    chapters = "".join(f"- file: book/{name}\n" for name in rest)
    (folder / "_toc.yml").write_text(
        f"format: jb-book\nroot: book/{root}\n"
        + (f"chapters:\n{chapters}" if rest else ""),
        "utf-8",
    )
    return folder


PAUSE = """import os, pathlib, time
if "SLOWLY" in os.environ:
    marker = pathlib.Path(os.environ["SLOWLY"])
    marker.touch()
    for _ in range(600):  # a minute, or until the marker is removed
        if marker.exists():
            time.sleep(0.1)
"""


def small_book(folder):
    """A seeded book of three pages: one with marks, one with an exercise, one that can be slow."""
    folder.mkdir()
    problem = re.sub(
        r" · \{doc\}`.*(?=\*\n)",
        "",
        exercise_pages.problem("four_memories_in_one_line"),
    )
    seed(
        folder,
        {
            "good": GOOD,
            "exercises": f"{HEADER}# Exercises\n\n{exercise_pages.HOW}{problem}",
            "slow": f"{HEADER}# Slow\n\n{code(PAUSE)}\n{code('6 * 7')}",
        },
    )
    (folder / "package-lock.json").symlink_to(ROOT / "package-lock.json")
    return folder
