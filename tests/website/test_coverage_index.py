"""What the marks say of the tests was measured, and nothing has changed since."""

import json
import os
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest

from book._ext.evidence import coverage_index, drawn, measure_evidence, value_assertions
from book._ext.source import drawn_cells
from tests.support.equation_labels import LABELS
from tests.support.paths import ROOT

DRAWN = {
    c.name
    for path in drawn_cells.chapters()
    for c in drawn_cells.drawn_cells(path.read_text("utf-8"))
}
of_the_record = pytest.mark.evidence
AGAIN = "changed since the tests were measured: `make evidence` measures again"


# --- the book's own record -----------------------------------------------------------------------


@of_the_record
def test_what_the_pages_show_has_not_changed_since_it_was_measured():
    assert coverage_index.read(ROOT).changed(DRAWN, LABELS) == [], AGAIN


@of_the_record
def test_a_test_executes_every_function_and_class_that_is_drawn():
    found = coverage_index.read(ROOT)
    assert [name for name in sorted(DRAWN) if not found.of_listing(name)] == []


@of_the_record
@pytest.mark.parametrize(
    "name", ["cells.peephole_lstm.backward", "cells.coupled_lstm.expand"]
)
def test_the_tests_of_the_interface_of_cells_are_shown(name):
    tests = coverage_index.read(ROOT).of_function(f"unrolled.{name}")
    interface = {
        test.name
        for test in tests
        if test.path == "tests/package/cells/test_cell_interface.py"
    }
    assert "test_backward_is_the_gradient_of_forward" in interface


@of_the_record
def test_the_record_is_small_and_has_a_line_for_each_test_and_function():
    text = (ROOT / coverage_index.RECORD).read_text("utf-8")
    record = json.loads(text)
    assert len(text) < 600_000 and measure_evidence.written(record) == text
    assert len(text.splitlines()) > len(record["tests"]) + len(record["functions"])


# --- a small project -----------------------------------------------------------------------------

PACKAGE = '''
from functools import partial
from typing import NamedTuple

class Weights(NamedTuple):
    """Two numbers."""
    a: int
    b: int

class Network:
    size = 3
    def run(self): return self.size

def init():
    return Weights(
        1, 2,
    )

def forward(x):
    """Returns x + 1."""
    def add(y):
        return y + 1
    return add(x)

@partial
def never(
    x=1,
):
    """Returns 2 x."""
    # a comment
    return 2 * x
'''
TESTS = """
import pytest
from unrolled import small

every = pytest.mark.parametrize("of", {"forward": small.forward}.values())

@every
@pytest.mark.equation("eq-a")
def test_each(of):
    assert of(1) == 2

@pytest.mark.equation("eq-b")
def test_names():
    assert small.never is not None
    small.init()

class TestGroup:
    def test_inside(self):
        assert small.forward(2) == 3
"""
EACH, NAMES, INSIDE = (
    coverage_index.Test("tests/test_small.py", name)
    for name in ("test_each", "test_names", "TestGroup::test_inside")
)


@pytest.fixture
def project(tmp_path):
    """A package, its tests, and what they execute, as if it had been measured."""
    write(tmp_path, "code/unrolled/small.py", PACKAGE)
    write(tmp_path, "tests/test_small.py", TESTS)
    name = "tests/test_small.py::{}".format
    each, names, inside = (
        name("test_each"),
        name("test_names"),
        name("TestGroup::test_inside"),
    )
    executed = {
        "unrolled.small.forward": {each, inside},
        "unrolled.small.init": {names},
        "unrolled.small.Weights": {names},
        "unrolled.small.Network": {inside},
    }
    record(
        tmp_path,
        measure_evidence.record_of(
            tmp_path, executed, {each: ["eq-a"], names: ["eq-b"]}
        ),
    )
    return tmp_path


def write(root, name, text):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")


def record(root, found):
    write(root, coverage_index.RECORD, measure_evidence.written(found))


def changed(root, functions=("unrolled.small.forward",), labels=()):
    return coverage_index.read(root).changed(functions, labels)


def test_nothing_has_changed_at_first_nor_by_comments_docstrings_and_layout(project):
    assert changed(project) == []
    text = PACKAGE.replace("Returns x + 1.", "Another sentence.")
    text = text.replace("return add(x)", "# a comment\n\n    return add( x )")
    write(project, "code/unrolled/small.py", text)
    tests = TESTS.replace("assert of(1)", "# why\n    assert (of(1))")
    write(project, "tests/test_small.py", tests)
    assert changed(project, labels=["eq-a", "eq-b"]) == []


@pytest.mark.parametrize(
    ("file", "before", "after", "expected"),
    [
        ("code/unrolled/small.py", "y + 1", "y + 2", ["unrolled.small.forward"]),
        (
            "code/unrolled/small.py",
            "def forward",
            "def backward",
            ["unrolled.small.forward"],
        ),
        ("code/unrolled/small.py", "2 * x", "3 * x", []),  # not drawn
        ("tests/test_small.py", "== 2", "== 3", ["tests/test_small.py::test_each"]),
        (
            "tests/test_small.py",
            "== 3",
            "> 3",
            ["tests/test_small.py::TestGroup::test_inside"],
        ),
        ("tests/test_small.py", "_each(", "_all(", ["tests/test_small.py::test_each"]),
        (
            "tests/test_small.py",
            '"eq-b"',
            '"eq-c"',
            ["tests/test_small.py::test_names"],
        ),
        ("tests/test_small.py", "class", "def test_new(): pass\n\nclass", []),
    ],
)
def test_a_function_and_a_test_that_changed_are_named(
    project, file, before, after, expected
):
    text = {"tests/test_small.py": TESTS}.get(file, PACKAGE)
    write(project, file, text.replace(before, after))
    assert changed(project, labels=["eq-b"]) == expected
    mark = coverage_index.read(project).mark("unrolled.small.forward")
    assert mark.is_changed == bool(expected and "names" not in expected[0])


def test_a_module_has_the_tests_and_the_changes_of_all_that_it_defines(project):
    found = coverage_index.read(project)
    assert found.of_listing("unrolled.small") == [NAMES, INSIDE, EACH]
    assert found.of_listing("unrolled.small.init") == [NAMES]
    assert changed(project, ["unrolled.small"]) == []
    write(project, "code/unrolled/small.py", PACKAGE.replace("y + 1", "y + 2"))
    assert "unrolled.small.forward" in changed(project, ["unrolled.small"])
    assert coverage_index.read(project).mark("unrolled.small").is_changed


def test_a_file_that_is_gone_has_changed(project):
    (project / "tests/test_small.py").unlink()
    assert [name.rpartition("::")[2] for name in changed(project)] == [
        "test_inside",
        "test_each",
    ]


def test_a_function_that_is_newer_than_the_record_has_no_tests(project):
    mark = coverage_index.read(project).mark("unrolled.small.written_since")
    assert mark.tests == [] and not mark.is_changed


def test_the_most_specific_tests_come_first(project):
    assert coverage_index.read(project).of_function("unrolled.small.forward") == [
        EACH,
        INSIDE,
    ]


def test_without_a_record_nothing_is_executed(tmp_path):
    found = coverage_index.read(tmp_path)
    assert (
        found.of_function("unrolled.cells.rnn.step") == []
        and found.changed(DRAWN, LABELS) == []
    )
    assert found.why_none("eq-a") == "; `make evidence` measures it"


def test_a_test_of_an_equation_asserts_values(project):
    found = coverage_index.read(project)
    assert found.of_equation("eq-a") == [EACH] and found.of_equation("eq-b") == []
    assert found.why_none("eq-b") == (
        " that counts: test_small.py::test_names asserts nothing of a value"
    )


# --- the mark ------------------------------------------------------------------------------------


def said(mark):
    builder = SimpleNamespace(get_relative_uri=lambda _, to: f"{to}.html")
    found = drawn.executed_by(SimpleNamespace(builder=builder), "book/page", mark)
    return " ".join(node.astext().replace("\n\n", " ") for node in found)


def test_a_mark_names_eight_tests_and_counts_the_others():
    tests = [coverage_index.Test("tests/test_a.py", f"test_{k}") for k in range(31)]
    text = said(coverage_index.Mark(tests, False, None))
    assert "<summary>Executed by 31 tests</summary>" in text
    assert "test_a.py::test_7 and 23 more" in text and "test_8" not in text
    one = said(coverage_index.Mark(tests[:1], False, None))
    assert "Executed by 1 test<" in one and "more" not in one
    assert "more" not in said(coverage_index.Mark(tests[:8], False, None))


def test_a_mark_says_what_mutants_were_caught_and_that_it_has_changed():
    tests = [EACH]
    text = said(
        coverage_index.Mark(tests, True, {"mutants": 4, "caught": 3, "equivalent": 1})
    )
    assert (
        "Executed by 1 test; 3 of 3 mutants of it caught by the tests; changed since"
        in text
    )
    assert 'class="checked-by changed"' in text
    none = said(
        coverage_index.Mark(tests, False, {"mutants": 1, "caught": 0, "equivalent": 1})
    )
    assert "mutant" not in none and "changed" not in none


def test_mutants_are_those_of_the_record(project):
    assert coverage_index.read(project).mark("unrolled.small.init").mutants is None
    functions = {"unrolled.small.init": {"mutants": 2, "caught": 2, "equivalent": 0}}
    write(
        project,
        coverage_index.MUTATION,
        json.dumps({"results": {"functions": functions}}),
    )
    assert (
        coverage_index.read(project).mark("unrolled.small.init").mutants["caught"] == 2
    )


# --- the measurement -----------------------------------------------------------------------------


def test_whole_numbers_are_packed_and_unpacked():
    assert coverage_index.packed([7, 0, 1, 2, 3, 10, 11]) == "0-3 7 10-11"
    assert coverage_index.unpacked("0-3 7 10-11") == [0, 1, 2, 3, 7, 10, 11]
    assert coverage_index.packed([]) == "" and coverage_index.unpacked("") == []


def test_the_lines_of_a_function_are_those_of_its_body_and_not_its_definition():
    lines = PACKAGE.splitlines()
    shown = {
        name: [lines[number - 1].strip() for number in sorted(of)]
        for name, of in measure_evidence.regions(PACKAGE).items()
    }
    assert shown["never"] == ['"""Returns 2 x."""', "# a comment", "return 2 * x"]
    assert (
        shown["forward.add"] == ["return y + 1"] and "return y + 1" in shown["forward"]
    )
    assert (
        shown["Network"] == shown["Network.run"] == ["def run(self): return self.size"]
    )
    assert shown["Weights"] == ["return Weights("]


@pytest.mark.slow
def test_what_tests_execute_is_measured_and_only_what_changed_again(tmp_path):
    root = tmp_path
    package = root / "code/unrolled"
    package.mkdir(parents=True)
    for name in ("__init__", "records", "dependencies", "files", "installed"):
        shutil.copy(ROOT / f"code/unrolled/{name}.py", package)
    (root / "pyproject.toml").write_text(
        "[tool.pytest.ini_options]\ntestpaths = ['tests']\n"
        "markers = ['equation(*labels): a', 'site: b', 'browser: c']\n"
    )
    write(root, "code/unrolled/small.py", PACKAGE)
    write(root, "tests/test_small.py", TESTS)
    write(
        root,
        "tests/test_other.py",
        "from unrolled import small\n"
        "def test_weights(): assert small.Weights(3, 4).a == 3\n"
        "def test_run(): assert small.Network().run() == 3\n",
    )
    assert "2 passed" not in measure(root)
    found = coverage_index.read(root)
    small = {
        name: found.of_function(f"unrolled.small.{name}")
        for name in ("forward", "forward.add", "init", "Weights", "Network", "never")
    }
    run = coverage_index.Test("tests/test_other.py", "test_run")
    assert small == {
        "forward": [INSIDE, EACH],
        "forward.add": [INSIDE, EACH],
        "init": [NAMES],
        "Weights": [NAMES],
        "Network": [run],
        "never": [],
    }
    assert found.equations == {"eq-a": [EACH], "eq-b": [NAMES]}
    assert "Nothing" in measure(root)

    # a function changes: the file runs whose tests executed it, and a new file
    write(
        root,
        "code/unrolled/small.py",
        PACKAGE.replace("self.size\n", "self.size + 0\n"),
    )
    write(
        root,
        "tests/test_new.py",
        "from unrolled import small\ndef test_a(): small.init()\n",
    )
    assert changed(root, ["unrolled.small.Network"]) == ["unrolled.small.Network"]
    assert "3 passed" in measure(root)
    again, new = (
        coverage_index.read(root),
        coverage_index.Test("tests/test_new.py", "test_a"),
    )
    assert again.of_function("unrolled.small.init") == [new, NAMES]
    assert again.of_function("unrolled.small.forward") == [INSIDE, EACH]
    assert changed(root, ["unrolled.small.Network"]) == []

    # a test that fails leaves the record; a file that is gone takes its tests along
    before = (root / coverage_index.RECORD).read_text("utf-8")
    write(root, "tests/test_new.py", "def test_a(): assert False\n")
    assert "results/evidence.json stays as it was: the tests did not pass" in measure(
        root, 1
    )
    assert "stays as it was: no test ran" in measure(root, 1, "--help")
    assert (root / coverage_index.RECORD).read_text("utf-8") == before
    (root / "tests/test_new.py").unlink()
    measure(root)
    assert coverage_index.read(root).of_function("unrolled.small.init") == [NAMES]


def measure(root, status=0, *options):
    """Runs the measurement in a process of its own; returns what it says."""
    script = (
        "import sys, pathlib\nfrom book._ext.evidence import measure_evidence\n"
        "sys.exit(measure_evidence.main(sys.argv[1:], pathlib.Path.cwd()))"
    )
    path = os.pathsep.join(map(str, [root / "code", ROOT]))
    done = subprocess.run(
        [sys.executable, "-c", script, *options],
        cwd=root,
        capture_output=True,
        text=True,
        env={
            k: v
            for k, v in os.environ.items()
            if not k.startswith(("COV", "PYTEST", "ALL"))
        }
        | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
    )
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


# --- what asserts on values ----------------------------------------------------------------------

HELPERS = (
    "import numpy as np\n\ndef close(a, b):\n    np.testing.assert_allclose(a, b)\n"
)


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("f(1)", False),
        ("assert True", False),
        ("assert 1 + 1 == 2", False),
        ("assert h.shape == (3, 4)", False),
        ("assert h.dtype == np.float32 and len(h) == 3", False),
        ("assert isinstance(h, int)\n    assert h is not None", False),
        ("assert all(a.shape == b.shape for a, b in h)", False),
        ("assert type(h) is tuple and [a.shape for a in h] == [(1, 2)]", False),
        ("with pytest.raises(ValueError):\n        assert f(1) == 2", False),
        (
            "with pytest.raises(AssertionError):\n        gradcheck.check(f, 1, 2)",
            False,
        ),
        ("np.testing.assert_raises(ValueError, f)", False),
        ("shapes(h)", False),
        ("assert h == 3", True),
        ("assert h.shape == (3,) and np.allclose(h, 1)", True),
        ("assert not (h - 1).any()", True),
        ("np.testing.assert_array_equal(h, 1)", True),
        ("for a in h:\n        assert abs(a) < 1e-9", True),
        ("gradcheck.check(f, 1, 2)", True),
        ("close(h, 1)", True),
        ("outer(h)", True),
        ("tree.map(close, h, h)", True),
        ("inner(1)", False),
    ],
)
def test_an_assertion_on_a_value_is_told_from_one_on_a_shape(tmp_path, body, expected):
    write(tmp_path, "tests/helpers.py", HELPERS)
    shutil.copytree(
        ROOT / "code/unrolled",
        tmp_path / "code/unrolled",
        ignore=lambda _, names: (
            {n for n in names if n.endswith(".py")} - {"gradcheck.py"}
        ),
    )
    write(
        tmp_path,
        "tests/test_a.py",
        (
            "import numpy as np\nimport pytest\nfrom tests.helpers import close\n"
            "from unrolled.gradients import gradcheck\n\ndef outer(a):\n    close(a, 1)\n\n"
            "def shapes(a):\n    assert a.shape == (1,)\n\n"
            f"def inner(a):\n    inner(a)\n\ndef test_it(h):\n    {body}\n"
        ),
    )
    assert (
        value_assertions.asserts_values(tmp_path, "tests/test_a.py", "test_it")
        is expected
    )


@pytest.mark.parametrize("expected", [True, False])
def test_a_fixture_may_hold_the_assertion(tmp_path, expected):
    asserted = "a < 1" if expected else "len(a) == 1"
    fixture = (
        f"def judge():\n    def say(a):\n        assert {asserted}\n    return say\n"
    )
    write(tmp_path, "tests/conftest.py", fixture)
    write(tmp_path, "tests/test_a.py", "def test_it(judge):\n    judge(2)\n")
    found = value_assertions.asserts_values(tmp_path, "tests/test_a.py", "test_it")
    assert found is expected
