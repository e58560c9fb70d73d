"""Parts that are made once and kept in _build/live, under a hash of what they are made from."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from sphinx.errors import ExtensionError

ROOT = Path(__file__).resolve().parents[3]
KEPT = ROOT / "_build/live"


class LiveError(ExtensionError):
    """A part cannot be made; the message says why in one line."""


def digest(*inputs: bytes) -> str:
    """Return twelve digits that stand for some bytes."""
    total = hashlib.sha256()
    for data in inputs:
        total.update(hashlib.sha256(data).digest())
    return total.hexdigest()[:12]


def made(name: str, inputs: Iterable[bytes], make: Callable[[Path], None]) -> Path:
    """Return the folder of a part, made by `make` unless it was made from the same inputs."""
    key = digest(Path(__file__).read_bytes(), *inputs)
    folder = KEPT / f"{name}-{key}"
    if folder.is_dir():
        return folder
    KEPT.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=KEPT) as temporary:
        make(Path(temporary))
        os.chmod(temporary, 0o755)
        if not folder.is_dir():  # another build may have been quicker
            shutil.copytree(temporary, f"{temporary}.whole")
            try:
                os.rename(f"{temporary}.whole", folder)
            except OSError:
                shutil.rmtree(f"{temporary}.whole")
    for old in KEPT.glob(f"{name}-*"):
        if old != folder:
            shutil.rmtree(old, ignore_errors=True)
    return folder
