"""Drawn cells: the text that a chapter shows is the text that is tested, byte for byte."""

import importlib
import inspect
import re

import pytest

from book._ext.evidence import draw
from book._ext.source import drawn_cells
from tests.support.paths import ROOT
from unrolled.cells import rnn

# the one line of a function that a page does not show
NAMES_ARGUMENTS = r"(?m)^@names_arguments(\(.*\)|\(\n(.|\n)*?^\))?( +#.*)?\n"
HEADER = "---\nkernelspec: {name: python3}\n---\n\n# Title\n\n"


def cell(text, name="unrolled.cells.rnn.step", options=""):
    return f"```{{code-cell}} python3\n:drawn: {name}\n{options}{text}\n```\n"


def shown(found):
    """The source of a function or class as a page shows it."""
    return re.sub(NAMES_ARGUMENTS, "", inspect.getsource(found)).rstrip("\n")


def project(folder, source):
    """A repository in small: our code, and one chapter."""
    (folder / "code").symlink_to(ROOT / "code")
    (folder / "book").mkdir()
    page = folder / "book/page.md"
    page.write_text(source, "utf-8")
    return page


def test_every_drawn_cell_is_the_tested_source(capsys):
    assert (
        sum(
            len(list(drawn_cells.drawn_cells(p.read_text("utf-8"))))
            for p in drawn_cells.chapters()
        )
        > 100
    )
    assert draw.main(["--check"]) == 0, capsys.readouterr().out


def test_reading_the_file_gives_what_inspect_gives():
    compared = 0
    package = ROOT / "code/unrolled"
    for path in sorted(package.rglob("*.py")):
        room, *_ = parts = path.relative_to(package).with_suffix("").parts
        if path.stem == "__init__" or room in ("frameworks", "exercises"):
            continue  # a framework takes seconds to import, and exercises ask for some
        module = importlib.import_module(".".join(("unrolled", *parts)))
        for name, found in vars(module).items():
            if (inspect.isfunction(found) or inspect.isclass(found)) and (
                found.__module__ == module.__name__
            ):
                drawn = drawn_cells.source_of(f"{module.__name__}.{name}")
                assert drawn == shown(found)
                compared += 1
    assert compared > 300


def test_cells_are_found_with_their_options_and_place():
    yaml = (
        "```{code-cell} python3\n---\ndrawn: unrolled.cells.rnn.step\ntags: [hide-input]\n---\n"
        "a = 1\n```\n"
    )
    source = HEADER + cell("x\n\ny", options=":tags: [hide-input]\n") + yaml
    source += (
        "```{code-cell} python3\nplain = 1\n```\n```python\n:drawn: not.a.cell\n```\n"
    )
    first, second = drawn_cells.drawn_cells(source)
    assert (first.name, first.text, first.line) == (
        "unrolled.cells.rnn.step",
        "x\n\ny",
        7,
    )
    assert (second.name, second.text) == ("unrolled.cells.rnn.step", "a = 1")


def test_the_decorator_that_names_arguments_is_not_shown_and_every_other_is(tmp_path):
    module = tmp_path / "code/unrolled/toy.py"
    module.parent.mkdir(parents=True)
    module.write_text(
        "@names_arguments\ndef first(x):\n    return x\n\n\n"
        "@cache\n@names_arguments(\n    x=check,\n)\ndef second(x):\n    return x\n\n\n"
        "@names_arguments_of_another\n@cache\ndef third(x):\n    return x\n"
    )

    def drawn(name):
        return drawn_cells.source_of(f"unrolled.toy.{name}", tmp_path)

    assert drawn("first") == "def first(x):\n    return x"
    assert drawn("second") == "@cache\ndef second(x):\n    return x"
    assert drawn("third").startswith("@names_arguments_of_another\n@cache\ndef third")


def test_draw_copies_the_source_and_touches_nothing_else(tmp_path, capsys):
    before = (
        HEADER
        + cell("def step(): stale")
        + "\nProse.\n\n"
        + cell("old", "unrolled.cells.rnn.Params")
    )
    page = project(tmp_path, before)
    assert draw.main([], tmp_path) == 0
    expected = HEADER + cell(shown(rnn.step)) + "\nProse.\n\n"
    expected += cell(shown(rnn.Params), "unrolled.cells.rnn.Params")
    assert page.read_text("utf-8") == expected
    assert "redrew book/page.md" in capsys.readouterr().out
    assert draw.main([], tmp_path) == 0
    assert capsys.readouterr().out == ""


def test_a_whole_module_is_drawn_as_its_file_stands(tmp_path):
    page = project(tmp_path, HEADER + cell("stale", "unrolled.min_rnn"))
    assert draw.main([], tmp_path) == 0
    file = (ROOT / "code/unrolled/min_rnn.py").read_text("utf-8").rstrip("\n")
    assert page.read_text("utf-8") == HEADER + cell(file, "unrolled.min_rnn")


def test_check_names_the_cell_and_writes_nothing(tmp_path, capsys):
    source = shown(rnn.step)
    page = project(tmp_path, HEADER + cell(source))
    assert draw.main(["--check"], tmp_path) == 0
    drifted = HEADER + cell(source + " ")
    page.write_text(drifted, "utf-8")
    assert draw.main(["--check"], tmp_path) == 1
    assert (
        "book/page.md:7: unrolled.cells.rnn.step is not the tested text"
        in capsys.readouterr().out
    )
    assert page.read_text("utf-8") == drifted


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("unrolled.cells.rnn.no_such", "defines no function or class no_such"),
        ("unrolled.no_such.step", "not a function or class of a module of the package"),
        ("numpy.mean", "not a function or class of a module of the package"),
    ],
)
def test_what_cannot_be_drawn_is_one_clear_line(tmp_path, capsys, name, message):
    project(tmp_path, HEADER + cell("", name))
    assert draw.main([], tmp_path) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_an_exercise_without_its_section_is_one_line(tmp_path, monkeypatch, capsys):
    def pages(root):
        raise ValueError("book/a.md has no section #gone")

    monkeypatch.setattr(draw.exercise_pages, "pages", pages)
    assert draw.main([], project(tmp_path, HEADER).parents[1]) == 1
    assert capsys.readouterr().err == "book/a.md has no section #gone\n"
