r"""Two cells over one sequence, one from each end (Schuster & Paliwal, 1997).

    h_t = [ h_t read from the start ; h_t read from the end ]                (eq-bidirectional)

The second cell must begin at the last *real* step of each sequence. To reverse a padded array as
it stands feeds it the padding first, and its states then depend on how long the other sequences
of the batch are.
T time, B batch, D input, H hidden.
"""

from typing import Any, NamedTuple

import numpy as np

from unrolled.arguments import fields, names_arguments
from unrolled.layers import padding

Array = Any


class Params(NamedTuple):
    """Weights; gradients are a Params too."""

    onward: Any  # the Params of the cell that reads from the start
    reverse: Any  # the Params of the cell that reads from the end


class Cache(NamedTuple):
    """What backward needs from forward."""

    onward: Any
    reverse: Any
    lengths: Array  # (B,)


@names_arguments
def init(rng, D, H, cell, dtype=np.float64, input_scale=None):
    """Returns random Params of two cells with H units each."""
    return Params(*(cell.init(rng, D, H, dtype, input_scale) for _ in range(2)))


@names_arguments(p=fields(Params))
def forward(p, x, cell, lengths=None):
    """Runs both cells over a batch of sequences.

    Args:
        p: Params.
        x: (T, B, D) vectors, or (T, B) ids.
        cell: the module of the cells.
        lengths: (B,) real steps of each sequence; all T if left out.

    Returns:
        h: (T, B, 2H), both states at each step, side by side.
        cache: what ``backward`` needs.

    Raises:
        ValueError: shapes do not fit together.
    """
    lengths = np.full(x.shape[1], len(x)) if lengths is None else lengths
    h_onward, onward = cell.forward(p.onward, x)
    h_reverse, reverse = cell.forward(p.reverse, padding.reverse(x, lengths))
    h = np.concatenate([h_onward, padding.reverse(h_reverse, lengths)], axis=-1)
    return h, Cache(onward, reverse, lengths)


@names_arguments(p=fields(Params), cache=fields(Cache), dh="T B 2H")
def backward(p, cache, dh, cell):
    """Returns (dp, dx), given dh (T, B, 2H); dx is None for ids."""
    dh_onward, dh_reverse = np.split(dh, 2, axis=-1)
    donward, dx, *_ = cell.backward(p.onward, cache.onward, dh_onward)
    dh_reverse = padding.reverse(dh_reverse, cache.lengths)  # h = [.., reversed]
    dreverse, dx_reverse, *_ = cell.backward(p.reverse, cache.reverse, dh_reverse)
    if dx is not None:
        dx = dx + padding.reverse(dx_reverse, cache.lengths)  # it read reverse(x)
    return Params(donward, dreverse), dx
