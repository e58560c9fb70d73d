"""The book's own Sphinx extensions, loaded in one place."""

from __future__ import annotations

from typing import Any

PARTS = (
    "address",
    "sources",
    "drawn",
    "equations",
    "recorded",
    "figures_on_page",
    "freshness",
    "lean",
)


def setup(app: Any) -> dict[str, bool]:
    """Load every part; each is an ordinary extension and can be loaded alone."""
    for part in PARTS:
        app.setup_extension(part)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
