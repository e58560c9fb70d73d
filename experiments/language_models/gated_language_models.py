"""Language models over gated cells, on the data of Part 2 and within the budget of its plain RNN.

    python -m experiments.language_models.gated_language_models NAME    one NAME_language_model.json

NAME is rnn, lstm, gru, or one of these with _two_layers. A quarter of an hour each; Ctrl-C saves,
and the same command goes on from there. Each has the number of parameters of the pocket model of
``language_model.py`` to 1 %, and its vocabulary, split, batches, optimizer, schedule and seed.
Networks of one layer leave their weights in results/ as well, for looking into.
"""

import functools
import itertools
import math
import sys
from typing import NamedTuple

import numpy as np

from experiments import command_line
from unrolled import records, tree
from unrolled.cells import gru, lstm, rnn
from unrolled.data import text
from unrolled.layers import embedding, stacked
from unrolled.models import language_model
from unrolled.training import checkpoint
from unrolled.training.optimizers import adam
from unrolled.training.train import Diverged, Interrupted, load_best, train

SEED = 0
BUDGET = {
    "batch_size": 64,
    "optimizer": "adam",
    "learning_rate": 0.002,
    "clip": 1.0,
    "halve": True,
    "patience": 3,
    "epochs": 16,
}


class Network(NamedTuple):
    """Layers from the input up, and their width."""

    cells: tuple
    H: int


V = 4000
RUNS = records.ROOT / "_build" / "runs"
SAMPLES = 6
TEMPERATURES = (0.5, 0.8, 1.0)


def main(name, network):
    """Trains a network and records it."""
    run = records.begin(name)
    vocabulary, encoded = prepared()
    params, curve = fit(encoded, network, RUNS / f"{name}.npz")
    found = {
        "layers": [cell.__name__.rpartition(".")[2] for cell in network.cells],
        "parameters": sum(leaf.size for leaf in tree.leaves(params)),
        "curve": curve,
    }
    if len(network.cells) == 2:
        params = tree.map(lambda weight: weight.astype(np.float16), params)
        facts = {
            "words": vocabulary.words[3:],
            "H": network.H,
            "layers": found["layers"],
        }
        checkpoint.save(records.FOLDER / f"{name}.npz", params, facts)
        params = tree.map(lambda weight: weight.astype(np.float32), params)
    cell = stacked.of(*network.cells)
    found["samples"] = sample(params, vocabulary, cell)
    for part in ("validation", "test"):
        loss = mean_loss(params, text.batches(getattr(encoded, part), 64), cell)
        found[part] = {"perplexity": math.exp(loss)}
        print(f"{part} perplexity {found[part]['perplexity']:.2f}")
    path = records.write(
        run,
        found,
        settings=BUDGET | {"V": V, "H": network.H},
        seed=SEED,
        witness=functools.partial(witness, name),
        packages=("numpy", *(p for p in text.PACKAGES if p != "numpy")),
    )
    print(f"wrote {path.relative_to(records.ROOT)}")


def witness(name):
    """Returns the losses of a short run on a small part of the corpus, and some text's lengths."""
    _, network = RECORDS[name]
    vocabulary, encoded = prepared()
    cell = stacked.of(*network.cells)
    few = text.Split(encoded.train[:640], encoded.validation[:64], encoded.test[:64])
    run = training(initial(network), few, network, progress=False)
    *_, last = updates = list(itertools.islice(run, 20))
    return [
        *(update.loss for update in updates),
        last.validation_loss,
        mean_loss(last.best, text.batches(few.test, 64), cell),
        *(
            len(line)
            for lines in sample(last.best, vocabulary, cell).values()
            for line in lines
        ),
    ]


def prepared():
    """Returns the vocabulary and the corpus in ids, as a Split."""
    documents, _ = text.remove_duplicates(text.corpus())
    parts = text.split(documents)
    vocabulary = text.Vocabulary.of(
        [text.tokens(s) for document in parts.train for s in document.sentences], V
    )
    return vocabulary, text.Split(*(text.encode(part, vocabulary) for part in parts))


def training(params, encoded, network, path=None, progress=None):
    """Yields the Progress of each update, as ``train`` does."""
    cell = stacked.of(*network.cells)
    validation = text.batches(encoded.validation, BUDGET["batch_size"])

    def batches(epoch):
        rng = np.random.default_rng([SEED, epoch])
        return text.batches(encoded.train, BUDGET["batch_size"], rng)

    return train(
        params,
        batches,
        lambda p, batch: language_model.loss_and_gradient(p, batch, cell),
        adam,
        epochs=BUDGET["epochs"],
        learning_rate=BUDGET["learning_rate"],
        clip=BUDGET["clip"],
        per_word=False,  # as recorded; objectives.py measures what that costs
        halve=BUDGET["halve"],
        patience=BUDGET["patience"],
        validate=lambda p: mean_loss(p, validation, cell),
        path=path,
        settings=BUDGET | {"V": V, "H": network.H},
        progress=progress,
    )


def fit(encoded, network, path):
    """Returns the parameters with the lowest validation loss, and the curve of the epochs."""
    params = initial(network)
    curve_path = path.with_suffix(".curve.npz")
    curve = checkpoint.load_facts(curve_path)["curve"] if curve_path.is_file() else []
    for progress in training(params, encoded, network, path):
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


def initial(network):
    """Returns random parameters that keep the size of a signal from layer to layer.

    Word vectors have entries of order 1 and W_y lies within ±1/√H. Each layer shrinks its input, so
    that with the small weights of ``language_model.init`` the second would begin all but silent.
    """
    rng, H = np.random.default_rng(SEED), network.H
    return language_model.Params(
        cell=stacked.of(*network.cells).init(rng, V, H, np.float32, input_scale=1.0),
        W_y=rng.uniform(-1, 1, (H, V)).astype(np.float32) / np.float32(np.sqrt(H)),
        b_y=np.zeros(V, np.float32),
    )


def mean_loss(params, batches, cell):
    """Returns the mean loss in nats per word over batches of unequal size."""
    losses, words = zip(
        *(language_model.loss(params, b, cell) for b in batches), strict=True
    )
    return float(np.average(losses, weights=words))


def sample(params, vocabulary, cell):
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
                        cell=cell,
                    )
                )
            )
            for _ in range(SAMPLES)
        ]
        for temperature in TEMPERATURES
    }


RECORDS = {
    "rnn_language_model": (main, Network((embedding, rnn), 99)),
    "lstm_language_model": (main, Network((embedding, lstm), 93)),
    "gru_language_model": (main, Network((embedding, gru), 95)),
    "lstm_two_layers_language_model": (main, Network((embedding, lstm, lstm), 86)),
    "gru_two_layers_language_model": (main, Network((embedding, gru, gru), 90)),
}
ARGUMENTS = {
    "rnn_language_model": ("rnn",),
    "lstm_language_model": ("lstm",),
    "gru_language_model": ("gru",),
    "lstm_two_layers_language_model": ("lstm_two_layers",),
    "gru_two_layers_language_model": ("gru_two_layers",),
}


if __name__ == "__main__":
    of = {argument: name for name, (argument,) in ARGUMENTS.items()}
    parser = command_line.parser(__doc__)
    parser.add_argument("name", choices=[*of], help="which network")
    name = of[parser.parse_args().name]
    make, network = RECORDS[name]
    try:
        make(name, network)
    except (Interrupted, Diverged, OSError, ValueError) as problem:
        sys.exit(f"experiments.language_models.gated_language_models: {problem}")
