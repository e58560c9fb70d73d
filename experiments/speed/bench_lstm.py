"""An LSTM's forward and backward pass: how near to the processor's rate, and to the libraries?

    python -m experiments.speed.bench_lstm             prints
    python -m experiments.speed.bench_lstm --record    also writes results/bench_lstm.json

The LSTM is compared with Keras (with and without XLA), PyTorch and JAX, and two GRUs with Keras.
PyTorch, which the book does not install, is among the libraries where it is there. Everything runs
on one thread in one process and is timed in turn, round after round. The process keeps to one core,
whatever a library's threads would like. Ratios are formed within a round.

What our LSTM asks of NumPy is counted: its products, and its other passes over arrays with the
bytes that they read and write. Its products are also timed alone, those of each step and those of
all steps at once.
"""

import os

from experiments import command_line
from unrolled import records

if __name__ == "__main__":  # before the imports, which take seconds
    parser = command_line.parser(__doc__)
    parser.add_argument(
        "--record", action="store_true", help="write results/bench_lstm.json"
    )
    given = parser.parse_args()

DEVICE = records.cpu()  # with all of its cores
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # Keras with its fastest kernels
# before a library counts cores
if __name__ == "__main__" and hasattr(os, "sched_setaffinity"):
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})

from types import SimpleNamespace  # noqa: E402
from typing import NamedTuple  # noqa: E402

import jax  # noqa: E402
import numpy as np  # noqa: E402
from threadpoolctl import threadpool_limits  # noqa: E402

from experiments.speed.timing import matrix_product, spread, timed  # noqa: E402
from unrolled import tree  # noqa: E402
from unrolled.cells import gru, gru_reset_after, lstm  # noqa: E402
from unrolled.frameworks import (  # noqa: E402
    array_namespace,
    jax_cells,
    keras_models,
    torch_layers,
)
from unrolled.frameworks.quiet_tensorflow import tf  # noqa: E402


class Size(NamedTuple):
    """Time steps, sequences in a batch, hidden units; an input has as many entries as a state."""

    T: int
    B: int
    H: int


SEED = 0
SIZES = {"batch": Size(64, 32, 256), "one sequence": Size(64, 1, 64)}
ROUNDS = {"batch": 20, "one sequence": 200}
CELLS = {"LSTM": lstm, "GRU": gru, "GRU, reset after": gru_reset_after}
PACKAGES = ("numpy", "tensorflow", "keras", "jax", "jaxlib", "torch")


def operations(gates, size):
    """Additions and multiplications of the matrix products: forward, and twice that backward."""
    T, B, H = size
    return 3 * 2 * T * B * 2 * H * gates * H


# --- who is timed: each returns a function that returns (h, dx, dp) -------------------------------


def numpy_pass(cell, p, x, dh):
    """Returns a function that runs the cell forward and backward."""

    def run():
        h, cache = cell.forward(p, x)
        dp, dx, *_ = cell.backward(p, cache, dh)
        return h, dx, dp

    return run


def keras_pass(p, x, dh, **compiled):
    """Returns a function that runs Keras's layer of these weights, and one that reads its arrays.

    The layer's arrays have the batch first.
    """
    (layer,) = keras_models.layers(p)
    x, dh = (tf.constant(a.transpose(1, 0, 2)) for a in (x, dh))

    @tf.function(**compiled)
    def run():
        with tf.GradientTape() as tape:
            tape.watch(x)
            h = layer(x)
            loss = tf.reduce_sum(h * dh)
        return h, *tape.gradient(loss, [x, *layer.trainable_variables])

    def read(found):
        h, dx, *dp = (array.numpy() for array in found)
        return h.transpose(1, 0, 2), dx.transpose(1, 0, 2), type(p)(*dp)

    return run, read


def torch_pass(p, x, dh):
    """Returns a function that runs PyTorch's layer of these weights, and one that reads its arrays.

    Raises:
        ImportError: PyTorch is not installed.
    """
    import torch

    torch.set_num_threads(1)
    layer = torch_layers.layer(p)
    names = [name for name, _ in layer.named_parameters()]
    x, dh = torch.tensor(x, requires_grad=True), torch.tensor(dh)

    def run():
        h, _ = layer(x)
        return h, *torch.autograd.grad((h * dh).sum(), [x, *layer.parameters()])

    def read(found):
        h, dx, *weights = (tensor.detach().numpy() for tensor in found)
        arrays = dict(zip(names, weights, strict=True))
        return h, dx, torch_layers.gradients(arrays, p)

    return run, read


def jax_pass(p, x, dh):
    """Returns a function that runs the same LSTM under ``jax.lax.scan``, and one that reads."""

    @jax.jit
    def gradients(p, x, dh):
        def loss(p, x):
            h = jax_cells.forward(p, x, cell=lstm)
            return (h * dh).sum(), h

        return jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(p, x)

    p, x, dh = jax.device_put((p, x, dh))

    def run():
        (_, h), (dp, dx) = jax.block_until_ready(gradients(p, x, dh))
        return h, dx, dp

    return run, lambda found: tree.map(np.asarray, found)


def library_passes(cell, p, x, dh):
    """Returns ({library: (function, how its arrays are read)}, {library: why it is missing})."""
    found = {
        "Keras": keras_pass(p, x, dh),
        "Keras with XLA": keras_pass(p, x, dh, jit_compile=True),
    }
    missing = {}
    if cell is lstm:
        try:
            found["PyTorch"] = torch_pass(p, x, dh)
        except ImportError as error:
            missing["PyTorch"] = f"{error.name or error} is not installed"
        found["JAX"] = jax_pass(p, x, dh)
    return found, missing


def products_of_the_steps(p, dh):
    """Returns a function that makes an LSTM's two products of every step, and nothing else."""
    h, da = dh, np.repeat(dh, 4, axis=-1)

    def run():
        for h_t in h:
            h_t @ p.W_h
        for da_t in da:
            da_t @ p.W_h.T

    return run


def products_of_all_steps(p, x, dh):
    """Returns a function that makes an LSTM's products for all steps at once, and nothing else."""
    x, h, da = (a.reshape(-1, a.shape[-1]) for a in (x, dh, np.repeat(dh, 4, axis=-1)))
    return lambda: (x @ p.W_x, da @ p.W_x.T, x.T @ da, h.T @ da)


def hundred_calls():
    """Returns a function that calls NumPy a hundred times, with almost nothing to compute."""
    a, b = np.ones((2, 8), np.float32)
    return lambda: [np.add(a, b, out=a) for _ in range(100)]


# --- what our LSTM asks of NumPy -----------------------------------------------------------------


class Counted(np.ndarray):
    """An array that counts NumPy's products, and its passes over arrays with their bytes."""

    count = {"products": 0, "passes": 0, "bytes_of_passes": 0}

    def __array_ufunc__(self, ufunc, method, *inputs, out=None, **options):
        """Counts the call; the result is counted in turn."""
        plain = [np.asarray(a) if isinstance(a, Counted) else a for a in inputs]
        if out:
            options["out"] = tuple(np.asarray(a) for a in out)
        found = getattr(ufunc, method)(*plain, **options)
        if ufunc is np.matmul:
            Counted.count["products"] += 1
        else:
            self.passed(*plain, found)
        return out[0] if out else np.asarray(found).view(Counted)

    def __setitem__(self, key, value):
        """Counts a copy into a part of the array, except of the part itself."""
        part = np.asarray(self)[key]
        if not np.may_share_memory(part, np.asarray(value)):
            self.passed(part, np.asarray(value))
        super().__setitem__(key, value)

    @staticmethod
    def passed(*arrays):
        """Counts a pass over some arrays; single numbers are not moved."""
        Counted.count["passes"] += 1
        moved = sum(a.nbytes for a in arrays if np.ndim(a))
        Counted.count["bytes_of_passes"] += moved


def counts(cell, p, x, dh):
    """Returns what a cell's forward and backward pass asks of NumPy: {what: how much}."""

    def counted(make):
        return lambda *args, **options: make(*args, **options).view(Counted)

    made = {name: counted(getattr(np, name)) for name in ("empty", "zeros")}
    inside = array_namespace.of(
        cell, SimpleNamespace(**vars(np) | {"__name__": "counted"} | made)
    )
    p, x, dh = tree.map(lambda a: a.view(Counted), (p, x, dh))
    Counted.count = dict.fromkeys(Counted.count, 0)
    _, cache = inside.forward(p, x)
    inside.backward(p, cache, dh)
    return Counted.count


def largest_difference(ours, theirs):
    """Largest difference of an output or gradient, relative to the largest entry of ours."""
    pairs = zip(tree.leaves(ours), tree.leaves(theirs), strict=True)
    return max(float(np.abs(a - b).max() / np.abs(a).max()) for a, b in pairs)


# --- measuring -----------------------------------------------------------------------------------


def contestants(rng, size, cells):
    """Returns ({name: function}, {cell: {library: difference}}, {library: why it is missing}).

    With the LSTM come its products, and what it asks of NumPy: the fourth result.
    """
    T, B, H = size
    x, dh = rng.standard_normal((2, T, B, H)).astype(np.float32)
    functions, differences, missing, counted = {}, {}, {}, {}
    for name, cell in cells.items():
        p = cell.init(rng, H, H, np.float32)
        functions[f"{name}, NumPy"] = ours = numpy_pass(cell, p, x, dh)
        libraries, absent = library_passes(cell, p, x, dh)
        missing |= absent
        differences[name] = {
            library: largest_difference(ours(), read(run()))
            for library, (run, read) in libraries.items()
        }
        functions |= {f"{name}, {key}": run for key, (run, _) in libraries.items()}
        if cell is lstm:
            functions["LSTM, products of the steps"] = products_of_the_steps(p, dh)
            functions["LSTM, products of all steps"] = products_of_all_steps(p, x, dh)
            functions["hundred calls"] = hundred_calls()
            counted = counts(cell, p, x, dh)
    return functions, differences, missing, counted


@threadpool_limits.wrap(limits=1)
def measure(sizes=SIZES, rounds=ROUNDS):
    """Returns the results of the record."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    rng = np.random.default_rng(SEED)
    product, product_operations = matrix_product(np.float32)
    seconds, differences, missing, counted = {}, {}, {}, {}
    for key, size in sizes.items():
        cells = CELLS if key == "batch" else {"LSTM": lstm}
        functions, differences[key], absent, counted[key] = contestants(
            rng, size, cells
        )
        missing |= absent
        if key == "batch":
            functions = {"matrix product of 1536": product} | functions
        seconds[key] = timed(functions, rounds[key])
    rate = product_operations / seconds["batch"]["matrix product of 1536"]
    return summary(seconds, differences, missing, counted, rate, sizes)


def summary(seconds, differences, missing, counted, rate, sizes):
    """Returns what is said of {size: {name: seconds, one for each round}}."""
    of_batch = seconds["batch"]
    found = {
        "rate": spread(rate),
        "largest_difference": {
            name: max(gaps.values()) for name, gaps in differences["batch"].items()
        },
        "cells": {},
        "lstm": {},
        "missing": missing,
    }
    for name, cell in CELLS.items():
        work = operations(4 if cell is lstm else 3, sizes["batch"])
        ours = of_batch[f"{name}, NumPy"]
        found["cells"][name] = {
            "seconds": {
                who: spread(of_batch[f"{name}, {who}"])
                for who in ("NumPy", "Keras", "Keras with XLA")
            },
            "share_of_rate": spread(work / ours / rate),
            "faster_than_keras": spread(of_batch[f"{name}, Keras"] / ours),
            "faster_than_keras_with_xla": spread(
                of_batch[f"{name}, Keras with XLA"] / ours
            ),
        }
    for key, size in sizes.items():
        ours, libraries = seconds[key]["LSTM, NumPy"], differences[key]["LSTM"]
        found["lstm"][key] = {
            **size._asdict(),
            "seconds": {
                who: spread(seconds[key][f"LSTM, {who}"])
                for who in ("NumPy", *libraries)
            },
            "faster_than": {
                who: spread(seconds[key][f"LSTM, {who}"] / ours) for who in libraries
            },
            "largest_difference": libraries,
            "ours": inside(seconds[key], counted[key], size),
        }
    return found


def inside(seconds, counted, size):
    """Returns what our LSTM's time consists of: counted calls, and products that were timed.

    Of the pass's six products for each step two need the step before; the others are made for all
    steps at once.
    """
    steps = seconds["LSTM, products of the steps"]
    at_once = seconds["LSTM, products of all steps"]
    ours, products = seconds["LSTM, NumPy"], steps + at_once
    work = operations(4, size)
    others = [
        name for name in seconds if name.startswith("LSTM, ") and "products" not in name
    ]
    return {
        **counted,
        "operations": work,
        "seconds_of_a_call": spread(seconds["hundred calls"] / 100),
        "rate_of_the_steps_products": spread(work / 3 / steps),
        "rate_of_all_steps_products": spread(work * 2 / 3 / at_once),
        "seconds_of_products": spread(products),
        "seconds_of_the_rest": spread(ours - products),
        "share_of_products": spread(products / ours),
        "over_our_products": {
            name.removeprefix("LSTM, "): spread(seconds[name] / products)
            for name in others
        },
    }


def report(found):
    """Returns the measurements as lines to read."""
    lines = [
        f"float32, one thread; matrix products at"
        f" {found['rate']['median'] / 1e9:.0f} GFLOP/s",
        "",
        f"{'forward and backward':20}{'NumPy':>9}{'Keras':>9}{'XLA':>9}   share of the rate",
    ]
    for name, cell in found["cells"].items():
        times = "".join(
            f"{1e3 * s['median']:6.0f} ms" for s in cell["seconds"].values()
        )
        lines.append(
            f"{name:20}{times}   {100 * cell['share_of_rate']['median']:.0f} %"
        )
    for size in found["lstm"].values():
        lines += ["", "LSTM, T = {T}, B = {B}, D = H = {H}".format(**size)]
        for who, took in size["seconds"].items():
            line = f"{who:20}{1e3 * took['median']:9.2f} ms"
            if who in size["faster_than"]:
                faster = size["faster_than"][who]
                low, high = faster["quartiles"]
                line += (
                    f"   ours is {faster['median']:.2f} times as fast"
                    f" ({low:.2f} to {high:.2f}), differs by"
                    f" {size['largest_difference'][who]:.0e}"
                )
            lines.append(line)
    lines += ["", "LSTM: aim at least 60 % of the rate, and as fast as each library"]
    lines += [f"missing: {name}: {why}" for name, why in found["missing"].items()]
    return "\n".join(lines)


def main(record):
    run = records.begin("bench_lstm")
    found = measure()
    print(report(found))
    if record:
        settings = {
            "sizes": {key: size._asdict() for key, size in SIZES.items()},
            "rounds": ROUNDS,
            "threads": 1,
        }
        path = records.write(
            run,
            found,
            settings=settings,
            seed=SEED,
            device=DEVICE,
            packages=tuple(p for p in PACKAGES if records.is_installed(p)),
        )
        print(f"\nwrote {path.relative_to(records.ROOT)}")


RECORDS = {"bench_lstm": measure}
MINUTES = 3
ALONE = True
ARGUMENTS = {"bench_lstm": ("--record",)}

if __name__ == "__main__":
    main(given.record)
