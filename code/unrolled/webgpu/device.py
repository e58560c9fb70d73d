"""A GPU as WebGPU sees it: opened, filled with arrays, told to run a kernel.

The package ``wgpu`` runs WGSL on Vulkan, Metal and Direct3D 12. It is imported when a GPU is
opened, so that everything else here can be read and imported without it.
"""

import contextlib
import math
import sys
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from unrolled.installed import missing

FOLDER = Path(__file__).parent


class NoGpuError(RuntimeError):
    """There is no GPU to open; the message says what to install or to change."""


class GpuArray(NamedTuple):
    """An array of float32 or uint32 numbers in the memory of a GPU, in C order."""

    buffer: Any
    shape: tuple[int, ...]
    dtype: Any = np.float32


class Dispatch(NamedTuple):
    """A kernel with its arrays, ready to be executed."""

    pipeline: Any
    group: Any  # what is bound to it
    workgroups: tuple[int, int]


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
        self.has_timestamps = "timestamp-query" in device.features
        self._pipelines = {}
        self._recorded = None
        self._last = self.zeros(1)

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
        """Returns an array of zeros in the memory of the GPU; WebGPU clears new memory."""
        import wgpu

        usage = wgpu.BufferUsage.STORAGE | wgpu.BufferUsage.COPY_SRC
        size = 4 * max(1, math.prod(shape))
        return GpuArray(self.device.create_buffer(size=size, usage=usage), tuple(shape))

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
        dispatch = self._prepared(code, sizes, arrays, workgroups)
        if self._recorded is not None:
            self._recorded.append(dispatch)
        self.submit([dispatch])

    @contextlib.contextmanager
    def recorded(self):
        """Yields a list to which every dispatch is added that is run inside the block."""
        before, self._recorded = self._recorded, []
        try:
            yield self._recorded
        finally:
            self._recorded = before

    def submit(self, dispatches, times=1, timestamps=None):
        """Runs dispatches one after the other, all of them several times, in one pass.

        Args:
            dispatches: a list of Dispatches.
            times: how often.
            timestamps: a query set of ``wgpu`` for the beginning and the end of the pass.
        """
        encoder = self.device.create_command_encoder()
        written = {
            "query_set": timestamps,
            "beginning_of_pass_write_index": 0,
            "end_of_pass_write_index": 1,
        }
        work = encoder.begin_compute_pass(
            timestamp_writes=written if timestamps else None
        )
        for dispatch in dispatches * times:
            work.set_pipeline(dispatch.pipeline)
            work.set_bind_group(0, dispatch.group)
            work.dispatch_workgroups(*dispatch.workgroups)
        work.end()
        self.device.queue.submit([encoder.finish()])
        self.dispatches += times * len(dispatches)

    def wait(self):
        """Waits until everything that was submitted is computed."""
        self.read(self._last)  # a copy is made after all that was submitted before it

    def seconds(self, dispatches, times=1):
        """Returns how long ``submit`` takes on the GPU, by its own timestamps.

        Raises:
            NoGpuError: the GPU has no timestamps.
        """
        import wgpu

        if not self.has_timestamps:
            raise NoGpuError(f"{self.described()['adapter']} has no timestamps")
        queries = self.device.create_query_set(type="timestamp", count=2)
        self.submit(dispatches, times, queries)
        usage = wgpu.BufferUsage.QUERY_RESOLVE | wgpu.BufferUsage.COPY_SRC
        resolved = self.device.create_buffer(size=16, usage=usage)
        encoder = self.device.create_command_encoder()
        encoder.resolve_query_set(queries, 0, 2, resolved, 0)
        self.device.queue.submit([encoder.finish()])
        begin, end = np.frombuffer(self.device.queue.read_buffer(resolved), np.uint64)
        return (int(end) - int(begin)) / 1e9

    def _prepared(self, code, sizes, arrays, workgroups):
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
        return Dispatch(pipeline, group, tuple(workgroups))

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
        raise NoGpuError(missing("wgpu", "WebGPU")) from None
    try:
        adapter = wgpu.gpu.request_adapter_sync(power_preference="high-performance")
        device = _device_of(adapter) if adapter else None
    except Exception as error:  # wgpu has no class of its own for this
        raise NoGpuError(
            "no adapter for WebGPU: install the driver of the GPU, or mesa-vulkan-drivers,"
            " which computes on the processor"
        ) from error
    if device is None:
        raise NoGpuError("no adapter for WebGPU: install mesa-vulkan-drivers")
    return Gpu(adapter, device)


def _device_of(adapter):
    wanted = [name for name in ("timestamp-query",) if name in adapter.features]
    return adapter.request_device_sync(required_features=wanted)
