"""The step of SGD in Keras is that of NumPy."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tests.support.sgd_example import RATE, B, T, example
from unrolled import tree
from unrolled.frameworks import keras_step
from unrolled.speed import sgd_step


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


@pytest.mark.parametrize("field", ["inputs", "targets"])
@pytest.mark.parametrize("wrong", [-1, 23, 0.5])
def test_ids_out_of_range_are_refused(field, wrong):
    p, (batch, _) = example()
    step, params = keras_step.compile_step(p, RATE, (T, B))
    ids = getattr(batch, field).astype(type(wrong))
    ids[0, 0] = wrong
    given = batch._replace(**{field: ids})
    with pytest.raises(ValueError, match=f"{field}: ids must"):
        step(given.inputs, given.targets)
    same = map(np.array_equal, tree.leaves(params()), tree.leaves(p))
    assert all(same)  # nothing was learnt from it
