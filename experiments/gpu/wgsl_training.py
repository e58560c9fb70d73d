"""A small network trained by the kernels in WGSL, and by NumPy: the losses of every update.

Nothing is timed here, so a busy machine does not matter. A software adapter is a program for the
processor, and the record says so.
"""

import numpy as np

from experiments.gpu import proof, webgpu, wgsl_proofs
from unrolled.speed import gpu_tables
from unrolled.webgpu import device

SEED = 0
NEEDS = 1 << 30
SECONDS = 30
PACKAGES = ("wgpu",)
PARTS = {"RNN": ("wgpu",), "LSTM": ("wgpu",), "GRU": ("wgpu",)}
ADAPTER = "webgpu"  # not an NVIDIA GPU


def settings(rehearsal):
    """Returns the number of updates of each cell, and the learning rate."""
    updates = {"RNN": 60, "LSTM": 100, "GRU": 100}
    if rehearsal:
        updates = dict.fromkeys(updates, 4)
    return {"updates": updates, "rate": 2.0}


def run(part, sizes):
    """Returns the adapter, and the losses here and in NumPy, update by update.

    Raises:
        proof.Wrong: a loss is not NumPy's.
    """
    gpu = device.open_gpu()
    here, right = wgsl_proofs.of_training(
        gpu, part.lower(), sizes["updates"][part], sizes["rate"]
    )
    gap = wgsl_proofs.gap(np.array(here), np.array(right))
    if not gap <= wgsl_proofs.VALUES:
        raise proof.Wrong(f"a loss is off by {gap:.1e} of the largest")
    return {
        "adapter": gpu.described() | {"software": gpu.is_software()},
        "kernels": webgpu.kernels(),
        "gap": gap,
        "here": here,
        "numpy": right,
    }


report = gpu_tables.wgsl_training


RECORDS = {"gpu/wgsl_training": (settings, run)}
