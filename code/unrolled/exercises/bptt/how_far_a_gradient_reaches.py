"""Bounds of a gradient, and where floating point ends it."""

import numpy as np

from unrolled.exercises.judging import Wrong, number

TITLE = "How far a gradient reaches"
CHAPTER = "03-bptt/vanishing-and-exploding"
SECTION = "how-large-can-the-product-be"
KIND = "derive"
LEVEL = 2
MINUTES = 25

TEXT = r"""
Use {eq}`eq-jacobian-bound` and the properties of `float32` to find five numbers.

- `one_step`: what is the smallest upper bound of $\lVert \partial h_t / \partial h_{t-1} \rVert$
  for $\tanh$ units with $\sigma_{\max}(W_h) = 2.94$?
- `k_tanh`: $W_h$ is 0.9 times an orthogonal matrix, and the units are $\tanh$ units. After how many
  steps is the gradient *certain* to be below $10^{-6}$ of its first value?
- `k_sigmoid`: what is this number of steps for logistic units and $\sigma_{\max}(W_h) = 2$?
- `k_lost`: a linear unit has $W_h = 0.5$, so a gradient of 1 is $0.5^k$ after $k$ steps. What is
  the smallest $k$ for which adding it to a `float32` weight of exactly 1 changes nothing?
- `k_zero`: this gradient is halved step by step in `float32`. What is the smallest $k$ for which it
  is exactly 0?

Give whole numbers of steps. Work them out before you let NumPy confirm the last two.
"""

STUB = """
one_step = None
k_tanh = None
k_sigmoid = None
k_lost = None
k_zero = None
"""

HINTS = (
    "The largest slope $\\gamma$ is 1 for $\\tanh$ and $1/4$ for the logistic function. The bound "
    "after $k$ steps is $(\\gamma \\sigma_{\\max})^k$. Solve for $k$ and round up.",
    "`float32` has 24 significant bits, so the next number after 1 is $1 + 2^{-23}$. Half of that "
    "distance is a tie, and ties are rounded to the even neighbour.",
    "The smallest positive `float32` is a subnormal number, $2^{-149}$. Half of it is a tie "
    "between it and 0.",
)

SOLUTION = """
import numpy as np

one_step = 1 * 2.94
k_tanh = int(np.ceil(np.log(1e-6) / np.log(0.9)))
k_sigmoid = int(np.ceil(np.log(1e-6) / np.log(2 / 4)))

k_lost = 0
while np.float32(1) + np.float32(0.5**k_lost) != 1:
    k_lost += 1

k_zero, gradient = 0, np.float32(1)
while gradient > 0:
    gradient, k_zero = gradient * np.float32(0.5), k_zero + 1
"""

COMMENT = r"""
The Jacobian is $\operatorname{diag}(1 - h_t^2)\, W_h^\top$, and at $h_t = 0$ the first factor is
the identity, so 2.94 is reached. For the next two,

$$
\begin{aligned}
& 0.9^k < 10^{-6} \\
& \iff k > \frac{\ln 10^{-6}}{\ln 0.9}, \\
& \iff k > 131.1, \\
& \bigl(\tfrac14 \cdot 2\bigr)^k < 10^{-6} \\
& \iff k > 19.9 ,
\end{aligned}
$$

so the answers are 132 and 20 steps. With $\sigma_{\max}(W_h) = 2$, the gradient of logistic units
vanishes within a sentence, while the gradient of $\tanh$ units could explode.

In `float32`, a gradient can be lost in two ways. It becomes zero only at $k = 150$. But already at
$k = 24$ it has no effect when it is added to a number of size 1, because $1 + 2^{-24}$ lies halfway
to the next number and is rounded to 1. Backpropagation contains many such sums: the gradient of a
state plus the gradient that arrives from later steps, the gradients of a weight from all steps, and
the weight plus its update. So a contribution from far back has no effect if it is smaller than a
recent contribution by a factor of more than about $3 \cdot 10^7$. This happens long before the
contribution is zero. What happens to `k_zero` if the factor is 0.9? (The gradient never becomes
zero. Close to the smallest positive number, rounding undoes the multiplication by 0.9.)
"""


def check(answers):
    """Compares each number, and recognises the likely mistakes."""
    one_step = number(answers, "one_step")
    if abs(one_step - 1) < 1e-9:
        raise Wrong(
            "`one_step`: 1 bounds the diagonal factor. The Jacobian also contains W_h."
        )
    if abs(one_step - 2.94) > 1e-6:
        raise Wrong(
            "`one_step`: the norm of a product is at most the product of the norms."
        )
    right_tanh = int(np.ceil(np.log(1e-6) / np.log(0.9)))
    k_tanh, k_sigmoid = number(answers, "k_tanh"), number(answers, "k_sigmoid")
    if k_tanh == right_tanh - 1:
        raise Wrong(
            "`k_tanh`: 0.9 to the power 131 is still just above one in a million."
        )
    if k_tanh != right_tanh:
        raise Wrong(
            "`k_tanh`: solve 0.9 to the power k = one millionth, with logarithms."
        )
    if k_sigmoid == 10 or k_sigmoid == 9:
        raise Wrong(
            "`k_sigmoid`: the factor of a step is a quarter times two, which is one half."
        )
    if k_sigmoid != 20:
        raise Wrong(
            "`k_sigmoid`: with σ' at most 1/4, what is the largest factor of a step when W_h "
            "stretches by at most 2?"
        )
    k_lost, k_zero = number(answers, "k_lost"), number(answers, "k_zero")
    if k_lost in (52, 53, 54):
        raise Wrong("`k_lost`: that is float64. A float32 has 24 significant bits.")
    if k_lost in (23, 25):
        raise Wrong(
            "`k_lost` is off by one: how is a tie between two float32 numbers rounded?"
        )
    if k_lost != 24:
        raise Wrong("`k_lost`: what is the distance from 1 to the next float32?")
    if k_zero in (126, 127):
        raise Wrong(
            "`k_zero`: below 2^-126, float32 continues with fewer bits, down to 2^-149."
        )
    if k_zero in (149, 151):
        raise Wrong(
            "`k_zero` is off by one: float32 contains 2^-149. Is half of it rounded up or down?"
        )
    if k_zero != 150:
        raise Wrong("`k_zero`: which power of two is the smallest positive float32?")
    return "After 24 halvings the gradient has no effect on a 1, and after 150 it is 0."
