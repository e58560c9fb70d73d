"""Questions that need one sentence of a story, or two: memory networks of one to three reads.

    python -m experiments.attention.memory_network     results/memory_network.json and .npz

10,000 stories to learn from and 2,000 to be asked about, none of them in both. The weights of two
reads on two facts, seed 0, are kept. A few minutes.
"""

import time
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from experiments import command_line
from unrolled import records
from unrolled.data import stories
from unrolled.models import memory_network
from unrolled.training import checkpoint, optimizers

SEEDS = range(5)
STORIES, TEST, SHORTEST, LONGEST = 10_000, 2000, 4, 12
EMBEDDING, BATCH = 32, 32
UPDATES, LEARNING_RATE, CLIP = 10_000, 0.003, 10.0
CHECK_EVERY = 500
RUNS = {
    "one fact, 1 read": (1, 1),
    "two facts, 1 read": (2, 1),
    "two facts, 2 reads": (2, 2),
    "two facts, 3 reads": (2, 3),
}
KEPT = "two facts, 2 reads"
SETTINGS = {
    "stories": STORIES,
    "test_stories": TEST,
    "shortest": SHORTEST,
    "longest": LONGEST,
    "embedding": EMBEDDING,
    "batch": BATCH,
    "updates": UPDATES,
    "optimizer": "adam",
    "learning_rate": LEARNING_RATE,
    "clip": CLIP,
    "precision": "float32",
    "schedule": "constant for the first half, then linearly to 0",
}


def told(batch):
    """Returns the story texts of a batch as a set of bytes, to see whether one is in two sets."""
    return {
        bags[mask].tobytes() + question.tobytes()
        for bags, mask, question in zip(
            batch.bags, batch.mask, batch.questions, strict=True
        )
    }


def data(facts, number=STORIES, test_number=TEST):
    """Returns (stories to learn from, stories to be asked about)."""
    train = stories.draw(
        np.random.default_rng([0, facts]), facts, number, SHORTEST, LONGEST
    )
    test = stories.draw(
        np.random.default_rng([1, facts]), facts, test_number, SHORTEST, LONGEST
    )
    seen = told(train)
    new = [b for b in range(test_number) if not told(stories.rows(test, [b])) & seen]
    return train, stories.rows(test, new)


def baselines(train, test):
    """Returns the accuracy of answers that do not use the question."""
    places = np.array([stories.VOCABULARY.ids[place] for place in stories.PLACES])
    commonest = np.bincount(train.answers).argmax()
    named = test.bags[:, :, places] > 0  # (B, S, places)
    age = np.arange(named.shape[1])[:, None]
    last_named = places[np.where(named, age, -1).max(axis=1).argmax(axis=1)]
    return {
        "always the commonest answer": float((test.answers == commonest).mean()),
        "the place named last": float((test.answers == last_named).mean()),
    }


def looks(p, test):
    """Returns, for each read and each fact, how often the largest weight is on the fact."""
    _, cache = memory_network.forward(p, test.bags, test.questions, test.mask)
    at = cache.weights.argmax(axis=-1)
    return [[float((read == fact).mean()) for fact in test.facts.T] for read in at]


class Update(NamedTuple):
    """How training stands after an update."""

    params: Any
    loss: float  # of its batch, before it


def training(reads, seed, train, updates=UPDATES):
    """Yields an Update after every update."""
    rng = np.random.default_rng([seed, 2])
    p = memory_network.init(rng, len(stories.VOCABULARY), LONGEST, EMBEDDING, reads)
    state = None
    for update in range(updates):
        batch = stories.rows(train, rng.integers(0, len(train.answers), BATCH))
        loss, gradients = memory_network.loss_and_gradient(p, batch)
        gradients, _ = optimizers.clip_by_global_norm(gradients, CLIP)
        rate = LEARNING_RATE * min(1.0, 2 * (1 - update / updates))
        p, state = optimizers.adam(p, gradients, state, rate)
        yield Update(p, loss)


def one(reads, seed, train, test):
    since, curve = [], []
    start = time.process_time()
    for step in training(reads, seed, train):
        since.append(step.loss)
        if len(since) == CHECK_EVERY:
            curve.append(round(float(np.mean(since)), 5))
            since = []
    p = step.params
    return p, {
        "seed": seed,
        "accuracy": memory_network.accuracy(p, test),
        "accuracy_on_training_stories": memory_network.accuracy(p, train),
        "looks_at_fact": looks(p, test),
        "loss": curve,
        "seconds": round(time.process_time() - start, 1),
    }


def witness(name):
    """Returns the losses of a few updates of each model, and what it answers and looks at then."""
    losses = []
    for facts, reads in RUNS.values():
        train, test = data(facts, 500, 50)
        for step in training(reads, SEEDS[0], train, updates=10):
            losses.append(step.loss)
        losses.append(memory_network.accuracy(step.params, test))
        losses += np.ravel(looks(step.params, test)).tolist()
        losses += baselines(train, test).values()
    return losses


def main():
    run = records.begin("memory_network")
    sets = {facts: data(facts) for facts in (1, 2)}
    runs = []
    for name, (facts, reads) in RUNS.items():
        for seed in SEEDS:
            p, happened = one(reads, seed, *sets[facts])
            runs.append({"model": name} | happened)
            print(f"{name}, seed {seed}: {happened['accuracy']:.4f}", flush=True)
            if name == KEPT and seed == 0:
                checkpoint.save(records.FOLDER / "memory_network.npz", p, SETTINGS)
    summary = {}
    for name in RUNS:
        found = [run["accuracy"] for run in runs if run["model"] == name]
        summary[name] = {
            "mean": float(np.mean(found)),
            "lowest": min(found),
            "highest": max(found),
        }
    path = records.write(
        run,
        {
            "checked_every": CHECK_EVERY,
            "test_stories": {
                str(f): len(test.answers) for f, (_, test) in sets.items()
            },
            "baselines": {str(f): baselines(*pair) for f, pair in sets.items()},
            "summary": summary,
            "runs": runs,
        },
        settings=SETTINGS,
        seed=list(SEEDS),
        witness=partial(witness, run.name),
    )
    print(path)


RECORDS = {"memory_network": main}
MINUTES = 3

if __name__ == "__main__":
    command_line.parser(__doc__).parse_args()
    main()
