"""Opening a GPU, and what is said where there is none."""

import sys
from unittest import mock

import numpy as np
import pytest

from unrolled.webgpu import device


@pytest.mark.webgpu
def test_an_array_comes_back_as_it_was(gpu):
    values = np.arange(30, dtype=np.float32).reshape(5, 6)[:, ::2]
    np.testing.assert_array_equal(gpu.read(gpu.array(values)), values)
    assert gpu.read(gpu.zeros(2, 3)).tolist() == [[0, 0, 0], [0, 0, 0]]


@pytest.mark.webgpu
def test_a_gpu_says_what_it_is(gpu):
    described = gpu.described()
    assert described["adapter"] and described["backend"]
    assert gpu.is_software() == (described["kind"] == "CPU")


@pytest.mark.webgpu
def test_an_empty_array_is_refused(gpu):
    with pytest.raises(ValueError, match="without entries"):
        gpu.array(np.zeros((0, 3)))


def test_no_gpu_is_opened_beside_tensorflow():
    with mock.patch.dict(sys.modules, {"tensorflow": object()}):
        with pytest.raises(device.NoGpuError, match="a process of its own"):
            device.open_gpu()


def without_tensorflow(**modules):
    others = {n: m for n, m in sys.modules.items() if n.split(".")[0] != "tensorflow"}
    return mock.patch.dict(sys.modules, others | modules, clear=True)


def test_a_missing_package_is_named():
    with without_tensorflow(wgpu=None):
        with pytest.raises(
            device.NoGpuError, match=r"pip install 'unrolled\[webgpu\]'"
        ):
            device.open_gpu()


@pytest.mark.parametrize("answer", [{"side_effect": OSError}, {"return_value": None}])
def test_a_missing_adapter_is_said(answer):
    fake = mock.Mock()
    fake.gpu.request_adapter_sync = mock.Mock(**answer)
    with without_tensorflow(wgpu=fake):
        with pytest.raises(device.NoGpuError, match="mesa-vulkan-drivers"):
            device.open_gpu()


def test_every_kernel_has_its_text():
    assert "@compute" in device.source("product_plain")
