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
import hashlib
import json

import numpy as np

from experiments import command_line
from unrolled import records, tree
from unrolled.cells import diagonal, lstm, reflections, rnn
from unrolled.data import groups
from unrolled.files import write_whole
from unrolled.models import language_model
from unrolled.training import optimizers, train

CELLS = {
    "RNN": rnn,
    "LSTM": lstm,
    "diagonal, 0 to 1": diagonal.between(0.0),
    "diagonal, -1 to 1": diagonal.between(-1.0),
    "reflections, 0 to 1": reflections.below(1.0),
    "reflections, 0 to 2": reflections.below(2.0),
}
TABLES = {
    "parity": groups.cyclic(2),
    "sum modulo 3": groups.cyclic(3),
    "three cups": groups.table(groups.permutations(3)),
}
SEEDS = range(3)
T, LONG, WINDOW = 40, 256, 8  # steps in training and in the test; steps of a mean
HIDDEN, BATCH = 32, 32
STEPS, CHECK_EVERY = 3000, 150
LEARNING_RATE, CLIP = 0.01, 1.0
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


def initial(seed, V, cell):
    """Returns random parameters; an input changes the state as much as the state itself does."""
    rng = np.random.default_rng(seed)
    return language_model.Params(
        cell=cell.init(rng, V, HIDDEN, np.float32, input_scale=1.0),
        W_y=rng.uniform(-1, 1, (HIDDEN, V)).astype(np.float32)
        / np.float32(np.sqrt(HIDDEN)),
        b_y=np.zeros(V, np.float32),
    )


def right(p, cell, table, steps, count, seed):
    """Returns the share of new sequences that is right at each step, (steps,)."""
    batch = groups.word_problem(np.random.default_rng(seed), steps, count, table)
    logits, _ = language_model.forward(p, batch.inputs, cell=cell)
    return (logits.argmax(axis=-1) == batch.targets).mean(axis=1)


def trained(task, name, seed, steps=STEPS, check_every=CHECK_EVERY):
    """Returns (parameters with the lowest validation error, the validation errors)."""
    cell, table = CELLS[name], TABLES[task]
    best, errors = None, []
    for progress in train.train(
        initial(seed, len(table), cell),
        lambda epoch: [
            groups.word_problem(
                np.random.default_rng([seed, epoch, i]), T, BATCH, table
            )
            for i in range(check_every)
        ],
        functools.partial(language_model.loss_and_gradient, cell=cell),
        optimizers.adam,
        epochs=steps // check_every,
        learning_rate=LEARNING_RATE,
        clip=CLIP,
        validate=lambda p: 1 - float(right(p, cell, table, T, 200, [1_000_000]).mean()),
        count=lambda batch: BATCH,
        progress=False,
    ):
        best = progress.best
        if progress.validation_loss is not None:
            errors.append(progress.validation_loss)
    return best, errors


def one(task, name, seed):
    """Returns what happened in a run."""
    best, errors = trained(task, name, seed)
    share = right(best, CELLS[name], TABLES[task], LONG, 500, [2_000_000])
    seen, beyond = float(share[:T].mean()), float(share[T:].mean())
    print(f"{task}, {name}, seed {seed}: {seen:.3f}, {beyond:.3f}", flush=True)
    return {
        "task": task,
        "cell": name,
        "seed": seed,
        "parameters": sum(leaf.size for leaf in tree.leaves(best)),
        "right_to_40": seen,
        "right_from_41": beyond,
        "right_by_window": share.reshape(-1, WINDOW).mean(axis=1).tolist(),
        "validation_errors": errors,
    }


def kept(run, *setting):
    """Returns what ``one`` returns; a result of the same code is read, not repeated."""
    facts = json.dumps([setting, SETTINGS, records.digest(run)])
    name = hashlib.sha256(facts.encode()).hexdigest()[:16]
    path = records.ROOT / "_build" / "runs" / run.name / f"{name}.json"
    if not path.is_file():
        write_whole(path, json.dumps(one(*setting)))
    return json.loads(path.read_text("utf-8"))


def witness(name):
    """Returns shares and losses on few new sequences after a few updates."""
    numbers, task = [], "three cups"
    for name_of_cell, cell in CELLS.items():
        p, _ = trained(task, name_of_cell, SEEDS[0], steps=20, check_every=20)
        batch = groups.word_problem(np.random.default_rng(3), T, 50, TABLES[task])
        numbers.append(language_model.loss(p, batch, cell)[0])
    return numbers


def main():
    run = records.begin("following_states")
    runs = [
        kept(run, task, name, seed)
        for task in TABLES
        for name in CELLS
        for seed in SEEDS
    ]
    path = records.write(
        run,
        {
            "chance": {task: 1 / len(table) for task, table in TABLES.items()},
            "runs": runs,
        },
        settings=SETTINGS,
        seed=list(SEEDS),
        witness=functools.partial(witness, run.name),
    )
    print(path.relative_to(records.ROOT))


RECORDS = {"following_states": main}


if __name__ == "__main__":
    command_line.parser(__doc__).parse_args()
    main()
