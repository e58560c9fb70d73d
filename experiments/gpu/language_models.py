"""Language models over the book's cells on a GPU: JAX's scan of each cell's own step.

The small ones are those of ``experiments.language_models.gated_language_models``: sizes, batches
and optimizer, without dropout and early stopping; the large ones are beyond a processor. Each is
proved on its first batch; then epochs are recorded, with the seconds that had passed.
"""

import time

import numpy as np

from experiments.gpu import corpus, proof
from unrolled import tree
from unrolled.cells import gru, lstm, rnn
from unrolled.data import text
from unrolled.layers import embedding, stacked
from unrolled.models import language_model
from unrolled.speed import gpu_tables

SEED = 0
NEEDS = 4 << 30
SECONDS = 100
PACKAGES = ("jax",)
CELLS = {"RNN": rnn, "LSTM": lstm, "GRU": gru}
SMALL = {"RNN": 99, "LSTM": 93, "GRU": 95}
PARTS = {
    f"{name}, {size}": ("jax",) for size in ("as in Part 4", "large") for name in CELLS
}


def settings(rehearsal):
    """Returns the sizes; the corpus is named by the caller."""
    common = {"batch_size": 64, "learning_rate": 0.002, "clip": 1.0, "large": 1024}
    if rehearsal:
        return common | {
            "batch_size": 8,
            "epochs": 2,
            "seconds": 30,
            "sentences": 100,
            "large": 16,
            "small": {name: 8 for name in CELLS},
        }
    return common | {"epochs": 16, "seconds": 75, "sentences": 20_000, "small": SMALL}


def run(part, sizes):
    """Returns the curve of a model: epoch, seconds, training and validation loss.

    Raises:
        proof.Wrong: its first gradient is not NumPy's.
    """
    import jax

    jax.config.update("jax_default_matmul_precision", "highest")
    name, _, size = part.partition(", ")
    cell = CELLS[name]
    H = sizes["large"] if size == "large" else sizes["small"][name]
    words = corpus.load(sizes.get("corpus"), sizes["sentences"])
    p = language_model.init(
        np.random.default_rng(SEED),
        corpus.V,
        H,
        stacked.of(embedding, cell),
        np.float32,
    )
    validation = batches(words.validation, sizes["batch_size"])
    gap = prove(p, validation[0], cell)
    step, evaluate = compiled(cell, sizes["clip"])
    state = adam_state(p)
    rate, curve, spent, start = sizes["learning_rate"], [], 0.0, time.perf_counter()
    for epoch in range(sizes["epochs"]):
        rng, total, count = np.random.default_rng([SEED, epoch]), 0.0, 0
        losses, found = [], batches(words.train, sizes["batch_size"], rng)
        mean_words = np.mean([batch.mask.sum() for batch in found])
        for batch in found:
            weight = np.float32(batch.mask.sum() / mean_words)  # as in training.train
            p, state, loss = step(p, state, *batch, np.float32(rate), weight)
            losses.append((loss, int(batch.mask.sum())))
        for loss, n in losses:  # read here: reading a loss waits for its step
            total, count = total + float(loss) * n, count + n
        pairs = [(float(evaluate(p, *b)), int(b.mask.sum())) for b in validation]
        loss = sum(a * n for a, n in pairs) / sum(n for _, n in pairs)
        spent = time.perf_counter() - start
        if curve and loss > curve[-1]["validation"]:
            rate /= 2
        curve.append({"seconds": spent, "training": total / count, "validation": loss})
        if spent > sizes["seconds"]:
            break
    return {
        "gap": gap,
        "H": H,
        "parameters": sum(leaf.size for leaf in tree.leaves(p)),
        "corpus": words.name,
        "entropy": words.least,
        "unigram": unigram(words),
        "words": sum(len(ids) - 1 for ids in words.train),
        "curve": curve,
        "perplexity": float(np.exp(min(point["validation"] for point in curve))),
    }


def batches(sentences, size, rng=None):
    """Returns batches of few shapes: T a multiple of 8 and B fixed, so that JAX compiles few."""
    return [fixed_shape(batch, size) for batch in text.batches(sentences, size, rng)]


def fixed_shape(batch, size):
    """Returns a Batch with steps and rows added outside its mask."""
    T, B = batch.mask.shape
    wider = ((0, -T % 8), (0, size - B))
    return text.Batch(*(np.pad(a, wider) for a in batch))


def unigram(words):
    """Returns the loss of a word by its frequency alone, in nats, on the validation part."""
    counts = np.ones(corpus.V)
    for ids in words.train:
        np.add.at(counts, ids[1:], 1)
    p = counts / counts.sum()
    return float(
        -np.log(p[np.concatenate([ids[1:] for ids in words.validation])]).mean()
    )


def mean_loss(p, inputs, targets, mask, cell):
    """Returns the mean loss of an embedding, a cell and an output layer, in nats per word."""
    from unrolled.frameworks import jax_cells

    E, inner = p.cell
    h = jax_cells.forward(inner, E.E[inputs], cell=cell)
    losses = jax_cells.traced(cell)[1].cross_entropy(h @ p.W_y + p.b_y, targets)
    return (losses * mask).sum() / mask.sum()


def prove(p, batch, cell):
    """Returns the gap of the gradient of a batch to NumPy's in float64."""
    import jax

    double = tree.map(lambda w: w.astype(np.float64), p)
    _, exact = language_model.loss_and_gradient(
        double, batch, stacked.of(embedding, cell)
    )
    found = jax.jit(lambda p: jax.grad(mean_loss)(p, *batch, cell))(p)
    return proof.prove(dict(tree.named_leaves(found)), dict(tree.named_leaves(exact)))


def adam_state(p):
    """Returns Adam's running means and steps, before the first."""
    zeros = tree.map(np.zeros_like, p)
    return zeros, zeros, np.float32(0)


def compiled(cell, clip):
    """Returns (a step of Adam with clipping, the loss), each one program.

    JAX's arrays cannot be overwritten, so that ``optimizers.adam`` cannot be used: the same lines
    without the in-place operators.
    """
    import jax
    import jax.numpy as jnp

    @jax.jit
    def step(p, state, inputs, targets, mask, rate, weight):
        mean, square, steps = state
        loss, dp = jax.value_and_grad(mean_loss)(p, inputs, targets, mask, cell)
        dp = tree.map(lambda d: d * weight, dp)
        norm = jnp.sqrt(sum((leaf**2).sum() for leaf in tree.leaves(dp)))
        dp = tree.map(lambda d: d * jnp.minimum(1, clip / norm), dp)
        steps = steps + 1
        mean = tree.map(lambda m, d: 0.9 * m + 0.1 * d, mean, dp)
        square = tree.map(lambda s, d: 0.999 * s + 0.001 * d**2, square, dp)
        root = jnp.sqrt(1 - 0.999**steps)
        by = rate * root / (1 - 0.9**steps)
        p = tree.map(
            lambda w, m, s: w - by * m / (jnp.sqrt(s) + 1e-8 * root), p, mean, square
        )
        return p, (mean, square, steps), loss

    return step, jax.jit(
        lambda p, inputs, targets, mask: mean_loss(p, inputs, targets, mask, cell)
    )


report = gpu_tables.language_models


RECORDS = {"gpu/language_models": (settings, run)}
