"""Gradient checkpointing: stores fewer states and computes the others again in the backward pass.

Backpropagation through time reads every state, from the last to the first. Only the states at the
borders of segments are kept. The backward pass runs each segment forward once more from its border.
With segments of √T steps the memory is of order √T and the cost one more forward pass
(Griewank & Walther, 2008; Chen et al., 2016, who call it gradient checkpointing).
"""

import numpy as np

from unrolled import tree
from unrolled.cells import rnn


def backward(p, x, dh, length, h0=None):
    """Returns what ``rnn.backward`` returns, without storing all states.

    Args:
        p: Params of a tanh cell.
        x: (T, B, D) vectors, or (T, B) integer ids.
        dh: (T, B, H), gradient of the loss with respect to each h_t through
            its own output alone.
        length: steps in a segment, at least 1; the last may be shorter.
        h0: (B, H), initial state; zeros if left out.

    Returns:
        dp, dx, dh0 as ``rnn.backward``.

    Raises:
        ValueError: a length below 1.
    """
    if length < 1:
        raise ValueError(f"a segment has at least 1 step, got length={length}")
    segments = [slice(first, first + length) for first in range(0, len(x), length)]
    borders = [rnn.initial_state(p, x.shape[1])[0] if h0 is None else h0]
    for segment in segments[:-1]:
        h, _ = rnn.forward(p, x[segment], borders[-1])
        # A copy: a view would keep all of h in memory.
        borders.append(h[-1].copy())

    dp, dh_next, dx = tree.map(np.zeros_like, p), np.zeros_like(borders[0]), []
    for segment, border in zip(
        reversed(segments), reversed(borders), strict=bool(segments)
    ):
        _, cache = rnn.forward(p, x[segment], border)
        dh_segment = dh[segment].copy()
        # The next segment read the last state of this one.
        dh_segment[-1] += dh_next
        dp_segment, dx_segment, dh_next = rnn.backward(p, cache, dh_segment)
        dp = tree.map(np.add, dp, dp_segment)
        dx.insert(0, dx_segment)
    ids = x.dtype.kind in "iu"
    return dp, None if ids else np.concatenate([*dx, x[:0]]), dh_next
