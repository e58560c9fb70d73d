"""The step of SGD in JAX is that of NumPy."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tests.support.sgd_example import RATE, example
from unrolled import tree
from unrolled.frameworks import jax_step
from unrolled.models import language_model
from unrolled.speed import sgd_step

pytestmark = pytest.mark.usefixtures("jax_compilation_cache")


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(np.float64, 1e-10), (np.float32, 2e-5)]
)
def test_two_steps_are_those_of_numpy(dtype, tolerance):
    p, batches = example(dtype)
    right, kept = p, tree.map(np.copy, p)
    step, params = jax_step.compile_step(p, RATE)
    for batch in batches:
        loss, right = sgd_step.reference_step(right, batch, RATE)
        assert_allclose(step(batch.inputs, batch.targets), loss, rtol=tolerance)
    for a, b in zip(tree.leaves(params()), tree.leaves(right), strict=True):
        assert a.dtype == dtype
        assert np.abs(a - b).max() <= tolerance * np.abs(b).max()
    # donated were copies
    assert all(map(np.array_equal, tree.leaves(p), tree.leaves(kept)))


def test_the_loss_is_that_of_numpy():
    p, (batch, _) = example(np.float32)
    right, _ = language_model.loss_and_gradient(p, batch, reduction="sum")
    W_x, *cell = p.cell
    found = jax_step.loss((*cell, p.W_y, p.b_y), W_x[batch.inputs], batch.targets)
    assert_allclose(float(found), right, rtol=1e-5)
    p.cell.W_h[:] *= 2
    moved = jax_step.loss((*cell, p.W_y, p.b_y), W_x[batch.inputs], batch.targets)
    assert abs(float(moved) - right) > 1e-4 * right
    step, _ = jax_step.compile_step(p, RATE)
    assert_allclose(step(batch.inputs, batch.targets), float(moved), rtol=1e-5)
    weights, loss = jax_step.sgd(
        tree.map(np.copy, p), batch.inputs, batch.targets, RATE
    )
    assert_allclose(float(loss), float(moved), rtol=1e-5)
    assert np.abs(np.asarray(weights.b_y) - p.b_y).max() > 0.01
