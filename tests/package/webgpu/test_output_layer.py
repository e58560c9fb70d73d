"""The output layer in WGSL."""

import numpy as np
import pytest

from experiments.gpu import wgsl_proofs as proofs
from unrolled.webgpu import output_layer


@pytest.mark.webgpu
@pytest.mark.parametrize("sizes", [(2, 1, 2), (7, 5, 3), (11, 9, 301)])
def test_loss_and_gradients_are_those_of_numpy(gpu, measured, sizes):
    for found in proofs.of_output_layer(gpu, *sizes):
        measured("float64", "output layer", found, proofs.GRADIENTS)


@pytest.mark.webgpu
def test_large_logits_do_not_overflow(gpu, measured):
    for found in proofs.of_output_layer(gpu, 5, 4, 37, scale=100.0):
        measured("float64", "output layer", found, proofs.GRADIENTS)


@pytest.mark.parametrize(
    ("targets", "mask", "says"),
    [
        ([0, 4], None, "ids from 0 to 3"),
        ([0, 1, 2], None, "targets must have shape"),
        ([0, 1], [1], "mask must have shape"),
    ],
)
def test_targets_that_do_not_fit_are_refused(targets, mask, says):
    h, W_y = np.zeros((2, 3)), np.zeros((3, 4))
    with pytest.raises(ValueError, match=says):
        output_layer.output_layer(None, h, W_y, np.zeros(4), targets, mask)
