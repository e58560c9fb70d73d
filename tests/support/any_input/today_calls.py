"""Calls of what Part 8 adds: scans, matrix states, their cells' own functions, residual blocks."""

import numpy as np

from tests.support.any_input.core_calls import sequence, shaken
from tests.support.any_input.problem import Seed, Table
from unrolled import functional
from unrolled.cells import (
    linear_attention,
    lru,
    min_gru,
    min_lstm,
    mlstm,
    selective,
    state_space,
)
from unrolled.layers import matrix_states, scan
from unrolled.models import residual_stack

TODAY = Table()
add = TODAY.add

# --- functional ----------------------------------------------------------------------------------

for name in ("softplus", "log_sigmoid", "positive", "log_positive", "elu_plus_1"):
    add(f"functional.{name}", lambda s: {"a": s.floats(s.N, s.V)}, free=("a",))
for name, value, forward in (
    ("dsoftplus", "s", functional.softplus),
    ("dpositive", "v", functional.positive),
    ("delu_plus_1", "v", functional.elu_plus_1),
):
    add(
        f"functional.{name}",
        lambda s, value=value, forward=forward: {
            value: forward(s.floats(s.N, s.V)),
            f"d{value}": s.floats(s.N, s.V),
        },
        free=(value, f"d{value}"),  # entry by entry: they broadcast as NumPy does
    )

# --- scans ---------------------------------------------------------------------------------------


def recurrence(s):
    """Returns what a scan takes."""
    return {
        "f": s.shares(s.T, s.B, s.H),
        "g": s.floats(s.T, s.B, s.H),
        "h0": s.floats(s.B, s.H),
    }


SHARED = ("f.1", "f.2")  # a factor may be shared: an axis of length 1
for name in ("sequential", "hillis_steele", "blelloch", "chunked", "start"):
    add(f"layers.scan.{name}", recurrence, free=SHARED)
add(
    "layers.scan.chunked: chunks of 2",
    lambda s: recurrence(s) | {"chunk": 2},
    free=SHARED,
)
add(
    "layers.scan.convolution",
    lambda s: recurrence(s) | {"f": np.tile(s.shares(1, s.B, s.H), (s.T, 1, 1))},
    free=SHARED,
)
add(
    "layers.scan.sweep",
    lambda s: {"f": recurrence(s)["f"], "g": s.floats(s.T, s.B, s.H)},
    free=SHARED,
)


def _pairs(s, first=np.asarray):
    return {
        name: (first(s.shares(s.T, s.B)), first(s.shares(s.T, s.B)))
        for name in ("earlier", "later")
    }


PAIR = ("earlier", "later")  # entry by entry: they broadcast as NumPy does
add("layers.scan.combine", _pairs, free=PAIR)
add("layers.log_scan.log_combine", lambda s: _pairs(s, np.log), free=PAIR)
add(
    "layers.scan.in_chunks",
    lambda s: {"a": s.floats(s.T, s.B), "C": 2},
    free=("a",),
)


def _dscan(s):
    given = recurrence(s)
    h = scan.sequential(**given)
    return {
        "f": given["f"],
        "h": h,
        "dh": s.floats(*h.shape),
        "h0": given["h0"],
    }


add("layers.scan.backward", _dscan, free=SHARED)


def _logarithms(s):
    return {
        f"log_{name}": np.log(np.abs(value) + 0.1)
        for name, value in recurrence(s).items()
    }


add("layers.log_scan.hillis_steele", _logarithms)
add(
    "layers.log_scan.logarithm",
    lambda s: {"h": s.shares(s.B, s.H) + 0.1},
    free=("h",),
)

# --- matrix states -------------------------------------------------------------------------------


def memory(s, rows=True):
    """Returns what the forms of a matrix state take: a factor for each row, or one number."""
    return {
        "q": s.floats(s.T, s.B, s.E),
        "k": s.floats(s.T, s.B, s.E),
        "v": s.floats(s.T, s.B, s.F),
        "f": s.shares(s.T, s.B, s.E if rows else 2)[..., : s.E if rows else 1],
        "S0": s.floats(s.B, s.E, s.F),
    }


def _dmemory(s, rows):
    given = memory(s, rows)
    y, S = matrix_states.recurrent(**given)
    S0 = given.pop("S0")
    return given | {"S": S, "dy": s.floats(*y.shape), "S0": S0}


for rows in (True, False):
    kind = "a factor for each row" if rows else "one factor"
    of = f"layers.matrix_states.{{}}: {kind}".format
    # an axis of length 1 is a factor that all rows share
    free = ("f.2",)
    for name in ("recurrent", "parallel", "chunked"):
        add(of(name), lambda s, rows=rows: memory(s, rows), free=free)
    add(of("backward"), lambda s, rows=rows: _dmemory(s, rows), free=free)
    add(
        of("mixing_matrix"),
        lambda s, rows=rows: {name: memory(s, rows)[name] for name in "qkf"},
        free=free,
    )
    add(of("decays"), lambda s, rows=rows: {"f": memory(s, rows)["f"]}, free=("f",))
add(
    "layers.matrix_states.chunked: chunks of 2",
    lambda s: memory(s) | {"chunk": 2},
    free=("f.2",),
)

# --- functions of single cells -------------------------------------------------------------------


def whole(s, cell):
    """Returns the weights of a cell and a sequence."""
    given = sequence(s, cell)
    return {"p": given["p"], "x": given["x"]}


for cell in (linear_attention, mlstm, selective):
    name = cell.__name__.rpartition(".")[2]
    add(f"cells.{name}.inputs", lambda s, cell=cell: whole(s, cell), or_ids=("x",))
add("cells.min_gru.gate_and_candidate", lambda s: whole(s, min_gru), or_ids=("x",))
for cell in (min_gru, min_lstm):
    name = cell.__name__.rpartition(".")[2]
    add(
        f"cells.{name}.forward_log",
        lambda s, cell=cell: whole(s, cell) | {"h0": s.shares(s.B, s.H)},
    )
add("cells.linear_attention.mean", lambda s: {"read": s.floats(s.T, s.N, s.E)})
add(
    "cells.mlstm.quotient",
    lambda s: {"read": s.floats(s.T, s.N, s.E), "m": s.floats(s.T, s.N, 1)},
)
add(
    "cells.mlstm.stabilisers",
    lambda s: {
        "log_i": s.floats(s.T, s.B, 1),
        "log_f": functional.log_sigmoid(s.floats(s.T, s.B, 1)),
        "m0": s.floats(s.B, 1),
    },
)
add("cells.lru.as_complex", lambda s: {"h": s.floats(s.T, s.B, s.H)}, free=("h",))
add(
    "cells.lru.as_real",
    lambda s: {"s": s.floats(s.T, s.B, s.H) + 1j * s.floats(s.T, s.B, s.H)},
    free=("s",),
)
add(
    "cells.lru.eigenvalues",
    lambda s: {"p": shaken(s, lru.init(s.rng, s.D, s.H))},
)
add(
    "cells.state_space.rates",
    lambda s: {"p": shaken(s, state_space.init(s.rng, s.D, s.H))},
)


def _rates(s):
    return {"a": -s.shares(s.N) + 1j * s.floats(s.N), "dt": s.shares(s.N)}


def _drates(s):
    return _rates(s) | {
        name: s.floats(s.N) + 1j * s.floats(s.N) for name in ("dfactor", "dweight")
    }


for name in ("zero_order_hold", "bilinear"):  # one step length may serve all rates
    add(f"cells.state_space.{name}", _rates, free=("a", "dt"))
    add(
        f"cells.state_space.d{name}",
        _drates,
        free=("a", "dt", "dfactor", "dweight"),
    )

# --- the task, and residual blocks ---------------------------------------------------------------

add(
    "data.tasks.selective_copy",
    lambda s: {"rng": Seed(1), "T": 6, "B": 3, "length": 2},
)
SIZES = {"cell": min_gru, "blocks": 2, "H": 2, "F": 23}


def _blocks(s):
    p = residual_stack.init(s.rng, s.V, s.D, **SIZES | {"H": s.H, "F": s.F})
    return {"p": shaken(s, p)}


def _read(s, ids=False):
    x = s.ids(s.V, s.T, s.B) if ids else s.floats(s.T, s.B, s.V)
    return _blocks(s) | {"x": x, "cell": min_gru}


def _dread(s, ids=False):
    given = _read(s, ids)
    h, cache = residual_stack.forward(**given)
    return {
        "p": given["p"],
        "cache": cache,
        "dh": s.floats(*h.shape),
        "cell": min_gru,
    }


of = "models.residual_stack.{}".format
add(of("of"), lambda s: {"cell": min_gru, "blocks": 2, "H": 2, "F": 3})
add(of("init"), lambda s: {"rng": Seed(1), "D_in": s.V, "D": s.D} | SIZES)
add(
    of("initial_state"),
    lambda s: _blocks(s) | {"*batch": (s.B,), "cell": min_gru},
)
add(
    of("step"),
    lambda s: {
        **_blocks(s),
        "x_t": s.floats(s.B, s.V),
        "h": s.floats(s.B, s.D),
        "*states": tuple(s.floats(s.B, s.H) for _ in range(2)),
        "cell": min_gru,
    },
    or_ids=("x_t",),
    said=("h",),
)
add(
    of("step_block"),
    lambda s: {
        "p": _blocks(s)["p"].blocks[0],
        "x": s.floats(s.B, s.D),
        "*states": (s.floats(s.B, s.H),),
        "cell": min_gru,
    },
    said=("h",),
)
add(of("forward"), _read, or_ids=("x",))
add(of("forward: ids"), lambda s: _read(s, True), ids={"x": "V"}, said=("ids",))
add(of("backward"), _dread, whole=("cache",))
add(of("backward: ids"), lambda s: _dread(s, True), whole=("cache",))


def _block(s):
    return {
        "p": _blocks(s)["p"].blocks[0],
        "x": s.floats(s.T, s.B, s.D),
        "cell": min_gru,
    }


def _dblock(s):
    given = _block(s)
    x, cache = residual_stack.forward_block(**given)
    return {
        "p": given["p"],
        "cache": cache,
        "dx": s.floats(*x.shape),
        "cell": min_gru,
    }


add(of("forward_block"), _block)
add(of("backward_block"), _dblock, whole=("cache",))
