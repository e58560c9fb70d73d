"""Copying by way of one vector: symbols right against length, three ways to feed, and attention.

Run: python -m experiments.attention.bottleneck
Writes results/bottleneck.json.
"""

from functools import partial

import numpy as np
from tqdm import tqdm

from experiments import command_line
from unrolled import records
from unrolled.layers import attention
from unrolled.models import seq2seq
from unrolled.training import optimizers, train

SYMBOLS, LONGEST = 10, 20  # lengths 1..LONGEST are trained on
LENGTHS = [*range(1, 21), 22, 24, 26, 28, 30]
HIDDEN, BATCH, LEARNING_RATE, CLIP, UPDATES, CHECK_EVERY = 48, 32, 0.003, 1.0, 2000, 100
SEEDS = range(3)
TESTED = 200
AS_IT_IS, REVERSED, TWICE = (
    lambda source: source,
    lambda source: source[::-1],
    lambda source: np.concatenate([source, source]),
)
MODELS = {  # name: (how the source is fed, score, input feeding)
    "as it is": (AS_IT_IS, None, False),
    "reversed": (REVERSED, None, False),
    "twice": (TWICE, None, False),
    "attention": (AS_IT_IS, attention.general, True),
}


def draw(rng, length, number, feed):
    """Returns (sources as they are fed, answers): the symbols in their order."""
    symbols = rng.integers(0, SYMBOLS, (number, length))
    return [feed(row) for row in symbols], list(symbols)


def as_batch(rng, length, number, feed):
    sources, answers = draw(rng, length, number, feed)
    return seq2seq.pad(sources, answers, SYMBOLS)


def batches(seed, feed, epoch):
    """A length for each batch, so that nothing is padding."""
    rng = np.random.default_rng([seed, epoch])
    lengths = rng.integers(1, LONGEST + 1, CHECK_EVERY)
    return [as_batch(rng, int(n), BATCH, feed) for n in lengths]


def training(model, seed, batches=batches, epochs=UPDATES // CHECK_EVERY):
    """Yields the Progress after every update; its best has the lowest validation loss."""
    feed, score, feeding = MODELS[model]
    params = seq2seq.init(
        np.random.default_rng(seed),
        SYMBOLS,
        SYMBOLS,
        HIDDEN,
        score,
        feeding,
        both_ends=False,
    )
    rng = np.random.default_rng([1_000_000, seed])
    lengths = (2, 5, 8, 11, 14, 17, 20)
    validation = [as_batch(rng, n, 30, feed) for n in lengths]
    yield from train.train(
        params,
        partial(batches, seed, feed),
        partial(seq2seq.loss_and_gradient, score=score, feeding=feeding),
        optimizers.adam,
        epochs=epochs,
        learning_rate=LEARNING_RATE,
        clip=CLIP,
        per_word=False,  # every length counts the same, as in what is reported
        validate=lambda p: np.mean(
            [seq2seq.loss(p, b, score, feeding) for b in validation]
        ),
        progress=False,
    )


def measures(model, p, lengths=LENGTHS, tested=TESTED):
    """Returns the shares of symbols and of whole answers that are right, one for each length."""
    feed, score, feeding = MODELS[model]
    symbols, whole = [], []
    for length in lengths:
        sources, answers = draw(
            np.random.default_rng([2_000_000, length]), length, tested, feed
        )
        written, _ = seq2seq.answer(p, sources, length + 1, score, feeding)
        symbols.append(
            float(np.mean([share(w, a) for w, a in zip(written, answers, strict=True)]))
        )
        same = [np.array_equal(w, a) for w, a in zip(written, answers, strict=True)]
        whole.append(float(np.mean(same)))
    return {"symbols": symbols, "whole": whole}


def one(model, seed):
    curve = []
    for step in training(model, seed):
        if step.validation_loss is not None:
            curve.append(round(step.validation_loss, 4))
    return {"model": model, "seed": seed, "curve": curve} | measures(model, step.best)


def share(written, answer):
    """Returns the share of the answer's symbols that stand at their place."""
    n = min(len(written), len(answer))
    return float((written[:n] == answer[:n]).sum() / len(answer))


def summary(runs):
    """Returns {model: {measure: means over the seeds, one for each length}}."""
    return {
        name: {
            measure: np.mean(
                [r[measure] for r in runs if r["model"] == name], axis=0
            ).tolist()
            for measure in ("symbols", "whole")
        }
        for name in MODELS
    }


def few_batches(seed, feed, epoch):
    return batches(seed, feed, epoch)[:8]


def witness(name):
    """Returns the losses of one short epoch of each model, and how many symbols are right then."""
    losses = []
    for model in MODELS:
        for step in training(model, SEEDS[0], few_batches, epochs=1):
            losses.append(step.loss)
        losses.append(step.validation_loss)
        losses += measures(model, step.best, lengths=LENGTHS[1:4], tested=20)["symbols"]
    return losses


def main():
    run = records.begin("bottleneck")
    wanted = [(model, seed) for seed in SEEDS for model in MODELS]
    runs = [one(model, seed) for model, seed in tqdm(wanted, desc="bottleneck")]
    path = records.write(
        run,
        {
            "chance": 1 / SYMBOLS,
            "lengths": LENGTHS,
            "trained_up_to": LONGEST,
            "summary": summary(runs),
            "runs": runs,
        },
        settings={
            "symbols": SYMBOLS,
            "hidden": HIDDEN,
            "batch": BATCH,
            "learning_rate": LEARNING_RATE,
            "clip": CLIP,
            "updates": UPDATES,
            "tested_per_length": TESTED,
            "precision": "float32",
        },
        seed=list(SEEDS),
        witness=partial(witness, run.name),
    )
    print(path)


RECORDS = {"bottleneck": main}
MINUTES = 4

if __name__ == "__main__":
    command_line.parser(__doc__).parse_args()
    main()
