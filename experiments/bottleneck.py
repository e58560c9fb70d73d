"""Copying by way of one vector: symbols right against length, three ways to feed, and attention.

Run: python -m experiments.bottleneck
Writes results/bottleneck.json.
"""

from functools import partial

import numpy as np
from tqdm import tqdm

from unrolled import attention, optimizers, records, seq2seq, train

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
CODE = records.Code.now(
    "experiments/bottleneck.py",
    *(
        f"code/unrolled/{name}.py"
        for name in (
            "attention", "bidirectional", "functional", "gru", "optimizers", "padding", "seq2seq",
            "train", "tree",
        )
    ),
)  # fmt: skip


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


def one(name, seed):
    feed, score, feeding = MODELS[name]
    params = seq2seq.init(
        np.random.default_rng(seed), SYMBOLS, SYMBOLS, HIDDEN, score, feeding, both_ends=False
    )
    rng = np.random.default_rng([1_000_000, seed])
    lengths = (2, 5, 8, 11, 14, 17, 20)
    validation = [as_batch(rng, n, 30, feed) for n in lengths]
    curve = []
    for step in train.train(
        params,
        partial(batches, seed, feed),
        partial(seq2seq.loss_and_gradient, score=score, feeding=feeding),
        optimizers.adam,
        epochs=UPDATES // CHECK_EVERY,
        learning_rate=LEARNING_RATE,
        clip=CLIP,
        validate=lambda p: np.mean([seq2seq.loss(p, b, score, feeding) for b in validation]),
        progress=False,
    ):
        if step.validation_loss is not None:
            curve.append(round(step.validation_loss, 4))
    symbols, whole = [], []
    for length in LENGTHS:
        sources, answers = draw(np.random.default_rng([2_000_000, length]), length, TESTED, feed)
        written, _ = seq2seq.answer(step.best, sources, length + 1, score, feeding)
        symbols.append(float(np.mean([share(w, a) for w, a in zip(written, answers, strict=True)])))
        same = [np.array_equal(w, a) for w, a in zip(written, answers, strict=True)]
        whole.append(float(np.mean(same)))
    return {"model": name, "seed": seed, "curve": curve, "symbols": symbols, "whole": whole}


def share(written, answer):
    """Returns the share of the answer's symbols that stand at their place."""
    n = min(len(written), len(answer))
    return float((written[:n] == answer[:n]).sum() / len(answer))


def summary(runs):
    """Returns {model: {measure: means over the seeds, one for each length}}."""
    return {
        name: {
            measure: np.mean([r[measure] for r in runs if r["model"] == name], axis=0).tolist()
            for measure in ("symbols", "whole")
        }
        for name in MODELS
    }


if __name__ == "__main__":
    wanted = [(name, seed) for seed in SEEDS for name in MODELS]
    runs = [one(name, seed) for name, seed in tqdm(wanted, desc="bottleneck")]
    path = records.write(
        "bottleneck",
        {"chance": 1 / SYMBOLS, "lengths": LENGTHS, "trained_up_to": LONGEST,
         "summary": summary(runs), "runs": runs},
        code=CODE,
        settings={
            "symbols": SYMBOLS, "hidden": HIDDEN, "batch": BATCH, "learning_rate": LEARNING_RATE,
            "clip": CLIP, "updates": UPDATES, "tested_per_length": TESTED, "precision": "float32",
        },
        seed=list(SEEDS),
    )  # fmt: skip
    print(path)
