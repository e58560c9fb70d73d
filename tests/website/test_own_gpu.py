"""The page On your own GPU: in Chromium with SwiftShader, a software adapter, from a small folder.

What the page compares kernels with is compared with the package; a changed kernel is called wrong;
and whatever can go wrong is one line.
"""

import base64
import contextlib
import gzip
import io
import json
import re

import numpy as np
import pytest

from book._ext.build import chromium
from book._ext.live import available_modules, gpu_page, gpu_proofs, live_files
from book._ext.page import policy
from book._ext.source import node
from tests.support.missing_browsers import skipped_without
from tests.support.paths import AXE, ROOT
from tests.support.serving import serving
from tests.support.waiting import wait_until
from unrolled.cells import rnn
from unrolled.data import text
from unrolled.models import language_model
from unrolled.speed import gpu_readers

HEAVIEST = 60_000  # bytes, gzipped, of all that the page loads for this
SOFTWARE = ("--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader")
STATIC = ROOT / "book/_static"
SMALL = {
    "products": [32, 48],
    "rows": [[3, 5, 140]],
    "entries": [1000],
    "recurrences": [[3, 2, 5]],
    "batches": [1, 2, 4],
    "batched": [3, 5],
    "steps": [[3, 1, 5, 17]],
    "scans": [[150, 3]],
    "ladder": {"steps": [[3, 1, 5, 17]], "recurrences": [[3, 2, 5]]},
    "rounds": 2,
    "enough": 0.001,
    "longest": 60,
}
NOTHING = dict.fromkeys(
    ("products", "rows", "entries", "recurrences", "batches", "steps", "scans"), []
) | {"ladder": {"steps": [], "recurrences": []}}
PAGE = """<!doctype html><html lang="en" class="scripted" data-theme="light"><head>
<meta charset="utf-8">{policy}<title>t</title><link rel="icon" href="data:,">
<link rel="stylesheet" href="_static/site.css"></head>
<body><main class="bd-article"><h1>On your own GPU</h1>{body}</main></body></html>"""


# --- what is loaded -------------------------------------------------------------------------------


def test_all_that_is_loaded_is_light():
    files = [*gpu_page.files().values()]
    files += [(STATIC / f"own-gpu.{kind}").read_bytes() for kind in ("js", "css")]
    assert sum(len(gzip.compress(content)) for content in files) <= HEAVIEST


def test_the_kernels_are_the_files_of_the_package():
    found = json.loads(gpu_page.data())["kernels"]
    paths = sorted((ROOT / "code/unrolled/webgpu").glob("*.wgsl"))
    assert found == {path.stem: path.read_text("utf-8") for path in paths}
    used = "".join(p.read_text("utf-8") for p in gpu_page.SCRIPTS.glob("*.js"))
    for name in found:
        cell, _, kind = name.partition("_")
        assert name in used or f"_{kind}`" in used or f"{cell}_$" in used, name


def test_a_kernel_that_changes_changes_the_folder(monkeypatch):
    before = gpu_page.folder()
    files = gpu_page.files() | {"data.json": b"{}"}
    monkeypatch.setattr(gpu_page, "files", lambda: files)
    assert gpu_page.folder() != before


# --- what the kernels are compared with -----------------------------------------------------------


def decoded(text):
    return np.frombuffer(base64.b64decode(text), "<f4").astype(float)


def test_drawn_numbers_are_exact_spread_and_different():
    x = gpu_proofs.drawn(1, 10_000)
    np.testing.assert_array_equal(x.astype(np.float32), x)
    assert -1 <= x.min() < -0.99 and 0.99 < x.max() < 1
    assert abs(x.mean()) < 0.02 and abs(x.std() - 3**-0.5) < 0.02
    assert abs(np.corrcoef(x, gpu_proofs.drawn(2, 10_000))[0, 1]) < 0.05


def test_a_product_has_the_answer_of_numpy():
    proof = gpu_proofs.products()[1]
    assert proof["sizes"] == [5, 66, 17] and proof["transposed"] == [True, False]
    a = gpu_proofs.drawn(1, 5 * 17).reshape(17, 5)
    b = gpu_proofs.drawn(2, 66 * 17).reshape(17, 66)
    right = np.einsum("km,kn->mn", a, b)
    np.testing.assert_allclose(decoded(proof["answers"]["c"]), right.ravel(), rtol=1e-6)


def test_a_recurrence_has_the_answer_of_the_package_and_its_mask():
    T, B, H = 5, 3, 7
    proof = gpu_proofs.recurrence("rnn", T, B, H, "backward")
    W_h, a, h0, _, dh = (
        gpu_proofs.drawn(*proof["inputs"][name])
        for name in ("W_h", "a", "h0", "c0", "dh")
    )
    p = rnn.Params(np.eye(H), W_h.reshape(H, H), np.zeros(H))
    _, cache = rnn.forward(p, a.reshape(T, B, H), h0.reshape(B, H))
    dh = dh.reshape(T, B, H) * (np.arange(T)[:, None] < proof["lengths"])[..., None]
    assert 0 < (dh == 0).sum() < dh.size
    _, da, dh0 = rnn.backward(p, cache, dh)
    np.testing.assert_allclose(decoded(proof["answers"]["da"]), da.ravel(), atol=1e-6)
    found = decoded(proof["answers"]["dstates"])
    np.testing.assert_allclose(found, dh0.ravel(), atol=1e-6)


def test_a_training_has_the_losses_of_the_package_and_they_fall():
    proof = gpu_proofs.training("training", "rnn", 11, 23, 60, 2.0)
    losses = decoded(proof["answers"]["losses"])
    assert len(losses) == 60 and losses[0] > 3 and losses[-1] < 0.1
    first, second = proof["batches"]
    assert first["sizes"] == [9, 5] and second["sizes"] == [7, 5]
    assert 0 < sum(first["mask"]) < len(first["mask"])  # some sentences end early


def test_a_training_step_has_the_weights_after_it():
    H, V, rate = 5, 13, 16.0
    proof = gpu_proofs.training("training step", "rnn", H, V, 1, rate)
    drawn = {name: gpu_proofs.drawn(*spec) for name, spec in proof["inputs"].items()}
    W_x, W_h = drawn["W_x"].reshape(V, H), drawn["W_h"].reshape(H, H)
    p = language_model.Params(
        rnn.Params(W_x, W_h, drawn["b"]), drawn["W_y"].reshape(H, V), drawn["b_y"]
    )
    batch = proof["batches"][0]
    inputs, targets, mask = (
        np.reshape(batch[name], (9, 5)) for name in ("inputs", "targets", "mask")
    )
    words = text.Batch(inputs, targets, mask.astype(bool))
    loss, dp = language_model.loss_and_gradient(p, words)
    right = [*p.cell, p.W_y, p.b_y], [*dp.cell, dp.W_y, dp.b_y]
    for name, w, dw in zip(proof["inputs"], *right, strict=True):
        found = decoded(proof["answers"][name])
        np.testing.assert_allclose(found, (w - rate * dw).ravel(), atol=1e-6)
        assert rate * np.abs(dw).max() > 0.3 * np.abs(w).max()
    np.testing.assert_allclose(decoded(proof["answers"]["losses"]), [loss], rtol=1e-6)


def test_a_step_of_every_cell_is_proved():
    steps = {p["cell"]: p for p in gpu_proofs.trainings() if p["updates"] == 1}
    assert set(steps) == {"rnn", "lstm", "gru"}
    for blocks, H, cell in ((1, 5, "rnn"), (4, 5, "lstm"), (3, 3, "gru")):
        before = gpu_proofs.drawn(*steps[cell]["inputs"]["W_h"])
        after = decoded(steps[cell]["answers"]["W_h"])
        changed = np.abs(after - before).reshape(H, blocks, H).max(axis=(0, 2))
        assert (changed > 1e-3).all()  # in every block of columns


def test_a_scan_has_the_states_one_after_another():
    T, D = 7, 3
    proof = gpu_proofs.scan(T, D)
    f, g, h0, dh = (gpu_proofs.drawn(*spec) for spec in proof["inputs"].values())
    assert f.min() < 1 < f.max()
    h = [h0]
    for t in range(T):
        h.append(f[D * t : D * t + D] * h[-1] + g[D * t : D * t + D])
    answers = {name: decoded(found) for name, found in proof["answers"].items()}
    np.testing.assert_allclose(answers["h"], np.concatenate(h), atol=1e-6)
    np.testing.assert_allclose(answers["dg"][-D:], dh[-D:], atol=1e-6)
    np.testing.assert_allclose(answers["df"][-D:], dh[-D:] * h[-2], atol=1e-6)


def test_every_rung_is_proved():
    rungs = {proof["rung"] for proof in json.loads(gpu_page.data())["proofs"]}
    assert rungs == set(gpu_readers.PROVED)


# --- Python's rungs, and the charts ---------------------------------------------------------------


def python_rungs(**changes):
    """Runs python_rungs.py as the page's Python does, and returns what it prints."""
    code = (gpu_page.SCRIPTS / "python_rungs.py").read_text("utf-8")
    for right, wrong in changes.values():
        assert right in code
        code = code.replace(right, wrong, 1)
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(f"{code}\nmeasured([[5,2,7,50]],[[3,2,5]],3,0.1)", {})
    return json.loads(said.getvalue())


def test_python_s_rungs_take_the_same_step():
    rows = python_rungs()
    found = [(row["group"], row["size"], row["rung"]) for row in rows]
    step, states = "T = 5, B = 2, H = 7, V = 50", "T = 3, B = 2, H = 5"
    assert found == [
        ("training step", step, "Python's loops"),
        ("training step", step, "NumPy"),
        ("LSTM", states, "Python's loops"),
        ("LSTM", states, "NumPy"),
    ]
    for row in rows:
        low, high = row["quartiles"]
        assert row["gap"] < 1e-5 and 0 < low <= row["median"] <= high


@pytest.mark.parametrize(
    "change",
    [("tree.map(np.add, total, dp)", "dp"), ("h, c = lstm", "h, _ = lstm")],
    ids=["the last sentence alone", "the cell state is lost"],
)
def test_a_rung_of_python_that_computes_another_step_is_far_off(change):
    assert max(row["gap"] for row in python_rungs(change=change)) > 1e-3


def drawing(expression, **given):
    """What drawings.js computes in node."""
    script = (gpu_page.SCRIPTS / "drawings.js").as_uri()
    values = "".join(f"const {k} = {json.dumps(v)};" for k, v in given.items())
    code = (
        f"import * as drawings from {json.dumps(script)}; {values}"
        f"console.log(JSON.stringify(drawings.{expression}));"
    )
    return json.loads(node.run([node.NODE, "--input-type=module", "--eval", code]))


def row(group, rung, size, median, work=0, moved=0):
    quartiles = [0.9 * median, 1.1 * median]
    numbers = {"median": median, "quartiles": quartiles, "work": work, "bytes": moved}
    return {"group": group, "rung": rung, "size": size, **numbers}


def test_no_point_that_obeys_the_roof_lies_above_it():
    rows = [
        row("product", "blocked", "small", 1.0, work=1e9, moved=1e7),
        row("product", "blocked", "large", 1.0, work=8e9, moved=1e8),
        row("update", "descent", "16 weights", 1.0, work=2e8, moved=1.2e9),
    ]
    found = drawing("roofline(rows)", rows=rows)
    assert (
        drawing("roofline(rows)", rows=rows[::-1]) == found
    )  # the largest, not the last
    assert "8 billion operations a second" in found["says"]
    assert "1.2 GB a second in the update of 16 weights" in found["says"]
    assert "blocked product (large)" in found["says"] and "small" not in found["says"]
    roof, *marks = found["chart"]["panels"][0]["marks"]
    for x, y in zip(roof["x"], roof["y"], strict=True):
        assert y == pytest.approx(min(8, 1.2 * x))
    points = [(m["x"][0], m["y"][0]) for m in marks if m["kind"] == "line"]
    np.testing.assert_allclose(points, [(80, 8), (1 / 6, 0.2)])
    assert drawing("roofline(rows)", rows=rows[:2]) is None


def test_the_curve_has_the_steps_of_all_sequences():
    rungs = "forward, one dispatch", "forward, a dispatch a step"
    rows = [
        row("LSTM", rungs[0], f"T = 64, B = {B}, H = 128", seconds)
        for B, seconds in ((8, 0.04), (1, 0.01))
    ]
    others = [
        row("LSTM", rungs[1], "T = 64, B = 2, H = 128", 1.0),
        row("LSTM", rungs[0], "T = 64, B = 2, H = 256", 1.0),
        row("GRU", rungs[0], "T = 64, B = 2, H = 128", 1.0),
    ]
    chart = drawing("saturation(rows, [64, 128])", rows=rows + others)
    (curve,) = chart["panels"][0]["marks"]
    assert curve["name"] == "forward" and curve["x"] == [1, 8]
    np.testing.assert_allclose(curve["y"], [6.4, 12.8])
    assert drawing("saturation(rows, [64, 128])", rows=others) is None


def test_the_ladder_has_python_s_rungs_first_and_the_same_size_alone():
    size, other = (
        "T = 45, B = 1, H = 100, V = 8000",
        "T = 45, B = 32, H = 100, V = 8000",
    )
    python = [
        row("training step", name, size, seconds)
        for name, seconds in (("Python's loops", 0.3), ("NumPy", 0.03))
    ]
    device = [
        row("training step", "RNN", size, 0.002),
        row("training step", "RNN", other, 0.02),
    ]
    chart = drawing("ladder(python, rows)", python=python, rows=device)
    (panel,) = chart["panels"]
    assert panel["title"] == f"A training step of the posts' network, {size}"
    assert panel["y"]["names"] == ["Python's loops", "NumPy", "WGSL, whole step"]
    points = [m for m in panel["marks"] if m["kind"] == "line" and m["name"]]
    np.testing.assert_allclose([m["x"][0] for m in points], [300, 30, 2])
    assert [m["text"] for m in panel["marks"] if m["kind"] == "note"] == [
        "300",
        "30",
        "2",
    ]
    assert drawing("ladder(python, rows)", python=python, rows=device[1:]) is None


# --- in the browser -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def software(playwright):
    """A Chromium that has WebGPU on a software adapter."""
    with contextlib.ExitStack() as stack:
        with skipped_without(chromium.NoChromiumError):
            running = stack.enter_context(chromium.running(playwright, SOFTWARE))
        yield running


def folder(path, settings, change=lambda data: data, live=False):
    """Writes a site of one page; the data may be changed. With `live`, Python and charts too."""
    files = gpu_page.files()
    data = json.dumps(change(json.loads(files["data.json"]))).encode()
    target = path / "_static" / gpu_page.folder()
    target.mkdir(parents=True)
    for name, content in (files | {"data.json": data}).items():
        (target / name).write_bytes(content)
    for name in ("own-gpu.js", "own-gpu.css", "site.css"):
        text = re.sub("@font-face {[^}]*}", "", (STATIC / name).read_text("utf-8"))
        (path / "_static" / name).write_text(text, "utf-8")
    if live:
        static, modules = path / "_static", available_modules.split(ROOT)
        live_files.install(static / "live", static / "licenses", *modules, ROOT)
        (static / "live.css").write_bytes((STATIC / "live.css").read_bytes())
    body = gpu_page.BUTTONS.format(place="_static", folder=gpu_page.folder())
    given = f"<div data-settings='{json.dumps(settings)}' "
    body = body.replace("<div ", given, 1)
    page = PAGE.format(policy=policy.META, body=body)
    (path / "index.html").write_text(page, "utf-8")
    return path


@contextlib.contextmanager
def opened(browser, site, script="", **options):
    """Yields the page, before which a script has run."""
    with serving(site) as origin:
        context = browser.new_context(**options)
        page = context.new_page()
        page.said, page.asked = [], []
        page.on("console", lambda message: page.said.append(message.text))
        page.on("pageerror", lambda error: page.said.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        if script:
            page.add_init_script(script)
        page.goto(origin, wait_until="networkidle")
        yield page
        context.close()


def press_start(page, seconds=240):
    """Presses Start, waits for the end, and returns the line of the status."""
    page.get_by_role("button", name="Start").click()
    ended = "!document.querySelector('.own-gpu button').hasAttribute('aria-disabled')"
    wait_until(page, ended, seconds=seconds)
    return page.get_by_role("status").inner_text()


def only(rung):
    """Returns a change of the data that leaves the proofs of one rung."""

    def change(data):
        return data | {"proofs": [p for p in data["proofs"] if p["rung"] == rung]}

    return change


# Keeps every line that the status has shown.
KEEP_STATUS = """() => {
  const status = document.querySelector(".own-gpu [role=status]");
  window.said = [];
  const note = () => window.said.push(status.textContent);
  new MutationObserver(note).observe(status, { childList: true });
}"""
# one process, since the whole run is made once
in_browser = [
    pytest.mark.slow,
    pytest.mark.browser,
    pytest.mark.xdist_group("own-gpu"),
]


@pytest.fixture(scope="module")
def done(software, tmp_path_factory):
    """The page after a whole run at small sizes."""
    site = folder(tmp_path_factory.mktemp("site"), SMALL, live=True)
    with opened(software, site, viewport={"width": 390, "height": 800}) as page:
        page.before = list(page.asked)
        page.evaluate(KEEP_STATUS)
        page.line = press_start(page)
        yield page


class TestAWholeRun:
    pytestmark = in_browser

    def test_nothing_is_loaded_before_start_and_nothing_from_elsewhere(self, done):
        assert not any("gpu-" in url or "live" in url for url in done.before)
        names = {url.rpartition("/")[2] for url in done.asked if "/gpu-" in url}
        assert any(url.endswith(".whl") for url in done.asked)
        assert names == set(gpu_page.files())
        origin = done.before[0]
        assert all(url.startswith((origin, "data:", "blob:")) for url in done.asked)
        assert done.said == []

    def test_every_rung_is_right(self, done):
        assert done.line == (
            "Done: every rung is right (software adapter, not a GPU). Nothing was sent."
        )
        proofs = done.locator(".own-gpu-table").first.locator("tbody tr").all()
        rows = [proof.inner_text().split("\t") for proof in proofs]
        assert [row[0] for row in rows] == list(gpu_readers.PROVED)
        assert all(float(row[1]) < 1e-5 and row[2] == "right" for row in rows)

    def test_a_software_adapter_is_called_that_everywhere(self, done):
        assert "This is a software adapter, not a GPU" in done.inner_text("main")
        captions = done.locator(".own-gpu caption, .own-gpu-caption").all()
        assert len(captions) == 5
        for caption in captions:
            assert "software adapter, not a GPU" in caption.inner_text()

    def test_the_record_is_what_the_format_says_but_of_no_gpu(self, done):
        with done.expect_download() as download:
            done.get_by_role("button", name="Save the record").click()
        with open(download.value.path()) as file:
            record = json.load(file)
        assert download.value.suggested_filename == "google-swiftshader.json"
        assert gpu_readers.faults(record) == [
            "the device is a software adapter, not a GPU"
        ]
        times = {(row["group"], row["rung"]): row for row in record["times"]}
        assert set(times) == {
            (group, rung)
            for group, rungs in gpu_readers.RUNGS.items()
            for rung in rungs
        }
        assert times["LSTM", "forward, a dispatch a step"]["dispatches"] == 3
        assert times["LSTM", "forward, one dispatch"]["dispatches"] == 1
        assert record["kernels"] == gpu_readers.kernels()

    def test_the_ladder_the_roofline_and_the_curve_are_drawn(self, done):
        charts = done.locator(".live-chart").all()
        ladder, roofline, curve = (chart.text_content() for chart in charts)
        assert "A training step of the posts' network" in ladder
        assert ladder.count("Python's loops") == ladder.count("NumPy") == 2
        assert "WGSL, whole step" in ladder and "WGSL, one dispatch" in ladder
        assert "operations for each byte" in roofline
        assert "sequences at a time" in curve and "backward" in curve
        captions = done.locator(".own-gpu-caption").all_text_contents()
        assert "1 plain product (48 × 48)" in captions[1]
        assert "7 training step (T = 3, B = 1, H = 5, V = 17)" in captions[1]
        for chart in charts:
            assert "software adapter, not a GPU" in chart.locator(
                "svg[role=img]"
            ).first.get_attribute("aria-label")

    def test_the_status_names_what_is_being_timed(self, done):
        said = done.evaluate("window.said")
        timed = [line for line in said if line.startswith("Timing: ")]
        assert timed[0] == "Timing: product, 32 × 32 …"
        assert timed[-1] == "Timing: scan, T = 150, D = 3 …"
        assert len(timed) == len(set(timed)) == 11
        python = said.index("Timing Python's loops and NumPy on the processor …")
        (loading,) = (line for line in said if line.startswith("Loading Python, "))
        assert said.index(timed[-1]) < said.index(loading) < python
        assert said[-1].startswith("Done: every rung is right")

    def test_python_s_rungs_stand_in_the_table_of_times(self, done):
        rows = done.locator(".own-gpu-table").nth(1).locator("tbody tr").all()
        names = [row.locator("th").inner_text() for row in rows]
        assert names[-4:] == [
            f"{group}, {rung} (processor)"
            for group in ("training step", "LSTM")
            for rung in ("Python's loops", "NumPy")
        ]

    @pytest.mark.parametrize("theme", ["light", "dark"])
    def test_axe_finds_nothing_and_nothing_overflows(self, done, theme):
        done.evaluate("t => { document.documentElement.dataset.theme = t }", theme)
        done.evaluate(AXE.read_text("utf-8"))
        found = done.evaluate("axe.run('.own-gpu').then((r) => r.violations)")
        assert found == []
        assert done.evaluate("document.documentElement.scrollWidth") <= 390

    def test_the_keyboard_reaches_all_of_it(self, done):
        done.evaluate("document.querySelector('.own-gpu button').focus()")
        reached = []
        for _ in range(3):
            done.keyboard.press("Tab")
            reached.append(
                done.evaluate(
                    "document.activeElement.getAttribute('aria-label')"
                    " ?? document.activeElement.textContent"
                )
            )
        assert reached[0] == "Save the record"
        assert reached[1].startswith("Each rung") and reached[2].startswith("Milli")


# The rung that must be called wrong: its kernel, what stands there, what is planted instead.
PLANTED = {
    "product, tiled": (
        "product_tiled",
        "start < size.K; start",
        "start + TILE <= size.K; start",
    ),
    "product, blocked": (
        "product_blocked",
        "i < 4u; i++) {\n        for",
        "i < 2u; i++) {\n        for",
    ),
    "RNN, forward": (
        "rnn_forward",
        "state[after + j] = value",
        "state[before + j] = value",
    ),
    "LSTM, backward": ("lstm_backward", "dc_next[j] = dc * f", "dc_next[j] = dc"),
    "GRU, forward": (
        "gru_forward",
        "kept[j] = gates[at + H] * state[j]",
        "kept[j] = state[j]",
    ),
    "output layer": ("softmax_loss", "s * exp(m - greater) + exp", "s + exp"),
    "update": ("descent", "p[n] -= size.rate", "p[n] += size.rate"),
    "training step": (
        "embedding_descent",
        "if (ids[n] == word) { return; }",
        "if (ids[n] == word) { continue; }",
    ),
    "training": ("gather", "bias[n % size.D]", "0.0 * bias[n % size.D]"),
    "scan": ("scan_forward", "F = F * factor[own - reach]", "F = factor[own]"),
}


class TestFaults:
    pytestmark = in_browser

    @pytest.mark.parametrize("rung", PLANTED)
    def test_a_changed_kernel_is_called_wrong_and_not_timed(
        self, software, tmp_path, rung
    ):
        kernel, right, wrong = PLANTED[rung]

        def change(data):
            text = data["kernels"][kernel]
            assert right in text
            data["kernels"][kernel] = text.replace(right, wrong, 1)
            return only(rung)(data)

        settings = NOTHING | {"entries": [100]} if rung == "update" else NOTHING
        with opened(software, folder(tmp_path, settings, change)) as page:
            assert press_start(page) == (
                f"Done. A rung gives wrong answers on this device: {rung}."
            )
            assert "WRONG" in page.locator(".own-gpu-table").first.inner_text()
            if rung == "update":
                row = (
                    page.locator(".own-gpu-table").nth(1).locator("tbody").inner_text()
                )
                assert "not shown" in row and "its answers are wrong" in row

    @pytest.mark.parametrize(
        ("script", "line"),
        [
            (
                "delete Navigator.prototype.gpu",
                "This browser has no WebGPU. Chrome and Edge have had it since version 113",
            ),
            (
                "GPU.prototype.requestAdapter = async () => null",
                "This browser has WebGPU, but it gives no adapter",
            ),
            (
                "GPUAdapter.prototype.requestDevice = async () => { throw new Error('no') }",
                "The adapter opens no device: no",
            ),
            (
                "const run = GPUQueue.prototype.submit; let first = true;"
                "const open = GPUAdapter.prototype.requestDevice;"
                "GPUAdapter.prototype.requestDevice = async function (...given) {"
                " const device = await open.apply(this, given);"
                " device.queue.submit = function (...work) {"
                "  device.destroy(); return run.apply(this, work) };"
                " return device }",
                "The device was lost (destroyed",
            ),
            (
                "Object.defineProperty(GPUSupportedLimits.prototype, 'maxBufferSize',"
                " { get: () => 1000 })",
                "The device has too little memory: an array needs",
            ),
        ],
        ids=["no WebGPU", "no adapter", "no device", "lost", "memory"],
    )
    def test_what_is_missing_is_one_line(self, software, tmp_path, script, line):
        site = folder(tmp_path, NOTHING, only("product, plain"))
        with opened(software, site, script) as page:
            said = press_start(page)
            assert said.startswith(line) and said.endswith((".", "no"))
            assert page.locator(".own-gpu-results").inner_text() == ""
            assert not page.get_by_role("button", name="Save").is_visible()
            assert page.said == []
            assert press_start(page) == said  # it can be pressed again

    def test_a_tab_in_the_background_has_no_times(self, software, tmp_path):
        script = (
            "const submit = GPUQueue.prototype.submit; let count = 0;"
            "GPUQueue.prototype.submit = function (...work) {"
            " if (document.querySelectorAll('.own-gpu-table').length > 1) {"
            "  Object.defineProperty(document, 'visibilityState',"
            "   { configurable: true, get: () => 'hidden' });"
            "  document.dispatchEvent(new Event('visibilitychange')) }"
            " return submit.apply(this, work) }"
        )
        settings = NOTHING | {"entries": [100], "rounds": 1}
        with opened(
            software, folder(tmp_path, settings, only("update")), script
        ) as page:
            assert press_start(page).startswith("The tab went to the background")
            assert page.locator(".own-gpu-results").inner_text() == ""

    def test_without_timestamps_the_clock_is_used_and_said(self, software, tmp_path):
        script = "GPUSupportedFeatures.prototype.has = () => false"
        settings = NOTHING | {"entries": [100], "rounds": 1}
        with opened(
            software, folder(tmp_path, settings, only("update")), script
        ) as page:
            press_start(page)
            assert "the clock of the browser" in page.inner_text(".own-gpu-device")

    def test_a_size_that_would_take_too_long_is_left_out(self, software, tmp_path):
        settings = NOTHING | {"entries": [1000, 2000], "rounds": 1, "longest": 1e-9}
        site = folder(tmp_path, settings, only("update"))
        with opened(software, site) as page:
            press_start(page)
            rows = page.locator(".own-gpu-table").nth(1).locator("tbody tr").all()
            assert "left out" not in rows[0].inner_text()
            assert re.search("left out\tit would take", rows[1].inner_text())

    def test_charts_and_python_that_do_not_come_are_one_line(self, software, tmp_path):
        settings = NOTHING | {"entries": [100], "rounds": 1}
        site = folder(tmp_path, settings, only("update"))
        with opened(software, site) as page:
            assert press_start(page).startswith("Done: every rung is right")
            assert page.locator(".own-gpu-results > p").last.inner_text() == (
                "The charts and the rungs of Python are left out: their files did not"
                " come from this site."
            )
            assert page.locator(".live-chart").count() == 0

    @pytest.mark.parametrize(
        ("missing", "line"),
        [
            ("gpu-*/python_rungs.py", "python_rungs.py did not come from this site."),
            ("live/*.whl", "the package (404) did not come from this site"),
        ],
    )
    def test_rungs_of_python_that_cannot_be_run_are_one_line(
        self, software, tmp_path, missing, line
    ):
        settings = NOTHING | {"entries": [100], "rounds": 1, "ladder": SMALL["ladder"]}
        site = folder(tmp_path, settings, only("update"), live=True)
        for path in (site / "_static").glob(missing):
            path.unlink()
        with opened(software, site) as page:
            assert press_start(page).startswith("Done: every rung is right")
            said = page.locator(".own-gpu-results > p").last.inner_text()
            assert said.startswith(f"The rungs of Python are left out: {line}")

    def test_files_that_do_not_come_are_said(self, software, tmp_path):
        site = folder(tmp_path, NOTHING)
        (site / "_static" / gpu_page.folder() / "data.json").unlink()
        with opened(software, site) as page:
            assert press_start(page).startswith("The kernels did not come.")
