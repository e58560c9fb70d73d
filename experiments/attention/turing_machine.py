"""Copying: Neural Turing Machines and LSTMs learn it on up to 10 rows, and meet longer ones.

    python -m experiments.attention.turing_machine     results/turing_machine.json and .npz

Sequences begin with up to 3 rows of 8 bits and get one row longer whenever the mean loss of the
last updates is below a threshold, up to 10; one of the LSTMs sees all lengths from the start. The
memory has another number of slots in every batch, so that no way of finding a place can rest on
it. The weights of seed 0 are kept for the page's figures. About ten minutes; can be stopped and run
again, and finished runs are kept.
"""

import hashlib
import time
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from experiments import command_line
from unrolled import records, tree
from unrolled.cells import lstm
from unrolled.data import tasks
from unrolled.functional import binary_cross_entropy, dbinary_cross_entropy
from unrolled.layers import feed_forward
from unrolled.models import turing_machine as ntm
from unrolled.training import checkpoint, optimizers

SEEDS = range(5)
FEWER_SEEDS = range(3)
BITS, LONGEST, BATCH = 8, 10, 16
SLOTS, WIDTH, HIDDEN = 32, 16, 64
LSTM_HIDDEN = 128
UPDATES, LSTM_UPDATES, LEARNING_RATE, CLIP = 4000, 10_000, 0.003, 10.0
FEWEST_SLOTS, FIRST_LONGEST, LONGER_BELOW, LONGER_AFTER = 12, 3, 0.3, 30
TESTED, LONG, MANY_SLOTS = (
    [1, 5, 10, 12, 15, 20, 25, 30],
    [20, 40, 60, 80, 100, 120],
    128,
)
TEST_SEQUENCES = 100
CHECK_EVERY = 250
SETTINGS = {
    "bits": BITS,
    "trained_on_lengths": [1, LONGEST],
    "batch": BATCH,
    "slots": [FEWEST_SLOTS, SLOTS],
    "longest_at_first": FIRST_LONGEST,
    "longer_when_loss_is_below": LONGER_BELOW,
    "over_updates": LONGER_AFTER,
    "width": WIDTH,
    "controller_units": HIDDEN,
    "lstm_units": LSTM_HIDDEN,
    "updates": UPDATES,
    "lstm_updates": LSTM_UPDATES,
    "optimizer": "adam",
    "learning_rate": LEARNING_RATE,
    "schedule": "constant for the first half, then linearly to 0",
    "clip": CLIP,
    "precision": "float32",
    "test_sequences": TEST_SEQUENCES,
    "slots_of_long_tests": MANY_SLOTS,
}


class Lstm(NamedTuple):
    """An LSTM with a layer of logits on each state; gradients are an Lstm too."""

    cell: Any
    W_y: Any  # (H, BITS)
    b_y: Any  # (BITS,)


def init_lstm(rng, H=LSTM_HIDDEN):
    cell = lstm.init(rng, BITS + 1, H, np.float32)
    W_y = (rng.uniform(-1, 1, (H, BITS)) / np.sqrt(H)).astype(np.float32)
    return Lstm(cell, W_y, np.zeros(BITS, np.float32))


def lstm_logits(p, x):
    return lstm.forward(p.cell, x)[0] @ p.W_y + p.b_y


def lstm_loss_and_gradient(p, batch):
    h, cache = lstm.forward(p.cell, batch.x)
    read = h[-len(batch.y) :]
    u = read @ p.W_y + p.b_y
    losses = binary_cross_entropy(u, batch.y)
    du = dbinary_cross_entropy(u, batch.y, np.float32(1 / losses.size))
    dh = np.zeros_like(h)
    dh[-len(du) :] = du @ p.W_y.T  # u = h W_y + b_y
    dcell, *_ = lstm.backward(p.cell, cache, dh)
    dW_y = read.reshape(-1, read.shape[-1]).T @ du.reshape(-1, BITS)
    return float(losses.mean()), Lstm(dcell, dW_y, du.sum(axis=(0, 1)))


class Model(NamedTuple):
    """What training and testing need of a model."""

    init: Any  # rng -> params
    loss_and_gradient: Any  # (params, batch, slots)
    logits: Any  # (params, x, slots)
    updates: int
    longest_at_first: int
    seeds: Any


def machine(controller, seeds):
    return Model(
        lambda rng: ntm.init(
            rng, BITS + 1, BITS, WIDTH, HIDDEN, controller, np.float32
        ),
        lambda p, batch, slots: ntm.loss_and_gradient(p, batch, slots, controller),
        lambda p, x, slots: ntm.forward(
            p, x, ntm.initial_state(p, x.shape[1], slots, controller), controller
        )[0],
        UPDATES,
        FIRST_LONGEST,
        seeds,
    )


def lstm_alone(longest_at_first):
    return Model(
        init_lstm,
        lambda p, batch, slots: lstm_loss_and_gradient(p, batch),
        lambda p, x, slots: lstm_logits(p, x),
        LSTM_UPDATES,
        longest_at_first,
        FEWER_SEEDS,
    )


MODELS = {
    "NTM": machine(feed_forward, SEEDS),
    "NTM with an LSTM": machine(lstm, FEWER_SEEDS),
    "LSTM": lstm_alone(FIRST_LONGEST),
    "LSTM, all lengths at once": lstm_alone(LONGEST),
}


def tests(lengths, sequences=TEST_SEQUENCES):
    """Returns {length: Bits}, the same for every model."""
    return {
        length: tasks.copy_of_bits(
            np.random.default_rng([1_000_000, length]), length, sequences, BITS
        )
        for length in lengths
    }


def bits_right(model, p, lengths, slots, sequences=TEST_SEQUENCES):
    """Returns {length: share of the bits right}."""
    return {
        str(length): tasks.bits_right(model.logits(p, batch.x, slots), batch)
        for length, batch in tests(lengths, sequences).items()
    }


def one(name, seed, code):
    """Returns (trained parameters, dictionary of what happened); a finished run is read again."""
    key = hashlib.sha256(f"{name} {seed} {code}".encode()).hexdigest()[:16]
    path = records.ROOT / "_build" / "runs" / "turing_machine" / f"{key}.npz"
    if not path.is_file():
        checkpoint.save(path, *trained(name, seed))
    like = MODELS[name].init(np.random.default_rng(0))
    return checkpoint.load(path, like), checkpoint.load_facts(path)


class Update(NamedTuple):
    """How training stands after an update."""

    params: Any
    loss: float  # of its batch, before it
    longest: int  # its batch might have been as long as this


def training(model, seed):
    """Yields an Update after every update."""
    p = model.init(np.random.default_rng([seed, 0]))
    rng = np.random.default_rng([seed, 1])
    longest, since = model.longest_at_first, 0
    state, losses = None, []
    for update in range(model.updates):
        if longest < LONGEST and since >= LONGER_AFTER:
            if np.mean(losses[-LONGER_AFTER:]) < LONGER_BELOW:
                longest, since = longest + 1, 0
        length, slots = (
            rng.integers(1, longest + 1),
            rng.integers(FEWEST_SLOTS, SLOTS + 1),
        )
        batch = tasks.copy_of_bits(rng, int(length), BATCH, BITS)
        loss, gradients = model.loss_and_gradient(p, batch, int(slots))
        gradients, _ = optimizers.clip_by_global_norm(gradients, CLIP)
        rate = LEARNING_RATE * min(1.0, 2 * (1 - update / model.updates))
        p, state = optimizers.adam(p, gradients, state, rate)
        losses.append(loss)
        since += 1
        yield Update(p, loss, longest)


def trained(name, seed):
    model = MODELS[name]
    start = time.process_time()
    losses, longest, longer_at = [], model.longest_at_first, []
    for update, step in enumerate(training(model, seed)):
        if step.longest > longest:
            longer_at.append(update)
        p, loss, longest = step
        losses.append(loss)
    curve = np.mean(np.reshape(losses, (-1, CHECK_EVERY)), axis=1)
    right = bits_right(model, p, TESTED, SLOTS)
    print(f"{name}, seed {seed}: bits right at 20: {right['20']:.4f}", flush=True)
    return p, {
        "model": name,
        "seed": seed,
        "updates": model.updates,
        "parameters": int(sum(weight.size for weight in tree.leaves(p))),
        "seconds": round(time.process_time() - start, 1),
        "longest": longest,
        "longer_at": longer_at,
        "loss": [round(float(loss), 5) for loss in curve],
        "right": right,
        "right_with_more_slots": None
        if "NTM" not in name
        else bits_right(model, p, LONG, MANY_SLOTS),
    }


def witness(name):
    """Returns the losses of a few updates of each model, and how many bits are right then."""
    losses = []
    for model in MODELS.values():
        for step in training(model._replace(updates=10), model.seeds[0]):
            losses.append(step.loss)
        losses += bits_right(model, step.params, [1, 3], SLOTS, sequences=10).values()
    return losses


def main():
    run = records.begin("turing_machine")
    runs, kept = [], {}
    for name, model in MODELS.items():
        for seed in model.seeds:
            p, happened = one(name, seed, records.digest(run))
            runs.append(happened)
            if seed == 0:
                kept[name] = p
    checkpoint.save(
        records.FOLDER / "turing_machine.npz", (kept["NTM"], kept["LSTM"]), SETTINGS
    )
    summary = {
        name: {
            length: {
                "mean": float(np.mean(values)),
                "lowest": min(values),
                "highest": max(values),
            }
            for length in (str(length) for length in TESTED)
            if (
                values := [run["right"][length] for run in runs if run["model"] == name]
            )
        }
        for name in MODELS
    }
    path = records.write(
        run,
        {"chance": 0.5, "checked_every": CHECK_EVERY, "right": summary, "runs": runs},
        settings=SETTINGS,
        seed=list(SEEDS),
        witness=partial(witness, run.name),
    )
    print(path)


RECORDS = {"turing_machine": main}
MINUTES = 7

if __name__ == "__main__":
    command_line.parser(__doc__).parse_args()
    main()
