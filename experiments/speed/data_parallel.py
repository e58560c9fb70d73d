"""What one step of SGD takes on 1, 2 and 4 devices that one processor plays, and what they add up.

    python -m experiments.speed.data_parallel          writes results/data_parallel.json

All devices share the processor's cores, so that the times say what dividing and adding up cost, and
nothing about what several machines would gain.
"""

import os

from experiments import command_line

if __name__ == "__main__":
    command_line.parser(__doc__).parse_args()  # before the imports, which take seconds

os.environ["XLA_FLAGS"] = "--xla_force_host_platform_device_count=4"

import time  # noqa: E402

import jax  # noqa: E402
import numpy as np  # noqa: E402

from unrolled import records  # noqa: E402
from unrolled.cells import gru  # noqa: E402
from unrolled.data import text  # noqa: E402
from unrolled.frameworks import jax_devices  # noqa: E402
from unrolled.models import language_model  # noqa: E402

SEED = 0
V, H, T = 4000, 128, 32
BATCHES, DEVICES, ROUNDS = (16, 64, 256), (1, 2, 4), 7


def prepared(B, count):
    """Returns (a function that makes a step, the bytes it adds up)."""
    rng = np.random.default_rng(SEED)
    p = language_model.init(rng, V, H, gru, np.float32)
    ids = rng.integers(0, V, (T + 1, B)).astype(np.int32)
    batch = text.Batch(ids[:-1], ids[1:], np.ones((T, B), bool))
    mesh = jax_devices.devices(count)
    p, batch = jax_devices.place(mesh, p, batch)
    program = jax_devices.compile_step(mesh, p, batch, 0.1, gru)

    def step():
        start = time.perf_counter()
        jax.block_until_ready(program(p, *batch))
        return time.perf_counter() - start

    return step, jax_devices.all_reduced(program)


def measure():
    """Returns the times of a step and the bytes it adds up, by batch and number of devices."""
    found = {}
    for B in BATCHES:
        steps = {count: prepared(B, count) for count in DEVICES}
        seconds = {count: [] for count in DEVICES}
        for round_ in range(ROUNDS + 1):
            for count, (step, _) in steps.items():
                taken = step()
                if round_:
                    seconds[count].append(taken)
        alone = np.array(seconds[1])
        found[str(B)] = {
            str(count): {
                "seconds": float(np.median(taken)),
                "of_one": float(np.median(np.array(taken) / alone)),
                "bytes": steps[count][1],
            }
            for count, taken in seconds.items()
        }
        print(B, found[str(B)])
    return found


def main():
    run = records.begin("data_parallel")
    settings = {"V": V, "H": H, "T": T, "rounds": ROUNDS, "cell": "gru"}
    records.write(
        run, measure(), settings=settings, seed=SEED, packages=("numpy", "jax")
    )


RECORDS = {"data_parallel": measure}
MINUTES = 2
ALONE = True

if __name__ == "__main__":
    main()
