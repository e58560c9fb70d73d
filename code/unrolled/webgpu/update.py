"""A step of gradient descent on a GPU."""

import math

from unrolled.webgpu.device import source

MOST_WORKGROUPS = 1024


def descend(gpu, p, dp, rate):
    """Subtracts rate times the gradient from weights in the memory of a GPU.

    Args:
        gpu: a Gpu.
        p: a GpuArray of weights, overwritten.
        dp: a GpuArray of the same shape.
        rate: the learning rate.

    Raises:
        ValueError: the shapes differ.
    """
    if p.shape != dp.shape:
        raise ValueError(
            f"p has shape {p.shape} and dp {dp.shape}: they must be the same"
        )
    entries = math.prod(p.shape)
    workgroups = min(-(-entries // 128), MOST_WORKGROUPS), 1
    gpu.run(source("descent"), [entries, float(rate)], [p, dp], workgroups)
