"""Files are written whole or not at all, and by one program at a time."""

import os
import resource
import signal
import stat
import subprocess
import sys
import textwrap

import pytest

from tests.support.paths import ROOT
from unrolled import files
from unrolled.files import discarded_if_damaged, locked, write_whole


def test_a_file_is_written_with_its_folders(tmp_path):
    path = tmp_path / "a" / "b.txt"
    write_whole(path, "größer")
    assert path.read_text("utf-8") == "größer"
    write_whole(path, b"\x00")
    assert path.read_bytes() == b"\x00" and os.listdir(path.parent) == ["b.txt"]


@pytest.mark.parametrize("broken", ["fsync", "replace"])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, broken):
    path = tmp_path / "a.txt"
    write_whole(path, "old")

    def fail(*_):
        raise OSError("no space left")

    monkeypatch.setattr(os, broken, fail)
    with pytest.raises(OSError, match="no space"):
        write_whole(path, "new")
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["a.txt"]


def permissions(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_a_new_file_has_the_permissions_of_the_umask(tmp_path, mask):
    before = os.umask(mask)
    try:
        write_whole(tmp_path / "a.txt", "new")
    finally:
        os.umask(before)
    assert permissions(tmp_path / "a.txt") == 0o666 & ~mask


def test_an_old_file_keeps_its_permissions(tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("old")
    path.chmod(0o640)
    write_whole(path, "new")
    assert path.read_text() == "new" and permissions(path) == 0o640


def test_the_file_that_a_link_leads_to_is_replaced(tmp_path):
    for target in ("there.txt", "missing.txt"):
        link = tmp_path / "link.txt"
        link.symlink_to(tmp_path / "deep" / target)
        write_whole(link, "one")
        write_whole(link, "two")
        assert link.is_symlink()
        assert (tmp_path / "deep" / target).read_text() == "two"
        link.unlink()
    assert sorted(os.listdir(tmp_path / "deep")) == ["missing.txt", "there.txt"]


KILLED = """
    import os, signal, sys
    from unrolled import files
    os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
    files.write_whole(sys.argv[1], "half")
"""


def test_what_a_killed_program_left_is_removed_by_the_next_write(tmp_path):
    path = tmp_path / "a[1].txt"
    write_whole(path, "old")
    script = [sys.executable, "-c", textwrap.dedent(KILLED), str(path)]
    assert subprocess.run(script, cwd=ROOT).returncode == -signal.SIGKILL
    assert path.read_text() == "old" and len(os.listdir(tmp_path)) == 2
    (tmp_path / ".a[1].txt-notes").write_text("of the reader")
    write_whole(path, "new")
    assert sorted(os.listdir(tmp_path)) == [".a[1].txt-notes", "a[1].txt"]


def test_what_another_program_is_writing_is_left_alone(tmp_path, monkeypatch):
    """A second write of the file begins while the first is under way."""
    path, fsync = tmp_path / "a.txt", os.fsync

    def write_again(handle):
        monkeypatch.setattr(os, "fsync", fsync)
        write_whole(path, "second")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", write_again)
    write_whole(path, "first")
    assert path.read_text() == "first" and os.listdir(tmp_path) == ["a.txt"]


def test_a_new_file_that_another_program_takes_for_a_left_one_is_made_again(
    tmp_path, monkeypatch
):
    """Between opening and locking it, another program locks it and removes it."""
    path, flock = tmp_path / "a.txt", files.fcntl.flock

    def remove_first(handle, operation):
        monkeypatch.setattr(files.fcntl, "flock", flock)
        (unfinished,) = tmp_path.glob("*.unfinished")
        with open(unfinished) as other:
            flock(other, operation)
            try:
                flock(handle, operation)
            finally:
                unfinished.unlink()

    monkeypatch.setattr(files.fcntl, "flock", remove_first)
    write_whole(path, "new")
    assert path.read_text() == "new" and os.listdir(tmp_path) == ["a.txt"]


def test_without_locks_files_are_written_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "fcntl", None)
    path = tmp_path / "a.txt"
    write_whole(path, "old")
    write_whole(path, "new")
    with locked(path), locked(path):
        assert os.listdir(tmp_path) == ["a.txt"]
    assert path.read_text() == "new" and os.listdir(tmp_path) == ["a.txt"]


def test_a_full_disk_leaves_the_old_file_and_nothing_else(tmp_path):
    """Beyond the limit of a file's size, the system refuses to write, as on a full disk."""
    path = tmp_path / "a.txt"
    write_whole(path, "old")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
        with pytest.raises(OSError, match="File too large"):
            write_whole(path, 1001 * "n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["a.txt"]


def test_a_locked_file_is_refused_to_a_second_block_and_free_after_the_first(tmp_path):
    path = tmp_path / "deep" / "a.txt"
    with locked(path):
        for again in (path, path.parent / ".." / "deep" / "a.txt"):
            with (
                pytest.raises(BlockingIOError, match=r"in use: .*a\.txt"),
                locked(again),
            ):
                pytest.fail("two blocks have the file")
        with locked(path.with_name("b.txt")):
            write_whole(path, "whole")
    with locked(path):
        pass
    assert os.listdir(path.parent) == ["a.txt"]


HOLDER = """
    import sys, time
    from unrolled import files
    with files.locked(sys.argv[1]):
        print("locked", flush=True)
        time.sleep(600)
"""


def test_a_lock_holds_across_processes_and_ends_with_its_process(tmp_path):
    path = tmp_path / "a.txt"
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(HOLDER), str(path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout.readline() == "locked\n"
        with pytest.raises(BlockingIOError), locked(path):
            pytest.fail("two processes have the file")
        process.kill()
    with locked(path):
        pass
    assert os.listdir(tmp_path) == []


def test_a_file_that_cannot_be_read_is_discarded_and_named(tmp_path):
    path = tmp_path / "a.json"
    path.write_text("{")
    with pytest.warns(UserWarning, match=r"a\.json is damaged \(ValueError: no\)"):
        with discarded_if_damaged(path):
            raise ValueError("no")
    assert not path.exists()
    with pytest.raises(KeyboardInterrupt), discarded_if_damaged(path):
        raise KeyboardInterrupt
