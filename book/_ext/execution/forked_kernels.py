"""Kernels that begin as copies of a process which has imported what most pages import.

IPython and Matplotlib, and TensorFlow in its pages, take longer to import than the cells of many
pages take to run. jupyter_client lets a provisioner say how a kernel is started: this one asks a
nursery (kernel_nursery.py) for it. Only Linux can safely copy a process with such libraries in it;
elsewhere, and if a nursery cannot be asked, each kernel starts by itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from jupyter_client.provisioning.factory import KernelProvisionerFactory
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

SCRIPT = Path(__file__).with_name("kernel_nursery.py")
USUAL = (
    *("ipykernel.kernelapp", "IPython.core.completer", "numpy", "scipy.special"),
    *(
        "matplotlib.figure",
        "matplotlib.font_manager",
        "matplotlib.backends.backend_svg",
    ),
)
FRAMEWORKS = (*USUAL, "tensorflow", "keras")
CAN_FORK = sys.platform == "linux"


class Kernel:
    """A process that another process has started; what a provisioner asks of a Popen."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int) -> None:
        self.pid = pid
        try:
            self.descriptor: int | None = os.pidfd_open(pid)
        except ProcessLookupError:  # it has ended
            self.descriptor = None

    def poll(self) -> int | None:
        """Return None while the process runs; how it ended is not known."""
        if self.descriptor is None:
            return 0
        if not select.select([self.descriptor], [], [], 0)[0]:
            return None
        os.close(self.descriptor)
        self.descriptor = None
        return 0

    def wait(self) -> int:
        """Return when the process has ended."""
        if self.descriptor is not None:
            select.select([self.descriptor], [], [])
        return self.poll() or 0

    def send_signal(self, number: int) -> None:
        """Send the process a signal, if it still runs."""
        if self.descriptor is not None:
            signal.pidfd_send_signal(self.descriptor, number)

    def kill(self) -> None:
        """End the process."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask the process to end."""
        self.send_signal(signal.SIGTERM)


class Nursery:
    """A process with some modules imported; it starts with the first kernel that is asked of it."""

    def __init__(self, modules: tuple[str, ...]) -> None:
        self.modules = modules
        self.process: subprocess.Popen[bytes] | None = None
        self.turn = threading.Lock()

    def kernel(self, arguments: list[str], cwd: str, env: dict[str, str]) -> Kernel:
        """Return a new kernel.

        Raises:
            OSError: the process has ended, for example because a module cannot be imported.
        """
        with self.turn:
            if self.process is None:
                self._start()
            json.dump({"arguments": arguments, "cwd": cwd, "env": env}, self.lines)
            self.lines.write("\n")
            self.lines.flush()
            answer = self.lines.readline()
        if not answer:
            raise ConnectionError("the nursery of kernels has ended")
        return Kernel(int(answer))

    def _start(self) -> None:
        here, there = socket.socketpair()
        with there:
            self.process = subprocess.Popen(
                [sys.executable, str(SCRIPT), str(there.fileno()), *self.modules],
                stdin=subprocess.DEVNULL,
                pass_fds=[there.fileno()],
            )
        self.lines = here.makefile("rw", encoding="utf-8")
        here.close()  # the file keeps it

    def close(self) -> None:
        """End the process."""
        if self.process is not None:
            with contextlib.suppress(OSError):
                self.lines.close()
            self.process.wait()
            self.process = None


class Provisioner(LocalProvisioner):
    """Starts a kernel in the nursery that is given to `start_kernel`, if there is one."""

    async def launch_kernel(
        self, cmd: list[str], nursery: Nursery | None = None, **kwargs: Any
    ) -> Any:
        """Start the kernel of a command; return how to reach it."""
        if nursery and cmd[1:3] == ["-m", "ipykernel_launcher"]:
            given = cmd[3:], str(kwargs["cwd"]), kwargs["env"]
            with contextlib.suppress(OSError):
                kernel = await asyncio.to_thread(nursery.kernel, *given)
                self.process = kernel  # type: ignore[assignment]
                self.pid = self.pgid = kernel.pid
                return self.connection_info
        return await super().launch_kernel(cmd, **kwargs)


def use() -> None:
    """Let every kernel manager of this process start its kernels with the provisioner above."""
    factory = KernelProvisionerFactory.instance()
    value = f"{__name__}:{Provisioner.__name__}"
    entry = EntryPoint(name="forked", value=value, group=factory.GROUP_NAME)
    factory.provisioners[entry.name] = entry
    factory.default_provisioner_name = entry.name
