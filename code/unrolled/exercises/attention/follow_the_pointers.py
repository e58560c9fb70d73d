"""Several reads of one memory, and a memory in which they walk along a list."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, close, function, is_close
from unrolled.functional import softmax

TITLE = "Follow the pointers"
CHAPTER = "05-attention/memory-networks"
KIND = "write"
LEVEL = 2
MINUTES = 30

TEXT = r"""
One memory of $S$ places is read $K$ times. Each read looks with the present query and adds what it
finds to it:

$$
\begin{aligned}
w^{(j)} &{=} \operatorname{softmax}(q^{(j)} k_s^{\top}) , \\
q^{(j+1)} &{=} q^{(j)} + \sum_s w^{(j)}_s v_s .
\end{aligned}
$$

1. Write `read(q, keys, values, K)` for a query $(E,)$, keys and values $(S, E)$. It returns
   $q^{(K+1)}$ $(E,)$ and all weights $(K, S)$. Keys and values are the same in all reads.
2. A linked list: place $s$ points to place `following[s]`. Write `memory(following)`, which returns
   keys and values, both $(S, S)$, such that reads walk along the list: with the query
   `keys[start]`, read 1 has a weight of at least 0.99 on `start`, read 2 on its successor, read 3
   on the successor's successor, and so on, for lists of up to 20 places and ten reads.
"""

STUB = '''
import numpy as np

from unrolled.functional import softmax


def read(q, keys, values, K):
    """Returns the query after K reads (E,), and all weights (K, S)."""
    raise NotImplementedError


def memory(following):
    """Returns keys and values (S, S) with which reads walk along the list."""
    raise NotImplementedError
'''

HINTS = (
    "Give every place a key of its own: rows of $\\beta I$. How large must $\\beta$ be so that a "
    "query equal to one of them finds it with a weight of 0.99 among 20?",
    "If the value of $s$ is the key of its successor, the second query is the sum of two keys, and"
    " looks at both. What else has to be in the value?",
)

SOLUTION = '''
import numpy as np

from unrolled.functional import softmax


def read(q, keys, values, K):
    """Returns the query after K reads (E,), and all weights (K, S)."""
    weights = []
    for _ in range(K):
        w = softmax(keys @ q)
        q = q + w @ values
        weights.append(w)
    return q, np.array(weights)


def memory(following):
    """Returns keys and values (S, S) with which reads walk along the list."""
    keys = 5.0 * np.eye(len(following))
    values = keys[following] - keys
    return keys, values


keys, values = memory(np.array([3, 0, 1, 2]))
print(read(keys[0], keys, values, 5)[1].round(2))
'''

COMMENT = r"""
A value has to say two things, *go there* and *leave here*, $v_s = k_{s'} - k_s$ for the successor
$s'$. When the weight of $s$ is 1, $q + v_s = k_{s'}$ exactly. With $\beta$ on the diagonal the
right score leads by $\beta^2$, so that the other $S - 1$ places together weigh at most
$(S-1)\, e^{-\beta^2}$; $\beta = 5$ is plenty. What a read leaves of the old key stays in the query,
a share of that size, and adds up over the reads; after ten it is still nothing.

No single read can do this: its scores are made before it knows what the first place holds. The
network of the chapter has another way of leaving. Its values are keys of the *next* read only, in
an embedding of their own, so that the old query can stay. Here the sum $q + c$ is a residual
connection, and the network a program with one instruction, run $K$ times. What happens at the end
of a list that does not close? Let a place follow itself, and look.
"""


def check(answers):
    """The reads on random memories; the walk on lists."""
    read, memory = function(answers, "read"), function(answers, "memory")
    rng = np.random.default_rng(6)
    S, E, K = 5, 3, 4
    keys, values, q0 = (
        rng.normal(size=(S, E)),
        rng.normal(size=(S, E)),
        rng.normal(size=E),
    )
    q, weights = _read(read, q0, keys, values, K)
    expected_q, expected = _reads(q0, keys, values, K)
    if not is_close(weights, expected):
        replaced = [softmax(keys @ q0)]
        for _ in range(K - 1):
            replaced.append(softmax(keys @ (replaced[-1] @ values)))
        if is_close(weights, replaced):
            raise Wrong("What was found replaces the query; it should be added to it.")
        if is_close(weights, np.tile(expected[0], (K, 1))):
            raise Wrong("All reads look at the same places: the query does not change.")
        if is_close(weights[0], softmax(keys @ q0 / np.sqrt(E))):
            raise Wrong("The score here is the plain product, without 1/√E.")
        if is_close(weights, _reads(q0, keys, keys, K)[1]):
            raise Wrong("What is added to the query are keys; it should be the values.")
        raise Wrong(
            "The weights of the reads are not softmax(q k) with the query of each read."
        )
    close(
        q,
        expected_q,
        "The weights are right; the query returned is not the one after read K.",
    )

    for length in (3, 20):
        order = rng.permutation(length)
        following = np.empty(length, int)
        following[order] = np.roll(order, -1)
        made = call(memory, following.copy())
        if not isinstance(made, tuple | list) or len(made) != 2:
            raise Wrong("`memory` should return two arrays, keys and values.")
        keys, values = (
            array(m, (length, length), "keys and values alike") for m in made
        )
        place = int(order[0])
        _, weights = _reads(keys[place], keys, values, 10)
        for j, w in enumerate(weights):
            if w[place] < 0.99:
                raise Wrong(
                    _where(j, w, place, int(order[j - 1]) if j else None, length)
                )
            place = int(following[place])
    return (
        "Ten reads, ten steps along the list, and every one of them sure of its place."
    )


def _read(read, q, keys, values, K):
    found = call(read, q.copy(), keys.copy(), values.copy(), K)
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise Wrong(
            "`read` should return two things: the last query and the weights of all reads."
        )
    return (
        array(found[0], q.shape, "The last query"),
        array(found[1], (K, len(keys)), "The array of weights"),
    )


def _reads(q, keys, values, K):
    weights = []
    for _ in range(K):
        weights.append(softmax(keys @ q))
        q = q + weights[-1] @ values
    return q, np.array(weights)


def _where(j, w, place, before, S):
    found = f"With {S} places, read {j + 1} has a weight of {w[place]:.2f} where it should be"
    if j == 0:
        return f"{found}. A key must answer itself much better than any other: make it longer."
    if before is not None and w[before] > 0.3:
        still = (
            f"{w[before]:.2f} where read {j} was: the query still holds the old key."
        )
        return f"{found}, and {still}"
    return f"{found}; its largest is on another place."
