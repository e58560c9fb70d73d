"""Jupyter Book's own command, with a garbage collector that looks less often.

Sphinx makes millions of nodes that stay: looking through them took a quarter of a build.
"""

from __future__ import annotations

import gc
import sys

from sphinx.errors import SphinxError


def run(arguments: list[str]) -> None:
    """Run the command; SystemExit or RuntimeError, once it has said why, if it fails."""
    from jupyter_book.cli.main import main

    gc.set_threshold(100_000, 50, 100)
    try:
        main(arguments, standalone_mode=False)
    except RuntimeError as error:
        if not isinstance(error.__cause__, SphinxError):
            raise
        print(
            f"ERROR: {error.__cause__}", file=sys.stderr
        )  # what a traceback would hide
        raise SystemExit(1) from None


if __name__ == "__main__":
    run(sys.argv[1:])
