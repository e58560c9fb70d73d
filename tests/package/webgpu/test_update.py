"""The update in WGSL."""

import numpy as np
import pytest

from experiments.gpu import wgsl_proofs as proofs
from unrolled.webgpu import update


@pytest.mark.webgpu
@pytest.mark.parametrize("shape", [(1,), (7, 5), (300, 451)])
def test_a_step_is_that_of_numpy(gpu, measured, shape):
    measured("float64", "update", proofs.of_descent(gpu, *shape), proofs.VALUES)


def test_a_gradient_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="must be the same"):
        update.descend(None, np.zeros(3), np.zeros(4), 0.1)
