"""Runs an answer in a process of its own, with limits of time and memory and without a network.

Bubblewrap (`bwrap`) makes the sandbox. In it there are Python, this package and an empty folder for
temporary files. Nothing else of the machine can be read, nothing outlives the answer, and there is
no network. Without Bubblewrap only the limits remain.
"""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

CODE = Path(__file__).resolve().parents[2]
PAUSE = 0.05  # seconds between two looks at a running answer
CLOCK = 2  # seconds of the clock for each second of a processor that an answer may use
MESSAGE = 400  # characters of a message
TEMPORARY_BYTES = 64_000_000  # of all temporary files of an answer
SYSTEM = ("/usr", "/bin", "/lib", "/lib32", "/lib64", "/etc/alternatives", "/etc/ssl")


class Limits(NamedTuple):
    """What an answer may use: seconds of a processor, and megabytes of memory."""

    seconds: float = 20.0
    megabytes: int = 4000


class Result(NamedTuple):
    """Whether an answer is right, the message to its author, and the seconds it took."""

    solved: bool
    message: str
    seconds: float


def sandbox() -> list[str] | None:
    """Returns the command that puts a program into a sandbox, or None if none can be made.

    Bubblewrap may be missing, or the system may not allow it: it is tried once.
    """
    bwrap = shutil.which("bwrap")
    if bwrap is None:
        return None
    command = [bwrap, "--unshare-all", "--die-with-parent", "--new-session"]
    for folder in SYSTEM:
        command += ["--ro-bind-try", folder, folder]
    limited = ["--size", str(TEMPORARY_BYTES), "--tmpfs"]
    command += [*limited, "/tmp", "--dev", "/dev", *limited, "/dev/shm"]
    command += ["--remount-ro", "/dev", "--proc", "/proc"]
    places = {str(CODE), sys.prefix, sys.base_prefix, os.path.realpath(sys.executable)}
    for place in sorted(places - {"/usr"}):
        command += ["--ro-bind", place, place]
    command += ["--chdir", "/tmp", "--clearenv"]
    for name, value in environment().items():
        command += ["--setenv", name, value]
    command.append("--")
    tried = subprocess.run([*command, sys.executable, "-c", ""], capture_output=True)
    return command if tried.returncode == 0 else None


def environment() -> dict[str, str]:
    """Returns the variables that an answer sees."""
    one_thread = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    return {
        **dict.fromkeys(one_thread, "1"),
        "HOME": "/tmp",
        "MPLBACKEND": "agg",
        "PATH": os.defpath,
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(CODE),
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }


def run(exercise: str, code: str, limits: Limits, wrapper: list[str] | None) -> Result:
    """Returns the verdict on an answer.

    Args:
        exercise: its name.
        code: the answer.
        limits: of time and memory.
        wrapper: what `sandbox` returned.
    """
    token = secrets.token_hex()
    order = dict(exercise=exercise, code=code, token=token, megabytes=limits.megabytes)
    program = [sys.executable, "-m", "unrolled.exercises.answer_process"]
    variables = environment() if os.name == "posix" else os.environ | environment()
    start = time.monotonic()
    with (
        tempfile.TemporaryDirectory() as folder,
        tempfile.TemporaryFile() as given,
        tempfile.TemporaryFile() as result,
    ):
        given.write(json.dumps(order).encode())
        given.seek(0)
        process = subprocess.Popen(
            [*(wrapper or []), *program],
            stdin=given,
            stdout=result,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env=variables,
            start_new_session=True,
        )
        stopped = watch(process, start, limits)
        seconds = time.monotonic() - start
        if stopped:
            return Result(False, stopped, seconds)
        result.seek(0)
        return Result(*said(result.read(100_000), token, process.returncode), seconds)


def said(written: bytes, token: str, status: int) -> tuple[bool, str]:
    """Returns the verdict that a process wrote, or what is to be said if it wrote none."""
    try:
        found = json.loads(written)
        if found["token"] == token:
            message = " ".join(str(found["message"]).split())[:MESSAGE]
            return found["solved"] is True, message
    except (ValueError, KeyError, TypeError):
        pass
    how = f"was ended by signal {-status}" if status < 0 else f"ended with {status}"
    return False, f"Not yet. The process of this answer {how} before its check."


def watch(process: subprocess.Popen, start: float, limits: Limits) -> str:
    """Waits for a process; ends it, with all that it started, when it exceeds a limit.

    Returns:
        What was exceeded, or nothing.
    """
    stopped = ""
    try:
        while process.poll() is None and not stopped:
            seconds, megabytes = used(process.pid)
            if seconds > limits.seconds:
                stopped = f"It computed for more than {limits.seconds:g} seconds."
            elif time.monotonic() - start > CLOCK * limits.seconds:
                stopped = f"It took longer than {CLOCK * limits.seconds:g} seconds."
            elif megabytes > limits.megabytes:
                stopped = f"It needed more than {limits.megabytes} MB of memory."
            else:
                try:
                    process.wait(PAUSE)
                except subprocess.TimeoutExpired:
                    continue
    finally:
        end(process)
    return f"Not yet. {stopped}" if stopped else ""


def end(process: subprocess.Popen) -> None:
    """Ends a process and its session; a sandbox takes all of its processes with it."""
    if hasattr(os, "killpg"):
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
    process.kill()
    process.wait()


def used(pid: int) -> tuple[float, float]:
    """Returns the seconds of a processor and the megabytes that a process and its children use.

    Where there is no `/proc`, both are 0: only the limit of the clock remains.
    """
    seconds = pages = 0.0
    waiting = [pid]
    while waiting:
        number = waiting.pop()
        try:
            with open(f"/proc/{number}/stat") as file:
                fields = file.read().rpartition(")")[2].split()
            with open(f"/proc/{number}/task/{number}/children") as file:
                waiting += map(int, file.read().split())
        except (OSError, ValueError):
            continue
        seconds += sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
        pages += int(fields[21])
    return seconds, pages * (os.sysconf("SC_PAGE_SIZE") if pages else 0) / 1e6
