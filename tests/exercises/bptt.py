"""Wrong answers to the exercises on backpropagation through time."""

from tests.exercises.attempt import Attempt

RTRL_LINES = """        S = (S @ W_h + own_use) * (1 - h_t**2)
        dW_h += S @ own(h_t)"""

FOUND = """found = {"A": ("window", 3), "B": ("shifted", 4)}
found |= {"C": ("chunks", 6), "D": ("last", 5)}"""

PREDICTIONS = """
linear_orthogonal, linear_shear, tanh_silent = {!r}, {!r}, {!r}
tanh_driven, tanh_fading, sigmoid = {!r}, {!r}, {!r}
"""

WRONG = {
    "one_weight_five_uses": [
        Attempt(
            "five copies. Four of them remain",
            "second_use = w ** (T - 1)",
            "second_use = 4 * w**3",
        ),
        Attempt("is what one copy of w contributes", "gradient = T * ", "gradient = "),
        Attempt(
            "counts early uses several times",
            "gradient = T * w ** (T - 1)",
            "gradient = 15 * w**4",
        ),
        Attempt(
            "not the derivative of w to the power 5", "T * w ** (T - 1)", "T * w**T"
        ),
        Attempt(
            "three factors from step 2 to step 5",
            "second_use = w ** (T - 1)",
            "second_use = w**3",
        ),
        Attempt(
            "immediate derivative of h_2", "second_use = w ** (T - 1)", "second_use = w"
        ),
        Attempt(
            "`misread` equals the gradient", "* k * w ** (k - 1)", "* w ** (k - 1)"
        ),
        Attempt("sum over k of w^(5-k)", "* k * w ** (k - 1)", "* w**k"),
    ],
    "delta_by_hand": [
        Attempt(
            "h_0 is read by step 1 alone", "dh0 = delta_1 * 0.5", "dh0 = delta_1 * 0.2"
        ),
        Attempt(
            "the sum of the deltas", "db = delta_1 + delta_2 + delta_3", "db = delta_3"
        ),
        Attempt(
            "of the third loss alone",
            "delta_2 = (-1 + delta_3 * 0.5) * 0.36\ndelta_1 = (1 +",
            "delta_2 = delta_3 * 0.5 * 0.36\ndelta_1 = (0 +",
        ),
        Attempt(
            "Compute step 1 in the same way",
            "(1 + delta_2 * 0.5)",
            "(1 - delta_2 * 0.5)",
        ),
        Attempt("is the sum over the steps", "- 0.8 * delta_3", "+ 0.8 * delta_3"),
        Attempt(
            "own output alone",
            code="delta = [0.64, -0.36, 1.5]\ndW_h = db = dh0 = 0\n",
        ),
        Attempt(
            "step 1 first", "[delta_1, delta_2, delta_3]", "[delta_3, delta_2, delta_1]"
        ),
        Attempt(
            "slopes of tanh are missing",
            code="delta = [1.0, 0.0, 2.0]\ndW_h = db = dh0 = 0\n",
        ),
        Attempt(
            "first add both gradients",
            "(-1 + delta_3 * 0.5) * 0.36",
            "-1 * 0.36 + delta_3 * 0.5",
        ),
        Attempt(
            "Use the state before the step",
            "0.2 * delta_1 + 0.6 * delta_2 - 0.8 * delta_3",
            "0.6 * delta_1 - 0.8 * delta_2 + 0.5 * delta_3",
        ),
        Attempt("leaves out the first step", "0.2 * delta_1 + ", ""),
        Attempt(
            "Multiply it by W_h to get the gradient of h_0",
            "dh0 = delta_1 * 0.5",
            "dh0 = delta_1",
        ),
    ],
    "backward_of_the_plain_cell": [
        Attempt(
            "`dx`: x_t reaches a_t", "da @ W_x.T, arriving", "dh @ W_x.T, arriving"
        ),
        Attempt(
            "`dW_x` is not the sum of x_t",
            '"tbd,tbh->dh", x, da',
            '"tbd,tbh->dh", x, dh',
        ),
        Attempt(
            "`dW_h` is not the sum of h_{t-1}",
            '"tbk,tbh->kh", h[:-1], da',
            '"tbk,tbh->kh", h[:-1], dh',
        ),
        Attempt(
            "that the first step passes back",
            "da @ W_x.T, arriving",
            "da @ W_x.T, 0 * arriving",
        ),
        Attempt("a calculation of two steps", "(1 - h[t + 1] ** 2)", "(1 - h[t] ** 2)"),
        Attempt("nothing is carried back", "(dh[t] + arriving)", "dh[t]"),
        Attempt("come back through its transpose", "da[t] @ W_h.T", "da[t] @ W_h"),
        Attempt(
            "h is a tanh already", "(1 - h[t + 1] ** 2)", "(1 - np.tanh(h[t + 1]) ** 2)"
        ),
        Attempt(
            "runs from the first step to the last",
            "reversed(range(len(x)))",
            "range(len(x))",
        ),
        Attempt("W_h multiplied h_{t-1}", "h[:-1], da", "h[1:], da"),
        Attempt(
            "`dW_h` is transposed",
            '"tbk,tbh->kh", h[:-1], da',
            '"tbk,tbh->hk", h[:-1], da',
        ),
        Attempt(
            "a mean over the batch",
            "da.sum(axis=(0, 1))",
            "da.sum(axis=0).mean(axis=0)",
        ),
        Attempt("gradient of a_1", "da @ W_x.T, arriving", "da @ W_x.T, da[0]"),
        Attempt(
            "sum over time and batch", "da.sum(axis=(0, 1))", "2 * da.sum(axis=(0, 1))"
        ),
    ],
    "passes_with_the_identity": [
        Attempt("`dW_x` was right", '"tbd,tbh->dh", x, da', '"tbd,tbh->dh", x, dh'),
        Attempt(
            "The slope of tanh is still wrong",
            "1 - h[t + 1] ** 2",
            "1 - np.tanh(h[t + 1]) ** 2",
        ),
        Attempt("where W_h is not symmetric", "da[t] @ W_h.T", "da[t] @ W_h"),
        Attempt(
            "an error that the stub does not have",
            "(dh[t] + arriving) * (1 - h[t + 1] ** 2)",
            "(dh[t] + arriving) * (1 - h[t] ** 2)",
        ),
        Attempt("`dW_h` was right", "h[:-1], da", "h[1:], da"),
    ],
    "gradient_without_a_way_back": [
        Attempt(
            "was called 18 times", "S @ own(h_t)", "S @ own(h_t) + 0 * (S @ own(h_t))"
        ),
        Attempt("immediate part alone", "(S @ W_h + own_use)", "own_use"),
        Attempt("on the wrong side", "S @ W_h + own_use", "S @ W_h.T + own_use"),
        Attempt(
            "sensitivity of the previous state",
            RTRL_LINES,
            "\n".join(reversed(RTRL_LINES.splitlines())),
        ),
        Attempt(
            "the weight multiplies the previous state",
            "own_use = h[:, None",
            "own_use = h_t[:, None",
        ),
        Attempt("is transposed", "return dW_h", "return dW_h.T"),
        Attempt("not the states of the network", "S @ own(h_t)", "S @ own(h)"),
        Attempt("only the immediate part counts", "* (1 - h_t**2)", "* (1 - h**2)"),
    ],
    "name_the_truncation": [
        Attempt(
            "position of the first cut",
            FOUND,
            FOUND.replace('"shifted", 4', '"chunks", 4'),
        ),
        Attempt(
            "count the output's own step",
            FOUND,
            FOUND.replace('"window", 3', '"window", 4'),
        ),
        Attempt(
            "reaches no step at all",
            FOUND,
            FOUND.replace('"last", 5', '"chunks", 5'),
        ),
        Attempt(
            "'chunks', but with a different size",
            FOUND,
            FOUND.replace('"chunks", 6', '"chunks", 5'),
        ),
        Attempt(
            "not the full gradient", FOUND, FOUND.replace('"window", 3', '"full", None')
        ),
    ],
    "how_far_a_gradient_reaches": [
        Attempt(
            "how is a tie between",
            "    k_lost += 1\n\nk_zero",
            "    k_lost += 1\nk_lost += 1\n\nk_zero",
        ),
        Attempt("the norm of a product", "1 * 2.94", "2.94**2"),
        Attempt("1 bounds the diagonal factor", "one_step = 1 * 2.94", "one_step = 1"),
        Attempt("still just above", "int(np.ceil(np.log(1e-6) / np.log(0.9)))", "131"),
        Attempt(
            "a quarter times two", "int(np.ceil(np.log(1e-6) / np.log(2 / 4)))", "10"
        ),
        Attempt(
            "that is float64",
            "np.float32(1) + np.float32(0.5**k_lost)",
            "1 + 0.5**k_lost",
        ),
        Attempt(
            "float32 continues with fewer bits",
            "while gradient > 0",
            "while gradient > 2e-38",
        ),
        Attempt(
            "float32 contains 2^-149", "while gradient > 0", "while gradient > 2e-45"
        ),
    ],
    "radius_one": [
        Attempt(
            "`linear_shear`: write down the second",
            code=PREDICTIONS.format("a", "a", "a", "d", "c", "d"),
        ),
        Attempt(
            "the slope of tanh at 0 is 1",
            code=PREDICTIONS.format("a", "b", "d", "d", "c", "d"),
        ),
        Attempt(
            "slower than any power",
            code=PREDICTIONS.format("a", "b", "a", "d", "d", "d"),
        ),
        Attempt(
            "`sigmoid`: the slope is a quarter",
            code=PREDICTIONS.format("a", "b", "a", "d", "c", "a"),
        ),
    ],
    "clip_one_norm": [
        Attempt(
            "the norm of all arrays together", "gradients], norm", "gradients], norm**2"
        ),
        Attempt(
            "were overwritten",
            "    return [gradient * factor for gradient in gradients], norm",
            "    for g in gradients:\n        g *= factor\n    return gradients, norm",
        ),
        Attempt(
            "the limit over their common norm",
            "sum((gradient**2).sum()",
            "sum(abs(gradient).sum()",
        ),
        Attempt(
            "Each array has a norm and a factor of its own",
            "return [gradient * factor for gradient in gradients], norm",
            "return [g * min(1, limit / np.linalg.norm(g)) for g in gradients], norm",
        ),
        Attempt(
            "clipping by value",
            "return [gradient * factor for gradient in gradients], norm",
            "return [np.clip(g, -limit, limit) for g in gradients], norm",
        ),
        Attempt(
            "shorter than the limit is changed",
            "min(1.0, limit / norm)",
            "limit / norm",
        ),
        Attempt(
            "never above the limit", "gradients], norm", "gradients], norm * factor"
        ),
        Attempt(
            "comes back as NaN",
            "[gradient * factor for gradient in gradients]",
            "[g / norm * min(norm, limit) for g in gradients]",
        ),
    ],
    "remember_a_bit": [
        Attempt(
            "With every seed, the network guesses",
            "return np.eye(H)",
            "return rng.uniform(-1, 1, (H, H)) / np.sqrt(H)",
        ),
        Attempt(
            "although the radius is",
            "return np.eye(H)",
            "return rng.standard_normal((H, H)) / np.sqrt(H)",
        ),
        Attempt(
            "depends on luck",
            "return np.eye(H)",
            "return np.linalg.qr(rng.standard_normal((H, H)))[0]",
        ),
    ],
}
