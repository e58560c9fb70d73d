"""Arrays that count, so that the cost of a function can be tested without a clock."""

import numpy as np


class Counted(np.ndarray):
    """An array that counts the multiplications of the matrix products it takes part in."""

    multiplications = 0

    def __array_ufunc__(self, ufunc, method, *inputs, out=(), **options):
        inputs = [np.asarray(array) for array in inputs]
        if ufunc is np.matmul:
            left, right = inputs
            Counted.multiplications += left.size * (
                right.shape[-1] if right.ndim > 1 else 1
            )
        if out:
            options["out"] = tuple(np.asarray(array) for array in out)
        return np.asanyarray(getattr(ufunc, method)(*inputs, **options)).view(Counted)


def multiplications(function):
    """Returns how many multiplications the matrix products of a call take."""
    Counted.multiplications = 0
    function()
    return Counted.multiplications
