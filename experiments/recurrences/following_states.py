"""What a state can follow: parity, sums modulo 3 and permutations of three things.

    python -m experiments.recurrences.following_states

Writes results/following_states.json. About five minutes on an idle core. Can be stopped and run
again: finished trainings are kept.

At each step, a network reads an element of a group and must name the product of all elements so
far. Every network has one layer. It is trained on sequences of 40 steps, with a target at each
step, and tested on 256 steps. The plain RNN and the LSTM are nonlinear. The others are linear
recurrences: diagonal with factors in 0..1 or in -1..1, and two reflections per step with strengths
in 0..1 or in 0..2.
"""

import functools

from experiments import command_line
from experiments.recurrences import word_problems
from experiments.recurrences.word_problems import BATCH, CLIP, LONG, WINDOW, T, Task
from unrolled import records
from unrolled.cells import diagonal, lstm, reflections, rnn
from unrolled.data import groups
from unrolled.models import language_model

CELLS = {
    "RNN": rnn,
    "LSTM": lstm,
    "diagonal, 0 to 1": diagonal.between(0.0),
    "diagonal, -1 to 1": diagonal.between(-1.0),
    "reflections, 0 to 1": reflections.below(1.0),
    "reflections, 0 to 2": reflections.below(2.0),
}
TASKS = {
    "parity": Task(groups.cyclic(2)),
    "sum modulo 3": Task(groups.cyclic(3)),
    "three cups": Task(groups.table(groups.permutations(3))),
}
SEEDS = range(3)
HIDDEN, LEARNING_RATE = 32, 0.01
STEPS, CHECK_EVERY = 3000, 150
SETTINGS = {
    "T": T,
    "tested_to": LONG,
    "steps_of_a_mean": WINDOW,
    "hidden": HIDDEN,
    "batch": BATCH,
    "optimizer": "adam",
    "learning_rate": LEARNING_RATE,
    "clip": CLIP,
    "steps": STEPS,
    "checked_every": CHECK_EVERY,
    "precision": "float32",
}


def trained(task, name, seed, steps=STEPS, check_every=CHECK_EVERY):
    """Returns (parameters with the lowest validation error, the validation errors)."""
    cell = CELLS[name]
    return word_problems.trained(
        word_problems.initial(seed, len(TASKS[task].table), cell, HIDDEN),
        cell,
        TASKS[task],
        seed,
        functools.partial(language_model.loss_and_gradient, cell=cell),
        LEARNING_RATE,
        steps,
        check_every,
    )


def one(task, name, seed):
    """Returns what happened in a run."""
    best, errors = trained(task, name, seed)
    found = word_problems.tested(best, CELLS[name], TASKS[task], 500)
    seen, beyond = found["right_to_40"], found["right_from_41"]
    print(f"{task}, {name}, seed {seed}: {seen:.3f}, {beyond:.3f}", flush=True)
    return {
        "task": task,
        "cell": name,
        "seed": seed,
        **found,
        "validation_errors": errors,
    }


def witness(name):
    """Returns shares and losses on few new sequences after a few updates."""
    numbers, task = [], "three cups"
    for name_of_cell, cell in CELLS.items():
        p, _ = trained(task, name_of_cell, SEEDS[0], steps=20, check_every=20)
        batch = TASKS[task].drawn(3, T, 50)
        numbers.append(language_model.loss(p, batch, cell)[0])
    return numbers


def main():
    run = records.begin("following_states")
    runs = [
        word_problems.kept(run, SETTINGS, one, task, name, seed)
        for task in TASKS
        for name in CELLS
        for seed in SEEDS
    ]
    path = records.write(
        run,
        {
            "chance": {name: 1 / len(task.table) for name, task in TASKS.items()},
            "runs": runs,
        },
        settings=SETTINGS,
        seed=list(SEEDS),
        witness=functools.partial(witness, run.name),
    )
    print(path.relative_to(records.ROOT))


RECORDS = {"following_states": main}
MINUTES = 5


if __name__ == "__main__":
    command_line.parser(__doc__).parse_args()
    main()
