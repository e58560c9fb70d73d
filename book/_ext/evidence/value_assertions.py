"""Which tests assert on values: a test of an equation must, and not on shapes and types alone.

An assertion is an `assert`, a function of numpy.testing, or a call of a function of the package
that raises AssertionError, as `gradcheck.check` does. It is looked for in the test, in the helpers
and fixtures of the tests' folder that it names, and in theirs. What stands in `pytest.raises` says
that something fails, and nothing of a value.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, TypeAlias

FORMS = {"shape", "dtype", "ndim", "__class__"}
ASKED = set("len type isinstance issubclass hasattr callable shape ndim".split())
TYPES = set("None bool int float complex str bytes tuple list dict set".split())
NUMPYS = re.compile(r"numpy\.testing\.assert_(?!raises|warns|no_)\w+")
# whose fixtures every test may ask for
SHARED = ("tests/conftest.py", "tests/support/suite_recorder.py")

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef


class Module(NamedTuple):
    """A file's functions, with methods under their own names, and what its imports stand for."""

    path: str
    functions: dict[str, Function]
    imports: dict[str, str]


def asserts_values(root: Path, path: str, name: str) -> bool:
    """Tell whether a test, or a helper that it uses, asserts something of a value."""
    module = _module(root, path)
    test = module.functions.get(name.rpartition("::")[2]) if module else None
    return bool(module and test and _asserts(root, module, test, set()))


def _asserts(
    root: Path, module: Module, function: Function, seen: set[tuple[str, str]]
) -> bool:
    if (module.path, function.name) in seen:
        return False
    seen.add((module.path, function.name))
    nodes = list(_outside_raises(function))
    if not module.path.startswith("tests/"):
        return any(_raises_assertion(node) for node in nodes)
    if any(isinstance(node, ast.Assert) and is_value(node.test) for node in nodes):
        return True
    arguments = {a.arg for a in function.args.args + function.args.kwonlyargs}
    for node in nodes:
        if isinstance(node, ast.Call) and NUMPYS.fullmatch(_dotted(node.func, module)):
            return True
        if isinstance(node, ast.Name | ast.Attribute):
            if found := _definition(root, module, _dotted(node, module)):
                if _asserts(root, *found, seen):
                    return True
    fixtures = [(m, f) for m in (module, *_shared(root)) for f in m.functions.values()]
    return any(f.name in arguments and _asserts(root, m, f, seen) for m, f in fixtures)


def is_value(test: ast.expr) -> bool:
    """Tell whether an asserted expression says something of a value that is computed."""
    if not any(isinstance(node, ast.Name) for node in ast.walk(test)):
        return False
    match test:
        case ast.BoolOp():
            return any(map(is_value, test.values))
        case ast.UnaryOp(op=ast.Not()):
            return is_value(test.operand)
        case ast.Compare():
            return not any(map(_is_form, [test.left, *test.comparators]))
        case ast.Call(func=ast.Name(id="all" | "any" | "bool"), args=[only]):
            return is_value(only)
        case ast.GeneratorExp() | ast.ListComp():
            return is_value(test.elt)
    return not _is_form(test)


def _is_form(node: ast.expr) -> bool:
    """Tell whether an expression is a shape, a length, a type or None, or is made of such."""
    match node:
        case ast.Attribute():
            return node.attr in FORMS
        case ast.Call():
            name = node.func
            called = (
                name.attr
                if isinstance(name, ast.Attribute)
                else getattr(name, "id", "")
            )
            arguments = [
                a.value if isinstance(a, ast.Starred) else a for a in node.args
            ]
            return (
                called in ASKED
                or called in {"sorted", "set", "list", "tuple", "dtype"}
                and any(map(_is_form, arguments))
            )
        case ast.Subscript():
            return _is_form(node.value)
        case ast.Tuple() | ast.List() | ast.Set():
            return any(map(_is_form, node.elts))
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp():
            return _is_form(node.elt)
        case ast.Constant():
            return node.value is None
        case ast.Name():
            return node.id in TYPES
    return False


def _outside_raises(node: ast.AST) -> Iterator[ast.AST]:
    """Yield what stands in a node, except for what `with pytest.raises` holds."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.With) and any(
            "pytest.raises" in ast.unparse(item.context_expr) for item in child.items
        ):
            continue
        yield child
        yield from _outside_raises(child)


def _raises_assertion(node: ast.AST) -> bool:
    raised = node.exc if isinstance(node, ast.Raise) else None
    return raised is not None and ast.unparse(raised).startswith("AssertionError")


def _dotted(node: ast.expr, module: Module) -> str:
    """Return the name that an expression stands for: `np.sum` is `numpy.sum`."""
    if isinstance(node, ast.Name):
        return module.imports.get(node.id, node.id)
    if isinstance(node, ast.Attribute):
        base = _dotted(node.value, module)
        return f"{base}.{node.attr}" if base else ""
    return ""


def _definition(
    root: Path, module: Module, name: str
) -> tuple[Module, Function] | None:
    """Return the function of the tests or the package that a name stands for."""
    if function := module.functions.get(name):
        return module, function
    folder, _, short = name.rpartition(".")
    if not folder.startswith(("tests", "unrolled.")):
        return None
    path = folder.replace(".", "/") + ".py"
    other = _module(root, path if path.startswith("tests/") else f"code/{path}")
    function = other.functions.get(short) if other else None
    return (other, function) if other and function else None


def _shared(root: Path) -> list[Module]:
    return [module for path in SHARED if (module := _module(root, path))]


def _module(root: Path, path: str) -> Module | None:
    file = root / path
    return _read(file, path, file.stat().st_mtime_ns) if file.is_file() else None


@lru_cache(maxsize=1000)
def _read(file: Path, path: str, stamp: int) -> Module:
    tree = ast.parse(file.read_text("utf-8"), str(file))
    imports: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                top = one.name.partition(".")[0]
                imports |= {one.asname: one.name} if one.asname else {top: top}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for one in node.names:
                imports[one.asname or one.name] = f"{node.module}.{one.name}"
    of_classes = [n for c in tree.body if isinstance(c, ast.ClassDef) for n in c.body]
    functions = {
        n.name: n for n in [*of_classes, *tree.body] if isinstance(n, Function)
    }
    return Module(path, functions, imports)
