"""Four tasks as linear recurrences whose coefficients depend on the input."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, close, function, is_close

TITLE = "Four memories in one line"
CHAPTER = "01-introduction/what-became-of-them"
KIND = "write"
LEVEL = 2
MINUTES = 20

TEXT = r"""
The line is $h_t = f_t\, h_{t-1} + g_t$ with $h_0 = 0$, where $f_t$ and $g_t$ may depend on $x_t$
and on nothing else of the sequence. It does surprisingly different things. Write four functions,
each of which takes a sequence `x` $(T,)$ and returns the arrays `f` and `g`, $(T,)$, such that
$h_t$ is

- `since(x)`: for bits $x$, the number of steps since the last 1: 0 at a 1, then 1, 2, 3, … until
  the next (before the first 1, the number of steps read so far);
- `latest(x)`: for any numbers $x$, the latest one that was not 0 (before the first, 0);
- `binary(x)`: for bits $x$, the number that the bits read so far are in binary notation, the first
  bit read being the highest;
- `average(x)`: for any numbers $x$, the exponential average, nine tenths of the old value and one
  tenth of the new number.
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


def since(x):
    return np.ones(len(x)), np.ones(len(x))  # counts, and is never set back


def latest(x):
    raise NotImplementedError


def binary(x):
    raise NotImplementedError


def average(x):
    raise NotImplementedError


print(run(*since(np.array([0, 0, 1, 0, 0, 1, 0]))))  # wanted: 1 2 0 1 2 0 1
'''

HINTS = (
    "Ask of each task: what happens to the old state at this step (kept, erased, scaled), and what "
    "is added? The first answer is $f_t$, the second $g_t$.",
    "`since`: at a 1 the state is erased and nothing is added; at a 0 it is kept and 1 is added. "
    "`latest` keeps where nothing new comes and erases where something does.",
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


def since(x):
    """A 1 erases, a 0 adds 1."""
    return 1.0 - x, 1.0 - x


def latest(x):
    """What is not 0 replaces the state."""
    return (x == 0).astype(float), x


def binary(x):
    """A new digit moves all others up by one place."""
    return np.full(len(x), 2.0), x


def average(x):
    """The old fades by a tenth."""
    return np.full(len(x), 0.9), 0.1 * x


print(run(*since(np.array([0, 0, 1, 0, 0, 1, 0]))))  # wanted: 1 2 0 1 2 0 1
'''

COMMENT = r"""
In `binary` and `average` the coefficient $f$ is the same at every step: these are the fixed linear
systems of the first state-space models, and what they remember of an input depends only on how
long ago it was. `since` and `latest` *choose*. They look at the input and decide whether to keep
or to erase, which is what a forget gate does; in `latest`, $f_t$ is 1 or 0 and the new value goes
in with the weight $1 - f_t$, as in a GRU. A product of ones is 1: such a memory holds over any
distance, and a gradient comes back through it unweakened.

All four can be computed for a whole sequence in $\lceil \log_2 T \rceil$ rounds, by the scan of
the chapter, since $f$ and $g$ are known for all steps beforehand. That is what the condition "on
$x_t$ and nothing else" buys. Next, try *the largest number so far*. There $f_t$ would have to know
$h_{t-1}$, and you will not find it; but is the largest number so far itself computed by a scan?
"""


def check(answers):
    """The states, and that the coefficients look at one input each."""
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2, 12) * rng.integers(0, 2, 12)
    bits[0], bits[5] = 0, 1
    numbers = rng.normal(size=12) * rng.integers(0, 2, 12)
    numbers[:2] = 0, 0
    cases = (
        ("since", bits, _since(bits)),
        ("latest", numbers, _latest(numbers)),
        ("binary", bits, np.cumsum(bits * 0.5 ** np.arange(12)) * 2.0 ** np.arange(12)),
        ("average", numbers, _average(numbers)),
    )
    for name, x, expected in cases:
        reader = function(answers, name)
        f, g = _coefficients(reader, name, x)
        found = _run(f, g)
        if not is_close(found, expected):
            raise Wrong(_mistake(name, x, f, g, found, expected))
        other = x.copy()
        other[3] = 1 - other[3]
        f_other, g_other = _coefficients(reader, name, other)
        elsewhere = np.arange(len(x)) != 3
        close(
            np.append(f_other[elsewhere], g_other[elsewhere]),
            np.append(f[elsewhere], g[elsewhere]),
            f"{name}: when one input changes, the f and g of other steps change as well. They may "
            "depend on the input of their own step only; remembering is the state's business.",
        )
    return "One line, four memories: what differs is what each input does to the old state."


def _coefficients(reader, name, x):
    found = call(reader, x.copy())
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise Wrong(f"`{name}` should return two arrays, f and g.")
    T = len(x)
    return array(found[0], (T,), f"f of {name}"), array(found[1], (T,), f"g of {name}")


def _run(f, g):
    h, states = 0.0, []
    for f_t, g_t in zip(f, g, strict=True):
        h = f_t * h + g_t
        states.append(h)
    return np.array(states)


def _mistake(name, x, f, g, found, expected):
    if name == "since" and is_close(found, np.arange(1, len(x) + 1)):
        return "since: it counts, and a 1 does not set it back to 0."
    if name == "since" and is_close(f, 1 - x) and is_close(g, np.ones(len(x))):
        return "since: at a 1 the state should be 0; yours is 1, because 1 is added there, too."
    if name == "latest" and is_close(f, np.zeros(len(x))):
        return "latest: the state is lost at the first 0. Where nothing new comes, keep it: f = 1."
    if name == "latest" and is_close(found, np.cumsum(x)):
        return "latest: new numbers are added to the old one; they should replace it."
    if name == "binary" and is_close(found, np.cumsum(x * 2.0 ** np.arange(len(x)))):
        return "binary: the first bit counts as the lowest here; it should become the highest."
    if name == "average" and is_close(f, np.full(len(x), 0.1)):
        return "average: nine tenths of the old value are kept, not one tenth."
    if name == "average" and is_close(g, x):
        return "average: of the new number one tenth is added, not all of it."
    t = int(np.flatnonzero(~np.isclose(found, expected))[0])
    return (
        f"{name}: after x = {np.round(x[: t + 1], 2).tolist()} the state should be "
        f"{expected[t]:.4g}, yours is {found[t]:.4g}."
    )


def _since(bits):
    count, counts = 0, []
    for bit in bits:
        count = 0 if bit else count + 1
        counts.append(count)
    return np.array(counts, dtype=float)


def _latest(numbers):
    kept, held = 0.0, []
    for value in numbers:
        kept = value if value else kept
        held.append(kept)
    return np.array(held)


def _average(numbers):
    mean, means = 0.0, []
    for value in numbers:
        mean = 0.9 * mean + 0.1 * value
        means.append(mean)
    return np.array(means)
