"""The language model of Part 4 with a minimal GRU: the same text, split and budget.

    python -m experiments.recurrences.min_gru_language_model
                                                            results/min_gru_language_model.json

Three seeds, with dropout and the end of training chosen by the rules of ``seeds``. It has the
number of parameters of the one-layer GRU to 1 %. Half an hour; Ctrl-C saves, and the same command
goes on from there. ``--seed 1`` trains with that seed alone, once dropout is chosen, and records
nothing.
"""

from experiments import command_line

if __name__ == "__main__":
    parser = command_line.parser(__doc__)
    parser.add_argument(
        "--seed",
        type=int,
        help="train with this seed alone, once dropout is chosen, and record nothing",
    )
    arguments = parser.parse_args()  # before the imports, which take seconds

import functools
import itertools
import sys

import numpy as np

from experiments.language_models import gated_language_models as gated
from experiments.language_models import seeds
from unrolled import records, tree
from unrolled.cells import min_gru
from unrolled.data import text
from unrolled.layers import embedding
from unrolled.training.train import Diverged, Interrupted

V, H = 4000, 99
NAME = "min_gru_language_model"
CELLS = (embedding, min_gru)
MODEL = seeds.Model(V, H, functools.partial(gated.with_dropout, cells=CELLS))


def main():
    """Trains the network with every seed and records it."""
    run = records.begin(NAME)
    vocabulary, encoded = gated.prepared(V)
    share, grid = seeds.chosen_share(NAME, MODEL, encoded)
    params, found = seeds.study(NAME, MODEL, encoded, share)
    params = tree.map(lambda weight: weight.astype(np.float32), params)
    path = records.write(
        run,
        found
        | {
            "layers": ["embedding", "min_gru"],
            "grid": [
                {"dropout": tried, "validation_loss": loss}
                for tried, loss in grid.items()
            ],
            "samples": gated.sample(params, vocabulary, MODEL.cell(0.0, None)),
        },
        settings=seeds.BUDGET | {"V": V, "H": H, "shares": list(seeds.SHARES)},
        seed=list(seeds.SEEDS),
        witness=functools.partial(witness, NAME),
        packages=("numpy", *(p for p in text.PACKAGES if p != "numpy")),
    )
    print(f"wrote {path.relative_to(records.ROOT)}")


def witness(name):
    """Returns the losses of a short run on a small part of the corpus, and some text's lengths."""
    vocabulary, encoded = gated.prepared(V)
    few = text.Split(encoded.train[:640], encoded.validation[:64], encoded.test[:64])
    run = seeds.training(MODEL, few, seeds.SEEDS[0], max(seeds.SHARES), progress=False)
    *_, last = updates = list(itertools.islice(run, 20))
    lines = gated.sample(last.best, vocabulary, MODEL.cell(0.0, None))
    return [
        *(update.loss for update in updates),
        last.validation_loss,
        *seeds.losses_by_position(MODEL, last.best, MODEL.batches(few.test)),
        *(len(line) for drawn in lines.values() for line in drawn),
    ]


def train_only(seed):
    """Trains with one seed, and with the first seed as often as it takes to choose dropout."""
    _, encoded = gated.prepared(V)
    share, _ = seeds.chosen_share(NAME, MODEL, encoded)
    seeds.fit(NAME, MODEL, encoded, seed, share)


RECORDS = {"min_gru_language_model": main}
MINUTES = 32


if __name__ == "__main__":
    seed = arguments.seed
    try:
        main() if seed is None else train_only(seed)
    except (Interrupted, Diverged, OSError, ValueError) as problem:
        sys.exit(f"experiments.recurrences.min_gru_language_model: {problem}")
