"""One GPU for all tests of WebGPU, in a process in which TensorFlow is never loaded."""

import pytest

from tests.support.missing_browsers import skipped_without
from unrolled.webgpu import device


@pytest.fixture(scope="session")
def gpu():
    with skipped_without(device.NoGpuError):
        opened = device.open_gpu()
    return opened
