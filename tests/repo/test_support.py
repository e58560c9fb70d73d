"""The rules of the tests' own folder: what is shared stands in support, and paths once."""

import ast

import pytest

from tests.support.paths import ROOT

CALLS_BY_NAME = "tests/package/test_planted_errors.py"  # it breaks what they test


def faults(root):
    """Returns what breaks a rule, as file: what it does."""
    found = []
    for path in sorted((root / "tests").rglob("*.py")):
        name = path.relative_to(root).as_posix()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if name != CALLS_BY_NAME and imports_tests(node):
                found.append(f"{name}: imports from a file of tests")
            if name != "tests/support/paths.py" and is_file_parents(node):
                found.append(f"{name}: counts the folders above itself")
    return found


def imports_tests(node):
    names = [
        alias.name for alias in getattr(node, "names", []) if hasattr(alias, "name")
    ]
    if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tests"):
        names = [f"{node.module}.{name}" for name in names]
    elif not isinstance(node, ast.Import):
        return False
    return any(
        name.startswith("tests.")
        and any(part.startswith("test_") for part in name.split("."))
        for name in names
    )


def is_file_parents(node):
    return isinstance(node, ast.Attribute) and (
        node.attr in ("parent", "parents")
        and ast.unparse(node.value) == "Path(__file__)"
    )


def test_what_tests_share_stands_in_support():
    assert faults(ROOT) == []


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("from tests.package.cells.test_rnn import case", 1),
        ("from tests.package.cells import test_rnn", 1),
        ("import tests.package.cells.test_rnn", 1),
        ("from tests.support.paths import ROOT", 0),
        ("ROOT = Path(__file__).parents[2]", 1),
        ("HERE = Path(__file__).with_name('a.json')", 0),
    ],
)
def test_a_line_that_breaks_a_rule_is_named(tmp_path, line, count):
    (tmp_path / "tests/package").mkdir(parents=True)
    (tmp_path / "tests/package/test_a.py").write_text(f"{line}\n")
    assert len(faults(tmp_path)) == count
