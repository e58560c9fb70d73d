"""One step of SGD on one sentence, and on a batch: how near are we to what the processor can do?

    python -m experiments.bench_step             prints
    python -m experiments.bench_step --record    also writes results/bench_step.json

Everything runs on one thread in one process, and what is compared is timed in turn, round after
round, so that a busy machine slows all of it alike. Times are medians; ratios are what to read.
"""

import argparse
import sys
import time

import numpy as np
from threadpoolctl import threadpool_limits

from unrolled import language_model, records, text, tree
from unrolled.optimizers import sgd

SEED = 0
V, H, T, B = 8000, 100, 45, 32
GROWTH = {
    "T": (15, 30, 60, 120),
    "B": (8, 16, 32, 64),
    "H": (50, 100, 200, 400),
    "V": (2000, 4000, 8000, 16000),
}
CODE = records.Code.now(
    "experiments/bench_step.py",
    "code/unrolled/functional.py",
    "code/unrolled/text.py",
    "code/unrolled/tree.py",
    "code/unrolled/rnn.py",
    "code/unrolled/language_model.py",
    "code/unrolled/optimizers.py",
)


def random_batch(rng, T, B, V):
    ids = rng.integers(0, V, (T + 1, B))
    return text.Batch(ids[:-1], ids[1:], np.ones((T, B), bool))


def step(params, batch):
    """One step of the post: the gradient of the summed loss, then SGD."""
    _, gradients = language_model.loss_and_gradient(params, batch, reduction="sum")
    sgd(params, gradients, learning_rate=1e-6)


def step_loops(params, batch):
    """The same step in the post's form: one sentence, word by word, output by output."""
    inputs, targets = batch.inputs[:, 0], batch.targets[:, 0]
    _, gradients = language_model.loss_and_gradient_loops(params, inputs, targets, window=4)
    sgd(params, gradients, learning_rate=1e-6)


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


def operations(T, B, H, V):
    """Additions and multiplications of the output layer: forward, dh and dW_y."""
    return 3 * 2 * T * B * H * V


def spread(values):
    """Returns the median and the quartiles."""
    low, middle, high = np.percentile(values, [25, 50, 75])
    return {"median": float(middle), "quartiles": [float(low), float(high)]}


def measure(rounds):
    rng = np.random.default_rng(SEED)
    one, many = random_batch(rng, T, 1, V), random_batch(rng, T, B, V)
    single = language_model.init(rng, V, H, dtype=np.float32)
    double = language_model.init(rng, V, H, dtype=np.float64)
    product, product_operations = matrix_product(np.float32)
    seconds = timed(
        {
            "loops, float64": lambda: step_loops(double, one),
            "matrix products, float64": lambda: step(double, one),
            "matrix products, float32": lambda: step(single, one),
            "batch of 32, float32": lambda: step(single, many),
            "matrix product of 1536": product,
        },
        rounds,
    )
    rate = product_operations / seconds["matrix product of 1536"]
    floor = operations(T, 1, H, V) / rate
    return {
        "seconds": {name: spread(found) for name, found in seconds.items()},
        "rate": spread(rate),
        "floor_seconds": float(np.median(floor)),
        "faster_than_loops": spread(
            seconds["loops, float64"] / seconds["matrix products, float32"]
        ),
        "times_the_floor": spread(seconds["matrix products, float32"] / floor),
        "batch_share_of_rate": spread(
            operations(T, B, H, V) / seconds["batch of 32, float32"] / rate
        ),
        "largest_difference": largest_difference(rng),
        "growth": growth(rng, max(3, rounds // 5)),
    }


def largest_difference(rng):
    """Largest relative difference, in float64, between the full gradient in both forms."""
    params, batch = language_model.init(rng, V, H, dtype=np.float64), random_batch(rng, T, 1, V)
    _, loops = language_model.loss_and_gradient_loops(
        params, batch.inputs[:, 0], batch.targets[:, 0]
    )
    _, products = language_model.loss_and_gradient(params, batch, reduction="sum")
    return max(
        float(np.abs(a - b).max() / np.abs(a).max())
        for a, b in zip(tree.leaves(loops), tree.leaves(products), strict=True)
    )


def growth(rng, rounds):
    """Seconds and peak memory of a step against each size, the others as they are."""
    found = {}
    for size, values in GROWTH.items():
        seconds, memory = [], []
        for value in values:
            sizes = {"T": T, "B": B, "H": H, "V": V} | {size: value}
            params = language_model.init(rng, sizes["V"], sizes["H"])
            batch = random_batch(rng, sizes["T"], sizes["B"], sizes["V"])
            found_here = timed({"step": lambda p=params, b=batch: step(p, b)}, rounds)
            seconds.append(float(np.median(found_here["step"])))
            memory.append(peak_memory(params, batch))
        slope = np.polyfit(np.log(values), np.log(seconds), 1)[0]
        found[size] = {
            "values": values, "seconds": seconds, "bytes": memory, "slope": float(slope),
        }  # fmt: skip
    return found


def peak_memory(params, batch):
    """Returns the bytes that a step allocates beyond the parameters, at its peak."""
    import tracemalloc

    tracemalloc.start()
    step(params, batch)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def report(found):
    """Returns the measurements as lines to read."""
    lines = [
        f"C = V = {V}, H = {H}, T = {T}; one thread; float32 matrix products at"
        f" {found['rate']['median'] / 1e9:.0f} GFLOP/s",
        "",
        f"{'one step of SGD':28}{'ms':>9}   quartiles",
    ]
    for name, s in found["seconds"].items():
        low, high = (1e3 * q for q in s["quartiles"])
        lines.append(f"{name:28}{1e3 * s['median']:9.2f}   {low:.2f} to {high:.2f}")
    loops = found["seconds"]["loops, float64"]["median"]
    lines += [
        "",
        f"float32 products over float64 loops: {found['faster_than_loops']['median']:.1f}"
        " times faster    (aim: at least 18;"
        f" at the floor itself it would be {loops / found['floor_seconds']:.1f})",
        f"over the floor of {operations(T, 1, H, V) / 1e9:.3f} GFLOP at that rate:"
        f" {found['times_the_floor']['median']:.2f} times the floor    (aim: at most 2)",
        f"batch of {B}: {100 * found['batch_share_of_rate']['median']:.0f} % of the rate"
        "    (aim: at least 60 %)",
        f"largest relative difference of the two gradients: {found['largest_difference']:.1e}"
        "    (aim: at most 1e-12)",
        "",
        "growth: seconds ~ size^slope (1: linear)",
    ]
    for size, g in found["growth"].items():
        times = ", ".join(
            f"{v}: {1e3 * s:.1f} ms" for v, s in zip(g["values"], g["seconds"], strict=True)
        )
        memory = ", ".join(f"{b / 2**20:.0f}" for b in g["bytes"])
        lines.append(f"  {size}: slope {g['slope']:.2f} ({times}); MiB {memory}")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--record", action="store_true", help="write results/bench_step.json")
    record = parser.parse_args().record
    rounds = 40
    with threadpool_limits(1):
        found = measure(rounds)
    print(report(found))
    if record:
        settings = {"V": V, "H": H, "T": T, "B": B, "rounds": rounds, "threads": 1}
        path = records.write("bench_step", found, code=CODE, settings=settings, seed=SEED)
        print(f"\nwrote {path.relative_to(records.ROOT)}")


if __name__ == "__main__":
    sys.exit(main())
