"""A GPU as WebGPU sees it: opened, filled with arrays, told to run a kernel.

The package ``wgpu`` runs WGSL on Vulkan, Metal and Direct3D 12. It is imported when a GPU is
opened, so that everything else here can be read and imported without it.
"""

import math
import sys
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

FOLDER = Path(__file__).parent


class NoGpuError(RuntimeError):
    """There is no GPU to open; the message says what to install or to change."""


class GpuArray(NamedTuple):
    """An array of float32 or uint32 numbers in the memory of a GPU, in C order."""

    buffer: Any
    shape: tuple[int, ...]
    dtype: Any = np.float32


@cache
def source(kernel):
    """Returns the WGSL text of a kernel, the file of that name in this folder."""
    return (FOLDER / f"{kernel}.wgsl").read_text("utf-8")


class Gpu:
    """An open GPU. It keeps every kernel that it has compiled."""

    def __init__(self, adapter, device):
        """Keeps the adapter and the device of ``wgpu``; ``open_gpu`` makes both."""
        self.adapter, self.device = adapter, device
        self.dispatches = 0  # so far
        self._pipelines = {}

    def described(self):
        """Returns what a record names: adapter, kind, backend and driver."""
        info = self.adapter.info
        return {
            "adapter": info["device"],
            "kind": info["adapter_type"],
            "backend": info["backend_type"],
            "driver": info["description"],
        }

    def is_software(self):
        """Tells whether the processor computes what a GPU would."""
        return self.described()["kind"] == "CPU"

    def array(self, values, dtype=np.float32):
        """Returns a copy of an array in the memory of the GPU, as float32 if not told otherwise."""
        values = np.ascontiguousarray(values, dtype)
        return self._filled(values, values.shape)

    def zeros(self, *shape):
        """Returns an array of zeros in the memory of the GPU."""
        return self._filled(np.zeros(max(1, math.prod(shape)), np.float32), shape)

    def read(self, array):
        """Returns a copy of a GpuArray as an array of NumPy; waits until it is computed."""
        read = np.frombuffer(self.device.queue.read_buffer(array.buffer), array.dtype)
        return read[: math.prod(array.shape)].reshape(array.shape).copy()

    def run(self, code, sizes, arrays, workgroups):
        """Runs a kernel: one dispatch.

        Args:
            code: the WGSL text. Its function is called main.
            sizes: whole numbers or floats for the struct at binding 0.
            arrays: GpuArrays for the bindings 1, 2, ...
            workgroups: their numbers in x and y.
        """
        import wgpu

        if code not in self._pipelines:
            module = self.device.create_shader_module(code=code)
            self._pipelines[code] = self.device.create_compute_pipeline(
                layout="auto", compute={"module": module, "entry_point": "main"}
            )
        pipeline = self._pipelines[code]
        words = [
            np.float32(n).view(np.uint32) if isinstance(n, float) else n for n in sizes
        ]
        words += [0] * (-len(words) % 4)
        uniform = self.device.create_buffer_with_data(
            data=np.array(words, np.uint32), usage=wgpu.BufferUsage.UNIFORM
        )
        buffers = [uniform, *(array.buffer for array in arrays)]
        group = self.device.create_bind_group(
            layout=pipeline.get_bind_group_layout(0),
            entries=[
                {"binding": k, "resource": {"buffer": b, "offset": 0, "size": b.size}}
                for k, b in enumerate(buffers)
            ],
        )
        encoder = self.device.create_command_encoder()
        work = encoder.begin_compute_pass()
        work.set_pipeline(pipeline)
        work.set_bind_group(0, group)
        work.dispatch_workgroups(*workgroups)
        work.end()
        self.device.queue.submit([encoder.finish()])
        self.dispatches += 1

    def _filled(self, values, shape):
        import wgpu

        usage = wgpu.BufferUsage.STORAGE | wgpu.BufferUsage.COPY_SRC
        if values.size == 0:
            raise ValueError(f"a GPU keeps no array without entries, got shape {shape}")
        buffer = self.device.create_buffer_with_data(data=values, usage=usage)
        return GpuArray(buffer, tuple(shape), values.dtype)


def open_gpu():
    """Returns a Gpu: the fastest adapter that there is, which may be a program for the processor.

    Raises:
        NoGpuError: the package wgpu or an adapter is missing, or TensorFlow is loaded.
    """
    if "tensorflow" in sys.modules:
        raise NoGpuError(
            "TensorFlow and wgpu crash in one process: open the GPU in a process of its own"
        )
    try:
        import wgpu
    except ImportError:
        raise NoGpuError(
            "the package wgpu is not installed: pip install wgpu"
        ) from None
    try:
        adapter = wgpu.gpu.request_adapter_sync(power_preference="high-performance")
        device = adapter.request_device_sync() if adapter else None
    except Exception as error:  # wgpu has no class of its own for this
        raise NoGpuError(
            "no adapter for WebGPU: install the driver of the GPU, or mesa-vulkan-drivers,"
            " which computes on the processor"
        ) from error
    if device is None:
        raise NoGpuError("no adapter for WebGPU: install mesa-vulkan-drivers")
    return Gpu(adapter, device)
