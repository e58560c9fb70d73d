"""What CITATION.cff says of the book: title, authors, keywords."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml


@lru_cache(maxsize=1)
def citation() -> dict[str, Any]:
    """Return what CITATION.cff says of the book."""
    return yaml.safe_load(
        (Path(__file__).resolve().parents[3] / "CITATION.cff").read_text("utf-8")
    )


def author() -> str:
    """Return whom to cite."""
    return citation()["authors"][0]["name"]
