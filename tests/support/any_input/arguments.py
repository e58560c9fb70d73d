"""The arrays and numbers inside the arguments of a call: found, copied, replaced."""

import numpy as np

from tests.support.any_input.problem import Seed


def leaves(value, path=()):
    """Yields (path, leaf) of every array and number in an argument."""
    if isinstance(value, np.ndarray | bool | int | float):
        yield path, value
    elif isinstance(value, Seed):
        return
    elif isinstance(value, tuple | list):
        names = getattr(value, "_fields", range(len(value)))
        for name, part in zip(names, value, strict=True):
            yield from leaves(part, (*path, name))
    elif isinstance(value, dict):
        for name, part in value.items():
            yield from leaves(part, (*path, name))


def arrays(value):
    """Returns the arrays in an argument."""
    return [leaf for _, leaf in leaves(value) if isinstance(leaf, np.ndarray)]


def shapes(value):
    """Returns the shapes of the arrays in an argument."""
    return [array.shape for array in arrays(value)]


def replaced(value, path, new):
    """Returns an argument with another leaf at a path."""
    if not path:
        return new
    if isinstance(value, dict):
        return value | {path[0]: replaced(value[path[0]], path[1:], new)}
    if hasattr(value, "_fields"):
        inner = replaced(getattr(value, path[0]), path[1:], new)
        return value._replace(**{path[0]: inner})
    parts = list(value)
    parts[path[0]] = replaced(parts[path[0]], path[1:], new)
    return type(value)(parts)


def fresh(value):
    """Returns a copy of an argument; a Seed becomes a generator."""
    if isinstance(value, Seed):
        return np.random.default_rng(value.number)
    if isinstance(value, np.ndarray):
        return np.array(value, order="K", copy=True)
    if isinstance(value, dict):
        return {name: fresh(part) for name, part in value.items()}
    if isinstance(value, tuple | list):
        parts = [fresh(part) for part in value]
        kind = type(value)
        return kind(*parts) if hasattr(kind, "_fields") else kind(parts)
    return value


def dotted(path):
    """Returns a path as a name: p.cell.W_x."""
    return ".".join(map(str, path))
