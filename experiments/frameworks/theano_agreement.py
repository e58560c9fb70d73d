"""Theano 1.0.5 and PyTensor beside NumPy: one loss, one gradient, and what compiling costs.

    python -m experiments.frameworks.theano_agreement     writes results/theano.json

Theano runs in its own environment, which `make theano` makes. Every measurement is a process of
its own with an empty cache of compiled code; where the cache matters, a second process with the
cache of the first follows.
"""

from experiments import command_line

if __name__ == "__main__":
    command_line.parser(__doc__).parse_args()  # before the imports, which take seconds

import json
import os
import subprocess
import sys
import tempfile

from experiments.frameworks import symbolic_step
from unrolled import records

THEANO = records.ROOT / ".venv-theano" / "bin" / "python"
MACHINE_CODE = {"C": "CVM", "Numba": "NUMBA"}


def run(python, cache, *arguments):
    """Returns what experiments.frameworks.symbolic_step prints."""
    environment = os.environ | {
        "PYTHONPATH": f"{records.ROOT / 'code'}{os.pathsep}{records.ROOT}",
        "PYTENSOR_FLAGS": f"base_compiledir={cache}",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "NUMBA_NUM_THREADS": "1",
    }
    environment.pop("THEANO_FLAGS", None)
    command = [
        python,
        "-W",
        "ignore",
        "-m",
        "experiments.frameworks.symbolic_step",
        *arguments,
    ]
    print(*arguments, flush=True)
    done = subprocess.run(
        command,
        cwd=records.ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def measure():
    """Returns the gaps and the times of Theano and PyTensor, and Theano's version."""
    with tempfile.TemporaryDirectory() as folder:

        def fresh():
            return tempfile.mkdtemp(dir=folder)

        theano = run(THEANO, fresh(), "agreement")
        pytensor = run(sys.executable, fresh(), "agreement")
        speed = {}
        for network in symbolic_step.NETWORKS:
            found = speed[network] = {
                "Theano in Python": run(THEANO, fresh(), "default", network)["found"],
                "PyTensor in Python": run(sys.executable, fresh(), "python", network)[
                    "found"
                ],
            }
            for name, mode in MACHINE_CODE.items():
                cache = fresh()
                for again in ("", ", cached"):
                    one = run(sys.executable, cache, mode, network)
                    found[f"PyTensor in {name}{again}"] = one["found"]
    found = {
        "agreement": theano.pop("found"),
        "theano": theano,
        "pytensor": pytensor,
        "speed": speed,
    }
    return found, theano["version"]


def main():
    started = records.begin("theano")
    if not THEANO.exists():
        sys.exit(
            "experiments.frameworks.theano_agreement: no .venv-theano; make theano makes it"
        )
    found, version = measure()
    records.write(
        started,
        found,
        settings={
            name: getattr(symbolic_step, name)
            for name in ("T", "B", "V", "H", "ROUNDS")
        },
        seed=symbolic_step.SEED,
        packages=("numpy", "pytensor", "numba"),
        elsewhere={"theano": version},
    )


RECORDS = {"theano": measure}
MINUTES = 5
ALONE = True

if __name__ == "__main__":
    main()
