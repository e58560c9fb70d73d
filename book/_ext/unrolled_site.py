"""The book's own Sphinx extensions, loaded in one place."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

PARTS = (
    "address",
    "sources",
    "drawn",
    "exercises_shown",
    "equations",
    "recorded",
    "checked",
    "mutants",
    "figures_on_page",
    "gradient_flow",
    "contents",
    "landing",
    "glossary_links",
    "inline_math",
    "part_progress",
    "opening",
    "permalinks",
    "search_objects",
    "live",
    "freshness",
    "ahead",
    "folding",
    "lean",
    "licences",
    "findable",
    "citation_style",
    "cite",
    "policy",
    "epub_pages",
    "notebooks",
    "forms",
    "bundle",
)


def version() -> str:
    """Return a digest of the extensions: when they change, every page is made again."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def setup(app: Any) -> dict[str, bool]:
    """Load every part; each is an ordinary extension and can be loaded alone."""
    app.add_config_value("unrolled_site_version", version(), "env")
    for part in PARTS:
        app.setup_extension(part)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
