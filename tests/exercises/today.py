"""Wrong answers to the exercises on recurrent networks of today."""

from tests.exercises.attempt import Attempt

WRONG = {
    "four_memories_in_one_line": [
        Attempt(
            "because you also add 1 at a 1",
            "return 1.0 - x, 1.0 - x",
            "return 1.0 - x, 1.0 + 0 * x",
        ),
        Attempt(
            "it should replace the old number",
            "(x == 0).astype(float), x",
            "np.ones(len(x)), x",
        ),
        Attempt(
            "it should be the most significant",
            "np.full(len(x), 2.0), x",
            "1.0 + 0 * x, x * 2.0 ** np.arange(len(x))",
        ),
        Attempt("add only one tenth", "0.1 * x", "x"),
        Attempt(
            "the past is in the state",
            "return (x == 0).astype(float), x",
            "last = np.maximum.accumulate(np.where(x != 0, np.arange(len(x)), 0))\n"
            "    return np.zeros(len(x)), x[last]",
        ),
    ],
}
