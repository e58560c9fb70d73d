"""The rules of CONTRIBUTING.md that can be read from the source.

Each rule is a function from sources to a list of complaints, so that it can be shown to complain.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.paths import ROOT
from tests.support.rooms import MACHINERY, PACKAGE, House, described
from unrolled.cells import registry

LONGEST = 300  # lines of a file of the machinery

# Interchangeable cells: one file, test_cell_interface.py, runs the same tests over all of them,
# and over two layers that have the functions of a cell.
CELLS = {*registry.CELLS, "embedding", "stacked"}

RANDOM_WITHOUT_STATE = {
    "BitGenerator",
    "Generator",
    "PCG64",
    "SeedSequence",
    "default_rng",
}
GRAB_BAGS = {"common", "helpers", "misc", "util", "utils"}


def imports(source: str) -> Iterator[str]:
    """Yields the dotted name of every import, at any depth; `from a import b` is both a and a.b."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            yield base
            yield from (f"{base}.{name.name}" for name in node.names)


def room_of(name: str, house: House) -> str:
    """Returns the room of a dotted name; of the package itself, nothing."""
    return name.removeprefix(house.package).lstrip(".").partition(".")[0]


def broken_floors(sources: dict[str, str], house: House) -> list[str]:
    """Complains of rooms without a place in the table and of imports that do not go down."""
    floor = {
        room: number for number, rooms in enumerate(house.floors) for room in rooms
    }
    complaints = []
    for module, source in sources.items():
        room = room_of(module, house)
        if room and room not in floor:
            complaints.append(f"{module} has no place in the table of rooms")
            continue
        found = {
            name
            for name in imports(source)
            if name.startswith((house.package + ".", "."))
        }
        complaints += [
            f"{module} imports {name}" for name in sorted(found) if name[0] == "."
        ]
        others = {
            room_of(name, house) for name in found if name[0] != "."
        } & floor.keys()
        complaints += [
            f"{module} imports {other}"
            for other in sorted(others - {room})
            if room and floor[other] <= floor[room]
        ]
    return complaints


def broken_outside_rules(sources: dict[str, str], house: House) -> list[str]:
    """Complains of imports from outside that a room's job does not call for."""
    complaints = []
    for module, source in sources.items():
        allowed = {"numpy", house.package} | house.libraries.get(
            room_of(module, house), set()
        )
        roots = {
            name.split(".")[0] for name in imports(source)
        } - sys.stdlib_module_names
        complaints += [f"{module} imports {root}" for root in sorted(roots - allowed)]
    return complaints


def frameworks_at_the_top(sources: dict[str, str]) -> list[str]:
    """Complains of exercises that load more than NumPy before they are checked.

    All exercises are loaded to write their pages, and most of them run where there is NumPy alone.
    """
    return [
        f"{module} imports {name} at its top"
        for module, source in sources.items()
        for statement in ast.parse(source).body
        if isinstance(statement, ast.Import | ast.ImportFrom)
        for name in sorted({n.split(".")[0] for n in imports(ast.unparse(statement))})
        if name not in {"numpy", "unrolled"} | sys.stdlib_module_names
    ]


def global_random_state(sources: dict[str, str]) -> list[str]:
    """Complains of randomness that no caller handed in."""
    complaints = []
    for module, source in sources.items():
        tree = ast.parse(source)
        aliases = {"np.random", "numpy.random"}
        for name in imports(source):
            if name.split(".")[0] == "random":
                complaints.append(f"{module} imports random")
            head, _, tail = name.rpartition(".")
            if head == "numpy.random" and tail not in RANDOM_WITHOUT_STATE:
                complaints.append(f"{module} imports {name}")
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and ast.unparse(node.value) in aliases:
                if node.attr not in RANDOM_WITHOUT_STATE:
                    complaints.append(f"{module} uses {ast.unparse(node)}")
            if isinstance(node, ast.Call) and not node.args and not node.keywords:
                if ast.unparse(node.func).endswith("default_rng"):
                    complaints.append(f"{module} makes a generator without a seed")
        for statement in tree.body:
            if isinstance(statement, ast.Assign | ast.AnnAssign | ast.Expr) and any(
                isinstance(node, ast.Call)
                and ast.unparse(node.func).endswith("default_rng")
                for node in ast.walk(statement)
            ):
                complaints.append(f"{module} keeps a generator at module level")
    return complaints


def misplaced_files(root: Path) -> list[str]:
    """Complains of files that must not exist."""
    complaints = []
    if (root / "code" / "__init__.py").exists():
        complaints.append("code/__init__.py hides the standard library's module code")
    for folder in ("code", "experiments", "book/_ext", "tests"):
        for path in sorted((root / folder).rglob("*.py")):
            if path.stem.removeprefix("test_") in GRAB_BAGS:
                complaints.append(
                    f"{path.relative_to(root)} is named for nothing that it does"
                )
    return complaints


def long_files(sources: dict[str, str]) -> list[str]:
    """Complains of files that nobody reads at one sitting."""
    lengths = {module: len(source.splitlines()) for module, source in sources.items()}
    return [f"{module} has {n} lines" for module, n in lengths.items() if n > LONGEST]


def undescribed_modules(sources: dict[str, str], house: House) -> list[str]:
    """Complains of modules without a line in their room's docstring, and of lines without one."""
    complaints = []
    for room in (room for rooms in house.floors for room in rooms):
        name = f"{house.package}.{room}"
        docstring = ast.get_docstring(ast.parse(sources[name])) or ""
        lines = {line.partition(" ")[0] for line in docstring.splitlines()[2:]}
        modules = {m.rpartition(".")[2] for m in sources if m.startswith(f"{name}.")}
        complaints += [f"{name} describes no {m}" for m in sorted(modules - lines)]
        complaints += [f"{name} has no module {m}" for m in sorted(lines - modules)]
    return complaints


def untested_modules(sources: dict[str, str], tests: set[str]) -> list[str]:
    """Complains of modules without a test file in the folder of their room; cells share one."""
    complaints = []
    for name in sources:
        *rooms, module = name.split(".")[1:]
        path = "/".join([*rooms, f"test_{module}.py"])
        if module not in CELLS and path not in tests:
            complaint = f"{name} has no tests/package/{path}"
            if rooms == ["cells"]:
                complaint += ", and no line in cells/registry.py, which a cell needs"
            complaints.append(complaint)
    return complaints


def python_sources(folder: Path, package: str) -> dict[str, str]:
    """Returns {dotted name: source} of a package."""
    found = {}
    for path in sorted(folder.rglob("*.py")):
        parts = path.relative_to(folder).with_suffix("").parts
        found[".".join([package, *parts]).removesuffix(".__init__")] = path.read_text(
            "utf-8"
        )
    return found


@pytest.fixture(scope="module")
def package():
    sources = python_sources(ROOT / PACKAGE.folder, PACKAGE.package)
    assert "unrolled.cells.rnn" in sources
    return sources


@pytest.fixture(scope="module")
def machinery():
    return python_sources(ROOT / MACHINERY.folder, MACHINERY.package)


def without_exercises(sources):
    return {m: source for m, source in sources.items() if ".exercises" not in m}


def test_rooms_import_only_from_the_floors_below(package, machinery):
    assert broken_floors(package, PACKAGE) == []
    assert broken_floors(machinery, MACHINERY) == []


@pytest.mark.parametrize(
    ("module", "source", "complaint"),
    [
        ("cells.rnn", "from unrolled.models.readout import loss", "imports models"),
        ("layers.stacked", "from unrolled.cells import rnn", "imports cells"),
        ("cells.rnn", "from unrolled import training", "imports training"),
        ("cells.rnn", "def f():\n    import unrolled.data.text", "imports data"),
        ("cells.rnn", "from . import lstm", "imports ."),
        ("functional", "from unrolled import records", "imports records"),
        ("data.ngram", "import unrolled.exercises as e", "imports exercises"),
        ("gates.gru", "import numpy", "has no place in the table of rooms"),
    ],
)
def test_an_import_that_does_not_go_down_is_found(module, source, complaint):
    found = broken_floors({f"unrolled.{module}": source}, PACKAGE)
    assert found and found[0].startswith(f"unrolled.{module} {complaint}")


def test_a_room_may_import_itself_and_what_is_below():
    source = """
from unrolled import functional
from unrolled.cells import lstm
from unrolled.layers import scan
"""
    assert broken_floors({"unrolled.cells.peephole_lstm": source}, PACKAGE) == []


def test_the_table_is_what_readers_are_shown():
    table = described(PACKAGE, ROOT)
    for path in ("code/unrolled/__init__.py", "CONTRIBUTING.md"):
        assert table in (ROOT / path).read_text("utf-8"), f"{path} should hold\n{table}"
    assert described(MACHINERY, ROOT) in (ROOT / "CONTRIBUTING.md").read_text("utf-8")


def test_rooms_import_only_the_libraries_of_their_job(package):
    assert broken_outside_rules(without_exercises(package), PACKAGE) == []


@pytest.mark.parametrize(
    ("module", "source", "complaint"),
    [
        ("cells.rnn", "import matplotlib.pyplot as plt", "matplotlib"),
        ("training.train", "from tensorflow import keras", "tensorflow"),
        ("data.text", "from experiments import record", "experiments"),
        ("cells.rnn", "import tests.test_rnn", "tests"),
        ("cells.rnn", "from book._ext import draw", "book"),
        ("frameworks.theano_models", "import matplotlib", "matplotlib"),
    ],
)
def test_a_forbidden_library_is_found(module, source, complaint):
    found = broken_outside_rules({f"unrolled.{module}": source}, PACKAGE)
    assert found == [f"unrolled.{module} imports {complaint}"]


def test_a_framework_is_allowed_where_it_belongs():
    source = "import tensorflow, numpy, pathlib"
    assert (
        broken_outside_rules({"unrolled.frameworks.keras_models": source}, PACKAGE)
        == []
    )


def test_exercises_load_numpy_alone(package):
    sources = {m: source for m, source in package.items() if ".exercises." in m}
    assert "unrolled.exercises.judging" in sources
    assert frameworks_at_the_top(sources) == []


def test_a_framework_at_the_top_of_an_exercise_is_found():
    source = "import numpy\nfrom tensorflow import keras\ndef check(answers):\n    import jax\n"
    assert frameworks_at_the_top({"m": source}) == ["m imports tensorflow at its top"]


def test_no_module_keeps_random_state(package):
    assert global_random_state(package) == []
    assert (
        global_random_state(python_sources(ROOT / "experiments", "experiments")) == []
    )


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("import numpy as np\nnp.random.seed(0)", "m uses np.random.seed"),
        (
            "import numpy\ndef f(): return numpy.random.randn(3)",
            "m uses numpy.random.randn",
        ),
        ("from numpy.random import rand", "m imports numpy.random.rand"),
        ("import random", "m imports random"),
        ("from random import choice", "m imports random"),
        ("def f(): return default_rng()", "m makes a generator without a seed"),
        ("rng = np.random.default_rng(0)", "m keeps a generator at module level"),
    ],
)
def test_random_state_is_found(source, complaint):
    assert complaint in global_random_state({"m": source})


def test_a_generator_passed_in_is_no_random_state():
    source = (
        "import numpy as np\ndef f(seed): return np.random.default_rng(seed).normal()"
    )
    assert global_random_state({"m": source}) == []


def test_no_file_is_misplaced():
    assert misplaced_files(ROOT) == []


@pytest.mark.parametrize(
    "path", ["code/__init__.py", "code/unrolled/utils.py", "book/_ext/misc.py"]
)
def test_a_misplaced_file_is_found(tmp_path, path):
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).touch()
    assert len(misplaced_files(tmp_path)) == 1


def test_no_file_of_the_machinery_is_long(machinery):
    assert long_files(machinery) == []


def test_a_long_file_is_found():
    assert long_files({"a": "x\n" * 301, "b": "x\n" * 300}) == ["a has 301 lines"]


def test_every_module_of_the_machinery_is_described_by_its_room(machinery):
    assert undescribed_modules(machinery, MACHINERY) == []


def test_a_module_that_is_not_described_is_found():
    house = House("book._ext", "book/_ext", (("page",),), {})
    sources = {
        "book._ext.page": '"""A page.\n\nold  Text.\n"""',
        "book._ext.page.new": "",
    }
    assert undescribed_modules(sources, house) == [
        "book._ext.page describes no new",
        "book._ext.page has no module old",
    ]


def test_every_module_has_a_test_file(package):
    folder = ROOT / "tests/package"
    tests = {path.relative_to(folder).as_posix() for path in folder.rglob("test_*.py")}
    modules = {
        name: source
        for name, source in without_exercises(package).items()
        if not (ROOT / "code" / name.replace(".", "/")).is_dir()
    }
    complaints = untested_modules(modules, tests)
    assert not complaints, "; ".join(complaints)


def test_a_module_without_a_test_file_is_found():
    sources = {"unrolled.cells.rnn": "", "unrolled.data.text": ""}
    assert untested_modules(sources, {"cells/test_rnn.py"}) == [
        "unrolled.data.text has no tests/package/data/test_text.py"
    ]
