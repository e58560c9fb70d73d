"""Kernels that begin as copies of a process: what they find, and how they end."""

import asyncio
import os
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from book._ext.execution import forked_kernels, outputs
from tests.support.seeded_book import HEADER, code

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not forked_kernels.CAN_FORK, reason="only Linux forks kernels"),
]
MODULES = ("ipykernel.kernelapp", "wave")  # the second stands for what takes long
LOADED = "import sys\nprint('wave' in sys.modules)"


@pytest.fixture
def nursery():
    made = forked_kernels.Nursery(MODULES)
    yield made
    made.close()


def run(folder, nursery, *cells, timeout=60):
    """Runs cells in a kernel of the nursery; returns what each printed, and the traceback."""
    text = HEADER + "\n".join(map(code, cells))
    notebook = outputs.parsed(text, [])
    notebook.cells = outputs.code_of(notebook)
    forked_kernels.use()
    execution = outputs.execute(notebook, folder, timeout, nursery)
    with ThreadPoolExecutor(1) as thread:  # a browser's loop may run in this one
        error = thread.submit(asyncio.run, execution).result()
    found = [
        "".join(o.get("text", "") for o in cell.outputs) for cell in notebook.cells
    ]
    return found, error


def test_a_kernel_begins_with_the_imports_done_and_with_nothing_of_the_book(
    tmp_path, nursery
):
    (loaded, book), error = run(
        tmp_path, nursery, LOADED, "print('book' in sys.modules, sys.argv[0])"
    )
    assert (loaded, book, error) == ("True\n", "False ipykernel_launcher\n", "")
    assert run(tmp_path, None, LOADED) == (["False\n"], "")


def test_a_kernel_finds_its_folder_its_environment_and_its_processes(
    tmp_path, nursery, monkeypatch
):
    monkeypatch.setenv("SAID_TO_KERNELS", "this")
    cell = (
        "import os, subprocess, sys\n"
        "print(os.getcwd(), os.environ['SAID_TO_KERNELS'])\n"
        "print(subprocess.run([sys.executable, '-c', 'exit(3)']).returncode)"
    )
    (found,), error = run(tmp_path, nursery, cell)
    assert found == f"{tmp_path} this\n3\n" and not error


def test_what_one_kernel_does_no_other_finds(tmp_path, nursery):
    first, _ = run(
        tmp_path, nursery, "import wave\nwave.changed = 1\nprint(vars(wave)['changed'])"
    )
    second, _ = run(tmp_path, nursery, "import wave\nprint(hasattr(wave, 'changed'))")
    assert (first, second) == (["1\n"], ["False\n"])


def test_a_cell_that_does_not_end_is_ended_with_its_kernel(tmp_path, nursery):
    cells = "import os\nprint(os.getpid())", "while True: pass"
    (number, _), error = run(tmp_path, nursery, *cells, timeout=5)
    assert "CellTimeoutError" in error
    assert is_gone(int(number))


def test_kernels_end_with_their_nursery(tmp_path, nursery):
    (number,), _ = run(tmp_path, nursery, "import os\nprint(os.getppid())")
    assert int(number) == nursery.process.pid
    kernel = nursery.kernel(
        ["-f", str(tmp_path / "kernel.json")], str(tmp_path), dict(os.environ)
    )
    assert kernel.poll() is None
    nursery.process.kill()
    began = time.monotonic()
    kernel.wait()
    assert time.monotonic() - began < 20 and kernel.poll() == 0


def test_a_kernel_starts_by_itself_if_the_nursery_cannot_import(tmp_path, capfd):
    nursery = forked_kernels.Nursery(("no_module_of_this_name",))
    assert run(tmp_path, nursery, LOADED) == (["False\n"], "")
    nursery.close()
    assert "No module named 'no_module_of_this_name'" in capfd.readouterr().err


def is_gone(number):
    for _ in range(100):
        try:
            os.kill(number, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False
