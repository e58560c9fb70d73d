"""One part of one kind of run, in a process of its own: python3 -m experiments.gpu.part KIND PART.

Reads its settings from standard input and writes what it found to the file of --to, whole.
"""

import importlib
import json
import sys
from pathlib import Path

from experiments import command_line
from unrolled.files import write_whole


class Blind(RuntimeError):
    """A library is there and does not see the GPU."""


def see_the_gpu(libraries):
    """Raises Blind if a library that a part needs would compute on the processor."""
    if "jax" in libraries:
        import jax

        if jax.default_backend() != "gpu":
            raise Blind(f"JAX {jax.__version__} sees no GPU: it needs its CUDA plugin")
    if "torch" in libraries:
        import torch

        if not torch.cuda.is_available():
            raise Blind(
                f"PyTorch {torch.__version__} sees no GPU: it needs its CUDA build"
            )


def main(arguments=None):
    parser = command_line.parser(__doc__)
    parser.add_argument("kind")
    parser.add_argument("part")
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--rehearsal", action="store_true")
    given = parser.parse_args(arguments)
    kind = importlib.import_module(f"experiments.gpu.{given.kind}")
    if not given.rehearsal:
        see_the_gpu(kind.PARTS[given.part])
    found = kind.run(given.part, json.load(sys.stdin))
    write_whole(given.to, json.dumps(found, allow_nan=False))


if __name__ == "__main__":
    sys.exit(main())
