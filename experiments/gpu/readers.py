"""Check records of readers' GPUs: python3 -m experiments.gpu.readers FILE ..."""

import json
import sys
from pathlib import Path

from experiments import command_line
from unrolled.speed import gpu_readers


def main(arguments=None):
    """Prints what is wrong with each file, a line each; returns 1 if anything is."""
    parser = command_line.parser(__doc__)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    status = 0
    files = parser.parse_args(arguments).files
    for path in files:
        if not path.is_file():
            parser.error(f"there is no file {path}")
    for path in files:
        try:
            found = gpu_readers.faults(json.loads(path.read_text("utf-8")))
        except OSError as error:
            found = [error.strerror or "it cannot be read"]
        except ValueError:
            found = ["it is not JSON"]
        for fault in found or ["in order"]:
            print(f"{path}: {fault}")
        status = 1 if found else status
    return status


if __name__ == "__main__":
    sys.exit(main())
