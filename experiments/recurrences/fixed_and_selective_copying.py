"""Copying at fixed and at random positions: what can a recurrence learn that is always the same?

    python -m experiments.recurrences.fixed_and_selective_copying

Writes results/fixed_and_selective_copying.json. About a minute.

Six symbols must be repeated in order. On the fixed task they are the first six inputs; on the
selective task they stand at random positions among blanks (Gu & Dao, 2023, section 3.1). Two blocks
of linear recurrent units, whose factors do not depend on the input, are trained on both tasks, and
two blocks of GRUs on the selective one.
"""

import functools
from collections.abc import Callable
from types import ModuleType
from typing import NamedTuple

import numpy as np

from experiments import command_line
from unrolled import records, tree
from unrolled.cells import gru, lru
from unrolled.data import tasks
from unrolled.data.text import Batch
from unrolled.models import language_model, residual_stack
from unrolled.training import optimizers, train

SEEDS = range(3)
T, LENGTH = 32, 6  # steps before the first GO, symbols to copy
BLOCKS, D, HIDDEN, FEED, BATCH = 2, 32, 32, 64, 32
STEPS, CHECK_EVERY = 1000, 100
LEARNING_RATE, CLIP = 0.005, 1.0
SETTINGS = {
    "T": T,
    "length": LENGTH,
    "blocks": BLOCKS,
    "numbers_of_a_step": D,
    "hidden": HIDDEN,
    "feed_forward": FEED,
    "batch": BATCH,
    "optimizer": "adam",
    "learning_rate": LEARNING_RATE,
    "clip": CLIP,
    "steps": STEPS,
    "checked_every": CHECK_EVERY,
    "precision": "float32",
}


def selective(seed, count):
    """Returns sequences whose symbols stand at random positions."""
    return tasks.selective_copy(np.random.default_rng(seed), T, count, LENGTH)


def fixed(seed, count):
    """Returns the same with all symbols at the beginning."""
    short = tasks.selective_copy(np.random.default_rng(seed), LENGTH, count, LENGTH)
    blanks = np.full((T - LENGTH, count), tasks.BLANK)
    inputs, targets = (
        np.concatenate([a[:LENGTH], blanks, a[LENGTH:]])
        for a in (short.inputs, short.targets)
    )
    return Batch(inputs, targets, targets != tasks.BLANK)


class Setting(NamedTuple):
    """A cell and the task that it is trained on."""

    cell: ModuleType
    drawn: Callable[..., Batch]  # (seed, count)


SETTINGS_BY_NAME = {
    "LRU, fixed positions": Setting(lru, fixed),
    "LRU, random positions": Setting(lru, selective),
    "GRU, random positions": Setting(gru, selective),
}


def right(p, batch, network):
    """Returns the share of the symbols that is right."""
    logits, _ = language_model.forward(p, batch.inputs, cell=network)
    return tasks.symbols_right(logits, batch)


def trained(setting, seed, steps=STEPS, check_every=CHECK_EVERY):
    """Returns (parameters with the lowest validation error, the network, the shares right)."""
    cell, drawn = setting
    network = residual_stack.of(cell, BLOCKS, HIDDEN, FEED)
    validation = drawn([1_000_000], 500)
    best, shares = None, []
    for progress in train.train(
        language_model.init(np.random.default_rng(seed), tasks.SYMBOLS + 2, D, network),
        lambda epoch: [drawn([seed, epoch, i], BATCH) for i in range(check_every)],
        functools.partial(language_model.loss_and_gradient, cell=network),
        optimizers.adam,
        epochs=steps // check_every,
        learning_rate=LEARNING_RATE,
        clip=CLIP,
        validate=lambda p: 1 - right(p, validation, network),
        count=lambda batch: BATCH,
        progress=False,
    ):
        best = progress.best
        if progress.validation_loss is not None:
            shares.append(1 - progress.validation_loss)
    return best, network, shares


def one(name, seed):
    """Returns what happened in a run."""
    setting = SETTINGS_BY_NAME[name]
    best, network, shares = trained(setting, seed)
    share = right(best, setting.drawn([2_000_000], 2000), network)
    print(f"{name}, seed {seed}: {share:.4f}", flush=True)
    return {
        "setting": name,
        "seed": seed,
        "parameters": sum(leaf.size for leaf in tree.leaves(best)),
        "right": share,
        "right_during_training": shares,
    }


def witness(name):
    """Returns losses and shares on few new sequences after a few updates."""
    numbers = []
    for setting in SETTINGS_BY_NAME.values():
        p, network, _ = trained(setting, SEEDS[0], steps=5, check_every=5)
        test = setting.drawn([2_000_000], 50)
        loss, _ = language_model.loss(p, test, network)
        numbers += [loss, right(p, test, network)]
    return numbers


def main():
    run = records.begin("fixed_and_selective_copying")
    runs = [one(name, seed) for name in SETTINGS_BY_NAME for seed in SEEDS]
    path = records.write(
        run,
        {"chance": 1 / tasks.SYMBOLS, "runs": runs},
        settings=SETTINGS,
        seed=list(SEEDS),
        witness=functools.partial(witness, run.name),
    )
    print(path.relative_to(records.ROOT))


RECORDS = {"fixed_and_selective_copying": main}
MINUTES = 1


if __name__ == "__main__":
    command_line.parser(__doc__).parse_args()
    main()
