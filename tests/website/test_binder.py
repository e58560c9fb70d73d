"""Binder: the environment that each page needs, and the branches that hold the environments."""

import os
import shutil
import subprocess
import sys
from functools import cache
from importlib import metadata

import pytest
from packaging.utils import canonicalize_name

from book._ext.build import binder_branches
from book._ext.source import binder
from tests.support.makefile import fake_python, locked
from tests.support.paths import ROOT
from tests.support.seeded_book import code

SMALL = {
    "NumPy alone": "import numpy as np\nfrom unrolled.cells import lstm, gru",
    "SciPy and drawing": "import scipy.special\nfrom unrolled.drawing import figures",
    "a word in a text": 'print("we import nothing from tensorflow")',
}
LARGE = {
    "at the top": "import numpy as np, tensorflow as tf",
    "in a function": "def f():\n    from keras import layers\n    return layers",
    "through the package": "from unrolled.frameworks import (\n    agreement,\n)",
    "the corpus": "from unrolled.data import text\nlines = text.corpus()",
}


@pytest.mark.parametrize("cell", SMALL.values(), ids=SMALL)
def test_a_page_without_a_framework_opens_in_the_small_environment(cell):
    assert binder.environment(code(cell), ROOT) == "binder-numpy"


@pytest.mark.parametrize("cell", LARGE.values(), ids=LARGE)
def test_a_page_with_a_framework_opens_in_the_large_environment(cell):
    assert binder.environment(code(cell), ROOT) == "binder-frameworks"


def test_a_check_and_a_solution_of_an_exercise_count():
    for name, place in (
        ("waste_of_padding", "binder-numpy"),
        ("padded_in_front", "binder-frameworks"),
    ):
        page = code(f'check("{name}", globals())', f":check: {name}\n")
        assert binder.environment(page, ROOT) == place


def test_six_of_seven_pages_of_exercises_open_in_the_small_environment():
    pages = (ROOT / "book/exercises").glob("*.md")
    large = {
        page.stem
        for page in pages
        if binder.needs_frameworks(page.read_text("utf-8"), ROOT)
    }
    assert large == {"tensorflow"}


# Shown or tried, but not needed: a page runs without it, or shows what it has printed.
OPTIONAL = {"cupy", "theano", "torch", "wgpu"}


@cache
def distributions():
    """The packages that bring each module; looking through them all takes a second."""
    return metadata.packages_distributions()


def missing(page, root=ROOT):
    """What a page imports that the environment of its button lacks."""
    folder = binder.environment(page, root).removeprefix("binder-")
    installed = locked(ROOT / f"envs/binder/{folder}/requirements.txt").keys()
    found = binder.modules(page, root) - sys.stdlib_module_names - {"unrolled"}
    names = {m: distributions().get(m, [m]) for m in found - OPTIONAL}
    return {
        module
        for module, named in names.items()
        if not any(canonicalize_name(name) in installed for name in named)
    }


def test_each_page_has_what_it_imports():
    pages = {
        path: text
        for path in (ROOT / "book").rglob("*.md")
        if "{code-cell}" in (text := path.read_text("utf-8"))
        and path.relative_to(ROOT / "book").parts[0][0] != "_"
    }
    assert len(pages) > 60
    lacking = {path.name: missing(text) for path, text in pages.items()}
    assert {name: found for name, found in lacking.items() if found} == {}


def test_a_package_that_an_environment_lacks_is_found():
    assert missing(code("import numpy, pytest\nfrom sphinx import addnodes")) == {
        "pytest",
        "sphinx",
    }


# --- The branches -------------------------------------------------------------------------------


def git(folder, *arguments):
    done = subprocess.run(
        ["git", "-C", folder, *arguments], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def commit(folder):
    git(folder, "add", "-A")
    name = ("-c", "user.name=A", "-c", "user.email=a@example.org")
    git(folder, *name, "commit", "-q", "-m", "Change something")


@pytest.fixture
def repository(tmp_path):
    """A clone with the environments of Binder, and the bare repository it is a clone of."""
    origin, clone = tmp_path / "origin.git", tmp_path / "clone"
    git(tmp_path, "init", "-q", "--bare", origin)
    git(tmp_path, "clone", "-q", origin, clone)
    shutil.copytree(ROOT / "envs/binder", clone / "envs/binder")
    (clone / "chapter.md").write_text("Words.\n")
    commit(clone)
    return clone, origin


def test_each_branch_holds_the_folder_that_binder_builds(repository):
    clone, origin = repository
    assert binder_branches.main(clone) == 0
    for name in ("numpy", "frameworks"):
        files = git(origin, "ls-tree", "-r", "--name-only", f"binder-{name}")
        assert files.splitlines() == [
            "README.md",
            "binder/postBuild",
            "binder/requirements.txt",
            "binder/runtime.txt",
        ]
        there = git(origin, "show", f"binder-{name}:binder/requirements.txt")
        here = (ROOT / f"envs/binder/{name}/requirements.txt").read_text("utf-8")
        assert there == here.strip()
        script = git(origin, "ls-tree", f"binder-{name}", "binder/postBuild")
        assert script.startswith("100755")


def history(origin):
    return [
        len(git(origin, "log", "--format=%h", f"binder-{name}").splitlines())
        for name in ("numpy", "frameworks")
    ]


def test_a_branch_changes_only_with_its_environment(repository, capsys):
    clone, origin = repository
    binder_branches.main(clone)
    (clone / "chapter.md").write_text("Other words.\n")
    commit(clone)
    binder_branches.main(clone)
    assert history(origin) == [1, 1]
    with (clone / "envs/binder/numpy/requirements.txt").open("a") as file:
        file.write("# changed\n")
    assert history(origin) == [1, 1]  # what is not committed is not pushed
    commit(clone)
    capsys.readouterr()
    binder_branches.main(clone)
    assert history(origin) == [2, 1]
    assert capsys.readouterr().out.splitlines() == [
        "binder-numpy: pushed",
        "binder-frameworks: has not changed",
    ]
    assert git(clone, "status", "--porcelain") == ""


def test_a_shallow_clone_can_push_too(repository, tmp_path):
    clone, origin = repository
    binder_branches.main(clone)
    (clone / "envs/binder/runtime.txt").write_text("python-3.12\n")
    commit(clone)
    git(clone, "push", "-q", "origin", "HEAD:main")
    shallow = tmp_path / "shallow"
    git(tmp_path, "clone", "-q", "--depth=1", "-b", "main", origin.as_uri(), shallow)
    assert binder_branches.main(shallow) == 0
    assert history(origin) == [2, 2]


def test_a_refusal_is_one_line(repository, capsys):
    clone, origin = repository
    shutil.rmtree(origin)
    assert binder_branches.main(clone) == 1
    error = capsys.readouterr().err
    assert error.startswith("The branch binder-numpy is not up to date: git ls-remote")
    assert error.count("\n") == 1


# --- What the environment does ------------------------------------------------------------------


def test_cells_import_the_package_from_where_it_is_fetched(tmp_path):
    home, commands, packages = (tmp_path / name for name in ("home", "bin", "packages"))
    for folder in (home, commands, packages):
        folder.mkdir()
    fake_python(commands / "python", f"echo {packages}")
    fake_python(commands / "jupytext-config", f'echo "$@" >{home}/viewer')
    path = f"{commands}{os.pathsep}{os.environ['PATH']}"
    script = ROOT / "envs/binder/postBuild"
    subprocess.run([script], cwd=home, env=os.environ | {"PATH": path}, check=True)
    (added,) = packages.glob("*.pth")
    assert added.read_text() == f"{home}/{binder.FOLDER}/code\n"
    assert (home / "viewer").read_text() == "set-default-viewer markdown\n"
