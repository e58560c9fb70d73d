"""All that is tried of a call: one change of one leaf, of one argument, or of the whole problem."""

import functools
from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from tests.support.any_input import changes, verdict
from tests.support.any_input.arguments import arrays, dotted, fresh, leaves, shapes
from tests.support.any_input.problem import SIZES, Problem

CANNOT = (
    ValueError,
    IndexError,
    ZeroDivisionError,
    TypeError,
)  # to make arguments of a size


SMALL = "a small problem"  # the name of a Case that changes all arguments at once


class Case(NamedTuple):
    """One wrong or unusual call."""

    place: str  # the argument, as p.cell.W_x; of a small problem, the size, as T = 0
    name: str  # what is different about it
    run: Any  # () -> (what came of it, what is wrong or None)


class Usual:
    """A call with valid arguments, made once for all that is compared with it."""

    def __init__(self, call, seed):
        """Makes the arguments."""
        self.call, self.seed = call, seed
        self.given = self.built()

    def built(self, **sizes):
        """Returns the arguments of a problem of other sizes."""
        return self.call.build(Problem(self.seed, **sizes))

    @functools.cached_property
    def outcome(self):
        """What the valid call returns; it must not fail."""
        found = verdict.outcome(self.call.function(), fresh(self.given))
        if found.error is not None:
            raise found.error
        if self.call.finite:
            assert verdict.is_finite(found.found[0]), f"{self.call.name} is not finite"
        return found


def of(call, seed=0):
    """Returns the Cases of a Call."""
    usual = Usual(call, seed)
    found = [*_of_leaves(usual), *_of_problem(usual)]
    for argument in call.whole:
        found += _exchanged(usual, argument)
    for argument, others in call.wrong.items():
        for other in others(Problem(seed)):
            name = f"a {type(other).__module__}.{type(other).__name__}"
            found.append(
                Case(
                    argument,
                    name,
                    lambda argument=argument, other=other: _another(
                        usual, argument, other, True
                    ),
                )
            )
    return found


def _of_leaves(usual):
    call, given = usual.call, usual.given
    lengths = Counter(n for array in arrays(given) for n in array.shape)
    for path, leaf in leaves(given):
        name = dotted(path)
        if path[0] in call.whole:
            found = changes.layouts(leaf)
        else:
            bound = [
                i
                for i, n in enumerate(np.shape(leaf))
                if lengths[n] > 1 and f"{name}.{i}" not in call.free
            ]
            parts = {dotted(path[:n]) for n in range(1, len(path) + 1)}
            free = bool(parts & {*call.free})
            found = changes.of_leaf(
                leaf, bound, _limits(call, name), free, name in call.or_ids
            )
        for change in found:
            yield Case(
                name,
                change.name,
                functools.partial(verdict.against, usual, path, change),
            )


def _limits(call, name):
    limits = call.ids.get(name)
    return (0, SIZES[limits] - 1) if isinstance(limits, str) else limits


def _of_problem(usual):
    for letter in SIZES:
        for size in (0, 1):
            yield Case(
                f"{letter} = {size}",
                SMALL,
                functools.partial(_small, usual, letter, size),
            )


def _small(usual, letter, size):
    try:
        given = usual.built(**{letter: size})
    except CANNOT:
        return "not made", None
    if shapes(given) == shapes(usual.given):
        return "not made", None
    found = verdict.outcome(usual.call.function(), fresh(given))
    if found.error is not None:
        return "refused", verdict.refused(found.error, usual.call, given)
    return verdict.sound(found, usual.call.finite)


def _exchanged(usual, argument):
    for letter, size in SIZES.items():
        for other in (size + 1, 1):
            yield Case(
                argument,
                f"of a problem with {letter} = {other}",
                functools.partial(_from_another, usual, argument, letter, other),
            )


def _from_another(usual, argument, letter, size):
    try:
        given = usual.built(**{letter: size})
    except CANNOT:
        return "not made", None
    if shapes(given[argument]) == shapes(usual.given[argument]):
        return "not made", None
    others = [
        name
        for name in given
        if name != argument and shapes(given[name]) != shapes(usual.given[name])
    ]
    must = bool(others) and letter not in usual.call.loose.get(argument, "")
    return _another(usual, argument, given[argument], must)


def _another(usual, argument, other, must):
    given = {**usual.given, argument: other}
    found = verdict.outcome(usual.call.function(), fresh(given))
    if found.error is not None:
        return "refused", verdict.refused(found.error, usual.call, given)
    if not must:
        return verdict.sound(found, usual.call.finite)
    if not verdict.same(found.found[0], usual.outcome.found[0], 1e-12):
        return "silent", "it is taken silently"
    return "right", None
