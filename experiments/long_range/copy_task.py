"""The copy task: what fraction of three symbols is still right after a wait?

Run: python -m experiments.long_range.copy_task
Writes results/copy_task.json. Can be stopped and run again: finished runs are kept.
"""

import functools

import numpy as np

from experiments import command_line
from experiments.long_range import long_tasks
from experiments.long_range.methods import METHODS
from unrolled import records
from unrolled.data import tasks
from unrolled.models import language_model

DELAYS = [5, 10, 20, 40, 80]
LENGTH = 3
STOP = 0.01  # fraction of symbols wrong, on the validation sequences


def wrong(p, batch, cell):
    logits, _ = language_model.forward(p, batch.inputs, cell=cell)
    return 1 - tasks.symbols_right(logits, batch)


def trained(method, delay, seed, **limits):
    """Returns (best parameters, what happened); the limits are those of ``long_tasks.run``."""
    validation = tasks.copy_task(
        np.random.default_rng([1_000_000, delay]), delay, 500, LENGTH
    )
    V = tasks.SYMBOLS + 2
    params = long_tasks.initial(
        method,
        seed,
        lambda rng, cell: language_model.init(rng, V, long_tasks.HIDDEN, cell),
    )
    return long_tasks.run(
        method,
        seed,
        params,
        lambda rng: tasks.copy_task(rng, delay, long_tasks.BATCH, LENGTH),
        language_model.loss_and_gradient,
        lambda p: wrong(p, validation, method.cell),
        STOP,
        **limits,
    )


def tested_on(delay, count):
    """Returns a batch of new sequences."""
    return tasks.copy_task(
        np.random.default_rng([2_000_000, delay]), delay, count, LENGTH
    )


def one(method, delay, seed):
    """Returns what happened in a run."""
    best, happened = trained(method, delay, seed)
    return happened | {"right": 1 - wrong(best, tested_on(delay, 2000), method.cell)}


def short(method):
    """Returns the losses on few new sequences after a few updates, and the fractions wrong."""
    delay, numbers = DELAYS[0], []
    test = tested_on(delay, 50)
    for n in (10, 30):
        best, _ = trained(method, delay, long_tasks.SEEDS[0], steps=n, check_every=n)
        loss, _ = language_model.loss(best, test, method.cell)
        numbers += [loss, wrong(best, test, method.cell)]
    return numbers


def witness(name):
    """Returns the numbers of short runs of all methods."""
    return [number for method in METHODS.values() for number in short(method)]


def main():
    run = records.begin("copy_task")
    runs = long_tasks.all_runs(run, "copy_task", METHODS, DELAYS, one)
    clips = long_tasks.clips(METHODS)
    path = records.write(
        run,
        {"chance": 1 / tasks.SYMBOLS, "T": DELAYS, "length": LENGTH, "runs": runs},
        settings=long_tasks.SETTINGS | {"clip": clips, "stopped_below": STOP},
        seed=list(long_tasks.SEEDS),
        witness=functools.partial(witness, run.name),
    )
    print(path)


RECORDS = {"copy_task": main}
MINUTES = 7


if __name__ == "__main__":
    command_line.parser(__doc__).parse_args()
    main()
