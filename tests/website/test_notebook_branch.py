"""The notebooks for Colab: their first cell, their links, and the branch that holds them."""

import ast
import json
import subprocess
import zipfile

import jupytext
import nbformat
import pytest

from book._ext.formats import notebook_branch
from book._ext.source import colab

FORK = "https://github.com/Someone/their-fork"
PAGE = "book/part/page"


def git(folder, *arguments):
    command = ["git", "-C", str(folder), *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def notebook(*cells):
    made = [
        {"cell_type": "markdown", "metadata": {}, "source": [text]} for text in cells
    ]
    return json.dumps(
        {"cells": made, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    )


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A clone whose book has been executed: two pages with cells, and one that is gone."""
    origin, folder = tmp_path / "origin.git", tmp_path / "clone"
    git(tmp_path, "init", "-q", "--bare", origin)
    git(tmp_path, "clone", "-q", origin, folder)
    git(folder, "config", "user.name", "A")
    git(folder, "config", "user.email", "a@example.org")
    executed = folder / "_build/jupyter_execute/book/part"
    executed.mkdir(parents=True)
    (folder / "book/part").mkdir(parents=True)
    for name in ("page", "other"):
        (folder / f"book/part/{name}.md").write_text(
            "```{code-cell}\n1\n```\n", "utf-8"
        )
        text = notebook("See [this](other.md).")
        (executed / f"{name}.ipynb").write_text(text, "utf-8")
    (executed / "gone.ipynb").write_text(notebook("Gone."), "utf-8")
    git(folder, "add", "book")
    git(folder, "commit", "-qm", "Begin")
    monkeypatch.setenv("GITHUB_REPOSITORY", "Someone/their-fork")
    return folder


def first_cell(folder):
    text = (folder / f"_build/notebooks/{PAGE}.ipynb").read_text("utf-8")
    return "".join(json.loads(text)["cells"][0]["source"])


def test_a_notebook_begins_by_installing_the_package_at_its_commit(clone, capsys):
    assert notebook_branch.main(["collect"], clone) == 0
    assert capsys.readouterr().out == "2 notebooks are in _build/notebooks\n"
    text = first_cell(clone)
    assert f"git+{FORK}@{git(clone, 'rev-parse', 'HEAD')}#egg=unrolled" in text
    assert "%" not in text and "!" not in text  # plain Python
    ast.parse(text)
    made = json.loads((clone / f"_build/notebooks/{PAGE}.ipynb").read_text("utf-8"))
    assert made["cells"][1]["source"] == ["See [this](other.ipynb)."]
    assert not (clone / "_build/notebooks/book/part/gone.ipynb").exists()


def test_the_notebook_for_a_free_gpu_is_collected_without_outputs(clone):
    text = (notebook_branch.ROOT / "experiments/gpu/free_gpu.md").read_text("utf-8")
    (clone / "experiments/gpu").mkdir(parents=True)
    (clone / "experiments/gpu/free_gpu.md").write_text(text, "utf-8")
    assert notebook_branch.main(["collect"], clone) == 0
    path = clone / "_build/notebooks/experiments/gpu/free_gpu.ipynb"
    made = nbformat.read(path, as_version=4)
    nbformat.validate(made)
    code = [cell for cell in made.cells if cell.cell_type == "code"]
    assert f"git+{FORK}@" in code[0].source and not any(c.outputs for c in code)
    assert sum("experiments.gpu" in cell.source for cell in code) == 1
    for cell in code:
        ast.parse(cell.source)


def test_the_notebook_for_a_free_gpu_saves_the_records_of_a_run(tmp_path, monkeypatch):
    """All of its cells but the first, where a program stands for each that they run."""
    asked = []

    class Run:
        stdout = ("a line\n",)
        __enter__ = lambda self: self  # noqa: E731
        __exit__ = lambda *_: None  # noqa: E731

    def popen(command, **options):
        asked.append((command, options))
        (options["cwd"] / "results/gpu/ladder.json").write_text("{}", "utf-8")
        return Run()

    monkeypatch.chdir(tmp_path)
    (tmp_path / "book/unrolled/results/gpu").mkdir(parents=True)
    monkeypatch.setattr(subprocess, "Popen", popen)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: None)
    notebook = jupytext.read(notebook_branch.ROOT / "experiments/gpu/free_gpu.md")
    names = {}
    for cell in notebook.cells:
        if cell.cell_type == "code":
            exec(cell.source, names)
    ((command, options),) = asked
    assert command[1:] == ["-m", "experiments.gpu", "--minutes", "60"]
    assert options["cwd"] == tmp_path / "book/unrolled"
    assert options["env"]["PYTHONPATH"] == "code"
    with zipfile.ZipFile(tmp_path / "gpu-records.zip") as archive:
        assert archive.namelist() == ["ladder.json"]


def test_the_branch_has_the_notebooks_in_one_commit_that_is_replaced(clone, tmp_path):
    origin = tmp_path / "origin.git"
    for text in ("2", "3"):
        (clone / f"{PAGE}.md").write_text(f"```{{code-cell}}\n{text}\n```\n", "utf-8")
        git(clone, "commit", "-qam", "Change")
        assert notebook_branch.main(["collect"], clone) == 0
        assert notebook_branch.main(["push"], clone) == 0
    files = git(origin, "ls-tree", "-r", "--name-only", colab.BRANCH).splitlines()
    assert files == ["book/part/other.ipynb", "book/part/page.ipynb"]
    assert git(origin, "log", "--format=%s", colab.BRANCH).splitlines() == [
        f"Publish the notebooks of {git(clone, 'rev-parse', 'HEAD')[:12]}"
    ]
    assert git(clone, "status", "--short", "--untracked-files=no") == ""
    commit = git(clone, "rev-parse", "HEAD")
    assert commit in git(origin, "show", f"{colab.BRANCH}:{PAGE}.ipynb")


def test_what_is_missing_is_named_in_one_line(clone, capsys, monkeypatch):
    def said(step):
        assert notebook_branch.main([step], clone) == 1
        (line,) = capsys.readouterr().err.splitlines()
        return line.removeprefix("No notebooks for Colab: ")

    assert said("push") == "_build/notebooks is missing: run make notebooks"
    monkeypatch.delenv("GITHUB_REPOSITORY")
    assert said("collect") == "the repository has no address on GitHub"
    git(clone, "config", "remote.origin.url", "https://gitlab.com/a/b")
    assert said("collect") == "the repository has no address on GitHub"
    git(clone, "config", "remote.origin.url", FORK)
    for path in (clone / "_build/jupyter_execute").rglob("*.ipynb"):
        path.unlink()
    assert said("collect").endswith("has no notebook: make book executes them")


def test_only_pages_from_github_open_in_colab():
    there = (
        "https://colab.research.google.com/github/Someone/their-fork/blob/notebooks/"
    )
    assert colab.url(FORK, PAGE) == f"{there}{PAGE}.ipynb"
    assert colab.url("https://gitlab.com/a/b", PAGE) is None
    assert colab.url("", PAGE) is None
