"""Attention on dates on a GPU: the package's own networks, gradients and optimizer in CuPy.

The run is that of ``experiments.attention.attention_dates``: the network "general" and its first
seed, the same batches and schedule. Nothing is rewritten, so that every line of NumPy is a launch
of its own or several: with 48 units and 11 steps they are what a GPU does worst. Recorded is how
long updates take beside this machine's processor, and the validation curve.
"""

import time

import numpy as np

from experiments.gpu import proof
from experiments.gpu.ladder import adding_rows
from unrolled import tree
from unrolled.data import dates
from unrolled.frameworks import array_namespace
from unrolled.layers import attention
from unrolled.models import seq2seq
from unrolled.speed import gpu_tables
from unrolled.training import optimizers

SEED = 0
NEEDS = 2 << 30
SECONDS = 120
PACKAGES = ("cupy", "cupy-cuda12x", "cupy-cuda13x")
PARTS = {"CuPy": ("cupy",), "NumPy, on the processor": ()}
D, V = len(dates.ALPHABET), len(dates.ANSWERS)


def settings(rehearsal):
    """Returns the sizes: those of the processor's record."""
    sizes = {"H": 48, "batch": 32, "rate": 0.003, "clip": 1.0, "check_every": 100}
    if rehearsal:
        return sizes | {
            "H": 8,
            "batch": 4,
            "updates": 8,
            "check_every": 4,
            "seconds": 20,
        }
    return sizes | {"updates": 1500, "seconds": 90}


def run(part, sizes):
    """Returns the curve: updates, seconds and validation loss.

    Raises:
        proof.Wrong: the first gradient is not NumPy's in float64.
    """
    if part == "CuPy":
        import cupy as xp
    else:
        xp = np
    changes = {"sum_rows": adding_rows(xp)} if xp is not np else {}
    model = array_namespace.of(seq2seq, xp, **changes)
    update = array_namespace.of(optimizers, xp)
    score = model.attention.general
    p = seq2seq.init(
        np.random.default_rng(SEED), D, V, sizes["H"], attention.general, True
    )
    validation = as_batch(dates.draw(np.random.default_rng([1_000_000, SEED]), 300))
    gap = proved(
        model, score, p, as_batch(dates.draw(np.random.default_rng(1), 16)), xp
    )

    now, state, rate = tree.map(xp.array, p), None, sizes["rate"]
    moved = tree.map(xp.asarray, validation)
    curve, updates, start = [], 0, time.perf_counter()
    while updates < sizes["updates"] and time.perf_counter() - start < sizes["seconds"]:
        for batch in batches(SEED, updates // sizes["check_every"], sizes):
            _, dp = model.loss_and_gradient(now, tree.map(xp.asarray, batch), score)
            update.clip_by_global_norm(dp, sizes["clip"])
            now, state = update.adam(now, dp, state, learning_rate=rate)
            updates += 1
        loss = model.loss(now, moved, score)
        if curve and loss > curve[-1]["validation"]:
            rate /= 2
        curve.append(
            {
                "updates": updates,
                "seconds": time.perf_counter() - start,
                "validation": loss,
            }
        )
    return {"gap": gap, "curve": curve, "update": curve[-1]["seconds"] / updates}


def proved(model, score, p, batch, xp):
    """Returns the gap of a gradient in float32 to NumPy's in float64."""
    double = tree.map(lambda w: w.astype(np.float64), p)
    _, exact = seq2seq.loss_and_gradient(double, batch, attention.general)
    there = tree.map(xp.asarray, p), tree.map(xp.asarray, batch)
    _, found = model.loss_and_gradient(*there, score)
    found = tree.map(lambda d: d.get() if hasattr(d, "get") else d, found)
    return proof.prove(dict(tree.named_leaves(found)), dict(tree.named_leaves(exact)))


def as_batch(examples):
    """Returns examples as a padded batch."""
    sources = [dates.encode(example.text) for example in examples]
    return seq2seq.pad(sources, [dates.encode_answer(e.answer) for e in examples], V)


def batches(seed, epoch, sizes):
    """Returns the batches of ``experiments.attention.attention_dates``."""
    rng, found, B = np.random.default_rng([seed, epoch]), [], sizes["batch"]
    while len(found) < sizes["check_every"]:
        drawn = sorted(dates.draw(rng, 10 * B), key=lambda example: len(example.text))
        groups = [drawn[i : i + B] for i in range(0, len(drawn), B)]
        found += [as_batch(groups[i]) for i in rng.permutation(len(groups))]
    return found


report = gpu_tables.dates


RECORDS = {"gpu/dates": (settings, run)}
