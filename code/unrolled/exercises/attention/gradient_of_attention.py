"""The backward pass of scaled dot-product attention."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, function, is_close
from unrolled.layers import attention

TITLE = "The gradient of attention"
CHAPTER = "05-attention/attention"
SECTION = "the-gradient"
KIND = "write"
LEVEL = 3
MINUTES = 45

TEXT = r"""
Scaled dot-product attention has queries $q$ $(B, T, E)$, keys $k$ $(B, S, E)$ and values $v$
$(B, S, F)$. It computes

$$
\begin{aligned}
z_{ts} &= \frac{q_t\, k_s^{\top}}{\sqrt E} , \\
w_t &= \operatorname{softmax}_s(z_{ts}) , \\
c_t &= \sum_s w_{ts}\, v_s ,
\end{aligned}
$$

where masked scores are set to $-\infty$ before the softmax. Derive the gradient with paper and
pencil. Then write `backward(q, k, v, weights, dcontext)`. It gets the inputs, the weights
$(B, T, S)$ of the forward pass, which are already 0 at padded positions, and $\mathrm d c$
$(B, T, F)$. It returns `dq, dk, dv`. Use no loop and no array with four axes. Four products of
stacked matrices are enough.
"""

STUB = '''
import numpy as np


def backward(q, k, v, weights, dcontext):
    """Returns dq (B, T, E), dk (B, S, E), dv (B, S, F)."""
    raise NotImplementedError
'''

HINTS = (
    "Begin at the end. $c = w v$ is a product of two matrices. The gradient of each factor is a "
    "product of $dc$ and the transpose of the other factor. This gives `dv` and `dweights`.",
    "In the softmax, each weight depends on all scores of its row: $\\mathrm d z_{ts} = "
    "w_{ts}\\,(\\mathrm d w_{ts} - \\sum_r w_{tr}\\, \\mathrm d w_{tr})$.",
    "$z = q k^{\\top} / \\sqrt E$ is a product again, and its factor $1/\\sqrt E$ remains. "
    "Where does the mask come in? Look at the factor $w_{ts}$ at a masked position.",
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
The context is a matrix product, $c = w v$. Its factors get the gradients
$\mathrm d v = w^{\top} \mathrm d c$ and $\mathrm d w = \mathrm d c\, v^{\top}$. The gradient of a
value is a sum over the queries, because every query reads the value. The derivative of the softmax
is $\partial w_{tr} / \partial z_{ts} = w_{tr}([r = s] - w_{ts})$, so

$$
\begin{aligned}
&\mathrm d z_{ts} \\
&= \sum_r \mathrm d w_{tr}\, w_{tr} \\
&\qquad \cdot ([r = s] - w_{ts}) \\
&= w_{ts} \bigl( \mathrm d w_{ts} \\
&\qquad - {\textstyle\sum_r} w_{tr}\, \mathrm d w_{tr} \bigr) \\
&= w_{ts}\, \mathrm d c_t\, (v_s - c_t)^{\top} .
\end{aligned}
$$

The last step uses $\sum_r w_{tr}\, v_r = c_t$. To first order, gradient descent raises a score if
moving the context towards the value would lower the loss. The mask needs no extra line. At a masked
position $w_{ts} = 0$, so its score and its value get a gradient of exactly 0.

Two rules help. First, a gradient has the shape of its array. If $T$, $S$, $E$ and $F$ differ, only
one order of the factors fits. Second, if an array is used several times, its gradient is a sum. An
example is a key, which all queries use. Apart from its inputs, the backward pass needs only the
weights of the forward pass, $B\,T\,S$ numbers. Programs for very long sequences recompute even
these numbers, block by block. As a next step, check your function with
`unrolled.gradients.gradcheck`, and write the gradient of the additive score.
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
            "`dv` is wrong. Every query reads a value, each with its own weight. The gradient "
            "of the value is the sum of w_ts dc_t over t."
        )
    dw = dc @ v.swapaxes(1, 2)
    mean = (w * dw).sum(axis=-1, keepdims=True)
    hypotheses = {
        "the softmax is missing: you use the gradient of the weights as the gradient of the "
        "scores.": (dw),
        "only the factor w of the Jacobian of the softmax is there. A higher score also "
        "lowers the other weights of the row, so a mean has to be subtracted.": w * dw,
        "only the diagonal of the Jacobian of the softmax, w (1 - w), is there. A score "
        "changes all weights of its row.": w * (1 - w) * dw,
        "the mean of dw that is subtracted must be weighted with w.": (
            w * (dw - dw.mean(axis=-1, keepdims=True))
        ),
        "the sum in the gradient of the softmax runs over the positions, not over the "
        "queries.": (w * (dw - (w * dw).sum(axis=1, keepdims=True))),
    }
    root = np.sqrt(E)
    right = w * (dw - mean)
    for scale, about in (
        (root, ""),
        (1.0, "(The factor of the scores is missing too.)"),
    ):
        for message, dz in hypotheses.items():
            if is_close(dq_, dz @ k / scale):
                raise Wrong(f"`dv` is right. In `dq`, {message}{about}")
    for factor in (1.0, root):
        if is_close(dq_, right @ k * factor) and not is_close(dq_, dq):
            raise Wrong(
                "`dq` is right except for a factor: z = q k / √E, so the gradient of q "
                "contains the same 1/√E."
            )
    if not is_close(dq_, dq):
        raise Wrong(
            "`dv` is right, but `dq` is not: dq_t is the sum of dz_ts k_s / √E over s."
        )
    if is_close(dk_, dk * root):
        raise Wrong("`dq` and `dv` are right. In `dk`, the factor 1/√E is missing.")
    if not is_close(dk_, dk):
        raise Wrong(
            "`dq` and `dv` are right, but `dk` is not. A key is compared with every query, so "
            "its gradient is the sum of dz_ts q_t / √E over t."
        )
    return "All three gradients agree with the package, and the padding gets a "
    "gradient of exactly 0."
