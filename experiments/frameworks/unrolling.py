"""What an unrolled graph and a loop cost: nodes, tracing, compiling, a step; against T.

Run: python -m experiments.frameworks.unrolling
Writes results/unrolling.json. Three minutes, most of it XLA at work on the unrolled graph.

Times are of the processor, all threads together, so that what else the machine does counts little.
"""

from experiments import command_line

if __name__ == "__main__":
    command_line.parser(__doc__).parse_args()  # before the imports, which take seconds

import time

import numpy as np

from unrolled import records
from unrolled.frameworks import tensorflow_loops
from unrolled.frameworks.quiet_tensorflow import keras, tf

SEED = 0
BATCH, UNITS, STEPS = 8, 32, 40
LENGTHS, LENGTHS_UNROLLED_XLA = (8, 16, 32, 64), (8, 16, 32)


def clocked(function):
    start = time.process_time()
    function()
    return time.process_time() - start


def measured(way, jit_compile, T):
    rng = np.random.default_rng(SEED)
    cell = keras.layers.LSTMCell(UNITS)
    cell.build((BATCH, UNITS))
    x = tf.constant(rng.standard_normal((BATCH, T, UNITS)), tf.float32)
    step = tensorflow_loops.training_graph(way, cell, jit_compile)
    tracing = clocked(lambda: step.get_concrete_function(x))
    first = clocked(lambda: step(x))
    return {
        "nodes": tensorflow_loops.nodes(step.get_concrete_function(x)),
        "trace_seconds": tracing,
        "first_seconds": first,
        "step_seconds": min(clocked(lambda: step(x)) for _ in range(STEPS)),
    }


def measure():
    measured("Keras loop", False, 2)  # what TensorFlow does once is not to count
    measured("Keras loop", True, 2)
    ways = {}
    for way in tensorflow_loops.WAYS:
        for jit_compile in (False, True):
            name = way.replace(" ", "_") + ("_xla" if jit_compile else "")
            lengths = LENGTHS_UNROLLED_XLA if name == "unrolled_xla" else LENGTHS
            rows = [measured(way, jit_compile, T) for T in lengths]
            columns = {what: [row[what] for row in rows] for what in rows[0]}
            ways[name] = {"T": list(lengths), **columns}
            print(name, columns, flush=True)
    first = {
        name: found["first_seconds"][LENGTHS.index(32)] for name, found in ways.items()
    }
    return {
        "ways": ways,
        "first_at_32": {
            "unrolled_xla_of_loop_xla": first["unrolled_xla"] / first["Keras_loop_xla"],
            "loop_xla_of_loop": first["Keras_loop_xla"] / first["Keras_loop"],
        },
    }


def main():
    run = records.begin("unrolling")
    path = records.write(
        run,
        measure(),
        settings={
            "batch": BATCH,
            "inputs": UNITS,
            "units": UNITS,
            "steps_timed": STEPS,
        },
        seed=SEED,
        packages=("numpy", "tensorflow", "keras"),
    )
    print(path)


RECORDS = {"unrolling": measure}
MINUTES = 3
ALONE = True

if __name__ == "__main__":
    main()
