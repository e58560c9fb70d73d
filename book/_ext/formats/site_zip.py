"""Pack the site, to be read without a network: _build/forms/unrolled-site.zip."""

from __future__ import annotations

import sys
from pathlib import Path

from book._ext.build import archives, build
from book._ext.formats import downloads


def files(html: Path) -> dict[str, bytes | Path]:
    """Return the files of the archive by name: the site, without the archive itself."""
    found: dict[str, bytes | Path] = {
        f"unrolled/{path.relative_to(html).as_posix()}": path
        for path in sorted(html.rglob("*"))
        if path.is_file() and path != html / "downloads" / downloads.ZIP.file
    }
    page = html / downloads.PAGE
    if page.is_file():
        text = downloads.filled(
            page.read_text("utf-8"), html / "downloads", inside=True
        )
        found[f"unrolled/{downloads.PAGE}"] = text.encode()
    return found


def make() -> Path:
    """Build the site and pack it; return the archive's path."""
    build.build()
    with build.alone(build.BUILD):
        target = build.BUILD / "forms" / downloads.ZIP.file
        archives.write(target, files(build.BUILD / "html"))
        downloads.show(build.BUILD)
    return target


def main() -> int:
    """Make the archive; return the exit status."""
    return build.status(
        lambda: f"The site is packed: {make().relative_to(build.ROOT)}",
        "no archive was changed",
    )


if __name__ == "__main__":
    sys.exit(main())
