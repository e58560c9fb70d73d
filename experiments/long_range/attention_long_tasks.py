"""The adding problem and the copy task again, with one layer of self-attention.

Run: python -m experiments.long_range.attention_long_tasks
Writes results/attention_long_tasks.json. About five minutes.

The layer has one head. Sequences, batches, optimizer, clipping, number of updates, seeds and the
rule for stopping are those of adding_problem.py and copy_task.py, at the longest distance of each
task. The learning rate is theirs, and ten times theirs.
"""

import functools
from typing import Any, NamedTuple

import numpy as np

from experiments import command_line
from experiments.long_range import adding_problem, copy_task, long_tasks
from unrolled import records
from unrolled.data import tasks
from unrolled.functional import cross_entropy, dcross_entropy
from unrolled.layers import multi_head
from unrolled.training import optimizers, train

T, DELAY = adding_problem.LENGTHS[-1], copy_task.DELAYS[-1]
LENGTH = copy_task.LENGTH
RATES = (long_tasks.LEARNING_RATE, 10 * long_tasks.LEARNING_RATE)
CLIP = 1.0
OTHER_LENGTHS = (20, 1000, 3000)  # for networks that were trained on T
E, D = 8, 32  # numbers of a query for adding, and of a step for copying


class Task(NamedTuple):
    """What training needs of a task."""

    init: Any  # rng -> params
    draw: Any  # rng, sequences -> a batch
    loss_and_gradient: Any  # (params, batch)
    error: Any  # (params, batch): what is watched
    good_enough: float  # the error at which training stops


def question_and_steps(batch):
    """Returns the query's row 0, 0, 1, (B, 1, 3), and the steps (B, T, 3): number, mark and 0."""
    x = batch.x.swapaxes(0, 1)
    question = np.broadcast_to(x.dtype.type([0, 0, 1]), (len(x), 1, 3))
    return question, np.concatenate([x, np.zeros_like(x[..., :1])], axis=2)


def added(p, batch):
    """Returns the answers (B,) of the first output, and the layer's cache."""
    y, cache = multi_head.forward(p, *question_and_steps(batch))
    return y[:, 0, 0], cache


def adding_loss_and_gradient(p, batch):
    answers, cache = added(p, batch)
    errors = answers - batch.y
    dy = np.zeros((len(errors), 1, 3), errors.dtype)
    dy[:, 0, 0] = 2 * errors / len(errors)
    return float(np.mean(errors**2)), multi_head.backward(p, cache, dy)[0]


def adding_error(p, batch):
    return float(np.mean((added(p, batch)[0] - batch.y) ** 2))


def words():
    """Returns the fixed random vectors of the symbols, the blank and GO, (SYMBOLS+2, D)."""
    random = np.random.default_rng(0).uniform(-1, 1, (tasks.SYMBOLS + 2, D))
    return random.astype(np.float32)


def copied(p, batch, with_positions):
    """Returns the logits (B, LENGTH, SYMBOLS) of the last steps, and the layer's cache."""
    x = words()[batch.inputs.T]
    if with_positions:
        x = x + multi_head.positions(x.shape[1], D, x.dtype)
    y, cache = multi_head.forward(p, x[:, -LENGTH:], x)
    return y[..., : tasks.SYMBOLS], cache


def copying_loss_and_gradient(p, batch, with_positions):
    u, cache = copied(p, batch, with_positions)
    targets = batch.targets[-LENGTH:].T
    dy = np.zeros((*u.shape[:2], D), u.dtype)
    each = np.full(targets.shape, 1 / targets.size, u.dtype)
    dy[..., : tasks.SYMBOLS] = dcross_entropy(u, targets, each)
    loss = float(cross_entropy(u, targets).mean())
    return loss, multi_head.backward(p, cache, dy)[0]


def copying_error(p, batch, with_positions):
    answers = copied(p, batch, with_positions)[0].argmax(axis=-1)
    return float((answers != batch.targets[-LENGTH:].T).mean())


ADDING = Task(
    lambda rng: multi_head.init(rng, 3, 1, E, np.float32),
    lambda rng, B: tasks.adding_problem(rng, T, B),
    adding_loss_and_gradient,
    adding_error,
    adding_problem.STOP,
)


def copying(with_positions):
    """Returns the copy task for a layer with or without positions."""
    return Task(
        lambda rng: multi_head.init(rng, D, 1, D, np.float32),
        lambda rng, B: tasks.copy_task(rng, DELAY, B, LENGTH),
        functools.partial(copying_loss_and_gradient, with_positions=with_positions),
        functools.partial(copying_error, with_positions=with_positions),
        copy_task.STOP,
    )


def one(task, distance, seed, rate, steps=long_tasks.STEPS):
    """Returns (best parameters, updates, its error on new sequences)."""
    check_every = min(steps, long_tasks.CHECK_EVERY)
    validation = task.draw(np.random.default_rng([1_000_000, distance]), 500)

    def batches(epoch):
        return [
            task.draw(np.random.default_rng([seed, epoch, i]), long_tasks.BATCH)
            for i in range(check_every)
        ]

    for progress in train.train(
        task.init(np.random.default_rng(seed)),
        batches,
        task.loss_and_gradient,
        optimizers.adam,
        epochs=steps // check_every,
        learning_rate=rate,
        clip=CLIP,
        validate=lambda p: task.error(p, validation),
        count=lambda batch: long_tasks.BATCH,
        progress=False,
    ):
        best, updates = progress.best, progress.step
        error = progress.validation_loss
        if error is not None and error < task.good_enough:
            break
    test = task.draw(np.random.default_rng([2_000_000, distance]), 2000)
    return best, updates, task.error(best, test)


def added_run(seed, rate):
    """Returns what happened on the adding problem, and the errors at other lengths."""
    best, updates, error = one(ADDING, T, seed, rate)
    others = {
        str(length): adding_error(
            best,
            tasks.adding_problem(
                np.random.default_rng([2_000_000, length]), length, 200
            ),
        )
        for length in OTHER_LENGTHS
    }
    print(
        f"adding, rate {rate}, seed {seed}: {updates} updates, {error:.4f}", flush=True
    )
    return {
        "rate": rate,
        "seed": seed,
        "steps": updates,
        "test_error": error,
        "solved": error < adding_problem.SOLVED,
        "error_at_other_lengths": others,
    }


def copied_run(seed, rate, with_positions):
    """Returns what happened on the copy task."""
    _, updates, error = one(copying(with_positions), DELAY, seed, rate)
    print(
        f"copying, positions {with_positions}, rate {rate}, seed {seed}:"
        f" {updates} updates, {1 - error:.4f} right",
        flush=True,
    )
    return {
        "positions": with_positions,
        "rate": rate,
        "seed": seed,
        "steps": updates,
        "right": 1 - error,
    }


def witness(name):
    """Returns the losses and errors on few new sequences after a few updates."""
    numbers = []
    for task, distance in (
        (ADDING, T),
        (copying(True), DELAY),
        (copying(False), DELAY),
    ):
        test = task.draw(np.random.default_rng([2_000_000, distance]), 50)
        for rate in RATES:
            p, *_ = one(task, distance, long_tasks.SEEDS[0], rate, steps=20)
            numbers += [task.loss_and_gradient(p, test)[0], task.error(p, test)]
    return numbers


def main():
    run = records.begin("attention_long_tasks")
    seeds = long_tasks.SEEDS
    adding = [added_run(seed, rate) for rate in RATES for seed in seeds]
    copies = [
        copied_run(seed, rate, with_positions)
        for with_positions, rates in ((True, RATES), (False, RATES[:1]))
        for rate in rates
        for seed in seeds
    ]
    path = records.write(
        run,
        {
            "adding_problem": {
                "chance": tasks.ADDING_CHANCE,
                "solved_below": adding_problem.SOLVED,
                "T": T,
                "runs": adding,
            },
            "copy_task": {"chance": 1 / tasks.SYMBOLS, "T": DELAY, "runs": copies},
        },
        settings={
            key: value
            for key, value in long_tasks.SETTINGS.items()
            if key not in ("hidden", "learning_rate")
        }
        | {"learning_rates": list(RATES), "clip": CLIP, "adding_E": E, "copying_D": D},
        seed=list(seeds),
        witness=functools.partial(witness, run.name),
    )
    print(path.relative_to(records.ROOT))


RECORDS = {"attention_long_tasks": main}
MINUTES = 5


if __name__ == "__main__":
    command_line.parser(__doc__).parse_args()
    main()
