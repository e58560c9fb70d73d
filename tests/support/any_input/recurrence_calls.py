"""Calls of the cells that follow a state, and of the tasks in which a state is followed."""

from tests.support.any_input.core_calls import others, shaken
from tests.support.any_input.problem import Seed, Table
from unrolled.cells import diagonal, reflections
from unrolled.data import groups

RECURRENCES = Table()
add = RECURRENCES.add


def _diagonal(s):
    return shaken(s, diagonal.init(s.rng, s.D, s.H))


def _reflections(s):
    return shaken(s, reflections.init(s.rng, s.D, s.H))


add("cells.diagonal.between", lambda s: {"low": 0.0}, said=("low",))
add(
    "cells.diagonal.factor_and_term",
    lambda s: {"p": _diagonal(s), "x": s.floats(s.T, s.B, s.D)},
    or_ids=("x",),
    wrong=others("diagonal"),
)
add("cells.delta_net.below", lambda s: {"high": 1.0}, said=("high",))
add("cells.reflections.below", lambda s: {"high": 1.0, "n": 2}, said=("high", "n"))
add(
    "cells.reflections.units",
    lambda s: {"p": _reflections(s)},
    free=("p.W_x", "p.b"),
    said=("p.b",),
)
add(
    "cells.reflections.directions",
    lambda s: {"p": _reflections(s), "x": s.floats(s.T, s.B, s.D)},
    or_ids=("x",),
    wrong=others("reflections"),
)
add(
    "cells.reflections.reflect",
    lambda s: {
        "h": s.floats(s.B, s.H),
        "u": s.floats(s.B, s.H),
        "beta": s.shares(s.B, 1),
    },
    free=("h", "u", "beta"),  # broadcasting is how it is used
)

# --- tasks ---------------------------------------------------------------------------------------

add("data.groups.cyclic", lambda s: {"m": 3}, said=("m",))
add("data.groups.permutations", lambda s: {"n": 3, "even": False}, said=("n",))
add(
    "data.groups.table",
    lambda s: {"orders": groups.permutations(3)},
    ids={"orders": (0, 2)},
)
add(
    "data.groups.swaps",
    lambda s: {"orders": groups.permutations(3)},
    ids={"orders": (0, 2)},
)
add(
    "data.groups.word_problem",
    lambda s: {"rng": Seed(2), "T": s.T, "B": s.B, "table": groups.cyclic(4)},
    ids={"table": (0, 3)},
)
