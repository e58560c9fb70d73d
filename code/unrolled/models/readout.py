r"""Regression from a sequence: one number, read from the last state.

    y_hat = h_T W_y + b_y            L = (1/B) sum (y_hat - y)^2        (eq-last-state-readout)

The recurrent cell is a module with ``init``, ``forward`` and ``backward``; ``rnn`` unless another
is passed. A batch has x (T, B, D) and y (B,).
T time, B batch, D input, H hidden.
"""

from typing import Any, NamedTuple

import numpy as np

from unrolled.arguments import fields, names_arguments, shaped
from unrolled.cells import rnn
from unrolled.data.tasks import Regression

Array = Any


class Params(NamedTuple):
    """Weights; gradients are a Params too."""

    cell: Any  # the recurrent cell's own Params
    W_y: Array  # (H, 1)
    b_y: Array  # (1,)


WEIGHTS = fields(Params, W_y="H 1", b_y="1")  # the cell checks its own
BATCH = fields(Regression, x=shaped("T B ..."), y="B")


@names_arguments
def init(rng, D, H, cell=rnn, dtype=np.float32):
    """Returns random Params: the cell's own, W_y uniform within ±1/√H, b_y zero."""
    return Params(
        cell=cell.init(rng, D, H, dtype),
        W_y=rng.uniform(-1, 1, (H, 1)).astype(dtype) / dtype(np.sqrt(H)),
        b_y=np.zeros(1, dtype),
    )


@names_arguments(p=WEIGHTS, batch=BATCH)
def loss(p, batch, cell=rnn):
    """Returns the mean squared error of a batch."""
    h, _ = cell.forward(p.cell, batch.x)
    return float(np.mean(errors(p, h, batch.y) ** 2))


@names_arguments(p=WEIGHTS, batch=BATCH)
def loss_and_gradient(p, batch, cell=rnn):
    """Returns the mean squared error of a batch, and its gradient as a Params.

    Raises:
        ValueError: a batch without a step, or y that is not one number for
            each sequence.
    """
    h, cache = cell.forward(p.cell, batch.x)
    error = errors(p, h, batch.y)
    derror = (2 / len(error)) * error
    dh = np.zeros_like(h)
    dh[-1] = derror[:, None] * p.W_y[:, 0]  # only the last state is read
    dcell, *_ = cell.backward(p.cell, cache, dh)
    dW_y = (h[-1].T @ derror)[:, None]
    return float(np.mean(error**2)), Params(dcell, dW_y, derror.sum(keepdims=True))


@names_arguments(p=WEIGHTS, h="T B H")
def errors(p, h, y):
    """Returns (B,): what the last states of h (T, B, H) say, minus the targets y (B,).

    Raises:
        ValueError: no step, no sequence, or another number of targets than sequences.
    """
    if not len(h):
        raise ValueError("the sequences have no step: h is empty, with no last state")
    if not len(y):
        raise ValueError("the batch has no sequence: y is empty, and a mean needs one")
    if y.shape != h.shape[1:2]:
        raise ValueError(
            f"y must be {h.shape[1:2]}, one number a sequence, got {y.shape}"
        )
    return (h[-1] @ p.W_y + p.b_y)[:, 0] - y
