"""Tests of the build's own checks: a book with every fault we know, built once; each must be named.

The seeded book is a small one of its own (its pages, tests and records are written here) with our
configuration, extensions and package.
"""

import json
import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import nbformat
import pytest

from book._ext.build import build, serve
from book._ext.evidence import record_roles
from book._ext.execution import fingerprint, outputs
from book._ext.page import figures_on_page
from book._ext.source import drawn_cells, source_pages
from tests.support.paths import ROOT
from tests.support.seeded_book import (
    GOOD,
    HEADER,
    IMPORTS,
    PLOT,
    RECORD,
    STEP,
    code,
    seed,
)
from unrolled.drawing import charts, matplotlib_charts

KNOB = "---\nknobs: [{name: gain, from: 1, to: 20, step: 0.5}]\n---\n"

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
    "knob_without_line": (
        code("other = 5", KNOB),
        "cell 1: the knob gain has no line `gain = …` of its own",
    ),
    "smaller_setting_of_nothing": (
        code("x = 5", '---\nin_the_page: {"x = 6": x = 1}\n---\n'),
        "cell 1: `in_the_page` replaces 'x = 6', which stands 0 times in it",
    ),
    "knob_outside": (
        code("gain = 30", KNOB),
        "cell 1: the knob gain is 30, outside its range from 1 to 20",
    ),
    "knob_of_no_live_cell": (
        code("import scipy\ngain = 5\nscipy.__version__;", KNOB),
        "cell 1: it has knobs and does not run in the page: it needs SciPy",
    ),
    "recorded_knob_without_a_chart": (
        code("gain = 5\nx = gain", KNOB.replace("0.5}", "1, recorded: true}")),
        "cell 1: its knob is recorded, and it shows no chart",
    ),
    "knob_of_a_shared_generator": (
        code("import numpy as np\nrng = np.random.default_rng(0)")
        + code("gain = 5\nx = gain * rng.normal()", KNOB),
        "cell 2: cell 2 runs again when the knob moves, and changes `rng` of cell 1",
    ),
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
@pytest.mark.xdist_group("faulty-pages")
def test_each_fault_fails_the_build_and_is_named(faulty, name):
    _, expected = FAULTS[name]
    about = [line for line in faulty if expected in line]
    assert about, "\n".join(faulty)
    if not expected.startswith("ZeroDivision"):  # the line of a traceback names no page
        assert any(name in line for line in about), "\n".join(about)


@slow
@pytest.mark.xdist_group("faulty-pages")
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
@pytest.mark.xdist_group("awaited-record")
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
def test_a_chart_has_a_file_with_its_description(good):
    site = good / "_build/html"
    page = (site / "book/good.html").read_text("utf-8")
    (stem,) = re.findall(
        r'class="[^"]*\blight-twin chart"[^>]*src="../_images/(\w+)\.svg"', page
    )
    described = (site / f"_charts/{stem}.json").read_text("utf-8")
    assert described == charts.lines([0, 1], {"curve": [0, 1]}).to_json()
    assert '"kind"' not in (site / f"_images/{stem}.svg").read_text("utf-8")
    assert "img.chart.light-twin" in (site / "_static/book.js").read_text("utf-8")
    styles = (site / "_static/book.css").read_text("utf-8")
    for name in ("panels", "legend", "value"):
        assert f".live-chart-{name}" in styles


@slow
def test_no_link_shows_an_undecided_address(good):
    page = (good / "_build/html/book/good.html").read_text("utf-8")
    assert "OWNER" not in page
    assert "mybinder" not in page
    assert 'href="../_sources/book/good.ipynb" download' in page


@slow
@pytest.mark.xdist_group("outputs")
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
@pytest.mark.xdist_group("executed-pages")
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


@pytest.mark.slow
def test_a_fingerprint_covers_what_the_cells_reach_and_no_more(tmp_path):
    page = HEADER + code("%matplotlib inline\nfrom unrolled.cells import rnn")
    folder = seed(tmp_path, {"page": page})

    def reached(text):
        return {Path(path).name for path in fingerprint.Reach(folder).files(text)}

    assert reached(page) == {
        "__init__.py",
        "arguments.py",
        "functional.py",
        "rnn.py",
    }
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


ON_ALL_CORES = """
from book._ext.source import source_pages

source_pages.MANY = 1
texts = [f"number = {k}\\n" for k in range(20)]
made = list(source_pages.all_rendered(texts))
assert made == [source_pages.rendered(text) for text in texts]
assert len(set(made)) == 20
"""


def test_pages_of_files_that_are_made_on_all_cores_stand_in_their_order():
    """In a process of its own: what other tests have loaded may not be copied with this one."""
    subprocess.run([sys.executable, "-c", ON_ALL_CORES], cwd=ROOT, check=True)


def test_a_file_has_its_page_written_when_it_or_the_whole_book_is_new(tmp_path):
    root, out = tmp_path / "root", tmp_path / "out"
    files = {root / f"code/unrolled/{name}.py": f"{name} = 1\n" for name in "abc"}
    for path in [*files, *(out / f"book/{name}.html" for name in ("one", "two"))]:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files.get(path, ""), "utf-8")
    pages = sorted(out.rglob("*.html"))
    env = SimpleNamespace(found_docs={"book/one", "book/two"})
    config = SimpleNamespace(repository_address="", root_doc="x")
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
        ("binary:results", "results/binary.json is damaged"),
        ("list:results", "results/list.json is damaged: it is no dictionary"),
        ("changed:results.loss", "is damaged: it has changed since it was written"),
    ],
)
def test_a_record_that_is_not_there_is_one_clear_line(tmp_path, text, message):
    folder = seed(tmp_path, {"page": "# Page\n"})
    changed = json.dumps({"results": {"loss": 1.5}, "checksum": "0123456789abcdef"})
    for name, content in {
        "damaged": b"{",
        "binary": b"\xff",
        "list": b"[]",
        "changed": changed.encode(),
    }.items():
        (folder / f"results/{name}.json").write_bytes(content)
    with pytest.raises(record_roles.NoRecord, match=re.escape(message)):
        record_roles.formatted(folder, text)


@pytest.mark.parametrize(
    ("difference", "agreement"),
    [
        (2.6e-08, "the same numbers up to a relative difference of 3e-08."),
        (0.0, "exactly the same numbers."),
    ],
)
def test_a_reproduced_record_says_how_closely_a_rerun_agreed(difference, agreement):
    again = {"date": "2026-11-29", "commit": "6cd6d589e3f0", "difference": difference}
    line = record_roles.standing({"reproduced": again}, stale=False)
    assert line == (
        "The code has changed since. On 2026-11-29, at commit 6cd6d589e3, "
        f"a rerun of a small part gave {agreement}"
    )
    assert record_roles.standing({}, stale=False) == "The code has not changed since."
    assert record_roles.standing({}, stale=True) == "The code has changed since."


def test_the_dark_twin_exchanges_named_colours_alone():
    svg = "fill: #14181F; stroke: #14181fab; color: #000000"
    twin = figures_on_page.dark_twin(svg, {"#14181f": "#e4e8ee"})
    assert twin == "fill: #e4e8ee; stroke: #14181fab; color: #000000"


@slow
@pytest.mark.parametrize("fault", ["untested_equation", "failing_cell"])
@pytest.mark.xdist_group("failed-builds")
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
    answers = serve.application(tmp_path)
    with (
        serve.running(answers, 18000) as first,
        serve.running(answers, urlsplit(first).port) as second,
    ):
        assert urlsplit(second).port > urlsplit(first).port
        with urllib.request.urlopen(second) as answer:
            assert answer.read() == b"here"


def test_the_picture_of_a_chart_is_loaded_without_its_numbers():
    svg = matplotlib_charts.svg(charts.lines([1, 2], {"a < b": [3.25, 4]}))
    bare = figures_on_page.without_description(svg)
    assert "3.25" in svg and 'id="chart"' not in bare
    assert len(svg) - len(bare) > 100 and bare.endswith(svg[-2000:])


def test_the_numbers_of_a_chart_are_put_into_the_site(tmp_path):
    made = charts.lines([1, 2], {"a < b & c": [3.25, 4]})
    svg = matplotlib_charts.svg(made)
    picture = tmp_path / "picture.svg"
    bare = figures_on_page.without_description(svg)
    assert not figures_on_page.put_description(bare, picture, tmp_path / "site")
    for number, text in enumerate((svg, bare)):  # again, when the page alone is written
        site = tmp_path / f"site-{number}"
        site.mkdir()
        assert figures_on_page.put_description(text, picture, site)
        assert (site / "_charts/picture.json").read_text("utf-8") == made.to_json()
