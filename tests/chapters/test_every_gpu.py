"""The page on kernels in WGSL: its listings are tested files, its counts those of the kernels."""

import re

import numpy as np
import pytest

from tests.support.paths import ROOT
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
