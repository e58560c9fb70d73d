"""Pages written by several processes: Jupyter Book's command has no option for Sphinx's `--jobs`.

The pages are read by one process all the same: some extensions note what they read.
"""

from __future__ import annotations

import os
import sys
from typing import Any


def use_cores(app: Any, env: Any) -> None:
    """Let Sphinx write with one process for each core, beside its own, once all pages are read.

    Sphinx copies its process for that, which is safe on Linux.
    """
    if sys.platform == "linux":
        app.parallel = (os.cpu_count() or 1) + 1


def setup(app: Any) -> dict[str, bool]:
    """Register the extension."""
    app.connect("env-updated", use_cores)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
