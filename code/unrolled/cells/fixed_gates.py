r"""Gates held at 0 or 1: the plain network as a special GRU and LSTM, and cells without a gate.

A gate whose weights are 0 and whose bias is ±40 is *exactly* 1 or 0, because ``sigmoid`` computes
0.5 (1 + tanh(a/2)); as 1/(1 + exp(-a)), it would be 4e-18 at -40. Its slope s(1 - s) is exactly 0.
Its gradient is therefore 0, so that training without weight decay never changes it. Fixing a gate
of a cell removes that gate, without new code. D input, H hidden.
"""

import numpy as np

from unrolled.arguments import by_class, names_arguments
from unrolled.cells import gru, lstm, rnn

# tanh(20) = 1 - 8e-18, nearer to 1 than to the next smaller number, in float32 and float64.
SATURATED = 40.0
# the gates of each cell, and the places of their blocks in its weights
GATES = {lstm.Params: {"i": 0, "f": 1, "o": 3}, gru.Params: {"z": 0, "r": 1}}


WITH_GATES = by_class({lstm.Params: lstm.WEIGHTS, gru.Params: gru.WEIGHTS})


@names_arguments(p=WITH_GATES)
def fix_gate(p, gate, value):
    """Returns Params whose gate has this value at every step, and keeps it in training.

    Weight decay would change it: it pulls the bias towards 0.

    Args:
        p: lstm.Params or gru.Params; unchanged.
        gate: "i", "f" or "o" of an LSTM, "z" or "r" of a GRU.
        value: 0 or 1.

    Raises:
        ValueError: another cell's weights, no such gate, or another value.
    """
    if type(p) not in GATES:
        raise ValueError(f"pass lstm.Params or gru.Params, got {type(p).__name__}")
    blocks = GATES[type(p)]
    if gate not in blocks:
        raise ValueError(f"this cell has the gates {', '.join(blocks)}, not {gate!r}")
    if value not in (0, 1):
        raise ValueError(f"a gate can be fixed at 0 or 1, got {value!r}")
    H = len(p.W_h)
    block = slice(blocks[gate] * H, (blocks[gate] + 1) * H)
    fixed = type(p)(*(weight.copy() for weight in p))
    fixed.W_x[:, block] = 0
    fixed.W_h[:, block] = 0
    fixed.b[block] = SATURATED if value else -SATURATED
    return fixed


@names_arguments(p=rnn.WEIGHTS)
def rnn_as_gru(p):
    """Returns gru.Params that compute what the tanh network of p computes, up to rounding.

    With r = 1 the candidate reads the whole state. With z = 0 the candidate becomes
    the new state (eq-rnn-as-gru):

        h_t = 0 h_{t-1} + (1 - 0) tanh(x_t W_x + (1 h_{t-1}) W_h + b)

    Args:
        p: rnn.Params.
    """
    wide = gru.Params(*(np.concatenate([weight] * 3, axis=-1) for weight in p))
    return fix_gate(fix_gate(wide, "z", 0), "r", 1)


@names_arguments(p=rnn.WEIGHTS)
def rnn_as_lstm(p):
    """Returns lstm.Params with i = 1, f = 0, o = 1 and the weights of rnn.Params in g.

    This is the network of p with one additional tanh (eq-rnn-as-lstm):

        h_t = tanh(tanh(a_t))

    Args:
        p: rnn.Params.
    """
    wide = lstm.Params(*(np.concatenate([weight] * 4, axis=-1) for weight in p))
    return fix_gate(fix_gate(fix_gate(wide, "i", 1), "f", 0), "o", 1)


@names_arguments(p=rnn.WEIGHTS)
def rnn_as_small_lstm(p, scale):
    """Returns lstm.Params whose state, divided by ``scale``, is nearly that of p's.

    The input gate is held at ``scale``: the cell is then so small that the last tanh does
    next to nothing to it, and W_h / scale brings the state back to its size
    (eq-rnn-as-small-lstm):

        h_t / scale = tanh(scale tanh(a_t)) / scale = tanh(a_t) + O(scale²)

    Args:
        p: rnn.Params.
        scale: between 0 and 1; the smaller, the nearer, until rounding takes over.

    Raises:
        ValueError: scale outside 0 < scale < 1.
    """
    if not 0 < scale < 1:
        raise ValueError(
            f"the input gate's value must be in 0 < scale < 1, got {scale}"
        )
    H = len(p.W_h)
    special = rnn_as_lstm(p._replace(W_h=p.W_h / scale))
    special.b[:H] = np.log(scale / (1 - scale))  # the inverse of the sigmoid
    return special
