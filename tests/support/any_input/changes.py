"""What can be different about one array or number among the arguments of a call."""

from typing import Any, NamedTuple

import numpy as np

# what must come of a change:
EQUAL = "equal"  # the same result, or a refusal
CLOSE = "close"  # the same result but for rounding, or a refusal
REFUSED = (
    "refused"  # an error that names the argument, or the same result: it is not read
)
NEVER = "never"  # an error that names the argument
SOUND = "sound"  # a refusal, or a result of finite numbers


class Change(NamedTuple):
    """A change of one leaf."""

    name: str
    expected: str
    make: Any  # leaf -> changed leaf
    reference: Any = (
        None  # leaf -> what the result is compared with; the leaf itself if None
    )


def of_leaf(leaf, bound=(), limits=None, free=False, ids=False):
    """Returns the Changes of a leaf.

    Args:
        leaf: an array or a number.
        bound: the axes whose length another array has too, so that it cannot change alone.
        limits: (least, largest) of ids.
        free: whether the leaf may have any shape.
        ids: whether integers in this leaf, which holds vectors, mean ids.
    """
    if not isinstance(leaf, np.ndarray):
        return distinct(leaf, _of_number(leaf))
    found = [*_of_layout(leaf), *_of_kind(leaf, ids)]
    if leaf.ndim:
        found += _of_shape(leaf, bound, free)
    if limits is not None and leaf.size:
        found += _of_ids(*limits)
    if leaf.dtype == bool:
        found += _of_mask(leaf)
    return distinct(leaf, found)


def layouts(leaf):
    """Returns the Changes that leave the numbers as they are."""
    return distinct(leaf, _of_layout(leaf)) if isinstance(leaf, np.ndarray) else []


def distinct(leaf, found):
    """Returns the Changes that change a leaf, each to what none before it makes.

    The first of two entries of an axis of two is its only entry: one shorter is of length 1.
    """
    kept = {identity(leaf): None}
    for change in found:
        kept.setdefault(identity(change.make(leaf)), change)
    return [change for change in kept.values() if change is not None]


def identity(value):
    """Returns what tells two arrays or numbers apart for a function that gets them."""
    if isinstance(value, np.ndarray):
        layout = value.shape, value.strides, value.flags.writeable
        return value.dtype.str, layout, value.tobytes()
    return type(value), repr(value)


def _of_layout(leaf):
    found = [
        Change("read-only", EQUAL, _read_only),
        Change("byte-swapped", EQUAL, lambda a: a.astype(a.dtype.newbyteorder("S"))),
    ]
    if leaf.ndim:
        found += [
            Change("every second entry of a larger array", EQUAL, _strided),
            Change("a view that runs backwards", EQUAL, lambda a: a[::-1].copy()[::-1]),
            Change("a list", EQUAL, lambda a: a.tolist()),
        ]
    if leaf.ndim > 1:
        found += [
            Change("Fortran order", EQUAL, np.asfortranarray),
            Change(
                "the batch first",
                EQUAL,
                lambda a: np.ascontiguousarray(a.swapaxes(0, 1)).swapaxes(0, 1),
            ),
        ]
    return found


def _read_only(a):
    a = a.copy()
    a.flags.writeable = False
    return a


def _strided(a):
    wide = np.zeros((2 * len(a), *a.shape[1:]), a.dtype)
    wide[::2] = a
    return wide[::2]


def _of_kind(leaf, ids):
    if leaf.dtype.kind == "f":
        found = [Change("float32", CLOSE, lambda a: a.astype(np.float32))]
        if not ids:
            found.append(
                Change(
                    "whole numbers", EQUAL, lambda a: np.rint(a).astype(int), np.rint
                )
            )
        return found
    if leaf.dtype.kind in "iu":
        return [
            Change("int32", EQUAL, lambda a: a.astype(np.int32)),
            Change("uint8", EQUAL, lambda a: a.astype(np.uint8)),
            Change("float ids", EQUAL, lambda a: a.astype(float)),
        ]
    return []


def _of_shape(leaf, bound, free):
    found = []
    for i in range(leaf.ndim):
        expected = REFUSED if i in bound and not free else SOUND
        n = leaf.shape[i]
        if n > 1:
            found += [
                Change(f"axis {i} one shorter", expected, _taken(i, range(n - 1))),
                Change(f"axis {i} of length 1", expected, _taken(i, [0])),
            ]
        if n:
            found += [
                Change(f"axis {i} one longer", expected, _taken(i, [*range(n), 0])),
                Change(f"axis {i} empty", expected, _taken(i, [])),
                Change(f"axis {i} lost", expected, lambda a, i=i: a.take(0, axis=i)),
            ]
        for j in range(i):
            if leaf.shape[i] != leaf.shape[j]:
                both = REFUSED if {i, j} & set(bound) and not free else SOUND
                found.append(
                    Change(
                        f"axes {j} and {i} swapped",
                        both,
                        lambda a, i=i, j=j: a.swapaxes(i, j),
                    )
                )
    extra = SOUND if free or not bound else EQUAL
    return [
        *found,
        Change("an axis in front", extra, lambda a: a[None]),
        Change("an axis at the end", extra, lambda a: a[..., None]),
    ]


def _taken(axis, places):
    return lambda a: a.take(np.array([*places], int), axis=axis)


def _of_ids(least, largest):
    return [
        Change("an id too small", NEVER, _with(least - 1)),
        Change("an id too large", NEVER, _with(largest + 1)),
        Change("an id far too large", NEVER, _with(10**6)),
        Change("an id of a half", NEVER, lambda a: a + 0.5),
        Change("ids of bool", NEVER, lambda a: a.astype(bool)),
    ]


def _with(number):
    def changed(a):
        a = a.copy()
        a.flat[a.size // 2] = number
        return a

    return changed


def _of_mask(leaf):
    found = [
        Change("a mask of int", EQUAL, lambda a: a.astype(int)),
        Change("a mask of uint8", EQUAL, lambda a: a.astype(np.uint8)),
        Change("a mask of float", EQUAL, lambda a: a.astype(float)),
        Change("a mask that is all False", SOUND, np.zeros_like),
        Change("a mask that is all True", SOUND, np.ones_like),
    ]
    if leaf.ndim > 1:
        found.append(Change("a sequence that is all False", SOUND, _without_first))
    return found


def _without_first(a):
    a = a.copy()
    a[:, 0] = False
    return a


def _of_number(leaf):
    found = [Change("NumPy's number", EQUAL, lambda a: np.asarray(a)[()])]
    if isinstance(leaf, bool):
        return found
    others = [-1, 0, 1, 7]
    if isinstance(leaf, float):
        others += [-0.5, 1e3]
        found += [
            Change("nan", SOUND, lambda a: float("nan")),
            Change("inf", SOUND, lambda a: float("inf")),
        ]
    else:
        others += [2.5]
    return found + [
        Change(f"{other}", SOUND, lambda a, other=other: other) for other in others
    ]
