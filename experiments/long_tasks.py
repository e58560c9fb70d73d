"""What the runs of adding_problem.py and copy_task.py share: the methods, one run, resuming.

To add a cell, add a line to METHODS; finished runs of the other methods are kept.
"""

import functools
import json
import os
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from unrolled import irnn, optimizers, records, rnn, train
from unrolled import recurrent_weights as weights


class Method(NamedTuple):
    cell: Any  # a module with init, forward, backward
    recurrent: Any  # the function of recurrent_weights that makes W_h; None: the cell's own
    clip: float | None  # largest norm of the gradient


METHODS = {
    "tanh": Method(rnn, weights.uniform, None),
    "tanh, clipped": Method(rnn, weights.uniform, 1.0),
    "orthogonal tanh": Method(rnn, weights.orthogonal, 1.0),
    "ReLU, identity": Method(irnn, None, None),
    "ReLU, identity, clipped": Method(irnn, None, 1.0),
}
SEEDS = range(5)
HIDDEN, BATCH, LEARNING_RATE = 32, 32, 0.001
STEPS, CHECK_EVERY = 5000, 100
SETTINGS = {
    "hidden": HIDDEN,
    "batch": BATCH,
    "optimizer": "adam",
    "learning_rate": LEARNING_RATE,
    "steps": STEPS,
    "checked_every": CHECK_EVERY,
    "precision": "float32",
    "clip": {name: method.clip for name, method in METHODS.items()},
}
CODE = ["experiments/long_tasks.py"] + [
    f"code/unrolled/{name}.py"
    for name in ("functional", "rnn", "irnn", "recurrent_weights", "tasks", "optimizers", "train")
]
RUNS = Path(records.ROOT) / "_build" / "runs"


def initial(method, seed, make):
    """Returns the parameters of a model: make(rng, cell), with the method's W_h put in."""
    rng = np.random.default_rng(seed)
    p = make(rng, method.cell)
    if method.recurrent is None:
        return p
    W_h = method.recurrent(rng, HIDDEN).astype(np.float32)
    return p._replace(cell=p.cell._replace(W_h=W_h))


def run(method, seed, params, draw, loss_and_gradient, error, good_enough):
    """Trains until the error is below good_enough or the steps are used up.

    Args:
        method: a Method.
        seed: of the training batches.
        params: the model at the start.
        draw: a function of a generator that returns a training batch.
        loss_and_gradient: a function of (params, batch, cell).
        error: a function of params: what is watched during training.
        good_enough: the error at which training stops.

    Returns:
        (best parameters, dictionary of what happened).
    """

    def batches(epoch):
        return [draw(np.random.default_rng([seed, epoch, i])) for i in range(CHECK_EVERY)]

    start = time.process_time()
    happened = {"steps": 0, "largest_norm": 0.0, "diverged": None}
    best = params
    # A ReLU network may overflow before it diverges; train says so in one line, NumPy in many.
    with np.errstate(over="ignore", invalid="ignore"):
        try:
            for progress in train.train(
                params,
                batches,
                functools.partial(loss_and_gradient, cell=method.cell),
                optimizers.adam,
                epochs=STEPS // CHECK_EVERY,
                learning_rate=LEARNING_RATE,
                clip=method.clip,
                validate=error,
                count=lambda batch: BATCH,
                progress=False,
            ):
                best = progress.best
                happened["steps"] = progress.step
                norm = round(progress.gradient_norm, 4)
                happened["largest_norm"] = max(happened["largest_norm"], norm)
                if progress.validation_loss is not None and progress.validation_loss < good_enough:
                    break
        except train.Diverged as error_line:
            happened["diverged"] = str(error_line)
    happened["seconds"] = round(time.process_time() - start, 1)
    return best, happened


def all_runs(name, distances, one, code):
    """Returns the list of all runs; one that was finished before is read, not repeated.

    Args:
        name: of the record.
        distances: the settings of T.
        one: a function of (method, distance, seed) that returns a dictionary.
        code: files; when one of them changes, everything is run again.
    """
    folder = RUNS / f"{name}-{records.code_hash([*CODE, *code])}"
    folder.mkdir(parents=True, exist_ok=True)
    wanted = [(m, T, seed) for seed in SEEDS for T in distances for m in METHODS]
    found = []
    for method, T, seed in (bar := tqdm(wanted, desc=name)):
        bar.set_postfix_str(f"{method}, T = {T}, seed {seed}")
        path = folder / f"{method.replace(' ', '-')}-{T}-{seed}.json"
        if not path.is_file():
            result = {"method": method, "T": T, "seed": seed} | one(METHODS[method], T, seed)
            unfinished = path.with_suffix(".tmp")
            unfinished.write_text(json.dumps(result), "utf-8")
            os.replace(unfinished, path)
        found.append(json.loads(path.read_text("utf-8")))
    return found
