"""One process of ``bench_ladder.py``: it holds steps of one library, ready to be timed.

    python -m experiments.speed.ladder_worker GROUP THREADS

It prints one line of JSON when everything is compiled and warm: its names, how far each step's new
weights are from NumPy's in float64, and which kernels its OpenBLAS uses. Then it reads names and
answers each with the seconds that one call took and the page faults in it: the median of some calls
in a row, as in training, after one that is not timed and brings the arrays into the caches. THREADS
is 1 or the number of cores; with 1, the process keeps to one core, whatever a library's threads
would like.
"""

import functools
import json
import mmap
import os
import sys
import time

from experiments import command_line

if __name__ == "__main__":
    parser = command_line.parser(__doc__)
    parser.add_argument("group", metavar="GROUP")
    parser.add_argument("threads", metavar="THREADS", type=int)
    parser.parse_args()

GROUP, THREADS = (sys.argv[1], int(sys.argv[2])) if __name__ == "__main__" else ("", 1)
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # Keras with its fastest kernels
os.environ.setdefault("PYTENSOR_FLAGS", "blas__ldflags=,floatX=float32")
# before a library counts cores
if GROUP and THREADS == 1 and hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

import numpy as np  # noqa: E402
from threadpoolctl import threadpool_info, threadpool_limits  # noqa: E402

from experiments.speed.timing import matrix_product  # noqa: E402
from unrolled import tree  # noqa: E402
from unrolled.data import text  # noqa: E402
from unrolled.models import language_model  # noqa: E402
from unrolled.speed import sgd_step  # noqa: E402
from unrolled.training.optimizers import sgd  # noqa: E402

SEED = 0
V, H, T, B = 8000, 100, 45, 32
CURVE = (1, 2, 4, 8, 16, 32, 64, 128)
CURVE_OF_PEERS = (1, 8, 32, 128)
SENTENCES = 256  # of the bucketing rung
FRESH = 2**23  # bytes
IN_A_ROW = 0.02  # seconds
RATE = 1e-6  # so small that a benchmark's thousand steps change nothing
GEMM = sgd_step.subtract_product  # SciPy's BLAS, which has threads of its own


def random_batch(rng, size):
    """Returns a Batch of sentences of T random words."""
    ids = rng.integers(0, V, (T + 1, size))
    return text.Batch(ids[:-1], ids[1:], np.ones((T, size), bool))


def package_step(p, batch):
    """The package's own step: a gradient for any optimizer, then SGD."""
    _, gradient = language_model.loss_and_gradient(p, batch, reduction="sum")
    sgd(p, gradient, learning_rate=RATE)


def loops_step(p, batch, window=None):
    """The same step for one sentence, word by word, output by output."""
    inputs, targets = batch.inputs[:, 0], batch.targets[:, 0]
    _, gradient = language_model.loss_and_gradient_loops(p, inputs, targets, window)
    sgd(p, gradient, learning_rate=RATE)


class Contestants:
    """Functions under names; the steps among them, with the gap of their weights to NumPy's."""

    def __init__(self):
        self.functions, self.gaps = {}, {}
        rng = np.random.default_rng(SEED)
        self.p = language_model.init(rng, V, H)
        self.batches = {
            size: random_batch(rng, size) for size in sorted({1, B, *CURVE})
        }

    def params(self, dtype=np.float32):
        """Returns a copy of the weights, which a step may overwrite."""
        return tree.map(lambda w: w.astype(dtype), self.p)

    def add(self, name, function):
        function()
        self.functions[name] = function

    def add_ours(self, name, size=1, dtype=np.float32, step=sgd_step.step, **options):
        """Adds ``sgd_step.step`` or another step with some options."""
        p, batch, work = self.params(dtype), self.batches[size], sgd_step.Workspace()
        take = lambda q, rate: step(q, batch, rate, work, **options)  # noqa: E731
        self.gaps[name] = self.gap(lambda q: take(q, LARGE), size, dtype)
        self.add(name, lambda: take(p, RATE))

    def add_theirs(self, name, compile_step, size=1):
        """Adds a framework's step: ``compile_step(p, rate)`` to (step, params)."""
        batch = self.batches[size]
        inputs, targets = batch.inputs.astype(np.int32), batch.targets.astype(np.int32)

        def take_and_copy(q):
            step, params = compile_step(q, LARGE)
            step(inputs, targets)
            tree.map(lambda w, new: w.__setitem__(slice(None), new), q, params())

        if name in CHECKED:
            self.gaps[name] = self.gap(take_and_copy, size, np.float32)
        step, _ = compile_step(self.p, RATE)
        self.add(name, lambda: step(inputs, targets))

    def gap(self, take, size, dtype):
        """Largest difference of a gradient from NumPy's in float64, relative to its largest."""
        before, found = self.params(np.float64), self.params(dtype)
        take(found)
        _, right = sgd_step.reference_step(before, self.batches[size], LARGE)
        return max(
            float(np.abs(a - b).max() / np.abs(b - c).max())
            for a, b, c in zip(*map(tree.leaves, (found, right, before)), strict=True)
        )


# a rate at which the new weights show the gradient, not the rounding of the old
LARGE = 1.0
CHECKED = {
    "keras_loop",
    "keras_xla",
    "jax",
    "torch",
    "pytensor_numba",
    "pytensor_c",
    "pytensor_jax",
}


# --- groups --------------------------------------------------------------------------------------


def numpy_default(found):
    """The climb on one thread, and what the processor can do, with the kernels of the base."""
    one, many = found.batches[1], found.batches[B]
    double, single = found.params(np.float64), found.params()
    found.add("loops", lambda: loops_step(double, one))
    found.add("loops_window", lambda: loops_step(double, one, window=4))
    found.add("products64", lambda: sgd_step.reference_step(double, one, RATE))
    found.add("products32", lambda: sgd_step.reference_step(single, one, RATE))
    found.add("package", lambda: package_step(single, one))
    found.add_ours("in_place", output=sgd_step.output_in_place)
    found.add_ours("fused", output=sgd_step.output_fused)
    found.add_ours("update", subtract=GEMM)
    found.add_ours("one_pool")
    found.add("package_batch", lambda: package_step(single, many))
    found.add_ours("batch", size=B, subtract=GEMM)
    found.add_ours("batch_one_pool", size=B)
    for size in CURVE:
        found.add_ours(f"curve_{size}", size=size)
    for name, batches in buckets(np.random.default_rng(SEED)).items():
        p, work = found.params(), sgd_step.Workspace()
        found.add(
            name,
            lambda p=p, work=work, batches=batches: [
                sgd_step.step(p, batch, RATE, work) for batch in batches
            ],
        )
    machine(found)


def numpy_kernels(found):
    """The climb's last step where BLAS was told to use the processor's widest instructions."""
    double, one = found.params(np.float64), found.batches[1]
    found.add("kernels_loops", lambda: loops_step(double, one))
    found.add_ours("kernels", subtract=GEMM)
    found.add_ours("kernels_one_pool")
    found.add_ours("kernels_batch", size=B, subtract=GEMM)
    machine(found, prefix="kernels_")


def numpy_kept(found):
    """Matrix products where the allocator keeps freed memory, so that no page is new."""
    one = found.batches[1]
    for bits, dtype in ((64, np.float64), (32, np.float32)):
        p = found.params(dtype)
        step = lambda p=p: sgd_step.reference_step(p, one, RATE)  # noqa: E731
        found.add(f"products{bits}_kept", step)


def numpy_threads(found):
    """BLAS's threads: NumPy's pool of them, and for one product SciPy's."""
    for name, size in (("threads_blas", 1), ("threads_blas_batch", B)):
        found.add_ours(name, size=size, subtract=GEMM)
    machine(found, prefix="threads_", small=False)


def numpy_one_pool(found):
    """The same with every product in NumPy, whose pool is the only one."""
    for name, size in (("threads_one_pool", 1), ("threads_one_pool_batch", B)):
        found.add_ours(name, size=size)


def numpy_rows(found):
    """Threads of our own: each has a part of the rows, and BLAS has one thread."""
    others = [sgd_step.Workspace() for _ in range(THREADS - 1)]
    for name, size in (("threads_rows", 1), ("threads_rows_batch", B)):
        found.add_ours(name, size=size, step=sgd_step.step_on_threads, others=others)


def pytensor(found):
    """C and Numba take NumPy's and SciPy's products, with BLAS's threads; JAX has its own."""
    from unrolled.frameworks import pytensor_step as their

    all_threads = "threads_" if THREADS > 1 else ""
    many = found.batches[B]
    ids = many.inputs.astype(np.int32), many.targets.astype(np.int32)
    for name, mode in their.MODES.items():
        key, made = f"{all_threads}pytensor_{name.lower()}", []

        def compile_step(p, rate, size=1, mode=mode, made=made):
            shape = (T, size) if mode == "JAX" else (None, None)
            made.append(their.compile_step(p, rate, shape, mode))
            return made[-1]

        found.add_theirs(key, compile_step)
        if mode == "JAX":  # has to know the shape
            compile_step(found.p, RATE, B)
        step, _ = made[-1]
        found.add(f"{key}_batch", lambda step=step: step(*ids))


def keras(found):
    from unrolled.frameworks import keras_step as their
    from unrolled.frameworks.quiet_tensorflow import tf

    tf.config.threading.set_intra_op_parallelism_threads(THREADS)
    tf.config.threading.set_inter_op_parallelism_threads(THREADS)
    all_threads = "threads_" if THREADS > 1 else ""
    kinds = {"loop": {}, "xla": {"jit_compile": True}}
    if THREADS == 1:
        kinds |= {
            "unrolled": {"unroll": True},
            "unrolled_xla": {"unroll": True, **kinds["xla"]},
        }
    for kind, options in kinds.items():
        for suffix, size in (("", 1), ("_batch", B)):
            if suffix and kind.startswith("unrolled"):
                continue

            def compile_step(p, rate, size=size, options=options):
                return their.compile_step(p, rate, (T, size), **options)

            found.add_theirs(f"{all_threads}keras_{kind}{suffix}", compile_step, size)
            if kind == "xla" and suffix and THREADS == 1:
                for n in CURVE_OF_PEERS:
                    found.add_theirs(
                        f"curve_keras_xla_{n}",
                        lambda p, rate, n=n: compile_step(p, rate, n),
                        n,
                    )


def jax(found):
    from unrolled.frameworks import jax_step as their

    all_threads = "threads_" if THREADS > 1 else ""
    for suffix, size in (("", 1), ("_batch", B)):
        found.add_theirs(f"{all_threads}jax{suffix}", their.compile_step, size)
    if THREADS == 1:
        for n in CURVE_OF_PEERS:
            found.add_theirs(f"curve_jax_{n}", their.compile_step, n)


def torch(found):
    import torch as installed

    from unrolled.frameworks import torch_step as their

    installed.set_num_threads(THREADS)
    all_threads = "threads_" if THREADS > 1 else ""
    for kind, compiled in (("", False), ("_compiled", True)):
        compile_step = functools.partial(their.compile_step, compiled=compiled)
        for suffix, size in (("", 1), ("_batch", B)):
            found.add_theirs(f"{all_threads}torch{kind}{suffix}", compile_step, size)


GROUPS = {
    "numpy_default": numpy_default,
    "numpy_kernels": numpy_kernels,
    "numpy_kept": numpy_kept,
    "numpy_threads": numpy_threads,
    "numpy_one_pool": numpy_one_pool,
    "numpy_rows": numpy_rows,
    "pytensor": pytensor,
    "keras": keras,
    "jax": jax,
    "torch": torch,
}


# --- what is timed beside the steps --------------------------------------------------------------


def machine(found, prefix="", small=True):
    """Adds what tells the processor's limits; ``bench_ladder.limits`` reads them."""
    rng = np.random.default_rng(SEED)
    found.add(f"{prefix}product", matrix_product(np.float32)[0])
    if not small:
        return
    found.add(f"{prefix}product64", matrix_product(np.float64, 1024)[0])
    p, rows = found.params(), rng.standard_normal((T, H)).astype(np.float32)
    u, dh = np.empty((T, V), np.float32), np.empty((T, H), np.float32)

    def products():
        np.matmul(rows, p.W_y, out=u)
        np.matmul(u, p.W_y.T, out=dh)
        sgd_step.subtract_product(p.W_y, rows, u, 1e-12)

    found.add(f"{prefix}products_alone", products)
    if prefix:
        return
    one, other = np.ones((V, H), np.float32), np.ones((V, H), np.float32)
    found.add("pass_in_cache", lambda: np.add(one, other, out=one))
    large, target = np.ones(2**25, np.float32), np.ones(2**25, np.float32)
    found.add("copy_in_memory", lambda: np.copyto(target, large))
    for name, dtype in (("exponentials", np.float32), ("exponentials64", np.float64)):
        a = rng.standard_normal((T, V)).astype(dtype)
        out = np.empty_like(a)
        found.add(name, lambda a=a, out=out: np.exp(a, out=out))
    found.add(
        "first_touch", lambda: np.frombuffer(mmap.mmap(-1, FRESH), np.int8).fill(1)
    )
    again = np.frombuffer(mmap.mmap(-1, FRESH), np.int8)
    found.add("second_touch", lambda: again.fill(1))
    a, b = np.ones(H, np.float32), np.ones(H, np.float32)
    found.add("hundred_calls", lambda: [np.add(a, b, out=a) for _ in range(100)])


def buckets(rng):
    """Returns lists of batches of the same sentences, of unequal length.

    everywhere: as they come, and every padded step counted as a word: what a library does that
    knows no mask; as_they_come: padded steps count for nothing; bucketed: those of one length
    together.
    """
    lengths = np.clip(rng.lognormal(np.log(18), 0.55, SENTENCES).astype(int), 3, 120)
    encoded = [rng.integers(0, V, n + 1) for n in lengths]
    groups = [encoded[i : i + B] for i in range(0, SENTENCES, B)]
    as_they_come = [text.pad(group) for group in groups]
    everywhere = [
        batch._replace(mask=np.ones_like(batch.mask)) for batch in as_they_come
    ]
    return {
        "buckets_everywhere": everywhere,
        "buckets_as_they_come": as_they_come,
        "buckets_bucketed": text.batches(encoded, B),
    }


def page_faults():
    """Returns how often this process touched memory that it had not been given yet."""
    try:
        import resource
    except ImportError:  # Windows does not count them
        return 0
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def timed(function, clock=time.perf_counter):
    """Returns the median (seconds, page faults) of calls that together take IN_A_ROW or more."""
    function()
    seconds, faults = [], []
    while sum(seconds) < IN_A_ROW:
        before, start = page_faults(), clock()
        function()
        seconds.append(clock() - start)
        faults.append(page_faults() - before)
    return float(np.median(seconds)), float(np.median(faults))


def kernels_in_use():
    """Returns the names of the kernels that the copies of OpenBLAS in this process use."""
    return sorted({p["architecture"] for p in threadpool_info() if "architecture" in p})


def serve():
    """Prepares a group, says so, and answers with times until its input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print does not reach the one who reads the answers
    found = Contestants()
    try:
        with threadpool_limits(THREADS):
            GROUPS[GROUP](found)
            told = {
                "gaps": found.gaps,
                "kernels": kernels_in_use(),
                "names": [*found.functions],
            }
            print(json.dumps(told), file=answers)
            answers.flush()
            for line in sys.stdin:
                print(*timed(found.functions[line.strip()]), file=answers, flush=True)
    except ImportError as error:
        print(
            json.dumps({"missing": f"{error.name or error} is not installed"}),
            file=answers,
        )


if __name__ == "__main__":
    serve()
