r"""The recurrent network of Le, Jaitly & Hinton (2015): ReLU units, W_h = I at the start.

    h_t = max(0, x_t W_x + h_{t-1} W_h + b)                            (eq-irnn-step)

With W_h = I and no input, a state without negative entries does not change, and neither does its
gradient. The functions are those of ``rnn`` with ReLU.
T time, B batch, D input, H hidden.
"""

import numpy as np

from unrolled.cells import rnn
from unrolled.cells.recurrent_weights import identity
from unrolled.functional import drelu, relu

Params = rnn.Params
initial_state = rnn.initial_state


def init(rng, D, H, dtype=np.float64, input_scale=None):
    """Returns random Params: W_x as in ``rnn.init``, W_h the identity, b zero."""
    p = rnn.init(rng, D, H, dtype, input_scale)
    return p._replace(W_h=identity(rng, H).astype(dtype))


def step(p, x_t, h):
    """Returns the next state, (H,) or (B, H), from the input x_t and the state h before it."""
    return rnn.step(p, x_t, h, relu)


def forward(p, x, h0=None):
    """Runs the network over a batch of sequences, as ``rnn.forward``."""
    return rnn.forward(p, x, h0, relu)


def backward(p, cache, dh):
    """Full backpropagation through time, as ``rnn.backward``."""
    return rnn.backward(p, cache, dh, drelu)
