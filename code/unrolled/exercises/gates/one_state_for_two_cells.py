"""A stack whose layers share a state, and dropout on the way through time."""

import numpy as np

from unrolled.cells import gru
from unrolled.exercises.judging import Wrong, array, call, close, function, is_close

TITLE = "One state for two cells"
CHAPTER = "04-gates/deeper-and-both-ways"
SECTION = "dropout-and-where-to-put-it"
KIND = "debug"
LEVEL = 2
MINUTES = 20

TEXT = r"""
This program runs a stack of GRU layers with dropout between them. As in {cite:t}`zaremba2014`,
dropout should be applied to what a layer passes to the layer *above*, with a fresh mask at every
step. It should not be applied to what a layer passes to its own next step. But `run` contains two
mistakes that are easy to make. Correct them.

The function returns the states of every layer before dropout is applied, as a list of arrays
$(T, B, H)$. Draw the masks with `rng.random(...) >= drop`, and divide by `1 - drop`.
"""

STUB = '''
import numpy as np

from unrolled.cells import gru


def run(layers, x, drop, rng):
    """States (T, B, H) of each layer; layers: a list of gru.Params."""
    T, B, _ = x.shape
    H = len(layers[0].W_h)
    states = [np.zeros((B, H))] * len(layers)
    found = [[] for _ in layers]
    for x_t in x:
        shown = x_t
        for k, p in enumerate(layers):
            states[k][:] = gru.step(p, shown, states[k])
            mask = rng.random((B, H)) >= drop
            states[k] *= mask / (1 - drop)
            shown = states[k]
            found[k].append(states[k].copy())
    return [np.array(h) for h in found]


rng = np.random.default_rng(0)
layers = [gru.init(rng, 2, 3), gru.init(rng, 3, 3)]
for h in run(layers, rng.standard_normal((4, 1, 2)), 0.0, rng):
    print(h[-1].round(3))
'''

HINTS = (
    "Without dropout: run one layer, and then two. The states of the first layer should not depend "
    "on whether there is a second layer. How many arrays does `[a] * 2` make?",
    "With dropout: the next *step* should read the whole state. Which array is multiplied by the "
    "mask?",
)

SOLUTION = '''
import numpy as np

from unrolled.cells import gru


def run(layers, x, drop, rng):
    """States (T, B, H) of each layer; layers: a list of gru.Params."""
    T, B, _ = x.shape
    H = len(layers[0].W_h)
    states = [np.zeros((B, H)) for _ in layers]
    found = [[] for _ in layers]
    for x_t in x:
        shown = x_t
        for k, p in enumerate(layers):
            states[k] = gru.step(p, shown, states[k])
            found[k].append(states[k])
            mask = rng.random((B, H)) >= drop
            shown = states[k] * mask / (1 - drop)
    return [np.array(h) for h in found]
'''

COMMENT = r"""
The expression `[np.zeros(...)] * 2` gives a list that contains the *same* array twice. Writing into
the first state therefore also writes into the second, and the layers overwrite each other's
memory at every step. TensorFlow 1 had a similar idiom, `MultiRNNCell([cell] * 4)`, which puts one
object at four positions. What happened to the *weights* depended on the version
({doc}`/book/06-tensorflow/cells-and-wrappers`).

If fresh masks with drop probability $q$ multiply the state itself, an entry survives $k$ steps with
probability $(1 - q)^k$, and is divided by $(1 - q)^k$ ({eq}`eq-dropout-through-time`). Dropout
through time works with *one* mask for the whole sequence {cite:p}`gal2016`: an entry is then hidden
at all steps or at none.
"""


class Fixed:
    """A generator whose numbers are all the same."""

    def __init__(self, value):
        """Remembers the number."""
        self.value = value

    def random(self, size=None):
        """Returns the one number, in any shape."""
        return np.full(size, self.value) if size is not None else self.value


def check(answers):
    """Tests the stack without dropout, with masks of ones or zeros, and with random masks."""
    reader = function(answers, "run")
    rng = np.random.default_rng(14)
    D, H = 2, 4
    layers = [gru.init(rng, D, H), gru.init(rng, H, H), gru.init(rng, H, H)]
    layers = [
        gru.Params(*(w + 0.3 * rng.standard_normal(w.shape) for w in p)) for p in layers
    ]
    x = rng.standard_normal((7, 3, D))

    def states(drop, generator, count=3):
        found = call(reader, layers[:count], x.copy(), drop, generator)
        if not isinstance(found, tuple | list) or len(found) != count:
            raise Wrong("Return a list with the states of each layer.")
        return [array(h, (7, 3, H), f"layer {k + 1}") for k, h in enumerate(found)]

    whole, below = [], x
    for p in layers:
        below = gru.forward(p, below)[0]
        whole.append(below)
    one = states(0.0, np.random.default_rng(0), 1)[0]
    close(
        one,
        whole[0],
        "A single layer without dropout is not what gru.forward computes.",
    )
    three = states(0.0, np.random.default_rng(0))
    if not is_close(three[0], one):
        raise Wrong(
            "Without dropout, the first layer's states change if there are layers above it. What "
            "else writes into its state?"
        )
    for k in (1, 2):
        close(
            three[k],
            whole[k],
            f"Without dropout, layer {k + 1} is wrong: does it read layer {k}?",
        )
    for drop, value in ((0.4, 0.1), (0.5, 0.75)):
        found = states(drop, Fixed(value))
        if not is_close(found[0], whole[0]):
            raise Wrong(
                "With dropout, the first layer's own states change. A state on its way through "
                "time should not be dropped or rescaled."
            )
        factor = (value >= drop) / (1 - drop)
        second = gru.forward(layers[1], whole[0] * factor)[0]
        if is_close(found[1], whole[1]):
            if factor:
                raise Wrong(
                    "What is kept should be divided by 1 - drop, so that it is right on average."
                )
            raise Wrong(
                "Dropout has no effect: layer 2 reads the states of layer 1 as they are."
            )
        if factor and is_close(
            found[1], gru.forward(layers[1], whole[0] * (1 - drop))[0]
        ):
            raise Wrong(
                "What is kept is multiplied by 1 - drop; it should be divided by it."
            )
        close(
            found[1],
            second,
            "Layer 2 does not read layer 1's states times mask / (1 - drop).",
        )
        third = gru.forward(layers[2], second * factor)[0]
        close(found[2], third, "Layer 2 is right, but layer 3 reads a wrong input.")
    dropped = states(0.5, np.random.default_rng(3))[1]
    still = np.random.default_rng(3).random((3, H)) >= 0.5
    if is_close(dropped, gru.forward(layers[1], whole[0] * still / 0.5)[0]):
        raise Wrong(
            "You use one mask for all steps; here every step needs a fresh mask."
        )
    return "Each layer has its own state, and states are not dropped through time."
