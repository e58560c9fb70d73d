r"""The book's cells in JAX: each cell's own ``step`` under ``jax.lax.scan``, differentiated by JAX.

    h_t, … = step(p, x_t, h_{t-1}, …)      for t = 1 … T, by lax.scan

``step`` is the function of ``rnn``, ``lstm`` or ``gru`` itself, executed with ``np`` bound to
``jax.numpy`` (``array_namespace``). JAX traces it once, and XLA compiles the loop with all of its
steps into one program. The backward passes written by hand are not used: ``jax.grad`` derives the
gradient from ``step``, so it checks them independently.

Arrays have time first, as in the rest of the book; Params are the package's own.
T time, B batch, D input, H hidden, V vocabulary.
"""

import functools
from typing import Any

import numpy as np

from unrolled import functional, tree
from unrolled.arguments import (
    check_class,
    check_ids,
    ids,
    is_known,
    mask,
    names_arguments,
    parts,
    vectors_or_ids,
)
from unrolled.cells import rnn
from unrolled.frameworks import array_namespace
from unrolled.installed import named_extras
from unrolled.models import language_model

with named_extras():
    import jax
    import jax.numpy as jnp

Array = Any

CELL = parts(W_x="D N")  # check_cell asks which cell's, and some have no W_h
WORDS = dict(p=language_model.WEIGHTS, inputs=ids("T B", "V"), targets=ids("T B", "V"))


@functools.cache
def traced(cell):
    """Returns (a copy of a cell's module on JAX arrays, a copy of ``functional``).

    In the copy of the cell, ``project`` returns its argument: the products of the inputs need no
    state and are computed before the loop, as in ``forward``.
    """
    functions = array_namespace.of(functional, jnp)
    return array_namespace.of(cell, jnp, project=lambda a_t, W_x: a_t), functions


@names_arguments(p=CELL, x=vectors_or_ids("T B", "D"))
def forward(p, x, *state, cell=rnn):
    """Returns the states h of every step, (T, B, H).

    Args:
        p: the Params of a cell.
        x: (T, B, D) vectors, or (T, B) ids.
        state: initial states, (B, H) each; zeros if left out.
        cell: the module of the cell: ``rnn``, ``lstm``, ``gru``.
    """
    check_cell(p, x, state, cell)
    inside, functions = traced(cell)

    def next_state(state, a_t):
        state = inside.step(p, a_t, *state)
        state = state if isinstance(state, tuple) else (state,)
        return state, state[0]

    a = functions.project(x, p.W_x)  # needs no state: all T steps at once
    state = state or inside.initial_state(p, x.shape[1])
    return jax.lax.scan(next_state, state, a)[1]


def check_cell(p, x, state, cell):
    """Raises ValueError unless p is of the cell, and the initial states have its shapes.

    Params of another cell can have the same shapes.
    """
    check_class("p", p, (cell.Params,))
    if hasattr(p, "W_h") and p.W_h.shape[1:] != p.W_x.shape[1:]:
        raise ValueError(f"p.W_h {p.W_h.shape} does not fit p.W_x {p.W_x.shape}")
    if state and shapes(state) != shapes(cell.initial_state(p, x.shape[1])):
        raise ValueError(
            f"state must have the shapes {shapes(cell.initial_state(p, x.shape[1]))},"
            f" got {shapes(state)}"
        )


def shapes(arrays):
    """Returns the shapes of arrays."""
    return [array.shape for array in arrays]


@names_arguments(p=CELL, x=vectors_or_ids("T B", "D"), dh="T B H")
def backward(p, x, dh, *state, cell=rnn):
    """Returns what ``cell.backward`` returns, found by JAX.

    Args:
        p: the Params of a cell.
        x: (T, B, D) vectors, or (T, B) ids.
        dh: (T, B, H), gradient of a loss with respect to the states.
        state: initial states, all of them.
        cell: as in ``forward``.

    Returns:
        dp, dx (None for ids), and a gradient for each initial state.
    """
    check_cell(p, x, state, cell)
    H = cell.initial_state(p, 1)[0].shape[1]
    if dh.shape != (*x.shape[:2], H):
        raise ValueError(f"dh must be {(*x.shape[:2], H)}, got {dh.shape}")
    ids = jnp.issubdtype(x.dtype, jnp.integer)
    varied = (p, state) if ids else (p, state, x)

    def run(p, state, x=x):
        return forward(p, x, *state, cell=cell)

    dp, dstate, *dx = jax.vjp(run, *varied)[1](dh)
    return dp, (None if ids else dx[0]), *dstate


@names_arguments(**WORDS)
def losses(p, inputs, targets, cell=rnn):
    """Returns the loss of every word of a language model, (T, B), in nats.

    Args:
        p: ``language_model.Params``.
        inputs: (T, B) ids.
        targets: (T, B) ids.
        cell: as in ``forward``.
    """
    h = forward(p.cell, inputs, cell=cell)
    return traced(cell)[1].cross_entropy(h @ p.W_y + p.b_y, targets)


@names_arguments(**WORDS, mask=mask("T B"))
def mean_loss(p, inputs, targets, mask, cell=rnn):
    """Returns the mean loss over the words where mask is True, in nats per word."""
    check_real(mask)
    real = mask.astype(p.W_y.dtype)
    return (losses(p, inputs, targets, cell) * real).sum() / real.sum()


def check_real(mask):
    """Raises ValueError if a mask is all False and NumPy has it: a mean of nothing is no number."""
    if is_known(mask) and not mask.any():
        raise ValueError("the batch holds no word to predict: its mask is all False")


@names_arguments(**WORDS, mask=mask("T B"))
def sgd_step(p, inputs, targets, mask, learning_rate, cell=rnn):
    """Returns (loss, Params after one step of SGD): the whole step is one program."""
    loss, dp = jax.value_and_grad(mean_loss)(p, inputs, targets, mask, cell=cell)
    return loss, tree.map(
        lambda weight, gradient: weight - learning_rate * gradient, p, dp
    )


@functools.cache
def compiled(function, cell, **options):
    """Returns a function of this module for a cell, compiled for each shape it meets."""
    return jax.jit(functools.partial(function, cell=cell), **options)


@names_arguments(p=language_model.WEIGHTS, batch=language_model.BATCH)
def loss_and_gradient(p, batch, cell=rnn):
    """Returns what ``language_model.loss_and_gradient`` returns, found and compiled by JAX.

    Args:
        p: ``language_model.Params`` of NumPy arrays; float64 is kept.
        batch: a text.Batch.
        cell: as in ``forward``.

    Raises:
        ValueError: a mask without a real word, or an id outside the vocabulary, which JAX would
            bend into it.
    """
    _check(p, batch)
    with precision_of(p):
        loss, dp = _value_and_grad(cell)(p, batch.inputs, batch.targets, batch.mask)
    return float(loss), tree.map(np.asarray, dp)


@functools.cache
def _value_and_grad(cell):
    return jax.jit(jax.value_and_grad(functools.partial(mean_loss, cell=cell)))


def precision_of(p):
    """Returns a context in which JAX keeps the precision of Params: float64 stays float64."""
    return jax.enable_x64(tree.leaves(p)[0].dtype == np.float64)


def _check(p, batch):
    check_real(batch.mask)
    V = len(p.b_y)
    for name in ("inputs", "targets"):
        check_ids(name, getattr(batch, name)[batch.mask], V)
