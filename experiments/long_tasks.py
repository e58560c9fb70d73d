"""What adding_problem.py and copy_task.py share: one run, and going on where it stopped.

The methods stand in ``methods.py``.
"""

import functools
import hashlib
import json
import time
from typing import Any

import numpy as np
from tqdm import tqdm

from experiments.methods import METHODS
from unrolled import optimizers, records, train
from unrolled.files import write_whole

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


def _module(method):
    return method.cell.__name__.rpartition(".")[2]


RUN_CODE = ["experiments/long_tasks.py"] + [
    f"code/unrolled/{name}.py"
    for name in (
        "functional",
        "rnn",
        "recurrent_weights",
        "tasks",
        "optimizers",
        "train",
        "tree",
    )
]
CODE = sorted(
    {*RUN_CODE, "experiments/methods.py"}
    | {f"code/unrolled/{_module(method)}.py" for method in METHODS.values()}
)
RUNS = records.ROOT / "_build" / "runs"


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
    happened: dict[str, Any] = {"steps": 0, "largest_norm": 0.0, "diverged": None}
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


def all_runs(name, distances, one, files):
    """Returns the list of all runs; one that was finished before is read, not repeated.

    Args:
        name: of the record.
        distances: the settings of T.
        one: a function of (method, distance, seed) that returns a dictionary.
        files: what ``one`` depends on, besides RUN_CODE and the method's cell; when one of these
            files changes, a run is repeated.
    """
    folder = RUNS / name
    wanted = [(m, T, seed) for seed in SEEDS for T in distances for m in METHODS]
    found = []
    for method, T, seed in (bar := tqdm(wanted, desc=name)):
        bar.set_postfix_str(f"{method}, T = {T}, seed {seed}")
        path = folder / f"{_key(method, T, seed, files)}.json"
        if not path.is_file():
            result = {"method": method, "T": T, "seed": seed} | one(METHODS[method], T, seed)
            write_whole(path, json.dumps(result))
        found.append(json.loads(path.read_text("utf-8")))
    return found


def _key(name, T, seed, files):
    """Returns a name for a run that changes when anything does that could change its result."""
    method = METHODS[name]
    recurrent = method.recurrent and method.recurrent.__name__
    code = records.code_hash([*RUN_CODE, *files, f"code/unrolled/{_module(method)}.py"])
    facts = f"{name} {_module(method)} {recurrent} {method.clip} {T} {seed} {code}"
    return hashlib.sha256(facts.encode()).hexdigest()[:16]
