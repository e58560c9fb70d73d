"""Wrong answers to the exercises on the language model."""

from tests.exercises.attempt import Attempt

WRONG = {
    "the_faces_of_the_die": [
        Attempt(
            "109 is the mean of the two perplexities",
            "math.exp(mean_loss)",
            "0.9 * 10 + 0.1 * 1000",
        ),
        Attempt(
            "told whether the next word is common",
            "3 / 4 / 4, 1 / 4 / 256",
            "1 / 4, 1 / 256",
        ),
        Attempt("1 is in bits", "math.log(8000)", "math.log2(8000)"),
        Attempt("3: that is the entropy in nats", "math.exp(entropy)", "entropy"),
    ],
    "a_model_that_never_stops": [
        Attempt(
            "no END is ever learnt",
            "np.arange(T)[:, None] < lengths  # (T, 1) against (B,)",
            "targets != END",
        ),
        Attempt(
            "The targets are still the inputs",
            "column] = ids[1:]",
            "column] = ids[:-1]",
        ),
        Attempt(
            "counts the padding",
            "np.arange(T)[:, None] < lengths",
            "np.full((T, B), True)",
        ),
        Attempt(
            "Time is axis 0",
            "return inputs, targets, mask\n",
            "return inputs.T, targets.T, mask.T\n",
        ),
    ],
    "the_price_of_unknown": [
        Attempt(
            "the share of the *different* words",
            "outside.sum()",
            "len(outside) / len(shares)",
        ),
        Attempt(
            "you keep the *first* words", "np.sort(counts)[::-1]", "np.asarray(counts)"
        ),
        Attempt(
            "a loss is NaN",
            code="""
import numpy as np


def unknown(counts, kept):
    shares = np.sort(counts)[::-1] / np.sum(counts)
    inside, outside = shares[:kept], shares[kept:]
    share = outside.sum()
    entries = np.append(inside, share)
    loss = -np.sum(entries * np.log(entries))
    return share, loss, loss + share * np.log(len(outside))
""",
        ),
        Attempt(
            "due after UNKNOWN only",
            "share * np.log(len(outside))",
            "np.log(len(outside))",
        ),
        Attempt(
            "leaves out the entry UNKNOWN", "    loss -= share * np.log(share)\n", ""
        ),
    ],
    "one_sentence_moves_how_many": [
        Attempt(
            "1 is the count without biases",
            "V * H + H * H + H + H * V + V\nleft",
            "V*H+H*H+H*V\nleft",
        ),
        Attempt(
            "was not read has the gradient 0",
            "can_change = T * H",
            "can_change = V * H",
        ),
        Attempt(
            "W_x is right, W_y is not",
            "T * H + H * H + H + H * V + V",
            "T*H+H*H+H+H*T+T",
        ),
        Attempt(
            "our model keeps its biases",
            "tied = V * H + H * H + H + V",
            "tied = V*H + H*H",
        ),
    ],
    "which_weights_move": [
        Attempt("Start D: W_h does get a gradient", 'is_zero({"W_h"})', '{"W_h"}'),
        Attempt("Start C: W_x does get", 'is_zero({"W_x", "b"})', '{"W_x", "b"}'),
        Attempt("Start B: W_x gets none", 'is_zero({"W_y"})', '{"W_y"}'),
        Attempt(
            "Start B: W_y does get", 'is_zero({"W_y"})', '{"W_x", "W_h", "b", "W_y"}'
        ),
        Attempt("Start E: W_h gets none", "is_zero(set(), T=1)", "set()"),
    ],
    "softmax_over_the_wrong_axis": [
        Attempt(
            "The whole batch sums to 1", "e.sum(axis=-1, keepdims=True)", "e.sum()"
        ),
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
    "a_perplexity_that_changes": [
        Attempt(
            "starts from the last state",
            code="""
import numpy as np

from unrolled.cells import rnn
from unrolled.functional import cross_entropy


def perplexity(p, batches):
    h, total, words = None, 0.0, 0
    for batch in batches:
        h0 = None if h is None or h.shape[1] != batch.inputs.shape[1] else h[-1]
        h, _ = rnn.forward(p.cell, batch.inputs, h0)
        loss = cross_entropy(h @ p.W_y + p.b_y, batch.targets)
        total, words = total + (loss * batch.mask).sum(), words + batch.mask.sum()
    return np.exp(total / words)
""",
        ),
        Attempt(
            "you divide by the number of all positions",
            "words += batch.mask.sum()",
            "words += batch.mask.size",
        ),
        Attempt(
            "Within a batch it is right",
            code="""
import numpy as np

from unrolled.models import language_model


def perplexity(p, batches):
    return np.exp(np.mean([language_model.loss(p, batch)[0] for batch in batches]))
""",
        ),
        Attempt(
            "not batch by batch",
            code="""
import numpy as np

from unrolled.models import language_model


def perplexity(p, batches):
    return np.mean([np.exp(language_model.loss(p, batch)[0]) for batch in batches])
""",
        ),
        Attempt(
            "the perplexity is its exponential",
            "np.exp(total / words)",
            "total / words",
        ),
    ],
    "two_steps_by_hand": [
        Attempt("4 contains only the loss of step 1", " + da_2 * w_h", ""),
        Attempt("5 leaves out step 1", "h0 * da_1 + h1 * da_2", "h1 * da_2"),
        Attempt("the slope of tanh at step 2", "dh_2 * (1 - h2**2)", "dh_2"),
        Attempt(
            "5: at step t, w_h multiplies",
            "h0 * da_1 + h1 * da_2",
            "h1 * da_1 + h2 * da_2",
        ),
        Attempt(
            "1 is the mean loss", "-math.log(1 / 4) - math.log(1 / 4)", "math.log(4)"
        ),
    ],
    "one_matrix_to_read_and_to_say": [
        Attempt(
            "E is right except for words",
            "np.add.at(dE, inputs, da)",
            "dE[inputs] += da",
        ),
        Attempt("Reading is missing", "    np.add.at(dE, inputs, da)  # reading\n", ""),
        Attempt(
            "The reading part of E is right",
            "du.T @ h[1:]  # predicting",
            "np.zeros_like(p.E)",
        ),
        Attempt("at its own step only", "        dh_next = da[t] @ p.W_h.T\n", ""),
        Attempt("you took h[t]", "h[:-1].T @ da", "h[1:].T @ da"),
        Attempt(
            "the gradient is that of the mean",
            "targets] -= 1\n",
            "targets] -= 1\n    du /= T\n",
        ),
        Attempt("it should be W_h transposed", "da[t] @ p.W_h.T", "da[t] @ p.W_h"),
    ],
    "a_check_that_cannot_fail": [
        Attempt(
            "contains only NaN",
            "bool(np.all(np.abs(dw - numeric) <= threshold * size))",
            "not np.any(np.abs(dw - numeric) > threshold * size)",
        ),
        Attempt(
            "refuses the right gradient", "0.01 * np.abs(numeric).max(), 1e-8", "0, 0"
        ),
        Attempt("too large by 2 %", "threshold=1e-5", "threshold=0.03"),
        Attempt(
            "a small entry that is wrong by half",
            "np.all(np.abs(dw - numeric) <= threshold * size)",
            "np.linalg.norm(dw - numeric) <= 5e-4 * max(1e-9, np.linalg.norm(numeric))",
        ),
        Attempt("put each entry back", "        w[index] = kept\n", ""),
        Attempt(
            "It accepts a NaN where the true gradient is zero",
            code="""
import numpy as np


def gradient_is_right(loss, w, dw, epsilon=6e-6, threshold=1e-5):
    for index in np.ndindex(w.shape):
        kept = w[index]
        w[index] = kept + epsilon
        above = loss(w)
        w[index] = kept - epsilon
        below = loss(w)
        w[index] = kept
        numeric, analytic = (above - below) / (2 * epsilon), dw[index]
        if abs(numeric) < 1e-9:
            continue
        if not abs(analytic - numeric) <= threshold * (abs(analytic) + abs(numeric)):
            return False
    return True
""",
        ),
    ],
    "a_gradient_that_almost_fits": [
        Attempt(
            "Does the loop reach every step",
            "range(T - 1, -1, -1)",
            "range(T - 1, 0, -1)",
        ),
        Attempt(
            "if a word occurs more than once",
            "np.add.at(dW_x, ids, da)",
            "dW_x[ids] += da",
        ),
        Attempt(
            "All is right as long as h_0 = 0", "before.T @ da", "h[:-1].T @ da[1:]"
        ),
        Attempt(
            "With h_0 = 0 and no repeated word", "p.W_h @ da[t]", "p.W_h.T @ da[t]"
        ),
    ],
    "draw_a_word": [
        Attempt(
            "Go to float64 before the softmax",
            "return int(rng.choice(len(u), p=e / e.sum()))",
            "return int(rng.multinomial(1, (e / e.sum()).astype(np.float32)).argmax())",
        ),
        Attempt(
            "Which maximum is subtracted",
            code="""
import numpy as np


def draw(u, rng, forbidden=(), temperature=1.0):
    u = (u.astype(np.float64) - u.max()) / temperature
    u[list(forbidden)] = -np.inf
    return int(rng.choice(len(u), p=np.exp(u) / np.exp(u).sum()))
""",
        ),
        Attempt(
            "the temperature has no effect",
            "u.astype(np.float64) / temperature",
            "u.astype(np.float64)",
        ),
        Attempt(
            "work on a copy",
            "u = u.astype(np.float64) / temperature",
            "u /= temperature",
        ),
        Attempt(
            "keeps on drawing",
            code="""
import numpy as np


def draw(u, rng, forbidden=(), temperature=1.0):
    u = u.astype(np.float64) / temperature
    e = np.exp(u - u.max())
    while True:
        word = int(rng.choice(len(u), p=e / e.sum()))
        if word not in forbidden:
            return word
""",
        ),
        Attempt("A forbidden word was drawn", "-np.inf", "0"),
    ],
    "beat_the_bigram": [
        Attempt("The bigram is still better", "epochs=30", "epochs=1"),
        Attempt("80 % is the target", "epochs=30", "epochs=6"),
        Attempt(
            "Return their logarithms",
            "np.log(softmax(logits[:, 0]))",
            "softmax(logits[:, 0])",
        ),
        Attempt("should sum to 1", "np.log(softmax(logits[:, 0]))", "logits[:, 0]"),
        Attempt(
            "only later words change",
            "np.asarray(ids)[:, None])",
            "np.asarray(ids)[::-1][:, None])",
        ),
    ],
    "the_first_number": [
        Attempt("a trained model would get there", '"b": log_V', '"b": 0.0'),
        Attempt("in the mean, with a loss of 0", "log_V / 2", "log_V"),
        Attempt("logits that scatter", "log_V + 1 / 2", "log_V"),
        Attempt("a column has 45 entries", "math.log(45)", "log_V"),
        Attempt("that is in bits", "log_V = math.log(8000)", "log_V = math.log2(8000)"),
    ],
}
