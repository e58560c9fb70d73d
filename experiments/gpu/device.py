"""Which GPU there is, and whether it will do."""

import subprocess
from typing import NamedTuple

OLDEST_DRIVER = 525
"""NVIDIA's first driver for CUDA 12, the oldest that the libraries of today accept."""


class Unfit(Exception):
    """There is no GPU that would do; the message is one line that says what to do."""


class Device(NamedTuple):
    """A GPU."""

    name: str
    driver: str
    memory: int  # bytes
    free: int  # bytes

    def described(self):
        """Returns the device as a record names it."""
        return f"{self.name}, {self.memory / 2**30:.0f} GiB, driver {self.driver}"


QUERY = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total,memory.free"]


def find(run=subprocess.run):
    """Returns the first Device.

    Raises:
        Unfit: no GPU, no answer from it, or an old driver.
    """
    try:
        said = run(
            [*QUERY, "--format=csv,noheader,nounits"],
            capture_output=True,
            text=True,
            timeout=60,
        )
    except FileNotFoundError:
        raise Unfit(
            "no NVIDIA GPU: nvidia-smi, which comes with the driver, is not found"
        ) from None
    except subprocess.TimeoutExpired:
        raise Unfit(
            "the GPU does not answer: nvidia-smi took more than a minute"
        ) from None
    if said.returncode or not said.stdout.strip():
        reason = (said.stdout + said.stderr).strip().splitlines() or ["it says nothing"]
        raise Unfit(f"no NVIDIA GPU that can be used: {reason[0]}")
    fields = [field.strip() for field in said.stdout.splitlines()[0].split(",")]
    try:
        name, driver, total, free = fields
        found = Device(name, driver, int(total) * 2**20, int(free) * 2**20)
        major = int(driver.split(".")[0])
    except ValueError:
        raise Unfit(f"nvidia-smi answers what cannot be read: {fields}") from None
    if major < OLDEST_DRIVER:
        raise Unfit(
            f"the driver {driver} is too old: CUDA 12 needs {OLDEST_DRIVER} or newer"
        )
    return found


def check_memory(device, needed):
    """Raises Unfit if less device memory is free than a run needs."""
    if device.free < needed:
        raise Unfit(
            f"too little device memory: {needed / 2**30:.1f} GiB needed,"
            f" {device.free / 2**30:.1f} of {device.memory / 2**30:.1f} GiB free"
        )
