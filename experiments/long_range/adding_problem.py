"""The adding problem: which methods find two marked numbers T/2 steps apart, and up to which T?

Run: python -m experiments.long_range.adding_problem
Writes results/adding_problem.json. Can be stopped and run again: finished runs are kept.
"""

import functools

import numpy as np

from experiments import command_line
from experiments.long_range import long_tasks
from experiments.long_range.methods import METHODS
from unrolled import records
from unrolled.data import tasks
from unrolled.models import readout

LENGTHS = [10, 20, 40, 80, 150]
SOLVED = 0.01  # mean squared error on new sequences; chance is 1/6
# on the validation sequences: a margin, so that a stopped run is a solved one
STOP = 0.005


def one(method, T, seed, **limits):
    """Returns what happened in a run; the limits are those of ``long_tasks.run``."""
    validation = tasks.adding_problem(np.random.default_rng([1_000_000, T]), T, 500)
    test = tasks.adding_problem(np.random.default_rng([2_000_000, T]), T, 2000)
    params = long_tasks.initial(
        method, seed, lambda rng, cell: readout.init(rng, 2, long_tasks.HIDDEN, cell)
    )
    best, happened = long_tasks.run(
        method,
        seed,
        params,
        lambda rng: tasks.adding_problem(rng, T, long_tasks.BATCH),
        readout.loss_and_gradient,
        lambda p: readout.loss(p, validation, method.cell),
        STOP,
        **limits,
    )
    error = readout.loss(best, test, method.cell)
    return happened | {"test_error": error, "solved": error < SOLVED}


def short(method):
    """Returns the errors on new sequences after a few updates."""
    T, seed = LENGTHS[0], long_tasks.SEEDS[0]
    return [one(method, T, seed, steps=n, check_every=n)["test_error"] for n in (5, 10)]


def witness(name):
    """Returns the errors of short runs of all methods."""
    return [error for method in METHODS.values() for error in short(method)]


def main():
    run = records.begin("adding_problem")
    runs = long_tasks.all_runs(run, "adding_problem", METHODS, LENGTHS, one)
    clips = long_tasks.clips(METHODS)
    path = records.write(
        run,
        {
            "chance": tasks.ADDING_CHANCE,
            "solved_below": SOLVED,
            "T": LENGTHS,
            "runs": runs,
        },
        settings=long_tasks.SETTINGS | {"clip": clips, "stopped_below": STOP},
        seed=list(long_tasks.SEEDS),
        witness=functools.partial(witness, run.name),
    )
    print(path)


RECORDS = {"adding_problem": main}
MINUTES = 7


if __name__ == "__main__":
    command_line.parser(__doc__).parse_args()
    main()
