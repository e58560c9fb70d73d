"""What adding_problem.py and copy_task.py share: one run, and going on where it stopped."""

import functools
import hashlib
import json
import time
from typing import Any

import numpy as np
from tqdm import tqdm

from unrolled import records
from unrolled.files import write_whole
from unrolled.training import optimizers, train

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
}
RUNS = records.ROOT / "_build" / "runs"


def initial(method, seed, make):
    """Returns the parameters of a model: make(rng, cell), with the method's W_h put in."""
    rng = np.random.default_rng(seed)
    p = make(rng, method.cell)
    if method.recurrent is None:
        return p
    W_h = method.recurrent(rng, HIDDEN).astype(np.float32)
    return p._replace(cell=p.cell._replace(W_h=W_h))


def run(
    method,
    seed,
    params,
    draw,
    loss_and_gradient,
    error,
    good_enough,
    steps=STEPS,
    check_every=CHECK_EVERY,
):
    """Trains until the error is below good_enough or the steps are used up.

    Args:
        method: a Method.
        seed: of the training batches.
        params: the model at the start.
        draw: a function of a generator that returns a training batch.
        loss_and_gradient: a function of (params, batch, cell).
        error: a function of params: what is watched during training.
        good_enough: the error at which training stops.
        steps: the most updates.
        check_every: how many updates stand between two looks at the error.

    Returns:
        (best parameters, dictionary of what happened). Its ``above_limit`` is the share of updates
        whose gradient was longer than the limit of the method; without one, longer than 1.
    """

    def batches(epoch):
        return [
            draw(np.random.default_rng([seed, epoch, i])) for i in range(check_every)
        ]

    start = time.process_time()
    happened: dict[str, Any] = {"steps": 0, "largest_norm": 0.0, "diverged": None}
    above = 0
    best = params
    # A ReLU network may overflow before it diverges; train says so in one line, NumPy in many.
    with np.errstate(over="ignore", invalid="ignore"):
        try:
            for progress in train.train(
                params,
                batches,
                functools.partial(loss_and_gradient, cell=method.cell),
                optimizers.adam,
                epochs=steps // check_every,
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
                above += norm > (method.clip or 1.0)
                if (
                    progress.validation_loss is not None
                    and progress.validation_loss < good_enough
                ):
                    break
        except train.Diverged as error_line:
            happened["diverged"] = str(error_line)
    happened["above_limit"] = round(above / max(1, happened["steps"]), 4)
    happened["seconds"] = round(time.process_time() - start, 1)
    return best, happened


def all_runs(run, task, methods, distances, one):
    """Returns the list of all runs; one that the same code finished before is read, not repeated.

    Args:
        run: of the record, as ``records.begin`` returned it.
        task: its name.
        methods: {name: Method}.
        distances: the settings of T.
        one: a function of (method, distance, seed) that returns a dictionary.
    """
    wanted = [(m, T, seed) for seed in SEEDS for T in distances for m in methods]
    code, found = records.digest(run), []
    for method, T, seed in (bar := tqdm(wanted, desc=task)):
        bar.set_postfix_str(f"{method}, T = {T}, seed {seed}")
        facts = f"{task} {method} {T} {seed} {code}"
        path = (
            RUNS / run.name / f"{hashlib.sha256(facts.encode()).hexdigest()[:16]}.json"
        )
        if not path.is_file():
            result = {"method": method, "T": T, "seed": seed} | one(
                methods[method], T, seed
            )
            write_whole(path, json.dumps(result))
        found.append(json.loads(path.read_text("utf-8")))
    return found


def clips(methods):
    """Returns the largest norm of the gradient, by method."""
    return {name: method.clip for name, method in methods.items()}
