"""Builds that are killed, that meet, and that are repeated: the same bytes come out of each.

The book is a small one with a figure, a record and an exercise. It is built undisturbed in one
folder; in another it is killed twice, once while a page is executed and once while pages are
written, all its half-done files are cut in two, and two builds are then started at once.
"""

import os
import re
import signal
import subprocess
import sys
import time

import pytest

from book._ext.build import build
from book._ext.evidence import draw
from tests.support.paths import ROOT
from tests.support.seeded_book import small_book

DRIVER = f"""import pathlib, sys
sys.path.insert(0, {str(ROOT)!r})
from book._ext.build import build
build.ROOT = pathlib.Path(sys.argv.pop(1))
build.BUILD = build.ROOT / "_build"
sys.exit(build.main(sys.argv[1:]))
"""

pytestmark = pytest.mark.slow


def start(folder, *arguments, **environment):
    return subprocess.Popen(
        [sys.executable, "-c", DRIVER, str(folder), *arguments],
        cwd=folder,
        text=True,
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )


def finished(process):
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 0, said[-3000:]
    return said


def until(process, wanted):
    """Reads what a build prints as far as a line with some words."""
    for line in process.stdout:
        if wanted in line:
            return
    raise AssertionError(f"the build never said {wanted!r}")


def files_of(folder):
    site = folder / "_build/html"
    return {
        path.relative_to(site).as_posix(): path.read_bytes()
        for path in sorted(site.rglob("*"))
        if path.is_file()
    }


def differing(one, other):
    return sorted(
        name for name in one.keys() | other.keys() if one.get(name) != other.get(name)
    )


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    build.npm_packages(ROOT)
    folder = small_book(tmp_path_factory.mktemp("builds") / "undisturbed")
    return folder, finished(start(folder))


def test_a_build_prints_no_warning(undisturbed):
    _, said = undisturbed
    assert not re.search(r"\bWARNING\b|encryption", said), said


@pytest.mark.xdist_group("changing-page")
def test_a_page_that_changes_while_it_is_executed_is_named_in_one_line(tmp_path):
    folder = small_book(tmp_path / "changing")
    marker, page = folder / "begun", folder / "book/slow.md"
    process = start(folder, SLOWLY=str(marker))
    while not marker.exists():
        assert process.poll() is None
        time.sleep(0.05)
    page.write_text(page.read_text("utf-8").replace("6 * 7", "6 * 8"), "utf-8")
    marker.unlink()
    said, _ = process.communicate(timeout=300)
    assert process.returncode == 1 and "Traceback" not in said, said[-3000:]
    *_, did_not, why = said.strip().splitlines()
    assert did_not == "The book did not build:"
    assert why.strip() == (
        "ERROR: book/slow.md, or a file that its cells reach, changed while the book was "
        "built: build it again"
    )
    finished(start(folder))
    assert "48" in (folder / "_build/html/book/slow.html").read_text("utf-8")


def test_killed_and_concurrent_builds_end_with_the_same_bytes(undisturbed, tmp_path):
    expected = files_of(undisturbed[0])
    assert {
        "book/good.html",
        "book/exercises.html",
        "_sources/book/good.ipynb",
    } <= expected.keys()
    assert any(name.endswith(".dark.svg") for name in expected)
    folder = small_book(tmp_path / "another")

    marker = folder / "begun"  # killed while a page is executed
    first = start(folder, SLOWLY=str(marker))
    while not marker.exists():
        assert first.poll() is None
        time.sleep(0.05)
    os.killpg(first.pid, signal.SIGKILL)
    first.communicate()

    second = start(folder)  # killed while pages are written, and Sphinx left to itself
    until(second, "writing output")
    os.kill(second.pid, signal.SIGKILL)
    second.wait()
    with build.alone(folder / "_build"):  # until that has ended as well
        second.stdout.close()
        for path in (folder / "_build").rglob("*"):
            if path.is_file() and path.suffix != ".db" and path.name[0] != ".":
                data = path.read_bytes()
                path.write_bytes(data[: len(data) // 2])

    both = [start(folder), start(folder)]
    said = [finished(process) for process in both]
    assert sum("Another build is running here" in words for words in said) == 1
    assert differing(expected, files_of(folder)) == []


def test_drawing_waits_for_a_build(tmp_path):
    (tmp_path / "book").mkdir()
    (tmp_path / "_build").mkdir()
    (tmp_path / "code").symlink_to(ROOT / "code")
    script = (
        f"import sys, pathlib\nsys.path.insert(0, {str(ROOT)!r})\n"
        "from book._ext.evidence import draw\n"
        f"sys.exit(draw.main([], pathlib.Path({str(tmp_path)!r})))"
    )
    with build.alone(tmp_path / "_build"):
        command = [sys.executable, "-c", script]
        drawing = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert "waiting" in drawing.stdout.readline()
        assert draw.main(["--check"], tmp_path) == 0  # reads, and need not wait
        assert drawing.poll() is None
    drawing.communicate(timeout=60)
    assert drawing.returncode == 0
