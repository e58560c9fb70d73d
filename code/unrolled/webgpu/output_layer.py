"""The output layer on a GPU: logits, softmax, loss and their gradients.

The logits are written once by a matrix product. One kernel then overwrites them with their
gradient, so that the probabilities are never written. N rows, H hidden units, V words.
"""

import numpy as np

from unrolled.webgpu.device import source
from unrolled.webgpu.product import matmul


def output_layer(gpu, h, W_y, b_y, targets, mask=None, scale=1.0):
    """Returns the loss of the output layer and its gradients, all in NumPy.

    Args:
        gpu: a Gpu.
        h: (N, H) states.
        W_y: (H, V).
        b_y: (V,).
        targets: (N,) ids.
        mask: (N,), 0 where a row is padding; no padding if left out.
        scale: factor of the summed cross-entropy; 1/N gives the mean.

    Returns:
        loss in nats, dh (N, H), dW_y (H, V), db_y (V,).

    Raises:
        ValueError: shapes do not fit together, or a target is no id.
    """
    N, V = len(h), len(b_y)
    mask = np.ones(N) if mask is None else mask
    for name, value in (("targets", targets), ("mask", mask)):
        if np.shape(value) != (N,):
            raise ValueError(f"{name} must have shape {(N,)}, got {np.shape(value)}")
    if np.min(targets) < 0 or np.max(targets) >= V:
        raise ValueError(f"targets must be ids from 0 to {V - 1}")
    h, W_y, b_y = gpu.array(h), gpu.array(W_y), gpu.array(b_y)
    targets, mask = gpu.array(targets, np.uint32), gpu.array(mask)
    losses, *gradients = on_gpu(gpu, h, W_y, b_y, targets, mask, scale)
    loss = float(gpu.read(losses).sum(dtype=np.float64))
    return loss, *map(gpu.read, gradients)


def on_gpu(gpu, h, W_y, b_y, targets, mask, scale):
    """Returns the N losses, dh, dW_y and db_y as GpuArrays; takes GpuArrays and reads nothing."""
    N, V = h.shape[0], b_y.shape[0]
    u = matmul(gpu, h, W_y)
    losses = gpu.zeros(N)
    arrays = [u, b_y, targets, mask, losses]
    gpu.run(source("softmax_loss"), [N, V, float(scale)], arrays, (N, 1))
    db_y = column_sums(gpu, u)
    dh = matmul(gpu, u, W_y, transpose_b=True)
    dW_y = matmul(gpu, h, u, transpose_a=True)
    return losses, dh, dW_y, db_y


def column_sums(gpu, rows):
    """Returns the sums (V,) of the columns of a GpuArray (N, V)."""
    N, V = rows.shape
    sums = gpu.zeros(V)
    gpu.run(source("column_sums"), [N, V], [rows, sums], (-(-V // 128), 1))
    return sums
