"""What the benchmarks share: who is timed takes turns, and what is said is medians and ratios."""

import time

import numpy as np

SEED = 0


def matrix_product(dtype, size=1536):
    """Returns a function that multiplies two square matrices, and its operations."""
    A = np.random.default_rng(SEED).standard_normal((size, size)).astype(dtype)
    out = np.empty_like(A)
    return (lambda: np.matmul(A, A, out=out)), 2 * size**3


def timed(contestants, rounds):
    """Runs every contestant twice a round and times the second run; returns seconds, (rounds,).

    The first run brings its own arrays into the caches, as the step before would in training.
    """
    seconds = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, function in contestants.items():
            function()
            start = time.perf_counter()
            function()
            seconds[name].append(time.perf_counter() - start)
    return {name: np.array(found) for name, found in seconds.items()}


def spread(values):
    """Returns the median and the quartiles."""
    low, middle, high = np.percentile(values, [25, 50, 75])
    return {"median": float(middle), "quartiles": [float(low), float(high)]}
