"""Scaled dot-product attention with a wrong axis, a wrong scale and a mask that comes too late."""

import numpy as np

from unrolled.exercises.judging import Wrong, array, call, close, function, is_close
from unrolled.layers import attention

TITLE = "Three mistakes in eight lines"
CHAPTER = "05-attention/attention"
KIND = "debug"
LEVEL = 2
MINUTES = 20

TEXT = r"""
Scaled dot-product attention for a padded batch. Nothing raises an error, the shapes are right, the
weights are between 0 and 1, and padded places weigh exactly 0. There are three mistakes in it, all
of them common. Find and mend them. The function must also hold when the padding contains large
numbers: whatever stands there must not be seen.
"""

STUB = '''
import numpy as np


def attend(queries, keys, values, mask):
    """Scaled dot-product attention.

    queries (B, T, E), keys (B, S, E), values (B, S, F); mask (B, S) is True at
    real places. Returns the context (B, T, F) and the weights (B, T, S).
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
    "Add a line to the author's test: what must `weights.sum(axis=-1)` be, in every row, also in "
    "the second sequence? Then ask the same of each step of the function.",
    "$\\sqrt E$ is there to make the spread of the scores 1: is it large or small without it?",
    "A place has weight 0 in a softmax if its score is $-\\infty$. Weights that are set to 0 "
    "afterwards have already taken their share, and dividing by what is left fails where nothing "
    "is left: when the padding's score is so large that all other exponentials are 0.",
)

SOLUTION = '''
import numpy as np


def attend(queries, keys, values, mask):
    """Scaled dot-product attention.

    queries (B, T, E), keys (B, S, E), values (B, S, F); mask (B, S) is True at
    real places. Returns the context (B, T, F) and the weights (B, T, S).
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
*The axis.* Axis 1 of the scores are the queries. Each place then distributes itself over the steps
of the answer, and a step's weights sum to anything. With $T = S$ and a picture of the weights one
may look at this for a long time. *The scale.* The product of two vectors with independent entries
of variance 1 has the variance $\sum_i \operatorname{Var}[q_i k_i] = E$. Divided by $\sqrt E$ its
standard deviation is 1; multiplied, it is $E$, and the softmax has decided before training began.
At such a place the gradient, $w_s\, \mathrm d c\,(v_s - c)^{\top}$, is nearly 0. *The mask.* What
is set to 0 after the softmax has already been counted in its denominator. The context is too short
by the padding's share, by another factor in each row and for each length of the padding.

Dividing once more by the sum of what is left is right in exact arithmetic and fails in the
computer: subtracting the row's maximum, which may stand in the padding, can push every real
exponential below the smallest number there is, and the row becomes $0/0$. A test for a mask
therefore puts something outrageous into the padding and asks that the result be the same to the
last bit.
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
            "Right as long as the padding is small. With scores of some thousands in the padding "
            "the exponentials of the real places are lost (0/0). Take the padding out before the "
            "softmax and its maximum."
        )
    return "Rows sum to 1 over the real places alone, whatever stands in the padding."


def _both(reader, q, k, v, mask):
    with np.errstate(all="ignore"):
        found = call(reader, q.copy(), k.copy(), v.copy(), mask.copy())
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise Wrong("`attend` should return two arrays, the context and the weights.")
    weights = np.asarray(found[1], dtype=float)
    if weights.shape == (*q.shape[:2], k.shape[1]) and not np.isfinite(weights).all():
        raise Wrong(
            "The weights hold NaN, at least with large numbers in the padding: the row's maximum "
            "stands in the padding, every real exponential is 0, and the row becomes 0/0. Take "
            "the padding out before the softmax."
        )
    return (
        array(found[0], (*q.shape[:2], v.shape[2]), "The context"),
        array(weights, (*q.shape[:2], k.shape[1]), "The array of weights"),
    )


def _diagnose(found, q, k, mask):
    """Returns which combination of mistakes makes these weights, as a sentence on one of them."""
    product, root = q @ k.swapaxes(1, 2), np.sqrt(q.shape[-1])
    scales = {
        "": product / root,
        "Long vectors should not make large scores: by which power of E do you scale them?": (
            product * root
        ),
        "The product is not scaled at all: its standard deviation grows with the root of E.": (
            product
        ),
        "E itself is too much: the variance of the product is E, so its spread is the root.": (
            product / root**2
        ),
    }
    axes = {
        "": -1,
        "Each place distributes itself over the queries: columns sum to 1 and not rows.": 1,
        "The softmax runs over the batch.": 0,
    }
    late = (
        "The mask comes after the softmax: where there is padding, what is left does not sum to "
        "1, since the padding has already taken its share."
    )
    real = mask[:, None]
    for scale_message, scores in scales.items():
        for axis_message, axis in axes.items():
            for mask_message in (
                "",
                late,
                "The mask is not used: padding has weights.",
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
                        2: "Two mistakes are left; one of them: ",
                    }
                    return left.get(len(said), "One of the three: ") + said[0]
    if not is_close(found.sum(axis=-1), np.ones(found.shape[:2])):
        return "The weights of a query do not sum to 1 over the places."
    if (found * ~real).any():
        return "A padded place has a weight that is not exactly 0."
    return "The weights are not the softmax of q k / √E over the real places."
