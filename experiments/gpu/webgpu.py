"""The kernels in WGSL on whichever adapter there is: proved in NumPy, then timed.

Every kernel is compared with float64 NumPy first. Then its dispatches are repeated in one pass, by
turns with those that it is compared with, and timed by the timestamps of the adapter or, where it
has none, by the clock. Nothing is copied to or from the adapter while it is timed. A software
adapter is a program for the processor: its times are recorded as such, and are not a GPU's.
"""

import hashlib
import time

import numpy as np

from experiments.gpu import proof, wgsl_proofs
from experiments.speed.timing import spread
from unrolled import tree
from unrolled.speed import gpu_tables
from unrolled.webgpu import (
    device,
    output_layer,
    product,
    recurrence,
    scan,
    training,
    update,
)

SEED = 0
NEEDS = 1 << 30
SECONDS = 140
PACKAGES = ("wgpu",)
PARTS = {
    "products": ("wgpu",),
    "output layer": ("wgpu",),
    "update": ("wgpu",),
    "RNN": ("wgpu",),
    "LSTM": ("wgpu",),
    "GRU": ("wgpu",),
    "training": ("wgpu",),
    "scan": ("wgpu",),
}
ADAPTER = "webgpu"  # not an NVIDIA GPU
ENOUGH = 0.02  # seconds of a measurement
MOST = 200  # repetitions in a measurement
TRAINED = ("rnn", "lstm", "gru")  # the cells of whole training steps


def settings(rehearsal):
    """Returns the sizes; the sequence of each list ends where a step takes too long."""
    if rehearsal:
        return {
            "products": [32, 48],
            "rows": [[3, 5, 7]],
            "entries": [100],
            "recurrences": [[3, 2, 5]],
            "steps": [[3, 2, 5, 17]],
            "scans": [[150, 3]],
            "rounds": 2,
            "longest": 1.0,
        }
    return {
        "products": [128, 256, 512, 1024, 2048, 4096],  # rows and columns
        "rows": [[45, 100, 8000], [1440, 100, 8000]],  # N, H, V
        "entries": [1_000_000],
        "recurrences": [[45, 1, 100], [64, 32, 128], [64, 32, 256]],  # T, B, H
        "steps": [[45, 1, 100, 8000], [45, 8, 100, 8000]],  # T, B, H, V
        "scans": [[1024, 64], [16384, 64]],  # T, D
        "rounds": 7,
        "longest": 1.5,  # seconds of a pass
    }


def run(part, sizes):
    """Returns the adapter, the largest gap of the proofs, and the times by size.

    Raises:
        proof.Wrong: a kernel's answer is not NumPy's.
    """
    gpu = device.open_gpu()
    prove, time_it = {
        "products": (prove_products, time_products),
        "output layer": (prove_output_layer, time_output_layer),
        "update": (prove_update, time_update),
        "training": (prove_training, time_training),
        "scan": (prove_scan, time_scan),
    }.get(part, (prove_recurrence, time_recurrence))
    gap = prove(gpu, part.lower())
    found = {
        "adapter": gpu.described() | {"software": gpu.is_software()},
        "kernels": kernels(),
        "clock": "timestamps" if gpu.has_timestamps else "host",
        "gap": gap,
        "times": {},
        "stopped": None,
    }
    for name, contestants in time_it(gpu, part.lower(), sizes):
        gpu.wait()
        slowest = max(once(gpu, dispatches) for dispatches in contestants.values())
        if slowest > sizes["longest"]:
            found["stopped"] = f"before {name}: a pass took {slowest:.1f} s"
            break
        found["times"][name] = contest(gpu, contestants, sizes["rounds"])
    return found


def kernels():
    """Returns a digest of all kernels, for a page to see whether a record is of these."""
    texts = [path.read_bytes() for path in sorted(device.FOLDER.glob("*.wgsl"))]
    return hashlib.sha256(b"\n".join(texts)).hexdigest()[:16]


# --- Proofs --------------------------------------------------------------------------------------


def checked(gaps, tolerance):
    """Returns the largest gap, or raises Wrong."""
    worst = max(gaps)
    if not worst <= tolerance:
        raise proof.Wrong(
            f"a kernel is off by {worst:.1e} of its largest entry ({tolerance:.0e})"
        )
    return worst


def prove_products(gpu, part):
    gaps = [
        gap
        for kernel in product.TILES
        for size in [(5, 3, 7), (70, 130, 33)]
        for gap in wgsl_proofs.of_product(gpu, kernel, *size)
    ]
    return checked(gaps, wgsl_proofs.VALUES)


def prove_output_layer(gpu, part):
    return checked(wgsl_proofs.of_output_layer(gpu, 11, 9, 301), wgsl_proofs.GRADIENTS)


def prove_update(gpu, part):
    return checked([wgsl_proofs.of_descent(gpu, 300, 451)], wgsl_proofs.VALUES)


def prove_recurrence(gpu, cell):
    sizes = [(7, 3, 5), (5, 2, 131)]
    forward = [wgsl_proofs.of_forward(gpu, cell, *size) for size in sizes]
    forward += [wgsl_proofs.of_forward(gpu, cell, *size, steps=1) for size in sizes]
    backward = [gap for s in sizes for gap in wgsl_proofs.of_backward(gpu, cell, *s)]
    checked(forward, wgsl_proofs.VALUES)
    return checked(forward + backward, wgsl_proofs.GRADIENTS)


def prove_training(gpu, part):
    gaps = []
    for cell in TRAINED:
        for size in [(7, 3, 5, 13), (5, 2, 131, 301)]:
            loss, others = wgsl_proofs.of_training_step(gpu, cell, *size)
            gaps += [checked([loss], wgsl_proofs.VALUES), *others]
    return checked(gaps, wgsl_proofs.GRADIENTS)


def prove_scan(gpu, part):
    gaps, gradients = [], []
    for T, D in [(7, 3), (129, 5), (1000, 3)]:
        for chunk in (None, T):
            gaps.append(wgsl_proofs.of_scan(gpu, T, D, chunk))
            gradients += wgsl_proofs.of_scan_gradient(gpu, T, D, chunk)
    checked(gaps, wgsl_proofs.VALUES)
    return checked(gaps + gradients, wgsl_proofs.GRADIENTS)


# --- What is timed: (its size, {contestant: dispatches}) -----------------------------------------


def time_products(gpu, part, sizes):
    """Yields the kernels; and the tiled one without barriers, whose answers may be wrong."""
    for n in sizes["products"]:
        a, b = (gpu.array(wgsl_proofs.random(seed, n, n)) for seed in (0, 1))
        contestants = {}
        for kernel in product.TILES:
            with gpu.recorded() as contestants[kernel]:
                product.matmul(gpu, a, b, kernel)
        with gpu.recorded() as contestants["tiled, without barriers"]:
            unordered = device.source("product_tiled").replace(
                "workgroupBarrier();", ""
            )
            workgroups = -(-n // product.TILES["tiled"])
            gpu.run(
                unordered,
                [n, n, n, n, 1, n, 1],
                [a, b, gpu.zeros(n, n)],
                (workgroups, workgroups),
            )
        yield str(n), contestants


def time_output_layer(gpu, part, sizes):
    for N, H, V in sizes["rows"]:
        h, W_y = wgsl_proofs.random(0, N, H), wgsl_proofs.random(1, H, V)
        targets = np.random.default_rng(2).integers(0, V, N)
        with gpu.recorded() as dispatches:
            output_layer.output_layer(gpu, h, W_y, np.zeros(V), targets, scale=1 / N)
        yield f"N = {N}, H = {H}, V = {V}", {"loss and gradient": dispatches}


def time_update(gpu, part, sizes):
    for entries in sizes["entries"]:
        p, dp = gpu.zeros(entries), gpu.zeros(entries)
        with gpu.recorded() as dispatches:
            update.descend(gpu, p, dp, 0.1)
        yield f"{entries} entries", {"descent": dispatches}


def time_recurrence(gpu, cell, sizes):
    for T, B, H in sizes["recurrences"]:
        p, x, first, dh = wgsl_proofs.recurrence_problem(cell, T, B, H)
        h0, c0 = (*first, None)[:2]
        a = x @ p.W_x + p.b
        contestants = {}
        with gpu.recorded() as contestants["forward, one dispatch"]:
            _, cache = recurrence.forward(gpu, cell, p.W_h, a, h0, c0)
        with gpu.recorded() as contestants["forward, a dispatch a step"]:
            recurrence.forward(gpu, cell, p.W_h, a, h0, c0, 1)
        with gpu.recorded() as contestants["backward, one dispatch"]:
            recurrence.backward(gpu, cache, dh)
        yield f"T = {T}, B = {B}, H = {H}", contestants


def time_training(gpu, part, sizes):
    """Yields whole steps of the posts' network, and of the same with an LSTM."""
    for T, B, H, V in sizes["steps"]:
        contestants = {}
        for cell in TRAINED:
            p, batch = wgsl_proofs.language_problem(cell, T, B, H, V)
            batch = batch._replace(mask=np.ones_like(batch.mask))
            there = training.upload(gpu, tree.map(np.float32, p))
            words = training.words(gpu, there, batch)
            with gpu.recorded() as contestants[f"{cell.upper()}, a step"]:
                training.step(gpu, there, words, 1e-6)
        yield f"T = {T}, B = {B}, H = {H}, V = {V}", contestants


def time_scan(gpu, part, sizes):
    """Yields a scan; and the same steps one after another, by one invocation for a column."""
    for T, D in sizes["scans"]:
        f, g, h0, dh = wgsl_proofs.scan_problem(T, D)
        f, g, dh = gpu.array(f * 0.9), gpu.array(g), gpu.array(dh)
        cache = scan.Cache(f, gpu.array(np.concatenate([h0[None], np.zeros((T, D))])))
        contestants = {}
        with gpu.recorded() as contestants["forward, scan"]:
            scan.run_forward(gpu, cache, g)
        with gpu.recorded() as contestants["forward, one invocation"]:
            scan.run_forward(gpu, cache, g, chunk=T)
        with gpu.recorded() as contestants["backward, scan"]:
            scan.run_backward(gpu, cache, dh)
        yield f"T = {T}, D = {D}", contestants


# --- Clocks --------------------------------------------------------------------------------------


def contest(gpu, contestants, rounds):
    """Returns {name: median, quartiles, dispatches, repetitions} and ratios to the first.

    The contestants take turns. Each has run before the first round.
    """
    repeats = {
        name: int(np.clip(round(ENOUGH / max(once(gpu, d), 1e-7)), 1, MOST))
        for name, d in contestants.items()
    }
    seconds = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, dispatches in contestants.items():
            taken = once(gpu, dispatches, repeats[name])
            seconds[name].append(taken / repeats[name])
    first = next(iter(contestants))
    found = {}
    for name, dispatches in contestants.items():
        ratios = np.array(seconds[first]) / np.array(seconds[name])
        found[name] = spread(seconds[name]) | {
            "dispatches": len(dispatches),
            "repeats": repeats[name],
            "first_over_this": spread(ratios),
        }
    return found


def once(gpu, dispatches, times=1):
    """Returns the seconds of a pass: of the adapter's timestamps, or of the clock."""
    if gpu.has_timestamps:
        return gpu.seconds(dispatches, times)
    start = time.perf_counter()
    gpu.submit(dispatches, times)
    gpu.wait()
    return time.perf_counter() - start


report = gpu_tables.webgpu


RECORDS = {"gpu/webgpu": (settings, run)}
