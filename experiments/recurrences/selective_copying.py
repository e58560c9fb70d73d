"""Selective copying: does a second layer help networks whose gates do not read the state?

    python -m experiments.recurrences.selective_copying              minimal GRU and LSTM, and GRU
    python -m experiments.recurrences.selective_copying --selection  selective layers

Writes results/selective_copying.json, in about two minutes, or with --selection
results/selective_copying_by_selection.json, in about four. Can be stopped and run again: finished
trainings are kept.

Six symbols stand at random positions among blanks and must be repeated in order. One, two and three
layers of each cell are trained on it, three seeds each. The task is that of Gu & Dao (2023) and of
Feng et al. (2024), with shorter sequences, fewer symbols and fewer updates.
"""

import functools
import hashlib
import json

import numpy as np

from experiments import command_line
from unrolled import records, tree
from unrolled.cells import gru, min_gru, min_lstm, selective
from unrolled.data import tasks
from unrolled.files import write_whole
from unrolled.layers import stacked
from unrolled.models import language_model
from unrolled.training import optimizers, train

CELLS = {
    "min_gru": min_gru,
    "min_lstm": min_lstm,
    "selective": selective,
    "gru": gru,
}
LAYERS: dict[str, dict[str, tuple[int, ...]]] = {  # record -> cell -> numbers of layers
    "selective_copying": {"min_gru": (1, 2, 3), "min_lstm": (1, 2, 3), "gru": (1,)},
    "selective_copying_by_selection": {"selective": (1, 2)},
}
SEEDS = range(3)
T, LENGTH = 32, 6  # steps before the first GO, symbols to copy
HIDDEN, BATCH = 48, 32
STEPS, CHECK_EVERY = 2000, 200
LEARNING_RATE, CLIP = 0.005, 1.0
SETTINGS = {
    "T": T,
    "length": LENGTH,
    "hidden": HIDDEN,
    "batch": BATCH,
    "optimizer": "adam",
    "learning_rate": LEARNING_RATE,
    "clip": CLIP,
    "steps": STEPS,
    "checked_every": CHECK_EVERY,
    "precision": "float32",
}


def drawn(seed, count):
    """Returns sequences of the task."""
    return tasks.selective_copy(np.random.default_rng(seed), T, count, LENGTH)


def right(p, batch, cell):
    """Returns the share of each of the symbols that is right, (LENGTH,)."""
    logits, _ = language_model.forward(p, batch.inputs, cell=cell)
    answers = logits[T:].argmax(axis=-1)
    return (answers == batch.targets[T:]).mean(axis=1)


def trained(name, layers, seed, steps=STEPS, check_every=CHECK_EVERY):
    """Returns (parameters with the lowest validation error, the cell, the validation errors)."""
    cell = stacked.of(*[CELLS[name]] * layers)
    validation = drawn([1_000_000], 500)
    best, errors = None, []
    for progress in train.train(
        language_model.init(
            np.random.default_rng(seed), tasks.SYMBOLS + 2, HIDDEN, cell
        ),
        lambda epoch: [drawn([seed, epoch, i], BATCH) for i in range(check_every)],
        functools.partial(language_model.loss_and_gradient, cell=cell),
        optimizers.adam,
        epochs=steps // check_every,
        learning_rate=LEARNING_RATE,
        clip=CLIP,
        validate=lambda p: 1 - float(right(p, validation, cell).mean()),
        count=lambda batch: BATCH,
        progress=False,
    ):
        best = progress.best
        if progress.validation_loss is not None:
            errors.append(progress.validation_loss)
    return best, cell, errors


def one(name, layers, seed):
    """Returns what happened in a run."""
    best, cell, errors = trained(name, layers, seed)
    by_symbol = right(best, drawn([2_000_000], 2000), cell)
    print(f"{name}, {layers} layers, seed {seed}: {by_symbol.mean():.4f}", flush=True)
    return {
        "cell": name,
        "layers": layers,
        "seed": seed,
        "parameters": sum(leaf.size for leaf in tree.leaves(best)),
        "right": float(by_symbol.mean()),
        "right_by_symbol": by_symbol.tolist(),
        "validation_errors": errors,
    }


def witness(name):
    """Returns losses and shares on few new sequences after a few updates."""
    numbers = []
    test = drawn([2_000_000], 50)
    for cell_name, depths in LAYERS[name].items():
        p, cell, _ = trained(cell_name, depths[-1], SEEDS[0], steps=20, check_every=20)
        loss, _ = language_model.loss(p, test, cell)
        numbers += [loss, float(right(p, test, cell).mean())]
    return numbers


def kept(run, *setting):
    """Returns what ``one`` returns; a result of the same code is read, not repeated."""
    facts = json.dumps([setting, SETTINGS, records.digest(run)])
    name = hashlib.sha256(facts.encode()).hexdigest()[:16]
    path = records.ROOT / "_build" / "runs" / run.name / f"{name}.json"
    if not path.is_file():
        write_whole(path, json.dumps(one(*setting)))
    return json.loads(path.read_text("utf-8"))


def main(name):
    run = records.begin(name)
    runs = [
        kept(run, cell, layers, seed)
        for cell, depths in LAYERS[name].items()
        for layers in depths
        for seed in SEEDS
    ]
    path = records.write(
        run,
        {"chance": 1 / tasks.SYMBOLS, "runs": runs},
        settings=SETTINGS,
        seed=list(SEEDS),
        witness=functools.partial(witness, run.name),
    )
    print(path.relative_to(records.ROOT))


RECORDS = {"selective_copying": main, "selective_copying_by_selection": main}
MINUTES = 2
ARGUMENTS = {
    "selective_copying": (),
    "selective_copying_by_selection": ("--selection",),
}


if __name__ == "__main__":
    parser = command_line.parser(__doc__)
    parser.add_argument(
        "--selection", action="store_true", help="train the selective layers"
    )
    given = parser.parse_args()
    main("selective_copying" + "_by_selection" * given.selection)
