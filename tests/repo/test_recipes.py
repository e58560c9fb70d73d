"""The recipes of CONTRIBUTING.md, followed in a copy: after each step one line names the next."""

import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.support.paths import ROOT

MACHINE = ("pyproject.toml", "code", "book/_ext", "tests/conftest.py", "tests/support")
FAILED = re.compile(r"^(?:FAILED|ERROR) (.*)$", re.MULTILINE)

pytestmark = pytest.mark.slow


def recipe(title):
    """Returns a recipe of CONTRIBUTING.md as text."""
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    (found,) = re.findall(
        rf"^### {title}\n\n(.*?)(?=\n#|\Z)", text, re.DOTALL | re.MULTILINE
    )
    return found


class Copy:
    """A part of the tree, in a folder of its own, where a recipe is followed."""

    def __init__(self, folder, title, names, *paths):
        """Copies the paths; ``names`` stand in the recipe for those of the example."""
        self.folder, self.recipe, self.names = folder, recipe(title), names
        skipped = shutil.ignore_patterns("__pycache__")
        for path in (*MACHINE, *paths):
            to = folder / path
            to.parent.mkdir(parents=True, exist_ok=True)
            if (ROOT / path).is_dir():
                shutil.copytree(ROOT / path, to, ignore=skipped)
            else:
                shutil.copy(ROOT / path, to)

    def write(self, path, text):
        """Writes a file that the recipe names."""
        named = path
        for name, stands_for in self.names.items():
            named = re.sub(rf"\b{name}\b|(?<=_){name}\b", stands_for, named)
        assert f"`{named}`" in self.recipe, f"the recipe does not name {named}"
        (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / path).write_text(text, "utf-8")

    def replace(self, path, before, after):
        """Changes one place of a file that the recipe names."""
        text = (self.folder / path).read_text("utf-8")
        assert text.count(before) == 1, f"{before} in {path}"
        self.write(path, text.replace(before, after))

    def run(self, *arguments):
        """Returns what python -m says, with its status."""
        path = [self.folder / "code", self.folder]
        environment = {
            k: v for k, v in os.environ.items() if not k.startswith(("COV", "PYTEST"))
        }
        return subprocess.run(
            [sys.executable, "-m", *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            env=environment
            | {
                "PYTHONPATH": os.pathsep.join(map(str, path)),
                "PYTHONDONTWRITEBYTECODE": "1",
                "COLUMNS": "1000",
            },
        )

    def red(self, *tests):
        """Returns the lines of the tests that fail."""
        done = self.run("pytest", "-q", "-n", "0", "-p", "no:cacheprovider", *tests)
        assert done.returncode in (0, 1, 2), done.stdout + done.stderr
        found = FAILED.findall(done.stdout)
        assert bool(found) == bool(done.returncode), done.stdout + done.stderr
        return found

    def next_step(self, *tests):
        """Returns the line of the one test that fails."""
        (found,) = self.red(*tests)
        return found


@pytest.mark.parametrize(
    "thing", ["cell", "chapter", "claim", "experiment", "check of the site"]
)
def test_a_recipe_has_ten_lines_at_most(thing):
    assert 1 <= len(recipe(f"To add a[n]? {thing}").splitlines()) <= 10


# --- a cell --------------------------------------------------------------------------------------

CELL = '''"""The GRU without a reset gate."""

from typing import Any, NamedTuple

import numpy as np

from unrolled.arguments import fields, names_arguments, vectors_or_ids
from unrolled.cells import rnn
from unrolled.functional import (
    check_sequence,
    check_state,
    dproject,
    dsigmoid,
    dtanh,
    project,
    sigmoid,
)

Array = Any


class Params(NamedTuple):
    """Weights; gradients are a Params too."""

    W_x: Array  # (D, 2H), blocks z, h
    W_h: Array  # (H, 2H)
    b: Array  # (2H,)


class Cache(NamedTuple):
    """What backward needs from forward."""

    x: Array
    h_previous: Array
    z: Array
    candidate: Array
    h: Array


WEIGHTS = fields(Params, W_x="D 2H", W_h="H 2H", b="2H")
CACHE = fields(Cache, h_previous="T B H", z="T B H", candidate="T B H", h="T B H")


def init(rng, D, H, dtype=np.float64, input_scale=None):
    """Returns random Params: each block as in ``rnn.init``."""
    blocks = [rnn.init(rng, D, H, dtype, input_scale) for _ in "zh"]
    return Params(*(np.concatenate(parts, axis=-1) for parts in zip(*blocks)))


def initial_state(p, *batch):
    """Returns the state before the first step: zeros."""
    return (np.zeros((*batch, len(p.W_h)), p.W_h.dtype),)


@names_arguments(p=WEIGHTS, h="... H", x_t=vectors_or_ids("...", "D"))
def step(p, x_t, h):
    """Returns the state after input x_t."""
    z, candidate = np.split(project(x_t, p.W_x) + h @ p.W_h + p.b, 2, axis=-1)
    z = sigmoid(z)
    return z * h + (1 - z) * np.tanh(candidate)


@names_arguments(p=WEIGHTS)
def forward(p, x, h0=None):
    """Runs the network over sequences; arguments and results as in ``rnn.forward``."""
    T, B = check_sequence(x, len(p.W_x))
    H = len(p.W_h)
    a = project(x, p.W_x) + p.b
    h = np.empty((T + 1, B, H), a.dtype)
    h[0] = 0 if h0 is None else check_state("h0", h0, B, H)
    z, candidate = np.split(a, 2, axis=-1)
    for t in range(T):
        a[t] += h[t] @ p.W_h
        z[t] = sigmoid(z[t])
        candidate[t] = np.tanh(candidate[t])
        h[t + 1] = z[t] * h[t] + (1 - z[t]) * candidate[t]
    return h[1:], Cache(x, h[:-1], z, candidate, h[1:])
'''
BACKWARD = '''

@names_arguments(p=WEIGHTS, cache=CACHE, dh="T B H")
def backward(p, cache, dh):
    """Full backpropagation through time; see ``rnn.backward``."""
    x, h_previous, z, candidate, _ = cache
    T, B, H = dh.shape
    da = np.empty((T, B, 2 * H), dh.dtype)
    da_z, da_h = np.split(da, 2, axis=-1)
    dh_next = np.zeros((B, H), dh.dtype)
    for t in reversed(range(T)):
        dh_t = dh[t] + dh_next
        da_z[t] = dsigmoid(z[t], dh_t * (h_previous[t] - candidate[t]))
        da_h[t] = dtanh(candidate[t], dh_t * (1 - z[t]))
        dh_next = dh_t * z[t] + da[t] @ p.W_h.T
    dx, dW_x = dproject(x, p.W_x, da)
    dW_h = h_previous.reshape(-1, H).T @ da.reshape(-1, 2 * H)
    return Params(dW_x, dW_h, da.sum(axis=(0, 1))), dx, dh_next
'''
PLANTED = """PLANTED = [
    (
        "minimal: the gate passes no gradient on",
        "cells.minimal.backward",
        "dh_t * z[t] + da[t] @ p.W_h.T",
        "da[t] @ p.W_h.T",
        [(f"package.cells.test_cell_interface:{IS_GRADIENT}", minimal, 5, 3)],
    ),
"""
DIAGRAM = """

MINIMAL = Cell(
    (
        Node("x", "given", (0, -1.1), "$x_t$"),
        Node("h_before", "given", (0, 3.2), "$h_{t-1}$"),
        Node("joined", "join", (0.7, 0)),
        Node("z", "sigmoid gate", (3.05, 0.95), "$z_t$", "z"),
        Node("candidate", "tanh gate", (4.75, 0.95), r"$\\tilde h_t$", "h"),
        Node("kept", "multiply", (3.05, 3.2)),
        Node("rest", "one minus", (3.85, 2.1)),
        Node("written", "multiply", (4.75, 2.1)),
        Node("h", "add", (4.75, 3.2)),
        Node("h_after", "result", (5.8, 3.2), "$h_t$"),
    ),
    (
        Edge("x", "joined"),
        Edge("h_before", "joined"),
        Edge("joined", "z"),
        Edge("joined", "candidate"),
        Edge("z", "kept"),
        Edge("h_before", "kept"),
        Edge("z", "rest"),
        Edge("rest", "written"),
        Edge("candidate", "written"),
        Edge("kept", "h"),
        Edge("written", "h"),
        Edge("h", "h_after"),
    ),
    "zh",
    GRU.given,
    GRU.results,
)
"""


def test_the_recipe_for_a_cell_leads_from_step_to_step(tmp_path):
    copy = Copy(
        tmp_path,
        "To add a cell",
        {"minimal": "NAME"},
        *("CONTRIBUTING.md", "experiments"),
        *("tests/chapters", "tests/package", "tests/repo"),
    )
    cells, drawing = "tests/package/cells", "tests/package/drawing/test_cell_graph.py"
    tests = (
        cells,
        drawing,
        "tests/package/test_planted_errors.py",
        "tests/repo/test_architecture.py",
    )
    tests += ("-k", "minimal or test_registry or every_module or diagram or rooms")
    registry = "code/unrolled/cells/registry.py"
    module, errors = (
        "code/unrolled/cells/minimal.py",
        "tests/package/test_planted_errors.py",
    )
    line = '    "minimal": Cell(1),\n    "lstm": Cell('
    assert copy.red(*tests) == []

    copy.write(module, CELL)
    assert "no line in cells/registry.py" in copy.next_step(*tests)
    copy.replace(registry, '    "lstm": Cell(', line)
    assert f"write backward in {module}" in copy.next_step(*tests)
    copy.write(module, CELL + BACKWARD)
    assert "plant an error in a function of cells.minimal" in copy.next_step(*tests)
    copy.replace(errors, "PLANTED = [\n", PLANTED)
    copy.replace(
        errors,
        "    min_lstm,\n    mlstm,\n",
        "    min_lstm,\n    minimal,\n    mlstm,\n",
    )
    assert copy.red(*tests) == []
    copy.replace(registry, line, line.replace("Cell(1)", "Cell(1, diagram=True)"))
    assert "write MINIMAL in code/unrolled/drawing/cell_graph.py" in copy.next_step(
        *tests
    )
    drawn = "code/unrolled/drawing/cell_graph.py"
    copy.write(drawn, (ROOT / drawn).read_text("utf-8") + DIAGRAM)
    assert copy.red(*tests) == []

    # a gradient that is wrong is found by the tests of all cells
    copy.replace(module, "dh_t * z[t] + da[t]", "dh_t + da[t]")
    found = copy.red(*tests)
    assert any("test_backward_is_the_gradient_of_forward[" in each for each in found)


def test_the_recipe_for_a_cell_names_the_place_in_a_framework(tmp_path):
    copy = Copy(tmp_path, "To add a cell", {}, "tests/package")
    copy.replace(
        "code/unrolled/cells/registry.py",
        '"peephole_lstm": Cell(2, ("Keras",)',
        '"peephole_lstm": Cell(2, ("Keras", "Theano")',
    )
    tests = "tests/package/frameworks/test_theano_models.py", "-k", "has_its_step"
    assert "write peephole_lstm_step" in copy.next_step(*tests)


# --- a chapter -----------------------------------------------------------------------------------

HEADER = """---
description: "What is measured."
jupytext:
  text_representation: {extension: .md, format_name: myst, format_version: 0.13}
kernelspec: {display_name: Python 3, language: python, name: python3}
---

"""
TITLE = "(ch-minimal)=\n# A minimal chapter\n"
DRAWN = "\n```{code-cell} python3\n:drawn: unrolled.functional.softmax\n```\n"
EQUATION = "\n$$\np = 1\n$$ (eq-minimal)\n"
OF_SHAPES = """import numpy as np
import pytest

from unrolled.functional import softmax


@pytest.mark.equation("eq-minimal")
def test_a_single_choice_is_certain():
    assert softmax(np.ones((2, 1))).shape == (2, 1)
"""


def test_the_recipe_for_a_chapter_leads_from_step_to_step(tmp_path):
    copy = Copy(
        tmp_path,
        "To add a chapter",
        {"minimal": "NAME", "09-more": "NN-PART"},
        *("_toc.yml", "book/exercises", "tests/chapters/test_chapter_form.py"),
        *("tests/website/test_equations.py",),
    )
    (tmp_path / "results").mkdir()
    for module in (tmp_path / "code/unrolled/exercises").glob("*/*.py"):
        # The chapters whose sections the exercises name are not in the copy.
        text = re.sub(r"^SECTION = .*\n", "", module.read_text("utf-8"), flags=re.M)
        module.write_text(text, "utf-8")
    page, test = "book/09-more/minimal.md", "tests/chapters/test_minimal.py"
    tests = "tests/chapters", "tests/website/test_equations.py"
    assert copy.red(*tests) == []

    copy.write(page, TITLE)
    assert "it has no description" in copy.next_step(*tests)
    copy.write(page, HEADER + "# A minimal chapter\n")
    assert "write (ch-minimal)= and # Title" in copy.next_step(*tests)
    copy.write(page, HEADER + TITLE)
    assert "name book/09-more/minimal in _toc.yml" in copy.next_step(*tests)
    copy.replace(
        "_toc.yml",
        "parts:\n",
        "parts:\n  - caption: More\n    chapters:\n      - file: book/09-more/minimal\n",
    )
    assert copy.red(*tests) == []

    copy.write(page, HEADER + TITLE + DRAWN)
    draw = "book._ext.evidence.draw"
    check = copy.run(draw, "--check")
    assert check.returncode == 1
    assert (
        "minimal.md:11: unrolled.functional.softmax is not the tested text"
        in check.stdout
    )
    assert copy.run(draw).returncode == 0 == copy.run(draw, "--check").returncode
    drawn = (tmp_path / page).read_text("utf-8")
    assert "def softmax(" in drawn

    copy.write(page, drawn + EQUATION)
    assert "minimal.md: no test; `make evidence`" in copy.next_step(*tests)
    measure = "book._ext.evidence.measure_evidence"
    copy.write(test, OF_SHAPES)
    assert copy.run(measure).returncode == 0
    assert "asserts nothing of a value" in copy.next_step(*tests)
    copy.write(test, OF_SHAPES.replace(".shape == (2, 1)", ".tolist() == [[1], [1]]"))
    assert copy.run(measure).returncode == 0
    assert copy.red(*tests) == []


# --- an experiment -------------------------------------------------------------------------------

SCRIPT = '''"""Measures nothing much."""

from unrolled import records


def main():
    run = records.begin("minimal")
    path = records.write(run, {"loss": 1.5}, settings={}, seed=0)
    print(f"wrote {path}")


if __name__ == "__main__":
    main()
'''
READER = '''"""Reads a record."""

from unrolled import records


def witness(name):
    return [2.5]


def main():
    run = records.begin("a_reader")
    loss = records.load("minimal")["results"]["loss"]
    records.write(run, {"twice": 2 * loss}, settings={}, seed=0, witness=lambda: witness(""))


RECORDS = {"a_reader": main}
MINUTES = 1

if __name__ == "__main__":
    main()
'''


def test_the_recipe_for_an_experiment_leads_from_step_to_step(tmp_path):
    copy = Copy(
        tmp_path,
        "To add an experiment",
        {"minimal": "NAME", "a_reader": "NAME", "more": "ROOM"},
        *("experiments/__init__.py", "experiments/all.py", "experiments/attest.py"),
        "experiments/command_line.py",
        "tests/experiments/test_results.py",
    )
    (tmp_path / "results").mkdir()
    script = "experiments/more/minimal.py"
    # those of a changed package read all of it, and no script
    tests = (
        "tests/experiments/test_results.py",
        "-k",
        "not no_record_stale and not constant",
    )
    assert "`results/NAME.json`" in copy.recipe
    assert copy.red(*tests) == []

    copy.write(script, SCRIPT)
    done = copy.run("experiments.more.minimal")
    assert "no script in experiments/ has 'minimal' in its RECORDS" in done.stderr
    records = 'RECORDS = {"minimal": main}\nMINUTES = 1\n\n\nif __name__'
    copy.replace(script, "if __name__", records)
    assert "run python -m experiments.more.minimal" in copy.next_step(*tests)
    assert "minimal: missing (1 min)" in copy.run("experiments.all", "--list").stdout
    assert copy.run("experiments.more.minimal").returncode == 0
    assert "give records.write of experiments.more.minimal a witness" in copy.next_step(
        *tests
    )
    copy.replace(
        script, "def main", "def witness(name):\n    return [1.5]\n\n\ndef main"
    )
    copy.replace(script, "seed=0)", 'seed=0, witness=lambda: witness("minimal"))')
    assert copy.run("experiments.all").returncode == 0
    assert copy.red(*tests) == []

    # one that reads the first, and stands before it in the alphabet
    reader = "experiments/more/a_reader.py"
    copy.write(reader, READER)
    assert copy.run("experiments.more.a_reader").returncode == 0
    assert "name minimal in BUILDS_ON of experiments.more.a_reader" in copy.next_step(
        *tests
    )
    builds_on = 'RECORDS = {"a_reader": main}\nBUILDS_ON = ("minimal",)'
    copy.replace(reader, 'RECORDS = {"a_reader": main}', builds_on)
    assert copy.red(*tests) == []
    listed = copy.run("experiments.all", "--list").stdout.splitlines()
    assert listed[:2] == [
        "minimal: up to date (1 min)",
        "a_reader: up to date (1 min)",
    ]

    # a second record of one script
    copy.replace(script, '{"minimal": main}', '{"minimal": main, "less": main}')
    found = copy.red(*tests)
    assert any("say in ARGUMENTS" in each for each in found)


# --- a check of the site -------------------------------------------------------------------------

CHECK = """def test_no_line_is_drawn(visit):
    return visit.page.locator("hr").count()


"""
FAULT = '@check(ruled="<hr>")\n'
SITE = '''"""A site of two pages stands in for the book."""

import pytest

PAGE = (
    '<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>t</title>'
    "<main><h1>t</h1>BODY</main></html>"
)


@pytest.fixture(scope="session")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    for name in "ab":
        (folder / f"{name}.html").write_text(PAGE)
    return folder
'''


@pytest.mark.browser
def test_the_recipe_for_a_check_leads_from_step_to_step(tmp_path, browser):
    copy = Copy(
        tmp_path,
        "To add a check of the site",
        {},
        *("tests/website/test_site.py", "package-lock.json"),
    )
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    file = "tests/website/test_site.py"
    tests = file, "-k", "each_check or line_is_drawn"
    stand_in = tmp_path / "tests/website/conftest.py"
    stand_in.write_text(SITE.replace("BODY", "<p>Calm.</p>"))
    before = "def test_every_page_is_light"
    assert copy.red(*tests) == []

    copy.replace(file, before, f"@check()\n{CHECK}{before}")
    assert "the body of a page that has the fault" in copy.next_step(*tests)
    copy.replace(file, "@check()\n", FAULT.replace("hr", "br"))
    assert (
        "test_each_check_finds_its_fault_and_no_other[test_no_line_is_drawn]"
        in copy.next_step(*tests)
    )
    copy.replace(file, FAULT.replace("hr", "br"), FAULT)
    assert copy.red(*tests) == []
    stand_in.write_text(SITE.replace("BODY", "<hr>"))
    assert all("test_no_line_is_drawn" in each for each in copy.red(*tests))
