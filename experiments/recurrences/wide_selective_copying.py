"""Selective copying with one wide layer: is it the second layer, or are there only more weights?

    python -m experiments.recurrences.wide_selective_copying

Writes results/wide_selective_copying.json. Less than a minute.

One layer of a minimal GRU, with as many weights as the two layers of ``selective_copying``. Task,
batches, optimizer, number of updates and seeds are the same.
"""

import functools

import numpy as np

from experiments import command_line
from experiments.recurrences import selective_copying as narrow
from unrolled import records, tree
from unrolled.cells import min_gru
from unrolled.data import tasks
from unrolled.models import language_model
from unrolled.training import optimizers, train

HIDDEN = 195


def trained(seed, steps=narrow.STEPS, check_every=narrow.CHECK_EVERY):
    """Returns the parameters with the lowest validation error."""
    validation = narrow.drawn([1_000_000], 500)
    best = None
    for progress in train.train(
        language_model.init(
            np.random.default_rng(seed), tasks.SYMBOLS + 2, HIDDEN, min_gru
        ),
        lambda epoch: [
            narrow.drawn([seed, epoch, i], narrow.BATCH) for i in range(check_every)
        ],
        functools.partial(language_model.loss_and_gradient, cell=min_gru),
        optimizers.adam,
        epochs=steps // check_every,
        learning_rate=narrow.LEARNING_RATE,
        clip=narrow.CLIP,
        validate=lambda p: 1 - float(narrow.right(p, validation, min_gru).mean()),
        count=lambda batch: narrow.BATCH,
        progress=False,
    ):
        best = progress.best
    return best


def one(seed):
    """Returns what happened in a run."""
    best = trained(seed)
    by_symbol = narrow.right(best, narrow.drawn([2_000_000], 2000), min_gru)
    print(f"seed {seed}: {by_symbol.mean():.4f}", flush=True)
    return {
        "seed": seed,
        "parameters": sum(leaf.size for leaf in tree.leaves(best)),
        "right": float(by_symbol.mean()),
    }


def witness(name):
    """Returns a loss and a share on few new sequences after a few updates."""
    test = narrow.drawn([2_000_000], 50)
    p = trained(narrow.SEEDS[0], steps=20, check_every=20)
    loss, _ = language_model.loss(p, test, min_gru)
    return [loss, float(narrow.right(p, test, min_gru).mean())]


def main():
    run = records.begin("wide_selective_copying")
    path = records.write(
        run,
        {"runs": [one(seed) for seed in narrow.SEEDS]},
        settings=narrow.SETTINGS | {"hidden": HIDDEN},
        seed=list(narrow.SEEDS),
        witness=functools.partial(witness, run.name),
    )
    print(path.relative_to(records.ROOT))


RECORDS = {"wide_selective_copying": main}
MINUTES = 1


if __name__ == "__main__":
    command_line.parser(__doc__).parse_args()
    main()
