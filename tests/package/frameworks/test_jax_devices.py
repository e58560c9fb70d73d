"""A step on several devices, which a processor plays, is the step on one."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from tests.support import registered_cells
from tests.support.paths import ROOT
from unrolled import tree
from unrolled.cells import lstm
from unrolled.data import text
from unrolled.frameworks import jax_devices
from unrolled.models import language_model


@pytest.fixture(scope="module")
def found():
    command = [sys.executable, "-m", "tests.support.devices_of_a_processor"]
    said = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, env=os.environ
    )
    assert said.returncode == 0, said.stderr[-2000:]
    return json.loads(said.stdout)


cells = pytest.mark.parametrize(
    "cell", [cell.__name__ for cell in registered_cells.cells("JAX").values()]
)


@cells
@pytest.mark.slow
@pytest.mark.equation("eq-data-parallel-sum")
def test_a_step_on_four_devices_is_the_package_s_own_step(found, cell):
    assert found[cell]["gaps"].keys() == {"1", "2", "4"}
    assert all(gap < 1e-12 for gap in found[cell]["gaps"].values())


@cells
@pytest.mark.slow
@pytest.mark.equation("eq-data-parallel-bytes")
def test_what_is_added_up_is_the_gradient_and_a_few_numbers(found, cell):
    """The two sums of the loss come on top: its losses, its words."""
    size, sums = found[cell]["size"], found[cell]["sums"]
    assert sums["1"] == 0
    assert sums["2"] == sums["4"]
    assert 0 <= sums["4"] - size <= 64


@pytest.mark.slow
def test_every_device_has_its_part_and_what_does_not_fit_is_refused(found):
    assert found["unrolled.cells.rnn"]["parts"] == [[7, 2]] * 4
    too_many, uneven = found["refused"]
    assert too_many.startswith(
        "5 devices asked for, 4 there; a processor plays more with XLA_FLAGS"
    )
    assert uneven == "a batch of 6 cannot be divided among 4 devices"


def test_one_device_makes_the_step_and_adds_up_nothing():
    rng = np.random.default_rng(0)
    p = language_model.init(rng, 11, 4, lstm, np.float32)
    batch = text.Batch(
        *rng.integers(0, 11, (2, 5, 3)).astype(np.int32), np.ones((5, 3), bool)
    )
    loss, dp = language_model.loss_and_gradient(p, batch, lstm)
    placed, parts = jax_devices.place(jax_devices.devices(1), p, batch)
    step = jax_devices.compile_step(jax_devices.devices(1), placed, parts, 0.5, lstm)
    loss_there, stepped = step(placed, *parts)
    assert float(loss_there) == pytest.approx(loss, rel=1e-5)
    expected = tree.map(lambda w, d: w - 0.5 * d, p, dp)
    for a, e in zip(tree.leaves(stepped), tree.leaves(expected), strict=True):
        np.testing.assert_allclose(a, e, rtol=1e-4, atol=1e-6)
    assert jax_devices.all_reduced(step) == 0


def test_no_device_is_refused():
    with pytest.raises(ValueError, match="0 devices asked for"):
        jax_devices.devices(0)
