"""What a record rests on: exactly what its script can reach, and nothing that cannot matter."""

import graphlib

import pytest

from unrolled import dependencies

MODULES = {
    "code/unrolled/__init__.py": "",
    "code/unrolled/rate.py": "import math\nRATE: float = 0.1\nOTHER = 5\n",
    "code/unrolled/cell.py": (
        "import numpy as np\n\nfrom unrolled import checks, rate\n\n\n"
        "def forward(p, x):\n"
        '    """Returns the states."""\n'
        "    checks.check(x)\n"
        "    if len(p) != 2:\n        raise ValueError('two, please')\n"
        "    return np.tanh(p @ x) * rate.RATE\n\n\n"
        "def backward(p, dy):\n    return p * dy\n\n\n"
        "def step(p, x):\n    return forward(p, x)\n"
    ),
    "code/unrolled/gated.py": "def forward(p, x):\n    return p * x\n",
    "code/unrolled/checks.py": (
        "def check(x):\n    if x is None:\n        raise ValueError(message(x))\n\n\n"
        "def message(x):\n    return f'{x} is nothing'\n"
    ),
    "code/unrolled/quiet.py": "import os\n\nos.environ['LEVEL'] = '2'\n",
    "code/unrolled/model.py": (
        "from unrolled import cell\n\n\n"
        "class Params:\n    def size(self):\n        return 1\n\n\n"
        "def loss(p, x, of=cell):\n    return of.forward(p, x).sum() + len(Params().steps)\n"
    ),
    "code/unrolled/records.py": "def begin(name):\n    return name\n",
    "experiments/__init__.py": "",
    "experiments/one.py": (
        "from unrolled import gated, model, quiet, records\n"
        "from unrolled.cell import step as go\n\nSEED = 0\n"
        "RECORDS = {'plain': main, 'gated': (main, gated), 'steps': lambda: go(SEED, 1)}\n"
        "\n\ndef main(of=None):\n    records.begin('x')\n    return model.loss(SEED, 1)\n\n\n"
        "if __name__ == '__main__':\n    main()\n"
    ),
    "experiments/worker.py": "def serve():\n    return 1\n",
    "experiments/bench.py": (
        "RECORDS = {'bench': run}\n\n\ndef run():\n    return 'experiments.worker'\n"
    ),
}


@pytest.fixture
def house(tmp_path):
    def read(changes=()):
        sources = dict(MODULES)
        for path, before, after in changes:
            assert before in sources[path]
            sources[path] = sources[path].replace(before, after)
        for path, source in sources.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(source)
        return dependencies.read(tmp_path)

    return read


def test_a_record_rests_on_what_its_script_reaches_by_name(house):
    assert set(house().rests_on("steps")) == {
        "experiments.one.RECORDS",
        "experiments.one.SEED",
        "unrolled.cell.forward",
        "unrolled.cell.step",
        "unrolled.quiet.(import)",
        "unrolled.rate.RATE",
    }


def test_a_module_passed_as_a_value_gives_what_is_called_of_it(house):
    found = house().rests_on("gated")
    assert {"unrolled.cell.forward", "unrolled.gated.forward"} <= set(found)
    assert not {"unrolled.cell.backward", "unrolled.cell.step"} & set(found)


def test_only_modules_that_a_run_entered_give_anything(house):
    entered = ["gated", "model"]
    found = house().rests_on("gated", entered)
    assert "unrolled.gated.forward" in found and "unrolled.cell.forward" not in found


def test_a_module_named_in_a_string_counts_whole(house):
    assert "experiments.worker.serve" in house().rests_on("bench")


def test_what_keeps_a_result_is_no_part_of_it(house):
    assert not any("records" in name for name in house().rests_on("plain"))


def test_a_record_that_nobody_makes_is_named(house):
    with pytest.raises(
        dependencies.NoScript, match="no script .* has 'other' in its RECORDS"
    ):
        house().rests_on("other")


CELL, RATE, CHECKS = (
    "code/unrolled/cell.py",
    "code/unrolled/rate.py",
    "code/unrolled/checks.py",
)
QUIET, ONE, MODEL = (
    "code/unrolled/quiet.py",
    "experiments/one.py",
    "code/unrolled/model.py",
)


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        (CELL, "two, please", "two rows of weights"),
        (CELL, "len(p) != 2", "len(p) not in (2, 3)"),
        (
            CELL,
            "    return np",
            "    if x is None:\n        raise TypeError\n    return np",
        ),
        (
            CELL,
            "    return np.tanh",
            "    for w in p:\n        assert w\n    return np.tanh",
        ),
        (CELL, "    checks.check(x)\n", ""),
        (
            CELL,
            "p, x):\n    return forward",
            "p: int, x) -> int:  # why\n    return forward",
        ),
        (CELL, "Returns the states.", "Returns all states."),
        (CELL, "return p * dy", "return p"),
        (
            CELL,
            "import numpy as np\n\nfrom unrolled import checks, rate",
            "import numpy as np\n"
            "from unrolled import checks\nfrom unrolled import rate",
        ),
        (
            ONE,
            "    return model.loss(SEED, 1)",
            "    with records.begin(SEED + 1), records.begin('y'):\n"
            "        return model.loss(SEED, 1)",
        ),
        (CHECKS, "is nothing", "is None"),
        (CHECKS, "if x is None", "if x is None or x != x"),
        (RATE, "OTHER = 5", "OTHER = 6"),
        (RATE, "RATE: float", "RATE"),
        (ONE, "__main__':\n    main()", "__main__':\n    print(main())"),
        (MODEL, "def loss", "def unused():\n    return 1\n\n\ndef loss"),
    ],
)
def test_what_cannot_change_a_result_changes_nothing(house, path, before, after):
    assert house().rests_on("plain") == house([(path, before, after)]).rests_on("plain")


@pytest.mark.parametrize(
    ("path", "before", "after", "changed"),
    [
        (CELL, "np.tanh", "np.sin", "unrolled.cell.forward"),
        (CELL, "import numpy as np", "import jax.numpy as np", "unrolled.cell.forward"),
        (RATE, "0.1", "0.2", "unrolled.rate.RATE"),
        (QUIET, "'2'", "'3'", "unrolled.quiet.(import)"),
        (MODEL, "return 1", "return 2", "unrolled.model.Params"),
        (MODEL, "p, x, of=cell", "p, x, of=None", "unrolled.model.loss"),
        (ONE, "SEED = 0", "SEED = 1", "experiments.one.SEED"),
        (ONE, "'plain': main", "'plain': (main, 1)", "experiments.one.RECORDS"),
        (
            ONE,
            "    return model.loss(SEED, 1)",
            "    with records.begin(1) as one:\n        return model.loss(SEED, one)",
            "experiments.one.main",
        ),
        (
            ONE,
            "    return model.loss(SEED, 1)",
            "    with records.begin(1), model.Params():\n"
            "        return model.loss(SEED, 1)",
            "experiments.one.main",
        ),
        (CELL, "raise ValueError('two, please')", "p = p[:2]", "unrolled.cell.forward"),
        (CHECKS, "raise ValueError(message(x))", "x.clear()", "unrolled.cell.forward"),
    ],
)
def test_what_can_change_a_result_is_named(house, path, before, after, changed):
    old, new = (
        house().rests_on("plain"),
        house([(path, before, after)]).rests_on("plain"),
    )
    assert changed in dependencies.compared(old, new)


NAMED = """
from unrolled.arguments import names_arguments, weights
from functools import cache

WEIGHTS = weights(2)

@names_arguments
def step(x):
    return x

RECORDS = {"steps": step}
"""
ARGUMENTS = """
def names_arguments(function=None, **checks):
    return lambda *given: function(*given)

def weights(size):
    return size
"""


@pytest.mark.parametrize(
    ("decorator", "changes"),
    [
        ("", False),
        ("@names_arguments()", False),
        ("@names_arguments(x=WEIGHTS)", False),
        ("@cache", True),
        ("@cache\n@names_arguments", True),
        ("@weights", True),
    ],
)
def test_a_decorator_that_only_rewords_errors_changes_nothing(decorator, changes):
    def rests_on(text):
        sources = {"unrolled.arguments": ARGUMENTS, "experiments.steps": text}
        return dependencies.House(sources).rests_on("steps")

    before = rests_on(NAMED)
    assert set(before) == {"experiments.steps.RECORDS", "experiments.steps.step"}
    after = rests_on(NAMED.replace("@names_arguments", decorator))
    assert (before != after) == changes


def test_a_walrus_in_a_guard_is_kept(house):
    change = (CELL, "if len(p) != 2", "if (p := p + 1) is None")
    assert dependencies.compared(
        house().rests_on("plain"), house([change]).rests_on("plain")
    )


def test_a_guard_that_calls_itself_comes_to_an_end(house):
    change = (CHECKS, "        raise ValueError(message(x))", "        check(x)")
    assert "unrolled.checks.check" in house([change]).rests_on("plain")


def test_a_module_may_move(house, tmp_path):
    before = house().rests_on("plain")
    (tmp_path / "code/unrolled/cells").mkdir()
    for name, source in MODULES.items():
        (tmp_path / name).write_text(
            source.replace(
                "from unrolled import cell", "from unrolled.cells import plain as cell"
            ).replace("unrolled.cell ", "unrolled.cells.plain ")
        )
    (tmp_path / "code/unrolled/cell.py").rename(
        tmp_path / "code/unrolled/cells/plain.py"
    )
    after = dependencies.read(tmp_path).rests_on("plain")
    assert "unrolled.cells.plain.forward" in after
    unlike = dependencies.compared(before, after)
    assert unlike == ["unrolled.model.loss"], (
        "which names the cell that it takes by default"
    )


SCRIPT = """
def decode():
    return 1

def answer(decode=decode):
    return decode()

RECORDS = {"answers": answer, "shorter answers": lambda decode=decode: decode()}
"""


def test_a_default_of_the_same_name_as_its_argument_leads_to_what_it_names():
    house = dependencies.House({"experiments.answers": SCRIPT})
    for record in "answers", "shorter answers":
        assert "experiments.answers.decode" in house.rests_on(record)


QUIET = """
import os
os.environ.setdefault("ORDER", "0")
import library
"""


def test_what_a_module_does_counts_where_only_its_import_of_another_library_is_used():
    for script in (
        "from experiments.quiet import library\nRECORDS = {'sums': library.sum}",
        "def add():\n    from experiments.quiet import library\n    return library.sum()\n\n"
        "RECORDS = {'sums': add}",
    ):
        house = dependencies.House(
            {"experiments.quiet": QUIET, "experiments.sums": script}
        )
        assert "experiments.quiet.(import)" in house.rests_on("sums")


def test_how_and_when_a_record_is_made_is_what_scripts_say():
    house = dependencies.House(
        {
            "experiments.all_of_them": (
                "RECORDS = {'z': f}\nBUILDS_ON = ('*',)\nMINUTES = 5\nALONE = True"
            ),
            "experiments.late": "RECORDS = {'a': f}\nBUILDS_ON = ('small',)",
            "experiments.two": (
                "RECORDS = {'large': f, 'small': f}\nARGUMENTS = {'small': ('-s',)}\n"
                "MINUTES = {'large': 20, 'small': 2}"
            ),
        }
    )
    makings = house.makings()
    assert makings["small"] == (("experiments.two", "-s"), (), 2, False)
    assert makings["large"] == (("experiments.two",), (), 20, False)
    assert makings["z"].after == ("a", "large", "small")
    assert makings["z"].minutes == 5 and makings["z"].alone
    order = [*makings]
    assert order[-1] == "z" and order.index("small") < order.index("a")


def test_two_scripts_that_read_each_other_are_refused():
    house = dependencies.House(
        {
            "experiments.one": "RECORDS = {'a': f}\nBUILDS_ON = ('b',)",
            "experiments.two": "RECORDS = {'b': f}\nBUILDS_ON = ('a',)",
        }
    )
    with pytest.raises(graphlib.CycleError):
        house.makings()


@pytest.mark.parametrize(
    "said",
    [
        "ARGUMENTS = {'bench': ('-s',)}",
        "BUILDS_ON = ('*',)",
        "MINUTES = {'bench': 5}",
        "ALONE = True",
    ],
)
def test_how_a_record_is_made_is_no_part_of_what_it_rests_on(house, said):
    # a module that counts whole
    changed = ("experiments/worker.py", "def serve", f"{said}\ndef serve")
    assert house([changed]).rests_on("bench") == house().rests_on("bench")
