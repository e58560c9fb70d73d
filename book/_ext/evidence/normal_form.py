"""The normal form of code: what it does, without comments, docstrings and layout."""

from __future__ import annotations

import ast
import copy
import hashlib
from functools import lru_cache


def normal_form(node: ast.AST) -> str:
    """Return Python without comments, layout, docstrings and other strings that stand alone."""
    tree = copy.deepcopy(node)
    for inner in ast.walk(tree):
        body = getattr(inner, "body", None)
        if isinstance(body, list):
            kept = [statement for statement in body if not _is_string(statement)]
            inner.body = kept or [ast.Pass()] * bool(body)  # type: ignore[attr-defined]
    return ast.unparse(tree)


def _is_string(statement: ast.stmt) -> bool:
    value = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(value, ast.Constant) and isinstance(value.value, str)


def digest(text: str | bytes) -> str:
    """Return a short hash."""
    content = text.encode() if isinstance(text, str) else text
    return hashlib.sha256(content).hexdigest()[:12]


@lru_cache(maxsize=1000)
def definitions(source: str) -> dict[str, str]:
    """Return the hash of the normal form of each function, class and method of a file.

    Names are qualified, as coverage's regions are: `step`, `Params.zeros`, `forward.inner`. What
    stands outside of functions and classes has the name "".
    """
    tree = ast.parse(source)
    found = {name: digest(normal_form(node)) for name, node in _named(tree.body)}
    outside = [
        n for n in tree.body if not isinstance(n, ast.FunctionDef | ast.ClassDef)
    ]
    return found | {"": digest(normal_form(ast.Module(outside, [])))}


def _named(body: list[ast.stmt], outer: str = "") -> list[tuple[str, ast.AST]]:
    found: list[tuple[str, ast.AST]] = []
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found += [
                (outer + node.name, node),
                *_named(node.body, f"{outer}{node.name}."),
            ]
        else:
            for field in ("body", "orelse", "finalbody", "handlers", "cases"):
                found += _named(getattr(node, field, []), outer)
    return found
