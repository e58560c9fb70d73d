"""The steps of a build: what is kept, what counts as changed, what is read again, formulas."""

import asyncio
import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import nbformat
import pytest
from sphinx.errors import SphinxError

from book._ext.build import build, faulty, parallel_writing
from book._ext.execution import fingerprint, outputs
from book._ext.page import bundle, katex
from book._ext.source import changes
from tests.support.paths import ROOT
from tests.support.seeded_book import HEADER, code

EXTENSIONS = ["dollarmath", "colon_fence"]


# --- Executed notebooks --------------------------------------------------------------------------


def executed(root, text, *printed):
    """Keeps a page's outputs, as if it had been executed."""
    notebook = outputs.parsed(text, EXTENSIONS)
    notebook.cells = outputs.code_of(notebook)
    for cell, said in zip(notebook.cells, printed, strict=True):
        cell.outputs = [nbformat.v4.new_output("stream", text=said)]
    name = fingerprint.Reach(root).fingerprint(text)
    outputs.keep(outputs.folder_of(root), name, notebook)
    return outputs.folder_of(root) / f"{name}.ipynb"


def test_a_page_is_read_with_the_outputs_of_its_cells_whatever_its_prose(tmp_path):
    page = HEADER + "# Page\n\nBefore.\n\n" + code("print(1)") + code("print(2)")
    executed(tmp_path, page, "1\n", "2\n")
    for text in (page, page.replace("Before.", "Other words.\n\nMore of them.")):
        notebook = outputs.read(text, str(tmp_path), EXTENSIONS)
        said = [cell.outputs[0].text for cell in outputs.code_of(notebook)]
        assert said == ["1\n", "2\n"]
        assert [cell.id for cell in notebook.cells] == ["cell-1", "cell-2", "cell-3"]


def test_a_page_is_executed_again_once_a_package_of_the_tests_is_there(
    tmp_path, monkeypatch
):
    uses, other = (HEADER + code(f"import {name}") for name in ("triton", "numpy"))

    def digests(found):
        monkeypatch.setattr(fingerprint, "find_spec", lambda name: found)
        reach = fingerprint.Reach(tmp_path)
        return reach.state(), reach.fingerprint(uses), reach.fingerprint(other)

    without, there = digests(None), digests("a spec")
    assert [a == b for a, b in zip(without, there, strict=True)] == [False, False, True]


def test_a_page_that_changes_while_the_book_is_built_is_named(tmp_path):
    page = HEADER + code("print(1)")
    executed(tmp_path, page, "1\n")
    changed = page.replace("print(1)", "print(3)")
    (tmp_path / "book").mkdir()
    (tmp_path / "book/other.md").write_text(page, "utf-8")
    (tmp_path / "book/page.md").write_text(changed, "utf-8")
    with pytest.raises(SphinxError, match="^book/page.md, or a file .* changed while"):
        outputs.read(changed, str(tmp_path), EXTENSIONS)


def test_outputs_of_other_cells_are_refused(tmp_path):
    page = HEADER + code("print(1)")
    path = executed(tmp_path, page, "1\n")
    path.write_text(path.read_text("utf-8").replace("print(1)", "print(3)"), "utf-8")
    with pytest.raises(ValueError, match="are of another cell"):
        outputs.read(page, str(tmp_path), EXTENSIONS)


def test_a_page_without_cells_is_read_as_it_is(tmp_path):
    text = '---\ndescription: "A page."\n---\n\n# Page\n\n```python\n1\n```\n'
    notebook = outputs.read(text, str(tmp_path), EXTENSIONS)
    (cell,) = notebook.cells
    assert cell.cell_type == "markdown" and cell.source.startswith("# Page")
    assert notebook.metadata["description"] == "A page."
    assert notebook.metadata["source_map"] == [3]


def test_a_notebook_that_is_not_whole_is_not_kept(tmp_path):
    path = executed(tmp_path, HEADER + code("print(1)"), "1\n")
    assert outputs.kept(path.parent, path.stem) is not None
    path.write_bytes(path.read_bytes()[:100])
    assert outputs.kept(path.parent, path.stem) is None
    assert outputs.kept(path.parent, "none") is None


def test_the_notebooks_that_were_used_last_are_kept(tmp_path, monkeypatch):
    monkeypatch.setattr(outputs, "KEPT", 2)
    paths = []
    for number in range(3):
        paths.append(executed(tmp_path, HEADER + code(f"print({number})"), ""))
        os.utime(paths[-1], (number, number))
        if number == 1:
            assert outputs.kept(paths[0].parent, paths[0].stem)  # used again
    assert [path.is_file() for path in paths] == [True, False, True]


@pytest.mark.slow
def test_a_cell_that_fails_is_told_and_the_others_are_kept(tmp_path):
    pages = {}
    for name, cell in {"good": "6 * 7", "bad": "print('so far')\n1 / 0"}.items():
        pages[name] = tmp_path / f"{name}.md"
        pages[name].write_text(HEADER + code(cell), "utf-8")
    execution = outputs.execute_all(pages, tmp_path, EXTENSIONS, 60)
    with ThreadPoolExecutor(1) as thread:  # a browser's loop may run in this one
        failed = thread.submit(asyncio.run, execution).result()
    assert list(failed) == ["bad"] and "ZeroDivisionError" in failed["bad"]
    for name, shown in {"good": "42", "bad": "so far"}.items():
        text = pages[name].read_text("utf-8")
        (cell,) = outputs.read(text, str(tmp_path), EXTENSIONS).cells
        assert shown in str(cell.outputs)
    name = fingerprint.Reach(tmp_path).fingerprint(pages["bad"].read_text("utf-8"))
    assert outputs.kept(outputs.folder_of(tmp_path), name) is None  # next time again


@pytest.mark.slow
def test_there_is_one_kernel_more_than_there_are_cores(tmp_path, monkeypatch):
    """Each of two pages waits for the other, on what looks like one core."""
    monkeypatch.setattr(outputs.os, "cpu_count", lambda: 1)
    pages = {}
    for name, other in (("one", "two"), ("two", "one")):
        cell = (
            "import pathlib, time\n"
            f"pathlib.Path('begun-{name}').touch()\n"
            "for _ in range(100):\n"
            f"    if pathlib.Path('begun-{other}').exists():\n"
            "        break\n"
            "    time.sleep(0.1)\n"
            "else:\n"
            "    raise TimeoutError"
        )
        pages[name] = tmp_path / f"{name}.md"
        pages[name].write_text(HEADER + code(cell), "utf-8")
    execution = outputs.execute_all(pages, tmp_path, EXTENSIONS, 60)
    with ThreadPoolExecutor(1) as thread:  # a browser's loop may run in this one
        assert thread.submit(asyncio.run, execution).result() == {}


def test_what_the_pages_import_is_compiled_once(tmp_path):
    """In the environment of a container that forbids Python to keep what it compiles."""
    (tmp_path / "imported.py").touch()
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"} | build.QUIET
    subprocess.run(
        [sys.executable, "-c", "import imported"],
        cwd=tmp_path,
        env=environment,
        check=True,
    )
    assert list(tmp_path.glob("__pycache__/imported.*.pyc"))


# --- npm's packages ------------------------------------------------------------------------------


@pytest.fixture
def npm(tmp_path, monkeypatch):
    """A book with a lock, and the list of the installations that were run in it."""
    (tmp_path / "package-lock.json").write_text("{}", "utf-8")
    runs = []

    def run(command, cwd, **_):
        runs.append(command[1])
        (cwd / "node_modules").mkdir(exist_ok=True)
        return SimpleNamespace(returncode=0)

    monkeypatch.setattr(build.subprocess, "run", run)
    return tmp_path, runs


def test_packages_are_installed_once_for_each_lock(npm):
    root, runs = npm
    build.npm_packages(root)
    build.npm_packages(root)
    assert runs == ["ci"]
    (root / "package-lock.json").write_text('{"packages": {}}', "utf-8")
    build.npm_packages(root)
    assert runs == ["ci", "ci"]


def test_a_link_to_the_packages_of_a_different_book_is_refused(npm):
    """npm begins by emptying the folder, and would empty the one that a link leads to."""
    root, runs = npm
    elsewhere = root / "elsewhere/node_modules"
    elsewhere.mkdir(parents=True)
    (root / "node_modules").symlink_to(elsewhere)
    with pytest.raises(build.BuildError, match="node_modules is a link") as refused:
        build.npm_packages(root)
    assert runs == [] and "\n" not in str(refused.value)
    lock = (root / "package-lock.json").read_bytes()
    (elsewhere / ".lock-installed").write_text(hashlib.sha256(lock).hexdigest())
    build.npm_packages(root)  # this very lock is installed there
    assert runs == []


# --- What has changed ----------------------------------------------------------------------------


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A book that was built, and the list of the builds that were run since."""
    for name in ("book/page.md", "code/a.py", "_config.yml", "package-lock.json"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("1", "utf-8")
    runs = []
    monkeypatch.setattr(build, "ROOT", tmp_path)
    monkeypatch.setattr(build, "BUILD", tmp_path / "_build")
    monkeypatch.setattr(build, "npm_packages", lambda root: None)
    monkeypatch.setattr(build.live_files, "prepare", lambda: None)

    def sphinx(root, lock=None):
        runs.append(root)
        page = root / "_build/html/page.html"
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text("made", "utf-8")
        return []

    build.build(sphinx=sphinx)
    return tmp_path, sphinx, runs


@pytest.mark.parametrize(
    "change",
    [
        lambda root: (root / "book/page.md").write_text("22"),
        lambda root: os.utime(root / "code/a.py", (1, 1)),
        lambda root: (root / "book/new.md").write_text(""),
        lambda root: (root / "_config.yml").unlink(),
        lambda root: (root / "_build/html/page.html").write_text("damaged"),
        lambda root: (root / "_build/html/page.html").unlink(),
    ],
)
def test_a_change_of_a_source_or_of_the_site_is_a_cause_to_build(book, change):
    root, sphinx, runs = book
    build.build(sphinx=sphinx)
    assert len(runs) == 1  # nothing to do
    change(root)
    build.build(sphinx=sphinx)
    build.build(sphinx=sphinx)
    assert len(runs) == 2


def test_what_is_no_source_is_no_cause_to_build(book):
    root, sphinx, runs = book
    for name in ("code/__pycache__/a.pyc", "book/.page.md.swp", "_build/runs/x"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text("")
    build.build(sphinx=sphinx)
    assert len(runs) == 1
    build.build(fresh=True, sphinx=sphinx)
    assert len(runs) == 2


def test_a_source_that_changes_while_the_book_is_built_is_built_again(book):
    root, sphinx, runs = book

    def slowly(*of, **options):
        (root / "book/page.md").write_text("written meanwhile")
        return sphinx(*of, **options)

    (root / "book/page.md").write_text("22")
    build.build(sphinx=slowly)
    build.build(sphinx=sphinx)
    assert len(runs) == 3
    assert changes.is_built(root, changes.sources(root))


# --- Pages with a fault --------------------------------------------------------------------------

ENDED = "build finished with problems, 2 warnings (with warnings treated as errors)."


def test_a_failed_build_leaves_all_that_can_stay(book):
    root, _, _ = book
    for problems, stays in (
        (["/x/book/a.md:3: WARNING: one", "/x/book/b.md: WARNING: two", ENDED], True),
        (["/x/book/a.md:3: WARNING: one", "WARNING: of no page", ENDED], False),
        (["/x/book/a.md:3: WARNING: one", "RuntimeError: crash"], False),
    ):
        (root / "_build/.doctrees").mkdir(exist_ok=True)
        (root / "book/page.md").write_text(str(problems))
        with pytest.raises(build.BuildError, match="one"):
            build.build(sphinx=lambda *of, found=problems, **options: found)
        named = (root / faulty.LIST).read_text("utf-8")
        assert ("/x/book/b.md" in named) == stays
        with pytest.raises(build.BuildError):
            build.build(sphinx=lambda *of, **options: ["stopped"])
        assert (root / "_build/.doctrees").exists() == stays
        (root / "_build/.unfinished").unlink(missing_ok=True)


# --- Formulas, style sheets ----------------------------------------------------------------------


def test_formulas_are_set_one_after_the_other_by_one_process():
    setter = katex.Katex(ROOT / "node_modules/katex/dist/katex.min.js")
    assert 'class="katex"' in setter.set("x_t\n+ 1")["html"]
    process = setter.process
    assert "parse error" in setter.set(r"\frac{a")["error"]
    assert setter.set("é", displayMode=True, output="mathml")["html"].startswith(
        '<span class="katex"><math'
    )
    assert setter.process is process
    setter.end()
    assert process.poll() == 0


SIDE_BY_SIDE = """
import multiprocessing, sys
from pathlib import Path
from book._ext.page import katex

setter = katex.Katex(Path(sys.argv[1]))


def write(letter):
    for _ in range(200):
        assert f">{letter}</annotation>" in setter.set(letter)["html"]


write("a")
copies = multiprocessing.get_context("fork")
writers = [copies.Process(target=write, args=letter) for letter in "bc"]
for writer in writers:
    writer.start()
write("a")
for writer in writers:
    writer.join()
setter.end()
assert [writer.exitcode for writer in writers] == [0, 0]
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Sphinx copies itself on Linux")
def test_formulas_of_pages_that_are_written_side_by_side_are_not_mixed_up():
    """In a process of its own: what other tests have loaded may not be copied with this one."""
    script = str(ROOT / "node_modules/katex/dist/katex.min.js")
    subprocess.run([sys.executable, "-c", SIDE_BY_SIDE, script], cwd=ROOT, check=True)


def test_pages_are_written_by_a_process_for_each_core():
    class App:
        parallel = 1

    parallel_writing.use_cores(App, None)
    expected = os.cpu_count() + 1 if sys.platform == "linux" else 1
    assert App.parallel == expected


def test_what_a_page_alone_loads_is_not_in_the_bundles(monkeypatch):
    class File:
        def __init__(self, filename):
            self.filename, self.attributes = filename, {}

    monkeypatch.setattr(bundle, "Shared", type("Shared", (), {"styles": []}))
    context = {
        "css_files": [File("_static/a.css")],
        "script_files": [File("_static/b.js"), File(None), File("_static/site.js")],
    }
    bundle.note_shared(None, "page", "page.html", context, None)
    context["css_files"].append(File("_static/own.css"))
    context["script_files"].append(File("_static/own.js"))

    class App:
        class config:
            bundle_version = "1"

    bundle.drop_bundled(App, "page", "page.html", context, None)
    assert [file.filename for file in context["css_files"]] == ["_static/own.css"]
    assert [file.filename for file in context["script_files"]] == ["_static/own.js"]
    assert bundle.Shared.styles == [*bundle.THEME_STYLES, "a.css"]
    assert bundle.Shared.scripts == [
        "b.js",
        bundle.STORAGE,
        *bundle.THEME_SCRIPTS,
        *bundle.OUR_SCRIPTS,
    ]
