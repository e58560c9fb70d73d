"""Which adapter WebGPU has here: a GPU of any make, or a program for the processor."""

import json
import subprocess
import sys
from typing import NamedTuple

from experiments import command_line
from experiments.gpu.device import Unfit


class Adapter(NamedTuple):
    """What ``wgpu`` computes with."""

    name: str
    kind: str  # DiscreteGPU, IntegratedGPU or CPU
    backend: str
    driver: str

    def is_software(self):
        """Tells whether the processor computes what a GPU would."""
        return self.kind == "CPU"

    def described(self):
        """Returns the adapter as a record names it."""
        what = "a software adapter, no GPU" if self.is_software() else self.kind
        return (
            f"{self.name} ({what}), {self.backend}, {self.driver or 'no driver named'}"
        )


def find(run=subprocess.run):
    """Returns the Adapter, asked for in a process of its own.

    Raises:
        Unfit: there is none, or wgpu is not installed.
    """
    said = run(
        [sys.executable, "-m", "experiments.gpu.adapter"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    if said.returncode:
        lines = said.stderr.strip().splitlines() or ["it says nothing"]
        raise Unfit(f"no WebGPU: {lines[-1].rpartition('NoGpuError: ')[2]}")
    found = json.loads(said.stdout)
    return Adapter(found["adapter"], found["kind"], found["backend"], found["driver"])


if __name__ == "__main__":
    command_line.parser(__doc__).parse_args()
    from unrolled.webgpu.device import open_gpu

    print(json.dumps(open_gpu().described()))
