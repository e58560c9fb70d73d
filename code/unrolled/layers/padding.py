"""Sequences of unequal length in one array: each begins at step 0 and is padded after its end.

States at padded steps mean nothing. Three rules keep them out of the results: the loss counts real
steps only, the summary of a sequence is its last *real* state, and a network that reads backwards
begins at the last real step. T time, B batch.
"""

import numpy as np

from unrolled.arguments import names_arguments, shaped


def valid_lengths(name):
    """Returns a check that lengths are B integers in 1..T."""

    def check(lengths, sizes):
        check_lengths(np.broadcast_to(0, (sizes["T"], sizes["B"])), lengths)

    return check


@names_arguments
def lengths(mask):
    """Returns (B,) lengths, given a (T, B) mask that is True on the real steps.

    Raises:
        ValueError: not (T, B) booleans, a real step after padding, or an empty sequence.
    """
    if mask.ndim != 2 or mask.dtype != bool:
        raise ValueError(
            f"the mask must be (T, B) booleans, got {mask.shape} of {mask.dtype}"
        )
    if (mask[1:] > mask[:-1]).any():
        raise ValueError(
            "a sequence has a real step after padding: pad after the end only"
        )
    counts = mask.sum(axis=0)
    if not counts.all():
        raise ValueError(f"sequence {counts.argmin()} of the batch has no real step")
    return counts


@names_arguments(x=shaped("T B ..."), lengths=valid_lengths)
def reverse(x, lengths):
    """Returns x (T, B, ...) with the real steps of each sequence reversed.

    Padding stays at the end. The function is its own inverse and its own backward.
    """
    check_lengths(x, lengths)
    t = np.arange(len(x))[:, None]
    source = np.where(t < lengths, lengths - 1 - t, t)  # (T, B)
    return x[source, np.arange(x.shape[1])]


@names_arguments(h=shaped("T B ..."), lengths=valid_lengths)
def last(h, lengths):
    """Returns (B, ...): of h (T, B, ...), each sequence's entry at its last real step."""
    check_lengths(h, lengths)
    return h[lengths - 1, np.arange(h.shape[1])]


@names_arguments(h="T B ...", lengths=valid_lengths, dlast_h="B ...")
def dlast(h, lengths, dlast_h):
    """Returns the gradient with respect to h, zero but at the last real steps."""
    dh = np.zeros_like(h)
    dh[lengths - 1, np.arange(h.shape[1])] = dlast_h
    return dh


@names_arguments
def check_lengths(x, lengths):
    """Checks lengths (B,) against x (T, B, ...), which is padded.

    Raises:
        ValueError: not B numbers, or one of them outside 1..T.
    """
    T, B = x.shape[:2]
    if (
        np.asarray(lengths).dtype.kind not in "iu"
        or np.shape(lengths) != (B,)
        or not 1 <= np.min(lengths) <= np.max(lengths) <= T
    ):
        raise ValueError(
            f"need {B} lengths in 1..{T}, got {np.asarray(lengths).tolist()}"
        )
