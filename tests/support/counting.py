"""Arrays that count, so that the cost of a function can be tested without a clock."""

import numpy as np


class Counted(np.ndarray):
    """An array that counts the multiplications of the matrix products it takes part in.

    If ``entry_by_entry`` is True, it counts those of products entry by entry too.
    """

    multiplications = 0
    entry_by_entry = False

    def __array_ufunc__(self, ufunc, method, *inputs, out=(), **options):
        inputs = [np.asarray(array) for array in inputs]
        if ufunc is np.matmul:
            left, right = inputs
            Counted.multiplications += left.size * (
                right.shape[-1] if right.ndim > 1 else 1
            )
        if ufunc is np.multiply and Counted.entry_by_entry:
            Counted.multiplications += np.broadcast(*inputs).size
        if out:
            options["out"] = tuple(np.asarray(array) for array in out)
        return np.asanyarray(getattr(ufunc, method)(*inputs, **options)).view(Counted)


def multiplications(function, entry_by_entry=False):
    """Returns how many multiplications the matrix products of a call take.

    Args:
        function: without arguments.
        entry_by_entry: whether products entry by entry count, too.
    """
    Counted.multiplications, Counted.entry_by_entry = 0, entry_by_entry
    function()
    Counted.entry_by_entry = False
    return Counted.multiplications
