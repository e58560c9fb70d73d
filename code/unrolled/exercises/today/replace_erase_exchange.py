"""Three writes to a state: a new value, no value, and two values exchanged."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, function, is_close

TITLE = "Replace, erase, exchange"
CHAPTER = "08-today/the-delta-rule"
SECTION = "write-what-is-missing"
KIND = "write"
LEVEL = 2
MINUTES = 20

TEXT = r"""
A state `S` $(E, F)$ answers $k S$ for a key `k` $(E,)$. Write three functions. Each returns a new
state and leaves its arguments as they are.

- `replace(S, k, v)`: the new state answers `v` for the key `k`, and the same as before for every
  key that is orthogonal to `k`. The key may have any length. If its length is 0, nothing changes.
- `erase(S, k)`: the new state answers 0 for `k`, and the same as before for orthogonal keys. If the
  length of `k` is 0, nothing changes.
- `exchange(S, a, b)`: `a` and `b` are orthogonal keys of length 1. The new state answers for `a`
  what `S` answers for `b`, and for `b` what `S` answers for `a`. Use a *single* write of the form
  $S + \beta\, k^\top (v - k S)$.
"""

STUB = """
import numpy as np


def replace(S, k, v):
    return S + np.outer(k, v)  # adds to what S holds already


def erase(S, k):
    raise NotImplementedError


def exchange(S, a, b):
    raise NotImplementedError


S = np.arange(12.0).reshape(4, 3)
a, b = np.eye(4)[:2]
print(a @ replace(S, 2 * a, np.zeros(3)))  # wanted: zeros
# print(exchange(S, a, b)[:2])  # wanted: the first two rows exchanged
"""

HINTS = (
    "After a write, the answer for $k$ is $k S + \\beta \\lVert k \\rVert^2 (v - k S)$. Which "
    "$\\beta$ makes this $v$?",
    "`erase` is `replace` with a particular value.",
    "For `exchange`, use the direction $k = a - b$. What must change under this key? And what must "
    "not change under $a + b$, which is orthogonal to it?",
)

SOLUTION = '''
import numpy as np


def replace(S, k, v):
    """Divides the share by the squared length of the key."""
    length = k @ k
    if length == 0:
        return S.copy()
    return S + np.outer(k, v - k @ S) / length


def erase(S, k):
    """The value 0."""
    return replace(S, k, np.zeros(S.shape[1]))


def exchange(S, a, b):
    """A reflection: the difference of the two keys changes its sign."""
    k = (a - b) / np.sqrt(2)
    return S + 2 * np.outer(k, 0 - k @ S)


S = np.arange(12.0).reshape(4, 3)
a, b = np.eye(4)[:2]
print(a @ replace(S, 2 * a, np.zeros(3)))  # wanted: zeros
print(exchange(S, a, b)[:2])  # wanted: the first two rows exchanged
'''

COMMENT = r"""
`replace` is the delta rule with $\beta = 1 / \lVert k \rVert^2$. In signal processing this is
called the normalised LMS rule. `erase` multiplies the state by $I - k^\top k$ (for a key of length
1), which is a projection: it removes one direction and keeps all others.

`exchange` writes the value 0 with a share of 2. This multiplies the state by $I - 2 k^\top k$. The
matrix is a reflection: the direction $k$ changes its sign, and everything orthogonal to $k$ stays.
Since $a = \tfrac12 (a + b) + \tfrac12 (a - b)$, changing the sign of $a - b$ exchanges $a$ and $b$.

With shares between 0 and 1, a write can replace or erase a value, fully or in part. With a share of
2, it can also exchange two values.
"""


def check(answers):
    """Values under the key and under orthogonal keys, for each of the three functions."""
    replace, erase, exchange = (
        function(answers, name) for name in ("replace", "erase", "exchange")
    )
    rng = np.random.default_rng(3)
    E, F = 5, 3
    keys = np.linalg.qr(rng.normal(size=(E, E)))[0]
    S, v = rng.normal(size=(E, F)), rng.normal(size=F)
    for length in (1.0, 2.5):
        k = length * keys[0]
        new = _state(replace, S, k, v.copy())
        if is_close(new, S + np.outer(k, v)):
            raise Wrong("replace: the value is added to what the state holds under k.")
        if length > 1 and is_close(new, S + np.outer(k, v - k @ S)):
            raise Wrong(
                "replace: this is right for a key of length 1. A longer key appears twice in the "
                "write."
            )
        if not is_close(k @ new, v):
            raise Wrong(f"replace: for a key of length {length}, k S is not v.")
        if not is_close(keys[1:] @ new, keys[1:] @ S):
            raise Wrong("replace: the answers for orthogonal keys change as well.")
        new = _state(erase, S, k)
        if not is_close(k @ new, 0 * v):
            raise Wrong(f"erase: for a key of length {length}, k S is not 0.")
        if not is_close(keys[1:] @ new, keys[1:] @ S):
            raise Wrong("erase: the answers for orthogonal keys change as well.")
    nothing = np.zeros(E)
    for name, new in (
        ("replace", _state(replace, S, nothing, v.copy())),
        ("erase", _state(erase, S, nothing)),
    ):
        if not is_close(new, S):
            raise Wrong(f"{name}: a key of length 0 should change nothing.")
    a, b = keys[:2]
    new = _state(exchange, S, a, b)
    if is_close(new, _state(erase, S, (a - b) / np.sqrt(2))):
        raise Wrong(
            "exchange: both keys now have the mean of the two values. A share of 1 sets the "
            "difference of the two answers to 0; it should change its sign."
        )
    if not is_close(a @ new, b @ S) or not is_close(b @ new, a @ S):
        raise Wrong("exchange: the two answers are not exchanged.")
    if not is_close(keys[2:] @ new, keys[2:] @ S):
        raise Wrong("exchange: the answers for other orthogonal keys change as well.")
    return "One rule replaces, erases and exchanges; only the key, the value and the share differ."


def _state(reader, S, *parts):
    with np.errstate(all="ignore"):
        found = call(reader, S.copy(), *(part.copy() for part in parts))
    name = getattr(reader, "__name__", "your function")
    if not parts[0].any() and np.shape(found) == S.shape and np.isnan(found).any():
        raise Wrong(
            f"{name}: a key of length 0 should change nothing; yours gives NaN."
        )
    return array(found, S.shape, f"The state of {name}")
