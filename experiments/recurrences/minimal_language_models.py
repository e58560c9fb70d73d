"""Language models over minimal GRUs and LSTMs, beside the GRU and the LSTM of Part 4.

Run: python -m experiments.recurrences.minimal_language_models
Writes results/minimal_language_models.json. About three hours on one core; it can be stopped and
run again: finished trainings are kept.

Corpus, split, vocabulary, batches, optimizer, schedule and first weights are those of
``gated_language_models``, and so is the number of parameters, to 1 %. Every network is trained with
three seeds, which choose the first weights and the order of the batches.
"""

import functools
import hashlib
import itertools
import json
import math

import numpy as np

from experiments.language_models import gated_language_models as part_4
from unrolled import records, tree
from unrolled.cells import gru, lstm, min_gru, min_lstm
from unrolled.data import text
from unrolled.files import write_whole
from unrolled.layers import embedding, stacked
from unrolled.models import language_model
from unrolled.training.optimizers import adam
from unrolled.training.train import train

SEEDS = range(3)
V, BUDGET, Network = part_4.V, part_4.BUDGET, part_4.Network
NETWORKS = {
    "gru": Network((embedding, gru), 95),
    "lstm": Network((embedding, lstm), 93),
    "min_gru": Network((embedding, min_gru), 99),
    "min_lstm": Network((embedding, min_lstm), 98),
    "min_gru, two layers": Network((embedding, min_gru, min_gru), 97),
    "min_lstm, two layers": Network((embedding, min_lstm, min_lstm), 95),
}


def initial(network, seed):
    """Returns random parameters, drawn as in ``gated_language_models.initial``."""
    rng, H = np.random.default_rng(seed), network.H
    return language_model.Params(
        cell=stacked.of(*network.cells).init(rng, V, H, np.float32, input_scale=1.0),
        W_y=rng.uniform(-1, 1, (H, V)).astype(np.float32) / np.float32(np.sqrt(H)),
        b_y=np.zeros(V, np.float32),
    )


def training(network, seed, encoded):
    """Yields the Progress of each update, as ``train`` does."""
    cell = stacked.of(*network.cells)
    validation = text.batches(encoded.validation, BUDGET["batch_size"])

    def batches(epoch):
        rng = np.random.default_rng([seed, epoch])
        return text.batches(encoded.train, BUDGET["batch_size"], rng)

    return train(
        initial(network, seed),
        batches,
        functools.partial(language_model.loss_and_gradient, cell=cell),
        adam,
        epochs=BUDGET["epochs"],
        learning_rate=BUDGET["learning_rate"],
        clip=BUDGET["clip"],
        per_word=False,  # as in Part 4
        halve=BUDGET["halve"],
        patience=BUDGET["patience"],
        validate=lambda p: part_4.mean_loss(p, validation, cell),
        progress=False,
    )


def one(name, seed, encoded):
    """Returns what happened in a training."""
    network, curve = NETWORKS[name], []
    for progress in training(network, seed, encoded):
        if progress.validation_loss is not None:
            curve.append(progress.validation_loss)
    cell = stacked.of(*network.cells)
    found = {
        part: math.exp(
            part_4.mean_loss(
                progress.best, text.batches(getattr(encoded, part), 64), cell
            )
        )
        for part in ("validation", "test")
    }
    print(f"{name}, seed {seed}: perplexity {found}", flush=True)
    return {
        "network": name,
        "seed": seed,
        "H": network.H,
        "parameters": sum(leaf.size for leaf in tree.leaves(progress.best)),
        "perplexity": found,
        "validation_losses": curve,
    }


def kept(run, name, seed, encoded):
    """Returns what ``one`` returns; a result of the same code is read, not repeated."""
    facts = json.dumps([name, seed, BUDGET, records.digest(run)])
    file = hashlib.sha256(facts.encode()).hexdigest()[:16]
    path = records.ROOT / "_build" / "runs" / run.name / f"{file}.json"
    if not path.is_file():
        write_whole(path, json.dumps(one(name, seed, encoded)))
    return json.loads(path.read_text("utf-8"))


def witness(name):
    """Returns the losses of the first updates of each network, on a small part of the corpus."""
    _, encoded = part_4.prepared()
    few = text.Split(encoded.train[:640], encoded.validation[:64], encoded.test[:64])
    return [
        update.loss
        for network in NETWORKS.values()
        for update in itertools.islice(training(network, SEEDS[0], few), 5)
    ]


def main():
    run = records.begin("minimal_language_models")
    _, encoded = part_4.prepared()
    runs = [kept(run, name, seed, encoded) for name in NETWORKS for seed in SEEDS]
    path = records.write(
        run,
        {"runs": runs},
        settings=BUDGET | {"V": V},
        seed=list(SEEDS),
        witness=functools.partial(witness, run.name),
        packages=("numpy", *(p for p in text.PACKAGES if p != "numpy")),
    )
    print(path.relative_to(records.ROOT))


RECORDS = {"minimal_language_models": main}


if __name__ == "__main__":
    main()
