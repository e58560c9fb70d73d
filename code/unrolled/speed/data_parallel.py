r"""The time of a step on several devices: shared work, and the all-reduce of the gradients.

    t_reduce(N) = 2 (N-1)/N  M/β + 2 (N-1) l        the ring                (eq-ring-all-reduce)
    t(N)        = t_fixed + t_work / N + t_reduce(N)                        (eq-data-parallel-time)

M bytes of gradient, β bytes a second and l seconds for a message between two neighbours. Of the
time of a step on one device, t_work shrinks with the batch. t_fixed does not: the T steps of a
recurrent network follow one another, however small the batch is.
"""

import numpy as np

from unrolled.arguments import names_arguments


@names_arguments
def all_reduce(N, size, bandwidth, latency=0.0):
    """Returns the seconds in which N devices in a ring add up ``size`` bytes.

    The array is cut into N pieces. In N-1 rounds each device hands a piece to the next,
    which adds its own; in N-1 more rounds the finished pieces go round.

    Args:
        N: devices.
        size: bytes of the array, M.
        bandwidth: bytes a second from a device to the next, β.
        latency: seconds that a message takes whatever its size, l.

    Raises:
        ValueError: no device.
    """
    if N < 1:
        raise ValueError(f"there is at least one device, got {N}")
    return 2 * (N - 1) * (size / N / bandwidth + latency)


@names_arguments
def step(N, fixed, work, size, bandwidth, latency=0.0):
    """Returns the seconds of a step on N devices (eq-data-parallel-time)."""
    return fixed + work / N + all_reduce(N, size, bandwidth, latency)


@names_arguments
def speedup(N, fixed, work, size, bandwidth, latency=0.0):
    """Returns how many times faster a step is on N devices than on one."""
    return (fixed + work) / step(N, fixed, work, size, bandwidth, latency)


@names_arguments
def least_work(size, bandwidth):
    """Returns the seconds of t_work from which two devices are faster than one.

    t(2) < t(1) means t_work/2 > M/β, without latency:

        t_work > 2 M / β                                      (eq-data-parallel-pays)
    """
    return 2 * size / bandwidth


def check_pieces(pieces):
    """Raises ValueError unless N devices have N pieces each, of which each k-th has one shape."""
    for n, own in enumerate(pieces):
        if len(own) != len(pieces):
            raise ValueError(
                f"pieces[{n}] must be a list of {len(pieces)}, got {len(own)}"
            )
        for k, piece in enumerate(own):
            if np.shape(piece) != np.shape(pieces[0][k]):
                raise ValueError(
                    f"pieces[{n}][{k}] must have the shape {np.shape(pieces[0][k])},"
                    f" got {np.shape(piece)}"
                )


@names_arguments
def ring(pieces):
    """Adds up arrays as a ring of devices does.

    Args:
        pieces: N lists of N numbers or arrays: the pieces of each device's array.

    Returns:
        (the N lists, all of them now the sum; how many pieces each device sent).

    Raises:
        ValueError: not N lists of N, or pieces of different shapes.
    """
    N = len(pieces)
    check_pieces(pieces)
    held, sent = [list(own) for own in pieces], [0] * N
    for hop in range(2 * (N - 1)):
        messages = []
        for n in range(N):
            k = (n - hop) % N
            messages.append((n, k, held[n][k]))
        for n, k, value in messages:
            to = (n + 1) % N
            held[to][k] = held[to][k] + value if hop < N - 1 else value
            sent[n] += 1
    return held, sent
