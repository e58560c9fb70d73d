"""Which networks learn to follow five cups, the word problem of the group A5?

    python -m experiments.recurrences.following_five_cups

Writes results/following_five_cups.json. About half an hour on an idle core. Can be stopped and run
again: finished trainings are kept.

The inputs are the 60 even rearrangements of five things. Lengths and batches are those of
``following_states``, and the trainings are longer. Each network is trained with both learning
rates on the first seed, and on the other seeds with the rate that had the lower validation error.
JAX computes the gradients, from the ``step`` of the network.
"""

from experiments import command_line

if __name__ == "__main__":  # before the imports, which take seconds
    command_line.parser(__doc__).parse_args()

import functools

from experiments.recurrences import word_problems
from experiments.recurrences.word_problems import BATCH, CLIP, LONG, WINDOW, T, Task
from unrolled import records
from unrolled.cells import diagonal, lstm, reflections, rnn
from unrolled.data import groups
from unrolled.frameworks import jax_stacks
from unrolled.models import language_model

FIVE_CUPS = Task(groups.table(groups.permutations(5, even=True)))
# the network, and its width
NETWORKS = {
    "RNN": (rnn, 64),
    "LSTM": (lstm, 64),
    "diagonal, -1 to 1": (diagonal.between(-1.0), 16),
    "two reflections, 0 to 2": (reflections.below(2.0, 2), 16),
    "four reflections, 0 to 1": (reflections.below(1.0, 4), 16),
    "four reflections, 0 to 2": (reflections.below(2.0, 4), 16),
}
RATES = 0.01, 0.003
SEEDS = range(3)
STEPS, CHECK_EVERY = 20_000, 500
SETTINGS = {
    "T": T,
    "tested_to": LONG,
    "steps_of_a_mean": WINDOW,
    "widths": {name: width for name, (_, width) in NETWORKS.items()},
    "batch": BATCH,
    "optimizer": "adam",
    "learning_rates": RATES,
    "clip": CLIP,
    "steps": STEPS,
    "checked_every": CHECK_EVERY,
    "precision": "float32",
}


@functools.cache
def gradient(name):
    """Returns the gradient of a network, compiled by JAX."""
    return jax_stacks.compiled(NETWORKS[name][0])


def trained(name, rate, seed, steps=STEPS, check_every=CHECK_EVERY):
    """Returns (parameters with the lowest validation error, the validation errors)."""
    cell, width = NETWORKS[name]
    return word_problems.trained(
        word_problems.initial(seed, len(FIVE_CUPS.table), cell, width),
        cell,
        FIVE_CUPS,
        seed,
        gradient(name),
        rate,
        steps,
        check_every,
    )


def one(name, rate, seed):
    """Returns what happened in a run."""
    best, errors = trained(name, rate, seed)
    found = word_problems.tested(best, NETWORKS[name][0], FIVE_CUPS, 250)
    print(
        f"{name}, rate {rate}, seed {seed}:"
        f" {found['right_to_40']:.3f}, {found['right_from_41']:.3f}",
        flush=True,
    )
    return {
        "network": name,
        "learning_rate": rate,
        "seed": seed,
        **found,
        "validation_errors": errors,
    }


def chosen(runs):
    """Returns the learning rate of the run with the lowest validation error."""
    return min(runs, key=lambda run: min(run["validation_errors"]))["learning_rate"]


def witness(name):
    """Returns losses on new sequences after a few updates."""
    numbers = []
    for network in NETWORKS:
        p, _ = trained(network, RATES[0], SEEDS[0], steps=10, check_every=10)
        batch = FIVE_CUPS.drawn(3, T, 50)
        numbers.append(language_model.loss(p, batch, NETWORKS[network][0])[0])
    return numbers


def main():
    run = records.begin("following_five_cups")
    kept = functools.partial(word_problems.kept, run, SETTINGS, one)
    runs = []
    for name in NETWORKS:
        first = [kept(name, rate, SEEDS[0]) for rate in RATES]
        rate = chosen(first)
        runs += [*first, *(kept(name, rate, seed) for seed in SEEDS[1:])]
    path = records.write(
        run,
        {"chance": 1 / len(FIVE_CUPS.table), "runs": runs},
        settings=SETTINGS,
        seed=list(SEEDS),
        packages=("numpy", "jax", "jaxlib"),
        witness=functools.partial(witness, run.name),
    )
    print(path.relative_to(records.ROOT))


RECORDS = {"following_five_cups": main}
MINUTES = 30


if __name__ == "__main__":
    main()
