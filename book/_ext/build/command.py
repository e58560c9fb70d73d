"""Jupyter Book's own command, with a garbage collector that looks less often.

Sphinx makes millions of nodes that stay: looking through them took a quarter of a build.
"""

from __future__ import annotations

import gc
import sys


def run(arguments: list[str]) -> None:
    """Run the command; SystemExit or RuntimeError, once it has said why, if it fails."""
    from jupyter_book.cli.main import main

    gc.set_threshold(100_000, 50, 100)
    main(arguments, standalone_mode=False)


if __name__ == "__main__":
    run(sys.argv[1:])
