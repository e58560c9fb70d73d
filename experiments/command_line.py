"""The command line of the scripts: ``--help`` shows what a script does, and what else is an error.

A script that takes no arguments says so too: ``command_line.parser(__doc__).parse_args()`` at the
head of its ``if __name__ == "__main__"``. Where the imports take seconds, that stands above them.
"""

import argparse
import sys


def parser(description):
    """Returns a parser for the script that runs, which shows the script's docstring."""
    spec = sys.modules["__main__"].__spec__
    return argparse.ArgumentParser(
        prog=f"python -m {spec.name.removesuffix('.__main__')}" if spec else None,
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
