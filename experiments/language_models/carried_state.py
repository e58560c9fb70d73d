"""Language models that keep their state from sentence to sentence of a document.

    python -m experiments.language_models.carried_state NAME    results/NAME_carried_state.json

NAME is rnn or gru. Networks, budget, seeds and shares of dropout are those of
``gated_language_models``. A batch holds the next sentence of each of 64 documents; the state after
the last word of a sentence is where the next one begins, and a document begins with an empty
state. The gradient does not pass from sentence to sentence. Half an hour each. A training that
Ctrl-C stops goes on at the same batch; the documents under way then begin with an empty state.
"""

from experiments import command_line

if __name__ == "__main__":
    parser = command_line.parser(__doc__)
    parser.add_argument("name", choices=["rnn", "gru"], help="which network")
    arguments = parser.parse_args()  # before the imports, which take seconds

import functools
import heapq
import itertools
import sys
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from experiments.language_models import gated_language_models as gated
from experiments.language_models import seeds
from unrolled import records
from unrolled.data import text
from unrolled.layers import padding
from unrolled.training.train import Diverged, Interrupted

V = gated.V
STREAMS = seeds.BUDGET["batch_size"]


class Sentences(NamedTuple):
    """The next sentence of every stream of documents: a text.Batch, and which ones begin one."""

    inputs: np.ndarray  # (T, B)
    targets: np.ndarray
    mask: np.ndarray
    begins: np.ndarray  # (B,) bool: the first sentence of its document


def main(name, cell):
    """Trains a network with every seed and records it."""
    run = records.begin(name)
    data = documents()
    share = share_of(cell)
    model = model_of(cell, True)
    _, found = seeds.study(name, model, data, share)
    anew = model_of(cell, False)
    without = [
        seeds.measure(anew, best(name, model, data, seed, share), data, seed)
        for seed in seeds.SEEDS
    ]
    path = records.write(
        run,
        found | {"cell": cell, "read_without_carrying": without},
        settings=seeds.BUDGET | {"V": V, "H": model.H, "streams": STREAMS},
        seed=list(seeds.SEEDS),
        witness=functools.partial(witness, name),
        packages=("numpy", *(p for p in text.PACKAGES if p != "numpy")),
    )
    print(f"wrote {path.relative_to(records.ROOT)}")


def best(name, model, data, seed, share):
    """Returns the best parameters of a training that has ended, as ``study`` measures them."""
    params, _ = seeds.fit(name, model, data, seed, share)
    return seeds.rounded(params)


def witness(name):
    """Returns the losses of a short run on few documents, and what is then measured."""
    _, cell = RECORDS[name]
    data = documents()
    few = text.Split(data.train[:150], data.validation[:8], data.test[:8])
    model = model_of(cell, True)
    run = seeds.training(model, few, seeds.SEEDS[0], max(seeds.SHARES), progress=False)
    updates = list(itertools.islice(run, 20))
    last = updates[-1].params
    return [
        *(update.loss for update in updates),
        seeds.mean_loss(model, last, model.batches(few.validation)),
        *seeds.losses_by_position(model, last, model.batches(few.test)),
    ]


@functools.cache
def documents():
    """Returns the corpus as a Split of documents, each a list of sentences in ids."""
    parts, vocabulary = gated.split_corpus(V)
    return text.Split(
        *([text.encode([document], vocabulary) for document in part] for part in parts)
    )


def share_of(cell):
    """Returns the share of dropout that was chosen for this cell where sentences are read alone."""
    network = gated.RECORDS[f"{cell}_language_model"][1]
    _, encoded = gated.prepared(network.V)
    share, _ = gated.share_of(network, encoded)
    return share


def model_of(cell, carried):
    """Returns the Model of a one-layer network that reads documents."""
    network = gated.RECORDS[f"{cell}_language_model"][1]
    model = gated.model_of(network)._replace(batches=batches)
    return model._replace(reading=carrying) if carried else model


def batches(part, rng=None):
    """Returns, one batch after the other, the next sentence of each of 64 streams of documents.

    Documents are dealt to the streams, longest first, each to the shortest stream so far, so that
    all streams end at about the same batch; ``rng`` then shuffles the documents of every stream.
    A stream that has ended is left out: those that go on are the first columns.
    """
    order = np.arange(len(part)) if rng is None else rng.permutation(len(part))
    streams: list[list[Any]] = [[] for _ in range(min(STREAMS, len(part)))]
    shortest = [(0, i) for i in range(len(streams))]
    for document in sorted((part[i] for i in order), key=len, reverse=True):
        length, i = heapq.heappop(shortest)
        streams[i].append(document)
        heapq.heappush(shortest, (length + len(document), i))
    if rng is not None:
        for stream in streams:
            rng.shuffle(stream)
    columns = [
        [(ids, n == 0) for document in stream for n, ids in enumerate(document)]
        for stream in streams
    ]
    columns.sort(key=len, reverse=True)
    found = []
    for t in range(len(columns[0])):
        row = [column[t] for column in columns if t < len(column)]
        batch = text.pad([ids for ids, _ in row])
        begins = np.array([first for _, first in row])
        found.append(Sentences(batch.inputs, batch.targets, batch.mask, begins))
    return found


def carrying():
    """Begins to read documents: returns a function of (cell, batch) -> cell.

    The cell that it returns begins the batch with the states in which the batch before has ended,
    and keeps those in which this one ends.
    """
    kept: list[Any] = []

    def read(cell, batch):
        lengths = padding.lengths(batch.mask)

        def forward(p, x):
            begins = batch.begins[:, None]
            before = [] if begins.all() else kept
            before = [np.where(begins, 0, state[: len(begins)]) for state in before]
            h, cache = cell.forward(p, x, *before)
            kept[:] = [padding.last(state, lengths) for state in states(cache)]
            return h, cache

        return SimpleNamespace(forward=forward, backward=cell.backward)

    return read


def states(cache):
    """Returns the states (T, B, H) that a stack's cache holds, from the top layer down."""
    return [
        getattr(layer, name)
        for layer in reversed(cache.layers)
        if hasattr(layer, "h_previous")
        for name in ("h", "c")
        if hasattr(layer, name)
    ]


RECORDS = {
    "rnn_carried_state": (main, "rnn"),
    "gru_carried_state": (main, "gru"),
}
MINUTES = {
    "rnn_carried_state": 35,
    "gru_carried_state": 45,
}
ARGUMENTS = {
    "rnn_carried_state": ("rnn",),
    "gru_carried_state": ("gru",),
}


if __name__ == "__main__":
    of = {argument: name for name, (argument,) in ARGUMENTS.items()}
    name = of[arguments.name]
    make, cell = RECORDS[name]
    try:
        make(name, cell)
    except (Interrupted, Diverged, OSError, ValueError) as problem:
        sys.exit(f"experiments.language_models.carried_state: {problem}")
