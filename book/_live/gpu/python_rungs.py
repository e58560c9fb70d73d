"""The first two rungs of the ladder on the page On your own GPU: Python's loops, and NumPy.

The page's Python runs this on the processor, after the GPU has been measured. `measured` is called
by python.js, which adds the sizes.
"""

import json
import time

import numpy as np

from unrolled import tree
from unrolled.cells import lstm
from unrolled.data import text
from unrolled.models import language_model
from unrolled.training import optimizers

RATE = 1e-6  # so small that the steps that are timed change nothing


def measured(steps, recurrences, rounds, enough):
    """Prints the rungs as JSON, each with its sizes, times and gap to the other one.

    Args:
        steps: a list of [T, B, H, V] of training steps.
        recurrences: a list of [T, B, H] of LSTMs, forward.
        rounds: how often each is timed.
        enough: seconds after which no further round begins.
    """
    rows = []
    for sizes in steps:
        rows += rungs(
            "training step", "TBHV", sizes, training_steps(*sizes), rounds, enough
        )
    for sizes in recurrences:
        rows += rungs("LSTM", "TBH", sizes, lstms(*sizes), rounds, enough)
    print(json.dumps(rows))


def rungs(group, names, sizes, contestants, rounds, enough):
    """Returns a row for each contestant; both must give the same arrays."""
    first, second = [tree.leaves(answer()) for answer, _ in contestants.values()]
    gap = max(largest_gap(a, b) for a, b in zip(first, second, strict=True))
    size = ", ".join(f"{n} = {k}" for n, k in zip(names, sizes, strict=True))
    return [
        {
            "group": group,
            "size": size,
            "rung": name,
            "gap": gap,
            **spread([seconds(run) for _ in lasting(rounds, enough)]),
        }
        for name, (_, run) in contestants.items()
    ]


def training_steps(T, B, H, V):
    """Returns the step of SGD of the posts' network, in loops and in matrix products."""
    rng = np.random.default_rng(0)
    p = language_model.init(rng, V, H)
    ids = rng.integers(0, V, (T + 1, B))
    batch = text.Batch(ids[:-1], ids[1:], np.ones((T, B), bool))

    def loops():
        total = None
        for b in range(B):
            columns = batch.inputs[:, b], batch.targets[:, b]
            _, dp = language_model.loss_and_gradient_loops(p, *columns)
            total = dp if total is None else tree.map(np.add, total, dp)
        return total

    def products():
        return language_model.loss_and_gradient(p, batch, reduction="sum")[1]

    def step(gradient):
        return gradient, lambda: optimizers.sgd(p, gradient(), learning_rate=RATE)

    return {"Python's loops": step(loops), "NumPy": step(products)}


def lstms(T, B, H):
    """Returns the states of an LSTM, one sequence and step at a time, and all sequences at once."""
    rng = np.random.default_rng(0)
    p = lstm.init(rng, 50, H)
    ids = rng.integers(0, 50, (T, B))

    def loops():
        states = np.zeros((T, B, H), np.float32)
        for b in range(B):
            h, c = np.zeros((2, H), np.float32)
            for t in range(T):
                h, c = lstm.step(p, ids[t, b], h, c)
                states[t, b] = h
        return states

    def products():
        return lstm.forward(p, ids)[0]

    return {"Python's loops": (loops, loops), "NumPy": (products, products)}


def largest_gap(a, b):
    """Returns the largest difference, relative to the largest entry."""
    return float(np.abs(a - b).max() / np.abs(b).max())


def lasting(rounds, enough):
    """Yields at most so many rounds, and at least one."""
    start = time.perf_counter()
    for n in range(rounds):
        if n and time.perf_counter() - start > enough:
            return
        yield n


def seconds(run):
    """Returns how long a run takes."""
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def spread(values):
    """Returns the median and the quartiles."""
    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75])
    return {"median": float(middle), "quartiles": [float(low), float(high)]}
