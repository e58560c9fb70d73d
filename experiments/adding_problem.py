"""The adding problem: which methods find two marked numbers T/2 steps apart, and up to which T?

Run: python -m experiments.adding_problem
Writes results/adding_problem.json. Can be stopped and run again: finished runs are kept.
"""

import numpy as np

from experiments import long_tasks
from unrolled import readout, records, tasks

LENGTHS = [10, 20, 40, 80, 150]
SOLVED = 0.01  # mean squared error on new sequences; chance is 1/6
STOP = 0.005  # on the validation sequences: a margin, so that a stopped run is a solved one
FILES = ["experiments/adding_problem.py", "code/unrolled/readout.py"]
CODE = records.Code.now(*long_tasks.CODE, *FILES)


def one(method, T, seed):
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
    )
    error = readout.loss(best, test, method.cell)
    return happened | {"test_error": error, "solved": error < SOLVED}


if __name__ == "__main__":
    runs = long_tasks.all_runs("adding_problem", LENGTHS, one, FILES)
    path = records.write(
        "adding_problem",
        {"chance": tasks.ADDING_CHANCE, "solved_below": SOLVED, "T": LENGTHS, "runs": runs},
        code=CODE,
        settings=long_tasks.SETTINGS | {"stopped_below": STOP},
        seed=list(long_tasks.SEEDS),
    )
    print(path)
