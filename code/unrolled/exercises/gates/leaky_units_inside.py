"""A network of leaky units as a GRU; the plain network as an LSTM."""

import numpy as np

from unrolled.cells import gru, lstm, rnn
from unrolled.exercises.judging import Wrong, array, call, close, function, is_close

TITLE = "Older networks inside the gated ones"
CHAPTER = "04-gates/variants"
SECTION = "the-plain-rnn-inside"
KIND = "write"
LEVEL = 2
MINUTES = 30

TEXT = r"""
Before gates were common, units that forget slowly were built with a fixed leak $\alpha$:

$$
\begin{aligned}
a_t &= x_t W_x + h_{t-1} W_h \\
&\quad + b, \\
h_t &= \alpha\, h_{t-1} \\
&\quad + (1 - \alpha) \tanh a_t .
\end{aligned}
$$

With $\alpha = 0$ this is the plain RNN. Write two functions. `leaky_as_gru(p, alpha)` returns the
`gru.Params` of a GRU that computes exactly this network, for any $0 \le \alpha < 1$.
`rnn_as_lstm(p)` returns the `lstm.Params` of an LSTM that computes the plain RNN with one
additional tanh, $h_t = \tanh(\tanh a_t)$. In both, `p` is an `rnn.Params`. The order of the
blocks is z, r, h in a GRU and i, f, g, o in an LSTM.
"""

STUB = '''
import numpy as np

from unrolled.cells import gru, lstm


def leaky_as_gru(p, alpha):
    """gru.Params of the leaky network with the weights of p."""
    raise NotImplementedError


def rnn_as_lstm(p):
    """lstm.Params of the plain network with one tanh more."""
    raise NotImplementedError
'''

HINTS = (
    "A gate with the weights 0 is $\\sigma(b)$ at every step. Which constants do you need?",
    "$\\sigma(b) = \\alpha$ for $b = \\ln \\frac{\\alpha}{1 - \\alpha}$. The function `sigmoid` "
    "returns exactly 1 at 40 and exactly 0 at -40.",
    "The GRU needs $z = \\alpha$ and $r = 1$, and the weights of the network in the third block. "
    "The LSTM needs $i = 1$, $f = 0$ and $o = 1$, and the weights in the third of four blocks.",
)

SOLUTION = '''
import numpy as np

from unrolled.cells import gru, lstm


def leaky_as_gru(p, alpha):
    """gru.Params of the leaky network with the weights of p."""
    H, none = len(p.W_h), np.zeros
    z = np.log(alpha / (1 - alpha)) if alpha > 0 else -40.0
    return gru.Params(
        W_x=np.concatenate([none((len(p.W_x), 2 * H)), p.W_x], axis=1),
        W_h=np.concatenate([none((H, 2 * H)), p.W_h], axis=1),
        b=np.concatenate([np.full(H, z), np.full(H, 40.0), p.b]),
    )


def rnn_as_lstm(p):
    """lstm.Params of the plain network with one tanh more."""
    D, H = p.W_x.shape
    open_, shut = np.full(H, 40.0), np.full(H, -40.0)
    W_x, W_h = np.zeros((D, 4 * H)), np.zeros((H, 4 * H))
    W_x[:, 2 * H : 3 * H], W_h[:, 2 * H : 3 * H] = p.W_x, p.W_h
    return lstm.Params(W_x, W_h, np.concatenate([open_, shut, p.b, open_]))
'''

COMMENT = r"""
If one network is a special case of a second network, the second can do everything that the first
can do. A GRU with constant gates *is* the network of leaky units, and all its units forget equally
fast. If $b_z$ differs from unit to unit, each unit forgets at its own rate. If $W_{xz}$ is not
zero, the rate depends on the input. {cite:t}`tallec2018` argue in the opposite direction: if a
network is to cope with any stretching of the time axis, it needs gates.

The plain RNN is not exactly an LSTM, because $h = o \odot \tanh(c)$ applies a second tanh, and the
states stay below $\tanh 1 = 0.76$. {eq}`eq-rnn-as-small-lstm` shows how close an LSTM can come. Can
you initialise a GRU from a trained plain RNN in this way and continue the training? It starts where
the plain RNN ended. But at $\pm 40$ the slope of a gate is 0, so training never changes the gates.
With biases such as $\pm 5$, the network starts close to the plain RNN, and its gates can learn.
"""


def _run(p, x, alpha=0.0, f=np.tanh):
    h, found = np.zeros((x.shape[1], len(p.W_h))), []
    for x_t in x:
        h = alpha * h + (1 - alpha) * f(x_t @ p.W_x + h @ p.W_h + p.b)
        found.append(h)
    return np.array(found)


def _params(found, kind, D, H, name):
    """Returns the reader's weights as kind.Params, or says what does not fit."""
    blocks = 3 if kind is gru else 4
    if not isinstance(found, tuple | list) or len(found) != 3:
        raise Wrong(
            f"`{name}` should return {kind.__name__.split('.')[-1]}.Params(W_x, W_h, b)."
        )
    shapes = (D, blocks * H), (H, blocks * H), (blocks * H,)
    return kind.Params(
        *(
            array(a, s, f"`{w}` of `{name}`")
            for a, s, w in zip(found, shapes, ("W_x", "W_h", "b"), strict=True)
        )
    )


def check(answers):
    """Tests the GRU with several leaks, also with 0, and then the LSTM."""
    as_gru, as_lstm = (
        function(answers, "leaky_as_gru"),
        function(answers, "rnn_as_lstm"),
    )
    rng = np.random.default_rng(12)
    D, H = 2, 4
    p = rnn.Params(*(0.8 * rng.standard_normal(s) for s in [(D, H), (H, H), (H,)]))
    x = rng.standard_normal((12, 3, D))
    for alpha in (0.8, 0.3, 0.0):
        with np.errstate(all="ignore"):
            given = call(as_gru, rnn.Params(*(w.copy() for w in p)), alpha)
        b = (
            np.asarray(given[2])
            if isinstance(given, tuple | list) and len(given) == 3
            else None
        )
        if alpha == 0 and b is not None and np.isneginf(b).any():
            given = (given[0], given[1], np.maximum(b, -40.0))
        made = _params(given, gru, D, H, "leaky_as_gru")
        found, cache = gru.forward(made, x)
        expected = _run(p, x, alpha)
        if is_close(found, expected, 1e-12):
            continue
        z, r = cache.z, cache.r
        if z.std() > 1e-9 or r.std() > 1e-9:
            raise Wrong(
                "The gates of your GRU still read the input or the state: they should be constant."
            )
        if alpha != 0.5 and is_close(z, np.full_like(z, 1 - alpha), 1e-6):
            raise Wrong("z is 1 - alpha: in this book z is the share that is *kept*.")
        if not is_close(z, np.full_like(z, alpha), 1e-9):
            raise Wrong(
                f"For alpha = {alpha}, z is {z.mean():.3g}: the bias is the argument of a sigmoid."
            )
        if not is_close(r, np.ones_like(r), 1e-12):
            raise Wrong(
                f"r is {r.mean():.3g}: the candidate should read the whole state."
            )
        raise Wrong(
            "The gates are right. The candidate does not have the network's weights."
        )
    made = _params(
        call(as_lstm, rnn.Params(*(w.copy() for w in p))), lstm, D, H, "rnn_as_lstm"
    )
    found, cache = lstm.forward(made, x)
    for name, gate, value in (
        ("i", cache.i, 1.0),
        ("f", cache.f, 0.0),
        ("o", cache.o, 1.0),
    ):
        if not is_close(gate, np.full_like(gate, value), 1e-12):
            raise Wrong(
                f"In the LSTM the gate {name} is {gate.min():.3g} to {gate.max():.3g}; it should "
                f"be {value:.0f} always."
            )
    close(
        found,
        _run(p, x, f=lambda a: np.tanh(np.tanh(a))),
        "The LSTM's gates are right. Its candidate should have the network's weights as they are.",
        1e-12,
    )
    return "The GRU computes the leaky network, and the LSTM the plain one with a second tanh."
