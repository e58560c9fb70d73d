"""Binder: which environment a page needs, and the address that opens the page in it.

Each environment is the folder `binder` of a branch of its own (book/_ext/build/binder_branches.py)
that changes only when its versions do, so that Binder keeps the image. nbgitpuller then fetches the
repository into the folder unrolled.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

from book._ext.source import drawn_cells

NUMPY, FRAMEWORKS = "binder-numpy", "binder-frameworks"
FOLDER = "unrolled"  # what nbgitpuller fetches into; envs/binder/postBuild names it too
# What only the larger environment has. text.corpus reads the documentation of the frameworks.
LARGE = {"cupy", "jax", "keras", "pytensor", "tensorflow", "theano", "torch", "triton"}
CORPUS = re.compile(r"\bcorpus\(")
IMPORT = re.compile(
    r"^[ ]*(?:from ([\w.]+) import (\([^)]*\)|.*)|import (.+))$", re.MULTILINE
)
CHECK = re.compile(r"^:check: *(\w+)", re.MULTILINE)


def imported(text: str) -> set[str]:
    """Return what some code imports, in functions and in strings too, as dotted names."""
    found = set()
    for module, names, modules in IMPORT.findall(text):
        listed = re.sub(r"#.*", "", names or modules)
        for name in re.findall(r"([\w.]+)(?: as \w+)?", listed):
            found.add(f"{module}.{name}" if module else name)
    return found


def modules(page: str, root: Path) -> set[str]:
    """Return the packages that the cells of a page, given as text, import by any way."""
    waiting = [name for text in _texts(page, root) for name in imported(text)]
    seen: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in seen:
            seen.add(name)
            for path in _files(name, root):
                waiting += _imported_by(path, path.stat().st_mtime_ns)
    return {name.partition(".")[0] for name in seen}


@lru_cache(maxsize=4096)
def _imported_by(path: Path, stamp: int) -> set[str]:
    return imported(path.read_text("utf-8"))


def needs_frameworks(page: str, root: Path) -> bool:
    """Tell whether the cells of a page, given as text, use a framework or the corpus."""
    if any(CORPUS.search(text) for text in _texts(page, root)):
        return True
    return bool(modules(page, root) & LARGE)


def _texts(page: str, root: Path) -> list[str]:
    """Return the code of a page's cells, and the modules of the exercises that they check."""
    cells = list(drawn_cells.FENCE.finditer(page))
    texts = [cell["body"] for cell in cells]
    for cell in cells:
        for name in CHECK.findall(cell["head"]):
            found = (root / "code/unrolled/exercises").glob(f"*/{name}.py")
            texts += [path.read_text("utf-8") for path in found]
    return texts


def _files(name: str, root: Path) -> list[Path]:
    """Return the files of the package that an import of a dotted name executes."""
    if not name.startswith("unrolled"):
        return []
    places = [root / "code" / name.replace(".", "/")]
    places += [p for p in places[0].parents if p.is_relative_to(root / "code/unrolled")]
    files = [f for p in places for f in (p.with_suffix(".py"), p / "__init__.py")]
    return [file for file in files if file.is_file()]


def environment(page: str, root: Path) -> str:
    """Return the branch whose environment runs the cells of a page, given as text."""
    return FRAMEWORKS if needs_frameworks(page, root) else NUMPY


def url(repository: str, branch: str, hub: str, path: str, root: Path) -> str | None:
    """Return the address that opens a page in JupyterLab on Binder, None except on GitHub.

    Only GitHub's workflow keeps the branches of the environments.
    """
    if urlsplit(repository).netloc != "github.com" or not hub:
        return None
    place = environment((root / path).read_text("utf-8"), root)
    pull = urlencode(
        {
            "repo": repository,
            "branch": branch,
            "targetPath": FOLDER,
            "urlpath": f"lab/tree/{FOLDER}/{path}",
        }
    )
    there = f"{hub}/v2/gh{urlsplit(repository).path}/{place}"
    return f"{there}?urlpath={quote(f'git-pull?{pull}', safe='')}"
