"""Language models over gated cells: RNN, LSTM and GRU within one budget, three seeds each.

    python -m experiments.language_models.gated_language_models NAME    one NAME_language_model.json

NAME is rnn, lstm, gru, gru_two_layers, or rnn_8000 or gru_8000 for a vocabulary of 8,000 words.
Half an hour to an hour each; Ctrl-C saves, and the same command goes on from there.
``--seed 1`` trains with that seed alone, once dropout is chosen, and records nothing. All networks
have the same number of parameters to 1 %, and the same split, batches, optimizer, schedule and
rules for dropout and for stopping; see ``seeds``. The first seed's weights of the GRU and the LSTM
are left in results/ too.
"""

from experiments import command_line

if __name__ == "__main__":
    parser = command_line.parser(__doc__)
    parser.add_argument(
        "name",
        choices=["rnn", "lstm", "gru", "gru_two_layers", "rnn_8000", "gru_8000"],
        help="which network",
    )
    parser.add_argument(
        "--seed",
        type=int,
        help="train with this seed alone, once dropout is chosen, and record nothing",
    )
    arguments = parser.parse_args()  # before the imports, which take seconds

import functools
import itertools
import sys
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np

from experiments.language_models import seeds, trained_cells
from unrolled import records, tree
from unrolled.cells import gru, lstm, rnn
from unrolled.data import text
from unrolled.layers import dropout, embedding, stacked
from unrolled.models import language_model
from unrolled.training import checkpoint
from unrolled.training.train import Diverged, Interrupted

V = 4000
CELLS = {"rnn": rnn, "lstm": lstm, "gru": gru}
KEPT = ("lstm_language_model", "gru_language_model")
SAMPLES = 6
TEMPERATURES = (0.5, 0.8, 1.0)


class Network(NamedTuple):
    """Layers of one kind of cell above the word vectors, their width, and the vocabulary."""

    cell: str
    layers: int
    H: int
    V: int = V


def main(name, network):
    """Trains a network with every seed and records it."""
    run = records.begin(name)
    vocabulary, encoded = prepared(network.V)
    model = model_of(network)
    share, grid = share_of(network, encoded)
    cells = trained_cells.of(CELLS[network.cell], vocabulary, encoded.validation)
    params, found = seeds.study(
        name,
        model,
        encoded,
        share,
        measure_more=cells if network.layers == 1 and network.V == V else None,
    )
    layers = ["embedding", *[network.cell] * network.layers]
    if name in KEPT:
        facts = {"words": vocabulary.words[3:], "H": network.H, "layers": layers}
        checkpoint.save(records.FOLDER / f"{name}.npz", params, facts)
    params = tree.map(lambda weight: weight.astype(np.float32), params)
    path = records.write(
        run,
        found
        | {
            "layers": layers,
            "grid": [
                {"dropout": tried, "validation_loss": loss}
                for tried, loss in grid.items()
            ],
            "samples": sample(params, vocabulary, model.cell(0.0, None)),
        },
        settings=seeds.BUDGET
        | {"V": network.V, "H": network.H, "shares": list(seeds.SHARES)},
        seed=list(seeds.SEEDS),
        witness=functools.partial(witness, name),
        packages=("numpy", *(p for p in text.PACKAGES if p != "numpy")),
    )
    print(f"wrote {path.relative_to(records.ROOT)}")


def witness(name):
    """Returns the losses of a short run on a small part of the corpus, and some text's lengths."""
    _, network = RECORDS[name]
    vocabulary, encoded = prepared(network.V)
    model = model_of(network)
    few = text.Split(encoded.train[:640], encoded.validation[:64], encoded.test[:64])
    run = seeds.training(model, few, seeds.SEEDS[0], max(seeds.SHARES), progress=False)
    *_, last = updates = list(itertools.islice(run, 20))
    # Rounding decides which of 8,000 words is drawn somewhere in a text; among 4,000 it does not.
    drawn = (
        sample(last.best, vocabulary, model.cell(0.0, None)) if network.V == V else {}
    )
    return [
        *(update.loss for update in updates),
        last.validation_loss,
        *seeds.losses_by_position(model, last.best, model.batches(few.test)),
        *(len(line) for lines in drawn.values() for line in lines),
        *cell_witness(network, last.best, vocabulary, encoded.validation),
    ]


def cell_witness(network, params, vocabulary, validation):
    """Returns some of what is measured in the cells of a network of one layer."""
    if network.layers > 1 or network.V != V:
        return []
    found = trained_cells.measure(CELLS[network.cell], params, vocabulary, validation)
    return [
        *(fact["score"] for fact in found["facts"].values()),
        *found["gradient"]["0.5"][1:4],  # farther back, rounding shows
        *found.get("time_constants", ())[:3],
        *found.get("direct", ()),
    ]


def share_of(network, encoded):
    """Returns the share of dropout for a network, and the validation losses it was chosen by.

    They are those of the network with one layer of the same cell and a vocabulary of 4,000.
    """
    small = RECORDS[f"{network.cell}_language_model"][1]
    if network.V != small.V:
        _, encoded = prepared(small.V)
    return seeds.chosen_share(
        f"{network.cell}_language_model", model_of(small), encoded
    )


def train_only(name, network, seed):
    """Trains with one seed, and with the first seed as often as it takes to choose dropout."""
    _, encoded = prepared(network.V)
    share, _ = share_of(network, encoded)
    seeds.fit(name, model_of(network), encoded, seed, share)


@functools.cache
def prepared(V):
    """Returns the vocabulary of V words and the corpus in ids, as a Split."""
    parts, vocabulary = split_corpus(V)
    return vocabulary, text.Split(*(text.encode(part, vocabulary) for part in parts))


def split_corpus(V):
    """Returns the documents as a Split, and the vocabulary of the training part."""
    documents, _ = text.remove_duplicates(text.corpus())
    parts = text.split(documents)
    vocabulary = text.Vocabulary.of(
        [text.tokens(s) for document in parts.train for s in document.sentences], V
    )
    return parts, vocabulary


def model_of(network):
    """Returns the Model of a network, which reads sentences one by one."""
    cells = (embedding, *[CELLS[network.cell]] * network.layers)
    return seeds.Model(
        network.V, network.H, functools.partial(with_dropout, cells=cells)
    )


def with_dropout(share, rng, cells):
    """Returns the stack of cells, with dropout after each layer, that has no more Params.

    Dropout hides entries of the word vectors and of the states that leave a layer upwards, not of
    those that go on through time.
    """
    if not share:
        return stacked.of(*cells)
    hide = dropout.of(share, rng)
    stack = stacked.of(*(layer for cell in cells for layer in (cell, hide)))

    def interleaved(p):
        return tuple(layer for weights in p for layer in (weights, ()))

    def backward(p, cache, dh):
        dp, *others = stack.backward(interleaved(p), cache, dh)
        return dp[::2], *others

    return SimpleNamespace(
        forward=lambda p, x, *state: stack.forward(interleaved(p), x, *state),
        backward=backward,
    )


def sample(params, vocabulary, cell):
    """Returns sentences at several temperatures, the first that come, none picked."""
    rng = np.random.default_rng(0)
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
    "rnn_language_model": (main, Network("rnn", 1, 99)),
    "lstm_language_model": (main, Network("lstm", 1, 93)),
    "gru_language_model": (main, Network("gru", 1, 95)),
    "gru_two_layers_language_model": (main, Network("gru", 2, 90)),
    "rnn_8000_language_model": (main, Network("rnn", 1, 99, 8000)),
    "gru_8000_language_model": (main, Network("gru", 1, 97, 8000)),
}
MINUTES = {
    "rnn_language_model": 30,
    "lstm_language_model": 33,
    "gru_language_model": 31,
    "gru_two_layers_language_model": 35,
    "rnn_8000_language_model": 57,
    "gru_8000_language_model": 60,
}
ARGUMENTS = {
    "rnn_language_model": ("rnn",),
    "lstm_language_model": ("lstm",),
    "gru_language_model": ("gru",),
    "gru_two_layers_language_model": ("gru_two_layers",),
    "rnn_8000_language_model": ("rnn_8000",),
    "gru_8000_language_model": ("gru_8000",),
}


if __name__ == "__main__":
    of = {argument: name for name, (argument,) in ARGUMENTS.items()}
    name = of[arguments.name]
    make, network = RECORDS[name]
    try:
        if arguments.seed is None:
            make(name, network)
        else:
            train_only(name, network, arguments.seed)
    except (Interrupted, Diverged, OSError, ValueError) as problem:
        sys.exit(f"experiments.language_models.gated_language_models: {problem}")
