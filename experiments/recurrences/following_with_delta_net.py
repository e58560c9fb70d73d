"""Does DeltaNet learn to follow a state? Shares below 1 against shares below 2.

    python -m experiments.recurrences.following_with_delta_net

Writes results/following_with_delta_net.json. About fifteen minutes on an idle core. Can be stopped
and run again: finished trainings are kept.

The tasks, lengths and numbers of updates are those of ``following_states``, with one more task: the
inputs are the exchanges of two of three cups. One layer of DeltaNet is trained on every task. Where
one layer cannot be enough, three blocks of a cell and a feed-forward part are trained, too. JAX
computes the gradients, from the ``step`` of the network.
"""

from experiments import command_line

if __name__ == "__main__":  # before the imports, which take seconds
    command_line.parser(__doc__).parse_args()

import functools

from experiments.recurrences import word_problems
from experiments.recurrences.word_problems import BATCH, CLIP, LONG, WINDOW, T, Task
from unrolled import records
from unrolled.cells import delta_net
from unrolled.data import groups
from unrolled.frameworks import jax_stacks
from unrolled.models import language_model, residual_stack

ORDERS = groups.permutations(3)
TASKS = {
    "parity": Task(groups.cyclic(2)),
    "one swap a step": Task(groups.table(ORDERS), groups.swaps(ORDERS)),
    "sum modulo 3": Task(groups.cyclic(3)),
    "three cups": Task(groups.table(ORDERS)),
}
HIGHS = (1.0, 2.0)
ONE, THREE = "one layer", "three blocks"
RATES = {ONE: 0.01, THREE: 0.003}
SETTINGS_OF_RUNS = [
    *((task, ONE, high) for task in TASKS for high in HIGHS),
    *((task, THREE, high) for task in ("sum modulo 3", "three cups") for high in HIGHS),
]
SEEDS = range(3)
H, BLOCKS, D, F = 16, 3, 32, 64  # of a layer; blocks, and their widths
STEPS, CHECK_EVERY = 3000, 150
SETTINGS = {
    "T": T,
    "tested_to": LONG,
    "steps_of_a_mean": WINDOW,
    "units_of_a_layer": H,
    "blocks": BLOCKS,
    "width_of_a_block": D,
    "units_between": F,
    "batch": BATCH,
    "optimizer": "adam",
    "learning_rates": RATES,
    "clip": CLIP,
    "steps": STEPS,
    "checked_every": CHECK_EVERY,
    "precision": "float32",
}


@functools.cache
def network(name, high):
    """Returns (the network as a cell, its width, its gradient compiled by JAX)."""
    cell, width = delta_net.below(high), H
    if name == THREE:
        cell, width = residual_stack.of(cell, BLOCKS, H, F), D
    return cell, width, jax_stacks.compiled(cell)


def trained(task, name, high, seed, steps=STEPS, check_every=CHECK_EVERY):
    """Returns (parameters with the lowest validation error, the validation errors)."""
    cell, width, gradient = network(name, high)
    return word_problems.trained(
        word_problems.initial(seed, len(TASKS[task].table), cell, width),
        cell,
        TASKS[task],
        seed,
        gradient,
        RATES[name],
        steps,
        check_every,
    )


def one(task, name, high, seed):
    """Returns what happened in a run."""
    best, errors = trained(task, name, high, seed)
    found = word_problems.tested(best, network(name, high)[0], TASKS[task], 250)
    print(
        f"{task}, {name}, below {high:.0f}, seed {seed}:"
        f" {found['right_to_40']:.3f}, {found['right_from_41']:.3f}",
        flush=True,
    )
    return {
        "task": task,
        "network": name,
        "shares_below": high,
        "seed": seed,
        **found,
        "validation_errors": errors,
    }


def witness(name):
    """Returns losses on new sequences after a few updates."""
    numbers, task = [], "three cups"
    for network_name in (ONE, THREE):
        for high in HIGHS:
            p, _ = trained(task, network_name, high, SEEDS[0], steps=10, check_every=10)
            cell, _, _ = network(network_name, high)
            batch = TASKS[task].drawn(3, T, 50)
            numbers.append(language_model.loss(p, batch, cell)[0])
    return numbers


def main():
    run = records.begin("following_with_delta_net")
    runs = [
        word_problems.kept(run, SETTINGS, one, *setting, seed)
        for setting in SETTINGS_OF_RUNS
        for seed in SEEDS
    ]
    # of the swaps, every second step has the even orders only
    chance = {task: 1 / len(TASKS[task].table) for task in TASKS}
    path = records.write(
        run,
        {"chance": chance | {"one swap a step": 2 / len(ORDERS)}, "runs": runs},
        settings=SETTINGS,
        seed=list(SEEDS),
        packages=("numpy", "jax", "jaxlib"),
        witness=functools.partial(witness, run.name),
    )
    print(path.relative_to(records.ROOT))


RECORDS = {"following_with_delta_net": main}
MINUTES = 15


if __name__ == "__main__":
    main()
