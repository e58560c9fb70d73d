"""Dates with and without attention on one budget: how many are right, and where the weight lies.

Run: python -m experiments.attention.attention_dates
Writes results/attention_dates.json, and the weights of one network to attention_dates.npz.
"""

from functools import partial
from typing import Any

import numpy as np
from tqdm import tqdm

from experiments import command_line
from unrolled import records, tree
from unrolled.data import dates
from unrolled.layers import attention
from unrolled.models import seq2seq
from unrolled.training import checkpoint, optimizers, train

HIDDEN, BATCH, LEARNING_RATE, CLIP = 48, 32, 0.003, 1.0
UPDATES, CHECK_EVERY = 1500, 100
SEEDS = range(3)
TESTED = 1000
MODELS = {  # name: (score, input feeding)
    "general": (attention.general, True),
    "additive": (attention.additive, True),
    "without": (None, False),
}
D, V, STEPS = len(dates.ALPHABET), len(dates.ANSWERS), 11


def pairs(examples):
    sources = [dates.encode(example.text) for example in examples]
    return sources, [dates.encode_answer(example.answer) for example in examples]


def as_batch(examples):
    sources, answers = pairs(examples)
    return seq2seq.pad(sources, answers, V)


def batches(seed, epoch):
    """Ten batches' worth of dates at a time are sorted by length, so that little is padding."""
    rng, found = np.random.default_rng([seed, epoch]), []
    while len(found) < CHECK_EVERY:
        drawn = sorted(
            dates.draw(rng, 10 * BATCH), key=lambda example: len(example.text)
        )
        groups = [drawn[i : i + BATCH] for i in range(0, len(drawn), BATCH)]
        found += [as_batch(groups[i]) for i in rng.permutation(len(groups))]
    return found


def training(model, seed, batches=batches, epochs=UPDATES // CHECK_EVERY):
    """Yields the Progress after every update; its best has the lowest validation loss."""
    score, feeding = MODELS[model]
    params = seq2seq.init(np.random.default_rng(seed), D, V, HIDDEN, score, feeding)
    drawn = dates.draw(np.random.default_rng([1_000_000, seed]), 300)
    validation = as_batch(drawn)
    yield from train.train(
        params,
        partial(batches, seed),
        partial(seq2seq.loss_and_gradient, score=score, feeding=feeding),
        optimizers.adam,
        epochs=epochs,
        learning_rate=LEARNING_RATE,
        clip=CLIP,
        halve=True,
        validate=lambda p: seq2seq.loss(p, validation, score, feeding),
        progress=False,
    )


def right_by_length(examples, right):
    """Returns [characters, number of texts, how many of them were right]."""
    lengths = np.array([len(example.text) for example in examples])
    return [
        [int(n), int((lengths == n).sum()), int(right[lengths == n].sum())]
        for n in np.unique(lengths)
    ]


def one(model, seed):
    curve = []
    for step in training(model, seed):
        if step.validation_loss is not None:
            curve.append(round(step.validation_loss, 5))
    best = step.best
    if model == "general" and seed == 0:  # what is measured is what is kept
        half = tree.map(lambda weight: weight.astype(np.float16), best)
        checkpoint.save(records.FOLDER / "attention_dates.npz", half, {"H": HIDDEN})
        best = tree.map(lambda weight: weight.astype(np.float32), half)
    return {"model": model, "seed": seed, "curve": curve} | measures(model, best)


def measures(model, p, tested=TESTED):
    """Returns how many of held-out dates are right, and where the weight lies."""
    score, feeding = MODELS[model]
    found: dict[str, Any] = {}
    kinds = {"days": dates.FORMATS, "formats": dates.HELD_OUT_FORMATS}
    for what, formats in kinds.items():
        examples = dates.draw(np.random.default_rng(2_000_000), tested, True, formats)
        sources, answers = pairs(examples)
        written, weights = seq2seq.answer(p, sources, STEPS, score, feeding)
        right = np.array(
            [np.array_equal(w, a) for w, a in zip(written, answers, strict=True)]
        )
        found[f"held_out_{what}"] = float(right.mean())
        found[f"{what}_by_length"] = right_by_length(examples, right)
        found[f"{what}_by_format"] = {
            f: float(right[[example.format == f for example in examples]].mean())
            for f in formats
        }
        if score is not None:
            found[f"{what}_aligned"] = aligned(examples, weights)
    return found


def aligned(examples, weights):
    """Returns the mean share of the weight on the right characters, and of an even weight."""
    finished = [(e, w) for e, w in zip(examples, weights, strict=True) if len(w) >= 10]
    even = [np.full((10, len(e.text)), 1 / len(e.text)) for e, _ in finished]
    found = {}
    for name, margin in (("exactly", 0), ("within_one", 1)):
        for what, looked in (("", [w for _, w in finished]), ("_if_even", even)):
            shares = [
                dates.aligned(e, w, margin)
                for (e, _), w in zip(finished, looked, strict=True)
            ]
            found[name + what] = {
                k: float(np.mean([s[k] for s in shares])) for k in shares[0]
            }
    return found


def summary(runs, names, of):
    """Returns {model: {measure: its mean, lowest and highest over the seeds}}."""
    found = {}
    for name in names:
        found[name] = {}
        for measure in of:
            values = [run[measure] for run in runs if run["model"] == name]
            found[name][measure] = {
                "mean": float(np.mean(values)),
                "lowest": min(values),
                "highest": max(values),
            }
    return found


def few_batches(seed, epoch):
    return batches(seed, epoch)[:5]


def witness(name):
    """Returns the losses of two short epochs of each model, and where its weight lies then."""
    losses = []
    for model in MODELS:
        for step in training(model, SEEDS[0], few_batches, epochs=2):
            losses.append(step.loss)
        losses.append(step.validation_loss)
        found = measures(model, step.best, tested=200)
        for shares in found.get("days_aligned", {}).values():
            losses += shares.values()
    return losses


def main():
    run = records.begin("attention_dates")
    wanted = [(model, seed) for seed in SEEDS for model in MODELS]
    runs = [one(model, seed) for model, seed in tqdm(wanted, desc="attention_dates")]
    path = records.write(
        run,
        {
            "summary": summary(runs, MODELS, ("held_out_days", "held_out_formats")),
            "runs": runs,
        },
        settings={
            "hidden": HIDDEN,
            "batch": BATCH,
            "learning_rate": LEARNING_RATE,
            "clip": CLIP,
            "updates": UPDATES,
            "checked_every": CHECK_EVERY,
            "tested": TESTED,
            "precision": "float32",
        },
        seed=list(SEEDS),
        witness=partial(witness, run.name),
    )
    print(path)


RECORDS = {"attention_dates": main}
MINUTES = 4

if __name__ == "__main__":
    command_line.parser(__doc__).parse_args()
    main()
