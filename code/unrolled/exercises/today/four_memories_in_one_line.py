"""Four tasks as linear recurrences whose coefficients depend on the input."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, close, function, is_close

TITLE = "Four memories in one line"
CHAPTER = "08-today/the-scan"
SECTION = "two-steps-are-one-step"
KIND = "write"
LEVEL = 2
MINUTES = 20

TEXT = r"""
Take the recurrence $h_t = f_t\, h_{t-1} + g_t$ with $h_0 = 0$, where $f_t$ and $g_t$ may depend
only on the input $x_t$ of the same step. Different $f$ and $g$ give very different memories. Write
four functions. Each takes a sequence `x` $(T,)$ and returns two arrays `f` and `g`, $(T,)$, such
that $h_t$ is

- `since(x)`: for bits $x$, the number of steps since the last 1. It is 0 at a 1, then 1, 2, 3, …
  until the next 1. Before the first 1, it is the number of steps read so far.
- `latest(x)`: for any numbers $x$, the latest number that was not 0. Before the first such number,
  it is 0.
- `binary(x)`: for bits $x$, the binary number that the bits read so far form. The first bit is the
  most significant digit.
- `average(x)`: for any numbers $x$, the exponential average, which is nine tenths of the old
  average plus one tenth of the new number.
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
    "For each task, ask two questions. What happens to the old state at this step: is it kept, "
    "erased or scaled? This is $f_t$. And what is added? This is $g_t$.",
    "`since`: at a 1 the state is erased and nothing is added; at a 0 it is kept and 1 is added. "
    "`latest` keeps the state if the input is 0 and erases it otherwise.",
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
In `binary` and `average`, the factor $f$ is the same at every step. These are fixed linear systems,
like the first state-space models. How much they remember of an input depends only on how long ago
the input was read. In `since` and `latest`, the input decides whether the state is kept or erased,
as a forget gate does. In `latest`, $f_t$ is 1 or 0, and the new value gets the weight $1 - f_t$, as
in a GRU. A product of ones is 1, so such a memory lasts for any number of steps, and a gradient
passes through it unchanged.

The scan of the chapter computes all four for a whole sequence in $\lceil \log_2 T \rceil$ rounds.
This is possible because $f$ and $g$ depend only on the inputs, so they are known for all steps
beforehand. Next, try *the largest number so far*. For this number, $f_t$ would have to depend on
$h_{t-1}$, so this recurrence cannot compute it. Can a scan with a different operation compute it?
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
            "depend only on the input of their own step; the past is in the state.",
        )
    return "The four memories differ in what each input does to the old state."


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
        return "since: the state counts all steps, and a 1 does not set it back to 0."
    if name == "since" and is_close(f, 1 - x) and is_close(g, np.ones(len(x))):
        return "since: at a 1 the state should be 0. Yours is 1, because you also add 1 at a 1."
    if name == "latest" and is_close(f, np.zeros(len(x))):
        return "latest: the state is lost at the first 0. If the input is 0, keep it: f = 1."
    if name == "latest" and is_close(found, np.cumsum(x)):
        return "latest: a new number is added to the old number; it should replace the old number."
    if name == "binary" and is_close(found, np.cumsum(x * 2.0 ** np.arange(len(x)))):
        return (
            "binary: the first bit is the least significant digit here; it should be the most "
            "significant."
        )
    if name == "average" and is_close(f, np.full(len(x), 0.1)):
        return "average: keep nine tenths of the old value, not one tenth."
    if name == "average" and is_close(g, x):
        return "average: add only one tenth of the new number."
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
