"""Which cells of a page run before one of them: read from the names in their texts."""

import importlib

import pytest

from tests.support import page_cells
from tests.support.paths import ROOT


@pytest.fixture(scope="module")
def dependencies():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "book/_live"))
        yield importlib.import_module("dependencies")


def before(dependencies, *texts):
    """The cells that the last of some texts needs."""
    needed = dependencies.Page(texts).before(len(texts) - 1)
    return sorted(needed.keys() - {len(texts) - 1})


def test_a_moved_knob_makes_no_new_page(dependencies):
    known = dependencies.page(["x = 1.5  # of it\ny = x", "y"])
    for literal in ("2", "-1e-3", '"a # b"', "'a'", "None", "(1, 0.5)"):
        assert dependencies.page([f"x = {literal}  # of it\ny = x", "y"]) is known
    for other in ("z", "-z", "z(1)", "[z, 1]", "1 + z", '"a" + z', "1 if z else 0"):
        page = dependencies.page([f"x = {other}  # of it\ny = x", "y"])
        assert page.reads[0] == {"z"}


RNG = "import numpy as np\nrng = np.random.default_rng(0)"


@pytest.mark.parametrize(
    ("texts", "needed"),
    [
        (["x = 1", "y = 2", "x"], [0]),
        (["x = 1", "y = x", "y"], [0, 1]),
        (["x = 1", "x = 2", "x"], [1]),  # bound anew
        (["x = 1", "if y:\n    x = 2", "x"], [0, 1]),  # perhaps
        (["x = 1", "if y:\n    x = 2\nelse:\n    x = 3", "x"], [1]),
        (["x = 1", "x += 1", "x"], [0, 1]),
        (["x = 1", "y = [x for x in range(3)]", "x"], [0]),
        # The target of a comprehension is no name of the page.
        (["x = 1", "[x.f() for x in y]"], []),
        (["x = 1", "z = [x.f(x) for x in y]"], []),
        (["x = 1", "z = {v: [x.f(x) for x in v] for v in y}"], []),
        (["x = 1", "[x.f() for x in y]", "x"], [0]),
        (["x = 1", "sorted(y, key=lambda a: x[a])"], [0]),
        (["y = 1", "print([x := y for _ in 'ab'])", "x"], [0, 1]),
        (["x = 1", "def f(x):\n    return x", "x"], [0]),
        (["x = 1", "x = 2\nx"], []),
        # A parameter `cell` is a module, and any other object may change.
        (["p = [1]", "def f(p, cell):\n    cell.step(p)", "f(p, 2)", "p"], [0]),
        (["p = [1]", "def f(p, box):\n    box.step(p)", "f(p, 2)", "p"], [0, 1, 2]),
        (["p = [1]", "def f(p):\n    p = p + [2]", "f(p)", "p"], [0]),
        (["t = 5", "for t in range(3):\n    print(t)"], []),
        (["a = 1", "for t in range(a):\n    s = t\ns"], [0]),
        (["with open('x') as f:\n    x = f", "x"], [0]),
        (["try:\n    x = 1\nexcept ValueError as e:\n    x = e", "x"], [0]),
        # Imports are names like others.
        (["import numpy as np", "import math", "np.pi"], [0]),
        (["import os.path", "os"], [0]),
        (["from x import *", "y"], [0]),
        # A function reads when it is called, what is bound by then.
        (["def f():\n    return x", "y = 1", "x = 1", "f()"], [0, 2]),
        (["def g():\n    return x", "x = 1", "def f():\n    return g()", "f()"], [0, 1, 2]),
        (["x = 1", "f = lambda: x", "f()"], [0, 1]),
        (["x = 1", "def f(y=x):\n    return y", "f()"], [0, 1]),
        (["x = 1", "class A:\n    y = x\n    def f(self):\n        return z", "A"], [0, 1]),
        # What changes an object is needed by those that read it.
        (["x = []", "x.append(1)", "x"], [0, 1]),
        (["x = {}", "x['a'] = 1", "x"], [0, 1]),
        (["x = {}", "x.items()", "x"], [0]),
        (["import numpy as np\nx = np.ones(3)", "np.put(x, 0, 1)", "x"], [0, 1]),
        (["x = y = 0", "z = f(out=x)", "x"], [0, 1]),
        (["x = [1]", "def f(v):\n    v[0] = 2", "f(x)", "x"], [0, 1, 2]),
        (["x = [1]", "def f(v):\n    return v[0]", "f(x)", "x"], [0]),
        (["x = 0", "def f():\n    global x\n    x = 1", "f()", "x"], [0, 1, 2]),
        (
            [
                "from unrolled.training import optimizers\np = 1",
                "optimizers.sgd(p, 1)",
                "p",
            ],
            [0, 1],
        ),
        # A generator of random numbers goes on whenever it is used.
        ([RNG, "x = rng.normal()", "y = 1", "rng.normal()"], [0, 1]),
        ([RNG, "x = init(rng, 3)", "rng.normal()"], [0, 1]),
        ([RNG, "def f():\n    return rng.normal()", "f()", "rng.normal()"], [0, 1, 2]),
        ([RNG, "x = f(lambda n: rng.normal(size=n))", "rng.normal()"], [0, 1]),
        ([RNG, "import math", "x = 1", "y = x"], [2]),
        # What cannot be read may use everything.
        (["x = 1", "y = 2", "globals()['x']"], [0, 1]),
        (["x = 1", "%timeit x", "z = 1", "z"], [2]),
        (["x = 1", "%timeit x", "x"], [0, 1]),
    ],
)  # fmt: skip
def test_a_cell_needs_those_whose_names_it_reads(dependencies, texts, needed):
    assert before(dependencies, *texts) == needed


class Reader:
    """A reader who runs cells of a page in any order."""

    def __init__(self, dependencies, *texts):
        self.texts = list(texts)
        self.names = {"__name__": "__main__"}
        self.order = dependencies.Order(self.names)

    def run(self, target):
        """Runs a cell as the page does; returns which cells ran."""
        plan = self.order.plan(self.texts, target)
        for cell in plan:
            try:
                exec(self.texts[cell], self.names)
            except Exception:
                self.order.ran(self.texts, cell, False)
                break
            self.order.ran(self.texts, cell, True)
        return plan


def test_a_cell_that_has_run_runs_again_only_when_it_must(dependencies):
    reader = Reader(dependencies, "x = 1", "y = x + 1", "z = y + 1", "other = 1")
    assert reader.run(2) == [0, 1, 2]
    assert reader.run(2) == [2]
    reader.texts[0] = "x = 5"
    assert reader.run(3) == [3]
    assert reader.run(2) == [0, 1, 2] and reader.names["z"] == 7
    reader.texts[1] = "y = x + 2"
    assert reader.run(2) == [1, 2] and reader.names["z"] == 8


def test_cells_in_any_order_find_what_a_run_from_the_top_leaves(dependencies):
    reader = Reader(dependencies, "x = 1", "y = x", "x = 2", "z = x")
    assert reader.run(3) == [2, 3]
    assert reader.run(1) == [0, 1] and reader.names["y"] == 1
    assert reader.run(3) == [2, 3] and reader.names["z"] == 2


def test_what_was_changed_twice_is_made_again(dependencies):
    reader = Reader(dependencies, "x = []", "x.append(1)", "n = len(x)")
    assert reader.run(2) == [0, 1, 2]
    assert reader.run(1) == [1]  # as in a notebook
    assert reader.run(2) == [0, 1, 2] and reader.names["n"] == 1


def test_a_generator_may_have_gone_on(dependencies):
    reader = Reader(
        dependencies,
        "import random\nrng = random.Random(0)",
        "x = rng.random()",
        "y = rng.random()",
    )
    assert reader.run(2) == [0, 1, 2]
    first = reader.names["y"]
    assert reader.run(2) == [2] and reader.names["y"] != first


def test_a_name_that_no_cell_gives_any_more_is_gone(dependencies):
    reader = Reader(dependencies, "x = 1", "y = x")
    assert reader.run(1) == [0, 1]
    reader.texts[0] = "other = 1"
    reader.run(1)
    assert "x" not in reader.names


def test_a_cell_that_raised_runs_again(dependencies):
    reader = Reader(dependencies, "x = 1\n1 / 0", "x")
    assert reader.run(1) == [0, 1] and reader.run(1) == [0, 1]
    reader.texts[0] = "x = 1"
    assert reader.run(1) == [0, 1] and reader.run(1) == [1]


def test_each_cell_of_a_page_runs_with_what_it_needs_alone(dependencies, capsys):
    texts = page_cells.cells("03-bptt/the-delta-recursion.md")
    shown = []
    names = {"__name__": "__main__"}
    for text in texts:
        exec(text, names)
        shown.append(capsys.readouterr().out)
    for index in range(len(texts)):
        plan = Reader(dependencies, *texts).run(index)
        assert capsys.readouterr().out == "".join(shown[cell] for cell in plan)
