"""A linear recurrence in WGSL: by a scan, or by one invocation, forward and backward."""

import numpy as np
import pytest

from experiments.gpu import wgsl_proofs as proofs
from unrolled.webgpu import scan

# T, D: fewer steps than invocations, one more, and chunks of which the last is shorter
SIZES = [(1, 1), (7, 3), (129, 5), (1000, 3)]


@pytest.mark.webgpu
@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("chunk", ["short", "whole"])
def test_states_and_gradients_are_those_of_numpy(gpu, measured, sizes, chunk):
    chunk = sizes[0] if chunk == "whole" else None
    measured("float64", "scan", proofs.of_scan(gpu, *sizes, chunk), proofs.VALUES)
    for found in proofs.of_scan_gradient(gpu, *sizes, chunk):
        measured("float64", "gradient of a scan", found, proofs.GRADIENTS)


@pytest.mark.webgpu
def test_it_starts_from_zero_if_not_told_otherwise(gpu):
    f, g = np.full((3, 1), 0.5), np.ones((3, 1))
    h, _ = scan.forward(gpu, f, g)
    np.testing.assert_allclose(h[:, 0], [1, 1.5, 1.75])


@pytest.mark.webgpu
def test_a_gradient_of_another_shape_is_refused(gpu):
    _, cache = scan.forward(gpu, np.ones((3, 2)), np.ones((3, 2)))
    with pytest.raises(ValueError, match=r"dh must have shape \(3, 2\)"):
        scan.backward(gpu, cache, np.ones((2, 3)))


@pytest.mark.parametrize(
    ("f", "g", "h0", "says"),
    [
        ((3, 2), (3, 1), None, r"both be \(T, D\)"),
        ((3,), (3,), None, r"both be \(T, D\)"),
        ((0, 2), (0, 2), None, r"both be \(T, D\)"),
        ((3, 2), (3, 2), (3,), "h0 must have shape"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(f, g, h0, says):
    with pytest.raises(ValueError, match=says):
        scan.check(np.zeros(f), np.zeros(g), None if h0 is None else np.zeros(h0))


def test_chunks_reach_the_end():
    assert [scan.steps_each(T) for T in (1, 128, 129, 1000)] == [1, 1, 2, 8]
    assert scan.steps_each(1000, 1000) == 1000
    with pytest.raises(ValueError, match="at least 8 for 1000 steps"):
        scan.steps_each(1000, 7)
