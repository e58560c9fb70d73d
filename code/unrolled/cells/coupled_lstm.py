r"""The LSTM that writes exactly as much as it forgets: i_t = 1 - f_t (Greff et al., 2017).

    c_t = f_t * c_{t-1} + (1 - f_t) * g_t                                    (eq-coupled-cell)

Since sigmoid(-a) = 1 - sigmoid(a), it is an ``lstm`` whose input gate has the forget gate's weights
with the opposite sign, and the code uses it as that. T time, B batch, D input, H hidden.
"""

from typing import Any, NamedTuple

import numpy as np

from unrolled.arguments import fields, names_arguments
from unrolled.cells import lstm

Array = Any
Cache = lstm.Cache
initial_state = lstm.initial_state


class Params(NamedTuple):
    """Weights; gradients are a Params too."""

    W_x: Array  # (D, 3H), blocks f, g, o
    W_h: Array  # (H, 3H)
    b: Array  # (3H,)


WEIGHTS = fields(Params, W_x="D 3H", W_h="H 3H", b="3H")


@names_arguments
def init(rng, D, H, dtype=np.float64, input_scale=None, forget_bias=1.0):
    """Returns random Params: those of ``lstm.init`` without the input gate."""
    p = lstm.init(rng, D, H, dtype, input_scale, forget_bias)
    return Params(*(weight[..., H:].copy() for weight in p))


@names_arguments(p=WEIGHTS)
def expand(p):
    """Returns the lstm.Params of the same network: W_i = -W_f, b_i = -b_f."""
    H = len(p.W_h)
    return lstm.Params(
        *(np.concatenate([-weight[..., :H], weight], axis=-1) for weight in p)
    )


@names_arguments(p=WEIGHTS, dfull=lstm.WEIGHTS)
def dexpand(p, dfull):
    """Returns the gradient with respect to p, given that with respect to expand(p)."""
    H = len(p.W_h)
    dp = Params(*(dweight[..., H:].copy() for dweight in dfull))
    for dweight, dfull_weight in zip(dp, dfull, strict=True):
        dweight[..., :H] -= dfull_weight[..., :H]
    return dp


@names_arguments(p=WEIGHTS)
def step(p, x_t, h, c):
    """Returns the states (h, c) after input x_t, given those before it."""
    return lstm.step(expand(p), x_t, h, c)


@names_arguments(p=WEIGHTS)
def forward(p, x, h0=None, c0=None):
    """Runs the network over sequences; arguments and results as in ``lstm.forward``."""
    return lstm.forward(expand(p), x, h0, c0)


@names_arguments(p=WEIGHTS)
def backward(p, cache, dh, dc=None):
    """Full backpropagation through time; see ``lstm.backward``."""
    dfull, *rest = lstm.backward(expand(p), cache, dh, dc)
    return dexpand(p, dfull), *rest
