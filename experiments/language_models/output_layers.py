"""Four output layers on one small model: the full softmax, classes, sampled words, adaptive.

    python -m experiments.language_models.output_layers         results/output_layers.json

The model predicts a word from the vector of the word before it, without a recurrent layer, so that
the output layer does nearly all of the work. One epoch on 8,000 sentences. The learning rate is
chosen for each layer on validation text with the first seed; the perplexities of five seeds are
those of the full distribution over all words, on other text. Two minutes.
"""

import functools
import itertools
import math
import time
from typing import Any, NamedTuple

import numpy as np

from experiments import command_line
from unrolled import records
from unrolled.data import text
from unrolled.functional import cross_entropy, dcross_entropy
from unrolled.layers import adaptive_softmax, class_softmax, sampled_softmax
from unrolled.training import optimizers

SEEDS = (0, 1, 2, 3, 4)
SETTINGS: dict[str, Any] = {
    "V": 4000,
    "H": 64,
    "sentences": 8000,
    "batch_size": 512,
    "learning_rates": (0.005, 0.01, 0.02),
    "classes": 63,
    "sampled": 200,
    "edges": (500, 1500, 4000),
    "shrink": 4,
}


class Pairs(NamedTuple):
    """Words, and the word after each of them, as ids (N,)."""

    before: np.ndarray
    target: np.ndarray


class Layer(NamedTuple):
    """An output layer: how it begins, how it is trained, and how it is measured."""

    init: Any  # (rng) -> parameters
    forward: Any  # (p, h, targets, rng) -> losses, cache
    backward: Any  # (p, cache, dlosses) -> dp, dh
    losses: Any  # (p, h, targets) -> losses of the full distribution


def main():
    run = records.begin("output_layers")
    data = prepared()
    every = layers(data.train.target)
    chosen = {name: choose_rate(layer, data) for name, layer in every.items()}
    # Seed by seed, so that a busy machine slows all layers alike.
    found: dict[str, list[Any]] = {name: [] for name in every}
    for seed, (name, layer) in itertools.product(SEEDS, every.items()):
        start = time.process_time()
        params = trained(layer, data.train, seed, chosen[name]["learning_rate"])
        seconds = time.process_time() - start
        of_seed: dict[str, Any] = {"seed": seed, "cpu_seconds": seconds}
        of_seed["test"] = {"perplexity": perplexity(layer, params, data.test)}
        found[name].append(of_seed)
        print(f"{name}, seed {seed}: {of_seed['test']['perplexity']:.1f}", flush=True)
    written = records.write(
        run,
        {
            "layers": {name: chosen[name] | {"seeds": found[name]} for name in every},
            "words": len(data.train.target),
            "multiplications": multiplications(data.train.target),
        },
        settings=SETTINGS,
        seed=list(SEEDS),
        witness=functools.partial(witness, run.name),
        packages=("numpy", *(p for p in text.PACKAGES if p != "numpy")),
    )
    print(f"wrote {written}")


def witness(name):
    """Returns the losses of the first updates with each layer."""
    data = prepared()
    return [
        loss
        for layer in layers(data.train.target).values()
        for _, loss in itertools.islice(training(layer, data.train, SEEDS[0], 0.01), 8)
    ]


@functools.cache
def prepared():
    """Returns pairs of neighbouring words as a Split."""
    documents, _ = text.remove_duplicates(text.corpus())
    parts = text.split(documents)
    vocabulary = text.Vocabulary.of(
        [text.tokens(s) for document in parts.train for s in document.sentences],
        SETTINGS["V"],
    )

    def pairs(part, few=None):
        batch = text.pad(text.encode(part, vocabulary)[:few])
        return Pairs(batch.inputs[batch.mask], batch.targets[batch.mask])

    return text.Split(
        pairs(parts.train, SETTINGS["sentences"]),
        pairs(parts.validation),
        pairs(parts.test),
    )


def sampling_distribution(counts):
    """Returns q: counts to the power of 3/4, one more for each word so that none is 0."""
    q = (counts + 1.0) ** 0.75
    return q / q.sum()


def layers(targets):
    """Returns the four layers, with classes and samples from the counts of the targets."""
    V, H = SETTINGS["V"], SETTINGS["H"]
    counts = np.bincount(targets, minlength=V)
    q = sampling_distribution(counts)
    classes = class_softmax.equal_mass(counts, SETTINGS["classes"])
    edges = np.array(SETTINGS["edges"])

    def matrices(rng):
        p = class_softmax.init(rng, H, V, 1, np.float32)
        return sampled_softmax.Params(p.W_y, p.b_y)

    def full(p, h, targets):
        return cross_entropy(h @ p.W_y + p.b_y, targets)

    def full_backward(p, cache, dlosses):
        h, targets = cache
        du = dcross_entropy(h @ p.W_y + p.b_y, targets, dlosses)
        return sampled_softmax.Params(h.T @ du, du.sum(axis=0)), du @ p.W_y.T

    def in_classes(p, h, targets):
        return class_softmax.forward(p, h, targets, classes)

    def adaptive(p, h, targets):
        return adaptive_softmax.forward(p, h, targets, edges)

    def sampled(p, h, targets, rng):
        few = sampled_softmax.draw(rng, q, SETTINGS["sampled"])
        return sampled_softmax.forward(p, h, targets, few, q)

    return {
        "full softmax": Layer(
            matrices,
            lambda p, h, targets, rng: (full(p, h, targets), (h, targets)),
            full_backward,
            full,
        ),
        "classes": Layer(
            lambda rng: class_softmax.init(rng, H, V, len(classes) - 1, np.float32),
            lambda p, h, targets, rng: in_classes(p, h, targets),
            class_softmax.backward,
            lambda *row: in_classes(*row)[0],
        ),
        "sampled words": Layer(matrices, sampled, sampled_softmax.backward, full),
        "adaptive": Layer(
            lambda rng: adaptive_softmax.init(
                rng, H, edges, SETTINGS["shrink"], np.float32
            ),
            lambda p, h, targets, rng: adaptive(p, h, targets),
            adaptive_softmax.backward,
            lambda *row: adaptive(*row)[0],
        ),
    }


def multiplications(targets):
    """Returns, for each layer, the multiplications of a forward pass for one word, on average."""
    V, H, E = SETTINGS["V"], SETTINGS["H"], np.array(SETTINGS["edges"])
    counts = np.bincount(targets, minlength=V)
    share = counts / counts.sum()
    classes = class_softmax.equal_mass(counts, SETTINGS["classes"])
    sizes = np.diff(classes)
    of_class = np.add.reduceat(share, classes[:-1])
    adaptive = H * (E[0] + len(E) - 1)
    for c, words in enumerate(np.diff(E)):
        narrow = max(1, H // SETTINGS["shrink"] ** (c + 1))
        adaptive += share[E[c] : E[c + 1]].sum() * narrow * (H + words)
    # The sampled words are the same for a batch; each row has its own target.
    return {
        "full softmax": H * V,
        "classes": float(H * (len(sizes) + (of_class * sizes).sum())),
        "sampled words": H * (1 + SETTINGS["sampled"]),
        "adaptive": float(adaptive),
    }


def training(layer, pairs, seed, learning_rate):
    """Yields (parameters, loss) of each update of one epoch of Adam."""
    rng = np.random.default_rng(seed)
    V, H, B = SETTINGS["V"], SETTINGS["H"], SETTINGS["batch_size"]
    params = rng.uniform(-1, 1, (V, H)).astype(np.float32), layer.init(rng)
    state, order = None, rng.permutation(len(pairs.target))
    for rows in np.array_split(order, len(order) // B):
        vectors, p = params
        h = vectors[pairs.before[rows]]
        losses, cache = layer.forward(p, h, pairs.target[rows], rng)
        mean = np.full(len(rows), 1 / len(rows), np.float32)
        dp, dh = layer.backward(p, cache, mean)
        dvectors = np.zeros_like(vectors)
        np.add.at(dvectors, pairs.before[rows], dh)
        params, state = optimizers.adam(params, (dvectors, dp), state, learning_rate)
        yield params, float(losses.mean())


def trained(layer, pairs, seed, learning_rate):
    """Returns the parameters after one epoch."""
    *_, (params, _) = training(layer, pairs, seed, learning_rate)
    return params


def perplexity(layer, params, pairs, rows=2000):
    """Returns the perplexity of the full distribution over the vocabulary."""
    vectors, p = params
    total = 0.0
    for i in range(0, len(pairs.target), rows):
        here = slice(i, i + rows)
        total += float(
            layer.losses(p, vectors[pairs.before[here]], pairs.target[here]).sum()
        )
    return math.exp(total / len(pairs.target))


def choose_rate(layer, data):
    """Returns the learning rate with the lowest validation perplexity, and those of all."""
    tried = {
        rate: perplexity(
            layer, trained(layer, data.train, SEEDS[0], rate), data.validation
        )
        for rate in SETTINGS["learning_rates"]
    }
    best = min(tried, key=tried.__getitem__)
    grid = [
        {"learning_rate": rate, "perplexity": found} for rate, found in tried.items()
    ]
    return {"learning_rate": best, "grid": grid}


RECORDS = {"output_layers": main}
MINUTES = 2


if __name__ == "__main__":
    command_line.parser(__doc__).parse_args()
    main()
