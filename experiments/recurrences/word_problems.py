"""How a network is trained on a word problem of ``data.groups``, and how it is tested.

At each step, the network reads an element of a group and must name the product of all elements so
far. It is trained on sequences of T steps, with a target at each step, and tested on LONG steps.
"""

import hashlib
import json
from typing import Any, NamedTuple

import numpy as np

from unrolled import records, tree
from unrolled.data import groups
from unrolled.files import write_whole
from unrolled.models import language_model
from unrolled.training import optimizers, train

T, LONG, WINDOW = 40, 256, 8  # steps in training and in the test; steps of a mean
BATCH, CLIP = 32, 1.0


class Task(NamedTuple):
    """The table of a group, and the elements that inputs are drawn from."""

    table: np.ndarray
    among: Any = None

    def drawn(self, seed, steps, count):
        """Returns new sequences as a Batch (steps, count)."""
        rng = np.random.default_rng(seed)
        return groups.word_problem(rng, steps, count, self.table, self.among)


def initial(seed, V, cell, H):
    """Returns random parameters; an input changes the state as much as the state itself does."""
    rng = np.random.default_rng(seed)
    scale = np.float32(np.sqrt(H))
    return language_model.Params(
        cell=cell.init(rng, V, H, np.float32, input_scale=1.0),
        W_y=rng.uniform(-1, 1, (H, V)).astype(np.float32) / scale,
        b_y=np.zeros(V, np.float32),
    )


def right(p, cell, task, steps, count, seed):
    """Returns the share of new sequences that is right at each step, (steps,)."""
    batch = task.drawn(seed, steps, count)
    logits, _ = language_model.forward(p, batch.inputs, cell=cell)
    return (logits.argmax(axis=-1) == batch.targets).mean(axis=1)


def trained(p, cell, task, seed, gradient, rate, steps, check_every):
    """Returns (parameters with the lowest validation error, the validation errors).

    Args:
        p: the first parameters.
        cell: of the network.
        task: a Task.
        seed: of the run.
        gradient: ``language_model.loss_and_gradient`` over the cell.
        rate: learning rate of Adam.
        steps: how many updates.
        check_every: updates between two validations.
    """
    best, errors = None, []
    for progress in train.train(
        p,
        lambda epoch: [
            task.drawn([seed, epoch, i], T, BATCH) for i in range(check_every)
        ],
        gradient,
        optimizers.adam,
        epochs=steps // check_every,
        learning_rate=rate,
        clip=CLIP,
        validate=lambda p: 1 - float(right(p, cell, task, T, 200, [1_000_000]).mean()),
        count=lambda batch: BATCH,
        progress=False,
    ):
        best = progress.best
        if progress.validation_loss is not None:
            errors.append(progress.validation_loss)
    return best, errors


def tested(p, cell, task, count):
    """Returns the shares that are right, on sequences of LONG steps."""
    share = right(p, cell, task, LONG, count, [2_000_000])
    return {
        "parameters": sum(leaf.size for leaf in tree.leaves(p)),
        "right_to_40": float(share[:T].mean()),
        "right_from_41": float(share[T:].mean()),
        "right_by_window": share.reshape(-1, WINDOW).mean(axis=1).tolist(),
    }


def kept(run, settings, one, *setting):
    """Returns what ``one`` returns; a result of the same code is read, not repeated."""
    facts = json.dumps([setting, settings, records.digest(run)])
    name = hashlib.sha256(facts.encode()).hexdigest()[:16]
    path = records.ROOT / "_build" / "runs" / run.name / f"{name}.json"
    if not path.is_file():
        write_whole(path, json.dumps(one(*setting)))
    return json.loads(path.read_text("utf-8"))
