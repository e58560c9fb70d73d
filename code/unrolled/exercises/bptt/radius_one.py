"""How a gradient changes if the spectral radius is exactly 1."""

from unrolled.exercises.judging import choice

TITLE = "A spectral radius of 1"
CHAPTER = "03-bptt/vanishing-and-exploding"
SECTION = "how-large-can-the-product-be"
KIND = "predict"
LEVEL = 2
MINUTES = 20

TEXT = r"""
In all six networks below, the spectral radius of $W_h$ is exactly 1. A gradient starts at $h_k$ and
is carried back to $h_0$. How does its norm at $h_0$ change as $k$ grows from 1 to 1000? Choose for
each network

**a** it stays exactly the same · **b** it grows in proportion to $k$ for most gradients ·
**c** it falls like a power of $k$ · **d** it falls geometrically · **e** it grows geometrically

and then run them.

1. `linear_orthogonal`: no nonlinearity, $h_t = a_t$; $W_h$ orthogonal.
2. `linear_shear`: no nonlinearity, $W_h = \begin{pmatrix} 1 & 1 \\ 0 & 1 \end{pmatrix}$.
3. `tanh_silent`: $\tanh$ units, $W_h$ orthogonal, no input, $b = 0$ and $h_0 = 0$.
4. `tanh_driven`: the same units with random inputs of size 1 at every step.
5. `tanh_fading`: one $\tanh$ unit, $h_t = \tanh(h_{t-1})$, from $h_0 = 1$.
6. `sigmoid`: logistic units, $W_h$ orthogonal, any inputs.
"""

STUB = """
linear_orthogonal = None
linear_shear = None
tanh_silent = None
tanh_driven = None
tanh_fading = None
sigmoid = None
"""

HINTS = (
    "A step multiplies the gradient by the slopes and by $W_h^\\top$. In which of the six are all "
    "slopes exactly 1? In which are they below some number smaller than 1 at every step?",
    "{eq}`eq-transient` with $r = c = 1$ gives the powers of the shear.",
    "In the fifth network the slopes are below 1, but they approach 1 because the state becomes "
    "small. How fast? For a small state $\\tanh h \\approx h - h^3/3$. Try "
    "$h_t = \\sqrt{3 / (2t)}$.",
)

SOLUTION = """
import numpy as np

from unrolled.cells import rnn
from unrolled.cells.recurrent_weights import orthogonal
from unrolled.functional import dsigmoid, dtanh
from unrolled.functional import sigmoid as logistic
from unrolled.gradients.jacobians import backward_norms

rng = np.random.default_rng(0)
K, H = 1000, 16
Q, shear = orthogonal(rng, H), np.array([[1.0, 1.0], [0.0, 1.0]])
same, derivative = (lambda a: a), (lambda h, dh: dh)
cases = {
    "linear_orthogonal": (Q, 0, 0, same, derivative),
    "linear_shear": (shear, 0, 0, same, derivative),
    "tanh_silent": (Q, 0, 0, np.tanh, dtanh),
    "tanh_driven": (Q, 1, 0, np.tanh, dtanh),
    "tanh_fading": (np.eye(1), 0, 1, np.tanh, dtanh),
    "sigmoid": (Q, 1, 0, logistic, dsigmoid),
}
for name, (W, size, start, f, df) in cases.items():
    p = rnn.Params(np.eye(len(W)), W, np.zeros(len(W)))
    x = size * rng.standard_normal((K, 1, len(W)))
    h, _ = rnn.forward(p, x, np.full((1, len(W)), float(start)), f)
    left = []
    for k in (1, 10, 100, 1000):
        norms = backward_norms(p, h[:k, 0], np.ones(len(W)), df)
        left.append(norms[-1] / norms[0])
    print(f"{name:18}", *(f"{share:9.2g}" for share in left))

linear_orthogonal = "a"
linear_shear = "b"
tanh_silent = "a"
tanh_driven = "d"
tanh_fading = "c"
sigmoid = "d"
"""

COMMENT = r"""
If the spectral radius is 1, it does not determine what happens to the gradient. An orthogonal
matrix preserves every length. The shear has the same radius, but its power $W_h^k$ has an entry
$k$. With $\tanh$ units, the result depends on the slopes. In the silent network they are all 1. So
an orthogonal $\tanh$ network with weak inputs is nearly linear at the start of training, and a
gradient nearly keeps its length at each step. With inputs of size 1, the slopes shrink the gradient
at every step.

The fading unit is a case in between. For small $h$, $h_t \approx h_{t-1} - h_{t-1}^3 / 3$. The
solution is $h_t^2 \approx 3 / (2t)$, and the product of the slopes is

$$
\begin{aligned}
& \prod_{t=1}^{k} (1 - h_t^2) \\
& \approx \exp\Bigl( -\sum_{t=1}^{k} \frac{3}{2t} \Bigr) \\
& \approx k^{-3/2}
\end{aligned}
$$

up to a constant. This is slower than every geometric decay. With $\tanh$ units and an orthogonal
$W_h$, every gradient has exactly constant size only if the units stay at zero, where they remember
nothing. Without a nonlinearity, an orthogonal $W_h$ is enough. Part 4 begins with a linear unit.
For logistic units the slope is at most a quarter, so the gradient falls geometrically.
"""

STAYS = "every slope is 1 and the matrix preserves lengths. What could change the norm?"
BELOW = (
    "at each step the slopes shrink the gradient, and this effect does not become smaller with "
    "time. Such factors multiply."
)
SHEAR = "write down the second and the third power of the matrix."
FADING = (
    "the slopes are below 1 at every step, and they approach 1 as the state fades. How fast does "
    "it fade?"
)
RIGHT = {
    "linear_orthogonal": ("a", STAYS),
    "linear_shear": ("b", SHEAR),
    "tanh_silent": ("a", "the state is 0 for ever, and the slope of tanh at 0 is 1."),
    "tanh_driven": ("d", BELOW),
    "tanh_fading": ("c", FADING),
    "sigmoid": (
        "d",
        "the slope is a quarter at most, at every step, and the matrix adds nothing.",
    ),
}


def check(answers):
    """Tests each of the six choices, and explains why a wrong one is wrong."""
    for name, (right, why) in RIGHT.items():
        wrong = {option: f"`{name}`: {why}" for option in "abcde" if option != right}
        if name == "tanh_fading":
            wrong["d"] = (
                f"`{name}` falls, but slower than any power of a number below 1: {why}"
            )
        choice(answers, name, wrong, right)
    return "The same radius leads to four different results."
