"""From gradients to better parameters: one step of SGD, RMSprop or Adam; clipping.

Each optimizer is ``(params, gradients, state, learning_rate, …) -> (params, state)``; the first
call passes ``state=None``. Weights are overwritten: a step reads and writes millions of numbers,
and copies of them would cost more than the arithmetic. If you need the old weights, copy them
first. Trees made by ``_replace`` share the arrays that were not replaced.
"""

from typing import Any, NamedTuple

import numpy as np

from unrolled import tree
from unrolled.arguments import check_same_shapes, names_arguments, trees


@names_arguments(params=trees("P"), gradients=trees("P"))
def sgd(params, gradients, state=None, learning_rate=0.1):
    """Stochastic gradient descent: θ ← θ - η dθ.

    Args:
        params: a tree of arrays, overwritten.
        gradients: a tree of the same structure, overwritten.
        state: not used; here because every optimizer has it.
        learning_rate: η.

    Returns:
        (params, state).
    """

    def update(weight, gradient):
        gradient *= learning_rate
        weight -= gradient

    tree.map(update, params, gradients)
    return params, ()


@names_arguments(params=trees("P"), gradients=trees("P"))
def rmsprop(
    params, gradients, state=None, learning_rate=0.001, decay=0.9, epsilon=1e-6
):
    """RMSprop (Tieleman & Hinton, 2012): m ← γ m + (1-γ) dθ²; θ ← θ - η dθ/√(m + ε).

    The gradient of each weight is divided by the root of the running mean of its square.

    Args:
        params: a tree of arrays, overwritten.
        gradients: a tree of the same structure.
        state: the running mean m, a tree; None before the first step (m = 0).
        learning_rate: η.
        decay: γ.
        epsilon: keeps the division finite; it stands under the root.

    Returns:
        (params, state).
    """
    if not 0 <= decay <= 1 or epsilon <= 0:
        raise ValueError(
            f"need 0 <= decay <= 1 and epsilon > 0, got {decay} and {epsilon}"
        )
    state = tree.map(np.zeros_like, params) if state is None else state
    check_same_shapes("state", state, params)

    def update(weight, gradient, mean_square):
        mean_square *= decay
        mean_square += (1 - decay) * gradient**2
        subtract(weight, learning_rate * gradient / np.sqrt(mean_square + epsilon))

    tree.map(update, params, gradients, state)
    return params, state


class AdamState(NamedTuple):
    """Running means of the gradient and of its square, and the number of steps so far."""

    mean: Any
    mean_square: Any
    steps: Any


@names_arguments(params=trees("P"), gradients=trees("P"))
def adam(
    params,
    gradients,
    state=None,
    learning_rate=0.001,
    decays=(0.9, 0.999),
    epsilon=1e-8,
):
    """Adam (Kingma & Ba, 2015, algorithm 1): two running means that start at 0, corrected.

    Args:
        params: a tree of arrays, overwritten.
        gradients: a tree of the same structure.
        state: an AdamState; None before the first step.
        learning_rate: η.
        decays: (β1, β2) of the mean and of the mean square.
        epsilon: added to the root.

    Returns:
        (params, state).
    """
    if state is None:
        zeros = tree.map(np.zeros_like, params), tree.map(np.zeros_like, params)
        state = AdamState(*zeros, np.zeros((), np.int64))
    check_same_shapes("state.mean", state.mean, params)
    check_same_shapes("state.mean_square", state.mean_square, params)
    beta_1, beta_2 = decays
    steps = state.steps + 1
    rate = learning_rate * float(np.sqrt(1 - beta_2**steps) / (1 - beta_1**steps))
    floor = epsilon * float(np.sqrt(1 - beta_2**steps))

    def update(weight, gradient, mean, mean_square):
        mean *= beta_1
        mean += (1 - beta_1) * gradient
        mean_square *= beta_2
        mean_square += (1 - beta_2) * gradient**2
        subtract(weight, rate * mean / (np.sqrt(mean_square) + floor))

    tree.map(update, params, gradients, state.mean, state.mean_square)
    return params, AdamState(state.mean, state.mean_square, steps)


@names_arguments
def global_norm(gradients):
    """Returns the Euclidean norm of all the gradients together, as one long vector."""
    return float(np.sqrt(sum(np.vdot(leaf, leaf) for leaf in tree.leaves(gradients))))


@names_arguments
def clip_by_global_norm(gradients, limit):
    """Scales all gradients by one factor, so that their norm is at most ``limit``.

    The direction stays the same (Pascanu, Mikolov & Bengio, 2013, algorithm 1).

    Args:
        gradients: a tree of arrays; overwritten if their norm is above the limit.
        limit: the largest norm allowed, above 0.

    Returns:
        (gradients, norm before clipping).

    Raises:
        ValueError: a limit that is not above 0, or a norm that is not finite.
    """
    if not limit > 0:
        raise ValueError(f"the limit must be above 0, got {limit}")
    norm = global_norm(gradients)
    if not np.isfinite(norm):
        raise ValueError(
            f"the gradient's norm is {norm}: there is no direction to keep"
        )
    if norm > limit:
        tree.map(
            lambda gradient: np.multiply(gradient, limit / norm, out=gradient),
            gradients,
        )
    return gradients, norm


@names_arguments
def clip_by_value(gradients, limit):
    """Cuts every entry to the range -limit..limit, which may turn the direction.

    Args:
        gradients: a tree of arrays, overwritten.
        limit: the largest magnitude allowed, above 0.

    Returns:
        (gradients, norm before clipping).

    Raises:
        ValueError: a limit that is not above 0.
    """
    if not limit > 0:
        raise ValueError(f"the limit must be above 0, got {limit}")
    norm = global_norm(gradients)
    tree.map(lambda gradient: np.clip(gradient, -limit, limit, out=gradient), gradients)
    return gradients, norm


@names_arguments(weight="...", change="...")
def subtract(weight, change):
    """Subtracts a change from a weight in place; the weight keeps its precision."""
    np.subtract(weight, change, out=weight, casting="same_kind")
