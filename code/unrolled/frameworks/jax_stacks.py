r"""Cells with settings, and stacks of them, in JAX: their own ``step`` under ``jax.lax.scan``.

    h_t, … = step(p, x_t, h_{t-1}, …)      for t = 1 … T, by lax.scan

A cell with settings, such as ``reflections.below(2.0)``, and a network over cells, such as
``residual_stack.of``, are namespaces of functions with some arguments given. The modules of these
functions are executed with ``np`` bound to ``jax.numpy`` (``array_namespace``), and the functions
get the same arguments again. ``jax.grad`` derives the gradient from ``step``, and the backward
passes written by hand are not used. T time, B batch, H hidden, V vocabulary; time is axis 0.
"""

import functools
import importlib
from types import SimpleNamespace

import numpy as np

from unrolled import functional, tree
from unrolled.arguments import names_arguments, vectors_or_ids
from unrolled.frameworks import array_namespace
from unrolled.frameworks.jax_cells import precision_of
from unrolled.installed import named_extras
from unrolled.models import language_model

with named_extras():
    import jax
    import jax.numpy as jnp


def in_jax(cell):
    """Returns ``step`` and ``initial_state`` of a cell, on JAX's arrays.

    Args:
        cell: a module of ``cells``, or a namespace of its functions with settings. A setting
            can be a cell, too.
    """
    return SimpleNamespace(
        step=function_in_jax(cell.step),
        initial_state=function_in_jax(cell.initial_state),
    )


def function_in_jax(function):
    """Returns the copy of a function on JAX's arrays, with its settings if it is a partial."""
    settings = getattr(function, "keywords", {})
    function = getattr(function, "func", function)
    module = importlib.import_module(function.__module__)
    return functools.partial(
        getattr(array_namespace.of(module, jnp), function.__name__),
        **{
            name: in_jax(value) if hasattr(value, "step") else value
            for name, value in settings.items()
        },
    )


@names_arguments(x=vectors_or_ids("T B", "D"))
def forward(p, x, *, cell):
    """Returns the outputs h of every step, (T, B, H), from the cell's initial state.

    Args:
        p: the parameters of the cell.
        x: (T, B, D) vectors, or (T, B) ids.
        cell: as in ``in_jax``.
    """
    inside, p = in_jax(cell), tree.map(jnp.asarray, p)  # ids index JAX's arrays alone

    def next_state(state, x_t):
        state = inside.step(p, x_t, *state)
        state = state if isinstance(state, tuple) else (state,)
        return state, state[0]

    return jax.lax.scan(next_state, inside.initial_state(p, x.shape[1]), x)[1]


def mean_loss(p, inputs, targets, mask, *, cell):
    """Returns the mean loss over the words where mask is True, in nats per word."""
    logits = forward(p.cell, inputs, cell=cell) @ p.W_y + p.b_y
    losses = array_namespace.of(functional, jnp).cross_entropy(logits, targets)
    real = mask.astype(logits.dtype)
    return (losses * real).sum() / real.sum()


def compiled(cell):
    """Returns ``language_model.loss_and_gradient`` over a cell, found and compiled by JAX.

    Args:
        cell: as in ``in_jax``.

    Returns:
        A function of Params of NumPy arrays and a text.Batch. float64 is kept. It raises
        ValueError for a mask without a real word, or a target outside the vocabulary.
    """
    compute = jax.jit(jax.value_and_grad(functools.partial(mean_loss, cell=cell)))

    def loss_and_gradient(p, batch):
        language_model.real_targets(p, batch)
        with precision_of(p):
            loss, dp = compute(p, *batch)
        return float(loss), tree.map(np.asarray, dp)

    return loss_and_gradient
