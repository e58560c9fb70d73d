"""Where a book stands and what is built of it: a parameter, so that a test can give another."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Paths(NamedTuple):
    """A repository's root; everything else is found from there."""

    root: Path

    @property
    def build(self) -> Path:
        """The folder of all that is built."""
        return self.root / "_build"

    @property
    def html(self) -> Path:
        """The site."""
        return self.build / "html"

    @property
    def forms(self) -> Path:
        """The book as files to download."""
        return self.build / "forms"


HERE = Paths(Path(__file__).resolve().parents[3])
