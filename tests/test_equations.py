"""Labelled equations and the tests that check them: every label has a test, every mark a label."""

import re

import cells
import evidence

MARKS = evidence.read(cells.ROOT / "tests").equations


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
    label: path.relative_to(cells.ROOT).as_posix()
    for path in cells.chapters()
    for label in labels(path.read_text("utf-8"))
}


def test_every_label_has_a_test():
    assert {label: page for label, page in LABELS.items() if label not in MARKS} == {}


def test_every_mark_has_a_label():
    unknown = {k: [str(t) for t in v] for k, v in MARKS.items() if k not in LABELS}
    assert unknown == {}


def test_labels_are_unique_and_begin_with_eq():
    found = [label for path in cells.chapters() for label in labels(path.read_text("utf-8"))]
    assert sorted(found) == sorted(set(found))
    assert [label for label in found if not label.startswith("eq-")] == []


def test_labels_are_read_in_both_ways_of_writing():
    page = "$$\na\n$$ (eq-one)\n\n$$ b $$ (eq-two)\n\n```{math}\n:label: eq-three\nc\n```\n"
    page += "```python\n$$\nd\n$$ (eq-example)\n```\n$x$ (not a label)\n"
    page += ":::{note}\n$$\ne\n$$ (eq-four)\n:::\n"
    assert labels(page) == ["eq-one", "eq-two", "eq-three", "eq-four"]


EXAMPLE = '''
import pytest
from unrolled import gru, rnn
from unrolled.rnn import step as one_step
import unrolled.functional as F

pytestmark = pytest.mark.equation("eq-module")

def helper(p):
    return F.softmax(p)

@pytest.mark.equation("eq-one", "eq-two")
def test_marked():
    """Not a mark: @pytest.mark.equation("eq-docstring")"""
    one_step(1)

@pytest.mark.parametrize("cell", [rnn, gru])
def test_each(cell):
    cell.forward(helper(2))

def test_loop():
    for cell in (rnn, gru):
        cell.backward(1)

class TestGroup:
    @pytest.mark.equation("eq-inside")
    def test_inside(self):
        """Uses nothing."""

@pytest.mark.equation("eq-no-test")
def not_a_test(): rnn.init
'''


def example(tmp_path):
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_example.py").write_text(EXAMPLE, "utf-8")
    found = evidence.read(tmp_path / "tests")
    return found, lambda tests: [test.name for test in tests]


def test_marks_are_read_from_test_functions_alone(tmp_path):
    found, names = example(tmp_path)
    assert {k: names(v) for k, v in found.equations.items() if k != "eq-module"} == {
        "eq-one": ["test_marked"],
        "eq-two": ["test_marked"],
        "eq-inside": ["test_inside"],
    }
    assert names(found.equations["eq-module"]) == [
        "test_marked", "test_each", "test_loop", "test_inside",
    ]  # fmt: skip
    assert str(found.equations["eq-one"][0]) == "test_example.py::test_marked"


def test_uses_are_followed_through_imports_parameters_loops_and_helpers(tmp_path):
    found, names = example(tmp_path)
    assert {k: names(v) for k, v in found.objects.items() if k.count(".") == 2} == {
        "unrolled.rnn.step": ["test_marked"],
        "unrolled.functional.softmax": ["test_each"],
        "unrolled.rnn.forward": ["test_each"],
        "unrolled.gru.forward": ["test_each"],
        "unrolled.rnn.backward": ["test_loop"],
        "unrolled.gru.backward": ["test_loop"],
    }
