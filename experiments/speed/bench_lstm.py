"""An LSTM's forward and backward pass: how near to the processor's rate, and how near to Keras?

    python -m experiments.speed.bench_lstm             prints
    python -m experiments.speed.bench_lstm --record    also writes results/bench_lstm.json

Everything runs on one thread in one process and is timed in turn, round after round.
"""

import os

from experiments import command_line

if __name__ == "__main__":  # before the imports, which take seconds
    parser = command_line.parser(__doc__)
    parser.add_argument(
        "--record", action="store_true", help="write results/bench_lstm.json"
    )
    given = parser.parse_args()

os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # Keras with its fastest kernels

import numpy as np  # noqa: E402
from threadpoolctl import threadpool_limits  # noqa: E402

from experiments.speed.timing import matrix_product, spread, timed  # noqa: E402
from unrolled import records  # noqa: E402
from unrolled.cells import gru, gru_reset_after, lstm  # noqa: E402
from unrolled.frameworks import keras_models  # noqa: E402
from unrolled.frameworks.quiet_tensorflow import tf  # noqa: E402

SEED = 0
T, B, D, H = 64, 32, 256, 256
ROUNDS = 20
CELLS = {"LSTM": lstm, "GRU": gru, "GRU, reset after": gru_reset_after}


def operations(gates):
    """Additions and multiplications of the matrix products: forward, and twice that backward."""
    return 3 * 2 * T * B * (D + H) * gates * H


def ours(cell, p, x, dh):
    """Returns a function that runs the cell forward and backward."""

    def run():
        _, cache = cell.forward(p, x)
        return cell.backward(p, cache, dh)

    return run


def keras_step(p, x, dh, **compiled):
    """Returns a function that computes the same gradients with Keras's layer of these weights."""
    (layer,) = keras_models.layers(p)
    x, dh = (tf.constant(a.transpose(1, 0, 2)) for a in (x, dh))

    @tf.function(**compiled)
    def gradients():
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(layer(x) * dh)
        return tape.gradient(loss, [x, *layer.trainable_variables])

    return lambda: [gradient.numpy() for gradient in gradients()]


def products_alone(p, x, dh):
    """Returns a function that multiplies what an LSTM's pass multiplies, and does nothing else."""
    h, da = dh, np.repeat(dh, 4, axis=-1)
    rows = [a.reshape(T * B, -1) for a in (x, h, da)]

    def run():
        x_rows, h_rows, da_rows = rows
        x_rows @ p.W_x
        for t in range(T):
            h[t] @ p.W_h
        for t in range(T):
            da[t] @ p.W_h.T
        return da_rows @ p.W_x.T, x_rows.T @ da_rows, h_rows.T @ da_rows

    return run


@threadpool_limits.wrap(limits=1)
def measure():
    """Returns seconds, and each contestant's share of the rate of a large matrix product."""
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    rng = np.random.default_rng(SEED)
    x, dh = (rng.standard_normal((T, B, n)).astype(np.float32) for n in (D, H))
    product, product_operations = matrix_product(np.float32)
    contestants = {"matrix product of 1536": product}
    difference = {}
    for name, cell in CELLS.items():
        p = cell.init(rng, D, H, np.float32)
        mine, theirs = ours(cell, p, x, dh), keras_step(p, x, dh)
        contestants |= {
            f"{name}, NumPy": mine,
            f"{name}, Keras": theirs,
            f"{name}, Keras with XLA": keras_step(p, x, dh, jit_compile=True),
        }
        if cell is lstm:
            contestants["LSTM, products alone"] = products_alone(p, x, dh)
        difference[name] = largest_difference(mine, theirs)
    seconds = timed(contestants, ROUNDS)
    rate = product_operations / seconds["matrix product of 1536"]
    products = seconds["LSTM, products alone"]
    found = {
        "rate": spread(rate),
        "largest_difference": difference,
        "lstm_share_of_products": spread(products / seconds["LSTM, NumPy"]),
        "keras_lstm_over_products": spread(seconds["LSTM, Keras"] / products),
        "cells": {},
    }
    for name, cell in CELLS.items():
        work = operations(4 if cell is lstm else 3)
        mine = seconds[f"{name}, NumPy"]
        found["cells"][name] = {
            "seconds": {
                who: spread(seconds[f"{name}, {who}"])
                for who in ("NumPy", "Keras", "Keras with XLA")
            },
            "share_of_rate": spread(work / mine / rate),
            "faster_than_keras": spread(seconds[f"{name}, Keras"] / mine),
            "faster_than_keras_with_xla": spread(
                seconds[f"{name}, Keras with XLA"] / mine
            ),
        }
    return found


def largest_difference(mine, theirs):
    """Largest difference of a gradient from Keras's, relative to its largest entry, in float32."""
    dp, dx, *_ = mine()
    pairs = zip([dx.transpose(1, 0, 2), *dp], theirs(), strict=True)
    return max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in pairs)


def report(found):
    """Returns the measurements as lines to read."""
    lines = [
        f"B = {B}, T = {T}, D = H = {H}, float32, one thread; matrix products at"
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
    lines += [
        "",
        f"LSTM: aim at least 60 % of the rate, and as fast as Keras: it is"
        f" {found['cells']['LSTM']['faster_than_keras']['median']:.2f} times as fast as Keras,"
        f" {found['cells']['LSTM']['faster_than_keras_with_xla']['median']:.2f} with XLA",
    ]
    return "\n".join(lines)


def main(record):
    run = records.begin("bench_lstm")
    found = measure()
    print(report(found))
    if record:
        settings = {"T": T, "B": B, "D": D, "H": H, "rounds": ROUNDS, "threads": 1}
        path = records.write(
            run,
            found,
            settings=settings,
            seed=SEED,
            packages=("numpy", "tensorflow", "keras"),
        )
        print(f"\nwrote {path.relative_to(records.ROOT)}")


RECORDS = {"bench_lstm": measure}
MINUTES = 3
ALONE = True
ARGUMENTS = {"bench_lstm": ("--record",)}

if __name__ == "__main__":
    main(given.record)
