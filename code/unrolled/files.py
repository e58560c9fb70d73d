"""Files that are written whole or not at all."""

import os
import tempfile
from pathlib import Path


def write_whole(path, content):
    """Writes a file beside its final name and renames it: a crash leaves the old file or the new.

    Args:
        path: where to; folders are made as needed.
        content: bytes, or str (UTF-8).

    Raises:
        OSError: it could not be written; what was there before is still there.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content.encode() if isinstance(content, str) else content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(unfinished, 0o644)
        os.replace(unfinished, path)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise
