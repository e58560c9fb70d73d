"""TensorFlow comes in without a word on standard error, and hides no later one."""

import os
import subprocess
import sys

import pytest

PLAIN = "import tensorflow as tf, keras\n"
QUIET = "from unrolled.frameworks.quiet_tensorflow import keras, tf\n"
WORK = """
f = tf.function(lambda x: tf.while_loop(lambda i, a: i < 3, lambda i, a: (i + 1, a * 2), (0, x)))
assert f(1.0)[1] == 8
tf.function(lambda x: tf.reduce_sum(x), jit_compile=True)(tf.ones(3))
assert keras.backend.backend() == "tensorflow" and not tf.config.list_logical_devices("GPU")
"""
NOISE = (
    "import sys, os; os.write(2, b'from below'); print('and above', file=sys.stderr)"
)


def stderr_of(program):
    clean = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith(("TF_", "CUDA_", "KERAS_"))
    }
    done = subprocess.run(
        [sys.executable, "-c", program], env=clean, capture_output=True
    )
    assert done.returncode == 0, done.stderr
    return done.stderr.decode()


@pytest.mark.slow
def test_tensorflow_is_imported_and_works_in_silence():
    assert stderr_of(PLAIN)  # else this module has nothing left to do
    assert stderr_of(QUIET + WORK) == ""
    # errors of a reader still show
    assert stderr_of(QUIET + NOISE) == "from belowand above\n"
