"""What the tests say they check, read from tests/ without running them.

Two questions are answered: which tests carry `@pytest.mark.equation("eq-…")` for a label, and which
tests use an object of the package (directly, through a parametrised argument, or through a helper
of the same file).
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple


class Test(NamedTuple):
    """A test function: the file's path from the repository's root, and its name."""

    path: str
    name: str

    def __str__(self) -> str:
        """Return the identifier pytest prints."""
        return f"{Path(self.path).name}::{self.name}"


@dataclass
class Evidence:
    """The tests of each equation's label, and of each object (`unrolled.rnn.step`)."""

    equations: dict[str, list[Test]] = field(default_factory=dict)
    objects: dict[str, list[Test]] = field(default_factory=dict)


def read(tests: Path) -> Evidence:
    """Read every `test_*.py` in a folder, at any depth, in the order of their names."""
    stamp = tuple((p, p.stat().st_mtime_ns) for p in sorted(tests.rglob("test_*.py")))
    return _read(tests, stamp)


@lru_cache(maxsize=4)
def _read(tests: Path, stamp: tuple[tuple[Path, int], ...]) -> Evidence:
    evidence = Evidence()
    for path, _ in stamp:
        tree = ast.parse(path.read_text("utf-8"), str(path))
        module = _Module(tree, path.relative_to(tests.parent).as_posix())
        for test, labels, objects in module.tests():
            for label in labels:
                evidence.equations.setdefault(label, []).append(test)
            for name in sorted(objects):
                evidence.objects.setdefault(name, []).append(test)
    return evidence


class _Module:
    def __init__(self, tree: ast.Module, path: str) -> None:
        self.path = path
        self.tree = tree
        self.names = dict(_imports(tree))
        self.functions = {f.name: f for f in tree.body if isinstance(f, ast.FunctionDef)}

    def tests(self) -> Iterator[tuple[Test, list[str], set[str]]]:
        inherited = [
            label
            for node in self.tree.body
            if isinstance(node, ast.Assign) and _is_name(node.targets[0], "pytestmark")
            for mark in ast.walk(node.value)
            for label in _labels(mark)
        ]
        for function, outer in _test_functions(self.tree):
            labels = inherited + [x for d in [*outer, *function.decorator_list] for x in _labels(d)]
            yield Test(self.path, function.name), labels, self.objects(function, frozenset())

    def objects(self, function: ast.FunctionDef, seen: frozenset[str]) -> set[str]:
        names = {k: {v} for k, v in self.names.items()}
        for decorator in function.decorator_list:
            names |= _parametrised(decorator, names)
        for node in ast.walk(function):
            if isinstance(node, ast.For) and isinstance(node.target, ast.Name):
                if found := _resolve_all(node.iter, names):
                    names[node.target.id] = found
        found = set()
        for node in ast.walk(function):
            if isinstance(node, ast.Name | ast.Attribute):
                found |= _resolve(node, names)
            if isinstance(node, ast.Name) and node.id in self.functions and node.id not in seen:
                helper = self.functions[node.id]
                if helper is not function:
                    found |= self.objects(helper, seen | {function.name, node.id})
        return {name for name in found if name.startswith("unrolled.")}


def _test_functions(tree: ast.Module) -> Iterator[tuple[ast.FunctionDef, list[ast.expr]]]:
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
            yield node, []
        if isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            for item in node.body:
                if isinstance(item, ast.FunctionDef) and item.name.startswith("test"):
                    yield item, node.decorator_list


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.asname:
                    yield alias.asname, alias.name
                else:
                    yield alias.name.split(".")[0], alias.name.split(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _labels(node: ast.expr | ast.AST) -> list[str]:
    """Return the labels of `pytest.mark.equation("eq-…", …)`, and none of anything else."""
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return []
    mark = node.func.value
    if node.func.attr != "equation" or not (
        isinstance(mark, ast.Attribute) and mark.attr == "mark"
    ):
        return []
    return [a.value for a in node.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]


def _parametrised(node: ast.expr, names: dict[str, set[str]]) -> dict[str, set[str]]:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
        return {}
    if node.func.attr != "parametrize" or len(node.args) < 2:
        return {}
    key, values = node.args[:2]
    if isinstance(key, ast.Constant) and isinstance(key.value, str) and "," not in key.value:
        return {key.value: _resolve_all(values, names)}
    return {}


def _resolve_all(node: ast.expr, names: dict[str, set[str]]) -> set[str]:
    items = node.elts if isinstance(node, ast.List | ast.Tuple | ast.Set) else []
    return {name for item in items for name in _resolve(item, names)}


def _resolve(node: ast.expr, names: dict[str, set[str]]) -> set[str]:
    """Return the dotted names that an expression such as `rnn.step` can stand for."""
    if isinstance(node, ast.Name):
        return names.get(node.id, set())
    if isinstance(node, ast.Attribute):
        return {f"{base}.{node.attr}" for base in _resolve(node.value, names)}
    return set()


def _is_name(node: ast.expr, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name
