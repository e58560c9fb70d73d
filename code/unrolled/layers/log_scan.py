r"""Linear recurrences of positive numbers, computed with their logarithms.

    log h_t = log(exp(log f_t + log h_{t-1}) + exp(log g_t))                   (eq-log-scan)

Products of factors below 1 underflow, and products of factors above 1 overflow, long before their
logarithms do. The rule of combining two steps is that of ``scan``, in logarithms: a product is a
sum, and a sum is ``logaddexp``. A factor, a summand or a state of 0 has the logarithm -inf, and
every function takes it.
"""

import numpy as np

from unrolled.arguments import names_arguments


@names_arguments
def log_combine(earlier, later):
    """Returns the logarithms of one step (f, g) that does what two steps do."""
    log_f_1, log_g_1 = earlier
    log_f_2, log_g_2 = later
    return log_f_2 + log_f_1, np.logaddexp(log_f_2 + log_g_1, log_g_2)


@names_arguments(log_f="T ...", log_g="T ...", log_h0="...")
def hillis_steele(log_f, log_g, log_h0=None):
    """Returns the logarithms of the states (T, ...), after log2(T) rounds.

    Args:
        log_f: (T, ...) logarithms of the factors.
        log_g: (T, ...) logarithms of the summands.
        log_h0: (...) logarithm of the state before the first step; the state is 0 if left out.

    Raises:
        ValueError: shapes do not fit together.
    """
    log_f, log_h = np.array(log_f), np.array(log_g)
    if log_f.shape != log_h.shape:
        raise ValueError(
            f"log_f and log_g must have one shape, got {log_f.shape}, {log_h.shape}"
        )
    if log_h0 is not None:
        if np.shape(log_h0) != log_h.shape[1:]:
            raise ValueError(
                f"log_h0 must be {log_h.shape[1:]}, got {np.shape(log_h0)}"
            )
        log_h[:1] = np.logaddexp(log_f[:1] + log_h0, log_h[:1])
    reach = 1
    while reach < len(log_h):
        log_f[reach:], log_h[reach:] = log_combine(
            (log_f[:-reach], log_h[:-reach]), (log_f[reach:], log_h[reach:])
        )
        reach *= 2
    return log_h


@names_arguments
def logarithm(h):
    """Returns log h, -inf where h is 0.

    Raises:
        ValueError: an entry is negative.
    """
    if (np.asarray(h) < 0).any():
        raise ValueError(
            f"only numbers from 0 have a logarithm here, got {np.min(h):.3g}"
        )
    with np.errstate(divide="ignore"):
        return np.log(h)
