"""Labelled equations and the tests that check them: every label has a test, every mark a label."""

import pytest

from book._ext.evidence import coverage_index
from book._ext.source import drawn_cells
from tests.support.equation_labels import LABELS, labels
from tests.support.paths import ROOT

EVIDENCE = coverage_index.read(ROOT)


@pytest.mark.evidence
def test_every_label_has_a_test_that_counts():
    lacking = {
        label: f"{page}: no test{EVIDENCE.why_none(label)}"
        for label, page in LABELS.items()
        if not EVIDENCE.of_equation(label)
    }
    assert not lacking, "; ".join(f"{k}, {why}" for k, why in lacking.items())


@pytest.mark.evidence
def test_every_mark_has_a_label():
    marks = EVIDENCE.equations
    assert {k: [str(t) for t in v] for k, v in marks.items() if k not in LABELS} == {}


def test_labels_are_unique_and_begin_with_eq():
    found = [
        label
        for path in drawn_cells.chapters()
        for label in labels(path.read_text("utf-8"))
    ]
    assert sorted(found) == sorted(set(found))
    assert [label for label in found if not label.startswith("eq-")] == []


def test_labels_are_read_in_both_ways_of_writing():
    page = "$$\na\n$$ (eq-one)\n\n$$ b $$ (eq-two)\n\n```{math}\n:label: eq-three\nc\n```\n"
    page += "```python\n$$\nd\n$$ (eq-example)\n```\n$x$ (not a label)\n"
    page += ":::{note}\n$$\ne\n$$ (eq-four)\n:::\n"
    assert labels(page) == ["eq-one", "eq-two", "eq-three", "eq-four"]
