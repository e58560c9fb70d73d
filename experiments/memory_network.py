"""Questions that need one sentence of a story, or two: memory networks of one to three reads.

    python -m experiments.memory_network     results/memory_network.json and .npz

10,000 stories to learn from and 2,000 to be asked about, none of them in both. The weights of two
reads on two facts, seed 0, are kept. A few minutes.
"""

import time

import numpy as np

from unrolled import checkpoint, memory_network, optimizers, records, stories

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
    "stories": STORIES, "test_stories": TEST, "shortest": SHORTEST, "longest": LONGEST,
    "embedding": EMBEDDING, "batch": BATCH, "updates": UPDATES, "optimizer": "adam",
    "learning_rate": LEARNING_RATE, "clip": CLIP, "precision": "float32",
    "schedule": "constant for the first half, then linearly to 0",
}  # fmt: skip
CODE = records.Code.now(
    "experiments/memory_network.py",
    *(
        f"code/unrolled/{name}.py"
        for name in "functional attention memory_network stories text optimizers tree".split()
    ),
)


def told(batch):
    """Returns the story texts of a batch as a set of bytes, to see whether one is in two sets."""
    return {
        bags[mask].tobytes() + question.tobytes()
        for bags, mask, question in zip(batch.bags, batch.mask, batch.questions, strict=True)
    }


def data(facts):
    """Returns (stories to learn from, stories to be asked about)."""
    train = stories.draw(np.random.default_rng([0, facts]), facts, STORIES, SHORTEST, LONGEST)
    test = stories.draw(np.random.default_rng([1, facts]), facts, TEST, SHORTEST, LONGEST)
    seen = told(train)
    new = [b for b in range(TEST) if not told(stories.rows(test, [b])) & seen]
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


def one(facts, reads, seed, train, test):
    rng = np.random.default_rng([seed, 2])
    p = memory_network.init(rng, len(stories.VOCABULARY), LONGEST, EMBEDDING, reads)
    state, since, curve = None, [], []
    start = time.process_time()
    for update in range(UPDATES):
        batch = stories.rows(train, rng.integers(0, len(train.answers), BATCH))
        loss, gradients = memory_network.loss_and_gradient(p, batch)
        gradients, _ = optimizers.clip_by_global_norm(gradients, CLIP)
        rate = LEARNING_RATE * min(1.0, 2 * (1 - update / UPDATES))
        p, state = optimizers.adam(p, gradients, state, rate)
        since.append(loss)
        if (update + 1) % CHECK_EVERY == 0:
            curve.append(round(float(np.mean(since)), 5))
            since = []
    return p, {
        "seed": seed,
        "accuracy": memory_network.accuracy(p, test),
        "accuracy_on_training_stories": memory_network.accuracy(p, train),
        "looks_at_fact": looks(p, test),
        "loss": curve,
        "seconds": round(time.process_time() - start, 1),
    }


def main():
    sets = {facts: data(facts) for facts in (1, 2)}
    runs = []
    for name, (facts, reads) in RUNS.items():
        for seed in SEEDS:
            p, happened = one(facts, reads, seed, *sets[facts])
            runs.append({"model": name} | happened)
            print(f"{name}, seed {seed}: {happened['accuracy']:.4f}", flush=True)
            if name == KEPT and seed == 0:
                checkpoint.save(records.FOLDER / "memory_network.npz", p, SETTINGS)
    summary = {}
    for name in RUNS:
        found = [run["accuracy"] for run in runs if run["model"] == name]
        summary[name] = {
            "mean": float(np.mean(found)), "lowest": min(found), "highest": max(found)
        }  # fmt: skip
    path = records.write(
        "memory_network",
        {
            "checked_every": CHECK_EVERY,
            "test_stories": {str(f): len(test.answers) for f, (_, test) in sets.items()},
            "baselines": {str(f): baselines(*pair) for f, pair in sets.items()},
            "summary": summary,
            "runs": runs,
        },
        code=CODE,
        settings=SETTINGS,
        seed=list(SEEDS),
    )
    print(path)


if __name__ == "__main__":
    main()
