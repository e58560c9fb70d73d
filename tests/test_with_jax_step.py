"""The step of SGD in JAX is that of NumPy."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from unrolled import fast_step, language_model, text, tree, with_jax_step

T, B, V, H = 5, 3, 23, 4
RATE = 0.25


def example(dtype=np.float64):
    rng = np.random.default_rng(0)
    p = language_model.init(rng, V, H, dtype=dtype)
    p = p._replace(b_y=rng.normal(size=V).astype(dtype), W_y=10 * p.W_y)
    p.cell.b[:] = rng.normal(size=H)
    batches = [text.Batch(*ids, np.ones((T, B), bool)) for ids in rng.integers(0, 9, (2, 2, T, B))]
    return p, batches  # words come twice, and some never


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-10), (np.float32, 2e-5)])
def test_two_steps_are_those_of_numpy(dtype, tolerance):
    p, batches = example(dtype)
    right, kept = p, tree.map(np.copy, p)
    step, params = with_jax_step.compile_step(p, RATE)
    for batch in batches:
        loss, right = fast_step.step_plainly(right, batch, RATE)
        assert_allclose(step(batch.inputs, batch.targets), loss, rtol=tolerance)
    for a, b in zip(tree.leaves(params()), tree.leaves(right), strict=True):
        assert a.dtype == dtype
        assert np.abs(a - b).max() <= tolerance * np.abs(b).max()
    assert all(map(np.array_equal, tree.leaves(p), tree.leaves(kept)))  # donated were copies
