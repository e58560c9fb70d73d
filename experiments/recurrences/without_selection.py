"""Selective copying with and without selection, in otherwise equal networks.

    python -m experiments.recurrences.without_selection

Writes results/without_selection.json, in about five minutes on an idle core. Can be stopped and run
again: finished trainings are kept.

Two blocks of a selective layer and a feed-forward part are trained on the task of
``selective_copying``. Without selection, the weights from the input to the step size, to what is
written and to what is read stay 0, so that the layers do the same at every step. Their biases are
trained in both networks. In both, the bias of what is written starts at 1, and the bias of what is
read at random numbers: if both were 0 without selection, their gradients would stay 0. Other first
weights, data and updates are the same.
"""

from experiments import command_line

if __name__ == "__main__":  # before the imports, which take seconds
    command_line.parser(__doc__).parse_args()

import functools

import numpy as np

from experiments.recurrences import selective_copying, word_problems
from experiments.recurrences.selective_copying import BATCH, CLIP, drawn, right
from unrolled import records, tree
from unrolled.cells import selective
from unrolled.data import tasks
from unrolled.frameworks import jax_stacks
from unrolled.models import language_model, residual_stack
from unrolled.training import optimizers, train

BLOCKS, D, H, F = 2, 48, 48, 96
NETWORK = residual_stack.of(selective, BLOCKS, H, F)
SEEDS = range(3)
LEARNING_RATES = 0.005, 0.002
STEPS, CHECK_EVERY = 2000, 200
SETTINGS = selective_copying.SETTINGS | {
    "hidden": H,
    "blocks": BLOCKS,
    "width_of_a_block": D,
    "units_between": F,
    "learning_rate": LEARNING_RATES,
    "steps": STEPS,
    "checked_every": CHECK_EVERY,
}
gradient = jax_stacks.compiled(NETWORK)


def initial(seed):
    """Returns random Params, whose layers write and read something whatever their input is."""
    rng = np.random.default_rng(seed)
    p = language_model.init(rng, tasks.SYMBOLS + 2, D, NETWORK, np.float32)
    for block in p.cell.blocks:
        N = block.cell.log_A.shape[1]
        block.cell.b[2 * H :] = np.concatenate([np.ones(N), rng.standard_normal(N)])
    return p


def unselective(p):
    """Returns Params, or gradients, with zeros where inputs reach Δ, B and C of a layer."""
    blocks = []
    for block in p.cell.blocks:
        W_x = block.cell.W_x.copy()
        W_x[:, H:] = 0
        blocks.append(block._replace(cell=block.cell._replace(W_x=W_x)))
    return p._replace(cell=p.cell._replace(blocks=tuple(blocks)))


def unselective_gradient(p, batch):
    """Returns the loss, and the gradient for the weights that are trained without selection."""
    loss, dp = gradient(p, batch)
    return loss, unselective(dp)


def trained(selection, rate, seed, steps=STEPS, check_every=CHECK_EVERY):
    """Returns (parameters with the lowest validation error, the validation errors)."""
    validation = drawn([1_000_000], 500)
    p = initial(seed)
    best, errors = None, []
    for progress in train.train(
        p if selection else unselective(p),
        lambda epoch: [drawn([seed, epoch, i], BATCH) for i in range(check_every)],
        gradient if selection else unselective_gradient,
        optimizers.adam,
        epochs=steps // check_every,
        learning_rate=rate,
        clip=CLIP,
        validate=lambda p: 1 - float(right(p, validation, NETWORK).mean()),
        count=lambda batch: BATCH,
        progress=False,
    ):
        best = progress.best
        if progress.validation_loss is not None:
            errors.append(progress.validation_loss)
    return best, errors


def one(selection, rate, seed):
    """Returns what happened in a run."""
    best, errors = trained(selection, rate, seed)
    by_symbol = right(best, drawn([2_000_000], 2000), NETWORK)
    print(
        f"selection {selection}, rate {rate}, seed {seed}: {by_symbol.mean():.4f}",
        flush=True,
    )
    untrained = (
        0 if selection else BLOCKS * D * (best.cell.blocks[0].cell.W_x.shape[1] - H)
    )
    return {
        "selection": selection,
        "learning_rate": rate,
        "seed": seed,
        "parameters": sum(leaf.size for leaf in tree.leaves(best)) - untrained,
        "right": float(by_symbol.mean()),
        "right_by_symbol": by_symbol.tolist(),
        "validation_errors": errors,
    }


def witness(name):
    """Returns losses on few new sequences after a few updates."""
    numbers = []
    for selection in (True, False):
        p, _ = trained(selection, LEARNING_RATES[0], SEEDS[0], steps=10, check_every=10)
        loss, _ = language_model.loss(p, drawn([2_000_000], 50), NETWORK)
        numbers.append(loss)
    return numbers


def main():
    run = records.begin("without_selection")
    kept = functools.partial(word_problems.kept, run, SETTINGS, one)
    runs = []
    for selection in (True, False):
        first = [kept(selection, rate, SEEDS[0]) for rate in LEARNING_RATES]
        best = min(first, key=lambda found: min(found["validation_errors"]))
        rate = best["learning_rate"]
        runs += [*first, *(kept(selection, rate, seed) for seed in SEEDS[1:])]
    path = records.write(
        run,
        {"chance": 1 / tasks.SYMBOLS, "runs": runs},
        settings=SETTINGS,
        seed=list(SEEDS),
        packages=("numpy", "jax", "jaxlib"),
        witness=functools.partial(witness, run.name),
    )
    print(path.relative_to(records.ROOT))


RECORDS = {"without_selection": main}
MINUTES = 5


if __name__ == "__main__":
    main()
