"""The adding problem and the copy task again, with gates: how far do an LSTM and a GRU reach?

Run: python -m experiments.gated_long_tasks
Writes results/gated_long_tasks.json. Can be stopped and run again: finished runs are kept.
Sequences, sizes, optimizer, steps and seeds are those of adding_problem.py and copy_task.py.
"""

import hashlib
import json

from tqdm import tqdm

from experiments import adding_problem, copy_task, long_tasks
from experiments.methods import Method
from unrolled import gru, lstm, records, tasks
from unrolled.files import write_whole

METHODS = {"LSTM": Method(lstm, None, 1.0), "GRU": Method(gru, None, 1.0)}
TASKS = {
    "adding_problem": (adding_problem.one, adding_problem.LENGTHS),
    "copy_task": (copy_task.one, copy_task.DELAYS),
}
PATHS = [
    "experiments/gated_long_tasks.py",
    "experiments/adding_problem.py",
    "experiments/copy_task.py",
    "experiments/methods.py",
    *long_tasks.RUN_CODE,
    "code/unrolled/readout.py",
    "code/unrolled/language_model.py",
    "code/unrolled/lstm.py",
    "code/unrolled/gru.py",
]
CODE = records.Code.now(*PATHS)


def runs(task):
    """Returns the list of all runs of a task; one that was finished before is read."""
    one, distances = TASKS[task]
    folder = long_tasks.RUNS / "gated_long_tasks"
    wanted = [(m, T, seed) for seed in long_tasks.SEEDS for T in distances for m in METHODS]
    found = []
    for method, T, seed in (bar := tqdm(wanted, desc=task)):
        bar.set_postfix_str(f"{method}, T = {T}, seed {seed}")
        facts = f"{task} {method} {T} {seed} {records.code_hash(PATHS)}"
        path = folder / f"{hashlib.sha256(facts.encode()).hexdigest()[:16]}.json"
        if not path.is_file():
            result = {"method": method, "T": T, "seed": seed} | one(METHODS[method], T, seed)
            write_whole(path, json.dumps(result))
        found.append(json.loads(path.read_text("utf-8")))
    return found


if __name__ == "__main__":
    clip = {name: method.clip for name, method in METHODS.items()}
    path = records.write(
        "gated_long_tasks",
        {
            "adding_problem": {
                "chance": tasks.ADDING_CHANCE,
                "solved_below": adding_problem.SOLVED,
                "T": adding_problem.LENGTHS,
                "runs": runs("adding_problem"),
            },
            "copy_task": {
                "chance": 1 / tasks.SYMBOLS,
                "T": copy_task.DELAYS,
                "runs": runs("copy_task"),
            },
        },
        code=CODE,
        settings=long_tasks.SETTINGS | {"clip": clip},
        seed=list(long_tasks.SEEDS),
    )
    print(path.relative_to(records.ROOT))
