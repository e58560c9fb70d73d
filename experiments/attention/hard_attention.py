"""Dates with soft, local and hard attention: how fast each learns, how far estimates scatter.

Run: python -m experiments.attention.hard_attention
Writes results/hard_attention.json.
"""

from functools import partial
from typing import Any

import numpy as np
from tqdm import tqdm

from experiments import command_line
from experiments.attention import attention_dates as task
from unrolled import records, tree
from unrolled.data import dates
from unrolled.layers import attention
from unrolled.models import hard_attention, local_attention, seq2seq
from unrolled.training import optimizers, train

SCORE = attention.general
RADIUS = 3
UPDATES, CHECK_EVERY = 600, 100
SEEDS = range(3)
TESTED = 300
DRAWS = 60  # for each variance
METHODS = ("soft", "local", "summed", "baseline", "plain")  # the last three are hard


def gradients(method, seed):
    """Returns the method's loss_and_gradient."""
    rng = np.random.default_rng([3_000_000, seed])
    estimate = partial(hard_attention.loss_and_gradient, rng=rng, score=SCORE)
    return {
        "soft": partial(seq2seq.loss_and_gradient, score=SCORE, feeding=False),
        "local": partial(local_attention.loss_and_gradient, radius=RADIUS, score=SCORE),
        "summed": partial(hard_attention.exact, score=SCORE),
        "baseline": partial(estimate, baseline=True),
        "plain": partial(estimate, baseline=False),
    }[method]


def decoder(method):
    """Returns the decoder's step for answers."""
    own = {
        "soft": seq2seq.decode,
        "local": partial(local_attention.decode, radius=RADIUS),
    }
    return own.get(method, hard_attention.decode)


def training(method, seed, batches=task.batches, epochs=UPDATES // CHECK_EVERY):
    """Yields the Progress after every update."""
    rng = np.random.default_rng(seed)
    params = seq2seq.init(rng, task.D, task.V, task.HIDDEN, SCORE, feeding=False)
    if method == "local":
        params = local_attention.of(rng, params)
    yield from train.train(
        params,
        partial(batches, seed),
        gradients(method, seed),
        optimizers.adam,
        epochs=epochs,
        learning_rate=task.LEARNING_RATE,
        clip=task.CLIP,
        progress=False,
    )


def right(method, p, tested=TESTED):
    """Returns the share of held-out dates that are right."""
    drawn = dates.draw(np.random.default_rng(2_000_000), tested, held_out=True)
    sources, answers = task.pairs(drawn)
    found = seq2seq.exactly_right(
        p, sources, answers, task.STEPS, SCORE, False, decoder(method)
    )
    return float(found.mean())


def one(method, seed):
    found = {"method": method, "seed": seed, "updates": [], "right": []}
    if method == "baseline":
        found["scatter"] = []
    for step in training(method, seed):
        if step.step % CHECK_EVERY == 0:
            found["updates"].append(step.step)
            found["right"].append(right(method, step.params))
            if method == "baseline" and step.step in (100, 300, 600):
                found["scatter"].append(
                    {"update": step.step} | scatter(step.params, seed)
                )
    return found


def scatter(p, seed, draws=DRAWS):
    """Returns the variance of both estimates on one batch, relative to the squared gradient.

    What is drawn enters the parameters of the score only through the estimate's second term, and
    the others through both; the variance is that of all parameters together.
    """
    batch = task.as_batch(
        dates.draw(np.random.default_rng([4_000_000, seed]), task.BATCH)
    )
    _, exact = hard_attention.exact(p, batch, SCORE)
    size = sum(
        float((leaf.astype(np.float64) ** 2).sum()) for leaf in tree.leaves(exact)
    )
    found = {}
    for name, baseline in (("baseline", True), ("plain", False)):
        rng = np.random.default_rng([5_000_000, seed])
        total = 0.0
        for _ in range(draws):
            _, dp = hard_attention.loss_and_gradient(p, batch, rng, SCORE, baseline)
            pairs = zip(tree.leaves(dp), tree.leaves(exact), strict=True)
            total += sum(
                float(((a - b).astype(np.float64) ** 2).sum()) for a, b in pairs
            )
        found[name] = total / draws / size  # the estimate's mean is the exact gradient
    return found


def summary(runs):
    """Returns {method: means over the seeds, and the lowest and highest at the end}."""
    found: dict[str, Any] = {}
    for method in METHODS:
        right = np.array([run["right"] for run in runs if run["method"] == method])
        found[method] = {
            "right": right.mean(axis=0).tolist(),
            "mean": float(right[:, -1].mean()),
            "lowest": float(right[:, -1].min()),
            "highest": float(right[:, -1].max()),
        }
    scatters = [run["scatter"] for run in runs if run["method"] == "baseline"]
    found["scatter"] = [
        {
            key: float(np.mean([scatter[i][key] for scatter in scatters]))
            for key in scatters[0][0]
        }
        for i in range(len(scatters[0]))
    ]
    return found


def witness(name):
    """Returns the losses of a few updates by each method, and how far the estimates scatter."""
    losses = []
    for method in METHODS:
        for step in training(method, SEEDS[0], task.few_batches, epochs=1):
            losses.append(step.loss)
        losses.append(right(method, step.params, tested=20))
        if method == "baseline":
            losses += scatter(step.params, SEEDS[0], draws=3).values()
    return losses


def main():
    run = records.begin("hard_attention")
    wanted = [(method, seed) for seed in SEEDS for method in METHODS]
    runs = [one(method, seed) for method, seed in tqdm(wanted, desc="hard_attention")]
    path = records.write(
        run,
        {"summary": summary(runs), "runs": runs},
        settings={
            "score": SCORE.name,
            "radius": RADIUS,
            "hidden": task.HIDDEN,
            "batch": task.BATCH,
            "learning_rate": task.LEARNING_RATE,
            "clip": task.CLIP,
            "updates": UPDATES,
            "tested": TESTED,
            "draws": DRAWS,
            "precision": "float32",
        },
        seed=list(SEEDS),
        witness=partial(witness, run.name),
    )
    print(path)


RECORDS = {"hard_attention": main}
MINUTES = 3

if __name__ == "__main__":
    command_line.parser(__doc__).parse_args()
    main()
