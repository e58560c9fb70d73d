"""A symbolic network beside NumPy's, in whichever of Theano and PyTensor is installed.

    python -m experiments.frameworks.symbolic_step agreement       loss and gradients of every case
    python -m experiments.frameworks.symbolic_step MODE NETWORK    the time of a step in NumPy's

Each prints one line of JSON. It runs in the main environment and in Theano's, so it imports no more
than both have. What is compared runs in one process on one thread, in turn.
"""

from experiments import command_line

if __name__ == "__main__":  # before the imports, which take seconds
    parser = command_line.parser(__doc__)
    parser.add_argument("mode", metavar="MODE", help='or "agreement"')
    parser.add_argument("network", nargs="?", metavar="NETWORK")
    given = parser.parse_args()
    if (given.mode == "agreement") != (given.network is None):
        parser.error("a mode needs a network, and agreement takes none")

import json
import sys
import time

import numpy as np

from unrolled.cells import gru, rnn
from unrolled.data import text
from unrolled.frameworks import agreement, theano_models
from unrolled.layers import embedding, stacked
from unrolled.models import language_model

SEED = 0
T, B, V, H = 40, 8, 1000, 64
ROUNDS = 7
NETWORKS = {"rnn": rnn, "two-layer gru": stacked.of(embedding, gru, gru)}


def versions():
    return {
        "library": theano_models.LIBRARY,
        "version": theano_models.VERSION,
        "numpy": np.__version__,
        "python": sys.version.split()[0],
    }


def agreements():
    """Returns {case: NumPy's loss, and the gaps of the symbolic loss and gradient to NumPy's}."""
    return {
        name: {
            "numpy": loss,
            "loss": gap.loss,
            "gradient": gap.gradient,
            "worst": gap.worst,
        }
        for name, loss, [gap] in agreement.table([agreement.in_symbols])
    }


def batch(rng):
    ids = rng.integers(0, V, (T + 1, B))
    return text.Batch(ids[:-1], ids[1:], np.ones((T, B), bool))


def seconds(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def measure(mode, network, rounds=ROUNDS):
    """Returns the times of compiling and of a step, in NumPy's steps.

    Args:
        mode: as ``theano_models.function`` takes it; "default": None.
        network: a name of NETWORKS.
        rounds: how often a step is timed; medians are returned.
    """
    rng, cell = np.random.default_rng(SEED), NETWORKS[network]
    p, words = language_model.init(rng, V, H, cell=cell, dtype=np.float64), batch(rng)

    start = time.perf_counter()
    compiled = theano_models.compile_loss_and_gradient(
        p, mode=None if mode == "default" else mode
    )
    compiled(p, words)  # Numba translates a function when it is first called
    compiling = time.perf_counter() - start
    language_model.loss_and_gradient(p, words, cell)
    times = [
        (
            seconds(lambda: language_model.loss_and_gradient(p, words, cell)),
            seconds(lambda: compiled(p, words)),
        )
        for _ in range(rounds)
    ]
    numpy_step, step = np.median(times, axis=0)
    return {"compile": (compiling - step) / numpy_step, "step": step / numpy_step}


if __name__ == "__main__":
    if given.network not in (None, *NETWORKS):
        parser.error(f"no network {given.network}: there are {', '.join(NETWORKS)}")
    found = measure(given.mode, given.network) if given.network else agreements()
    print(json.dumps(versions() | {"found": found}))
