"""The table of rooms: who may import whom, in the package and in the site's machinery.

A room is a folder, or a module that stands beside the folders. Floors are listed from the top; a
room imports from the floors below its own, and nothing of its own floor but itself.
"""

import ast
from typing import NamedTuple


class House(NamedTuple):
    """The rooms of one package: its floors, and what each room takes from outside."""

    package: str
    folder: str
    floors: tuple[tuple[str, ...], ...]
    libraries: dict[str, set[str]]


FRAMEWORKS = {
    "cupy",
    "jax",
    "keras",
    "pytensor",
    "tensorflow",
    "theano",
    "torch",
    "triton",
}

PACKAGE = House(
    "unrolled",
    "code/unrolled",
    (
        ("exercises",),
        ("frameworks", "webgpu", "speed"),
        ("models", "gradients"),
        ("data", "cells", "training", "drawing"),
        ("layers",),
        ("functional", "tree", "records"),
        ("min_rnn", "arguments", "files", "dependencies", "installed"),
    ),
    {  # besides NumPy and the standard library
        "data": {"sentencex"},
        "drawing": {"IPython", "cycler", "matplotlib", "matplotlib_inline"},
        "exercises": FRAMEWORKS | {"scipy"},
        "frameworks": FRAMEWORKS,
        "models": {"scipy"},
        "speed": {"scipy", "threadpoolctl"},
        "training": {"tqdm"},
        "webgpu": {"wgpu"},
    },
)
MACHINERY = House(
    "book._ext",
    "book/_ext",
    (
        ("report", "metadata", "execution"),
        ("evidence", "formats"),
        ("build",),
        ("live", "page"),
        ("source",),
    ),
    {},
)


def described(house, root):
    """Returns the floors as lines to read, each room with the first line of its docstring."""
    rows = []
    for floor in house.floors:
        if rows:
            rows.append("")
        for room in floor:
            path = root / house.folder / room
            path = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
            docstring = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or ""
            rows.append(f"    {room:<12} {docstring.splitlines()[0]}")
    return "\n".join(rows)
