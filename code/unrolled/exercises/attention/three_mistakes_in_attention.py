"""Scaled dot-product attention with a wrong axis, a wrong scale and a mask that comes too late."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, close, function, is_close
from unrolled.layers import attention

TITLE = "Three mistakes in six lines"
CHAPTER = "05-attention/attention"
SECTION = "the-code"
KIND = "debug"
LEVEL = 2
MINUTES = 20

TEXT = r"""
This function computes scaled dot-product attention for a padded batch. It raises no error, the
shapes are right, the weights are between 0 and 1, and the weights of padded positions are exactly
0. But it contains three common mistakes. Find and correct them. The function must also work if the
padding contains large numbers: the padding must never change the result.
"""

STUB = '''
import numpy as np


def attend(queries, keys, values, mask):
    """Scaled dot-product attention.

    queries (B, T, E), keys (B, S, E), values (B, S, F); mask (B, S) is True at
    real positions. Returns the context (B, T, F) and the weights (B, T, S).
    """
    E = queries.shape[-1]
    scores = queries @ keys.swapaxes(1, 2) * np.sqrt(E)
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights = e / e.sum(axis=1, keepdims=True)
    weights = weights * mask[:, None]
    return weights @ values, weights


rng = np.random.default_rng(0)
queries, keys = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 5, 4))
mask = np.array([[True] * 5, [True, True, True, False, False]])
context, weights = attend(queries, keys, keys, mask)
print(context.shape, (weights >= 0).all(), (weights[1, :, 3:] == 0).all())
'''

HINTS = (
    "Add a line to the author's test: what must `weights.sum(axis=-1)` be in every row, also in "
    "the second sequence? Then check each step of the function in the same way.",
    "$\\sqrt E$ should bring the standard deviation of the scores to 1. Is it large or small "
    "without this factor?",
    "A position gets weight 0 from a softmax if its score is $-\\infty$. If a weight is set to "
    "0 after the softmax, its exponential is still in the denominator. Dividing by the "
    "remaining sum does not always help: if the score of the padding is very large, all other "
    "exponentials are 0.",
)

SOLUTION = '''
import numpy as np


def attend(queries, keys, values, mask):
    """Scaled dot-product attention.

    queries (B, T, E), keys (B, S, E), values (B, S, F); mask (B, S) is True at
    real positions. Returns the context (B, T, F) and the weights (B, T, S).
    """
    E = queries.shape[-1]
    scores = queries @ keys.swapaxes(1, 2) / np.sqrt(E)
    scores = np.where(mask[:, None], scores, -np.inf)
    e = np.exp(scores - scores.max(axis=-1, keepdims=True))
    weights = e / e.sum(axis=-1, keepdims=True)
    return weights @ values, weights


rng = np.random.default_rng(0)
queries, keys = rng.normal(size=(2, 3, 4)), rng.normal(size=(2, 5, 4))
mask = np.array([[True] * 5, [True, True, True, False, False]])
context, weights = attend(queries, keys, keys, mask)
print(weights.sum(axis=-1))
'''

COMMENT = r"""
*The axis.* Axis 1 of the scores is the axis of the queries. With `axis=1`, the weights of each
position sum to 1 over the queries, and the weights of a query need not sum to 1. If $T = S$, this
mistake is hard to see in a picture of the weights.

*The scale.* The dot product of two vectors with independent entries of mean 0 and variance 1 has
the variance $\sum_i \operatorname{Var}[q_i k_i] = E$. If we divide the product by $\sqrt E$, its
standard deviation is 1. If we multiply it by $\sqrt E$, its standard deviation is $E$. If $E$ is
large, one position usually gets nearly all the weight before training starts, and the gradient
$w_s\, \mathrm d c\,(v_s - c)^{\top}$ is nearly 0.

*The mask.* A weight that is set to 0 after the softmax is still counted in the denominator. The
weights of the real positions then sum to less than 1, by an amount that depends on the row and on
the length of the padding.

Dividing again by the sum of the real weights is right in exact arithmetic, but it can fail in
floating-point arithmetic. The function subtracts the maximum of the row, which may be in the
padding. Every real exponential can then underflow to 0, and the row becomes $0/0$. A test of a mask
should therefore put very large numbers into the padding and require exactly the same result.
"""


def check(answers):
    """The weights and the context, with each of the mistakes tried as an explanation."""
    reader = function(answers, "attend")
    rng = np.random.default_rng(1)
    B, T, S, E, F = 2, 3, 5, 4, 6
    q, k, v = (
        rng.normal(size=(B, T, E)),
        rng.normal(size=(B, S, E)),
        rng.normal(size=(B, S, F)),
    )
    mask = np.arange(S) < np.array([[5], [3]])
    right, cache = attention.forward((), q, k, v, mask[:, None], attention.scaled_dot)
    context, weights = _both(reader, q, k, v, mask)
    if not is_close(weights, cache.weights):
        raise Wrong(_diagnose(weights, q, k, mask))
    close(context, right, "The weights are right; the context is not weights @ values.")
    k[1, 3:], v[1, 3:] = 1000 * np.sign(q[1, 0]), 1000.0
    context, weights = _both(reader, q, k, v, mask)
    if not (is_close(weights, cache.weights) and is_close(context, right)):
        raise Wrong(
            "This is right if the padding is small. If scores in the padding are in the "
            "thousands, the exponentials of the real positions underflow (0/0). Mask the padding "
            "before the softmax and its maximum."
        )
    return "Rows sum to 1 over the real positions, whatever the padding contains."


def _both(reader, q, k, v, mask):
    with np.errstate(all="ignore"):
        found = call(reader, q.copy(), k.copy(), v.copy(), mask.copy())
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise Wrong("`attend` should return two arrays, the context and the weights.")
    weights = np.asarray(found[1], dtype=float)
    if weights.shape == (*q.shape[:2], k.shape[1]) and not np.isfinite(weights).all():
        raise Wrong(
            "Some weights are NaN if the padding contains large numbers. The maximum of the row "
            "is in the padding, every real exponential is 0, and the row becomes 0/0. Mask the "
            "padding before the softmax."
        )
    return (
        array(found[0], (*q.shape[:2], v.shape[2]), "The context"),
        array(weights, (*q.shape[:2], k.shape[1]), "The array of weights"),
    )


def _diagnose(found, q, k, mask):
    """Returns a sentence on one of the mistakes that lead to these weights."""
    product, root = q @ k.swapaxes(1, 2), np.sqrt(q.shape[-1])
    scales = {
        "": product / root,
        "Long vectors should not give large scores: by which power of E do you scale them?": (
            product * root
        ),
        "The product is not scaled at all: its standard deviation grows with the root of E.": (
            product
        ),
        "E itself is too much: the variance of the product is E, so its spread is the root of E.": (
            product / root**2
        ),
    }
    axes = {
        "": -1,
        "The softmax runs over the queries: the columns sum to 1 instead of the rows.": 1,
        "The softmax runs over the batch.": 0,
    }
    late = (
        "The mask comes after the softmax. The padding is still in the denominator, so the other "
        "weights do not sum to 1."
    )
    real = mask[:, None]
    for scale_message, scores in scales.items():
        for axis_message, axis in axes.items():
            for mask_message in (
                "",
                late,
                "The mask is not used: the padding has weights.",
            ):
                z = scores if mask_message else np.where(real, scores, -np.inf)
                with np.errstate(all="ignore"):
                    e = np.exp(z - z.max(axis=axis, keepdims=True))
                    w = e / e.sum(axis=axis, keepdims=True)
                w = w * real if mask_message == late else w
                if np.isfinite(w).all() and is_close(found, w):
                    said = [m for m in (axis_message, scale_message, mask_message) if m]
                    left = {
                        1: "One mistake is left. ",
                        2: "Two mistakes are left. One of them: ",
                    }
                    return left.get(len(said), "One of the three: ") + said[0]
    if not is_close(found.sum(axis=-1), np.ones(found.shape[:2])):
        return "The weights of a query do not sum to 1 over the positions."
    if (found * ~real).any():
        return "The weight of a padded position is not exactly 0."
    return "The weights are not the softmax of q k / √E over the real positions."
