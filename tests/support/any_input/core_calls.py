"""Calls of the functions without memory, of trees, cells, gradients and optimizers."""

import inspect

import numpy as np

from tests.support.any_input.problem import Seed, Table
from tests.support.registered_cells import cells
from unrolled import tree
from unrolled.cells import irnn, lstm, registry, rnn

CORE = Table()
add = CORE.add

# --- functional ----------------------------------------------------------------------------------

for name in ("sigmoid", "hard_sigmoid", "relu"):
    add(f"functional.{name}", lambda s: {"a": s.floats(s.N, s.V)}, free=("a",))
for name, value in (
    ("dsigmoid", "s"),
    ("dhard_sigmoid", "s"),
    ("dtanh", "h"),
    ("drelu", "h"),
):
    add(
        f"functional.{name}",
        lambda s, value=value: {
            value: s.shares(s.N, s.V),
            f"d{value}": s.floats(s.N, s.V),
        },
        free=(value, f"d{value}"),  # entry by entry: they broadcast as NumPy does
    )
add("functional.softmax", lambda s: {"u": s.floats(s.N, s.V)})
add(
    "functional.dsoftmax",
    lambda s: {"p": s.shares(s.N, s.V), "dp": s.floats(s.N, s.V)},
)


def _logits(s):
    return {"logits": s.floats(s.T, s.B, s.V), "targets": s.ids(s.V, s.T, s.B)}


add("functional.cross_entropy", _logits, ids={"targets": "V"})
add(
    "functional.dcross_entropy",
    lambda s: _logits(s) | {"dlosses": s.floats(s.T, s.B)},
    ids={"targets": "V"},
)
add(
    "functional.binary_cross_entropy",
    lambda s: {
        "logits": s.floats(s.T, s.B),
        "bits": s.ids(2, s.T, s.B).astype(float),
    },
    free=("logits", "bits"),
)
add(
    "functional.dbinary_cross_entropy",
    lambda s: {
        "logits": s.floats(s.T, s.B),
        "bits": s.ids(2, s.T, s.B).astype(float),
        "dlosses": s.floats(s.T, s.B),
    },
    free=("logits", "bits", "dlosses"),
)
add(
    "functional.project",
    lambda s: {"x": s.floats(s.T, s.B, s.D), "W": s.floats(s.D, s.H)},
    or_ids=("x",),
)
add(
    "functional.project: ids",
    lambda s: {"x": s.ids(s.D, s.T, s.B), "W": s.floats(s.D, s.H)},
    ids={"x": "D"},
    free=("x",),
)
add(
    "functional.dproject",
    lambda s: {
        "x": s.floats(s.T, s.B, s.D),
        "W": s.floats(s.D, s.H),
        "dy": s.floats(s.T, s.B, s.H),
    },
)
add(
    "functional.dproject: ids",
    lambda s: {
        "x": s.ids(s.D, s.T, s.B),
        "W": s.floats(s.D, s.H),
        "dy": s.floats(s.T, s.B, s.H),
    },
    ids={"x": "D"},
)
add("functional.as_rows", lambda s: {"x": s.floats(s.T, s.B, s.H)}, free=("x",))
add(
    "functional.sum_rows",
    lambda s: {"ids": s.ids(s.D, s.N), "rows": s.floats(s.N, s.H), "D": s.D},
    ids={"ids": "D"},
)
add(
    "functional.check_sequence",
    lambda s: {"x": s.floats(s.T, s.B, s.D), "D": s.D},
    free=("x",),
)
add(
    "functional.check_sequence: ids",
    lambda s: {"x": s.ids(s.D, s.T, s.B), "D": s.D},
    ids={"x": "D"},
    free=("x",),
    said=("ids",),
)
add(
    "functional.check_state",
    lambda s: {"name": "h0", "state": s.floats(s.B, s.H), "B": s.B, "H": s.H},
    said=("h0",),
)

# --- trees ---------------------------------------------------------------------------------------


def _weights(s):
    return rnn.init(s.rng, s.D, s.H)


add(
    "tree.map",
    lambda s: {
        "function": np.add,
        "tree": _weights(s),
        "*others": (s.like(_weights(s)),),
    },
    free=tuple(
        f"{part}.{leaf}"
        for part in ("tree", "*others.0")
        for leaf in rnn.Params._fields
    ),
)
add("tree.leaves", lambda s: {"tree": _weights(s)}, free=("tree",))
add("tree.named_leaves", lambda s: {"tree": _weights(s)}, free=("tree",))
add(
    "tree.replace_leaves",
    lambda s: {"tree": _weights(s), "new_leaves": tree.leaves(s.like(_weights(s)))},
    free=(
        "tree.W_x",
        "tree.W_h",
        "tree.b",
        "new_leaves.0",
        "new_leaves.1",
        "new_leaves.2",
    ),
)

# --- cells ---------------------------------------------------------------------------------------


def shaken(s, p):
    """Returns weights no part of which is 0."""
    return tree.map(lambda w: w + 0.4 * s.rng.standard_normal(w.shape), p)


def sequence(s, cell, ids=False):
    """Returns what forward takes: p, x and the initial states."""
    p = shaken(s, cell.init(s.rng, s.D, s.H))
    x = s.ids(s.D, s.T, s.B) if ids else s.floats(s.T, s.B, s.D)
    names = [*inspect.signature(cell.forward).parameters][2:]
    states = zip(names, cell.initial_state(p, s.B), strict=False)
    return {"p": p, "x": x} | {name: s.floats(*h.shape) for name, h in states}


def backward(s, cell, ids=False):
    """Returns what backward takes."""
    given = sequence(s, cell, ids)
    h, cache = cell.forward(*given.values())
    return {"p": given["p"], "cache": cache, "dh": s.floats(*h.shape)}


def one_step(s, cell):
    """Returns what step takes."""
    p, x, *states = sequence(s, cell).values()
    names = [*inspect.signature(cell.step).parameters][2:]
    return {"p": p, "x_t": x[0]} | dict(zip(names, states, strict=False))


def others(name):
    """Returns weights of every other cell, of the same sizes."""

    def built(s):
        every = cells() | {"irnn": irnn}
        mine = every[name].Params
        return [
            cell.init(s.rng, s.D, s.H)
            for cell in every.values()
            if cell.Params is not mine
        ]

    return {"p": built}


for name, cell in {**cells(), "irnn": irnn}.items():
    of, wrong = f"cells.{name}", others(name)
    add(f"{of}.init", lambda s: {"rng": Seed(1), "D": s.D, "H": s.H})
    if registry.CELLS.get(name) and cell.initial_state.__module__.endswith(name):
        add(
            f"{of}.initial_state",
            lambda s, cell=cell: {"p": cell.init(s.rng, s.D, s.H), "*batch": (s.B,)},
        )
    add(f"{of}.step", lambda s, cell=cell: one_step(s, cell), wrong=wrong)
    add(f"{of}.forward", lambda s, cell=cell: sequence(s, cell), wrong=wrong)
    add(
        f"{of}.forward: ids",
        lambda s, cell=cell: sequence(s, cell, ids=True),
        ids={"x": "D"},
        said=("ids",),
    )
    add(
        f"{of}.backward",
        lambda s, cell=cell: backward(s, cell),
        whole=("cache",),
        wrong=wrong,
    )
    add(
        f"{of}.backward: ids",
        lambda s, cell=cell: backward(s, cell, ids=True),
        whole=("cache",),
    )

for name, more in (
    ("backward_loops", {"window": 2}),
    ("backward_window", {"window": 2}),
    ("backward_last", {"steps": 3}),
    ("backward_chunks", {"length": 2}),
):
    add(
        f"cells.rnn.{name}",
        lambda s, more=more: backward(s, rnn) | more,
        whole=("cache",),
        wrong=others("rnn"),
    )
add(
    "cells.rnn.parameter_gradients",
    lambda s: {
        ("da" if name == "dh" else name): value
        for name, value in backward(s, rnn).items()
    },
    whole=("cache",),
)
add(
    "cells.rnn.non_negative",
    lambda s: {"name": "window", "number": 2},
    said=("window",),
)


def _coupled(s):
    return shaken(s, cells()["coupled_lstm"].init(s.rng, s.D, s.H))


add("cells.coupled_lstm.expand", lambda s: {"p": _coupled(s)})
add(
    "cells.coupled_lstm.dexpand",
    lambda s: {"p": _coupled(s), "dfull": lstm.init(s.rng, s.D, s.H)},
)
add(
    "cells.fixed_gates.fix_gate",
    lambda s: {"p": shaken(s, lstm.init(s.rng, s.D, s.H)), "gate": "f", "value": 1},
    said=("gate",),
)
for name, more in (
    ("rnn_as_gru", {}),
    ("rnn_as_lstm", {}),
    ("rnn_as_small_lstm", {"scale": 0.1}),
):
    add(
        f"cells.fixed_gates.{name}",
        lambda s, more=more: {"p": _weights(s)} | more,
        wrong=others("rnn"),
    )
for name in ("uniform", "gaussian", "orthogonal", "identity"):
    add(f"cells.recurrent_weights.{name}", lambda s: {"rng": Seed(1), "H": s.H})
for name, more in (
    ("spectral_radius", {}),
    ("spectral_norm", {}),
    ("with_spectral_radius", {"radius": 0.9}),
):
    add(
        f"cells.recurrent_weights.{name}",
        lambda s, more=more: {"W": s.floats(s.N, s.N)} | more,
        free=("W",),
    )
add("cells.registry.having", lambda s: {"*frameworks": ("Keras",)})

# --- optimizers ----------------------------------------------------------------------------------


def _update(s):
    p = _weights(s)
    return {"params": p, "gradients": s.like(p)}


FREE = ("params", "gradients", "state", "weight", "change")
add("training.optimizers.sgd", lambda s: _update(s) | {"learning_rate": 0.1})
add(
    "training.optimizers.rmsprop",
    lambda s: (
        _update(s)
        | {
            "state": tree.map(np.abs, s.like(_weights(s))),
            "learning_rate": 0.1,
            "decay": 0.9,
            "epsilon": 1e-6,
        }
    ),
)


def _adam(s):
    from unrolled.training.optimizers import AdamState

    p = _weights(s)
    state = AdamState(s.like(p), tree.map(np.abs, s.like(p)), np.array(3))
    return _update(s) | {"state": state, "learning_rate": 0.1, "epsilon": 1e-6}


add("training.optimizers.adam", _adam)
add(
    "training.optimizers.global_norm",
    lambda s: {"gradients": _weights(s)},
    free=("gradients.W_x", "gradients.W_h", "gradients.b"),
)
for name in ("clip_by_global_norm", "clip_by_value"):
    add(
        f"training.optimizers.{name}",
        lambda s: {"gradients": _weights(s), "limit": 0.1},
        free=("gradients.W_x", "gradients.W_h", "gradients.b"),
    )
add(
    "training.optimizers.subtract",
    lambda s: {"weight": s.floats(s.D, s.H), "change": s.floats(s.D, s.H)},
)
