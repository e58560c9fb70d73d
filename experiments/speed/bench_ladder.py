"""The ladder: one step of SGD from nested loops to the processor's limit, and in libraries.

    python -m experiments.speed.bench_ladder             prints
    python -m experiments.speed.bench_ladder --record    also writes results/bench_ladder.json

Each library runs in a process of its own (``ladder_worker``), because its number of threads is set
when it starts. Every rung but the last uses OpenBLAS's kernels for registers of 256 bits, whatever
OpenBLAS would choose by itself. The last rung uses the widest kernels that the processor can run.
All processes are started, compiled and warmed up first; then they take turns, some calls at a time,
round after round, so that whatever else the machine does disturbs all alike. Ratios are formed
within a round. After a turn on several threads there is a pause, because the threads of an idle
pool go on for some time in a loop and would take a core from the next turn. Seven minutes; an
interrupted run writes nothing. PyTorch, which the book does not install, is among the libraries
where it is there.
"""

from experiments import command_line

if __name__ == "__main__":  # before the imports, which take seconds
    parser = command_line.parser(__doc__)
    parser.add_argument(
        "--record", action="store_true", help="write results/bench_ladder.json"
    )
    given = parser.parse_args()

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from threadpoolctl import threadpool_info

from experiments.speed import ladder_worker
from experiments.speed.ladder_worker import CURVE, CURVE_OF_PEERS, B, H, T, V
from experiments.speed.timing import spread
from unrolled import records
from unrolled.speed import cost

ROUNDS, ROUNDS_OF_BATCHES = 30, 15
PAUSE = 0.2  # seconds; OpenBLAS's threads loop for 2^26 cycles before they sleep
PACKAGES = (
    "numpy",
    "scipy",
    "pytensor",
    "numba",
    "tensorflow",
    "keras",
    "jax",
    "jaxlib",
    "torch",
)

# Name: what it is; rows a step (B sentences); threads, 0: all.
RUNGS = {
    "loops": ("nested loops, float64", 1, 1),
    "loops_window": ("nested loops, four steps back", 1, 1),
    "products64": ("matrix products, float64", 1, 1),
    "products64_kept": ("matrix products, float64, memory kept", 1, 1),
    "products32": ("matrix products, float32", 1, 1),
    "products32_kept": ("matrix products, float32, memory kept", 1, 1),
    "in_place": ("in place", 1, 1),
    "fused": ("loss and gradient in one", 1, 1),
    "update": ("update inside the product", 1, 1),
    "kernels_loops": ("nested loops, wider kernels", 1, 1),
    "kernels": ("wider kernels", 1, 1),
    "one_pool": ("NumPy's products alone", 1, 1),
    "kernels_one_pool": ("NumPy's products alone, wider kernels", 1, 1),
    "package": ("the package's own step", 1, 1),
    "batch": (f"batch of {B}", B, 1),
    "batch_one_pool": (f"NumPy's products alone, batch of {B}", B, 1),
    "kernels_batch": (f"batch of {B}, wider kernels", B, 1),
    "package_batch": (f"the package's own step, batch of {B}", B, 1),
    **{
        f"threads_{key}{suffix}": (f"{label}{words}", size, 0)
        for key, label in (
            ("blas", "two pools of threads"),
            ("one_pool", "NumPy's threads alone"),
            ("rows", "rows on threads of our own"),
        )
        for suffix, words, size in (("", "", 1), ("_batch", f", batch of {B}", B))
    },
    **{
        f"{prefix}pytensor_{key}{suffix}": (f"PyTensor, {mode}{words}", size, threads)
        for prefix, threads in (("", 1), ("threads_", 0))
        for key, mode in (("c", "C"), ("numba", "Numba"), ("jax", "JAX"))
        for suffix, words, size in (("", "", 1), ("_batch", f", batch of {B}", B))
    },
    "keras_loop": ("Keras", 1, 1),
    "keras_unrolled": ("Keras, unrolled", 1, 1),
    "keras_xla": ("Keras with XLA", 1, 1),
    "keras_unrolled_xla": ("Keras with XLA, unrolled", 1, 1),
    "keras_loop_batch": (f"Keras, batch of {B}", B, 1),
    "keras_xla_batch": (f"Keras with XLA, batch of {B}", B, 1),
    **{
        f"{prefix}torch{kind}{suffix}": (f"PyTorch{compiled}{words}", size, threads)
        for prefix, threads in (("", 1), ("threads_", 0))
        for kind, compiled in (("", ""), ("_compiled", ", compiled"))
        for suffix, words, size in (("", "", 1), ("_batch", f", batch of {B}", B))
    },
    "jax": ("JAX", 1, 1),
    "jax_batch": (f"JAX, batch of {B}", B, 1),
    "threads_keras_loop": ("Keras", 1, 0),
    "threads_keras_xla": ("Keras with XLA", 1, 0),
    "threads_keras_loop_batch": (f"Keras, batch of {B}", B, 0),
    "threads_keras_xla_batch": (f"Keras with XLA, batch of {B}", B, 0),
    "threads_jax": ("JAX", 1, 0),
    "threads_jax_batch": (f"JAX, batch of {B}", B, 0),
}
BASE = "Haswell"  # OpenBLAS's kernels for registers of 256 bits
WIDE = {"SkylakeX", "Cooperlake", "SapphireRapids"}  # its kernels for 512 bits
# glibc's allocator then gives no freed memory back to the operating system.
KEPT = {"MALLOC_MMAP_THRESHOLD_": str(2**30), "MALLOC_TRIM_THRESHOLD_": str(2**30)}
FLAGS_OF_BASE = {"avx2", "fma"}
FLAGS = FLAGS_OF_BASE | {"avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"}


class Stopped(Exception):
    """A process ended in the middle."""


class Worker:
    """A process that holds the contestants of one group."""

    def __init__(self, group, threads, environment=None):
        """Starts it; ``ready`` waits until it has compiled."""
        self.name = f"{group}, {threads} threads" if threads > 1 else group
        self.threads = threads
        self.kernels = (environment or {}).get("OPENBLAS_CORETYPE")
        limits = dict.fromkeys(
            ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS"), str(threads)
        )
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "experiments.speed.ladder_worker",
                group,
                str(threads),
            ],
            cwd=records.ROOT,
            env=os.environ | limits | (environment or {}),
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.errors,
        )
        assert self.process.stdin and self.process.stdout
        self.asks, self.answers = self.process.stdin, self.process.stdout

    def line(self):
        """Returns its next answer."""
        answer = self.answers.readline()
        if not answer:
            self.errors.seek(0)
            last = (self.errors.read().strip().splitlines() or ["no message"])[-1]
            raise Stopped(f"the process of {self.name} ended: {last}")
        return answer

    def ready(self):
        """Returns {"names", "gaps"}, or {"missing": why}.

        Raises:
            Stopped: an OpenBLAS does not use the kernels that it was told to use.
        """
        answer = json.loads(self.line())
        used = answer.get("kernels", [])
        if self.kernels and "missing" not in answer and set(used) - {self.kernels}:
            raise Stopped(f"{self.name} uses the kernels {used}, not {self.kernels}")
        return answer

    def seconds(self, name):
        """Returns the time of one call, and its page faults, when its threads are asleep."""
        self.asks.write(f"{name}\n")
        self.asks.flush()
        took, faults = self.line().split()
        if self.threads > 1:
            time.sleep(PAUSE)
        return float(took), float(faults)

    def stop(self):
        """Ends it."""
        self.process.kill()
        self.process.wait()
        for stream in (self.asks, self.answers, self.errors):
            with contextlib.suppress(OSError):  # a pipe to a process that has gone
                stream.close()


def core_types():
    """Returns OpenBLAS's names of the kernels of the base and of the last rung, and a reason.

    Every rung but the last uses the base, whatever OpenBLAS would choose by itself. A name is None
    where it cannot be told; the reason says why there is no last rung, or is None.
    """
    np.ones((2, 2)) @ np.ones((2, 2))
    blas = [part for part in threadpool_info() if part["internal_api"] == "openblas"]
    if not blas:
        return None, None, "NumPy's BLAS is not OpenBLAS"
    chosen = blas[0].get("architecture")
    try:
        flags = set(
            Path("/proc/cpuinfo")
            .read_text()
            .split("flags", 1)[1]
            .split("\n")[0]
            .split()
        )
    except (OSError, IndexError):
        return None, None, "the processor does not say what it can do"
    base = BASE if flags >= FLAGS_OF_BASE else None
    if not flags >= FLAGS:
        return base, None, "the processor has no registers of 512 bits"
    return base, chosen if chosen in WIDE else "SkylakeX", None


def groups(cores):
    """Returns ([(group, threads, environment)], {group: why it is left out})."""
    base, wide, why_not = core_types()
    base = {"OPENBLAS_CORETYPE": base} if base else {}
    missing = {} if wide else {"wider kernels": why_not}
    wide = {"OPENBLAS_CORETYPE": wide} if wide else {}
    found = [("numpy_default", 1, base), ("numpy_kept", 1, base | KEPT)]
    if wide:
        found.append(("numpy_kernels", 1, wide))
    found += [("pytensor", 1, wide or base)]
    found += [(name, 1, {}) for name in ("keras", "jax", "torch")]
    if cores > 1:
        ours = ("numpy_threads", "numpy_one_pool", "numpy_rows")
        found += [(name, cores, base) for name in ours]
        found += [("pytensor", cores, wide or base)]
        found += [(name, cores, {}) for name in ("keras", "jax", "torch")]
    else:
        missing["all threads"] = "this machine has one core"
    return found, missing


def measure(wanted, rounds=ROUNDS, rounds_of_batches=ROUNDS_OF_BATCHES, say=print):
    """Returns (times, faults: name to one for each round; gaps; {library: why it is missing})."""
    workers, gaps, missing = [], {}, {}
    try:
        workers = [Worker(*group) for group in wanted]
        turns = []
        for worker in workers:
            answer = worker.ready()
            if "missing" in answer:
                missing[worker.name] = answer["missing"]
                continue
            say(f"ready: {worker.name}")
            gaps |= answer["gaps"]
            turns += [(worker, name) for name in answer["names"]]
        found = {name: [] for _, name in turns}
        for round_ in range(rounds):
            for worker, name in turns:
                if round_ < rounds_of_batches or not is_long(name):
                    found[name].append(worker.seconds(name))
        seconds = {name: np.array(pairs)[:, 0] for name, pairs in found.items()}
        faults = {
            name: float(np.median(np.array(pairs)[:, 1]))
            for name, pairs in found.items()
        }
        return seconds, faults, gaps, missing
    finally:
        for worker in workers:
            worker.stop()


def is_long(name):
    """Tells whether a contestant is measured in fewer rounds."""
    return name.endswith("_batch") or name.startswith(
        ("batch", "curve_", "buckets_", "copy")
    )


def ratio(a, b):
    """Returns the spread of a / b, round by round, over the rounds that both have."""
    n = min(len(a), len(b))
    return spread(a[:n] / b[:n])


def limits(seconds):
    """Returns {name: cost.Machine as a dictionary} of what was measured."""
    middle = {name: float(np.median(s)) for name, s in seconds.items()}
    bandwidth = 3 * 4 * V * H / middle["pass_in_cache"]
    machines: dict[str, Any] = {}
    for name, product, size, exponentials in (
        ("float64", "product64", 1024, "exponentials64"),
        ("float32", "product", 1536, "exponentials"),
        ("wide", "kernels_product", 1536, "exponentials"),
        ("wide64", "kernels_product64", 1024, "exponentials64"),
    ):
        if product not in middle:  # no wider kernels
            continue
        machines[name] = cost.Machine(
            rate=2 * size**3 / middle[product],
            bandwidth=bandwidth,
            exponential=middle[exponentials] / (T * V),
            call=middle["hundred_calls"] / 100,
        )._asdict()
    touched = (middle["first_touch"] - middle["second_touch"]) / (
        ladder_worker.FRESH / 4096
    )
    machines["page_fault"] = max(touched, 0.0)
    machines["memory_bandwidth"] = 2 * 4 * 2**25 / middle["copy_in_memory"]
    return machines


def counts():
    """Returns {rung: (calls, bytes a number, machine)} of what ``cost`` counts."""
    sizes = T, 1, H, V
    many = cost.updating(T, B, H, V, rows_at_once=128)
    alone = cost.updating(*sizes, in_numpy=True)
    return {
        "loops": (cost.loops(T, H, V), 8, "float64"),
        "products64": (cost.plain(*sizes), 8, "float64"),
        "products64_kept": (cost.plain(*sizes), 8, "float64"),
        "products32": (cost.plain(*sizes), 4, "float32"),
        "products32_kept": (cost.plain(*sizes), 4, "float32"),
        "in_place": (cost.in_place(*sizes), 4, "float32"),
        "fused": (cost.fused(*sizes), 4, "float32"),
        "update": (cost.updating(*sizes), 4, "float32"),
        "kernels": (cost.updating(*sizes), 4, "wide"),
        "kernels_one_pool": (alone, 4, "wide"),
        "batch": (many, 4, "float32"),
        "kernels_batch": (many, 4, "wide"),
    }


def rungs(seconds, faults, gaps):
    """Returns what is said of every rung that was measured."""
    machines, counted, found = limits(seconds), counts(), {}
    for name, (label, size, threads) in RUNGS.items():
        if name not in seconds:
            continue
        took, wide = (
            seconds[name],
            "pytensor" not in name and "kernels" in name,
        )
        product = seconds["kernels_product" if wide else "product"]
        floor = cost.floor(T, size, H, V, rate=2 * 1536**3 / product)
        row = {
            "label": label,
            "sentences": size,
            "threads": threads or "all",
            "seconds": spread(took),
            "words_per_second": spread(T * size / took),
            # of a batch, the loops over all of its sentences
            "faster_than_loops": ratio(size * seconds["loops"], took),
        }
        if threads == 1:
            row["times_the_floor"] = ratio(took, floor)
        if name in gaps:
            row["gap"] = gaps[name]
        if name in counted:
            calls, itemsize, machine = counted[name]
            row |= cost.total(calls, itemsize)._asdict()
            row["page_faults"] = faults[name]
            row["predicted_seconds"] = (
                cost.seconds(calls, itemsize, cost.Machine(**machines[machine]))
                + faults[name] * machines["page_fault"]
            )
        found[name] = row
    return found


def summary(seconds, faults, gaps, missing):
    """Returns the results of the record."""
    ladder = rungs(seconds, faults, gaps)
    floor = cost.floor(T, 1, H, V, rate=2 * 1536**3)
    wide = "kernels" in seconds
    alone = {
        "times_the_floor": ratio(seconds["products_alone"], floor * seconds["product"]),
        "loops_over_it": ratio(seconds["loops"], seconds["products_alone"]),
        "share_of_step": ratio(seconds["products_alone"], seconds["update"]),
    }
    if wide:
        alone["wide_times_the_floor"] = ratio(
            seconds["kernels_products_alone"], floor * seconds["kernels_product"]
        )
    return {
        "rungs": ladder,
        "machine": limits(seconds),
        "missing": missing,
        "loops_over_floor": ratio(seconds["loops"], floor * seconds["product"]),
        "products_alone": alone,
        "over_the_posts_loops": {
            name: ratio(seconds["loops_window"], seconds[name])
            for name in ("products64", "package", "update", "kernels", "jax")
            if name in seconds
        },
        "faster_than": faster_than(seconds),
        "gains_of_threads": gains_of_threads(seconds),
        "curve": curve(seconds),
        "buckets": bucketing(seconds),
        **(
            {
                "loops_over_wide_floor": ratio(
                    seconds["loops"], floor * seconds["kernels_product"]
                ),
                "wide_over_base_rate": ratio(
                    seconds["product"], seconds["kernels_product"]
                ),
            }
            if wide
            else {}
        ),
    }


def fastest(names, seconds):
    """Returns the name with the smallest median among those that were measured, or None."""
    there = [name for name in names if name in seconds]
    return min(there, key=lambda name: np.median(seconds[name]), default=None)


def faster_than(seconds):
    """Returns how many times as fast the fastest of our steps is as each library's fastest."""
    libraries = {
        "pytensor": ["pytensor_c", "pytensor_numba", "pytensor_jax"],
        "keras": ["keras_loop", "keras_unrolled"],
        "keras_with_xla": ["keras_xla", "keras_unrolled_xla"],
        "jax": ["jax"],
        "torch": ["torch", "torch_compiled"],
    }
    ours = {
        "": ["update", "one_pool", "kernels", "kernels_one_pool"],
        "_batch": ["batch", "batch_one_pool", "kernels_batch"],
    }
    found = {}
    for threads in ("", "threads_"):
        for suffix, own in ours.items():
            if threads:
                own = [f"threads_{kind}{suffix}" for kind in ("one_pool", "rows")]
            own = fastest(own, seconds)
            for library, forms in libraries.items():
                rival = fastest([f"{threads}{f}{suffix}" for f in forms], seconds)
                if own and rival:
                    found[f"{threads}{library}{suffix}"] = {
                        "ours": own,
                        "rival": rival,
                        **ratio(seconds[rival], seconds[own]),
                    }
    return found


def gains_of_threads(seconds):
    """Returns how many times as fast each program is on all threads as on one."""
    pairs = {
        "blas": "update",
        "one_pool": "one_pool",
        "rows": "one_pool",
        "keras_loop": "keras_loop",
        "keras_xla": "keras_xla",
        "jax": "jax",
        **{f"pytensor_{mode}": f"pytensor_{mode}" for mode in ("c", "numba", "jax")},
        "torch": "torch",
        "torch_compiled": "torch_compiled",
    }
    of_batch = {"update": "batch", "one_pool": "batch_one_pool"}
    found = {}
    for name, single in pairs.items():
        for suffix in ("", "_batch"):
            one = of_batch.get(single, f"{single}_batch") if suffix else single
            many = f"threads_{name}{suffix}"
            if one in seconds and many in seconds:
                found[f"{name}{suffix}"] = ratio(seconds[one], seconds[many])
    return found


def curve(seconds):
    """Returns words a second against B, and the line that the times of our steps lie on."""
    ours = [float(np.median(seconds[f"curve_{size}"])) for size in CURVE]
    fixed, each = line(CURVE, ours)
    found = {
        "B": list(CURVE),
        "seconds": ours,
        "words_per_second": [T * size / s for size, s in zip(CURVE, ours, strict=True)],
        "seconds_fixed": fixed,
        "seconds_each": each,
        "half_at": fixed / each,
        "peers": {},
    }
    for peer in ("keras_xla", "jax"):
        names = [f"curve_{peer}_{size}" for size in CURVE_OF_PEERS]
        if all(name in seconds for name in names):
            found["peers"][peer] = {
                "B": list(CURVE_OF_PEERS),
                "words_per_second": [
                    T * size / float(np.median(seconds[name]))
                    for size, name in zip(CURVE_OF_PEERS, names, strict=True)
                ],
            }
    return found


def line(sizes, seconds):
    """Returns (fixed, each) of fixed + each · B, fitted to relative errors."""
    sizes, seconds = np.array(sizes, float), np.array(seconds)
    design = np.stack([1 / seconds, sizes / seconds], axis=1)
    fixed, each = np.linalg.lstsq(design, np.ones(len(sizes)), rcond=None)[0]
    return float(fixed), float(each)


def bucketing(seconds):
    """Returns the share of padding and the words a second of the three ways to batch."""
    batches = ladder_worker.buckets(np.random.default_rng(ladder_worker.SEED))
    words = sum(int(batch.mask.sum()) for batch in batches["buckets_bucketed"])
    found = {}
    for name, some in batches.items():
        cells = sum(batch.mask.size for batch in some)
        found[name.removeprefix("buckets_")] = {
            "padding": 1 - words / cells,
            "words_per_second": spread(words / seconds[name]),
        }
    return found | {
        "gain": ratio(seconds["buckets_everywhere"], seconds["buckets_bucketed"]),
        "gain_with_mask": ratio(
            seconds["buckets_as_they_come"], seconds["buckets_bucketed"]
        ),
    }


def report(found):
    """Returns the measurements as lines to read."""
    machine, ladder = found["machine"], found["rungs"]
    lines = [
        f"C = V = {V}, H = {H}, T = {T}. Products at {machine['float32']['rate'] / 1e9:.0f}"
        f" GFLOP/s in float32, with wider kernels"
        f" {machine.get('wide', {'rate': np.nan})['rate'] / 1e9:.0f};"
        f" {machine['float32']['bandwidth'] / 1e9:.0f} GB/s in the cache,"
        f" {machine['memory_bandwidth'] / 1e9:.0f} from memory",
        "",
        f"{'one step of SGD':46}{'ms':>9}  {'quartiles':16}{'counted':>8}{'loops':>8}{'floors':>8}",
    ]
    for row in ladder.values():
        low, high = (1e3 * q for q in row["seconds"]["quartiles"])
        counted = 1e3 * row.get("predicted_seconds", np.nan)
        floors = row.get("times_the_floor", {"median": np.nan})["median"]
        label = row["label"] + (" (all threads)" if row["threads"] == "all" else "")
        lines.append(
            f"{label:46}{1e3 * row['seconds']['median']:9.2f}  {f'{low:.2f} to {high:.2f}':16}"
            f"{counted:8.2f}{row['faster_than_loops']['median']:8.1f}{floors:8.2f}"
        )
    lines += ["", *aims(found), ""]
    curve, buckets = found["curve"], found["buckets"]
    pairs = zip(curve["B"], curve["words_per_second"], strict=True)
    rates = ", ".join(f"{b}: {words / 1e3:.1f}" for b, words in pairs)
    lines.append(f"thousand words a second against B: {rates}")
    lines.append(
        f"padding {buckets['as_they_come']['padding']:.0%}, bucketed"
        f" {buckets['bucketed']['padding']:.0%}: {buckets['gain']['median']:.2f} times the words"
    )
    lines += [f"missing: {name}: {why}" for name, why in found["missing"].items()]
    return "\n".join(lines)


def aims(found):
    """Returns what was to be reached, and what was."""
    ladder, alone = found["rungs"], found["products_alone"]
    told = []
    for name in ("update", "one_pool", "kernels", "batch", "batch_one_pool"):
        if name not in ladder:
            continue
        row = ladder[name]
        told.append(
            f"{row['label']}: {row['faster_than_loops']['median']:.1f} times as fast as the loops"
            f" (aim 20), {row['times_the_floor']['median']:.2f} times its floor (aim 1.5)"
        )
    told.append(
        f"the floor itself: {found['loops_over_floor']['median']:.1f} times; the three products in"
        f" the step's shapes: {alone['times_the_floor']['median']:.2f} times their floor"
    )
    for name, row in found["faster_than"].items():
        rival = ladder[row["rival"]]["label"]
        told.append(
            f"{ladder[row['ours']]['label']} against {rival}:"
            f" {row['median']:.2f} times as fast (aim 1; {name})"
        )
    told += [
        f"all threads against one, {name}: {row['median']:.2f} times as fast"
        for name, row in found["gains_of_threads"].items()
    ]
    return told


def main(record):
    run = records.begin("bench_ladder")
    cores = (
        len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count()
    )
    wanted, left_out = groups(cores)
    # its processes are ended too
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        seconds, faults, gaps, missing = measure(
            wanted, say=lambda text: print(text, flush=True)
        )
    except KeyboardInterrupt:
        return "experiments.speed.bench_ladder: stopped; nothing was written"
    except Stopped as error:
        return f"experiments.speed.bench_ladder: {error}; nothing was written"
    found = summary(seconds, faults, gaps, left_out | missing)
    print(report(found))
    if record:
        base, wide, _ = core_types()
        settings = {
            "kernels": {"base": base, "wide": wide},
            "V": V,
            "H": H,
            "T": T,
            "B": B,
            "rounds": ROUNDS,
            "rounds_of_batches": ROUNDS_OF_BATCHES,
            "cores": cores,
        }
        path = records.write(
            run,
            found,
            settings=settings,
            seed=ladder_worker.SEED,
            packages=tuple(p for p in PACKAGES if records.is_installed(p)),
        )
        print(f"\nwrote {path.relative_to(records.ROOT)}")
    return 0


RECORDS = {"bench_ladder": (groups, measure, summary)}
MINUTES = 5
ALONE = True
ARGUMENTS = {"bench_ladder": ("--record",)}

if __name__ == "__main__":
    sys.exit(main(given.record))
