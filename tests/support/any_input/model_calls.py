"""Calls of the models."""

from functools import partial

import numpy as np

from tests.support.any_input.core_calls import shaken
from tests.support.any_input.layer_calls import weighed
from tests.support.any_input.problem import Seed, Table
from tests.support.registered_cells import cells
from unrolled.cells import gru, lstm, rnn
from unrolled.data import tasks, text
from unrolled.layers import attention, feed_forward
from unrolled.models import (
    hard_attention,
    language_model,
    local_attention,
    memory_network,
    readout,
    seq2seq,
    transformer,
    turing_machine,
)

MODEL = Table()
add = MODEL.add
SIZES = {"rng": Seed(1)}

# --- language models -----------------------------------------------------------------------------


def words(s, cell=rnn):
    """Returns the weights of a language model and a batch."""
    p = shaken(s, language_model.init(s.rng, s.V, s.H, cell, np.float64))
    inputs, targets = s.ids(s.V, s.T, s.B), s.ids(s.V, s.T, s.B)
    return {"p": p, "batch": text.Batch(inputs, targets, s.mask(s.T, s.B))}


WORDS = {"batch.inputs": "V", "batch.targets": "V"}
add(
    "models.language_model.init",
    lambda s: SIZES | {"V": s.V, "H": s.H, "dtype": np.float64},
)
for name, cell in cells().items():
    of = f"models.language_model.{{}}: {name}".format
    wrong = {
        "p": lambda s, mine=cell: [
            words(s, cell)["p"] for cell in cells().values() if cell is not mine
        ]
    }
    for function in ("loss", "loss_and_gradient"):
        add(
            of(function),
            lambda s, cell=cell: words(s, cell) | {"cell": cell},
            ids=WORDS,
            wrong=wrong,
            said=("ids",),
            free=("p.cell.W_x.0",),  # there may be more words to read than to write
        )
add(
    "models.language_model.forward",
    lambda s: {
        "p": words(s)["p"],
        "inputs": s.ids(s.V, s.T, s.B),
        "*state": (s.floats(s.B, s.H),),
    },
    ids={"inputs": "V"},
    said=("ids", "h0"),
)


def _output(s):
    return {
        "h": s.floats(s.N, s.H),
        "W_y": s.floats(s.H, s.V),
        "b_y": s.floats(s.V),
        "targets": s.ids(s.V, s.N),
        "scale": 0.5,
    }


add("models.language_model.output_layer", _output, ids={"targets": "V"})
add(
    "models.language_model.loss_and_gradient_loops",
    lambda s: {
        "p": words(s)["p"],
        "inputs": s.ids(s.V, s.T),
        "targets": s.ids(s.V, s.T),
        "window": 2,
    },
    ids={"inputs": "V", "targets": "V"},
)


def _start(s):
    return {
        "p": words(s)["p"],
        "rng": Seed(1),
        "start": np.array([1, 4]),
        "end": 2,
        "forbidden": np.array([0, 1]),
        "temperature": 0.7,
        "top_k": 5,
        "minimum": 1,
        "limit": 4,
    }


add(
    "models.language_model.generate",
    _start,
    ids={"start": "V", "forbidden": "V"},
    free=("start", "forbidden"),
)
add(
    "models.language_model.next_logits",
    lambda s: {
        "p": words(s)["p"],
        "word": np.array(3),
        "state": (s.floats(s.H),),
        "cell": rnn,
    },
    ids={"word": "V"},
    free=("word",),
    said=("h",),
)
add("models.language_model.real_targets", words, ids={"batch.targets": "V"})
add(
    "models.language_model.check_finite",
    lambda s: {"name": "a", "numbers": s.floats(s.N)},
    free=("numbers",),
)
add("models.language_model.blocks_of_rows", lambda s: {"N": 300})

# --- the last state ------------------------------------------------------------------------------


def _regression(s, cell=rnn):
    p = shaken(s, readout.init(s.rng, s.D, s.H, cell, np.float64))
    return {
        "p": p,
        "batch": tasks.Regression(s.floats(s.T, s.B, s.D), s.floats(s.B)),
        "cell": cell,
    }


add(
    "models.readout.init",
    lambda s: SIZES | {"D": s.D, "H": s.H, "dtype": np.float64},
)
for name, cell in cells().items():
    for function in ("loss", "loss_and_gradient"):
        add(
            f"models.readout.{function}: {name}",
            lambda s, cell=cell: _regression(s, cell),
            wrong={
                "p": lambda s, mine=cell: [
                    _regression(s, cell)["p"]
                    for cell in cells().values()
                    if cell is not mine
                ]
            },
        )
add(
    "models.readout.errors",
    lambda s: {
        "p": _regression(s)["p"],
        "h": s.floats(s.T, s.B, s.H),
        "y": s.floats(s.B),
    },
)

# --- sequence to sequence ------------------------------------------------------------------------


def pairs(s, score=attention.additive, feeding=True, both_ends=True):
    """Returns the weights of a network, a batch, and how the network is made."""
    p = seq2seq.init(s.rng, s.D, s.V, s.H, score, feeding, both_ends, np.float64, A=s.A)
    batch = seq2seq.Batch(
        s.ids(s.D, s.S, s.B),
        s.mask(s.S, s.B),
        s.ids(s.V + 2, s.T, s.B),
        s.ids(s.V + 1, s.T, s.B),
        s.mask(s.T, s.B),
    )
    return {"p": shaken(s, p), "batch": batch, "score": score, "feeding": feeding}


PAIRS = {"batch.source": "D", "batch.inputs": (0, 14), "batch.targets": (0, 13)}
KINDS = {
    "additive": (attention.additive, True, True),
    "general": (attention.general, False, False),
    "none": (None, True, False),
}
add(
    "models.seq2seq.init",
    lambda s: SIZES | {"D": s.D, "V": s.V, "H": s.H, "dtype": np.float64},
)


def _lists(s):
    return [s.ids(s.D, 1 + b % s.S) for b in range(s.B)]


def _answers(s):
    return [s.ids(s.V, b % s.T) for b in range(s.B)]


add(
    "models.seq2seq.pad",
    lambda s: {"sources": _lists(s), "answers": _answers(s), "V": s.V, "limit": 20},
    ids={"answers.1": "V", "answers.2": "V"},
    free=("sources", "answers"),
    said=("answer", "source"),
)
add(
    "models.seq2seq.pad_sources",
    lambda s: {"sources": _lists(s)},
    free=("sources",),
    said=("source",),
)
for kind, made in KINDS.items():
    of = f"models.seq2seq.{{}}: {kind}".format

    def _encode(s, made=made):
        given = pairs(s, *made)
        batch = given["batch"]
        return {
            "p": given["p"],
            "source": batch.source,
            "source_mask": batch.source_mask,
            "score": given["score"],
        }

    def _dencode(s, made=made, encode=_encode):
        given = encode(s)
        encoded = seq2seq.encode(**given)
        memory = encoded.memory
        return {
            "p": given["p"],
            "encoded": encoded,
            "dh0": s.floats(s.B, s.H),
            "dprepared": None if memory is None else s.like(memory.prepared),
            "dvalues_BSE": None if memory is None else s.like(memory.values),
            "score": given["score"],
        }

    def _decode(s, made=made, encode=_encode):
        given = encode(s)
        encoded = seq2seq.encode(**given)
        steps = 1 if made[1] else s.T
        return {
            "p": given["p"],
            "memory": encoded.memory,
            "inputs": s.ids(s.V + 2, steps, s.B),
            "h": s.floats(s.B, s.H),
            "combined": s.floats(s.B, s.H),
            "score": given["score"],
            "feeding": made[1],
        }

    def _ddecode(s, decode=_decode):
        given = decode(s)
        steps = seq2seq.decode(**given)
        return {
            "p": given["p"],
            "steps": steps,
            "dcombined": s.floats(*steps.combined.shape),
            "dh": s.floats(s.B, s.H),
            "score": given["score"],
            "feeding": given["feeding"],
        }

    def _backward(s, made=made):
        given = pairs(s, *made)
        logits, cache = seq2seq.forward(**given)
        return {"p": given["p"], "cache": cache, "dlogits": s.like(logits)} | {
            name: given[name] for name in ("score", "feeding")
        }

    ends = ("onward.", "reverse.") if kind == "additive" else ("",)
    rows = tuple(f"p.encoder.{end}W_x.0" for end in ends)
    add(
        of("encode"),
        _encode,
        ids={"source": "D"},
        said=("mask", "sequence"),
        free=("p.attention", *rows),
    )
    # of the score's weights, each half reads its own
    half = dict(free=("p.attention", *rows), loose={"encoded": "A", "steps": "A"})
    add(of("dencode"), _dencode, whole=("encoded",), **half)
    add(
        of("decode"),
        _decode,
        whole=("memory",),
        ids={"inputs": (0, 14)},
        said=("queries", "h0"),
    )
    add(of("ddecode"), _ddecode, whole=("steps",), **half)
    for function in ("forward", "loss", "loss_and_gradient"):
        add(
            of(function),
            lambda s, made=made: pairs(s, *made),
            ids=PAIRS if function != "forward" else PAIRS | {"batch.targets": None},
            said=("ids", "mask", "sequence", "answers"),
            free=rows,
        )
    add(
        of("backward"),
        _backward,
        whole=("cache",),
        free=("p.attention.W_q", "p.attention.W_k", *rows),
    )

    def _ask(s, made=made):
        given = pairs(s, *made)
        given.pop("batch")
        return {"p": given.pop("p"), "sources": _lists(s), "limit": 4} | given

    add(
        of("answer"),
        _ask,
        ids={"sources.0": "D", "sources.2": "D"},
        free=("sources",),
        said=("source",),
    )


def _right(s):
    given = pairs(s)
    return {
        "p": given["p"],
        "sources": _lists(s),
        "answers": _answers(s),
        "limit": 4,
    }


add(
    "models.seq2seq.exactly_right",
    _right,
    ids={"sources.0": "D", "sources.2": "D"},
    free=("sources", "answers"),
    said=("source",),
)

# --- hard and local attention --------------------------------------------------------------------


def _hard(s, score=attention.general):
    given = pairs(s, score, False, False)
    return {"p": given["p"], "batch": given["batch"], "score": score}


def _read(s):
    given = _hard(s)
    return given, hard_attention.read(**given)


def _dread(s):
    given, cache = _read(s)
    p = given["p"]
    return {
        "p": p,
        "cache": cache,
        "doutput": tuple(s.like((p.W_c, p.b_c, p.W_y, p.b_y))),
        "dstates_BTH": s.floats(s.B, s.T, s.H),
        "dweights_BTS": s.floats(s.B, s.T, s.S),
        "dvalues_BSE": s.like(cache.encoded.memory.values),
        "score": given["score"],
    }


def _made(s):
    given, cache = _read(s)
    return {
        "p": given["p"],
        "context": s.floats(s.B, s.T, s.H),
        "states": cache.states,
        "targets": cache.targets,
    }


def _dmade(s):
    given = _made(s)
    losses, cache = hard_attention.output(**given)
    return {"p": given["p"], "cache": cache, "dlosses": s.like(losses)}


HARD = {"ids": PAIRS, "said": ("ids", "mask", "sequence", "answers")}
add("models.hard_attention.read", _hard, **(HARD | {"ids": {"batch.source": "D"}}))
add("models.hard_attention.dread", _dread, whole=("cache", "doutput"))
add(
    "models.hard_attention.output",
    _made,
    ids={"targets": (0, 13)},
    free=("context", "states", "targets"),
)
add("models.hard_attention.doutput", _dmade, whole=("cache",))
add(
    "models.hard_attention.choose",
    lambda s: {"rng": Seed(1), "weights_BTS": s.shares(s.B, s.T, s.S)},
    free=("weights_BTS",),
)
add(
    "models.hard_attention.loss_and_gradient",
    lambda s: _hard(s) | {"rng": Seed(1)},
    **HARD,
)
add("models.hard_attention.exact", _hard, **HARD)
add(
    "models.hard_attention.mean_of_others",
    lambda s: {
        "losses_BT": s.floats(s.B, s.T),
        "share_BT": s.mask(s.T, s.B).T.astype(float),
    },
    said=("baseline",),
)


def _window(s):
    given = weighed(s, attention.general)
    return {
        "p": given["p"],
        "position": local_attention.init(s.rng, s.E, s.A),
        "memory": given["memory"],
        "queries_BTQ": given["queries_BTQ"],
        "radius": 2,
    }


def _dwindow(s):
    given = _window(s)
    context, cache = local_attention.forward(**given)
    return {
        "p": given["p"],
        "position": given["position"],
        "cache": cache,
        "dcontext_BTF": s.like(context),
        "radius": 2,
    }


def _local(s):
    given = _hard(s)
    p = shaken(s, local_attention.of(s.rng, given["p"], s.A))
    return {"p": p, "batch": given["batch"], "radius": 2}


add("models.local_attention.init", lambda s: SIZES | {"Q": s.E, "A": s.A})
add(
    "models.local_attention.forward",
    _window,
    whole=("memory",),
    loose={"memory": "F"},  # the keys are prepared
    said=("queries", "keys", "mask"),
)
add(
    "models.local_attention.backward",
    _dwindow,
    whole=("cache",),
    free=("p.W.1",),
    loose={"cache": "F"},  # the keys are prepared
)
add(
    "models.local_attention.spread",
    lambda s: {"cache": _dwindow(s)["cache"]},
    whole=("cache",),
)
add(
    "models.local_attention.of",
    lambda s: SIZES | {"p": _hard(s)["p"], "A": s.A},
    free=("p",),
)
add("models.local_attention.loss_and_gradient", _local, **HARD)
for name, network, more in (
    ("hard", _hard, {"score": attention.general}),
    ("local", _local, {"radius": 2}),
):

    def _decoded(s, network=network, more=more):
        given = network(s)
        batch = given["batch"]
        encoded = seq2seq.encode(
            given["p"], batch.source, batch.source_mask, attention.general
        )
        return {
            "p": given["p"],
            "memory": encoded.memory,
            "inputs": s.ids(s.V + 2, s.T, s.B),
            "h": s.floats(s.B, s.H),
            "combined": s.floats(s.B, s.H),
        } | more

    add(
        f"models.{name}_attention.decode",
        _decoded,
        whole=("memory",),
        ids={"inputs": (0, 14)},
        said=("queries", "h0"),
    )
assert partial and gru and lstm and feed_forward
assert memory_network and transformer and turing_machine
