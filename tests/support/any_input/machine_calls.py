"""Calls of the memory network, the Transformer, the Turing machine, and probes."""

import numpy as np

from tests.support.any_input.core_calls import shaken
from tests.support.any_input.layer_calls import rows_mask
from tests.support.any_input.problem import Seed, Table
from unrolled import tree
from unrolled.cells import lstm
from unrolled.data import stories, tasks
from unrolled.layers import dropout, feed_forward, multi_head
from unrolled.models import memory_network, probing, transformer, turing_machine

MACHINE = Table()
add = MACHINE.add
SIZES = {"rng": Seed(1)}

# --- the memory network --------------------------------------------------------------------------


def _memory(s):
    p = shaken(s, memory_network.init(s.rng, s.V, 31, s.E, 4, np.float64))
    return {
        "p": p,
        "bags": s.ids(2, s.B, s.S, s.V).astype(float),
        "questions": s.ids(2, s.B, s.V).astype(float),
        "mask": rows_mask(s),
    }


def _answered(s):
    given = _memory(s)
    batch = stories.Batch(
        given["bags"],
        given["questions"],
        s.ids(s.V, s.B),
        given["mask"],
        s.ids(s.S, s.B, 2),
    )
    return {"p": given["p"], "batch": batch}


def _dmemory(s):
    given = _memory(s)
    u, cache = memory_network.forward(**given)
    return {"p": given["p"], "cache": cache, "du": s.like(u)}


add(
    "models.memory_network.init",
    lambda s: SIZES | {"V": s.V, "S": s.S, "E": s.E, "K": 2, "scale": 0.1},
)
add("models.memory_network.forward", _memory, said=("story", "sentence"))
add("models.memory_network.backward", _dmemory, whole=("cache",))
for name in ("loss_and_gradient", "accuracy"):
    add(
        f"models.memory_network.{name}",
        _answered,
        ids={"batch.answers": "V"},
        free=("batch.facts",),
        said=("story", "sentence"),
    )
add("models.memory_network.check_stories", _memory, said=("story",))

# --- the Transformer -----------------------------------------------------------------------------


def _transformer(s, D=8):
    p = transformer.init(s.rng, s.V, D, blocks=2, N=2, F=s.F)
    return {"p": shaken(s, p), "ids": s.ids(s.V, s.T, s.B)}


def _dtransformer(s):
    given = _transformer(s)
    h, cache = transformer.forward(**given)
    return {"p": given["p"], "cache": cache, "dh": s.like(h)}


def _block(s):
    return {
        "p": _transformer(s)["p"].blocks[0],
        "x": s.floats(s.B, s.T, 8),
        "mask": multi_head.causal(s.T),
    }


def _dblock(s):
    given = _block(s)
    y, cache = transformer.forward_block(**given)
    return {"p": given["p"], "cache": cache, "dx": s.like(y)}


def _norm(s):
    return transformer.Norm(s.floats(s.E), s.floats(s.E))


add(
    "models.transformer.of",
    lambda s: {"blocks": 2, "N": 2, "F": 7, "share": 0.5, "rng": Seed(1)},
)
add(
    "models.transformer.init",
    lambda s: SIZES | {"V": s.V, "D": 8, "blocks": 2, "N": 2, "F": 7},
)
add(
    "models.transformer.initial_state",
    lambda s: {"p": _transformer(s)["p"], "*batch": (s.B,)},
    free=("p",),
)
add(
    "models.transformer.step",
    lambda s: {
        "p": _transformer(s)["p"],
        "x_t": s.ids(s.V, s.B),
        "h": s.floats(s.B, 8),
        "ids": s.ids(s.V, s.T, s.B),
    },
    ids={"x_t": "V", "ids": "V"},
    free=("h",),  # it is not read
)
add("models.transformer.forward", _transformer, ids={"ids": "V"})
add("models.transformer.backward", _dtransformer, whole=("cache",))
add("models.transformer.forward_block", _block, free=("mask",))  # it broadcasts
add("models.transformer.backward_block", _dblock, whole=("cache",))
add(
    "models.transformer.normalise",
    lambda s: {"p": _norm(s), "x": s.floats(s.B, s.T, s.E)},
)
add(
    "models.transformer.dnormalise",
    lambda s: {
        "p": _norm(s),
        "cache": transformer.normalise(_norm(s), s.floats(s.B, s.T, s.E))[1],
        "dy": s.floats(s.B, s.T, s.E),
    },
    whole=("cache",),
)
add(
    "models.transformer.hide",
    lambda s: {"x": s.floats(s.B, s.T, s.E), "share": 0.5, "rng": Seed(1)},
    free=("x",),
)
add(
    "models.transformer.dhide",
    lambda s: {
        "cache": dropout.forward((), s.floats(s.T, s.B, s.D), share=0.5, rng=s.rng)[1],
        "dy": s.floats(s.T, s.B, s.D),
    },
    whole=("cache",),
)
add("models.transformer.rows_of", lambda s: {"x": s.floats(s.T, s.B, s.E)}, free=("x",))

# --- the Turing machine: M numbers in each of N slots --------------------------------------------

SLOTS, NUMBERS = 6, 7


def machine(s, controller=feed_forward):
    """Returns p, x and the state of a machine whose tape is written on."""
    p = turing_machine.init(s.rng, s.D, s.V, NUMBERS, s.H, controller)
    p = shaken(s, p)
    state = turing_machine.initial_state(p, s.B, SLOTS, controller)
    state = tree.map(lambda a: a + 0.1 * s.rng.random(a.shape), state)
    return {
        "p": p,
        "x": s.floats(s.T, s.B, s.D),
        "state": state,
        "controller": controller,
    }


def _step(s, controller=feed_forward):
    p, x, state, _ = machine(s, controller).values()
    return {
        "p": p,
        "x_t": x[0] if len(x) else x,
        "state": state,
        "controller": controller,
    }


def _dstep(s, controller=feed_forward):
    given = _step(s, controller)
    u, after, cache = turing_machine.step(**given)
    return {
        "p": given["p"],
        "cache": cache,
        "du": s.like(u),
        "dafter": s.like(after),
        "controller": controller,
    }


def _bits(s, controller=feed_forward):
    p, x, _, _ = machine(s, controller).values()
    y = s.ids(2, 4, s.B, s.V).astype(float)
    return {"p": p, "batch": tasks.Bits(x, y), "N": SLOTS, "controller": controller}


def _head(s):
    p = machine(s)["p"]
    return turing_machine.head_of(s.floats(s.B, len(p.b_head)), NUMBERS)


def _tape(s):
    return {
        "memory": s.floats(s.B, SLOTS, NUMBERS),
        "w": s.shares(s.B, 2, SLOTS),
        "head": _head(s),
    }


def _dtape(s):
    given = _tape(s)
    stages = turing_machine.address(**given)
    return given | {"stages": stages, "dw_new": s.like(stages.w)}


add(
    "models.turing_machine.init",
    lambda s: SIZES | {"D": s.D, "V": s.V, "M": 5, "H": s.H},
)
add(
    "models.turing_machine.initial_state",
    lambda s: {"p": machine(s)["p"], "B": s.B, "N": SLOTS},
    free=("p",),
)
add(
    "models.turing_machine.similarity",
    lambda s: {"key": _head(s).key, "memory": s.floats(s.B, SLOTS, NUMBERS)},
)
add(
    "models.turing_machine.dsimilarity",
    lambda s: {
        "key": _head(s).key,
        "memory": s.floats(s.B, SLOTS, NUMBERS),
        "dcosine": s.floats(s.B, 2, SLOTS),
    },
)
add(
    "models.turing_machine.unit_vector",
    lambda s: {"v": s.floats(s.B, s.E)},
    free=("v",),
)
add(
    "models.turing_machine.dunit_vector",
    lambda s: {
        "unit": s.floats(s.B, s.E),
        "length": 1 + s.shares(s.B, 1),
        "dunit": s.floats(s.B, s.E),
    },
)
add(
    "models.turing_machine.shift",
    lambda s: {"w": s.shares(s.B, 2, SLOTS), "shifts": s.shares(s.B, 2, 3)},
)
add(
    "models.turing_machine.dshift",
    lambda s: {
        "w": s.shares(s.B, 2, SLOTS),
        "shifts": s.shares(s.B, 2, 3),
        "dshifted": s.floats(s.B, 2, SLOTS),
    },
)
add(
    "models.turing_machine.sharpen",
    lambda s: {"w": s.shares(s.B, 2, SLOTS), "sharpness": 1 + s.shares(s.B, 2, 1)},
    free=("sharpness",),
)
add(
    "models.turing_machine.dsharpen",
    lambda s: {
        "w": s.shares(s.B, 2, SLOTS),
        "sharpness": 1 + s.shares(s.B, 2, 1),
        "sharp": s.shares(s.B, 2, SLOTS),
        "dsharp": s.floats(s.B, 2, SLOTS),
    },
)
add("models.turing_machine.address", _tape)
add("models.turing_machine.daddress", _dtape, whole=("stages",))
add(
    "models.turing_machine.head_of",
    lambda s: {"a": s.floats(s.B, 2 * (NUMBERS + 6)), "M": NUMBERS},
)
add(
    "models.turing_machine.dhead_of",
    lambda s: {
        "a": s.floats(s.B, 2 * (NUMBERS + 6)),
        "head": _head(s),
        "dhead": s.like(_head(s)),
        "M": NUMBERS,
    },
    whole=("head",),
)
for name, controller in (("feed_forward", feed_forward), ("lstm", lstm)):
    of = f"models.turing_machine.{{}}: {name}".format
    add(of("step"), lambda s, c=controller: _step(s, c), said=("h0", "c0"))
    add(of("dstep"), lambda s, c=controller: _dstep(s, c), whole=("cache",))
    add(of("forward"), lambda s, c=controller: machine(s, c), said=("h0", "c0"))

    def _backward(s, c=controller):
        given = machine(s, c)
        u, caches = turing_machine.forward(**given)
        return {"p": given["p"], "caches": caches, "du": s.like(u), "controller": c}

    add(of("backward"), _backward, whole=("caches",))
    add(of("loss_and_gradient"), lambda s, c=controller: _bits(s, c))

# --- probes --------------------------------------------------------------------------------------


def _labels(s):
    labels = np.arange(s.N) % 3 == 0
    return s.rng.permutation(labels)


for name in ("auc", "separation"):
    add(
        f"models.probing.{name}",
        lambda s: {"values": s.floats(s.N, s.H), "labels": _labels(s)},
        said=("examples",),
    )
add(
    "models.probing.squared_correlation",
    lambda s: {"values": s.floats(s.N, s.H), "target": s.floats(s.N)},
)
add(
    "models.probing.best_unit",
    lambda s: {
        "score": probing.squared_correlation,
        "values": s.floats(s.N, s.H),
        "target": s.floats(s.N),
        "held_out": _labels(s),
    },
    said=("examples",),
)
add(
    "models.probing.forward_without",
    lambda s: {
        "p": shaken(s, lstm.init(s.rng, s.D, s.H)),
        "x": s.floats(s.T, s.B, s.D),
        "units": np.array([1]),
    },
    ids={"units": "H"},
    free=("units",),
)
