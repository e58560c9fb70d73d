"""The page on kernels in WGSL: its listings are tested files, its counts those of the kernels."""

import re

import numpy as np
import pytest

from experiments.gpu import webgpu
from tests.support.paths import ROOT
from unrolled import records
from unrolled.webgpu import device, product

PAGE = ROOT / "book/07-gpu/every-gpu.md"
LISTING = re.compile(
    r"\{literalinclude\} (\S+)\n:language: wgsl\n(?::start-at: (.*)\n)?"
)


def test_every_listing_is_a_part_of_a_kernel():
    found = LISTING.findall(PAGE.read_text("utf-8"))
    assert len(found) == PAGE.read_text("utf-8").count("{literalinclude}")
    for path, start in found:
        file = (PAGE.parent / path).resolve()
        assert file.parent == device.FOLDER
        assert sum(start in line for line in file.read_text("utf-8").splitlines()) >= 1


def test_the_lstm_is_shown_both_ways():
    found = {path.rpartition("/")[2] for path, _ in LISTING.findall(PAGE.read_text())}
    assert {"lstm_forward.wgsl", "lstm_backward.wgsl"} <= found


@pytest.mark.parametrize(
    "path", sorted(device.FOLDER.glob("*.wgsl")), ids=lambda p: p.stem
)
def test_a_kernel_fits_its_box(path):
    assert max(map(len, path.read_text("utf-8").splitlines())) <= 80


def test_the_tiles_in_numpy_copy_what_the_kernel_reads():
    (cell,) = re.findall(r"^def tiled.*?(?=^```)", PAGE.read_text("utf-8"), re.S | re.M)
    found = {"np": np}
    exec(cell.partition("rng =")[0], found)
    a, b = np.ones((64, 48)), np.ones((48, 32))
    c, copied = found["tiled"](a, b)
    np.testing.assert_array_equal(c, a @ b)
    assert copied == product.loads(64, 32, 48, "tiled")


# --- What has been measured, on a software adapter ------------------------------------------------


@pytest.fixture(scope="module")
def measured_parts():
    return records.load("gpu/webgpu")["results"]["parts"]


def test_the_record_is_of_these_kernels_and_the_page_names_its_adapter(measured_parts):
    for part in measured_parts.values():
        assert part["kernels"] == webgpu.kernels(), "run make gpu RUN='webgpu --again'"
        assert part["gap"] < 1e-3
    page = PAGE.read_text("utf-8")
    if measured_parts["products"]["adapter"]["software"]:
        assert "on a *software adapter*" in page
        assert "No GPU has run these kernels for this book yet" in page


def test_the_recorded_trainings_lose_what_numpy_s_lose():
    parts = records.load("gpu/wgsl_training")["results"]["parts"]
    assert set(parts) == {"RNN", "LSTM", "GRU"}
    for part in parts.values():
        here, right = (np.array(part[name]) for name in ("here", "numpy"))
        np.testing.assert_allclose(here, right, atol=1e-4 * right.max())
        assert here[-1] < 0.5 * here[0]
        assert part["kernels"] == webgpu.kernels()


@pytest.mark.claim(
    "tiles-do-not-pay-on-a-software-adapter",
    "On a software adapter the tiled product is not faster than the plain one; without barriers, "
    "or with more products between them, it is faster.",
    records="gpu/webgpu",
)
def test_barriers_cost_what_tiles_save(measured_parts):
    """Ratios by turns at every size: the medians lie on two sides of 1, the quartiles apart."""
    for contestants in measured_parts["products"]["times"].values():
        over = {n: c["first_over_this"]["quartiles"] for n, c in contestants.items()}
        assert contestants["tiled"]["first_over_this"]["median"] < 1
        assert max(over["tiled"][1], 1) < over["tiled, without barriers"][0]
        assert over["blocked"][0] > 1.5


@pytest.mark.claim(
    "one-dispatch-is-not-slower-on-a-software-adapter",
    "On a software adapter one dispatch is faster than one a step in four rows of eight, "
    "and slower in none.",
    records="gpu/webgpu",
)
def test_one_dispatch_is_not_slower_than_one_a_step(measured_parts):
    """Quartiles that do not overlap, for three cells; the dispatches differ by a factor of T. With
    one sequence a dispatch a step takes 1.1 to 1.3 times as long, with 32 1.03 to 1.09 times: the
    medians of the ratios within a round."""
    faster, of_32 = [], []
    for cell in ("RNN", "LSTM", "GRU"):
        for size, contestants in measured_parts[cell]["times"].items():
            one = contestants["forward, one dispatch"]
            many = contestants["forward, a dispatch a step"]
            assert one["quartiles"][0] <= many["quartiles"][1]
            ratio = 1 / many["first_over_this"]["median"]
            if "B = 1," in size:
                assert 1.1 < ratio < 1.35
            else:
                of_32.append(round(ratio, 2))
            faster.append(one["quartiles"][1] < many["quartiles"][0])
            T = int(re.match(r"T = (\d+)", size)[1])
            assert (one["dispatches"], many["dispatches"]) == (1, T)
    assert (sum(faster), len(faster)) == (4, 8)
    assert (min(of_32), max(of_32)) == (1.03, 1.09)
