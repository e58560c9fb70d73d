"""Files that are written whole or not at all."""

import contextlib
import errno
import glob
import os
import secrets
import stat
import warnings
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows has no such locks: ``locked`` refuses nothing there
    fcntl = None  # type: ignore[assignment]


def write_whole(path, content):
    """Writes a file beside its final name and renames it: a crash leaves the old file or the new.

    A new file gets the permissions that the umask allows, and an old one keeps its own. Of a
    symbolic link, the file that it leads to is replaced. What an earlier call left unfinished,
    because its program was killed, is removed.

    Args:
        path: where to; folders are made as needed.
        content: bytes, or str (UTF-8).

    Raises:
        OSError: it could not be written; what was there before is still there.
    """
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    for left_behind in path.parent.glob(f".{glob.escape(path.name)}-*.unfinished"):
        _remove_if_unlocked(left_behind)
    handle, unfinished = _new_file(path)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
            with contextlib.suppress(FileNotFoundError):
                os.chmod(unfinished, stat.S_IMODE(path.stat().st_mode))
            if fcntl is None:
                file.close()  # Windows renames no open file
            os.replace(unfinished, path)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def locked(path):
    """Keeps a file to this block until the block ends; another block that asks for it is refused.

    A block in another process is refused too. The lock is a hidden file beside the file. Where a
    lock cannot be had (a folder that is read-only, a system without locks), nothing is refused. A
    system without locks gets no hidden file either.

    Raises:
        BlockingIOError: another block has the file.
    """
    if fcntl is None:
        yield
        return
    path = Path(os.path.realpath(path))
    lock = path.with_name(f".{path.name}.lock")
    handle = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        while handle is None:
            handle = _open_locked(lock, os.O_CREAT)
    except BlockingIOError:
        raise BlockingIOError(errno.EAGAIN, "in use", str(path)) from None
    except OSError:
        pass
    try:
        yield
    finally:
        if handle is not None:
            lock.unlink(missing_ok=True)
            os.close(handle)


@contextlib.contextmanager
def discarded_if_damaged(path):
    """Removes a file, with a warning that names it, if reading it in this block fails.

    The statement after the block is then the next to run, and can make the file anew.
    """
    try:
        yield
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        warnings.warn(
            f"{path} is damaged ({type(error).__name__}: {error}); it is made again",
            stacklevel=3,
        )
        with contextlib.suppress(OSError):
            Path(path).unlink()


def _new_file(path):
    """Returns the handle and the path of a new, locked file beside a file.

    Before the new file is locked, another program may take it for one that was left unfinished,
    and lock and remove it. Then the next one is made.
    """
    while True:
        beside = path.with_name(f".{path.name}-{secrets.token_hex(4)}.unfinished")
        with contextlib.suppress(FileExistsError, BlockingIOError):
            handle = _open_locked(beside, os.O_CREAT | os.O_EXCL, needed=False)
            if handle is not None:
                return handle, beside


def _open_locked(path, flags, needed=True):
    """Returns the handle of a file that this process has locked; None if it was removed meanwhile.

    Raises:
        BlockingIOError: another has locked it.
        OSError: it cannot be opened; or, if the lock is needed, cannot be locked.
    """
    handle = os.open(path, os.O_RDWR | getattr(os, "O_BINARY", 0) | flags, 0o666)
    try:
        try:
            _lock(handle)
        except OSError as error:
            if needed or isinstance(error, BlockingIOError):
                raise
            return handle
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(handle), os.stat(path)):
                return handle
    except BaseException:
        os.close(handle)
        raise
    os.close(handle)
    return None


def _lock(handle):
    if not hasattr(fcntl, "flock"):
        raise OSError(errno.ENOSYS, "no locks")
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _remove_if_unlocked(path):
    with contextlib.suppress(OSError):  # its writer is alive, or it is gone
        handle = _open_locked(path, 0)
        if handle is not None:
            try:
                path.unlink()
            finally:
                os.close(handle)
