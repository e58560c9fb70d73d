"""Weights, set by hand, with which attention reverses a sequence of any length."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, function
from unrolled.functional import softmax
from unrolled.layers import multi_head

TITLE = "Reverse a sequence by hand"
CHAPTER = "05-attention/self-attention"
SECTION = "what-is-lost-the-order"
KIND = "open"
LEVEL = 3
MINUTES = 60

TEXT = r"""
A network that reverses its source has to read position $T - 1 - t$ in step $t$, both counted
from 0. Let the network use only the positions, not the symbols. The queries and the keys are the
rows of $P$, which is `multi_head.positions(T, D)` with $D = 32$. The score is the general score,

$$
\operatorname{score}(t, s) = P_t\, W P_s^{\top} .
$$

Set the weights by hand, without training. Write `reversing(T, D)`, which returns a matrix $W$,
$(D, D)$. In every step, the mirrored position must have a weight of at least 0.99, for
$T = 2, 3, 5, 12, 40$ and $100$. No entry of $W$ may be larger than 10 in absolute value. This rules
out solutions with huge numbers.
"""

STUB = '''
import numpy as np

from unrolled.functional import softmax
from unrolled.layers import multi_head


def reversing(T, D):
    """Returns W (D, D): with scores P W P^T, step t reads position T - 1 - t."""
    return np.eye(D)


def smallest(T, D=32):
    """The smallest weight of a step at its mirrored position."""
    P = multi_head.positions(T, D)
    weights = softmax(P @ reversing(T, D) @ P.T)
    return weights[np.arange(T), T - 1 - np.arange(T)].min()


for T in (2, 3, 5, 12, 40, 100):
    print(T, smallest(T))
'''

HINTS = (
    "What does $W = \\beta I$ do? $P_t P_s^{\\top} = \\sum_i \\cos \\omega_i (t - s)$ is "
    "largest at $s = t$, so each step reads its own position. It is therefore enough to turn "
    "$P_t$ into $P_{T-1-t}$ first.",
    "A pair of columns is $(\\sin \\omega t, \\cos \\omega t)$, a point on a circle. With $n = "
    "T - 1$, you need $(\\sin \\omega (n - t), \\cos \\omega (n - t))$. The addition formulas of "
    "sine and cosine give the $2 \\times 2$ matrix that does this. It is a reflection.",
    "$W$ has these matrices along its diagonal, times a number $\\beta$. By how much is the "
    "score of the mirrored position larger than the score of its neighbours? By $\\beta \\sum_i "
    "(1 - \\cos \\omega_i)$, to which the fast pairs contribute most.",
)

SOLUTION = '''
import numpy as np

from unrolled.functional import softmax
from unrolled.layers import multi_head


def reversing(T, D):
    """Returns W (D, D): with scores P W P^T, step t reads position T - 1 - t."""
    n, W = T - 1, np.zeros((D, D))
    for i in range(0, D, 2):
        angle = n / 10000 ** (i / D)
        sine, cosine = np.sin(angle), np.cos(angle)
        # (sin wt, cos wt) -> (sin w(n - t), cos w(n - t))
        W[i : i + 2, i : i + 2] = [[-cosine, sine], [sine, cosine]]
    return 9 * W


def smallest(T, D=32):
    """The smallest weight of a step at its mirrored position."""
    P = multi_head.positions(T, D)
    weights = softmax(P @ reversing(T, D) @ P.T)
    return weights[np.arange(T), T - 1 - np.arange(T)].min()


for T in (2, 3, 5, 12, 40, 100):
    print(T, smallest(T))
'''

COMMENT = r"""
By the addition formulas,

$$
\begin{aligned}
&\sin \omega (n - t) \\
&\quad = \sin \omega n \cos \omega t \\
&\qquad - \cos \omega n \sin \omega t , \\
&\cos \omega (n - t) \\
&\quad = \cos \omega n \cos \omega t \\
&\qquad + \sin \omega n \sin \omega t .
\end{aligned}
$$

So the row $(\sin \omega t, \cos \omega t)$, times the matrix with the rows
$(-\cos \omega n, \sin \omega n)$ and $(\sin \omega n, \cos \omega n)$, is the mirrored row. This
matrix is a reflection of one pair. Let $R$ have these reflections along its diagonal. Then
$P_t R P_s^{\top} = \sum_i \cos \omega_i (n - t - s)$, which is largest where $s = n - t$. The score
of a neighbour is smaller by $\sum_i (1 - \cos \omega_i) = 0.69$ at $D = 32$. So with $\beta R$,
each of at most two neighbours gets $e^{-0.69 \beta}$ of the weight of the right position, and
$\beta = 8$ is enough for 0.99.

How good is your answer?

- *Weak:* a different matrix for each $T$, found by solving $P W P^{\top} = \beta \cdot$ (mirror).
  The slow columns of $P$ are nearly constant, so the system is close to singular, and the entries
  of its solution are huge.
- *Good:* the reflections with one $\beta$. The answer explains why the same lines work for every
  $T$, and where $T$ enters.
- *Very good:* the answer also notices that the slow pairs contribute almost nothing to the
  difference between neighbours, and gives the fast pairs a larger factor. It asks how few pairs are
  enough for $T$ up to 100. (With too few pairs, distant positions have nearly the same score
  again.)

$W$ has to depend on $T$ in every solution, because the mirrored position depends on the length. A
translator that reverses must know the length. Its decoder can get it from the last state of the
encoder. For the task "three positions back", the same construction gives a rotation that does not
depend on the length, {eq}`eq-positions-turn`.
"""

LENGTHS = (3, 2, 5, 12, 40, 100)


def check(answers):
    """The smallest weight on the mirrored position, at every length."""
    reader = function(answers, "reversing")
    D, worst = 32, 1.0
    for T in LENGTHS:
        W = array(call(reader, T, D), (D, D), "`reversing(T, 32)`")
        P = multi_head.positions(T, D)
        w, t = softmax(P @ W @ P.T), np.arange(T)
        looked, mirrored = w.argmax(axis=-1), T - 1 - t
        smallest = w[t, mirrored].min()
        if (looked == t).all():
            raise Wrong(
                f"With T = {T}, every step reads its own position. Transform the query first: "
                "which matrix turns position t into position T - 1 - t?"
            )
        if (looked == np.minimum(T - t, T - 1)).all():
            raise Wrong(
                "Your matrix mirrors at T instead of T - 1: step 0 should read position T - "
                "1."
            )
        if smallest < 0.99 and (looked == mirrored).all():
            raise Wrong(
                f"With T = {T}, every step reads the right position, but the smallest weight is "
                f"only {smallest:.2f}: the difference to the neighbours is too small."
            )
        if smallest < 0.99:
            right = int((looked == mirrored).sum())
            raise Wrong(
                f"With T = {T}, only {right} of {T} steps read mostly the mirrored position."
            )
        if np.abs(W).max() > 10:
            raise Wrong(
                f"With T = {T}, the sequence is reversed, but W has an entry of "
                f"{np.abs(W).max():.3g}. No more than 10 is allowed."
            )
        worst = min(worst, smallest)
    return (
        f"Every step reads its mirrored position with a weight of {worst:.3f} or more."
    )
