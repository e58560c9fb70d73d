"""The loss per word and the mean of batch means: the same training with one or the other.

    python -m experiments.language_models.objectives            results/objectives.json

Batches hold sentences of similar length. A training that gives every batch the same weight gives
a word of a short sentence more weight than a word of a long one; see ``train``. A small network
on a quarter of the corpus, six seeds for each objective. A few minutes; Ctrl-C saves.
"""

import functools
import itertools
import math
import sys
from typing import Any

import numpy as np

from experiments import command_line
from experiments.language_models import language_model as experiment
from unrolled import records
from unrolled.data import text
from unrolled.models import language_model
from unrolled.training import checkpoint
from unrolled.training.train import Diverged, Interrupted, load_best

SEEDS = (0, 1, 2, 3, 4, 5)
SETTINGS: dict[str, Any] = experiment.TRAINING | {
    "V": 2000,
    "H": 64,
    "epochs": 12,
    "share": 1 / 4,
}
OBJECTIVES = {"per word": True, "per batch": False}
LENGTHS = (
    (1, 8),
    (9, 16),
    (17, 32),
    (33, 1000),
)  # words of a sentence, its end included


def main():
    run = records.begin("objectives")
    encoded, documents = prepared()
    found = {
        objective: [trained(encoded, objective, seed) for seed in SEEDS]
        for objective in OBJECTIVES
    }
    sentences = np.array([len(ids) - 1 for ids in encoded.validation])
    written = records.write(
        run,
        {
            "objectives": found,
            "documents": documents,
            "words": int(sum(len(ids) - 1 for ids in encoded.train)),
            "lengths": [
                {"from": low, "to": high, "words": words_between(sentences, low, high)}
                for low, high in LENGTHS
            ],
        },
        settings=SETTINGS,
        seed=list(SEEDS),
        witness=functools.partial(witness, run.name),
        packages=("numpy", *(p for p in text.PACKAGES if p != "numpy")),
    )
    print(f"wrote {written}")


def witness(name):
    """Returns the losses of the first updates on few sentences, for each objective."""
    encoded, _ = prepared()
    few = text.Split(encoded.train[:640], encoded.validation[:64], encoded.test[:64])
    losses = []
    for objective in OBJECTIVES:
        params = experiment.initial(SETTINGS)
        run = experiment.training(params, few, settings(objective), progress=False)
        *_, last = updates = list(itertools.islice(run, 20))
        losses += [*(update.loss for update in updates), last.validation_loss]
        losses += measure(last.best, few)["lengths"]
    return losses


def prepared():
    """Returns a share of the training documents, all others, in ids; and how many documents."""
    documents, _ = text.remove_duplicates(text.corpus())
    parts = text.split(documents)
    some = parts._replace(train=parts.train[:: round(1 / SETTINGS["share"])])
    vocabulary = text.Vocabulary.of(
        [text.tokens(s) for document in some.train for s in document.sentences],
        SETTINGS["V"],
    )
    encoded = text.Split(*(text.encode(part, vocabulary) for part in some))
    return encoded, len(some.train)


def settings(objective):
    """Returns the settings of a training with this objective."""
    return SETTINGS | {"per_word": OBJECTIVES[objective]}


def trained(encoded, objective, seed):
    """Returns what one training came to: its curve, and the perplexities of its best weights."""
    params = experiment.initial(SETTINGS, seed)
    path = experiment.RUNS / f"objectives-{objective.replace(' ', '-')}-{seed}.npz"
    run = experiment.training(params, encoded, settings(objective), path, seed=seed)
    for progress in run:
        if progress.train_loss is not None:
            print(
                f"{objective}, seed {seed}, epoch {progress.epoch + 1}:"
                f" {math.exp(progress.validation_loss):.2f} validation",
                flush=True,
            )
    best = load_best(path, params)
    return {"seed": seed, "steps": progress_of(path)["step"]} | measure(best, encoded)


def progress_of(path):
    """Returns the counters that a checkpoint holds."""
    return checkpoint.load_facts(path)["at"]


def measure(params, encoded):
    """Returns perplexities on the validation and test parts, and by the length of a sentence.

    ``of_batch_means`` is what the training with equal weights minimises: the exponential of the
    mean over batches of their mean losses.
    """
    validation = text.batches(encoded.validation, SETTINGS["batch_size"])
    means = [language_model.loss(params, batch)[0] for batch in validation]
    return {
        "validation": {"perplexity": experiment.perplexity(params, encoded.validation)},
        "test": {"perplexity": experiment.perplexity(params, encoded.test)},
        "of_batch_means": math.exp(float(np.mean(means))),
        "lengths": [
            experiment.perplexity(params, found)
            for low, high in LENGTHS
            if (
                found := [
                    ids for ids in encoded.validation if low <= len(ids) - 1 <= high
                ]
            )
        ],
    }


def words_between(lengths, low, high):
    """Returns how many words the sentences of these lengths hold."""
    return int(lengths[(low <= lengths) & (lengths <= high)].sum())


RECORDS = {"objectives": main}
MINUTES = 15


if __name__ == "__main__":
    command_line.parser(__doc__).parse_args()
    try:
        main()
    except (Interrupted, Diverged, OSError, ValueError) as problem:
        sys.exit(f"experiments.language_models.objectives: {problem}")
