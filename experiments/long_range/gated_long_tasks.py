"""The adding problem and the copy task again, with gates: how far do an LSTM and a GRU reach?

Run: python -m experiments.long_range.gated_long_tasks
Writes results/gated_long_tasks.json. Can be stopped and run again: finished runs are kept.
Sequences, sizes, optimizer, steps and seeds are those of adding_problem.py and copy_task.py.
"""

import functools

from experiments import command_line
from experiments.long_range import adding_problem, copy_task, long_tasks
from experiments.long_range.methods import Method
from unrolled import records
from unrolled.cells import gru, lstm
from unrolled.data import tasks

METHODS = {"LSTM": Method(lstm, None, 1.0), "GRU": Method(gru, None, 1.0)}


def witness(name):
    """Returns the numbers of short runs of both methods on both tasks."""
    return [
        number
        for short in (adding_problem.short, copy_task.short)
        for method in METHODS.values()
        for number in short(method)
    ]


def main():
    run = records.begin("gated_long_tasks")
    lengths, delays = adding_problem.LENGTHS, copy_task.DELAYS
    adding = long_tasks.all_runs(
        run, "adding_problem", METHODS, lengths, adding_problem.one
    )
    copying = long_tasks.all_runs(run, "copy_task", METHODS, delays, copy_task.one)
    path = records.write(
        run,
        {
            "adding_problem": {
                "chance": tasks.ADDING_CHANCE,
                "solved_below": adding_problem.SOLVED,
                "T": lengths,
                "runs": adding,
            },
            "copy_task": {"chance": 1 / tasks.SYMBOLS, "T": delays, "runs": copying},
        },
        settings=long_tasks.SETTINGS | {"clip": long_tasks.clips(METHODS)},
        seed=list(long_tasks.SEEDS),
        witness=functools.partial(witness, run.name),
    )
    print(path.relative_to(records.ROOT))


RECORDS = {"gated_long_tasks": main}
MINUTES = 20


if __name__ == "__main__":
    command_line.parser(__doc__).parse_args()
    main()
