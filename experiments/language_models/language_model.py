"""The language models of Part 2, trained in full and recorded.

    python -m experiments.language_models.language_model            results/language_model.json
    python -m experiments.language_models.language_model --pocket   a small one, with its weights

An hour or so; Ctrl-C saves, and the same command goes on from there. With ``--text FILE`` (plain
text, or CSV with a column ``body``) it trains on the reader's own text and records nothing.
"""

import functools
import itertools
import math
import sys
from pathlib import Path

import numpy as np

from experiments import command_line
from unrolled import records, tree
from unrolled.data import ngram, text
from unrolled.models import language_model
from unrolled.training import checkpoint
from unrolled.training.optimizers import adam
from unrolled.training.train import Diverged, Interrupted, load_best, train

SEED = 0
TRAINING = {
    "batch_size": 64,
    "optimizer": "adam",
    "learning_rate": 0.002,
    "clip": 1.0,
    "halve": True,
    "patience": 3,
    "epochs": 16,
}
# The full model was trained with equal weights of batches; objectives.py measures what that costs.
FULL = {"V": 8000, "H": 200} | TRAINING
POCKET = {"V": 4000, "H": 100} | TRAINING | {"per_word": True}
RUNS = records.ROOT / "_build" / "runs"
SAMPLES = 6
TEMPERATURES = (0.5, 0.8, 1.0)


def main(name, settings):
    """Trains a model on the book's corpus and records it."""
    run = records.begin(name)
    documents, removed = text.remove_duplicates(text.corpus())
    parts, vocabulary, encoded = prepared(documents, settings["V"])
    baselines = measure_baselines(encoded, settings["V"])
    for model, perplexities in baselines.items():
        print(f"{model}: {perplexities['validation']:.1f} validation", flush=True)
    params, curve = fit(encoded, settings, RUNS / f"{name}.npz")
    found = {
        "corpus": describe(parts, encoded, removed, vocabulary),
        "baselines": baselines,
        "curve": curve,
        "parameters": sum(leaf.size for leaf in tree.leaves(params)),
        "samples": sample(params, vocabulary),
    }
    if name == "pocket_language_model":
        params = tree.map(lambda weight: weight.astype(np.float16), params)
        facts = {"words": vocabulary.words[3:], "H": settings["H"]}
        checkpoint.save(records.FOLDER / f"{name}.npz", params, facts)
        params = tree.map(lambda weight: weight.astype(np.float32), params)
    found |= measure(params, encoded)
    written = records.write(
        run,
        found,
        settings=settings,
        seed=SEED,
        witness=functools.partial(witness, name),
        packages=("numpy", *(p for p in text.PACKAGES if p != "numpy")),
    )
    print(f"wrote {written}")


def train_on_own_text(path, settings):
    """Trains a model on the reader's text; records nothing."""
    documents, _ = text.remove_duplicates(text.read(path))
    _, _, encoded = prepared(documents, settings["V"])
    weights = RUNS / f"{Path(path).stem}-{settings['V']}-{settings['H']}.npz"
    params, _ = fit(encoded, settings, weights)
    measure(params, encoded)


def witness(name):
    """Returns the losses of a short run on a small part of the corpus, its baselines, and more.

    The last numbers are the lengths of the sentences that it then draws.
    """
    _, settings = RECORDS[name]
    documents, _ = text.remove_duplicates(text.corpus())
    _, vocabulary, encoded = prepared(documents, settings["V"])
    few = text.Split(encoded.train[:640], encoded.validation[:64], encoded.test[:64])
    run = training(initial(settings), few, settings, progress=False)
    *_, last = updates = list(itertools.islice(run, 20))
    baselines = measure_baselines(few, settings["V"])
    return [
        *(update.loss for update in updates),
        last.validation_loss,
        mean_loss(last.best, text.batches(few.test, 64)),
        *(perplexity for part in baselines.values() for perplexity in part.values()),
        *(
            len(line)
            for lines in sample(last.best, vocabulary).values()
            for line in lines
        ),
    ]


def prepared(documents, V):
    """Returns the documents as a Split, the vocabulary of its training part, the Split in ids."""
    parts = text.split(documents)
    vocabulary = text.Vocabulary.of(
        [text.tokens(s) for document in parts.train for s in document.sentences], V
    )
    return (
        parts,
        vocabulary,
        text.Split(*(text.encode(part, vocabulary) for part in parts)),
    )


def initial(settings, seed=SEED):
    """Returns the parameters before training."""
    return language_model.init(
        np.random.default_rng(seed), settings["V"], settings["H"]
    )


def training(params, encoded, settings, path=None, progress=None, seed=SEED):
    """Yields the Progress of each update, as ``train`` does; the seed orders the batches."""
    validation = text.batches(encoded.validation, settings["batch_size"])

    def batches(epoch):
        rng = np.random.default_rng([seed, epoch])
        return text.batches(encoded.train, settings["batch_size"], rng)

    return train(
        params,
        batches,
        language_model.loss_and_gradient,
        adam,
        epochs=settings["epochs"],
        learning_rate=settings["learning_rate"],
        clip=settings["clip"],
        per_word=settings.get("per_word", False),
        halve=settings["halve"],
        patience=settings["patience"],
        validate=lambda p: mean_loss(p, validation),
        path=path,
        settings=settings,
        progress=progress,
    )


def fit(encoded, settings, path):
    """Returns the parameters with the lowest validation loss, and the curve of the epochs."""
    params = initial(settings)
    curve_path = path.with_suffix(".curve.npz")
    curve = checkpoint.load_facts(curve_path)["curve"] if curve_path.is_file() else []
    for progress in training(params, encoded, settings, path):
        if progress.train_loss is not None:
            curve = [point for point in curve if point["epoch"] < progress.epoch + 1]
            curve.append(
                {
                    "epoch": progress.epoch + 1,
                    "train_loss": progress.train_loss,
                    "validation_loss": progress.validation_loss,
                    "learning_rate": progress.learning_rate,
                }
            )
            checkpoint.save(curve_path, (), {"curve": curve})
            print(
                f"epoch {progress.epoch + 1}: perplexity {math.exp(progress.train_loss):.1f} train,"
                f" {math.exp(progress.validation_loss):.1f} validation",
                flush=True,
            )
    return load_best(path, params), curve


def mean_loss(params, batches):
    """Returns the mean loss in nats per word over batches of unequal size."""
    losses, words = zip(*(language_model.loss(params, b) for b in batches), strict=True)
    return float(np.average(losses, weights=words))


def perplexity(params, encoded):
    return math.exp(mean_loss(params, text.batches(encoded, 64)))


def measure(params, encoded):
    """Returns the perplexities on what the model was not trained on, and prints them."""
    found = {}
    for part in ("validation", "test"):
        found[part] = {"perplexity": perplexity(params, getattr(encoded, part))}
        print(f"{part} perplexity {found[part]['perplexity']:.2f}")
    return found


def measure_baselines(encoded, V):
    """Returns the perplexities of n-grams on the same split and the same vocabulary."""
    found = {"uniform": {"validation": V, "test": V}}
    for n, name in enumerate(
        ("unigram", "bigram", "trigram", "fourgram", "fivegram"), start=1
    ):
        model = ngram.fit(encoded.train, V, n)
        found[name] = {
            part: ngram.perplexity(model, getattr(encoded, part))
            for part in ("validation", "test")
        }
    return found


def describe(parts, encoded, removed, vocabulary):
    """Returns the sizes of the corpus, part by part."""
    found = {"duplicate_sentences_removed": removed}
    for name, documents, sentences in zip(parts._fields, parts, encoded, strict=True):
        ids = np.concatenate([sentence[1:] for sentence in sentences])
        found[name] = {
            "documents": len(documents),
            "sentences": len(sentences),
            "words": len(ids),
            "unknown_share": float(np.mean(ids == vocabulary.unknown)),
        }
    return found


def sample(params, vocabulary):
    """Returns sentences at several temperatures, the first that come, none picked."""
    rng = np.random.default_rng(SEED)
    return {
        str(temperature): [
            text.join(
                vocabulary.decode(
                    language_model.generate(
                        params,
                        rng,
                        vocabulary.start,
                        vocabulary.end,
                        forbidden=(vocabulary.unknown, vocabulary.start),
                        temperature=temperature,
                        minimum=4,
                    )
                )
            )
            for _ in range(SAMPLES)
        ]
        for temperature in TEMPERATURES
    }


RECORDS = {"language_model": (main, FULL), "pocket_language_model": (main, POCKET)}
MINUTES = {
    "pocket_language_model": 15,
    "language_model": 60,
}
ARGUMENTS = {"pocket_language_model": ("--pocket",)}


if __name__ == "__main__":
    parser = command_line.parser(__doc__)
    parser.add_argument("--pocket", action="store_true", help="the small model")
    parser.add_argument("--text", metavar="FILE", help="train on this text instead")
    arguments = parser.parse_args()
    name = "pocket_language_model" if arguments.pocket else "language_model"
    make, settings = RECORDS[name]
    try:
        if arguments.text:
            train_on_own_text(arguments.text, settings)
        else:
            make(name, settings)
    except (Interrupted, Diverged, OSError, ValueError) as problem:
        sys.exit(f"experiments.language_models.language_model: {problem}")
