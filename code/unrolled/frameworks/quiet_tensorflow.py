"""TensorFlow and Keras, imported without their log lines: ``from ... import keras, tf``.

TensorFlow reports what it finds on the machine (no CUDA driver, which processor instructions) to
the standard error of the process, from C++, before any setting of Python is read. Here that stream
is closed during the import, and the level of later reports is set. GPUs are hidden unless
``CUDA_VISIBLE_DEVICES`` names some. What the book computes is small, and a processor gives the same
numbers everywhere.
"""

import os
import sys
import warnings
from contextlib import contextmanager

from unrolled.installed import named_extras

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# one order of summation on every processor
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")


@contextmanager
def nothing_on_stderr():
    """Discards what the process writes to its standard error, from Python and from C++."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


with named_extras(), nothing_on_stderr(), warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import keras
    import tensorflow as tf

__all__ = ["keras", "tf"]
