"""What computes with the tensors of other libraries refuses wrong words, masks and weights.

An error of the library, or a number for a word that is not there, would be worse. PyTorch is left
out, since this book does not install it.
"""

import functools

import jax
import numpy as np
import pytest
from pytensor.compile.mode import Mode

from tests.support.any_input import verdict
from tests.support.sgd_example import RATE, B, H, T, V, example
from unrolled.cells import gru, irnn
from unrolled.frameworks import (
    jax_cells,
    jax_step,
    keras_models,
    keras_step,
    pytensor_step,
    theano_models,
)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("jax_compilation_cache"),
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
]

SHAPE = T, B
DH = np.ones((T, B, H))


def right():
    """Returns the arguments that every call takes some of; the last sequence is shorter."""
    p, (batch, _) = example()
    batch.mask[-2:, -1] = False
    return {"p": p, **batch._asdict(), "dh": DH, "padding": 0}


def batch_of(given):
    _, (batch, _) = example()
    return batch._replace(**{name: given[name] for name in batch._fields})


@functools.cache
def compiled(make):
    """Returns what a function makes of the right weights, compiled once."""
    return make(right()["p"])


def stepped(make):
    """Returns a call of the step that a function compiles for weights."""

    def call(p, inputs, targets):
        same = p is PARAMS["p"]
        return (compiled(make) if same else make(p))[0](inputs, targets)

    return call


PARAMS = right()  # a case exchanges one of these


def in_jax(function, p, *rest):
    """Returns what a function of JAX returns in the precision of p, as NumPy's arrays."""
    with jax_cells.precision_of(p):
        return [np.asarray(leaf) for leaf in jax.tree.leaves(function(p, *rest))]


def pytensor_step_of(p):
    mode = Mode("py", None)
    with pytensor_step.pytensor.config.change_flags(cxx=""):
        return pytensor_step.compile_step(p, RATE, (None, None), mode)


def symbolic_loss(p):
    return theano_models.compile_loss_and_gradient(p, mode="python")


def symbolic_backward(p):
    return theano_models.compile_backward(p.cell, True, False, mode="python")


def symbolic_training(p):
    return theano_models.compile_rmsprop(p, mode="python")


# Each call gets the arguments that its parameters name.
CALLS = {
    "jax_cells.forward": lambda p, inputs: in_jax(jax_cells.forward, p.cell, inputs),
    "jax_cells.backward": lambda p, inputs, dh: in_jax(
        jax_cells.backward, p.cell, inputs, dh
    ),
    "jax_cells.losses": lambda p, inputs, targets: in_jax(
        jax_cells.losses, p, inputs, targets
    ),
    "jax_cells.mean_loss": lambda p, inputs, targets, mask: in_jax(
        jax_cells.mean_loss, p, inputs, targets, mask
    ),
    "jax_cells.sgd_step": lambda p, inputs, targets, mask: in_jax(
        jax_cells.sgd_step, p, inputs, targets, mask, RATE
    ),
    "jax_cells.loss_and_gradient": lambda p, inputs, targets, mask: (
        jax_cells.loss_and_gradient(p, batch_of(locals()))
    ),
    "jax_step": stepped(lambda p: jax_step.compile_step(p, RATE)),
    "keras_step": stepped(lambda p: keras_step.compile_step(p, RATE, SHAPE)),
    "pytensor_step": stepped(pytensor_step_of),
    "keras_models.forward": lambda p, inputs, mask: keras_models.forward(
        p.cell, inputs, mask=mask
    ),
    "keras_models.backward": lambda p, inputs, mask, dh: keras_models.backward(
        p.cell, inputs, dh, mask=mask
    ),
    "keras_models.loss_and_gradient": lambda p, inputs, targets, mask, padding: (
        keras_models.loss_and_gradient(p, batch_of(locals()), padding)
    ),
    "theano_models.compile_loss_and_gradient": lambda p, inputs, targets, mask: (
        compiled(symbolic_loss)(p, batch_of(locals()))
    ),
    "theano_models.compile_backward": lambda p, inputs, dh: compiled(symbolic_backward)(
        p.cell, inputs, dh
    ),
    "theano_models.compile_rmsprop": lambda inputs, targets, mask: compiled(
        symbolic_training
    ).step(batch_of(locals())),
}


def with_id(number):
    def changed(ids):
        ids = ids.copy()
        ids[1, 0] = number
        return ids

    return changed


def of_cell(cell):
    """Returns a change to Params of another cell, whose arrays may have the same shapes."""
    return lambda p: p._replace(cell=cell.init(np.random.default_rng(0), V, H))


APART = "one step less", "one sequence", "no word"  # they do not fit the others
IDS = {
    "an id of -1": with_id(-1),
    "an id too large": with_id(V),
    "an id far too large": with_id(10**6),
    "ids of float": lambda ids: ids.astype(float),
    "ids of a half": lambda ids: ids + 0.5,
    "ids of bool": lambda ids: ids.astype(bool),
    "one step less": lambda ids: ids[:-1],
    "one sequence": lambda ids: ids[:, :1],
    "no word": lambda ids: ids[:0],
}
WRONG = {
    "inputs": IDS,
    "targets": IDS,
    "mask": {
        "integers": lambda mask: mask.astype(int),
        "twos": lambda mask: 2 * mask,
        "float": lambda mask: mask.astype(float),
        "one step less": lambda mask: mask[:-1],
        "one sequence": lambda mask: mask[:, :1],
        "all False": np.zeros_like,
    },
    "p": {"irnn": of_cell(irnn), "gru": of_cell(gru)},
    "dh": {
        "one step": lambda dh: dh[:1],
        "one sequence": lambda dh: dh[:, :1],
        "one unit": lambda dh: dh[..., :1],
    },
    "padding": {"-1": lambda _: -1, "V": lambda _: V, "a half": lambda _: 0.5},
}
# Keras has a GRU. A state that is kept in every step is right, and ids that fit no other argument
# are a different batch.
DEFINED = {
    ("keras_models.forward", "p", "gru"),
    ("keras_models.backward", "p", "gru"),
    ("keras_models.loss_and_gradient", "p", "gru"),
    ("keras_models.forward", "mask", "all False"),
    ("keras_models.backward", "mask", "all False"),
    ("jax_cells.forward", "inputs", "one step less"),
    ("jax_cells.forward", "inputs", "one sequence"),
    ("jax_cells.forward", "inputs", "no word"),
}


# What else a function calls an argument.
CALLED = {"inputs": {"x"}, "p": {"weights"}}


def parameters(call):
    return call.__code__.co_varnames[: call.__code__.co_argcount]


def cases():
    for name, call in CALLS.items():
        for argument in parameters(call):
            for change in WRONG[argument]:
                if (name, argument, change) not in DEFINED:
                    yield pytest.param(
                        name, argument, change, id=f"{name}-{argument}-{change}"
                    )


@pytest.mark.parametrize("name", CALLS)
def test_right_arguments_are_answered(name):
    call = CALLS[name]
    found = call(**{key: PARAMS[key] for key in parameters(call)})
    assert verdict.is_finite(found)


@pytest.mark.parametrize(("name", "argument", "change"), [*cases()])
def test_wrong_arguments_are_refused_by_name(name, argument, change):
    call = CALLS[name]
    given = {key: PARAMS[key] for key in parameters(call)}
    given[argument] = WRONG[argument][change](given[argument])
    with pytest.raises(ValueError) as refused:
        call(**given)
    assert verdict.is_ours(refused.value), f"from the depths: {refused.value}"
    line = str(refused.value)
    assert "\n" not in line
    named = set(given) if change in APART else {argument}
    named |= CALLED.get(argument, set())
    assert any(verdict.is_named(word, line) for word in named), line
