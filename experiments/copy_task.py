"""The copy task: what fraction of three symbols is still right after a wait?

Run: python -m experiments.copy_task
Writes results/copy_task.json. Can be stopped and run again: finished runs are kept.
"""

import numpy as np

from experiments import long_tasks
from unrolled import language_model, records, tasks

DELAYS = [5, 10, 20, 40, 80]
LENGTH = 3
STOP = 0.01  # fraction of symbols wrong, on the validation sequences
FILES = ["experiments/copy_task.py", "code/unrolled/language_model.py"]
CODE = records.Code.now(*long_tasks.CODE, *FILES)


def wrong(p, batch, cell):
    logits, _ = language_model.forward(p, batch.inputs, cell=cell)
    return 1 - tasks.symbols_right(logits, batch)


def one(method, delay, seed):
    validation = tasks.copy_task(np.random.default_rng([1_000_000, delay]), delay, 500, LENGTH)
    test = tasks.copy_task(np.random.default_rng([2_000_000, delay]), delay, 2000, LENGTH)
    V = tasks.SYMBOLS + 2
    params = long_tasks.initial(
        method, seed, lambda rng, cell: language_model.init(rng, V, long_tasks.HIDDEN, cell)
    )
    best, happened = long_tasks.run(
        method,
        seed,
        params,
        lambda rng: tasks.copy_task(rng, delay, long_tasks.BATCH, LENGTH),
        language_model.loss_and_gradient,
        lambda p: wrong(p, validation, method.cell),
        STOP,
    )
    return happened | {"right": 1 - wrong(best, test, method.cell)}


if __name__ == "__main__":
    runs = long_tasks.all_runs("copy_task", DELAYS, one, FILES)
    path = records.write(
        "copy_task",
        {"chance": 1 / tasks.SYMBOLS, "T": DELAYS, "length": LENGTH, "runs": runs},
        code=CODE,
        settings=long_tasks.SETTINGS | {"stopped_below": STOP},
        seed=list(long_tasks.SEEDS),
    )
    print(path)
