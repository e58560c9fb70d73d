"""Zip archives that are the same bytes from the same files, and are whole or not there."""

from __future__ import annotations

import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

DAY = (2026, 1, 1, 0, 0, 0)  # the date of every file
# Compressed already: to compress them again costs seconds and gains nothing.
PRESSED = {".epub", ".gzip", ".pdf", ".png", ".whl", ".woff2", ".zip"}


def write(
    path: Path, files: Mapping[str, bytes | Path], stored: frozenset[str] = frozenset()
) -> None:
    """Write an archive of these files, by name, in this order; `stored` are not compressed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        unfinished = Path(folder, path.name)
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                entry = zipfile.ZipInfo(name, DAY)
                entry.external_attr = 0o644 << 16
                pressed = name in stored or Path(name).suffix in PRESSED
                data = content if isinstance(content, bytes) else content.read_bytes()
                kind = zipfile.ZIP_STORED if pressed else zipfile.ZIP_DEFLATED
                archive.writestr(entry, data, kind)
        os.replace(unfinished, path)
