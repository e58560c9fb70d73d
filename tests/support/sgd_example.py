"""A language model and two full batches, on which every framework's step of SGD is compared."""

import numpy as np

from unrolled.data import text
from unrolled.models import language_model

T, B, V, H = 5, 3, 23, 4
RATE = 0.25


def example(dtype=np.float64):
    rng = np.random.default_rng(0)
    p = language_model.init(rng, V, H, dtype=dtype)
    p = p._replace(b_y=rng.normal(size=V).astype(dtype), W_y=10 * p.W_y)
    p.cell.b[:] = rng.normal(size=H)
    # words come twice, and some never
    ids = rng.integers(0, 9, (2, 2, T, B))
    return p, [text.Batch(*pair, np.ones((T, B), bool)) for pair in ids]
