"""What an answer may do in its process, and what happens when it does more."""

import os
import socket
import subprocess
import sys
import threading
import time

import pytest

from unrolled import exercises
from unrolled.exercises import isolation

NAME = "delta_by_hand"
SOLUTION = exercises.load(NAME).SOLUTION
LIMITS = isolation.Limits(seconds=3, megabytes=1000)
SHORT = isolation.Limits(seconds=1, megabytes=1000)
ENDLESS = ("while True:\n    pass", "import time\ntime.sleep(60)")
WRAPPER = isolation.sandbox()
needs_bubblewrap = pytest.mark.skipif(
    WRAPPER is None, reason="no sandbox: bubblewrap is missing or forbidden"
)
pytestmark = pytest.mark.slow


def result(code, wrapper=WRAPPER, limits=LIMITS):
    return isolation.run(NAME, code, limits, wrapper)


@pytest.mark.parametrize("wrapper", [None, WRAPPER], ids=["limits alone", "sandbox"])
@pytest.mark.parametrize(
    ("code", "message"),
    [
        (ENDLESS[0], "seconds."),  # of a processor, or 2 of the clock if it is busy
        (ENDLESS[1], "It took longer than 2 seconds."),
        ("x = bytearray(10**10)", "Your code raises MemoryError"),
        ("import os\nos._exit(0)", "ended with 0 before its check"),
        ("import os\nos.abort()", "before its check"),
        ("raise SystemExit", "Your code ends the program (SystemExit)."),
        ("def f(:", "The code is not valid Python: invalid syntax, line 1."),
        ("1 / 0", "Your code raises ZeroDivisionError: division by zero"),
        ("print('x' * 10**8)\nimport sys\nsys.exit(1)", "ends the program"),
    ],
)
def test_an_answer_that_goes_wrong_gets_one_line(wrapper, code, message):
    found = result(code, wrapper, SHORT if code in ENDLESS else LIMITS)
    assert not found.solved
    assert found.message.startswith("Not yet. ") and message in found.message


@pytest.mark.parametrize("wrapper", [None, WRAPPER], ids=["limits alone", "sandbox"])
def test_the_solution_is_solved_whatever_it_prints(wrapper):
    found = result(f"{SOLUTION}\nprint('noise' * 100_000)", wrapper)
    assert found.solved and found.message.startswith("Right. ")
    assert 0 < found.seconds < 3


def test_processes_of_an_answer_share_its_limits():
    code = (
        "import os, time\n"
        "for _ in range(4):\n    if os.fork() == 0: break\n"
        "x = b'x' * 600_000_000\ntime.sleep(60)"
    )
    found = result(code, limits=isolation.Limits(20, 1000))
    assert found.message == "Not yet. It needed more than 1000 MB of memory."


def starts_a_process(mark, first=""):
    """Code that starts a process with a mark in its command line and ends after a second."""
    return (
        "import os, sys, time\n"
        f"if os.fork() == 0:\n    {first or 'pass'}\n"
        "    command = [sys.executable, '-c', 'import time; time.sleep(60)']\n"
        f"    os.execv(sys.executable, [*command, '{mark}'])\n"
        "time.sleep(1)\nos._exit(0)"
    )


@pytest.mark.parametrize("wrapper", [None, WRAPPER], ids=["limits alone", "sandbox"])
def test_a_process_that_an_answer_starts_ends_with_it(wrapper):
    mark = f"unrolled-started-{wrapper is None}-{os.getpid()}"
    result(starts_a_process(mark), wrapper)
    time.sleep(0.2)
    assert mark not in command_lines()


@needs_bubblewrap
def test_a_process_that_leaves_its_session_ends_with_the_answer():
    mark = f"unrolled-left-{os.getpid()}"
    result(starts_a_process(mark, "os.setsid()"))
    time.sleep(0.2)
    assert mark not in command_lines()


def command_lines():
    found = []
    for number in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{number}/cmdline") as file:
                found += file.read().split("\0")
        except OSError:
            continue
    return found


@needs_bubblewrap
def test_no_file_of_the_machine_can_be_read_or_changed(tmp_path):
    kept = tmp_path / "kept.txt"
    kept.write_text("kept")
    code = (
        "import shutil, pathlib, unrolled\n"
        f"assert not pathlib.Path({str(kept)!r}).exists(), 'seen'\n"
        f"shutil.rmtree({str(tmp_path)!r}, ignore_errors=True)\n"
        "here = pathlib.Path(unrolled.__file__)\n"
        "try:\n    here.unlink()\n"
        "except OSError as error:\n    raise RuntimeError(error.strerror)\n"
    )
    assert "RuntimeError: Read-only file system" in result(code).message
    assert kept.read_text() == "kept"


@needs_bubblewrap
def test_temporary_files_are_allowed_and_limited():
    write = "open('/tmp/a', 'wb').write(bytes(1_000_000))\n"
    assert result(write + SOLUTION).solved
    for folder in ("/tmp", "/dev/shm"):
        fill = (
            "for i in range(30):\n"
            f"    open(f'{folder}/{{i}}', 'wb').write(bytes(10_000_000))"
        )
        assert "No space left on device" in result(fill).message


@needs_bubblewrap
def test_no_network_can_be_reached_not_even_this_machine():
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(3)
        reached = []

        def listen():
            try:
                reached.append(server.accept())
            except TimeoutError:
                return

        listener = threading.Thread(target=listen)
        listener.start()
        address = server.getsockname()
        code = f"import socket\nsocket.create_connection({address}, 2)"
        assert "Your code raises" in result(code).message
        listener.join()
    assert reached == []


@needs_bubblewrap
def test_the_variables_of_the_teacher_are_not_shown(monkeypatch):
    monkeypatch.setenv("SECRET_OF_THE_TEACHER", "42")
    code = "import os\nassert 'SECRET_OF_THE_TEACHER' not in os.environ\n"
    assert result(code + SOLUTION).solved


def test_a_bubblewrap_that_the_system_forbids_makes_no_sandbox(tmp_path, monkeypatch):
    forbidden = tmp_path / "bwrap"
    forbidden.write_text("#!/bin/sh\nexit 1\n")
    forbidden.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert isolation.sandbox() is None


def test_a_verdict_that_the_answer_writes_itself_does_not_count():
    forged = '{"solved": true, "message": "Right.", "token": ""}'
    code = (
        "import os\nfor number in range(3, 9):\n"
        f"    try:\n        os.write(number, b'{forged}')\n"
        "    except OSError:\n        pass\nos._exit(0)"
    )
    assert not result(code).solved


def test_the_use_of_a_process_is_that_of_its_children_too():
    sleeping = [sys.executable, "-c", "x = bytearray(10**8)\ninput()"]
    before = isolation.used(os.getpid())
    with subprocess.Popen(sleeping, stdin=subprocess.PIPE) as child:
        end = time.monotonic() + 20
        while isolation.used(child.pid)[1] < 100 and time.monotonic() < end:
            time.sleep(0.05)
        both = isolation.used(os.getpid())
        child.communicate(b"\n")
    assert both[1] - before[1] > 90
    assert both[0] > before[0] > 0
