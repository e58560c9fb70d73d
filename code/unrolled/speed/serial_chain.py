r"""The time of a recurrent network on a device with a latency at every step.

    t(T, B) = T max(l, B w / R)                                   (eq-chain-time)
    B*      = l R / w                                             (eq-saturating-batch)

l is the latency of a step: the time that a step takes even with almost no work. w is the work of a
step for one sequence, in operations, and R the device's rate. Up to a batch of B* a larger batch
takes no longer.
"""

import numpy as np

from unrolled.arguments import names_arguments


@names_arguments
def work(H, D, gates, passes=3):
    """Returns the operations of a step for one sequence: products with W_x and W_h.

    Args:
        H: hidden units.
        D: entries of an input.
        gates: blocks of H columns: 1 in the plain cell, 3 in a GRU, 4 in an LSTM.
        passes: 1 for forward alone; backward does twice as much again.
    """
    return passes * 2 * (D + H) * gates * H


@names_arguments
def seconds(T, B, latency, work, rate):
    """Returns the time of T steps with a batch of B."""
    if rate == 0:
        raise ValueError("the rate must be above 0, got 0")
    return T * np.maximum(latency, np.asarray(B) * work / rate)


@names_arguments
def saturating_batch(latency, work, rate):
    """Returns B*, the batch above which a step takes longer than the latency."""
    return latency * rate / work


@names_arguments
def fused_floor(T, exchange, operations, rate):
    """Returns a floor of forward and backward in one launch each.

        t >= 2 T l_x + W / R_max                                           (eq-fused-floor)

    Args:
        T: steps.
        exchange: seconds of a step in which programs only wait for each other, l_x.
        operations: of all products, forward and backward, W.
        rate: of large products, R_max.
    """
    return 2 * T * exchange + operations / rate


@names_arguments
def share(B, latency, work, rate):
    """Returns the share of the device's rate that is used: min(1, B / B*)."""
    if rate == 0:
        raise ValueError("the rate must be above 0, got 0")
    return np.asarray(B) * work / rate / seconds(1, B, latency, work, rate)
