"""The executed notebooks on a branch of their own, from which Colab opens them.

`make notebooks` collects them in _build/notebooks, and `make colab` pushes them to the branch that
the buttons of the pages name. Colab opens only .ipynb files, and only from a public repository. The
branch has one commit, which each push replaces, so it does not grow.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import jupytext

from book._ext.build.binder_branches import BranchError, git
from book._ext.formats import notebooks
from book._ext.source import colab, drawn_cells
from book._ext.source import repository as found_repository

ROOT = drawn_cells.ROOT
UNEXECUTED = ("experiments/gpu/free_gpu",)
# An editable installation brings results/ as well, which many cells read. Python reads the path of
# such an installation only when it starts, hence the last line.
INSTALL = """\
# Installs the package of the book, as it was when these outputs were made, beside the packages that
# are already here. They may have other versions than those of the book, so some numbers may differ.
import subprocess
import sys

package = "git+{repository}@{commit}#egg=unrolled"
command = [sys.executable, "-m", "pip", "install", "-q", "--src", "book", "-e", package]
subprocess.run(command, check=True)
sys.path.insert(0, "book/unrolled/code")
"""


def with_installation(notebook: dict, repository: str, commit: str) -> dict:
    """Return a notebook that begins with a cell that installs the package."""
    text = INSTALL.format(repository=repository, commit=commit)
    cell = {
        "cell_type": "code",
        "execution_count": None,
        "id": "install",
        "metadata": {},
        "outputs": [],
        "source": text.splitlines(keepends=True),
    }
    return notebook | {"cells": [cell, *notebook["cells"]]}


def unexecuted(root: Path) -> Iterator[tuple[str, str]]:
    """Yield the notebooks that no build executes, such as the one for a GPU, with their names."""
    for path in sorted(root / f"{name}.md" for name in UNEXECUTED):
        if path.is_file():
            notebook = jupytext.read(path, fmt="md:myst")
            name = path.relative_to(root).with_suffix(".ipynb").as_posix()
            yield name, jupytext.writes(notebook, fmt="ipynb")


def collect(
    root: Path, executed: Path, target: Path, repository: str, commit: str
) -> list[str]:
    """Write each notebook with its first cell; return their names.

    Raises:
        BranchError: no page has been executed.
    """
    found = [p.relative_to(executed).with_suffix("") for p in executed.rglob("*.ipynb")]
    pages = {page.as_posix() for page in found if (root / f"{page}.md").is_file()}
    if not pages:
        raise BranchError(f"{executed} has no notebook: make book executes them")
    texts = dict(notebooks.texts(root, executed, pages)) | dict(unexecuted(root))
    shutil.rmtree(target, ignore_errors=True)
    for name, text in texts.items():
        linked = json.loads(notebooks.linked_to_notebooks(name, text, texts))
        made = with_installation(linked, repository, commit)
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(made, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return sorted(texts)


def push(root: Path, folder: Path, commit: str) -> None:
    """Replace the branch at origin by one commit that holds the files of a folder."""
    index = folder.with_name("notebooks.index")
    index.unlink(missing_ok=True)
    place = {"GIT_INDEX_FILE": str(index), "GIT_WORK_TREE": str(folder)}
    # git finds its folder by the one in which it runs, and its files by GIT_WORK_TREE
    place["GIT_DIR"] = git(root, "rev-parse", "--absolute-git-dir")
    git(folder, "add", "--all", "--force", ".", **place)
    tree = git(root, "write-tree", GIT_INDEX_FILE=str(index))
    index.unlink()
    name, email = git(root, "show", "-s", "--format=%an%n%ae", commit).split("\n")
    who = {
        f"GIT_{role}_{key}": value
        for role in ("AUTHOR", "COMMITTER")
        for key, value in (("NAME", name), ("EMAIL", email))
    }
    message = f"Publish the notebooks of {commit[:12]}"
    made = git(root, "commit-tree", tree, "-m", message, **who)
    git(root, "push", "-q", "--force", "origin", f"{made}:refs/heads/{colab.BRANCH}")


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Collect the notebooks, or push them; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m book._ext.formats.notebook_branch")
    parser.add_argument("step", choices=("collect", "push"))
    step = parser.parse_args(arguments).step
    target = root / "_build/notebooks"
    try:
        commit = git(root, "rev-parse", "HEAD")
        if step == "push":
            if not target.is_dir():
                raise BranchError("_build/notebooks is missing: run make notebooks")
            push(root, target, commit)
            print(f"{colab.BRANCH}: pushed")
            return 0
        url = found_repository.find(root, environment=os.environ).url or ""
        if urlsplit(url).netloc != "github.com":
            raise BranchError("the repository has no address on GitHub")
        executed = root / "_build/jupyter_execute"
        names = collect(root, executed, target, url, commit)
    except BranchError as error:
        print(f"No notebooks for Colab: {error}", file=sys.stderr)
        return 1
    print(f"{len(names)} notebooks are in _build/notebooks")
    return 0


if __name__ == "__main__":
    sys.exit(main())
