"""The step of SGD in PyTorch is that of NumPy; without PyTorch, which it is, is said."""

import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose

from tests.support.sgd_example import RATE, example
from unrolled import tree
from unrolled.frameworks import torch_step
from unrolled.speed import sgd_step


@pytest.fixture
def torch():
    return pytest.importorskip("torch", reason="this book does not install PyTorch")


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(np.float64, 1e-10), (np.float32, 2e-5)]
)
def test_two_steps_are_those_of_numpy(torch, dtype, tolerance):
    p, batches = example(dtype)
    right, kept = p, tree.map(np.copy, p)
    step, params = torch_step.compile_step(p, RATE)
    for batch in batches:
        loss, right = sgd_step.reference_step(right, batch, RATE)
        assert_allclose(step(batch.inputs, batch.targets), loss, rtol=tolerance)
    for a, b in zip(tree.leaves(params()), tree.leaves(right), strict=True):
        assert a.dtype == dtype
        assert np.abs(a - b).max() <= tolerance * np.abs(b).max()
    # they were copied
    assert all(map(np.array_equal, tree.leaves(p), tree.leaves(kept)))


@pytest.mark.parametrize("field", ["inputs", "targets"])
@pytest.mark.parametrize("wrong", [-1, 23, 0.5])
def test_ids_out_of_range_are_refused(torch, field, wrong):
    p, (batch, _) = example()
    step, params = torch_step.compile_step(p, RATE)
    ids = getattr(batch, field).astype(type(wrong))
    ids[0, 0] = wrong
    given = batch._replace(**{field: ids})
    with pytest.raises(ValueError, match=f"{field}: ids must"):
        step(given.inputs, given.targets)
    same = map(np.array_equal, tree.leaves(params()), tree.leaves(p))
    assert all(same)  # nothing was learnt from it


def test_without_pytorch_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    p, _ = example()
    with pytest.raises(ImportError, match="torch"):
        torch_step.compile_step(p, RATE)
