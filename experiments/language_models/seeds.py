"""Language models trained with several seeds, within one budget, with dropout chosen by one rule.

What the scripts beside this one share. A model is trained with the first seed and each share of
dropout; the share with the lowest validation loss is kept, and the other seeds are trained with
it. Every training ends by the same rule (patience) and can be stopped and resumed.
"""

import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from unrolled import records, tree
from unrolled.data import text
from unrolled.functional import cross_entropy
from unrolled.models import language_model
from unrolled.training import checkpoint
from unrolled.training.optimizers import adam
from unrolled.training.train import load_best, train

SEEDS = (0, 1, 2)
SHARES = (0.0, 0.2)
BUDGET: dict[str, Any] = {
    "batch_size": 64,
    "optimizer": "adam",
    "learning_rate": 0.002,
    "clip": 1.0,
    "per_word": True,
    "halve": True,
    "patience": 2,
    "epochs": 12,
}
RUNS = records.ROOT / "_build" / "runs"
EDGES = (0, 2, 5, 10, 20, 30, 1000)  # of positions, for the losses by position


def sorted_batches(encoded, rng=None):
    """Returns padded batches of sentences of similar length."""
    return text.batches(encoded, BUDGET["batch_size"], rng)


def one_by_one():
    """Returns a function of (cell, batch): the cell as it is, which begins with no memory."""
    return lambda cell, batch: cell


class Model(NamedTuple):
    """What is trained, and on what."""

    V: int
    H: int
    cell: Callable[..., Any]  # (share, rng): the cell with this share of dropout
    batches: Callable[..., Any] = sorted_batches  # (part, rng)
    reading: Callable[..., Any] = (
        one_by_one  # returns the reader: (cell, batch) -> cell
    )


class Seeded(NamedTuple):
    """A batch, and the seed of its dropout masks, so that a resumed run draws the same."""

    batch: Any
    seed: tuple[int, ...]


def count(seeded):
    """Returns the number of words to predict."""
    return int(seeded.batch.mask.sum())


def initial(model, seed):
    """Returns random parameters that keep the size of a signal from layer to layer.

    Word vectors have entries of order 1 and W_y lies within ±1/√H. Each layer shrinks its input, so
    that with the small weights of ``language_model.init`` the second would begin all but silent.
    """
    rng, V, H = np.random.default_rng(seed), model.V, model.H
    return language_model.Params(
        cell=model.cell(0.0, None).init(rng, V, H, np.float32, input_scale=1.0),
        W_y=rng.uniform(-1, 1, (H, V)).astype(np.float32) / np.float32(np.sqrt(H)),
        b_y=np.zeros(V, np.float32),
    )


def training(model, data, seed, share, path=None, progress=None):
    """Yields the Progress of each update, as ``train`` does."""
    validation, read = model.batches(data.validation), model.reading()

    def batches(epoch):
        found = model.batches(data.train, np.random.default_rng([seed, epoch]))
        return [Seeded(batch, (seed, epoch, i)) for i, batch in enumerate(found)]

    def loss_and_gradient(p, seeded):
        cell = model.cell(share, np.random.default_rng(seeded.seed))
        return language_model.loss_and_gradient(
            p, seeded.batch, read(cell, seeded.batch)
        )

    return train(
        initial(model, seed),
        batches,
        loss_and_gradient,
        adam,
        epochs=BUDGET["epochs"],
        learning_rate=BUDGET["learning_rate"],
        clip=BUDGET["clip"],
        per_word=BUDGET["per_word"],
        halve=BUDGET["halve"],
        patience=BUDGET["patience"],
        validate=lambda p: mean_loss(model, p, validation),
        path=path,
        save_every=400,
        settings=BUDGET | {"V": model.V, "H": model.H, "seed": seed, "dropout": share},
        count=count,
        progress=progress,
    )


def fit(name, model, data, seed, share):
    """Returns the parameters with the lowest validation loss, and the curve of the epochs."""
    path = RUNS / f"{name}-{seed}-{share}.npz"
    curve_path = path.with_suffix(".curve.npz")
    curve = checkpoint.load_facts(curve_path)["curve"] if curve_path.is_file() else []
    start = time.process_time()
    for progress in training(model, data, seed, share, path):
        if progress.train_loss is not None:
            curve = [point for point in curve if point["epoch"] < progress.epoch + 1]
            curve.append(
                {
                    "epoch": progress.epoch + 1,
                    "train_loss": progress.train_loss,
                    "validation_loss": progress.validation_loss,
                    "learning_rate": progress.learning_rate,
                    "cpu_seconds": time.process_time() - start,
                }
            )
            checkpoint.save(curve_path, (), {"curve": curve})
            print(
                f"{name}, seed {seed}, dropout {share}, epoch {progress.epoch + 1}:"
                f" perplexity {math.exp(progress.train_loss):.2f} train,"
                f" {math.exp(progress.validation_loss):.2f} validation",
                flush=True,
            )
            start = time.process_time()
    check_curve(curve, path, curve_path)
    return load_best(path, initial(model, seed)), curve


def check_curve(curve, path, curve_path):
    """Raises ValueError if the curve lacks an epoch: Ctrl-C came between the two files."""
    epochs = checkpoint.load_facts(path)["at"]["epoch"]
    if [point["epoch"] for point in curve] != list(range(1, epochs + 1)):
        raise ValueError(
            f"{curve_path} lacks an epoch of {path}: delete both and train again"
        )


def chosen_share(name, model, data):
    """Returns the share of dropout with the lowest validation loss, and those losses."""
    grid = {}
    for share in SHARES:
        _, curve = fit(name, model, data, SEEDS[0], share)
        grid[share] = min(point["validation_loss"] for point in curve)
    return min(grid, key=grid.__getitem__), grid


def study(name, model, data, share, seeds=SEEDS, measure_more=None):
    """Returns the parameters of the first seed, and what all seeds came to, with their spread.

    Perplexities are those of the weights in half precision, in which some are kept. What
    ``measure_more`` returns for trained parameters is added to what is found of their seed.
    """
    found, kept = [], None
    for seed in seeds:
        params, curve = fit(name, model, data, seed, share)
        kept = halved(params) if kept is None else kept
        params = rounded(params)
        found.append(
            {"seed": seed, "curve": curve}
            | measure(model, params, data, seed)
            | (measure_more(params) if measure_more else {})
        )
    return kept, {
        "parameters": sum(leaf.size for leaf in tree.leaves(kept)),
        "dropout": share,
        "seeds": found,
        "curve": found[0]["curve"],
        "edges": list(EDGES),
        **{part: mean_and_spread(found, part) for part in ("validation", "test")},
    }


def halved(params):
    """Returns parameters in half precision, in which some are kept."""
    return tree.map(lambda weight: weight.astype(np.float16), params)


def rounded(params):
    """Returns parameters as they are after they were kept in half precision."""
    return tree.map(lambda weight: weight.astype(np.float32), halved(params))


def mean_and_spread(found, part):
    """Returns the mean perplexity over seeds and its standard deviation over seeds."""
    of_seeds = [seed[part]["perplexity"] for seed in found]
    return {
        "perplexity": float(np.mean(of_seeds)),
        "spread": float(np.std(of_seeds, ddof=1)) if len(of_seeds) > 1 else 0.0,
        "of_seeds": of_seeds,
    }


def measure(model, params, data, seed):
    """Returns the perplexities of one seed, and its mean validation losses by position."""
    found: dict[str, Any] = {}
    for part in ("validation", "test"):
        batches = model.batches(getattr(data, part))
        found[part] = {"perplexity": math.exp(mean_loss(model, params, batches))}
        print(f"seed {seed}: {part} perplexity {found[part]['perplexity']:.2f}")
    found["by_position"] = losses_by_position(
        model, params, model.batches(data.validation)
    )
    return found


def mean_loss(model, params, batches):
    """Returns the mean loss in nats per word over batches of unequal size."""
    cell, read = model.cell(0.0, None), model.reading()
    losses, words = zip(
        *(language_model.loss(params, batch, read(cell, batch)) for batch in batches),
        strict=True,
    )
    return float(np.average(losses, weights=words))


def losses_by_position(model, params, batches):
    """Returns the mean loss in nats of the words at positions EDGES[i] .. EDGES[i+1] - 1."""
    cell, read = model.cell(0.0, None), model.reading()
    total, words = np.zeros(len(EDGES) - 1), np.zeros(len(EDGES) - 1)
    for batch in batches:
        h, _ = read(cell, batch).forward(params.cell, batch.inputs)
        losses = cross_entropy(
            h[batch.mask] @ params.W_y + params.b_y, batch.targets[batch.mask]
        )
        steps = np.broadcast_to(np.arange(len(h))[:, None], batch.mask.shape)
        span = np.searchsorted(EDGES, steps[batch.mask], side="right") - 1
        np.add.at(total, span, losses)
        np.add.at(words, span, 1)
    return (total / np.maximum(words, 1)).tolist()
