"""Tests of the build's own checks: a book with every fault we know, built once; each must be named.

The seeded book is a small one of its own (its pages, tests and records are written here) with our
configuration, extensions and package.
"""

import http.client
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest
from docutils import nodes
from docutils.utils import new_document

from book._ext.build import build, serve
from book._ext.evidence import coverage_index, measure_evidence, record_roles
from book._ext.execution import fingerprint, outputs
from book._ext.page import figures_on_page, opening
from book._ext.source import drawn_cells, source_pages

ROOT = drawn_cells.ROOT
HEADER = """---
jupytext:
  text_representation: {extension: .md, format_name: myst, format_version: 0.13}
kernelspec: {display_name: Python 3, language: python, name: python3}
---

"""
STEP = drawn_cells.source_of("unrolled.cells.rnn.step")
PLOT = """from unrolled.drawing import figures
figures.use_style()
axes = figures.canvas()
figures.lines(axes, [0, 1], {"curve": [0, 1]});"""
IMPORTS = """```{code-cell} python3
import numpy as np
from unrolled.functional import project
```
"""


def code(text, options=""):
    return f"```{{code-cell}} python3\n{options}{text}\n```\n"


GOOD = (
    HEADER
    + "# Good\n\n$$\na = b\n$$ (eq-tested)\n\nSee {eq}`eq-tested`, {numref}`fig-curve`.\n\n"
    + IMPORTS
    + code(STEP, ":drawn: unrolled.cells.rnn.step\n")
    + code(
        PLOT,
        '---\nmystnb:\n  image: {alt: "A rising line."}\n'
        '  figure: {caption: "A line.", name: fig-curve}\n---\n',
    )
    + "It was {record}`demo:results.loss:.2f`, {record}`demo:results.runs.1:,d` times.\n\n"
    + "```{record-origin} demo\n```\n\n"
    + "```{record-origin} gpu/demo\n:not-yet: There is none of this.\n```\n\n"
    + "```{record-origin} gpu/none\n:not-yet: No GPU has been at hand.\n```\n"
)

# page -> its text, and what the build must say of it
FAULTS = {
    "untested_equation": (
        "$$\na\n$$ (eq-untested)\n",
        "untested_equation has no test marked",
    ),
    "equation_of_shapes": (
        "$$\na\n$$ (eq-shapes)\n",
        "that counts: test_seeded.py::test_shape asserts nothing of a value",
    ),
    "equation_of_constants": (
        "$$\na\n$$ (eq-nothing)\n",
        "test_seeded.py::test_nothing asserts nothing of a value",
    ),
    "misnamed_equation": ("$$\na\n$$ (tested)\n", "labels begin with eq-"),
    "drifted_cell": (
        IMPORTS + code(STEP + "  # drifted", ":drawn: unrolled.cells.rnn.step\n"),
        "unrolled.cells.rnn.step is not the text in code/",
    ),
    "untested_function": (
        code(
            drawn_cells.source_of("unrolled.tree.leaves"),
            ":drawn: unrolled.tree.leaves\n",
        ),
        "no test executes unrolled.tree.leaves",
    ),
    "unknown_object": (
        code("1", ":drawn: unrolled.cells.rnn.nothing\n"),
        "no function or class nothing",
    ),
    "image_without_alt": ("![](../_static/favicon.svg)\n", "image without alt text"),
    "figure_without_alt": (code(PLOT), "image without alt text"),
    "html_without_alt": (
        code("from IPython.display import HTML\nHTML('<img src=\"x.svg\">')"),
        "HTML output with an image without alt text",
    ),
    "png_figure": (
        code(
            "import matplotlib.pyplot as plt\nplt.figure().add_subplot();",
            '---\nmystnb: {image: {alt: "Empty axes."}}\n---\n',
        ),
        "figure as PNG: call figures.use_style() first",
    ),
    "heavy_figure": (
        code(
            "import numpy as np\n"
            + PLOT
            + "\naxes.plot(*np.random.rand(2, 9000), '.');",
            '---\nmystnb: {image: {alt: "Noise."}}\n---\n',
        ),
        "draw its many points with rasterized=True",
    ),
    "object_shown": (
        code("from unrolled.drawing import figures\nfigures.canvas()"),
        "end the cell with a semicolon",
    ),
    "figure_missing": (
        code("1 + 1", '---\nmystnb: {image: {alt: "A line."}}\n---\n'),
        "cell without its figure",
    ),
    "no_header": (code("1 + 1"), "unexpected `code-cell`"),
    "failing_cell": (code("1 / 0"), "ZeroDivisionError: division by zero"),
    "stderr": (code("import sys\nprint('oops', file=sys.stderr)"), "stderr was found"),
    "unknown_record": (
        "{record}`nothing:results.loss`\n",
        "no record results/nothing.json",
    ),
    "unknown_key": ("{record}`demo:results.los:.2f`\n", "los is not among loss, runs"),
    "unknown_origin": (
        "```{record-origin} nothing\n```\n",
        "no record results/nothing.json",
    ),
    "bad_formula": ("$\\frac{a$\n", "formula: KaTeX parse error"),
    "broken_reference": ("See {eq}`eq-nowhere`.\n", "eq-nowhere"),
    "broken_link": ("[there](nowhere.md)\n", "nowhere.md"),
    "unknown_citation": ("{cite:p}`nobody2099`\n", "nobody2099"),
}

TESTS = """
import pytest
from unrolled.cells import rnn

@pytest.mark.equation("eq-tested", "tested")
def test_step():
    assert rnn.step

@pytest.mark.equation("eq-shapes")
def test_shape():
    assert rnn.step.shape == (2, 3)

@pytest.mark.equation("eq-nothing")
def test_nothing():
    assert 1 + 1 == 2
"""

RECORD = {
    "name": "demo",
    "device": "a machine",
    "versions": {"python": "3.11.9", "numpy": "2.4.6"},
    "seed": 7,
    "commit": "0123456789abcdef",
    "date": "2026-11-20",
    "settings": {},
    "code": {"experiments.demo.RECORDS": "outdated"},
    "data": {},
    "results": {"loss": 1.23456, "runs": [1, 2345]},
}


SEEDED = "tests/test_seeded.py::"
LABELS = {
    f"{SEEDED}test_step": ["eq-tested", "tested"],
    f"{SEEDED}test_shape": ["eq-shapes"],
    f"{SEEDED}test_nothing": ["eq-nothing"],
}
EXECUTED = {f"{SEEDED}test_step", f"{SEEDED}test_shape"}


def write_evidence(folder, executed, labels):
    """Writes what `make evidence` would have found."""
    record = measure_evidence.record_of(folder, executed, labels)
    record |= {"date": "2026-11-28", "commit": "0123456789ab"}
    (folder / coverage_index.RECORD).write_text(
        measure_evidence.written(record), "utf-8"
    )


def seed(folder, pages):
    """Writes a book of these pages; the first is its root."""
    for name in ("code", "node_modules", "_config.yml", "requirements.lock"):
        (folder / name).symlink_to(ROOT / name)
    for name in ("book", "tests", "results", "experiments"):
        (folder / name).mkdir()
    for name in ("_ext", "_static", "_templates"):
        (folder / "book" / name).symlink_to(ROOT / "book" / name)
    (folder / "book/references.bib").write_text("", "utf-8")
    (folder / "tests/test_seeded.py").write_text(TESTS, "utf-8")
    write_evidence(folder, {"unrolled.cells.rnn.step": EXECUTED}, LABELS)
    (folder / "results/demo.json").write_text(json.dumps(RECORD), "utf-8")
    (folder / "results/gpu").mkdir()
    on_gpu = RECORD | {"device": "a graphics card, driver 580.1"}
    (folder / "results/gpu/demo.json").write_text(json.dumps(on_gpu), "utf-8")
    for name, text in pages.items():
        (folder / f"book/{name}.md").write_text(text, "utf-8")
    root, *rest = pages
    chapters = "".join(f"- file: book/{name}\n" for name in rest)
    (folder / "_toc.yml").write_text(
        f"format: jb-book\nroot: book/{root}\n"
        + (f"chapters:\n{chapters}" if rest else ""),
        "utf-8",
    )
    return folder


slow = pytest.mark.slow


@pytest.fixture(scope="module")
def node_modules():
    build.npm_packages(ROOT)


@pytest.fixture(scope="module")
def good(tmp_path_factory, node_modules):
    folder = seed(tmp_path_factory.mktemp("good"), {"good": GOOD})
    assert build.run_sphinx(folder) == []
    return folder


@pytest.fixture(scope="module")
def faulty(tmp_path_factory, node_modules):
    pages = {"root": "# Root\n"}
    pages |= {name: f"{HEADER}# {name}\n\n{text}" for name, (text, _) in FAULTS.items()}
    pages["no_header"] = pages["no_header"].removeprefix(HEADER)
    return build.run_sphinx(seed(tmp_path_factory.mktemp("faulty"), pages))


@slow
@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_fails_the_build_and_is_named(faulty, name):
    _, expected = FAULTS[name]
    about = [line for line in faulty if expected in line]
    assert about, "\n".join(faulty)
    if not expected.startswith("ZeroDivision"):  # the line of a traceback names no page
        assert any(name in line for line in about), "\n".join(about)


@slow
def test_no_other_page_is_blamed(faulty):
    assert [line for line in faulty if "book/root" in line] == []


@slow
def test_a_good_page_shows_its_marks(good):
    page = (good / "_build/html/book/good.html").read_text("utf-8")
    assert "equation-mark" in page
    assert 'href="../source/tests/test_seeded.html#test_step"' in page
    assert 'href="../source/code/unrolled/cells/rnn.html#step"' in page
    assert (
        'id="test_step"'
        in (good / "_build/html/source/tests/test_seeded.html").read_text()
    )
    assert (
        'id="step"'
        in (good / "_build/html/source/code/unrolled/cells/rnn.html").read_text()
    )


@slow
def test_a_good_page_shows_its_records(good):
    page = (good / "_build/html/book/good.html").read_text("utf-8")
    assert re.search(r'class="record"[^>]*>1\.23</span>', page)
    assert re.search(r'class="record"[^>]*>2,345</span>', page)
    for part in (
        "a machine",
        "NumPy 2.4.6",
        "seed 7",
        "2026-11-20",
        "The code has changed since.",
    ):
        assert part in page


@slow
def test_a_record_that_may_be_missing_says_so_until_it_is_there(good):
    page = (good / "_build/html/book/good.html").read_text("utf-8")
    assert re.search(
        r'<p class="record-origin not-yet">No GPU has been at hand.</p>', page
    )
    assert (
        "a graphics card, driver 580.1" in page and "There is none of this." not in page
    )


@slow
def test_a_page_waits_for_its_record_and_is_not_read_again_until_it_comes(
    tmp_path, node_modules
):
    text = "# Page\n\n```{record-origin} gpu/later\n:not-yet: None yet.\n```\n"
    folder = seed(tmp_path, {"page": text})
    page = folder / "_build/html/book/page.html"
    assert build.run_sphinx(folder) == []
    written = page.stat().st_mtime_ns
    assert build.run_sphinx(folder) == []
    assert page.stat().st_mtime_ns == written
    record = json.dumps(RECORD | {"name": "later", "device": "a graphics card"})
    (folder / "results/gpu/later.json").write_text(record, "utf-8")
    assert build.run_sphinx(folder) == []
    assert "a graphics card" in page.read_text("utf-8")


def test_the_note_under_a_title_is_set_upright_and_no_other(tmp_path):
    note, word = nodes.emphasis("", "All of it."), nodes.emphasis("", "one")
    first = nodes.paragraph("", "", note)
    mixed = nodes.paragraph("", "", nodes.Text("Only "), word)
    later = nodes.paragraph("", "", nodes.emphasis("", "Later."))
    for paragraphs, marked in (([first, later], [first]), ([mixed], [])):
        tree = new_document("page")
        tree += nodes.section("", nodes.title("", "Title"), *paragraphs)
        opening.set_upright(None, tree)
        assert [
            p for p in tree.findall(nodes.paragraph) if "opening" in p["classes"]
        ] == marked
    assert first.astext() == "All of it." and not any(first.findall(nodes.emphasis))
    assert any(later.findall(nodes.emphasis)) and any(mixed.findall(nodes.emphasis))


@slow
def test_a_figure_has_its_dark_twin(good):
    page = (good / "_build/html/book/good.html").read_text("utf-8")
    images = re.findall(
        r'<img alt="A rising line\." class="[^"]*(light|dark)-twin[^>]*src="([^"]*)"'
        r' style="width: \d+px; aspect-ratio: auto [\d.]+ / [\d.]+;"',
        page,
    )
    (_, light), (_, dark) = sorted(images, reverse=True)
    from unrolled.drawing import figures

    colours = [
        set(
            re.findall(
                r"#[0-9a-f]{6}\b", (good / "_build/html/book" / path).read_text("utf-8")
            )
        )
        for path in (light, dark)
    ]
    assert colours[0] >= {figures.INK, figures.GROUND}
    assert colours[1] == {figures.DARK[colour] for colour in colours[0]}


@slow
def test_no_link_shows_an_undecided_address(good):
    page = (good / "_build/html/book/good.html").read_text("utf-8")
    assert "OWNER" not in page
    assert "mybinder" not in page
    assert 'href="../_sources/book/good.ipynb" download' in page


@slow
def test_the_outputs_follow_the_code(tmp_path, node_modules):
    folder = seed(
        tmp_path,
        {
            "page": HEADER
            + "# Page\n\n"
            + code("from experiments import answer\nanswer.value()")
        },
    )
    module = folder / "experiments/answer.py"
    module.write_text(
        "from experiments.deep import number\ndef value(): return number\n"
    )
    deep = folder / "experiments/deep.py"
    (folder / "experiments/__init__.py").write_text("")
    path = {"PYTHONPATH": f"{folder}{os.pathsep}{ROOT / 'code'}"}

    def output(number):
        deep.write_text(f"number = {number}\n")
        assert build.run_sphinx(folder, path) == []
        page = (folder / "_build/html/book/page.html").read_text("utf-8")
        return re.search(r"text_plain.*?<pre>.*?(\d+)", page, re.DOTALL)[1]

    assert [output(41), output(42), output(42)] == ["41", "42", "42"]


@slow
def test_pages_are_executed_side_by_side_and_each_once(tmp_path, node_modules):
    cell = code(
        "import time, pathlib\nbegun = time.time()\ntime.sleep(4)\n"
        "with open(f'{pathlib.Path.cwd().parent}/log', 'a') as log:\n"
        "    log.write(f'{begun} {time.time()}\\n')"
    )
    pages = {
        f"page_{i}": f"{HEADER}# Page {i}\n\n{cell}{code(str(i))}" for i in range(2)
    }
    folder = seed(tmp_path, pages)
    assert build.run_sphinx(folder) == []
    spans = [
        tuple(map(float, line.split()))
        for line in (folder / "log").read_text().splitlines()
    ]
    assert len(spans) == 2
    assert max(begun for begun, _ in spans) < min(ended for _, ended in spans)
    for i in range(2):
        page = (folder / f"_build/html/book/page_{i}.html").read_text("utf-8")
        assert re.search(rf"text_plain.*?<pre>.*?\b{i}\b", page, re.DOTALL)
    (folder / "book/page_0.md").write_text(
        pages["page_0"] + "More words, the same cells.\n"
    )
    assert build.run_sphinx(folder) == []
    assert len((folder / "log").read_text().splitlines()) == 2


def test_a_fingerprint_covers_what_the_cells_reach_and_no_more(tmp_path):
    page = HEADER + code("%matplotlib inline\nfrom unrolled.cells import rnn")
    folder = seed(tmp_path, {"page": page})

    def reached(text):
        return {Path(path).name for path in fingerprint.Reach(folder).files(text)}

    assert reached(page) == {"__init__.py", "rnn.py", "functional.py"}
    read = "from unrolled import records\nfrom unrolled.cells import (\n  rnn)"
    assert {"records.py", "rnn.py", "demo.json"} <= reached(code(read))
    assert len(reached(code("not python ("))) > 8
    assert reached("# No cells\n\n```python\nimport unrolled.cells.rnn\n```\n") == set()


def test_what_a_cell_prints_is_offered_in_one_piece():
    def printed(text, name="stdout"):
        return nbformat.v4.new_output("stream", name=name, text=text)

    shown = nbformat.v4.new_output("display_data", data={"text/plain": "x"})
    pieces = [
        printed("a"),
        printed("b"),
        printed("c", "stderr"),
        shown,
        shown,
        printed("d"),
    ]
    assert outputs.joined(pieces) == [
        printed("ab"),
        printed("c", "stderr"),
        shown,
        shown,
        printed("d"),
    ]
    assert pieces[0].text == "a"


def test_a_file_has_its_page_written_when_it_or_the_whole_book_is_new(tmp_path):
    root, out = tmp_path / "root", tmp_path / "out"
    files = {root / f"code/unrolled/{name}.py": f"{name} = 1\n" for name in "abc"}
    for path in [*files, *(out / f"book/{name}.html" for name in ("one", "two"))]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files.get(path, ""), "utf-8")
    pages = sorted(out.rglob("*.html"))
    env = SimpleNamespace(found_docs={"book/one", "book/two"})
    config = SimpleNamespace(html_theme_options={}, root_doc="x")
    builder = SimpleNamespace(get_target_uri=lambda page: f"{page}.html")
    app = SimpleNamespace(
        srcdir=root, outdir=out, env=env, config=config, builder=builder
    )

    def build_at(second, *docs):
        for page in docs:
            os.utime(page, (second, second))
        again = source_pages.outdated(app, env, set(), set(), set())
        written = []
        for name, context, _ in source_pages.pages(app):
            made = out / f"{name}.html"
            made.parent.mkdir(parents=True, exist_ok=True)
            made.write_text(context["body"], "utf-8")
            os.utime(made, (second + 1, second + 1))
            written.append(name.rpartition("/")[2])
        return again, written

    assert build_at(10, *pages) == (["x"], ["a", "b", "c"])
    assert build_at(20, pages[0]) == ([], [])  # one chapter
    (root / "code/unrolled/b.py").write_text("b = 2\n", "utf-8")
    assert build_at(30) == (["x"], ["b"])
    assert "2" in (out / "source/code/unrolled/b.html").read_text("utf-8")
    (out / "source/code/unrolled/c.html").unlink()
    assert build_at(40) == ([], ["c"])
    assert build_at(50, *pages) == ([], ["a", "b", "c"])  # another theme, say


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nothing:results", "no record results/nothing.json"),
        ("demo:results.runs.9", "9 is not among a list"),
        ("demo:results.runs", "is not one value"),
        ("demo:results.loss:q", "cannot be shown as q"),
        ("damaged:results", "results/damaged.json is damaged"),
    ],
)
def test_a_record_that_is_not_there_is_one_clear_line(tmp_path, text, message):
    folder = seed(tmp_path, {"page": "# Page\n"})
    (folder / "results/damaged.json").write_text("{")
    with pytest.raises(record_roles.NoRecord, match=re.escape(message)):
        record_roles.formatted(folder, text)


def test_the_dark_twin_exchanges_named_colours_alone():
    svg = "fill: #14181F; stroke: #14181fab; color: #000000"
    twin = figures_on_page.dark_twin(svg, {"#14181f": "#e4e8ee"})
    assert twin == "fill: #e4e8ee; stroke: #14181fab; color: #000000"


@slow
@pytest.mark.parametrize("fault", ["untested_equation", "failing_cell"])
def test_a_failed_build_fails_again_and_leaves_nothing(
    tmp_path, node_modules, monkeypatch, fault
):
    """A page that was read with a warning must not pass unread the next time."""
    text, message = FAULTS[fault]
    folder = seed(tmp_path, {fault: HEADER + f"# Page\n\n{text}"})
    for name, value in {"ROOT": folder, "BUILD": folder / "_build"}.items():
        monkeypatch.setattr(build, name, value)
    (folder / "package-lock.json").symlink_to(ROOT / "package-lock.json")
    for _ in range(2):
        with pytest.raises(build.BuildError, match=message):
            build.build()
    report = folder / f"_build/html/reports/book/{fault}.err.log"
    assert report.is_file() == (fault == "failing_cell")
    (folder / f"book/{fault}.md").write_text("# Page\n", "utf-8")
    build.build()
    assert (folder / f"_build/html/book/{fault}.html").is_file()
    assert not report.parent.parent.exists()


def test_a_second_build_waits_for_the_first(tmp_path):
    script = (
        f"import sys, pathlib\nsys.path.append({str(ROOT)!r})\n"
        "from book._ext.build import build\n"
        f"with build.alone(pathlib.Path({str(tmp_path)!r})): print('mine')"
    )
    waiting = [sys.executable, "-c", script]
    with build.alone(tmp_path):
        second = subprocess.Popen(waiting, stdout=subprocess.PIPE, text=True)
        assert second.stdout is not None
        assert "waiting" in second.stdout.readline()
        assert second.poll() is None
    assert second.communicate(timeout=30)[0] == "mine\n"


def test_bad_arguments_are_one_line(capsys):
    for module, arguments in (
        (build, ["--what"]),
        (serve, ["port"]),
        (serve, ["65536"]),
    ):
        assert module.main(arguments) == 2
        assert capsys.readouterr().err.count("\n") == 1


def test_a_taken_port_gets_the_next_one(tmp_path):
    (tmp_path / "index.html").write_text("here")
    with (
        serve.server(tmp_path, 18000) as first,
        serve.server(tmp_path, first.server_port) as second,
    ):
        assert second.server_port > first.server_port
        threading.Thread(target=second.serve_forever, daemon=True).start()
        link = http.client.HTTPConnection("127.0.0.1", second.server_port)
        link.request("GET", "/")
        assert link.getresponse().read() == b"here"
        link.close()
        second.shutdown()
