r"""Regression from a sequence: one number, read from the last state.

    y_hat = h_T W_y + b_y            L = (1/B) sum (y_hat - y)^2        (eq-last-state-readout)

The recurrent cell is a module with ``init``, ``forward`` and ``backward``; ``rnn`` unless another
is passed. A batch has x (T, B, D) and y (B,).
T time, B batch, D input, H hidden.
"""

from typing import Any, NamedTuple

import numpy as np

from unrolled.cells import rnn

Array = Any


class Params(NamedTuple):
    """Weights; gradients are a Params too."""

    cell: Any  # the recurrent cell's own Params
    W_y: Array  # (H, 1)
    b_y: Array  # (1,)


def init(rng, D, H, cell=rnn, dtype=np.float32):
    """Returns random Params: the cell's own, W_y uniform within ±1/√H, b_y zero."""
    return Params(
        cell=cell.init(rng, D, H, dtype),
        W_y=rng.uniform(-1, 1, (H, 1)).astype(dtype) / dtype(np.sqrt(H)),
        b_y=np.zeros(1, dtype),
    )


def loss(p, batch, cell=rnn):
    """Returns the mean squared error of a batch."""
    h, _ = cell.forward(p.cell, batch.x)
    return float(np.mean(errors(p, h, batch.y) ** 2))


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


def errors(p, h, y):
    """Returns (B,): what the last states of h (T, B, H) say, minus the targets y (B,).

    Raises:
        ValueError: no step, or another number of targets than sequences.
    """
    if not len(h):
        raise ValueError("the sequences have no step: there is no last state to read")
    if y.shape != h.shape[1:2]:
        raise ValueError(
            f"y must be {h.shape[1:2]}, one number a sequence, got {y.shape}"
        )
    return (h[-1] @ p.W_y + p.b_y)[:, 0] - y
