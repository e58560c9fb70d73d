"""Several reads of one memory, and a memory in which the reads follow a linked list."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, close, function, is_close
from unrolled.functional import softmax

TITLE = "Follow the pointers"
CHAPTER = "05-attention/memory-networks"
SECTION = "reading-again"
KIND = "write"
LEVEL = 2
MINUTES = 30

TEXT = r"""
A memory with $S$ positions is read $K$ times. Each read uses the current query, and adds the result
to the query:

$$
\begin{aligned}
w^{(j)} &{=} \operatorname{softmax}(q^{(j)} k_s^{\top}) , \\
q^{(j+1)} &{=} q^{(j)} + \sum_s w^{(j)}_s v_s .
\end{aligned}
$$

1. Write `read(q, keys, values, K)` for a query $(E,)$ and for keys and values $(S, E)$. It returns
   $q^{(K+1)}$ $(E,)$ and all weights $(K, S)$. All reads use the same keys and values.
2. In a linked list, position $s$ points to position `following[s]`. Write `memory(following)`. It
   returns keys and values, both $(S, S)$, with which the reads follow the list. With the query
   `keys[start]`, read 1 must have a weight of at least 0.99 at `start`, read 2 at the successor of
   `start`, read 3 at the successor of that position, and so on. This must hold for lists of up to
   20 positions and for ten reads.
"""

STUB = '''
import numpy as np

from unrolled.functional import softmax


def read(q, keys, values, K):
    """Returns the query after K reads (E,), and all weights (K, S)."""
    raise NotImplementedError


def memory(following):
    """Returns keys and values (S, S) with which the reads follow the list."""
    raise NotImplementedError
'''

HINTS = (
    "Give every position its own key: the rows of $\\beta I$. A query that is equal to one of "
    "them should give it a weight of 0.99 among 20 positions. How large must $\\beta$ be?",
    "If the value of $s$ is the key of its successor, the second query is the sum of two keys, "
    "and the read finds both. What else must the value contain?",
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
    """Returns keys and values (S, S) with which the reads follow the list."""
    keys = 5.0 * np.eye(len(following))
    values = keys[following] - keys
    return keys, values


keys, values = memory(np.array([3, 0, 1, 2]))
print(read(keys[0], keys, values, 5)[1].round(2))
'''

COMMENT = r"""
A value has to do two things: add the key of the successor $s'$, and remove the key of $s$. So
$v_s = k_{s'} - k_s$. When the weight of $s$ is 1, $q + v_s = k_{s'}$ exactly. With $\beta$ on the
diagonal, the right score is larger than the others by $\beta^2$, so the other $S - 1$ positions
together have a weight of at most $(S-1)\, e^{-\beta^2}$. For $\beta = 5$ and $S = 20$, this is
about $3 \cdot 10^{-10}$. A read leaves an error of about this size in the query. The errors add up
over the reads, but after ten reads they are still negligible.

A single read cannot do this, because its scores are computed before the content of the first
position has been read. The network of the chapter solves the problem in a different way. Each read
has its own embedding, and a value matches only the keys of the *next* read. The old query can then
stay in the sum. The sum $q + c$ is a residual connection, and the network is a program with one
instruction that runs $K$ times. What happens at the end of a list? Let the last position point to
itself, and see what the reads do.
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
            raise Wrong(
                "The result of a read replaces the query. It should be added to the "
                "query."
            )
        if is_close(weights, np.tile(expected[0], (K, 1))):
            raise Wrong("All reads have the same weights: the query does not change.")
        if is_close(weights[0], softmax(keys @ q0 / np.sqrt(E))):
            raise Wrong(
                "The score in this exercise is the plain product, without 1/√E."
            )
        if is_close(weights, _reads(q0, keys, keys, K)[1]):
            raise Wrong("Keys are added to the query. Add the values instead.")
        raise Wrong(
            "The weights of the reads are not softmax(q k) with the query of each read."
        )
    close(
        q,
        expected_q,
        "The weights are right, but the returned query is not the query after read K.",
    )

    for length in (3, 20):
        order = rng.permutation(length)
        following = np.empty(length, int)
        following[order] = np.roll(order, -1)
        made = call(memory, following.copy())
        if not isinstance(made, tuple | list) or len(made) != 2:
            raise Wrong("`memory` should return two arrays, keys and values.")
        keys, values = (
            array(m, (length, length), "Each of keys and values") for m in made
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
        "Ten reads make ten steps along the list, each with a weight of at least 0.99."
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
    found = f"With {S} positions, read {j + 1} has a weight of {w[place]:.2f} at the right position"
    if j == 0:
        return f"{found}. A key must match itself much better than any other key: make it longer."
    if before is not None and w[before] > 0.3:
        still = f"{w[before]:.2f} at the last position: the query still contains the old key."
        return f"{found}, and {still}"
    return f"{found}; its largest weight is at a different position."
