"""A name that begins with an underscore is used in the module that defines it, and nowhere else.

So a function that a page, a test or another module needs has a public name and a docstring.
"""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.support.paths import BOOK, ROOT

OURS = {"book", "experiments", "tests", "unrolled"}
# The folders of the site's machinery, and the methods that every NamedTuple has.
PUBLIC = {"_ext", "_live", "_asdict", "_field_defaults", "_fields", "_make", "_replace"}
BY_STRING = {"getattr", "hasattr", "setattr", "delattr", "object"}  # mock.patch.object


def is_private(name: str) -> bool:
    """Tells whether a dotted name has a part that is private to its module."""
    return any(
        part.startswith("_") and not part.startswith("__") and part not in PUBLIC
        for part in name.split(".")
    )


def imported(tree: ast.AST) -> dict[str, str]:
    """Returns {name in this source: dotted name} of what is imported from the repository."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            for name in node.names:
                found[name.asname or name.name] = f"{node.module}.{name.name}"
        elif isinstance(node, ast.Import):
            for name in node.names:
                first = name.name.partition(".")[0]
                found[name.asname or first] = name.name if name.asname else first
    return {n: dotted for n, dotted in found.items() if dotted.split(".")[0] in OURS}


def uses(source: str) -> Iterator[str]:
    """Yields the private names of other modules of the repository that a source uses."""
    tree = ast.parse(source)
    names = imported(tree)
    yield from (dotted for dotted in names.values() if is_private(dotted))
    for node in ast.walk(tree):
        written = ""
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            written = ast.unparse(node)
        elif isinstance(node, ast.Call) and len(node.args) > 1:
            holder, name = node.args[:2]
            if ast.unparse(node.func).split(".")[-1] in BY_STRING:
                if isinstance(name, ast.Constant):
                    written = f"{ast.unparse(holder)}.{name.value}"
        first, _, rest = written.partition(".")
        if first in names and is_private(rest):
            yield f"{names[first]}.{rest}"


def used(sources: dict[str, str]) -> list[str]:
    """Complains of sources that use private names of other modules."""
    return [
        f"{name} uses {private}"
        for name, source in sources.items()
        for private in sorted(set(uses(source)))
    ]


def undefined(source: str) -> list[str]:
    """Returns the private names that a source reads and nowhere defines."""
    names = [n for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Name)]
    read = {n.id for n in names if isinstance(n.ctx, ast.Load) and is_private(n.id)}
    return sorted(read - {n.id for n in names if isinstance(n.ctx, ast.Store)})


def cells(page: str) -> str:
    """Returns the code of all cells of a page, without options and commands of the notebook."""
    found = re.findall(r"^(```+)\{code-cell\}.*\n((?:.*\n)*?)\1$", page, re.M)
    code = "".join(code for _, code in found)
    return re.sub(r"^(:\w+:|---\n(.*\n)*?---|\s*[%!]).*", "", code, flags=re.M)


@pytest.mark.parametrize("folder", ["code", "experiments", "book/_ext", "tests"])
def test_no_module_uses_a_private_name_of_another(folder):
    paths = sorted((ROOT / folder).rglob("*.py"))
    sources = {str(p.relative_to(ROOT)): p.read_text("utf-8") for p in paths}
    assert len(sources) > 20
    assert used(sources) == []


def test_no_page_uses_a_private_name():
    sources = {}
    for path in sorted(BOOK.rglob("*.md")):
        if code := cells(path.read_text("utf-8")):
            sources[path.name] = code
    assert len(sources) > 40
    assert used(sources) == []
    shown = {name: undefined(code) for name, code in sources.items()}
    assert not {name: private for name, private in shown.items() if private}


@pytest.mark.parametrize(
    ("source", "private"),
    [
        ("from unrolled.data.text import _PROSE", "unrolled.data.text._PROSE"),
        ("from unrolled.data import text\ntext._x()", "unrolled.data.text._x"),
        ("import unrolled.data.text as t\nt._x", "unrolled.data.text._x"),
        ("import unrolled.tree\nunrolled.tree._x", "unrolled.tree._x"),
        ("def f():\n    from tests.support import _x", "tests.support._x"),
        ("from book._ext.page import links\nlinks._x", "book._ext.page.links._x"),
        (
            "from experiments import all\nmonkeypatch.setattr(all, '_x', 1)",
            "experiments.all._x",
        ),
    ],
)
def test_a_private_name_of_another_module_is_found(source, private):
    assert used({"m": source}) == [f"m uses {private}"]


@pytest.mark.parametrize(
    "source",
    [
        "_x = 1\n_x",
        "from numpy import core\ncore._x",
        "from unrolled.cells import rnn\nrnn.Params._fields, rnn.__doc__",
        "from book._ext.page import links\nlinks.x",
    ],
)
def test_ones_own_private_names_and_other_packages_are_left_alone(source):
    assert used({"m": source}) == []


def test_a_private_function_that_a_page_shows_without_having_it_is_found():
    page = "```{code-cell} python3\n---\nmystnb: {a: b}\n---\nx = _y + _z\n```\n"
    more = "# _w\n```{code-cell}\n:drawn: unrolled.tree.map\n_z = 1\n```\n"
    assert undefined(cells(page + more)) == ["_y"]
