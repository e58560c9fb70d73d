"""Weights, set by hand, with which attention reverses a sequence of any length."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, function
from unrolled.functional import softmax
from unrolled.layers import multi_head

TITLE = "Reverse a sequence by hand"
CHAPTER = "05-attention/self-attention"
KIND = "open"
LEVEL = 3
MINUTES = 60

TEXT = r"""
A network that reverses its source has to look at place $T - 1 - t$ in step $t$ (counted from 0).
Let it see positions alone: queries and keys are both the rows of $P$, `multi_head.positions(T, D)`
with $D = 32$, and the score is the general one,

$$
\operatorname{score}(t, s) = P_t\, W P_s^{\top} .
$$

Set the weights by hand, without training: `reversing(T, D)` returns a matrix $W$, $(D, D)$, such
that in every step the mirrored place has a weight of at least 0.99, for $T = 2, 3, 5, 12, 40$ and
$100$. No entry of $W$ may be larger than 10 in absolute value, so that brute force does not help.
"""

STUB = '''
import numpy as np

from unrolled.functional import softmax
from unrolled.layers import multi_head


def reversing(T, D):
    """Returns W (D, D): scores P W P^T look at place T - 1 - t in step t."""
    return np.eye(D)


def smallest(T, D=32):
    """The smallest weight that a step has on its mirrored place."""
    P = multi_head.positions(T, D)
    weights = softmax(P @ reversing(T, D) @ P.T)
    return weights[np.arange(T), T - 1 - np.arange(T)].min()


for T in (2, 3, 5, 12, 40, 100):
    print(T, smallest(T))
'''

HINTS = (
    "What does $W = \\beta I$ do? $P_t P_s^{\\top} = \\sum_i \\cos \\omega_i (t - s)$, which is "
    "largest at $s = t$: each step looks at itself. So it is enough to turn $P_t$ into $P_{T-1-t}$"
    " first.",
    "A pair of columns is $(\\sin \\omega t, \\cos \\omega t)$, a point on a circle. With "
    "$n = T - 1$ you need $(\\sin \\omega (n - t), \\cos \\omega (n - t))$. The addition theorems "
    "say which $2 \\times 2$ matrix does that; it is a reflection.",
    "$W$ has these matrices along its diagonal, times a $\\beta$. How far does the mirrored place "
    "lead its neighbours? By $\\beta \\sum_i (1 - \\cos \\omega_i)$, to which the fast pairs "
    "contribute most.",
)

SOLUTION = '''
import numpy as np

from unrolled.functional import softmax
from unrolled.layers import multi_head


def reversing(T, D):
    """Returns W (D, D): scores P W P^T look at place T - 1 - t in step t."""
    n, W = T - 1, np.zeros((D, D))
    for i in range(0, D, 2):
        angle = n / 10000 ** (i / D)
        sine, cosine = np.sin(angle), np.cos(angle)
        # (sin wt, cos wt) -> (sin w(n - t), cos w(n - t))
        W[i : i + 2, i : i + 2] = [[-cosine, sine], [sine, cosine]]
    return 9 * W


def smallest(T, D=32):
    """The smallest weight that a step has on its mirrored place."""
    P = multi_head.positions(T, D)
    weights = softmax(P @ reversing(T, D) @ P.T)
    return weights[np.arange(T), T - 1 - np.arange(T)].min()


for T in (2, 3, 5, 12, 40, 100):
    print(T, smallest(T))
'''

COMMENT = r"""
By the addition theorems

$$
\begin{aligned}
&\sin \omega (n - t) \\
&\quad = \sin \omega n \cos \omega t \\
&\qquad - \cos \omega n \sin \omega t , \\
&\cos \omega (n - t) \\
&\quad = \cos \omega n \cos \omega t \\
&\qquad + \sin \omega n \sin \omega t ,
\end{aligned}
$$

so the row $(\sin \omega t, \cos \omega t)$ times the matrix with the rows
$(-\cos \omega n, \sin \omega n)$ and $(\sin \omega n, \cos \omega n)$ is the mirrored one. That is
a reflection for each pair, and with $R$ made of them
$P_t R P_s^{\top} = \sum_i \cos \omega_i (n - t - s)$, which is largest where $s = n - t$. A
neighbour of that place is behind by $\sum_i (1 - \cos \omega_i) = 0.69$ at $D = 32$. So $\beta R$
gives each of at most two neighbours $e^{-0.69 \beta}$ of the weight, and $\beta = 8$ is enough for
0.99.

What to make of an answer:

- *weak:* a matrix for each $T$, solved from $P W P^{\top} = \beta \cdot$ (mirror). The slow columns
  of $P$ are nearly constant, so the system is close to singular and its solution has entries of
  astronomical size;
- *good:* the reflections, with one $\beta$; it says why the same lines serve every $T$, and where
  $T$ enters;
- *very good:* sees that the slow pairs contribute next to nothing to telling neighbours apart,
  gives the fast pairs a larger factor than the slow ones, and asks how few pairs would do for $T$
  up to 100 (with too few, far places come round again).

That $W$ depends on $T$ is not an accident of this solution: where the mirrored place is depends on
where the end is. A translator that is to reverse must know the length, which its decoder can read
from the encoder's last state. For "three back" the same construction gives a rotation that depends
on no length, {eq}`eq-positions-turn`.
"""

LENGTHS = (3, 2, 5, 12, 40, 100)


def check(answers):
    """The smallest weight on the mirrored place, at every length."""
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
                f"With T = {T} every step looks at itself. Turn the query first: which matrix "
                "makes the position T - 1 - t out of the position t?"
            )
        if (looked == np.minimum(T - t, T - 1)).all():
            raise Wrong(
                "It mirrors at T and not at T - 1: step 0 should look at place T - 1."
            )
        if smallest < 0.99 and (looked == mirrored).all():
            raise Wrong(
                f"With T = {T} every step looks at the right place, with a weight of only "
                f"{smallest:.2f} in the worst: the lead over the neighbours is too small."
            )
        if smallest < 0.99:
            right = int((looked == mirrored).sum())
            raise Wrong(
                f"With T = {T} only {right} of {T} steps look most at the mirrored place."
            )
        if np.abs(W).max() > 10:
            raise Wrong(
                f"It reverses at T = {T}, with an entry of {np.abs(W).max():.3g} in W; no more "
                "than 10 is allowed."
            )
        worst = min(worst, smallest)
    return f"Every step finds its mirror image at all six lengths, with {worst:.3f} or more."
