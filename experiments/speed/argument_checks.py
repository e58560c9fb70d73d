"""What do the checks of arguments cost in a step of SGD?

    python -m experiments.speed.argument_checks

Writes results/argument_checks.json in a minute. The fastest step of the package is timed beside a
copy of the package in which no argument is checked. The two take turns in one process, and each
goes first in every second round. Ratios are formed within a round.
"""

from experiments import command_line

if __name__ == "__main__":  # before the imports, which take seconds
    command_line.parser(__doc__).parse_args()

import importlib
import sys
import time
from typing import Any

import numpy as np

from experiments.speed import ladder_worker
from experiments.speed.timing import spread
from unrolled import records
from unrolled.models import language_model
from unrolled.speed import sgd_step

V, H, T = ladder_worker.V, ladder_worker.H, ladder_worker.T
ROUNDS, CALLS, RATE, SEED = 400, 8, 1e-6, 0


def without_checks(name):
    """Returns a copy of a module of the package in which no argument is checked."""
    kept = {module: sys.modules.pop(module) for module in of_the_package()}
    try:
        arguments: Any = importlib.import_module("unrolled.arguments")
        arguments.CHECKS_ARGUMENTS = False
        arguments.check_ids = lambda *given: None
        return importlib.import_module(name)
    finally:
        for module in of_the_package():
            del sys.modules[module]
        sys.modules.update(kept)


def of_the_package():
    """Returns the names of the modules of the package that are loaded."""
    return [name for name in sys.modules if name.partition(".")[0] == "unrolled"]


def steps():
    """Returns the step with its checks, and without, as functions of nothing."""
    rng = np.random.default_rng(SEED)
    batch = ladder_worker.random_batch(rng, 1)
    bare = without_checks(sgd_step.__name__)
    ours, work = language_model.init(rng, V, H), sgd_step.Workspace()
    theirs, work_of_theirs = language_model.init(rng, V, H), bare.Workspace()
    theirs = bare.language_model.Params(
        bare.rnn.Params(*theirs.cell), theirs.W_y, theirs.b_y
    )
    return (
        lambda: sgd_step.step(ours, batch, RATE, work),
        lambda: bare.step(theirs, batch, RATE, work_of_theirs),
    )


def seconds(function, calls):
    """Returns the median time of some calls in a row, after one that is not timed."""
    function()
    times = []
    for _ in range(calls):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def measured(rounds=ROUNDS, calls=CALLS):
    """Returns the times with and without checks, and their ratio: medians and quartiles."""
    checked, unchecked = steps()
    found = []
    for i in range(rounds):
        order = (checked, unchecked) if i % 2 else (unchecked, checked)
        pair = [seconds(function, calls) for function in order]
        found.append(pair if i % 2 else pair[::-1])
    with_checks, without = np.array(found).T
    return {
        "seconds": spread(with_checks),
        "seconds_without": spread(without),
        "ratio": spread(with_checks / without),
    }


def main():
    run = records.begin("argument_checks")
    path = records.write(
        run,
        measured(),
        settings={"V": V, "H": H, "T": T, "rounds": ROUNDS, "calls": CALLS},
        seed=SEED,
    )
    print(path.relative_to(records.ROOT))


RECORDS = {"argument_checks": main}
MINUTES = 1
ALONE = True


if __name__ == "__main__":
    main()
