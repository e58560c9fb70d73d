"""The step of SGD in PyTensor is that of NumPy."""

import jax
import numpy as np
import pytensor
import pytest
from numpy.testing import assert_allclose
from pytensor.compile.mode import Mode, get_mode

from tests.support.sgd_example import RATE, B, T, example
from unrolled import tree
from unrolled.frameworks import pytensor_step
from unrolled.speed import sgd_step


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


@pytest.mark.parametrize("field", ["inputs", "targets"])
@pytest.mark.parametrize("wrong", [-1, 23, 0.5])
def test_ids_out_of_range_are_refused(field, wrong):
    p, (batch, _) = example()
    with pytensor.config.change_flags(cxx=""):
        step, _ = pytensor_step.compile_step(p, RATE, (None, None), Mode("py", None))
    ids = getattr(batch, field).astype(type(wrong))
    ids[0, 0] = wrong
    given = batch._replace(**{field: ids})
    with pytest.raises(ValueError, match=f"{field}: ids must"):
        step(given.inputs, given.targets)
