"""Wrong answers to the exercises on the language model."""

from tests.exercises.attempt import Attempt

WRONG = {
    "softmax_over_the_wrong_axis": [
        Attempt("The whole batch sums to 1", "e.sum(axis=-1, keepdims=True)", "e.sum()"),
        Attempt(
            "count the axis from the end",
            code="""
import numpy as np


def softmax(u):
    e = np.exp(u - u.max())
    return e / e.sum(axis=1, keepdims=True)
""",
        ),
        Attempt("exp overflows", "u - u.max(axis=-1, keepdims=True)", "u"),
    ],
}
