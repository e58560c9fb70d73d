"""The methods that the long-distance tasks compare."""

from typing import Any, NamedTuple

from unrolled.cells import irnn, rnn
from unrolled.cells import recurrent_weights as weights


class Method(NamedTuple):
    cell: Any  # a module with init, forward, backward
    recurrent: (
        Any  # the function of recurrent_weights that makes W_h; None: the cell's own
    )
    clip: float | None  # largest norm of the gradient


METHODS = {
    "tanh": Method(rnn, weights.uniform, None),
    "tanh, clipped": Method(rnn, weights.uniform, 1.0),
    "orthogonal tanh": Method(rnn, weights.orthogonal, 1.0),
    "ReLU, identity": Method(irnn, None, None),
    "ReLU, identity, clipped": Method(irnn, None, 1.0),
}
