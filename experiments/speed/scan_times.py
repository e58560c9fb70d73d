"""The time of a linear recurrence: one step after another, or as a scan.

    python -m experiments.speed.scan_times

Writes results/scan_times.json. About two minutes. Needs JAX for the compiled forms.

Each form computes the states of T steps for several widths, that is, for several numbers of
independent recurrences (batch times units). A measurement runs in a process that may use one core
or two. NumPy's forms use two cores by giving each of two threads half of the width; JAX's compiled
forms use them as XLA sees fit. Two times are recorded, each the shortest of many runs: the time
that passed, which other work on the device can lengthen, and the processor's time, which is that of
all cores together.
"""

import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from experiments import command_line
from unrolled import records
from unrolled.layers import scan

LENGTHS = (64, 1024, 16384)
WIDTHS = (1, 64, 1024)
THREADS = (1, 2)
SEED = 0
SECONDS = 0.2  # of the processor for each measurement, and at least FEWEST runs
FEWEST = 3
NUMPY = {
    "loop": scan.sequential,
    "Hillis-Steele": scan.hillis_steele,
    "Blelloch": scan.blelloch,
    "chunked": scan.chunked,
}
COMPILED = ("compiled loop", "compiled scan")


def halves(run, f, g, pool):
    """Runs a form on both halves of the width, each in its own thread."""
    middle = f.shape[1] // 2
    parts = [
        np.ascontiguousarray(a[:, part])
        for part in (slice(middle), slice(middle, None))
        for a in (f, g)
    ]
    jobs = [(parts[0], parts[1]), (parts[2], parts[3])]
    return lambda: list(pool.map(lambda job: run(*job), jobs))


def compiled():
    """Returns JAX's loop and its associative scan as functions of (f, g)."""
    import jax
    from jax import lax

    def loop(f, g):
        def step(h, x):
            h = x[0] * h + x[1]
            return h, h

        return lax.scan(step, 0 * g[0], (f, g))[1]

    def tree(f, g):
        return lax.associative_scan(scan.combine, (f, g))[1]

    def ready(function):
        function = jax.jit(function)
        return lambda f, g: function(f, g).block_until_ready()

    return {"compiled loop": ready(loop), "compiled scan": ready(tree)}


def shortest(function):
    """Returns the shortest times of a function in seconds, after one run that is not counted."""
    function()
    passed, busy, end = [], [], time.process_time() + SECONDS
    while len(passed) < FEWEST or time.process_time() < end:
        start, busy_start = time.perf_counter(), time.process_time()
        function()
        busy.append(time.process_time() - busy_start)
        passed.append(time.perf_counter() - start)
    return {"seconds": min(passed), "processor_seconds": min(busy)}


def measured(threads):
    """Returns the times of all forms: a form, T, width and threads, and ``shortest``."""
    rng = np.random.default_rng(SEED)
    rows = []
    with ThreadPoolExecutor(threads) as pool:
        for T in LENGTHS:
            for width in WIDTHS:
                f = rng.uniform(0.5, 1, (T, width)).astype(np.float32)
                g = rng.standard_normal((T, width)).astype(np.float32)
                wanted = scan.sequential(f, g)
                for name, run in {**NUMPY, **compiled()}.items():
                    np.testing.assert_allclose(run(f, g), wanted, rtol=1e-3, atol=1e-3)
                    if name in NUMPY and threads > 1:
                        if width == 1:
                            continue  # a single recurrence has no halves
                        call = halves(run, f, g, pool)
                    else:
                        call = lambda run=run, f=f, g=g: run(f, g)  # noqa: E731
                    rows.append(
                        {
                            "form": name,
                            "T": T,
                            "width": width,
                            "threads": threads,
                        }
                        | shortest(call)
                    )
    return rows


def measure(threads):
    """Runs ``measured`` in a process that may use so many cores."""
    program = (
        "import json; from experiments.speed import scan_times;"
        f"print(json.dumps(scan_times.measured({threads})))"
    )
    cores = sorted(os.sched_getaffinity(0))[:threads]
    if len(cores) < threads:
        raise RuntimeError(f"{threads} cores are needed, and {len(cores)} are there")
    found = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        check=True,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    return json.loads(found.stdout.splitlines()[-1])


def main():
    run = records.begin("scan_times")
    rows = [row for threads in THREADS for row in measure(threads)]
    path = records.write(
        run,
        {"rows": rows},
        settings={
            "lengths": list(LENGTHS),
            "widths": list(WIDTHS),
            "threads": list(THREADS),
            "precision": "float32",
        },
        seed=SEED,
    )
    print(path.relative_to(records.ROOT))


RECORDS = {"scan_times": main}
MINUTES = 2
ALONE = True


if __name__ == "__main__":
    command_line.parser(__doc__).parse_args()
    main()
