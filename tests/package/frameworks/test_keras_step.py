"""The step of SGD in Keras is that of NumPy."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from unrolled import tree
from unrolled.data import text
from unrolled.frameworks import keras_step
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


@pytest.mark.parametrize(
    "options",
    [{}, {"unroll": True}, {"jit_compile": True}],
    ids=["loop", "unrolled", "XLA"],
)
def test_two_steps_are_those_of_numpy(options):
    p, batches = example()
    right = p
    step, params = keras_step.compile_step(p, RATE, (T, B), **options)
    for batch in batches:
        loss, right = sgd_step.reference_step(right, batch, RATE)
        assert_allclose(step(batch.inputs, batch.targets), loss, rtol=1e-10)
    for a, b in zip(tree.leaves(params()), tree.leaves(right), strict=True):
        assert np.abs(a - b).max() <= 1e-10 * np.abs(b).max()


def test_the_cell_is_saved_with_its_size():
    cell = keras_step.StateCell(7)
    assert keras_step.StateCell.from_config(cell.get_config()).units == 7
