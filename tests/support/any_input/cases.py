"""All that is tried of a call: one change of one leaf, of one argument, or of the whole problem."""

from collections import Counter
from typing import Any, NamedTuple

import numpy as np

from tests.support.any_input import changes, verdict
from tests.support.any_input.arguments import arrays, dotted, fresh, leaves, shapes
from tests.support.any_input.problem import SIZES, Problem


class Case(NamedTuple):
    """One wrong or unusual call."""

    place: str  # the argument, as p.cell.W_x
    name: str  # what is different about it
    run: Any  # () -> (what came of it, what is wrong or None)


def of(call, seed=0):
    """Returns the Cases of a Call."""
    problem = Problem(seed)
    base = call.build(problem)
    found = [*_of_leaves(call, base), *_of_problem(call, seed)]
    for argument in call.whole:
        found += _exchanged(call, base, argument, seed)
    for argument, others in call.wrong.items():
        for other in others(Problem(seed)):
            kind = f"{type(other).__module__}.{type(other).__name__}"
            found.append(_whole(call, base, argument, other, f"a {kind}", True))
    return found


def _of_leaves(call, base):
    every = list(leaves(base))
    lengths = Counter(n for array in arrays(base) for n in array.shape)
    for path, leaf in every:
        if path[0] in call.whole:
            found = changes.layouts(leaf)
        else:
            name = dotted(path)
            shape = np.shape(leaf)
            bound = [i for i, n in enumerate(shape) if lengths[n] > 1]
            free = name in call.free or path[0] in call.free
            found = changes.of_leaf(
                leaf, bound, _limits(call, name), free, name in call.or_ids
            )
        for change in found:
            yield Case(
                dotted(path),
                change.name,
                lambda path=path, change=change: verdict.against(
                    call, base, path, change
                ),
            )


def _limits(call, name):
    limits = call.ids.get(name)
    return (0, SIZES[limits] - 1) if isinstance(limits, str) else limits


def _of_problem(call, seed):
    for letter in SIZES:
        for size in (0, 1):
            try:
                given = call.build(Problem(seed, **{letter: size}))
            except (ValueError, IndexError, ZeroDivisionError):
                continue  # the arguments themselves cannot be made
            usual = call.build(Problem(seed))
            if shapes(given) == shapes(usual):
                continue
            yield Case(
                f"{letter} = {size}",
                "a small problem",
                lambda given=given: _sound(call, given),
            )


def _sound(call, given):
    found = verdict.outcome(call.function(), fresh(given))
    if found.error is not None:
        return "refused", verdict.refused(found.error, call, given)
    if call.finite and not verdict.is_finite(found.found[0]):
        return "not finite", "the result is not finite"
    return "right", None


def _exchanged(call, base, argument, seed):
    for letter, size in SIZES.items():
        for other in (size + 1, 1):
            try:
                given = call.build(Problem(seed, **{letter: other}))
            except (ValueError, IndexError, ZeroDivisionError):
                continue
            if shapes(given[argument]) == shapes(base[argument]):
                continue
            others = [
                name
                for name in base
                if name != argument and shapes(given[name]) != shapes(base[name])
            ]
            yield _whole(
                call,
                base,
                argument,
                given[argument],
                f"of a problem with {letter} = {other}",
                bool(others),
            )


def _whole(call, base, argument, other, name, must):
    def run():
        found = verdict.outcome(
            call.function(), fresh({**base, argument: other})
        )
        if found.error is not None:
            return "refused", verdict.refused(found.error, call, base)
        usual = verdict.outcome(call.function(), fresh(base))
        if must and not verdict.same(found.found[0], usual.found[0], 1e-12):
            return "silent", "it is taken silently"
        return _sound(call, {**base, argument: other})

    return Case(argument, name, run)
