r"""The recurrent network of Le, Jaitly & Hinton (2015): ReLU units, W_h = I at the start.

    h_t = max(0, x_t W_x + h_{t-1} W_h + b)                            (eq-irnn-step)

With W_h = I and no input, a state without negative entries does not change, and neither does its
gradient. The functions are those of ``rnn`` with ReLU. Its Params have the shapes of ``rnn``'s and
a type of their own, so that no tanh network takes them for its weights.
T time, B batch, D input, H hidden.
"""

from typing import Any, NamedTuple

import numpy as np

from unrolled.arguments import fields, names_arguments
from unrolled.cells import rnn
from unrolled.cells.recurrent_weights import identity
from unrolled.functional import drelu, relu

Array = Any
initial_state = rnn.initial_state


class Params(NamedTuple):
    """Weights; gradients are a Params too."""

    W_x: Array  # (D, H)
    W_h: Array  # (H, H)
    b: Array  # (H,)


WEIGHTS = fields(Params, W_x="D H", W_h="H H", b="H")


@names_arguments
def init(rng, D, H, dtype=np.float64, input_scale=None):
    """Returns random Params: W_x as in ``rnn.init``, W_h the identity, b zero."""
    W_x, _, b = rnn.init(rng, D, H, dtype, input_scale)
    return Params(W_x, identity(rng, H).astype(dtype), b)


@names_arguments(p=WEIGHTS)
def step(p, x_t, h):
    """Returns the next state, (H,) or (B, H), from the input x_t and the state h before it."""
    return rnn.step(rnn.Params(*p), x_t, h, relu)


@names_arguments(p=WEIGHTS)
def forward(p, x, h0=None):
    """Runs the network over a batch of sequences, as ``rnn.forward``."""
    return rnn.forward(rnn.Params(*p), x, h0, relu)


@names_arguments(p=WEIGHTS)
def backward(p, cache, dh):
    """Full backpropagation through time, as ``rnn.backward``."""
    dp, dx, dh0 = rnn.backward(rnn.Params(*p), cache, dh, drelu)
    return Params(*dp), dx, dh0
