"""The kernels compiled for a Hopper GPU, which takes none."""

import json
import os
import subprocess
import sys

import pytest

from unrolled.frameworks import triton_resources
from unrolled.frameworks.triton_resources import HOPPER, Resources

pytest.importorskip("triton", reason="Triton has builds for Linux alone")


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """Resources of both kernels, in two precisions and at two sizes."""
    said = subprocess.run(
        [sys.executable, "-m", "unrolled.frameworks.triton_resources"],
        env=os.environ
        | {
            "TRITON_INTERPRET": "0",
            "TRITON_CACHE_DIR": str(tmp_path_factory.mktemp("triton")),
        },
        capture_output=True,
        text=True,
    )
    assert said.returncode == 0, said.stderr[-2000:]
    return [Resources(**json.loads(line)) for line in said.stdout.splitlines()]


@pytest.mark.slow
def test_all_programs_fit_on_the_chip_at_once(found):
    _, processors, shared = HOPPER
    assert {(r.kernel, r.number, r.H) for r in found} == {
        (kernel, number, H)
        for kernel in ("forward", "backward")
        for number in ("bf16", "fp32")
        for H in (256, 512)
    }
    for r in found:
        assert r.programs <= processors, r
        assert r.shared <= shared, r
        assert r.registers * r.threads <= 65536, r
        assert r.spilled <= 128, r


@pytest.mark.slow
def test_what_is_read_in_a_step_is_not_the_weights(found):
    """Forward loads a and h; backward five pieces of the step's own, c, and da of four gates."""
    assert {r.kernel: r.loads_per_step for r in found} == {"forward": 2, "backward": 10}


@pytest.mark.slow
def test_matrix_units_are_used_and_no_load_overtakes_the_wait(found):
    for r in found:
        assert r.products >= 8, r
        assert (r.waits, r.arrivals) == (1, 1), r
        assert not r.pipelined, r


def test_the_interpreter_compiles_nothing():
    with pytest.raises(RuntimeError, match="TRITON_INTERPRET not set"):
        triton_resources.compiled("forward", "bf16", 64, 256)
