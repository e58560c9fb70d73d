"""A state that is trained while reading, with momentum and decay."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, function, is_close

TITLE = "Momentum while reading"
CHAPTER = "08-today/learning-while-reading"
SECTION = "momentum-and-decay"
KIND = "write"
LEVEL = 2
MINUTES = 20

TEXT = r"""
Write `read(k, v, beta, mu, f)`, which reads a sequence of pairs, keys `k` $(T, E)$ and values `v`
$(T, F)$, and returns the state $M_T$ $(E, F)$. The state begins with $M_0 = 0$ and $P_0 = 0$ and
follows

$$
\begin{aligned}
P_t &= \mu\, P_{t-1} - \beta\, \nabla \ell_t(M_{t-1}), \\
M_t &= f\, M_{t-1} + P_t,
\end{aligned}
$$

where $\ell_t(M) = \tfrac12 \lVert k_t M - v_t \rVert^2$, and $\beta$, $\mu$ and $f$ are numbers.
You have to derive the gradient.
"""

STUB = """
import numpy as np


def read(k, v, beta, mu, f):
    M = np.zeros((k.shape[1], v.shape[1]))
    for k_t, v_t in zip(k, v):
        M = M + beta * np.outer(k_t, v_t)  # linear attention
    return M


k, v = np.array([[1.0, 0.0]]), np.array([[2.0]])
print(read(k, v, 0.5, 0.0, 1.0).ravel())  # wanted: 1 0
twice = np.tile(k, (2, 1)), np.tile(v, (2, 1))
print(read(*twice, 0.5, 0.5, 1.0).ravel())  # wanted: 2 0
"""

HINTS = (
    "The gradient of $\\tfrac12 \\lVert k M - v \\rVert^2$ with respect to $M$ has the shape of "
    "$M$: it is the outer product of the key and the error $k M - v$.",
    "Keep two arrays, `M` and `P`. The gradient uses the old `M`, before it decays.",
)

SOLUTION = '''
import numpy as np


def read(k, v, beta, mu, f):
    """Gradient descent on one pair after the other."""
    M = np.zeros((k.shape[1], v.shape[1]))
    P = np.zeros_like(M)
    for k_t, v_t in zip(k, v, strict=True):
        gradient = np.outer(k_t, k_t @ M - v_t)
        P = mu * P - beta * gradient
        M = f * M + P
    return M


k, v = np.array([[1.0, 0.0]]), np.array([[2.0]])
print(read(k, v, 0.5, 0.0, 1.0).ravel())  # wanted: 1 0
twice = np.tile(k, (2, 1)), np.tile(v, (2, 1))
print(read(*twice, 0.5, 0.5, 1.0).ravel())  # wanted: 2 0
'''

COMMENT = r"""
In the second example, the first step moves the answer from 0 to 1. In the second step the error is
$-1$. Its gradient moves the answer by $0.5$, and half of the first step is added again. So the
answer is 2, the right value, and the momentum is still 1. A third step would overshoot: the answer
would be 2.5.

With $\mu = 0$ and $f = 1$ this function is the delta rule. With $\mu = 0$ and $f < 1$ it is nearly
Gated DeltaNet, which takes its gradient at $f M_{t-1}$. If also the gradient were taken at 0 in
every step, the function would be linear attention with decay.
"""


def check(answers):
    """States after several steps; wrong orders and signs are recognised."""
    reader = function(answers, "read")
    rng = np.random.default_rng(7)
    T, E, F = 7, 4, 3
    k, v = 0.6 * rng.normal(size=(T, E)), rng.normal(size=(T, F))
    for mu, f in ((0.0, 1.0), (0.4, 1.0), (0.0, 0.8), (0.4, 0.8)):
        found = array(
            call(reader, k.copy(), v.copy(), 0.3, mu, f), (E, F), "The state of read"
        )
        if not is_close(found, _run(k, v, 0.3, mu, f)):
            raise Wrong(_mistake(found, k, v, mu, f))
    return "The state is trained on one pair after the other, and M_T is what it has learnt."


def _run(k, v, beta, mu, f, kind=""):
    M = P = np.zeros((k.shape[1], v.shape[1]))
    for k_t, v_t in zip(k, v, strict=True):
        at = {"decayed": f * M, "start": 0 * M}.get(kind, M)
        gradient = np.outer(k_t, k_t @ at - v_t)
        if kind == "uphill":
            gradient = -gradient
        if kind == "rate on all":
            P = mu * P - gradient
            M = f * M + beta * P
        elif kind == "mean":
            P = mu * P - (1 - mu) * beta * gradient
            M = f * M + P
        elif kind == "decays all":
            P = mu * P - beta * gradient
            M = f * (M + P)
        elif kind == "forgets":
            M = f * M - beta * gradient
        else:
            P = mu * P - beta * gradient
            M = f * M + P
    return M


def _mistake(found, k, v, mu, f):
    said = {
        "start": "The gradient is taken at 0 in every step. It should use the current state: this "
        "is linear attention.",
        "uphill": "The state moves up the gradient: the error is k M - v, and P subtracts it.",
    }
    if mu:
        said |= {
            "forgets": "The momentum is not carried from step to step.",
            "mean": "P is a mean of gradients here, with the weight 1 - μ for the new one. The "
            "equation adds the new gradient with the full rate β.",
        }
    if f < 1:
        said |= {
            "decayed": "The gradient is taken after the decay, as in Gated DeltaNet. The exercise "
            "asks for the gradient at the old state.",
            "decays all": "The decay multiplies the new P as well. It should multiply the old "
            "state only.",
        }
        if is_close(found, _run(k, v, 0.3, mu, 1.0)):
            return "The state does not decay: f is not used."
    for kind, message in said.items():
        with np.errstate(all="ignore"):
            if is_close(found, _run(k, v, 0.3, mu, f, kind)):
                return message
    return f"With μ = {mu} and f = {f}, the state is not that of the two equations."
