"""An SGD step of the language model in JAX, the same as ``speed.sgd_step``: one XLA program.

The loop is ``jax.lax.scan``, and JAX differentiates it. The parameters are donated to the program,
which may then overwrite them. The gradient is taken with respect to the rows of W_x that were read,
so the update of W_x changes TB rows and not V.
"""

import functools

import numpy as np

from unrolled import tree
from unrolled.arguments import check_words, names_arguments
from unrolled.installed import named_extras
from unrolled.models import language_model

with named_extras():
    import jax
    import jax.numpy as jnp


def loss(weights, x, targets):
    """Returns the summed loss in nats, given the rows of W_x that were read.

    Args:
        weights: (W_h, b, W_y, b_y).
        x: (T, B, H).
        targets: (T, B) ids.
    """
    W_h, b, W_y, b_y = weights

    def step(h, x_t):
        h = jnp.tanh(x_t + h @ W_h + b)
        return h, h

    _, h = jax.lax.scan(step, jnp.zeros_like(x[0]), x)
    log_p = jax.nn.log_softmax(h.reshape(-1, len(b)) @ W_y + b_y)
    return -jnp.take_along_axis(log_p, targets.reshape(-1, 1), axis=1).sum()


@functools.partial(jax.jit, donate_argnums=0)
def sgd(p, inputs, targets, learning_rate):
    """Returns (Params after a step of SGD on the summed loss, the loss before)."""
    W_x, *cell = p.cell
    weights = (*cell, p.W_y, p.b_y)
    found, (d, dx) = jax.value_and_grad(loss, argnums=(0, 1))(
        weights, W_x[inputs], targets
    )
    W_h, b, W_y, b_y = (
        w - learning_rate * dw for w, dw in zip(weights, d, strict=True)
    )
    W_x = W_x.at[inputs].add(-learning_rate * dx)
    return p._replace(cell=type(p.cell)(W_x, W_h, b), W_y=W_y, b_y=b_y), found


@names_arguments(p=language_model.OVER_RNN)
def compile_step(p, learning_rate):
    """Returns (step, params): as ``keras_step.compile_step``, for batches of any shape.

    ``step`` waits until the program is done: JAX returns before.
    """
    precise = jax.enable_x64(p.W_y.dtype == np.float64)
    with precise:
        now = tree.map(jnp.array, p)

    def step(inputs, targets):
        nonlocal now
        check_words(inputs, targets, len(p.b_y))
        with jax.enable_x64(p.W_y.dtype == np.float64):
            now, found = jax.block_until_ready(sgd(now, inputs, targets, learning_rate))
        return float(found)

    return step, lambda: tree.map(np.asarray, now)
