"""The backward pass of scaled dot-product attention."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, function, is_close
from unrolled.layers import attention

TITLE = "The gradient of attention"
CHAPTER = "05-attention/attention"
KIND = "write"
LEVEL = 3
MINUTES = 45

TEXT = r"""
Scaled dot-product attention computes, for queries $q$ $(B, T, E)$, keys $k$ $(B, S, E)$ and values
$v$ $(B, S, F)$,

$$
\begin{aligned}
z_{ts} &= \frac{q_t\, k_s^{\top}}{\sqrt E} , \\
w_t &= \operatorname{softmax}_s(z_{ts}) , \\
c_t &= \sum_s w_{ts}\, v_s ,
\end{aligned}
$$

where masked scores are $-\infty$ before the softmax. Derive the way back with paper and pencil and
write it: `backward(q, k, v, weights, dcontext)` gets the inputs, the weights $(B, T, S)$ of the
forward pass, in which padding already weighs 0, and $\mathrm d c$ $(B, T, F)$. It returns
`dq, dk, dv`. No loop, and no array with four axes: four products of stacked matrices are enough.
"""

STUB = '''
import numpy as np


def backward(q, k, v, weights, dcontext):
    """Returns dq (B, T, E), dk (B, S, E), dv (B, S, F)."""
    raise NotImplementedError
'''

HINTS = (
    "Begin at the end. $c = w v$ is a product of two matrices, and each factor's gradient is $dc$ "
    "times the transpose of the other, on the right side. That gives `dv` and a `dweights`.",
    "The softmax couples the places of a row: "
    "$\\mathrm d z_{ts} = w_{ts}\\,(\\mathrm d w_{ts} - \\sum_r w_{tr}\\, \\mathrm d w_{tr})$.",
    "$z = q k^{\\top} / \\sqrt E$ is a product again; its factor goes along. Where does the mask "
    "come in? Look at what the factor $w_{ts}$ does at a masked place.",
)

SOLUTION = '''
import numpy as np


def backward(q, k, v, weights, dcontext):
    """Returns dq (B, T, E), dk (B, S, E), dv (B, S, F)."""
    # context = weights v
    dv = weights.swapaxes(1, 2) @ dcontext
    dweights = dcontext @ v.swapaxes(1, 2)
    # weights = softmax(z): w_r depends on every score of its row
    mean = (weights * dweights).sum(axis=-1, keepdims=True)
    dz = weights * (dweights - mean)
    # z = q k^T / sqrt(E)
    dproduct = dz / np.sqrt(q.shape[-1])
    dq = dproduct @ k
    dk = dproduct.swapaxes(1, 2) @ q
    return dq, dk, dv
'''

COMMENT = r"""
The first two lines are those of any product of matrices: $c = w v$ gives
$\mathrm d v = w^{\top} \mathrm d c$ (a value is read by every query, so the sum is over $t$) and
$\mathrm d w = \mathrm d c\, v^{\top}$. For the softmax
$\partial w_{tr} / \partial z_{ts} = w_{tr}([r = s] - w_{ts})$, hence

$$
\begin{aligned}
&\mathrm d z_{ts} \\
&= \sum_r \mathrm d w_{tr}\, w_{tr} \\
&\qquad \cdot ([r = s] - w_{ts}) \\
&= w_{ts} \bigl( \mathrm d w_{ts} \\
&\qquad - {\textstyle\sum_r} w_{tr}\, \mathrm d w_{tr} \bigr) \\
&= w_{ts}\, \mathrm d c_t\, (v_s - c_t)^{\top} ,
\end{aligned}
$$

the last because $\sum_r w_{tr}\, v_r = c_t$: a score should rise if its value is better than the
mixture. The mask needs no line. A masked place has $w_{ts} = 0$, so its score and its value get
exactly nothing, whatever stands there.

Two habits pay here. Gradients have the shape of what they belong to, and with unequal $T$, $S$,
$E$, $F$ only one order of factors fits. And whatever is used several times, a key by all queries,
collects a sum. The only thing kept from the forward pass is the weights, $B\,T\,S$ numbers;
programs for very long sequences compute even these anew, block by block. Next: check your function
with `unrolled.gradients.gradcheck`, and do the same for the additive score.
"""


def check(answers):
    """Against the package's backward, with the usual omissions as hypotheses."""
    reader = function(answers, "backward")
    rng = np.random.default_rng(3)
    B, T, S, E, F = 2, 3, 5, 4, 6
    q, k, v = (rng.normal(size=(B, n, m)) for n, m in ((T, E), (S, E), (S, F)))
    mask = (np.arange(S) < np.array([[5], [3]]))[:, None]
    dc = rng.normal(size=(B, T, F))
    _, cache = attention.forward((), q, k, v, mask, attention.scaled_dot)
    w = cache.weights
    _, dq, dk, dv = attention.backward((), cache, dc, attention.scaled_dot)
    found = call(reader, *(a.copy() for a in (q, k, v, w, dc)))
    if not isinstance(found, tuple | list) or len(found) != 3:
        raise Wrong("`backward` should return three arrays: dq, dk, dv.")
    shapes = {"dq": q.shape, "dk": k.shape, "dv": v.shape}
    dq_, dk_, dv_ = (
        array(f, shape, f"`{name}`")
        for f, (name, shape) in zip(found, shapes.items(), strict=True)
    )
    if not is_close(dv_, dv):
        raise Wrong(
            "`dv` is wrong. A value is read by every query, each time with another weight: its "
            "gradient is the sum over t of w_ts dc_t."
        )
    dw = dc @ v.swapaxes(1, 2)
    mean = (w * dw).sum(axis=-1, keepdims=True)
    hypotheses = {
        "the softmax is missing: what you carry on to the scores is the gradient of the weights.": (
            dw
        ),
        "of the softmax's Jacobian only the factor w is there. Raising one score lowers the "
        "weights of the others: the row's mean has to come off.": w * dw,
        "of the softmax's Jacobian only the diagonal, w (1 - w), is there; a score moves all the "
        "weights of its row.": w * (1 - w) * dw,
        "the mean of dw that comes off is weighted with w, not a plain one.": (
            w * (dw - dw.mean(axis=-1, keepdims=True))
        ),
        "the sum in the softmax's gradient runs over the places, not over the queries.": (
            w * (dw - (w * dw).sum(axis=1, keepdims=True))
        ),
    }
    root = np.sqrt(E)
    right = w * (dw - mean)
    for scale, about in (
        (root, ""),
        (1.0, " (And the factor of the scores is missing.)"),
    ):
        for message, dz in hypotheses.items():
            if is_close(dq_, dz @ k / scale):
                raise Wrong(f"`dv` is right. In `dq`, {message}{about}")
    for factor in (1.0, root):
        if is_close(dq_, right @ k * factor) and not is_close(dq_, dq):
            raise Wrong(
                "`dq` is right but for a factor: z = q k / √E, so what arrives at z goes to q "
                "with the same 1/√E."
            )
    if not is_close(dq_, dq):
        raise Wrong(
            "`dv` is right, `dq` is not: dq_t is the sum over s of dz_ts k_s / √E."
        )
    if is_close(dk_, dk * root):
        raise Wrong("`dq` and `dv` are right; `dk` lacks the factor 1/√E.")
    if not is_close(dk_, dk):
        raise Wrong(
            "`dq` and `dv` are right, `dk` is not. A key is compared with every query: its "
            "gradient is a sum over t, of dz_ts q_t / √E."
        )
    return "All three agree with the book's, and the padding gets exactly nothing."
