"""Calls of the delta rule, of learning while reading, and of their cells' inputs."""

from tests.support.any_input.core_calls import shaken
from tests.support.any_input.problem import Seed, Table
from unrolled.cells import delta_net, gated_delta_net
from unrolled.layers import delta_rule, online_learning

DELTA = Table()
add = DELTA.add

# --- functional ----------------------------------------------------------------------------------

add("functional.unit", lambda s: {"a": s.floats(s.T, s.B, s.E)})
add(
    "functional.dunit",
    lambda s: {"a": s.floats(s.T, s.B, s.E), "du": s.floats(s.T, s.B, s.E)},
)

# --- layers --------------------------------------------------------------------------------------


def keys(s, *names):
    """Returns arrays (T, B, E), short enough for products of many factors."""
    return {name: 0.2 * s.floats(s.T, s.B, s.E) for name in names}


def gates(s, *names):
    """Returns numbers between 0 and 1, one a step."""
    return {name: s.rng.uniform(0.2, 1, (s.T, s.B, 1)) for name in names}


def pairs(s):
    """Returns what every form of the delta rule takes."""
    return {
        **keys(s, "q", "k"),
        "v": s.floats(s.T, s.B, s.F),
        **gates(s, "beta", "f"),
        "S0": s.floats(s.B, s.E, s.F),
    }


def backward(s):
    given = pairs(s)
    _, S = delta_rule.recurrent(*given.values())
    first = given.pop("S0")
    return given | {"S": S, "dy": s.floats(s.T, s.B, s.F), "S0": first}


add(
    "layers.delta_rule.look_up",
    lambda s: {"k": s.floats(s.B, s.E), "S": s.floats(s.B, s.E, s.F)},
    free=("k.0", "S.0"),  # many keys in one matrix
)
add(
    "layers.delta_rule.outer",
    lambda s: {"k": s.floats(s.T, s.B, s.E), "v": s.floats(s.T, s.B, s.F)},
)
for form in ("recurrent", "parallel", "chunked"):
    add(f"layers.delta_rule.{form}", pairs)
add(
    "layers.delta_rule.corrections",
    lambda s: {name: a for name, a in pairs(s).items() if name != "q"},
)
add("layers.delta_rule.backward", backward)
add(
    "layers.delta_rule.start",
    lambda s: {name: a for name, a in pairs(s).items() if name != "q"},
)


def learnt(s):
    """Returns what reading with momentum takes."""
    return {
        **keys(s, "q", "k"),
        "v": s.floats(s.T, s.B, s.F),
        **gates(s, "beta", "mu", "f"),
        "M0": s.floats(s.B, s.E, s.F),
        "P0": s.floats(s.B, s.E, s.F),
    }


def learnt_backward(s):
    given = learnt(s)
    _, M, P = online_learning.recurrent(*given.values())
    firsts = {name: given.pop(name) for name in ("M0", "P0")}
    return given | {"M": M, "P": P, "dy": s.floats(s.T, s.B, s.F)} | firsts


def one_pair(s):
    return {
        "M": s.floats(s.B, s.E, s.F),
        "k": s.floats(s.B, s.E),
        "v": s.floats(s.B, s.F),
    }


add("layers.online_learning.loss", one_pair)
add("layers.online_learning.dloss", one_pair)
add("layers.online_learning.recurrent", learnt)
add("layers.online_learning.backward", learnt_backward)
add(
    "layers.online_learning.mini_batches",
    lambda s: {n: a for n, a in learnt(s).items() if n not in ("mu", "f", "P0")},
)
add(
    "layers.online_learning.start",
    lambda s: {n: a for n, a in learnt(s).items() if n in ("k", "v", "M0")},
)

# --- cells and data ------------------------------------------------------------------------------

for name, cell in (("delta_net", delta_net), ("gated_delta_net", gated_delta_net)):
    add(
        f"cells.{name}.inputs",
        lambda s, cell=cell: {
            "p": shaken(s, cell.init(s.rng, s.D, s.H)),
            "x": s.floats(s.T, s.B, s.D),
        },
        or_ids=("x",),
    )
add(
    "data.tasks.associative_recall",
    lambda s: {"rng": Seed(1), "keys": s.T, "B": s.B, "K": s.N, "V": s.V, "writes": 2},
)
