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
            "it should be the highest",
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
    "how_much_a_write_changes": [
        Attempt("has been written by then", "0.5**5", "1 - 0.5**5"),
        Attempt("Five of them multiply", "0.5**5", "0.5 / 5"),
        Attempt("exact for a key of length 1", "1 / 3**2", "1.0"),
        Attempt("appears twice in a write", "1 / 3**2", "1 / 3"),
        Attempt("this β is exact after one write", "2 / 2**2", "1 / 2**2"),
        Attempt("the limit for a key of length 1", "2 / 2**2", "2.0"),
        Attempt("the change of the answer for a itself", "0.6 * (2 - 0.5)", "1.5"),
        Attempt("not the whole value 2", "0.6 * (2 - 0.5)", "0.6 * 2"),
    ],
    "replace_erase_exchange": [
        Attempt(
            "is added to what the state holds",
            "np.outer(k, v - k @ S) / length",
            "np.outer(k, v)",
        ),
        Attempt(
            "right for a key of length 1",
            "np.outer(k, v - k @ S) / length",
            "np.outer(k, v - k @ S)",
        ),
        Attempt("yours gives NaN", "if length == 0:", "if False:"),
        Attempt("both keys now have the mean", "S + 2 * np.outer", "S + 1 * np.outer"),
        Attempt(
            "orthogonal keys change as well",
            "return replace(S, k, np.zeros(S.shape[1]))",
            "return 0 * S if k.any() else S",
        ),
        Attempt(
            "the two answers are not exchanged",
            "k = (a - b) / np.sqrt(2)",
            "k = (a + b) / np.sqrt(2)",
        ),
    ],
    "mistakes_in_the_corrections": [
        Attempt(
            "One mistake is left. A correction depends on itself",
            "np.tril(k @ k.T, -1)",
            "np.tril(k @ k.T)",
        ),
        Attempt(
            "One mistake is left. β multiplies the columns",
            "-1) * beta[:, None]",
            "-1) * beta[None, :]",
        ),
        Attempt(
            "One mistake is left. The right side does not contain β",
            "beta[:, None] * v)",
            "v)",
        ),
        Attempt("The matrix does not contain β", " * beta[:, None]\n", "\n"),
        Attempt(
            "depends on later steps", "np.tril(k @ k.T, -1)", "np.triu(k @ k.T, 1)"
        ),
        Attempt(
            "with one call of `np.linalg.solve`",
            "return np.linalg.solve(np.eye(T) + A, beta[:, None] * v)",
            "return np.linalg.inv(np.eye(T) + A) @ (beta[:, None] * v)",
        ),
    ],
    "momentum_while_reading": [
        Attempt(
            "this is linear attention",
            "k_t @ M - v_t",
            "k_t @ (0 * M) - v_t",
        ),
        Attempt("moves up the gradient", "k_t @ M - v_t", "v_t - k_t @ M"),
        Attempt(
            "not carried from step to step",
            "P = mu * P - beta * gradient",
            "P = -beta * gradient",
        ),
        Attempt(
            "with the weight 1 - μ",
            "mu * P - beta * gradient",
            "mu * P - (1 - mu) * beta * gradient",
        ),
        Attempt("as in Gated DeltaNet", "k_t @ M - v_t", "k_t @ (f * M) - v_t"),
        Attempt("multiplies the new P as well", "f * M + P", "f * (M + P)"),
        Attempt("f is not used", "f * M + P", "M + P"),
    ],
    "a_rate_for_each_world": [
        Attempt(
            "the state uses only a part of it",
            "print(exact, noisy, drifting)",
            "exact = 0.3",
        ),
        Attempt(
            "goes beyond the value", "print(exact, noisy, drifting)", "exact = 1.6"
        ),
        Attempt(
            "follows the noise of the latest pairs",
            "print(exact, noisy, drifting)",
            "noisy = 0.7",
        ),
        Attempt(
            "100 of them are not enough",
            "print(exact, noisy, drifting)",
            "noisy = 0.01",
        ),
        Attempt(
            "the rule has moved away",
            "print(exact, noisy, drifting)",
            "drifting = 0.1",
        ),
        Attempt(
            "moves away from each pair",
            "print(exact, noisy, drifting)",
            "exact = 2.5",
        ),
    ],
}
