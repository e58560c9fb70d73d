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
