"""Clipping by norm with a mistake that changes the direction of the gradient."""

import numpy as np

from unrolled.exercises.judging import Wrong, call, close, function, is_close, number

TITLE = "Clipping that changes the direction"
CHAPTER = "03-bptt/the-cliff"
SECTION = "clipping"
KIND = "debug"
LEVEL = 1
MINUTES = 10

TEXT = r"""
`clip` should do to the gradient of a whole network what {eq}`eq-clip-norm` says: keep its
direction, and limit its length to `limit`. The author's test, with a single array, passes. For a
network with three arrays, however, the update does not point in the direction of the gradient.
Gradients that are shorter than the limit are changed as well. Correct the function. It should not
overwrite the arrays that it is given.

`gradients` is a list of arrays of any shapes. Return the list of clipped arrays, and the norm
*before* clipping, which is useful in a log.
"""

STUB = '''
import numpy as np


def clip(gradients, limit):
    """(clipped gradients, norm before clipping)."""
    clipped = []
    for gradient in gradients:
        norm = np.sqrt((gradient**2).sum())
        clipped.append(gradient * limit / norm)
    return clipped, norm


print(clip([np.array([30.0, 40.0])], 5.0))
'''

HINTS = (
    "Which vector is $g$ in the equation if a network has three arrays of weights?",
    "Use one norm for all arrays, the root of the sum of the squares of all entries, and one "
    "factor for all arrays, $\\min(1, c / \\lVert g \\rVert)$.",
)

SOLUTION = '''
import numpy as np


def clip(gradients, limit):
    """(clipped gradients, norm before clipping)."""
    norm = np.sqrt(sum((gradient**2).sum() for gradient in gradients))
    factor = min(1.0, limit / norm) if norm > 0 else 1.0
    return [gradient * factor for gradient in gradients], norm


print(clip([np.array([30.0, 40.0])], 5.0))
'''

COMMENT = r"""
If each array has its own norm, each array is multiplied by its own factor. A bias with a small
gradient stays the same while $W_h$ is cut to a hundredth, and the update turns towards the biases.
Some programs clip in this way, so you should know the names of the options. In Keras, `clipnorm`
clips each array on its own, `global_clipnorm` clips all of them together, and `clipvalue` is
{eq}`eq-clip-value`. The second mistake was the factor $c / \lVert g \rVert$ without the minimum.
This factor gives every gradient the length $c$, so the updates never become small. Finally, do not
divide by a norm of 0. If a batch has no loss, its gradient is 0.
"""


def check(answers):
    """Several arrays, above and below the limit, and nothing to clip."""
    reader = function(answers, "clip")
    rng = np.random.default_rng(5)
    scales = {(3, 4): 3.0, (4, 4): 30.0, (4,): 0.05}
    gradients = [scale * rng.standard_normal(shape) for shape, scale in scales.items()]
    norm = float(np.sqrt(sum((g**2).sum() for g in gradients)))
    given = [g.copy() for g in gradients]
    clipped, told = _result(call(reader, given, 2.0), gradients)
    if any(not np.array_equal(a, b) for a, b in zip(given, gradients, strict=True)):
        raise Wrong("The arrays passed in were overwritten; return new ones.")
    if is_close(_flat(clipped), np.clip(_flat(gradients), -2, 2)):
        raise Wrong(
            "This is clipping by value, entry by entry. It also changes the direction of the "
            "gradient."
        )
    each = [g * min(1.0, 2 / float(np.linalg.norm(g))) for g in gradients]
    unbounded = [g * 2 / np.linalg.norm(g) for g in gradients]
    if is_close(_flat(clipped), _flat(each)) or is_close(
        _flat(clipped), _flat(unbounded)
    ):
        raise Wrong(
            "Each array has a norm and a factor of its own, so the direction of the whole gradient "
            "changes. All arrays of a network together form one gradient."
        )
    close(
        _flat(clipped),
        _flat(gradients) * 2 / norm,
        "Above the limit all arrays should be multiplied by the limit over their common norm.",
    )
    if is_close(told, 2.0):
        raise Wrong(
            "You return the norm after clipping, which is never above the limit. Return the "
            "norm before clipping."
        )
    close(
        told,
        norm,
        "The second result should be the norm of all arrays together, before clipping.",
    )
    clipped, _ = _result(
        call(reader, [g.copy() for g in gradients], 10 * norm), gradients
    )
    close(
        _flat(clipped),
        _flat(gradients),
        "A gradient that is shorter than the limit is changed. It should stay the same.",
    )
    zeros = [np.zeros(3), np.zeros((2, 2))]
    with np.errstate(all="ignore"):
        clipped, _ = _result(call(reader, zeros, 1.0), zeros)
    if not np.isfinite(_flat(clipped)).all():
        raise Wrong(
            "A gradient of zeros comes back as NaN, because you divide by its norm, which is 0."
        )
    return (
        "All arrays are multiplied by the same factor, so the direction of the gradient stays "
        "the same."
    )


def _flat(arrays):
    return np.concatenate([np.ravel(np.asarray(a, dtype=float)) for a in arrays])


def _result(found, gradients):
    """Returns (arrays, norm), or says that this is not what was returned."""
    if not isinstance(found, tuple | list) or len(found) != 2:
        raise Wrong(
            "Return two things: the list of clipped arrays, and the norm before clipping."
        )
    clipped, norm = found
    if not isinstance(clipped, tuple | list) or [np.shape(a) for a in clipped] != [
        g.shape for g in gradients
    ]:
        raise Wrong(
            "The clipped arrays should have the shapes of the gradients, in their order."
        )
    return clipped, number({"norm": norm}, "norm")
