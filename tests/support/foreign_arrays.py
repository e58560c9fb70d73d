"""Arrays that stand for a GPU's: they refuse to meet NumPy's, as CuPy's do."""

import types

import numpy as np


class Foreign(np.lib.mixins.NDArrayOperatorsMixin):
    """An array that works with its own kind and with single numbers."""

    def __init__(self, inside):
        self.inside = inside

    def __array__(self, *_, **__):
        raise TypeError("a foreign array is not turned into NumPy's by the way")

    def __array_ufunc__(self, ufunc, method, *inputs, out=(), **options):
        options |= {"out": tuple(unwrapped(o) for o in out)} if out else {}
        return wrapped(getattr(ufunc, method)(*map(unwrapped, inputs), **options))

    def __getitem__(self, index):
        return wrapped(self.inside[unwrapped(index)])

    def __setitem__(self, index, value):
        self.inside[unwrapped(index)] = unwrapped(value)

    def __len__(self):
        return len(self.inside)

    def __float__(self):
        return float(self.inside)

    def __int__(self):
        return int(self.inside)

    def __bool__(self):
        return bool(self.inside)

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        found = getattr(self.inside, name)
        if callable(found) and not isinstance(found, type):
            return lambda *given, **options: wrapped(
                found(
                    *map(unwrapped, given),
                    **{k: unwrapped(v) for k, v in options.items()},
                )
            )
        return wrapped(found)


def wrapped(value):
    if isinstance(value, np.ndarray):
        return Foreign(value)
    if isinstance(value, tuple | list) and any(
        isinstance(v, np.ndarray) for v in value
    ):
        return type(value)(map(wrapped, value))
    return value


def unwrapped(value):
    if isinstance(value, Foreign):
        return value.inside
    if isinstance(value, np.ndarray):
        raise TypeError("a NumPy array meets a foreign one")
    if isinstance(value, tuple | list):
        return type(value)(map(unwrapped, value))
    return value


class _Function:
    def __init__(self, function):
        self.function = function

    def __call__(self, *given, **options):
        given = [unwrapped(v) for v in given]
        return wrapped(
            self.function(*given, **{k: unwrapped(v) for k, v in options.items()})
        )

    def __getattr__(self, name):
        return _Function(getattr(self.function, name))


class Namespace(types.ModuleType):
    """NumPy's functions, on foreign arrays."""

    def __init__(self):
        super().__init__("foreign")
        self.used = set()

    def __getattr__(self, name):
        self.used.add(name)
        found = getattr(np, name)
        if isinstance(found, type | float | type(None)) or isinstance(
            found, types.ModuleType
        ):
            return found
        return _Function(found)


def foreign(tree_of_arrays):
    """Returns a tree, or a batch, with foreign arrays in the place of NumPy's."""
    if isinstance(tree_of_arrays, tuple):
        moved = [foreign(branch) for branch in tree_of_arrays]
        kind = type(tree_of_arrays)
        return kind(*moved) if hasattr(kind, "_fields") else kind(moved)
    return wrapped(tree_of_arrays)
