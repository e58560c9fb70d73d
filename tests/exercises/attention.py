"""Wrong answers to the exercises on attention and memory."""

from tests.exercises.attempt import Attempt

WRONG = {
    "reversing_the_source": [
        Attempt("the mean of 2k", "2 * k - 1 for", "2 * k for"),
        Attempt("`first` is inverted", "(turned[0] - n)", "(n - turned[0])"),
        Attempt("`last` is the gradient itself", "(turned[-1] - n)", "turned[-1]"),
        Attempt(
            "the mean of powers is not the power of the mean",
            "sum(gamma**d for d in turned) / sum",
            "n * gamma**mean_distance / sum",
        ),
        Attempt(
            "`total` is the sum over all twenty",
            "print(mean",
            "total = first + last\nprint(mean",
        ),
        Attempt(
            "a sum of twenty gradients with a single gradient",
            "/ sum(gamma**d for d in as_it_is)",
            "/ gamma**n",
        ),
    ],
    "what_a_softmax_sees": [
        Attempt("and so does their sum", 'plus_five = "a"', 'plus_five = "c"'),
        Attempt("a row of weights sums to 1", 'doubled = "c"', 'doubled = "b"'),
        Attempt(
            "does not depend on the order of its terms",
            'permuted = "b"',
            'permuted = "c"',
        ),
        Attempt("with w = 0.6", 'copied = "c"', 'copied = "b"'),
        Attempt("Each copy adds its full exponential", 'copied = "c"', 'copied = "a"'),
        Attempt("every value moves by m", 'moved = "b"', 'moved = "c"'),
        Attempt("its spread grows with the number of", 'longer = "c"', 'longer = "a"'),
    ],
    "three_mistakes_in_attention": [
        Attempt("by which power of E do you scale", "/ np.sqrt(E)", "* np.sqrt(E)"),
        Attempt("not scaled at all", " / np.sqrt(E)", ""),
        Attempt("E itself is too much", "/ np.sqrt(E)", "/ E"),
        Attempt(
            "One of the three: The softmax runs over the queries",
            code="""
import numpy as np


def attend(queries, keys, values, mask):
    E = queries.shape[-1]
    scores = queries @ keys.swapaxes(1, 2) * np.sqrt(E)
    e = np.exp(scores - scores.max(axis=1, keepdims=True))
    weights = e / e.sum(axis=1, keepdims=True)
    weights = weights * mask[:, None]
    return weights @ values, weights
""",
        ),
        Attempt(
            "One mistake is left. The mask comes after the softmax",
            code="""
import numpy as np

from unrolled.functional import softmax


def attend(queries, keys, values, mask):
    scores = queries @ keys.swapaxes(1, 2) / np.sqrt(queries.shape[-1])
    weights = softmax(scores) * mask[:, None]
    return weights @ values, weights
""",
        ),
        Attempt(
            "every real exponential is 0",
            code="""
import numpy as np

from unrolled.functional import softmax


def attend(queries, keys, values, mask):
    scores = queries @ keys.swapaxes(1, 2) / np.sqrt(queries.shape[-1])
    weights = softmax(scores) * mask[:, None]
    weights = weights / weights.sum(axis=-1, keepdims=True)
    return weights @ values, weights
""",
        ),
        Attempt(
            "the padding has weights",
            "scores = np.where(mask[:, None], scores, -np.inf)",
            "",
        ),
        Attempt(
            "the context is not weights @ values",
            "return weights @ values",
            "return values.mean(axis=1, keepdims=True) + 0 * queries[..., :1]",
        ),
    ],
    "weights_without_a_source": [
        Attempt(
            "still does not look",
            "(h @ p.W_q)[:, None] + states @ p.W_k",
            "(h @ p.W_q)[:, None] + 0 * states @ p.W_k",
        ),
        Attempt(
            "The tanh is missing",
            "np.tanh((h @ p.W_q)[:, None] + states @ p.W_k)",
            "(h @ p.W_q)[:, None] + states @ p.W_k",
        ),
        Attempt(
            "each part has its own tanh",
            "np.tanh((h @ p.W_q)[:, None] + states @ p.W_k)",
            "np.tanh(h @ p.W_q)[:, None] + np.tanh(states @ p.W_k)",
        ),
        Attempt(
            "returns True for the weights of the tutorial",
            "np.allclose(after, before[:, ::-1])",
            "after.shape == before.shape",
        ),
        Attempt(
            "not the same array",
            "np.allclose(after, before[:, ::-1])",
            "np.allclose(after, before)",
        ),
        Attempt(
            "`looks` can be fooled",
            "before, after = weigh(h, states), weigh(h, states[:, ::-1])\n"
            "    return np.allclose(after, before[:, ::-1])",
            "return not np.allclose(weigh(h, states), weigh(h, 2 * states))",
        ),
    ],
    "gradient_of_attention": [
        Attempt("the softmax is missing", "weights * (dweights - mean)", "dweights"),
        Attempt(
            "only the factor w of the Jacobian",
            "weights * (dweights - mean)",
            "weights * dweights",
        ),
        Attempt(
            "only the diagonal",
            "weights * (dweights - mean)",
            "weights * (1 - weights) * dweights",
        ),
        Attempt(
            "not over the queries", "axis=-1, keepdims=True", "axis=1, keepdims=True"
        ),
        Attempt("`dq` is right except for a factor", "dz / np.sqrt(q.shape[-1])", "dz"),
        Attempt(
            "the factor 1/√E is missing",
            "dproduct.swapaxes(1, 2) @ q",
            "dz.swapaxes(1, 2) @ q",
        ),
        Attempt(
            "`dv` is wrong. Every query reads a value",
            "weights.swapaxes(1, 2) @ dcontext",
            "weights.mean(axis=1)[..., None] * dcontext.sum(axis=1)[:, None]",
        ),
    ],
    "coverage_of_an_alignment": [
        Attempt("counts the padded steps", "weights * real[:, :, None]", "weights"),
        Attempt("is a mean over the steps", ".sum(axis=1)", ".mean(axis=1)"),
        Attempt(
            "`positions` is the entropy",
            "np.exp(-(weights * logs).sum(axis=-1))",
            "-(weights * logs).sum(axis=-1)",
        ),
        Attempt("lost a sign", "np.exp(-(weights", "np.exp((weights"),
        Attempt(
            "is NaN where a weight", "np.where(weights > 0, weights, 1)", "weights"
        ),
        Attempt("mixes logarithms", "logs = np.log(", "logs = np.log2("),
    ],
    "cost_of_looking": [
        Attempt("The batch has 32", "weights = B * T * S", "weights = T * S"),
        Attempt("but a number has 4 bytes", "weights * A * 4", "weights * A"),
        Attempt("the two projections", "weights * A * 4", "B * (T + S) * A * 4"),
        Attempt(
            "The stored array has no axis E",
            "weights * 4 / 1e6",
            "weights * E * 4 / 1e6",
        ),
        Attempt("T becomes five times as large", "5 * 5", "5"),
        Attempt("Here D is 256", "D, H = 256, 512", "D, H = 512, 512"),
        Attempt("Attention computes both", "/ (E + F)", "/ E"),
    ],
    "reinforce_by_hand": [
        Attempt(
            "descent goes uphill",
            "losses[position] - baseline",
            "baseline - losses[position]",
        ),
        Attempt(
            "the baseline does nothing",
            "(losses[position] - baseline)",
            "losses[position]",
        ),
        Attempt(
            "contains the row's own loss",
            "(drawn.sum() - drawn) / (len(drawn) - 1)",
            "np.full(len(drawn), drawn.mean())",
        ),
        Attempt("there are B - 1 of them", "(len(drawn) - 1)", "len(drawn)"),
        Attempt(
            "is not the gradient of the expected",
            "dlog = -softmax(scores)",
            "dlog = 0 * scores",
        ),
    ],
    "follow_the_pointers": [
        Attempt("replaces the query", "q = q + w @ values", "q = w @ values"),
        Attempt(
            "the query does not change", "q = q + w @ values", "found = w @ values"
        ),
        Attempt("Keys are added to the query", "w @ values", "w @ keys"),
        Attempt(
            "the query still contains the old key",
            "keys[following] - keys",
            "keys[following]",
        ),
        Attempt("make it longer", "5.0 * np.eye", "1.0 * np.eye"),
        Attempt(
            "its largest weight is at a different position",
            "values = keys[following] - keys",
            "values = keys[np.argsort(following)] - keys",
        ),
    ],
    "move_a_head": [
        Attempt("the wrong way", "np.roll(w, o, axis=-1)", "np.roll(w, -o, axis=-1)"),
        Attempt("the sharpening is missing", "shifted**sharpness", "shifted"),
        Attempt(
            "no longer sum to 1",
            "return powers / powers.sum(axis=-1, keepdims=True)",
            "return powers",
        ),
        Attempt(
            "not a power of w", "shifted**sharpness", "np.exp(sharpness * shifted)"
        ),
        Attempt("after which the variance is 3", "slots = 3**2 /", "slots = 3 /"),
        Attempt(
            "standard deviations do not add up",
            "3**2 / variance_of_a_step",
            "3 / np.sqrt(variance_of_a_step)",
        ),
        Attempt(
            "Weight that leaves one end is lost",
            "shifted = sum(\n"
            "        shifts[:, [o + 1]] * np.roll(w, o, axis=-1) for o in (-1, 0, 1))",
            "shifted = shifts[:, [1]] * w\n"
            "    shifted[:, 1:] += shifts[:, [2]] * w[:, :-1]\n"
            "    shifted[:, :-1] += shifts[:, [0]] * w[:, 1:]",
        ),
    ],
    "heads_that_mix_time": [
        Attempt(
            "a reshape alone cannot",
            "x.reshape(B, T, N, D // N).swapaxes(1, 2)",
            "x.reshape(B, N, T, D // N)",
        ),
        Attempt(
            "every N-th number",
            "x.reshape(B, T, N, D // N).swapaxes(1, 2)",
            "x.reshape(B, T, D // N, N).transpose(0, 3, 1, 2)",
        ),
        Attempt(
            "the steps are mixed again",
            "x.reshape(B, T, N, D // N).swapaxes(1, 2)",
            "x.swapaxes(1, 2).reshape(B, N, T, D // N)",
        ),
        Attempt(
            "`join` still cuts without swapping",
            "c.swapaxes(1, 2).reshape(B, T, N * E)",
            "c.reshape(B, T, N * E)",
        ),
    ],
    "reverse_by_attention": [
        Attempt(
            "every step reads its own position",
            "[[-cosine, sine], [sine, cosine]]",
            "np.eye(2)",
        ),
        Attempt("mirrors at T instead of", "n, W = T - 1,", "n, W = T,"),
        Attempt(
            "the difference to the neighbours is too small", "return 9 * W", "return W"
        ),
        Attempt("No more than 10 is allowed", "return 9 * W", "return 30 * W"),
        Attempt(
            "steps read mostly the mirrored",
            "[[-cosine, sine], [sine, cosine]]",
            "[[cosine, -sine], [sine, cosine]]",
        ),
    ],
}
