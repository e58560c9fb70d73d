r"""The gradient without a backward pass: real-time recurrent learning (Williams & Zipser, 1989).

    dh_t/dθ = J_t dh_{t-1}/dθ + ∂⁺h_t/∂θ                          (eq-bptt-total)

The sensitivity of the state to every weight is carried forward in time together with the state.
At each step the gradient of that step's loss is there at once, and nothing of the past is kept,
so the memory does not grow with T. The price is the size of what is carried: H numbers for each
of the H·(D+H+1) weights, and H² multiplications for each of these at every step. Tanh units.
"""

from typing import Any, NamedTuple

import numpy as np

from unrolled import tree
from unrolled.cells import rnn
from unrolled.gradients import jacobians
from unrolled.gradients.chain_rule import immediate

Array = Any


class Sensitivity(NamedTuple):
    """dh_t/dθ, total; the last axis of every array is the unit of h_t."""

    p: rnn.Params  # W_x (B, D, H, H), W_h (B, H, H, H), b (B, H, H)
    h0: Array  # (B, H, H)


def start(p, B):
    """Returns the sensitivity of h_0: none to the weights, the identity to itself."""
    H = len(p.b)
    return Sensitivity(
        tree.map(lambda weight: np.zeros((B, *weight.shape, H), weight.dtype), p),
        np.tile(np.eye(H, dtype=p.b.dtype), (B, 1, 1)),
    )


def step(p, x_t, h, sensitivity):
    """Takes the state and its sensitivity one step on.

    Args:
        p: Params of a tanh cell.
        x_t: (B, D) vectors.
        h: (B, H), the state before the step.
        sensitivity: that state's Sensitivity.

    Returns:
        h_t (B, H), and its Sensitivity.
    """
    h_t = rnn.step(p, x_t, h)
    J = jacobians.of_step(p, h_t)
    carried = tree.map(lambda s: np.einsum("bij,b...j->b...i", J, s), sensitivity)
    own_use = immediate(p, x_t, h, h_t)
    return h_t, Sensitivity(tree.map(np.add, carried.p, own_use), carried.h0)


def gradient(p, x, dh, h0=None):
    """Returns the full gradient, added up during the forward pass.

    Args:
        p: Params of a tanh cell.
        x: (T, B, D) vectors, or (T, B) integer ids for one-hot vectors.
        dh: (T, B, H), gradient of the loss with respect to each h_t through
            its own output alone. Row t is not read before step t, so a
            training loop can compute it then.
        h0: (B, H), initial state; zeros if left out.

    Returns:
        dp, dh0 as ``rnn.backward``.

    Raises:
        ValueError: dh does not have the shape of the states.
    """
    T, B = x.shape[:2]
    D, H = p.W_x.shape
    if dh.shape != (T, B, H):
        raise ValueError(
            f"dh must be {(T, B, H)}, one row for each state, got {dh.shape}"
        )
    if x.dtype.kind in "iu":
        x = np.eye(D, dtype=p.W_x.dtype)[x]
    h = rnn.initial_state(p, B)[0] if h0 is None else h0
    sensitivity = start(p, B)
    dp, dh0 = tree.map(np.zeros_like, p), np.zeros_like(h)
    for t in range(T):
        h, sensitivity = step(p, x[t], h, sensitivity)
        dp = tree.map(
            lambda total, s, dh_t=dh[t]: total + np.einsum("bj,b...j->...", dh_t, s),
            dp,
            sensitivity.p,
        )
        dh0 = dh0 + np.einsum("bj,bij->bi", dh[t], sensitivity.h0)
    return dp, dh0
