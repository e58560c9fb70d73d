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
    "the_way_back_of_a_scan": [
        Attempt(
            "Which step multiplies the state after step t",
            "dg[t] = dh[t] + carried\n        carried = f[t] * dg[t]",
            "carried = dh[t] + f[t] * carried\n        dg[t] = carried",
        ),
        Attempt(
            "compare with the first line", "dg[t] = dh[t] + carried", "dg[t] = dh[t]"
        ),
        Attempt(
            "Which state does f of step t multiply",
            "np.concatenate([h0[None], h[:-1]])",
            "h",
        ),
        Attempt("what does step 1 do", "dh0 = carried", "dh0 = dg[0]"),
    ],
    "half_after_a_thousand_steps": [
        Attempt("the steps multiply", "0.5 ** (1 / 1000)", "1 - 0.5 / 1000"),
        Attempt(
            "One logarithm is missing",
            "nu = math.log(math.log(2) / 1000)",
            "nu = math.log(2) / 1000",
        ),
        Attempt("right for a = -1", "(math.log(2) / 1000) / 0.5", "math.log(2) / 1000"),
        Attempt("this is its square", "math.sqrt(1 - size**2)", "1 - size**2"),
        Attempt("makes a full turn", "(math.pi / 2) / 1000", "2 * math.pi / 1000"),
        Attempt("should be in radians", "(math.pi / 2) / 1000", "90 / 1000"),
    ],
    "the_second_symbol": [
        Attempt("The output is the first symbol", "h == 2", "h == 1"),
        Attempt("A later symbol overwrites", "h == 2", "h >= 2"),
        Attempt(
            "lost at a blank", "return 1.0 - here, here * x", "return 0.0 * x, here * x"
        ),
        Attempt(
            "layer_1: f and g of a step depend",
            "np.ones(len(x)), (x != 0).astype(float)",
            "np.zeros(len(x)), np.cumsum(x == x[0]) * 1.0",
        ),
        Attempt(
            "a factor lies outside",
            "return 1.0 - here, here",
            "return 1.0 - 2 * here, here",
        ),
    ],
    "a_scan_for_parity_only": [
        Attempt(
            "does the earlier product stand first",
            "table[earlier, later]",
            "table[later, earlier]",
        ),
        Attempt(
            "Does the reach grow until", "while reach < len(found)", "while reach < 8"
        ),
    ],
    "can_it_follow": [
        Attempt("set it at a one", 'any_one = "a"', 'any_one = "b"'),
        Attempt("a number with two digits", 'latest = "a"', 'latest = "b"'),
        Attempt("let all bits be 1", 'even_length = "b"', 'even_length = "a"'),
        Attempt("The second layer may read", 'modulo_4 = "a"', 'modulo_4 = "b"'),
        Attempt("which periods can the output", 'modulo_5 = "b"', 'modulo_5 = "a"'),
        Attempt("a factor of size 1", 'turning = "a"', 'turning = "b"'),
    ],
    "rearrange_by_reflections": [
        Attempt(
            "the inverse rearrangement",
            "np.array(found).reshape(-1, n)",
            "np.array(found[::-1]).reshape(-1, n)",
        ),
        Attempt(
            "the reflections turn",
            "np.eye(n)[i] - np.eye(n)[j]",
            "np.eye(n)[i] + np.eye(n)[j]",
        ),
        Attempt("A direction is zero", "if i != j:", "if True:"),
        Attempt(
            "are enough",
            "return np.array(found).reshape(-1, n)",
            "twice = [np.eye(n)[0] - np.eye(n)[1]] * 2\n"
            "    return np.array(found + twice).reshape(-1, n)",
        ),
    ],
    "how_close_to_minus_one": [
        Attempt("do not each subtract", "left = 0.99**256", "left = 1 - 256 * 0.01"),
        Attempt("left after 40 steps", "left = 0.99**256", "left = 0.99**40"),
        Attempt("not its distance from 1", "0.1 ** (1 / 256)", "1 - 0.1 / 256"),
        Attempt(
            "half the pre-activation",
            "2 * math.atanh(smallest)",
            "math.atanh(smallest)",
        ),
        Attempt(
            "this is for a sigmoid",
            "2 * math.atanh(smallest)",
            "math.log(smallest / (1 - smallest))",
        ),
        Attempt("1 - β, not β", "((1 - 0.9) * (1 - 0.5)) ** 10", "(0.9 * 0.5) ** 10"),
        Attempt(
            "the determinant of one step",
            "((1 - 0.9) * (1 - 0.5)) ** 10",
            "(1 - 0.9) * (1 - 0.5)",
        ),
        Attempt("it does not add 2", "longest = 2**5", "longest = 2 * 5"),
    ],
    "the_cache_of_a_hybrid": [
        Attempt(
            "a key *and* a value",
            "attention_only = layers * tokens * per_token",
            "attention_only = layers * tokens * per_token / 2",
        ),
        Attempt(
            "recurrent layers are missing",
            "hybrid = 10 * tokens * per_token + 30 * state",
            "hybrid = 10 * tokens * per_token",
        ),
        Attempt(
            "does not grow with the number", "+ 30 * state\n", "+ 30 * tokens * state\n"
        ),
        Attempt(
            "a token has a key and a value",
            "crossing = state / per_token",
            "crossing = 2 * state / per_token",
        ),
        Attempt("only 30 of the 40", "most_pairs = 30 *", "most_pairs = 40 *"),
        Attempt("a byte has 8 bits", "30 * state * 8 // 16", "30 * state // 16"),
    ],
}
