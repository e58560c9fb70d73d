"""Two linear recurrences, one above the other, that store the second symbol of a sequence."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, function, is_close

TITLE = "Store the second symbol"
CHAPTER = "08-today/gates-without-state"
SECTION = "what-the-gates-can-no-longer-tell"
KIND = "write"
LEVEL = 2
MINUTES = 25

TEXT = r"""
The inputs are numbers: 0 is a blank, and any other number is a symbol. The output at each step
should be the *second* symbol of the sequence, and 0 before this symbol has been read. The state of
one linear recurrence cannot be this output if its $f_t$ and $g_t$ depend only on $x_t$. With two
recurrences, it is possible. Write

- `layer_1(x)`, which returns `f` and `g` $(T,)$ of the first recurrence. Each entry may depend only
  on the input of its step.
- `layer_2(x, h)`, which returns `f` and `g` of the second recurrence. Each entry may depend on the
  input of its step and on the state of the first layer *after* this step.

Both recurrences are $h_t = f_t\, h_{t-1} + g_t$ with $h_0 = 0$, and all factors must lie between 0
and 1. The state of the second recurrence is the output.
"""

STUB = '''
import numpy as np


def run(f, g):
    """All states of h_t = f_t h_{t-1} + g_t from h_0 = 0."""
    h, states = 0.0, []
    for f_t, g_t in zip(f, g):
        h = f_t * h + g_t
        states.append(h)
    return np.array(states)


def layer_1(x):
    raise NotImplementedError


def layer_2(x, h):
    raise NotImplementedError
'''

HINTS = (
    "The second layer must know how many symbols have been read. Which recurrence counts?",
    "The second layer stores a number like *last marked* in the chapter on the scan: at one step "
    "its factor is 0, at all others it is 1. At which step?",
)

SOLUTION = '''
import numpy as np


def run(f, g):
    """All states of h_t = f_t h_{t-1} + g_t from h_0 = 0."""
    h, states = 0.0, []
    for f_t, g_t in zip(f, g, strict=True):
        h = f_t * h + g_t
        states.append(h)
    return np.array(states)


def layer_1(x):
    """Counts the symbols."""
    return np.ones(len(x)), (x != 0).astype(float)


def layer_2(x, h):
    """Stores the input at which the count becomes 2."""
    here = (x != 0) & (h == 2)
    return 1.0 - here, here * x


x = np.array([0, 3.0, 0, 5.0, 0, 0, 4.0, 0])
print(run(*layer_2(x, run(*layer_1(x)))))
'''

COMMENT = r"""
The first layer gives each input a number. The gate of the second layer reads this number, so it
treats equal inputs differently, depending on what came before. This is what a gate with a state
does in a single layer. The number of such steps that a network can take is its number of layers:
the gates of layer 3 may depend on what layer 2 decided, and so on.

In the condition, $x_t \ne 0$ is needed. At the blanks after the second symbol the count is still 2,
and without the condition they would overwrite it.
"""


def check(answers):
    """The output for several sequences, and what each entry may depend on."""
    first, second = function(answers, "layer_1"), function(answers, "layer_2")
    for x in (
        np.array([0, 3.0, 0, 5.0, 0, 0, 4.0, 0, 2.0]),
        np.array([7.0, -1.0, 0, 0]),
        np.array([0, 0, 2.0, 0]),
        np.array([4.0, 4.0, 4.0, 0]),
    ):
        f, g = _coefficients(first, "layer_1", x)
        h = _run(f, g)
        other = x.copy()
        other[0] = 9.0
        f_o, g_o = _coefficients(first, "layer_1", other)
        if not is_close(np.append(f_o[1:], g_o[1:]), np.append(f[1:], g[1:])):
            raise Wrong(
                "layer_1: f and g of a step depend on the input of a different step."
            )
        f, g = _coefficients(second, "layer_2", x, h)
        f_o, g_o = _coefficients(second, "layer_2", other, np.append(h[0] + 1, h[1:]))
        if not is_close(np.append(f_o[1:], g_o[1:]), np.append(f[1:], g[1:])):
            raise Wrong(
                "layer_2: f and g of a step depend on an input or a state of a different step."
            )
        found, wanted = _run(f, g), _second(x)
        if not is_close(found, wanted):
            raise Wrong(_mistake(x, found, wanted))
    return "The second layer's gate knows how many symbols came before."


def _coefficients(reader, name, x, *h):
    found = call(reader, x.copy(), *(a.copy() for a in h))
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise Wrong(f"`{name}` should return two arrays, f and g.")
    f = array(found[0], x.shape, f"f of {name}")
    g = array(found[1], x.shape, f"g of {name}")
    if f.min() < 0 or f.max() > 1:
        raise Wrong(f"{name}: a factor lies outside 0 to 1.")
    return f, g


def _run(f, g):
    h, states = 0.0, []
    for f_t, g_t in zip(f, g, strict=True):
        h = f_t * h + g_t
        states.append(h)
    return np.array(states)


def _second(x):
    symbols, outputs = [], []
    for number in x:
        if number:
            symbols.append(number)
        outputs.append(symbols[1] if len(symbols) > 1 else 0.0)
    return np.array(outputs)


def _mistake(x, found, wanted):
    symbols = x[x != 0]
    if found[-1] == symbols[0] != wanted[-1]:
        return "The output is the first symbol. The count includes the symbol of the step itself."
    if found[-1] == symbols[-1] != wanted[-1]:
        return "A later symbol overwrites the second one. At how many steps may the factor be 0?"
    if wanted[-1] and not found[-1]:
        return "The second symbol is lost at a blank. What is the factor there?"
    return (
        f"For x = {x.tolist()} the output should be {wanted.tolist()}, yours is "
        f"{np.round(found, 3).tolist()}."
    )
