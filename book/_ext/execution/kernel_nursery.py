"""A process that imports modules once, and of which each kernel that is asked for is a copy.

Run as a script, so that nothing of the book is loaded in a kernel: `kernel_nursery.py DESCRIPTOR
MODULE…`. The descriptor is one end of a pair of sockets. Each request is a line of JSON with the
arguments, the folder and the environment of a kernel, and its answer is a line with the kernel's
number. The process ends when the other end is closed, and its kernels end with it.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import socket
import sys
from typing import Any


def become_kernel(arguments: list[str], cwd: str, env: dict[str, str]) -> None:
    """Run a kernel in this process, as `python -m ipykernel_launcher` would, until it ends."""
    parent = os.getppid()
    os.setsid()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    sys.argv[:] = ["ipykernel_launcher", *arguments]
    from ipykernel import kernelapp

    kernelapp.launch_new_instance([*arguments, f"--IPKernelApp.parent_handle={parent}"])


def main(descriptor: str, *modules: str) -> None:
    """Answer requests until there can be none."""
    del sys.path[0]  # the folder of this script
    for name in modules:
        importlib.import_module(name)
    gc.freeze()  # so that a kernel's collector leaves the pages of memory shared
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernels that end leave nothing
    with socket.socket(fileno=int(descriptor)) as requests:
        lines = requests.makefile("rw", encoding="utf-8")
        while line := lines.readline():
            request: dict[str, Any] = json.loads(line)
            number = os.fork()
            if not number:
                lines.close()
                requests.close()
                become_kernel(**request)
                return
            lines.write(f"{number}\n")
            lines.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
