"""The import rules of CONTRIBUTING.md, read from the source of the package.

Each rule is a function from sources to a list of complaints, so that it can be shown to complain.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "code" / "unrolled"

# The package in the order in which the book introduces it, and what each module may import of it.
# A module imports only what stands above it.
BOOK_ORDER = {
    "tree": set(),
    "files": set(),
    "dependencies": set(),
    "records": {"dependencies"},
    "graph": set(),
    "figures": set(),
    "text": set(),
    "ngram": set(),
    "functional": set(),
    "rnn": {"functional"},
    "language_model": {"functional", "rnn"},
    "gradcheck": set(),
    "optimizers": set(),
    "checkpoint": set(),
    "train": {"checkpoint", "optimizers"},
    "pretrained": {"checkpoint", "language_model", "text"},
    "tasks": {"text"},
    "readout": {"rnn"},
    "recurrent_weights": set(),
    "irnn": {"functional", "recurrent_weights", "rnn"},  # rnn with another nonlinearity
    "jacobians": {"functional", "rnn"},
    "chain_rule": {"jacobians", "rnn"},
    "forward_mode": {"chain_rule", "jacobians", "rnn"},
    "recomputation": {"rnn"},
    "padding": set(),
    "embedding": {"functional"},
    "lstm": {"functional"},
    "gru": {"functional"},
    "gru_reset_after": {"functional", "gru"},
    "peephole_lstm": {"functional", "lstm"},
    "coupled_lstm": {"lstm"},
    "cell_graph": {"functional"},
    "lstm_jacobians": {"functional"},
    "stacked": set(),
    "bidirectional": {"padding"},
    "probing": {"lstm"},
    "gated_pretrained": {
        "checkpoint",
        "embedding",
        "gru",
        "language_model",
        "lstm",
        "stacked",
        "text",
    },
    "special_gates": {"gru", "lstm", "rnn"},
    "with_theano": {"embedding", "gru", "gru_reset_after", "language_model", "lstm", "rnn"},
    "attention": {"functional"},
    "dates": {"text"},
    "seq2seq": {"attention", "bidirectional", "functional", "gru", "padding"},
    "hard_attention": {"attention", "functional", "gru", "seq2seq"},
    "local_attention": {"attention", "functional", "gru", "hard_attention", "seq2seq"},
    "stories": {"text"},
    "memory_network": {"attention", "functional"},
    "feed_forward": {"functional"},
    "turing_machine": {"feed_forward", "functional"},
    "multi_head": {"attention"},
    "with_quiet_tensorflow": set(),
    "tfrecords": set(),
    "with_tfrecords": {"with_quiet_tensorflow"},
    "with_loops": {"with_quiet_tensorflow"},
    "with_fused_path": {"with_quiet_tensorflow"},
    "with_tensorflow": {
        "bidirectional",
        "embedding",
        "gru",
        "gru_reset_after",
        "lstm",
        "peephole_lstm",
        "rnn",
        "with_quiet_tensorflow",
    },
    "agreement": {
        "embedding",
        "gru",
        "gru_reset_after",
        "language_model",
        "lstm",
        "rnn",
        "stacked",
        "text",
        "with_tensorflow",
        "with_theano",
    },
    "array_namespace": set(),
    "with_jax": {"array_namespace", "functional", "rnn"},
    "gpu_tables": set(),
    "sequential_chain": set(),
    "data_parallel": set(),
    "with_jax_devices": {"rnn", "with_jax"},
    "with_triton_programs": set(),
    "with_triton": {"functional", "lstm", "with_triton_programs"},
    "with_triton_resources": {"with_triton"},
    "fast_step": {"functional", "language_model", "rnn"},
    "cost": set(),
    "with_pytensor_step": set(),
    "with_keras_step": {"with_quiet_tensorflow"},
    "with_jax_step": set(),
}
# Plumbing that explains nothing about networks and that any later module may import.
EVERYWHERE = {"tree", "files", "records"}

# What a module may import from outside, besides the standard library and NumPy.
OUTSIDE = {
    "text": {"sentencex"},
    "probing": {"scipy"},
    "fast_step": {"scipy"},
    "train": {"tqdm"},
    "figures": {"IPython", "cycler", "matplotlib", "matplotlib_inline"},
}
# Interchangeable cells: one file, test_cell_interface.py, runs the same tests over all of them.
CELLS = {
    "coupled_lstm",
    "embedding",
    "gru",
    "gru_reset_after",
    "lstm",
    "peephole_lstm",
    "stacked",
}
FRAMEWORKS = {  # for with_* alone
    "cupy", "jax", "keras", "pytensor", "tensorflow", "theano", "torch", "triton",
}  # fmt: skip

RANDOM_WITHOUT_STATE = {"BitGenerator", "Generator", "PCG64", "SeedSequence", "default_rng"}
GRAB_BAGS = {"common", "helpers", "misc", "util", "utils"}


def imports(source: str) -> Iterator[str]:
    """Yields the dotted name of every import, at any depth; `from a import b` is both a and a.b."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(filter(None, ["unrolled" if node.level else "", node.module]))
            yield base
            yield from (f"{base}.{name.name}" for name in node.names)


def siblings(module: str, source: str, modules: set[str]) -> set[str]:
    """Returns the modules of the package that a source imports."""
    names = (name.split(".") for name in imports(source))
    imported = {name[1] for name in names if name[0] == "unrolled" and len(name) > 1}
    return (imported & modules) - {module}


def broken_sibling_rules(sources: dict[str, str]) -> list[str]:
    """Complains of modules without a place in the book's order and of imports that it forbids."""
    complaints = [
        f"{module} has no place in BOOK_ORDER" for module in sources.keys() - BOOK_ORDER.keys()
    ]
    names = list(BOOK_ORDER)
    for module in sources.keys() & BOOK_ORDER.keys():
        allowed = BOOK_ORDER[module] | (EVERYWHERE & set(names[: names.index(module)]))
        found = siblings(module, sources[module], {"exercises", *sources, *BOOK_ORDER})
        complaints += [f"{module} imports {other}" for other in sorted(found - allowed)]
    return complaints


def broken_book_order(order: dict[str, set[str]]) -> list[str]:
    """Complains of permissions that point down the book's order."""
    names = list(order)
    return [
        f"{module} may import {other}, which comes later"
        for place, module in enumerate(names)
        for other in order[module]
        if other not in names[:place]
    ]


def broken_outside_rules(sources: dict[str, str]) -> list[str]:
    """Complains of imports from outside that a module's job does not call for."""
    complaints = []
    for module, source in sources.items():
        allowed = {"numpy", "unrolled"} | OUTSIDE.get(module, set())
        if module.startswith("with_"):
            allowed |= FRAMEWORKS
        roots = {name.split(".")[0] for name in imports(source)} - sys.stdlib_module_names
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
                isinstance(node, ast.Call) and ast.unparse(node.func).endswith("default_rng")
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
                complaints.append(f"{path.relative_to(root)} is named for nothing that it does")
    return complaints


def untested_modules(sources: dict[str, str], tests: set[str]) -> list[str]:
    """Complains of modules without a test file of their own or a place in the cells' common one."""
    tested = tests | (CELLS if "cell_interface" in tests else set())
    return [f"{module} has no tests/test_{module}.py" for module in sources if module not in tested]


def python_sources(folder: Path) -> dict[str, str]:
    """Returns {module: source} of a folder."""
    paths = sorted(set(folder.glob("*.py")) - {folder / "__init__.py"})
    return {path.stem: path.read_text("utf-8") for path in paths}


@pytest.fixture(scope="module")
def package():
    sources = python_sources(PACKAGE)
    assert "rnn" in sources
    return sources


def test_modules_import_only_what_comes_before_them_in_the_book(package):
    assert broken_sibling_rules(package) == []
    assert broken_book_order(BOOK_ORDER) == []


@pytest.mark.parametrize(
    ("module", "source", "complaint"),
    [
        ("rnn", "from unrolled.language_model import loss", "rnn imports language_model"),
        ("rnn", "from unrolled import optimizers", "rnn imports optimizers"),
        ("rnn", "def f():\n    import unrolled.text", "rnn imports text"),
        ("rnn", "from . import train", "rnn imports train"),
        ("rnn", "from .figures import curve", "rnn imports figures"),
        ("train", "from unrolled import rnn, tree", "train imports rnn"),
        ("ngram", "import unrolled.text as t", "ngram imports text"),
        ("tree", "from unrolled import records", "tree imports records"),
        ("rnn", "from unrolled.exercises import judging", "rnn imports exercises"),
        ("gates", "import numpy", "gates has no place in BOOK_ORDER"),
    ],
)
def test_a_forbidden_sibling_is_found(module, source, complaint):
    assert broken_sibling_rules({module: source}) == [complaint]


def test_a_permission_against_the_book_order_is_found():
    order = {"rnn": {"functional"}, "functional": set()}
    assert broken_book_order(order) == ["rnn may import functional, which comes later"]


def test_modules_import_only_the_libraries_of_their_job(package):
    assert broken_outside_rules(package) == []


@pytest.mark.parametrize(
    ("module", "source", "complaint"),
    [
        ("rnn", "import matplotlib.pyplot as plt", "rnn imports matplotlib"),
        ("train", "from tensorflow import keras", "train imports tensorflow"),
        ("text", "from experiments import record", "text imports experiments"),
        ("rnn", "import tests.test_rnn", "rnn imports tests"),
        ("rnn", "from book._ext import draw", "rnn imports book"),
        ("with_theano", "import matplotlib", "with_theano imports matplotlib"),
    ],
)
def test_a_forbidden_library_is_found(module, source, complaint):
    assert broken_outside_rules({module: source}) == [complaint]


def test_a_framework_is_allowed_where_it_belongs():
    assert broken_outside_rules({"with_tensorflow": "import tensorflow, numpy, pathlib"}) == []


def test_exercises_load_numpy_alone():
    sources = {
        path.stem: path.read_text("utf-8") for path in (PACKAGE / "exercises").rglob("*.py")
    }
    assert "judging" in sources
    assert frameworks_at_the_top(sources) == []
    assert global_random_state(sources) == []


def test_a_framework_at_the_top_of_an_exercise_is_found():
    source = "import numpy\nfrom tensorflow import keras\ndef check(answers):\n    import jax\n"
    assert frameworks_at_the_top({"m": source}) == ["m imports tensorflow at its top"]


def test_no_module_keeps_random_state(package):
    assert global_random_state(package) == []
    assert global_random_state(python_sources(ROOT / "experiments")) == []


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("import numpy as np\nnp.random.seed(0)", "m uses np.random.seed"),
        ("import numpy\ndef f(): return numpy.random.randn(3)", "m uses numpy.random.randn"),
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
    source = "import numpy as np\ndef f(seed): return np.random.default_rng(seed).normal()"
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


def test_every_module_has_a_test_file(package):
    tests = {path.stem.removeprefix("test_") for path in (ROOT / "tests").glob("test_*.py")}
    assert untested_modules(package, tests) == []


def test_a_module_without_a_test_file_is_found():
    assert untested_modules({"rnn": "", "gru": ""}, {"rnn"}) == ["gru has no tests/test_gru.py"]
