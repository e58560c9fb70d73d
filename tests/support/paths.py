"""Where things stand in the repository: the one place that counts folders."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
BOOK = ROOT / "book"
AXE = ROOT / "node_modules/axe-core/axe.min.js"
