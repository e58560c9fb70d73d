"""Code that runs in the page: what can, what it loads, and Python's half of it."""

import gzip
import importlib
import re
import zipfile
from io import BytesIO

import pytest
from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode
from packaging.requirements import Requirement

from book._ext.build import build
from book._ext.live import (
    available_modules,
    browser_python,
    editor_bundle,
    kept_corpus,
    kept_parts,
    live_cells,
    live_files,
)
from tests.support.paths import ROOT
from unrolled import exercises, records
from unrolled.data import text
from unrolled.drawing import charts, style

# --- What is live, from the text alone ----------------------------------------------------------


def needs(*cells):
    names = live_cells.Names(ROOT)
    return [names.cell(cell) for cell in cells]


RUNS, DRAWS = (None, False), (None, True)
PROGRAM = (ROOT / "code/unrolled/min_rnn.py").read_text("utf-8")
SENTENCES = ("sentencex", False)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        (["import numpy as np\nnp.zeros(3)"], [RUNS]),
        (["import math\nfrom unrolled.cells import lstm, rnn\nrnn.init"], [RUNS]),
        (["import tensorflow as tf\ntf.zeros(3)"], [("TensorFlow", False)]),
        (["import keras"], [("Keras", False)]),
        ([PROGRAM, "sample(rng, weights, 0, 9)"], [RUNS, RUNS]),
        # A name of a figure may be given a different value later.
        *(
            (
                [
                    "from unrolled.drawing import figures",
                    "left, right = figures.canvas(columns=2)\nleft.plot(1)",
                    again,
                ],
                [("Matplotlib", False)] * 2 + [RUNS],
            )
            for again in (
                "def add(left, right):\n    return left + right",
                "def add():\n    left = 1\n    return left",
                "for left in (1, 2):\n    print(left)",
                "[right + 1 for right in (1, 2)]",
            )
        ),
        (
            [
                "from unrolled.drawing import figures",
                "left = figures.canvas()",
                "for axes in (left,):\n    axes.plot(1)",
            ],
            [("Matplotlib", False)] * 3,
        ),
        # A stand-in takes the place of what is absent beside what is there.
        (
            [
                "from unrolled.cells import rnn\nfrom unrolled.drawing import figures\n\n"
                "figures.use_style()",
                "rnn.init",
            ],
            [RUNS, RUNS],
        ),
        # The statement that draws is left out, and what it binds is absent.
        (
            [
                "from unrolled.drawing import figures\nx = 1\naxes = figures.canvas()",
                "x",
                "axes.plot(x)",
            ],
            [DRAWS, RUNS, ("Matplotlib", False)],
        ),
        # It cannot be left out if it lacks anything else too.
        (
            [
                "from unrolled.drawing import figures\nimport keras\nx = keras.x",
                "axes = figures.canvas()\ny = 1\nfor a, b in zip(axes, x):\n    a.plot(b)",
            ],
            [("Keras", False), ("Keras", False)],
        ),
        # Of a cell that lacks anything else nothing runs.
        (
            [
                "from unrolled.data import text\nx = 1\nr = text.sentences('x')",
                "x",
                "x = 2",
                "x",
            ],
            [SENTENCES, SENTENCES, RUNS, RUNS],
        ),
        # The weights that a page loads are there.
        (
            [
                "from unrolled import records\nfrom unrolled.models import pretrained",
                "pretrained.load('pocket')\nnp_file = records.FOLDER / 'x.npz'",
                "records.load('x')",
            ],
            [RUNS, RUNS, RUNS],
        ),
        # Through a module of the package, through a function, under another name.
        (
            ["from unrolled.models.probing import accuracy\naccuracy(1)"],
            [("SciPy", False)],
        ),
        (
            [
                "from unrolled.data import text\ndef f():\n    return text.sentences('x')",
                "f()",
            ],
            [SENTENCES] * 2,
        ),
        (["from unrolled.data import text as t\nt.sentences('x')"], [SENTENCES]),
        (["from unrolled.data.text import sentences\nsentences('x')"], [SENTENCES]),
        (["from unrolled.data import text\ntext.pad([[1]])"], [RUNS]),
        (["def f():\n    import jax\n    return jax.grad"], [("JAX", False)]),
        (["import a_stranger\na_stranger.x"], [("a_stranger", False)]),
        (["%timeit 1"], [("IPython", False)]),
        # What a function or a comprehension binds is its own.
        (
            [
                "import keras as x\ny = x.z",
                "def f():\n    y = 1\n[1 for y in 'ab']",
                "y",
            ],
            [("Keras", False), RUNS, ("Keras", False)],
        ),
        # A name can come back.
        (["import keras as x\nx.y", "x = 3", "x"], [("Keras", False), RUNS, RUNS]),
    ],
)
def test_what_a_cell_needs_is_read_from_its_text(cells, expected):
    assert needs(*cells) == expected


def code_cell(text, **metadata):
    source = nodes.container(nb_element="cell_code_source")
    source += nodes.literal_block(text, text)
    cell = nodes.container(nb_element="cell_code", cell_metadata=metadata)
    cell += source
    return cell


def test_a_page_lists_its_cells_and_exercises_stand_for_themselves():
    page = nodes.document(None, None)
    name = "softmax_over_the_wrong_axis"
    page += [
        code_cell("import keras\nimport math\nx = keras.x"),
        code_cell("x = 1", exercise=name),
        code_cell("x"),
        code_cell("check(1)", check=name),
        code_cell("x = 1\nx", exercise="one_cell_four_times"),
    ]
    assert live_cells.described(page, ROOT) == [
        {"id": "cell-1", "needs": "Keras", "imports": "import keras\nimport math"},
        {"id": "cell-2", "exercise": name},
        {"id": "cell-3", "needs": "Keras"},
        {"id": "cell-4", "check": name},
        {"id": "cell-5", "exercise": "one_cell_four_times", "needs": "TensorFlow"},
    ]


@pytest.mark.parametrize("whole", [False, True])
def test_a_folded_cell_runs_like_any_other(whole):
    """MyST-NB wraps the source of a folded cell, or the whole cell."""
    page, cell = nodes.document(None, None), code_cell("import math\nx = math.pi")
    output = nodes.container(nb_element="cell_code_output")
    wrapped = HideCodeCellNode(prompt_show="Show", prompt_hide="Hide")
    wrapped += [*cell.children, *([output] if whole else [])]
    cell.children = [wrapped]
    if not whole:
        cell += output
    page += [cell, code_cell("x")]
    assert live_cells.described(page, ROOT) == [{"id": "cell-1"}, {"id": "cell-2"}]


def test_the_package_is_split_by_what_its_modules_import():
    present, absent = available_modules.split(ROOT)
    names = {path.stem for path in present}
    assert {
        "rnn",
        "lstm",
        "gru",
        "attention",
        "text",
        "train",
        "judging",
        "__init__",
    } <= names
    assert not {"figures", "probing", "keras_models"} & names
    assert absent["unrolled.drawing.figures"] == "Matplotlib"
    assert absent["unrolled.frameworks.keras_models"] in ("TensorFlow", "Keras")
    assert {"records", "pretrained"} <= names


def test_the_package_is_the_same_bytes_every_time_and_holds_what_is_live():
    present, _ = available_modules.split(ROOT)
    wheel = live_files.package(present, ROOT)
    assert wheel == live_files.package(reversed(present), ROOT)
    with zipfile.ZipFile(BytesIO(wheel)) as archive:
        names = {n for n in archive.namelist() if n.endswith(".py")}
        assert names == {p.relative_to(ROOT / "code").as_posix() for p in present}
        assert (
            archive.read("unrolled/cells/rnn.py")
            == (ROOT / "code/unrolled/cells/rnn.py").read_bytes()
        )
        assert archive.read("unrolled/data/alice.txt").startswith(b"\n\n\n\n      ")


def test_the_recorded_results_lie_where_a_page_looks_for_them(tmp_path, runner):
    described = live_files.results(tmp_path / "live", ROOT)
    assert {"language_model.json", "gpu/webgpu.json"} <= {*described["names"]}
    assert "pocket_language_model.npz" in described["names"]
    for name in described["names"]:
        kept = (tmp_path / described["folder"] / name).read_bytes()
        assert kept == (ROOT / "results" / name).read_bytes()
    assert runner.results_folder() == str(records.FOLDER)


def test_the_corpus_is_read_from_what_the_site_keeps(tmp_path, runner, monkeypatch):
    documents = [text.Document("a", ("One.", "Two.")), text.Document("b", ("Ü.",))]
    assert kept_corpus.packed(documents) == kept_corpus.packed(documents)
    (tmp_path / "kept.gzip").write_bytes(kept_corpus.packed(documents))
    monkeypatch.setattr(text, "corpus", lambda packages, cache: [packages, cache])
    runner.take_kept_corpus(tmp_path / "kept.gzip")
    assert text.corpus() == documents
    assert text.corpus(["numpy"], "cache") == [["numpy"], "cache"]


def test_the_licences_of_the_corpus_are_kept_with_it(tmp_path, monkeypatch):
    monkeypatch.setattr(text, "corpus", lambda: [text.Document("a", ("One.",))])
    kept_corpus.make(tmp_path)
    said = (tmp_path / "licenses/corpus-in-the-page.txt").read_text("utf-8")
    for line in ("Apache License", "NumPy Developers", "Matplotlib", "SciPy"):
        assert line in said


def test_what_a_page_loads_for_python_is_summed(tmp_path):
    for name, size in (("pyodide.js", 1), ("pyodide.asm.js", 10), ("numpy.whl", 100)):
        (tmp_path / name).write_bytes(b"x" * size)
    scripts = {"live_runner.py": b"x" * 2000, "cells.js": b"not loaded for it"}
    found = live_files.loads(tmp_path, b"x" * 10_000, scripts)
    assert found == {"all": 12_111, "scripts": 11}


def test_changed_results_lie_in_a_new_folder(tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results/a.json").write_text("1")
    before = live_files.results(tmp_path / "live", tmp_path)["folder"]
    (tmp_path / "results/a.json").write_text("2")
    assert live_files.results(tmp_path / "live", tmp_path)["folder"] != before


# --- What the page loads ------------------------------------------------------------------------


def test_numpy_is_locked_by_its_hash_and_no_address():
    lines = re.sub(
        r"#.*|\\\n", "", browser_python.REQUIREMENTS.read_text("utf-8")
    ).split()
    assert str(Requirement(lines[0])) == "jupyterlite-xeus-python==1.0.0"
    assert re.fullmatch(r"--hash=sha256:[0-9a-f]{64}", lines[1]) and len(lines) == 2


def test_a_part_is_made_once_for_the_same_input(tmp_path, monkeypatch):
    monkeypatch.setattr(kept_parts, "KEPT", tmp_path / "live")
    calls = []

    def make(folder):
        calls.append(folder)
        (folder / "x").write_text(str(len(calls)))

    first = kept_parts.made("part", [b"a"], make)
    assert kept_parts.made("part", [b"a"], make) == first and len(calls) == 1
    second = kept_parts.made("part", [b"b"], make)
    assert (second / "x").read_text() == "2"
    assert [path.name for path in (tmp_path / "live").iterdir()] == [second.name]


def test_an_interrupted_part_is_not_taken_for_a_whole_one(tmp_path, monkeypatch):
    monkeypatch.setattr(kept_parts, "KEPT", tmp_path / "live")

    def fails(folder):
        (folder / "x").write_text("half")
        raise kept_parts.LiveError("no network")

    for _ in range(2):
        with pytest.raises(kept_parts.LiveError):
            kept_parts.made("part", [b"a"], fails)
    assert list((tmp_path / "live").iterdir()) == []


@pytest.mark.slow
def test_a_failed_fetch_is_one_clear_line(tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    with pytest.raises(kept_parts.LiveError) as error:
        browser_python.fetched(tmp_path)
    line = str(error.value)
    assert line.startswith("Could not fetch NumPy for the browser") and "\n" not in line
    assert "No matching distribution" in line


def test_a_build_ends_with_that_line(tmp_path, monkeypatch, capsys):
    def fails():
        raise kept_parts.LiveError("Could not fetch NumPy")

    monkeypatch.setattr(build, "BUILD", tmp_path)
    monkeypatch.setattr(build, "npm_packages", lambda root: None)
    monkeypatch.setattr(build.changes, "is_built", lambda root, made_from: False)
    monkeypatch.setattr(live_files, "prepare", fails)
    assert build.main([]) == 1
    assert capsys.readouterr().err == "Could not fetch NumPy\n"


@pytest.mark.slow
def test_the_licences_of_all_that_comes_are_there():
    texts = {
        path.name: path.read_text("utf-8")
        for part in (
            browser_python.python(),
            editor_bundle.editor(),
            editor_bundle.charts(),
        )
        for path in (part / "licenses").iterdir()
    }
    assert "Mozilla Public License, version 2.0" in texts["pyodide.txt"]
    assert "PYTHON SOFTWARE FOUNDATION LICENSE" in texts["cpython.txt"]
    assert "NumPy Developers" in texts["numpy-in-the-page.txt"]
    assert "Copyright 2020-2025 Observable" in texts["observable-plot.txt"]
    assert "d3-scale" in texts["observable-plot.txt"]
    assert (
        "@codemirror/view" in texts["codemirror.txt"]
        and "MIT" in texts["codemirror.txt"]
    )


# --- Python's half, outside the browser ---------------------------------------------------------


@pytest.fixture
def runner(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "book/_live"))
    module = importlib.import_module("live_runner")
    return module


def printed(runner, code, namespace=None, **settings):
    pieces = []
    names = runner.new_namespace() if namespace is None else namespace
    passed, _ = runner.run(code, "cell 3", names, pieces.append, **settings)
    return passed, "".join(pieces)


def test_a_cell_shows_its_last_expression_as_a_notebook_does(runner):
    assert printed(runner, "print('a')\n1 + 1") == (True, "a\n2\n")
    assert printed(runner, "1 + 1;") == (True, "")
    assert printed(runner, "x = 1") == (True, "")
    assert printed(runner, "") == (True, "")


def test_a_chart_goes_to_the_page_as_json(runner):
    drawn = []
    code = (
        "from unrolled.drawing import charts\nm = charts.lines([1, 2], {'a': [3, 4]})"
    )
    names = runner.new_namespace()
    assert printed(runner, code + "\nm", names, draw=drawn.append) == (True, "")
    assert drawn == [names["m"].to_json()]
    assert printed(runner, "m;", names, draw=drawn.append) == (True, "")
    assert len(drawn) == 1


def test_the_charts_of_a_page_need_no_matplotlib(runner):
    """A cell that ends in a chart is live, whole."""
    cells = ["from unrolled.drawing import charts", "m = charts.heat_map([[1]])\nm"]
    assert needs(*cells) == [RUNS, RUNS]


def test_a_diagram_needs_no_matplotlib_and_is_drawn_again(runner):
    cells = [
        "from unrolled.drawing import diagrams, graph",
        "m = diagrams.diagram(graph.rolled())\nm",
    ]
    assert needs(*cells) == [RUNS, RUNS]
    drawn, names = [], runner.new_namespace()
    assert printed(runner, "\n".join(cells), names, draw=drawn.append) == (True, "")
    assert drawn == [names["m"].to_json()]


@pytest.mark.slow
def test_the_script_that_draws_charts_is_light():
    script = (editor_bundle.charts() / "charts.js").read_bytes()
    assert 50_000 < len(gzip.compress(script)) < 130_000


def test_the_page_knows_both_shades_of_each_colour_of_a_chart():
    shades = live_files.shades()
    assert set(charts.COLOURS) < set(shades)
    assert shades["blue"] == (style.COLOURS["blue"], style.DARK[style.COLOURS["blue"]])


def test_cells_share_their_names(runner):
    names = runner.new_namespace()
    assert printed(runner, "def f():\n    return y\ny = 7", names)[0]
    assert printed(runner, "f()", names) == (True, "7\n")


def test_an_error_shows_the_readers_lines_and_no_others(runner):
    code = "import json\ndef broken(x):\n    return json.loads(x)\n\nbroken('{')"
    passed, text = printed(runner, code)
    assert not passed
    assert "return json.loads(x)" in text and "broken('{')" in text
    assert 'File "<cell 3>", line 3, in broken' in text
    assert text.rstrip().splitlines()[-1].startswith("json.decoder.JSONDecodeError")
    assert "decoder.py" not in text and "live_runner" not in text
    passed, text = printed(runner, "def f(:\n    pass")
    assert not passed and "SyntaxError" in text and "def f(:" in text


@pytest.mark.parametrize(
    "code", ["raise SystemExit", "exit()", "raise KeyboardInterrupt"]
)
def test_a_cell_cannot_end_the_page(runner, code):
    assert not printed(runner, code)[0]


def test_megabytes_are_cut_and_counted(runner):
    passed, text = printed(runner, "print('x' * 3_000_000)")
    assert passed and len(text) < runner.MOST + 200
    assert f"{3_000_001 - runner.MOST:,} more characters" in text
    code = "for i in range(30_000):\n    print('yes')\n1 / 0"
    assert printed(runner, code)[1].count("cut here") == 1


def test_absent_modules_are_stood_in_for_and_say_what_they_need(runner, monkeypatch):
    finder = runner.Finder({"strange": "Strange Library", "painted": runner.DRAWING})
    monkeypatch.setattr("sys.meta_path", [*__import__("sys").meta_path, finder])
    assert printed(runner, "import strange.deep as s\nfrom strange import x\n1") == (
        True,
        "1\n",
    )
    passed, text = printed(runner, "import strange\nstrange.deep.call(3)")
    assert not passed and "strange.deep.call needs Strange Library" in text
    code = "import painted\nn = 2\naxes = painted.canvas()\nfor a in axes:\n    a.x()\nprint(n)"
    passed, text = printed(runner, code)
    assert passed and text.startswith("2\n[The figure is not drawn again")
    for name in [
        name
        for name in __import__("sys").modules
        if name.startswith(("strange", "pai"))
    ]:
        monkeypatch.delitem(__import__("sys").modules, name)


def test_a_check_judges_what_the_cell_left(runner):
    name = "softmax_over_the_wrong_axis"
    names = runner.new_namespace
    right = runner.check(exercises.load(name).SOLUTION, "cell 1", name, names(), print)
    assert right[0] and right[1].startswith("Right.")
    nothing = runner.check("", "cell 1", name, names(), print)
    assert not nothing[0] and "Define" in nothing[1]
    assert runner.check("1 / 0", "cell 1", name, names(), [].append) == (False, None)
