"""A wheel for the browser: the same bytes from the same files."""

from __future__ import annotations

import io
import zipfile

# the date of every file, so that the same input gives the same bytes
DAY = (2026, 1, 1, 0, 0, 0)


def wheel(files: dict[str, bytes], name: str, tag: str) -> bytes:
    """Return a wheel with these files, the same bytes for the same files."""
    info = f"{name}.dist-info"
    files = {
        k: v
        for k, v in files.items()
        if not k.startswith(info) or k.endswith("METADATA")
    }
    project, _, version = name.partition("-")
    files.setdefault(
        f"{info}/METADATA",
        f"Metadata-Version: 2.1\nName: {project}\nVersion: {version}\n".encode(),
    )
    files[f"{info}/WHEEL"] = (
        f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n".encode()
    )
    files[f"{info}/RECORD"] = "".join(f"{k},,\n" for k in sorted(files)).encode()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in sorted(files):
            archive.writestr(
                zipfile.ZipInfo(path, DAY), files[path], zipfile.ZIP_DEFLATED, 9
            )
    return out.getvalue()
