"""Calls of the layers around cells, and of gradients found in other ways."""

from functools import partial

import numpy as np

from tests.support.any_input.core_calls import backward, sequence, shaken
from tests.support.any_input.problem import Seed, Table
from tests.support.any_input.today_calls import TODAY
from unrolled.cells import gru, lstm, rnn
from unrolled.gradients import forward_mode
from unrolled.layers import (
    adaptive_softmax,
    attention,
    bidirectional,
    class_softmax,
    dropout,
    embedding,
    feed_forward,
    multi_head,
    sampled_softmax,
    stacked,
)

LAYER = Table()
LAYER.calls |= TODAY.calls
add = LAYER.add

# --- attention -----------------------------------------------------------------------------------


def source(s, score):
    """Returns p, queries and keys of a score."""
    Q, E = (
        (s.E, s.F) if score in (attention.additive, attention.general) else (s.E, s.E)
    )
    p = shaken(s, score.init(s.rng, Q, E, s.A)) if Q != E else ()
    return p, s.floats(s.B, s.T, Q), s.floats(s.B, s.S, E)


def rows_mask(s):
    return np.arange(s.S) < np.array([s.S, 2, 1, s.S])[np.arange(s.B) % 4][:, None]


def attended(s, score):
    """Returns what attention.forward takes."""
    p, queries, keys = source(s, score)
    return {
        "p": p,
        "queries_BTQ": queries,
        "keys_BSE": keys,
        "values_BSF": s.floats(s.B, s.S, s.H),
        "mask": rows_mask(s)[:, None],
        "score": score,
    }


def weighed(s, score):
    given = attended(s, score)
    queries = given.pop("queries_BTQ")
    return {
        "p": given["p"],
        "memory": attention.remember(*given.values()),
        "queries_BTQ": queries,
        "score": score,
    }


def _dweighed(s, score, name):
    given = attended(s, score)
    context, cache = attention.forward(*given.values())
    d = s.floats(*(cache.weights if name == "dweights_BTS" else context).shape)
    return {"p": given["p"], "cache": cache, name: d, "score": score}


SIZES = {"rng": Seed(1)}
# of a prepared memory, the keys themselves are not read again
PREPARED = {"memory": "F", "cache": "F"}
UNREAD = {"additive": PREPARED, "general": PREPARED, "dot": {}, "scaled_dot": {}}
for score in attention.SCORES:
    kind = score.name
    of = f"layers.attention.{{}}: {kind}".format
    if kind != "scaled_dot":
        more = {"A": 4} if kind == "additive" else {}
        add(
            f"layers.attention.init_{kind}",
            lambda s, more=more: SIZES | {"Q": s.E, "E": s.E} | more,
        )
        add(
            f"layers.attention.prepare_{kind}",
            lambda s, score=score: {
                "p": source(s, score)[0],
                "keys_BSE": source(s, score)[2],
            },
        )
        last = {"additive": "A", "general": "Q", "dot": "E"}[kind]

        def _dprepare(s, score=score, last=last):
            p, _, keys = source(s, score)
            prepared = score.prepare(p, keys)
            return {
                "p": p,
                "keys_BSE": keys,
                f"dprepared_BS{last}": s.floats(*prepared.shape),
            }

        add(f"layers.attention.dprepare_{kind}", _dprepare)

    keys_name = {"additive": "prepared_BSA", "general": "prepared_BSQ"}.get(
        kind, "keys_BSE"
    )
    query_name = "queries_BTQ" if kind in ("additive", "general") else "queries_BTE"

    def _scores(s, score=score, keys_name=keys_name, query_name=query_name):
        p, queries, keys = source(s, score)
        return {"p": p, query_name: queries, keys_name: score.prepare(p, keys)}

    add(f"layers.attention.{kind}_scores", _scores)
    cache_name = "cache" if kind == "additive" else query_name

    def _dscores(s, score=score, keys_name=keys_name, cache_name=cache_name):
        p, queries, keys = source(s, score)
        prepared = score.prepare(p, keys)
        scores, cache = score.scores(p, queries, prepared)
        return {
            "p": p,
            keys_name: prepared,
            cache_name: cache,
            "dscores_BTS": s.floats(*scores.shape),
        }

    add(
        f"layers.attention.d{kind}_scores",
        _dscores,
        whole=(cache_name,) if cache_name == "cache" else (),
    )
    # a mask broadcasts
    add(of("forward"), lambda s, score=score: attended(s, score), free=("mask",))
    add(
        of("remember"),
        lambda s, score=score: {
            k: v for k, v in attended(s, score).items() if k != "queries_BTQ"
        },
        free=("mask",),
    )
    for name in ("weigh", "attend"):
        add(
            of(name),
            lambda s, score=score: weighed(s, score),
            whole=("memory",),
            loose=UNREAD[kind],
            said=("queries", "keys"),
        )
    add(
        of("dweigh"),
        lambda s, score=score: _dweighed(s, score, "dweights_BTS"),
        whole=("cache",),
        free=("p",),
        loose=UNREAD[kind],
    )
    for name in ("dattend", "backward"):
        add(
            of(name),
            lambda s, score=score: _dweighed(s, score, "dcontext_BTF"),
            whole=("cache",),
            free=("p",) if name == "dattend" else (),
            loose=UNREAD[kind] if name == "dattend" else {},
        )

    def _dremember(s, score=score):
        given = weighed(s, score)
        memory = given["memory"]
        return {
            "p": given["p"],
            "memory": memory,
            "dprepared": s.floats(*memory.prepared.shape),
            "dvalues_BSF": s.floats(*memory.values.shape),
            "score": score,
        }

    add(
        of("dremember"),
        _dremember,
        whole=("memory",),
        loose={"memory": {"additive": "A", "general": "E"}.get(kind, "")},
    )
add(
    "layers.attention.check_queries",
    lambda s: {
        name: weighed(s, attention.general)[name]
        for name in ("memory", "queries_BTQ", "p", "score")
    },
    whole=("memory",),
    said=("queries", "keys"),
)
add(
    "layers.attention.score_sizes",
    lambda s: {
        "p": source(s, attention.general)[0],
        "keys_BSE": s.floats(s.B, s.S, s.F),
    },
    free=("p.W", "keys_BSE"),
)

# --- several heads: N heads of E entries of steps of D -------------------------------------------


def _heads(s):
    p = shaken(s, multi_head.init(s.rng, s.D, s.H, s.E))
    return {
        "p": p,
        "x_BTD": s.floats(s.B, s.T, s.D),
        "source_BSD": s.floats(s.B, s.S, s.D),
        "mask": rows_mask(s)[:, None],
    }


def _dheads(s):
    given = _heads(s)
    y, cache = multi_head.forward(**given)
    return {"p": given["p"], "cache": cache, "dy_BTD": s.floats(*y.shape)}


add("layers.multi_head.init", lambda s: SIZES | {"D": 8, "N": 2, "E": 4})
add("layers.multi_head.causal", lambda s: {"T": s.T})
add("layers.multi_head.positions", lambda s: {"T": s.T, "D": 8})
add("layers.multi_head.forward", _heads, free=("mask",))
add(
    "layers.multi_head.forward: self",
    lambda s: {"p": _heads(s)["p"], "x_BTD": s.floats(s.B, s.T, s.D)},
)
add("layers.multi_head.backward", _dheads, whole=("cache",))
add(
    "layers.multi_head.to_heads",
    lambda s: {
        "x_BTD": s.floats(s.B, s.T, s.D),
        "W": s.floats(s.D, s.H, s.E),
        "b": s.floats(s.H, s.E),
    },
)
add(
    "layers.multi_head.dto_heads",
    lambda s: {
        "x_BTD": s.floats(s.B, s.T, s.D),
        "W": s.floats(s.D, s.H, s.E),
        "dy_BNTE": s.floats(s.B, s.H, s.T, s.E),
    },
)
add(
    "layers.multi_head.from_heads",
    lambda s: {"c_BNTE": s.floats(s.B, s.H, s.T, s.E)},
    free=("c_BNTE",),
)
add(
    "layers.multi_head.check_sequences",
    lambda s: {k: v for k, v in _heads(s).items() if k != "mask"},
    said=("x", "source"),
)

# --- padding -------------------------------------------------------------------------------------


def _lengths(s):
    return s.mask(s.T, s.B).sum(axis=0)


LENGTHS = {"lengths": (1, 5)}
add("layers.padding.lengths", lambda s: {"mask": s.mask(s.T, s.B)}, said=("sequence",))
add(
    "layers.padding.reverse",
    lambda s: {"x": s.floats(s.T, s.B, s.D), "lengths": _lengths(s)},
    ids=LENGTHS,
)
add(
    "layers.padding.last",
    lambda s: {"h": s.floats(s.T, s.B, s.H), "lengths": _lengths(s)},
    ids=LENGTHS,
)
add(
    "layers.padding.dlast",
    lambda s: {
        "h": s.floats(s.T, s.B, s.H),
        "lengths": _lengths(s),
        "dlast_h": s.floats(s.B, s.H),
    },
    ids=LENGTHS,
)
add(
    "layers.padding.check_lengths",
    lambda s: {"x": s.floats(s.T, s.B, s.D), "lengths": _lengths(s)},
    ids=LENGTHS,
)

# --- layers in the form of a cell ----------------------------------------------------------------

of_cells = (
    ("embedding", embedding, {}),
    ("feed_forward", feed_forward, {}),
)
for name, layer, _ in of_cells:
    ids = name == "embedding"

    def _forward(s, layer=layer, ids=ids):
        p = shaken(s, layer.init(s.rng, s.D, s.H))
        x = s.ids(s.D, s.T, s.B) if ids else s.floats(s.T, s.B, s.D)
        return {"p": p, "x": x}

    def _backward(s, layer=layer, ids=ids, forward=_forward):
        given = forward(s)
        y, cache = layer.forward(**given)
        return {
            "p": given["p"],
            "cache": cache,
            "dv" if ids else "dh": s.floats(*y.shape),
        }

    sizes = ("V", "D") if ids else ("D", "H")
    add(
        f"layers.{name}.init",
        lambda s, sizes=sizes: SIZES | dict(zip(sizes, (s.D, s.H), strict=True)),
    )
    add(
        f"layers.{name}.initial_state",
        lambda s, forward=_forward: {"p": forward(s)["p"], "*batch": (s.B,)},
        free=("p",),
    )
    limits = {"ids": {"x": "D", "x_t": "D"}} if ids else {}
    add(
        f"layers.{name}.step",
        lambda s, forward=_forward: {"p": forward(s)["p"], "x_t": forward(s)["x"][0]},
        free=("x_t",) if ids else (),
        said=("ids",),
        **limits,
    )
    add(f"layers.{name}.forward", _forward, said=("ids", "embedding"), **limits)
    add(f"layers.{name}.backward", _backward, whole=("cache",))

add("layers.dropout.of", lambda s: {"share": 0.5, "rng": None})
add("layers.dropout.init", lambda s: {"rng": None, "D": s.D, "H": s.H})
add("layers.dropout.initial_state", lambda s: {"p": (), "*batch": (s.B,)})
add(
    "layers.dropout.step", lambda s: {"p": (), "x_t": s.floats(s.B, s.D)}, free=("x_t",)
)
add(
    "layers.dropout.forward",
    lambda s: {"p": (), "x": s.floats(s.T, s.B, s.D), "share": 0.5, "rng": Seed(2)},
    free=("x",),
)
add(
    "layers.dropout.backward",
    lambda s: {
        "p": (),
        "cache": dropout.forward((), s.floats(s.T, s.B, s.D), share=0.5, rng=s.rng)[1],
        "dy": s.floats(s.T, s.B, s.D),
    },
    whole=("cache",),
)
LAYERS = (rnn, lstm)


def _stack(s):
    cell = stacked.of(*LAYERS)
    p = shaken(s, cell.init(s.rng, s.D, s.H))
    states = tuple(s.floats(*h.shape) for h in cell.initial_state(p, s.B))
    return {"p": p, "x": s.floats(s.T, s.B, s.D), "*state": states, "cells": LAYERS}


def _dstack(s):
    p, x, states, _ = _stack(s).values()
    h, cache = stacked.of(*LAYERS).forward(p, x, *states)
    return {"p": p, "cache": cache, "dh": s.floats(*h.shape), "cells": LAYERS}


add("layers.stacked.of", lambda s: {"*cells": LAYERS, "dropout": 0.5, "rng": Seed(1)})
add("layers.stacked.init", lambda s: SIZES | {"D": s.D, "H": s.H, "cells": LAYERS})
add(
    "layers.stacked.initial_state",
    lambda s: {"p": _stack(s)["p"], "*batch": (s.B,), "cells": LAYERS},
    free=("p.1",),  # each layer's state has its own size
)
add(
    "layers.stacked.step",
    lambda s: {
        "p": _stack(s)["p"],
        "x_t": s.floats(s.B, s.D),
        "*state": _stack(s)["*state"],
        "cells": LAYERS,
    },
)
add("layers.stacked.forward", _stack, said=("h0", "c0", "states"))
add("layers.stacked.backward", _dstack, whole=("cache",))
add(
    "layers.stacked.by_layer",
    lambda s: {"p": _stack(s)["p"], "state": _stack(s)["*state"], "cells": LAYERS},
    free=("p", "state"),
)


def _both(s):
    p = shaken(s, bidirectional.init(s.rng, s.D, s.H, gru))
    return {"p": p, "x": s.floats(s.T, s.B, s.D), "cell": gru, "lengths": _lengths(s)}


def _dboth(s):
    given = _both(s)
    h, cache = bidirectional.forward(**given)
    return {"p": given["p"], "cache": cache, "dh": s.floats(*h.shape), "cell": gru}


add("layers.bidirectional.init", lambda s: SIZES | {"D": s.D, "H": s.H, "cell": gru})
add("layers.bidirectional.forward", _both, ids=LENGTHS)
add("layers.bidirectional.backward", _dboth, whole=("cache",))

# --- cheaper outputs -----------------------------------------------------------------------------

EDGES = np.array([4, 8, 13])
CLASSES = np.array([0, 5, 13])


def _rows(s, layer, edges):
    p = {
        adaptive_softmax: lambda: adaptive_softmax.init(s.rng, s.H, edges),
        class_softmax: lambda: class_softmax.init(s.rng, s.H, 13, 2),
    }[layer]()
    return {
        "p": shaken(s, p),
        "h": s.floats(s.N, s.H),
        "targets": s.ids(13, s.N),
        "edges": edges,
    }


def _drows(s, layer, edges):
    given = _rows(s, layer, edges)
    losses, cache = layer.forward(**given)
    return {"p": given["p"], "cache": cache, "dlosses": s.floats(*losses.shape)}


for name, layer, edges in (
    ("adaptive_softmax", adaptive_softmax, EDGES),
    ("class_softmax", class_softmax, CLASSES),
):
    rows = partial(_rows, layer=layer, edges=edges)
    add(f"layers.{name}.forward", rows, ids={"targets": (0, 12)})
    add(
        f"layers.{name}.backward",
        partial(_drows, layer=layer, edges=edges),
        whole=("cache",),
    )
add(
    "layers.adaptive_softmax.init",
    lambda s: SIZES | {"H": 8, "edges": EDGES, "shrink": 2},
    free=("edges",),
)
add(
    "layers.adaptive_softmax.head_entries",
    lambda s: {"targets": s.ids(13, s.N), "edges": EDGES},
    ids={"targets": (0, 12)},
    free=("targets", "edges"),
)
add(
    "layers.class_softmax.init",
    lambda s: SIZES | {"H": 8, "V": s.V, "C": 2},
)
add(
    "layers.class_softmax.equal_mass",
    lambda s: {"counts": np.arange(1.0, 9.0), "C": 3},
    free=("counts",),
)
add(
    "layers.class_softmax.classes_of",
    lambda s: {"targets": s.ids(13, s.N), "edges": CLASSES},
    ids={"targets": (0, 12)},
    free=("targets", "edges"),
)
add(
    "layers.class_softmax.log_probabilities",
    lambda s: {
        k: v for k, v in _rows(s, class_softmax, CLASSES).items() if k != "targets"
    },
)


def _sampled(s):
    p = sampled_softmax.Params(s.floats(s.H, s.V), s.floats(s.V))
    return {
        "p": p,
        "h": s.floats(s.N, s.H),
        "targets": s.ids(s.V, s.N),
        "sampled": s.ids(s.V, 4),
        "q": s.shares(s.V),
    }


def _dsampled(s):
    given = _sampled(s)
    losses, cache = sampled_softmax.forward(**given)
    return {"p": given["p"], "cache": cache, "dlosses": s.floats(*losses.shape)}


add("layers.sampled_softmax.draw", lambda s: SIZES | {"q": s.shares(s.V), "K": 4})
add(
    "layers.sampled_softmax.forward",
    _sampled,
    ids={"targets": "V", "sampled": "V"},
    finite=False,
)  # the logit of a target among the sampled words is -inf
add("layers.sampled_softmax.backward", _dsampled, whole=("cache",))

# --- gradients -----------------------------------------------------------------------------------


def _tanh(s):
    return shaken(s, rnn.init(s.rng, s.D, s.H))


def _path(s, **more):
    return backward(s, rnn) | more


def _no_output(s, *names):
    given = backward(s, rnn)
    return {name: given[name] for name in names}


add(
    "gradients.chain_rule.jacobian_product",
    lambda s: {"p": _tanh(s), "h": s.floats(s.T, s.B, s.H), "t": 3, "k": 1},
)
add(
    "gradients.chain_rule.immediate",
    lambda s: {
        "p": _tanh(s),
        "x_t": s.floats(s.B, s.D),
        "h_previous": s.floats(s.B, s.H),
        "h_t": s.floats(s.B, s.H),
    },
)
add(
    "gradients.chain_rule.contribution",
    lambda s: (
        _no_output(s, "p", "cache") | {"dh_t": s.floats(s.B, s.H), "t": 3, "k": 1}
    ),
    whole=("cache",),
)
add(
    "gradients.chain_rule.gradient",
    lambda s: _path(s, keep=np.tri(s.T, dtype=bool)),
    whole=("cache",),
)
add("gradients.forward_mode.start", lambda s: {"p": _tanh(s), "B": s.B})
add(
    "gradients.forward_mode.step",
    lambda s: {
        "p": _tanh(s),
        "x_t": s.floats(s.B, s.D),
        "h": s.floats(s.B, s.H),
        "sensitivity": forward_mode.start(_tanh(s), s.B),
    },
    whole=("sensitivity",),
)
add(
    "gradients.forward_mode.gradient",
    lambda s: {**sequence(s, rnn), "dh": s.floats(s.T, s.B, s.H)},
)
add(
    "gradients.forward_mode.gradient: ids",
    lambda s: {**sequence(s, rnn, ids=True), "dh": s.floats(s.T, s.B, s.H)},
    ids={"x": "D"},
    said=("ids",),
)
add(
    "gradients.recomputation.backward",
    lambda s: {**sequence(s, rnn), "dh": s.floats(s.T, s.B, s.H), "length": 2},
)


def _loss(p):
    return (p[0] ** 2).sum() + (p[1] ** 3).sum()


def _weights(s):
    return (s.floats(3, 2), s.floats(5))


FREE = tuple(f"{a}.{i}" for a in ("params", "gradients", "direction") for i in (0, 1))
add(
    "gradients.gradcheck.central_difference",
    lambda s: {"loss": _loss, "params": _weights(s), "epsilon": 6e-6},
    free=FREE,
    tolerance=1e-7,
)
add(
    "gradients.gradcheck.complex_step",
    lambda s: {"loss": _loss, "params": _weights(s), "epsilon": 1e-30},
    free=FREE,
)
add(
    "gradients.gradcheck.directional_difference",
    lambda s: {"loss": _loss, "params": _weights(s), "direction": _weights(s)},
)
add(
    "gradients.gradcheck.relative_error",
    lambda s: {"analytic": s.floats(s.N), "numeric": s.floats(s.N), "scale": 0.1},
    free=("analytic", "numeric"),
)


def _checked(s):
    p = _weights(s)
    return {"loss": _loss, "params": p, "gradients": (2 * p[0], 3 * p[1] ** 2)}


add(
    "gradients.gradcheck.check",
    _checked,
    raises=(AssertionError,),
    said=("0", "1"),
    tolerance=np.inf,
)  # rounding says which entry is worst
add(
    "gradients.jacobians.of_step",
    lambda s: {"p": _tanh(s), "h": s.floats(s.T, s.B, s.H)},
)
add("gradients.jacobians.products", lambda s: {"p": _tanh(s), "h": s.floats(s.T, s.H)})
add(
    "gradients.jacobians.backward_norms",
    lambda s: {
        "p": _tanh(s),
        "h": s.floats(s.T, s.B, s.H),
        "dh_T": s.floats(s.B, s.H),
    },
)
add(
    "gradients.jacobians.bound",
    lambda s: {"sigma_max": 0.9, "gamma": 1.0, "k": np.arange(4)},
    free=("k",),
)
for cell, name in ((rnn, "rnn"), (lstm, "lstm")):
    add(
        f"gradients.jacobians.states: {name}",
        lambda s, cell=cell: {
            "p": sequence(s, cell)["p"],
            "x": s.floats(s.T, s.B, s.D),
            "cell": cell,
        },
    )
    add(
        f"gradients.jacobians.norms_by_distance: {name}",
        lambda s, cell=cell: {
            "p": sequence(s, cell)["p"],
            "x": s.floats(s.T, s.B, s.D),
            "dh_t": s.floats(s.B, s.H),
            "cell": cell,
        },
    )


def _lstm_cache(s):
    given = backward(s, lstm)
    return {"p": given["p"], "cache": given["cache"]}


add(
    "gradients.lstm_jacobians.of_step",
    lambda s: _lstm_cache(s) | {"t": 2},
    whole=("cache",),
)
add(
    "gradients.lstm_jacobians.along_the_cell",
    lambda s: {"cache": _lstm_cache(s)["cache"]},
    whole=("cache",),
)
for name in ("products", "split"):
    add(f"gradients.lstm_jacobians.{name}", _lstm_cache, whole=("cache",))
