"""The step of SGD in PyTensor is that of NumPy."""

import jax
import numpy as np
import pytensor
import pytest
from numpy.testing import assert_allclose
from pytensor.compile.mode import Mode, get_mode

from unrolled import tree
from unrolled.data import text
from unrolled.frameworks import pytensor_step
from unrolled.models import language_model
from unrolled.speed import sgd_step

T, B, V, H = 5, 3, 23, 4
RATE = 0.25


def example(dtype=np.float64):
    rng = np.random.default_rng(0)
    p = language_model.init(rng, V, H, dtype=dtype)
    p = p._replace(b_y=rng.normal(size=V).astype(dtype), W_y=10 * p.W_y)
    p.cell.b[:] = rng.normal(size=H)
    batches = [
        text.Batch(*ids, np.ones((T, B), bool))
        for ids in rng.integers(0, 9, (2, 2, T, B))
    ]
    return p, batches  # words come twice, and some never


# Numba and C take half a minute to compile; the benchmark compares their steps with NumPy's.
@pytest.mark.parametrize("mode", [Mode("py", "fast_run"), "JAX"], ids=["Python", "JAX"])
def test_two_steps_are_those_of_numpy(mode):
    p, batches = example()
    right = p
    with jax.enable_x64(True), pytensor.config.change_flags(cxx=""):
        shape = (T, B) if mode == "JAX" else (None, None)
        step, params = pytensor_step.compile_step(p, RATE, shape, mode)
        for batch in batches:
            loss, right = sgd_step.reference_step(right, batch, RATE)
            assert_allclose(step(batch.inputs, batch.targets), loss, rtol=1e-10)
        for a, b in zip(tree.leaves(params()), tree.leaves(right), strict=True):
            assert np.abs(a - b).max() <= 1e-10 * np.abs(b).max()


def test_every_mode_has_a_name_that_pytensor_knows():
    for mode in pytensor_step.MODES.values():
        assert get_mode(mode) is not None
