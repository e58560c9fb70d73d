"""Calls of what counts and lowers the cost of a step, and of the data."""

import datetime

import numpy as np

from tests.support.any_input.model_calls import words
from tests.support.any_input.problem import Problem, Seed, Table
from unrolled.cells import rnn
from unrolled.data import dates, ngram, stories, tasks, text
from unrolled.speed import cost, sgd_step

SPEED = Table()
add = SPEED.add
SIZES = {"rng": Seed(1)}

# --- steps in place ------------------------------------------------------------------------------


def _step(s):
    return words(s) | {"learning_rate": 0.1}


WORDS = {"batch.inputs": "V", "batch.targets": "V"}
add("speed.sgd_step.reference_step", _step, ids=WORDS, said=("ids",))
for output in ("output_in_place", "output_fused", "output_and_update"):
    add(
        f"speed.sgd_step.step: {output}",
        lambda s, output=output: (
            _step(s)
            | {"work": sgd_step.Workspace(), "output": getattr(sgd_step, output)}
        ),
        ids=WORDS,
        said=("ids", "weights"),
    )

    def _output(s):
        return {
            "h": s.floats(s.N, s.H),
            "p": words(s)["p"],
            "targets": s.ids(s.V, s.N),
            "learning_rate": 0.1,
            "work": sgd_step.Workspace(),
        }

    more = {"rows_at_once": 5} if output == "output_and_update" else {}
    add(
        f"speed.sgd_step.{output}",
        lambda s, more=more: _output(s) | more,
        ids={"targets": "V"},
    )


def _others(s):
    return {"others": [sgd_step.Workspace()], "rows_at_once": 3}


add(
    "speed.sgd_step.output_on_threads",
    lambda s: _output(s) | _others(s),
    ids={"targets": "V"},
)
add(
    "speed.sgd_step.step_on_threads",
    lambda s: _step(s) | {"work": sgd_step.Workspace()} | _others(s),
    ids=WORDS,
    said=("ids", "weights"),
)


def _states(s):
    return {
        "p": words(s)["p"].cell,
        "inputs": s.ids(s.V, s.T, s.B),
        "work": sgd_step.Workspace(),
    }


def _back(s):
    return {"p": words(s)["p"].cell, "h": s.floats(s.T + 1, s.B, s.H)}


add("speed.sgd_step.states", _states, ids={"inputs": "V"}, said=("ids",))
add(
    "speed.sgd_step.dstates",
    lambda s: _back(s) | {"da": s.floats(s.T, s.B, s.H), "work": sgd_step.Workspace()},
)
add(
    "speed.sgd_step.update_cell",
    lambda s: {
        "p": words(s)["p"].cell,
        "inputs": s.ids(s.V, s.T, s.B),
        "h": s.floats(s.T + 1, s.B, s.H),
        "da": s.floats(s.T, s.B, s.H),
        "learning_rate": 0.1,
    },
    ids={"inputs": "V"},
)
add(
    "speed.sgd_step.logits_to_gradient",
    lambda s: {"u": s.floats(s.N, s.V), "targets": s.ids(s.V, s.N)},
    ids={"targets": "V"},
)
add(
    "speed.sgd_step.subtract_product",
    lambda s: {
        "W": s.floats(s.H, s.V),
        "x": s.floats(s.N, s.H),
        "dy": s.floats(s.N, s.V),
        "learning_rate": 0.1,
    },
)
add(
    "speed.sgd_step.subtract_in_numpy",
    lambda s: {
        "W": s.floats(s.H, s.V),
        "x": s.floats(s.N, s.H),
        "dy": s.floats(s.N, s.V),
        "learning_rate": 0.1,
        "work": sgd_step.Workspace(),
    },
)
add("speed.sgd_step.rounded", lambda s: {"N": 17})
add("speed.sgd_step.parts", lambda s: {"N": 17, "count": 3})
add(
    "speed.sgd_step.copy_of",
    lambda s: {"W": s.floats(s.H, s.V), "work": sgd_step.Workspace()},
)

# --- numbers -------------------------------------------------------------------------------------

MACHINE = cost.Machine(1e11, 1e10, 1e-9, 1e-6)
LAYER = {"T": 5, "B": 3, "H": 2, "V": 13}
for name, given in {
    "product": {"name": "a", "n": 2, "m": 3, "k": 4},
    "outer": {"name": "a", "n": 2, "k": 4},
    "passed": {"name": "a", "numbers": 3},
    "recurrence": {"T": 5, "B": 3, "H": 2},
    "update_of_the_cell": {"T": 5, "B": 3, "H": 2},
    "products_of_the_output": {"N": 3, "V": 13, "H": 2},
    "softmax_passes": {"N": 3, "V": 13},
    "one_softmax": {"N": 3, "V": 13},
    "update_passes": {"V": 13, "H": 2},
    "loops": {"T": 5, "H": 2, "V": 13},
    "dense_updates": {"V": 13, "H": 2},
    "plain": LAYER,
    "in_place": LAYER,
    "fused": LAYER,
    "updating": LAYER | {"rows_at_once": 4},
    "total": {"calls": cost.plain(5, 3, 2, 13), "itemsize": 4},
    "seconds": {"calls": cost.plain(5, 3, 2, 13), "itemsize": 4, "machine": MACHINE},
    "attainable": {"intensity": 2.0, "machine": MACHINE},
    "floor": LAYER | {"rate": 1e11},
}.items():
    add(f"speed.cost.{name}", lambda s, given=given: given)
RING = {"size": 1e6, "bandwidth": 1e9}
PARTS = {"N": 4, "fixed": 1.0, "work": 2.0}
for name, given in {
    "all_reduce": {"N": 4} | RING,
    "step": PARTS | RING,
    "speedup": PARTS | RING,
    "least_work": RING,
    "ring": {"pieces": [[np.arange(3.0) + n + k for k in range(3)] for n in range(3)]},
}.items():
    add(f"speed.data_parallel.{name}", lambda s, given=given: given, said=("device",))
CHAIN = {"latency": 1e-5, "work": 1e3, "rate": 1e9}
for name, given in {
    "work": {"H": 2, "D": 11, "gates": 3},
    "seconds": {"T": 5, "B": np.arange(1, 4)} | CHAIN,
    "saturating_batch": CHAIN,
    "fused_floor": {"T": 5, "exchange": 1e-6, "operations": 1e6, "rate": 1e9},
    "share": {"B": np.arange(1, 4)} | CHAIN,
}.items():
    add(f"speed.serial_chain.{name}", lambda s, given=given: given, free=("B",))

# --- data ----------------------------------------------------------------------------------------

DAY = datetime.date(2020, 4, 3)
add("data.dates.write", lambda s: {"day": DAY, "format": dates.FORMATS[0]})
add("data.dates.is_held_out", lambda s: {"day": DAY})
add("data.dates.draw", lambda s: SIZES | {"B": 3})
add("data.dates.encode", lambda s: {"text": "3 April 2020"})
add("data.dates.encode_answer", lambda s: {"answer": "2020-04-03"})
add(
    "data.dates.decode_answer",
    lambda s: {"ids": dates.encode_answer("2020-04-03")},
    ids={"ids": (0, len(dates.ANSWERS) - 1)},
)
EXAMPLE = dates.write(DAY, dates.FORMATS[0])
add(
    "data.dates.aligned",
    lambda s: {
        "example": EXAMPLE,
        "weights": s.shares(10, len(EXAMPLE.text)),
        "margin": 1,
    },
)


def _sentences(s):
    return [np.array([1, *s.ids(s.V, n), 2]) for n in (4, 2, 6)]


def _fitted(s):
    return ngram.fit(_sentences(s), s.V, 2)


def _grams(s):
    return ngram.unique_rows(s.ids(3, s.N, 2))


IDS = {"encoded.0": "V", "encoded.1": "V", "encoded.2": "V"}
add(
    "data.ngram.fit",
    lambda s: {"encoded": _sentences(s), "V": s.V, "n": 2, "discount": 0.75},
    ids=IDS,
    free=("encoded",),
)
for name in ("log_probabilities", "perplexity"):
    add(
        f"data.ngram.{name}",
        lambda s: {"model": _fitted(Problem(0)), "encoded": _sentences(s)},
        ids=IDS,
        free=("encoded",),
        whole=("model",),
    )
add(
    "data.ngram.windows",
    lambda s: {"encoded": _sentences(s), "n": 2},
    free=("encoded",),
)
add("data.ngram.unique_rows", lambda s: {"rows": s.ids(5, s.N, 2)}, free=("rows",))
add(
    "data.ngram.order_of",
    lambda s: dict(zip(("grams", "counts"), _grams(s)[::2], strict=True)),
)
add(
    "data.ngram.look_up",
    lambda s: {
        "keys": np.array([[0, 1], [1, 1], [2, 0], [2, 2]]),
        "values": np.arange(4.0),
        "wanted": s.ids(3, s.N, 2),
    },
)
add(
    "data.ngram.check_ids",
    lambda s: {"encoded": _sentences(s), "V": s.V},
    ids=IDS,
    free=("encoded",),
)
add("data.stories.story", lambda s: SIZES | {"facts": 1, "S": 4})
add("data.stories.bag", lambda s: {"line": "Ada went to the garden."})
add(
    "data.stories.encode",
    lambda s: {"stories": [stories.story(s.rng, 1, 4) for _ in range(3)]},
)
add(
    "data.stories.draw",
    lambda s: SIZES | {"facts": 1, "B": 3, "shortest": 2, "longest": 4},
    said=("batch",),
)
add(
    "data.stories.rows",
    lambda s: {"batch": stories.draw(s.rng, 1, 4), "chosen": np.array([1, 3])},
    whole=("batch",),
    free=("chosen",),  # it is an index of NumPy's
)
add("data.tasks.adding_problem", lambda s: SIZES | {"T": 6, "B": 3})
add("data.tasks.copy_task", lambda s: SIZES | {"delay": 2, "B": 3, "length": 3})
add("data.tasks.copy_of_bits", lambda s: SIZES | {"length": 2, "B": 3, "bits": 4})


def _bits(s):
    batch = tasks.copy_of_bits(s.rng, 2, s.B, s.D)
    return {"logits": s.floats(5, s.B, s.D), "batch": batch}


def _symbols(s):
    batch = tasks.copy_task(s.rng, 4, s.B)
    return {"logits": s.floats(10, s.B, tasks.SYMBOLS + 2), "batch": batch}


add("data.tasks.bits_right", _bits, free=("batch.x",))
add(
    "data.tasks.symbols_right",
    _symbols,
    ids={"batch.targets": (0, 9)},
    free=("batch.inputs",),
)
VOCABULARY = text.Vocabulary(["a", "b", "c"])
for name in ("pad", "batches"):
    add(
        f"data.text.{name}",
        lambda s, name=name: (
            {"encoded": _sentences(s)} | ({"size": 2} if name == "batches" else {})
        ),
        free=("encoded",),
    )
assert rnn
