"""Wrong answers to the exercises on the language model."""

from tests.exercises.attempt import Attempt

WRONG = {
    "the_faces_of_the_die": [
        Attempt(
            "109 is the mean of the two perplexities",
            "math.exp(mean_loss)",
            "0.9 * 10 + 0.1 * 1000",
        ),
        Attempt("told whether the next word is common", "3 / 4 / 4, 1 / 4 / 256", "1 / 4, 1 / 256"),
        Attempt("1 is in bits", "math.log(8000)", "math.log2(8000)"),
        Attempt("3: that is the entropy in nats", "math.exp(entropy)", "entropy"),
    ],
    "a_model_that_never_stops": [
        Attempt(
            "no END is ever learnt",
            "np.arange(T)[:, None] < lengths  # (T, 1) against (B,)",
            "targets != END",
        ),
        Attempt("The targets are still the inputs", "column] = ids[1:]", "column] = ids[:-1]"),
        Attempt("counts the padding", "np.arange(T)[:, None] < lengths", "np.full((T, B), True)"),
        Attempt(
            "Time runs down",
            "return inputs, targets, mask\n",
            "return inputs.T, targets.T, mask.T\n",
        ),
    ],
    "the_price_of_unknown": [
        Attempt(
            "the share of the *different* words", "outside.sum()", "len(outside) / len(shares)"
        ),
        Attempt("you keep the *first* words", "np.sort(counts)[::-1]", "np.asarray(counts)"),
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
        Attempt("due after UNKNOWN only", "share * np.log(len(outside))", "np.log(len(outside))"),
        Attempt("leaves out the entry UNKNOWN", "    loss -= share * np.log(share)\n", ""),
    ],
    "one_sentence_moves_how_many": [
        Attempt(
            "1 is the post's count", "V * H + H * H + H + H * V + V\nleft", "V*H+H*H+H*V\nleft"
        ),
        Attempt("was not read has the gradient 0", "can_change = T * H", "can_change = V * H"),
        Attempt("W_x is right, W_y is not", "T * H + H * H + H + H * V + V", "T*H+H*H+H+H*T+T"),
        Attempt("our model keeps its biases", "tied = V * H + H * H + H + V", "tied = V*H + H*H"),
    ],
    "which_weights_move": [
        Attempt("Start D: W_h does get a gradient", 'is_zero({"W_h"})', '{"W_h"}'),
        Attempt("Start C: W_x does get", 'is_zero({"W_x", "b"})', '{"W_x", "b"}'),
        Attempt("Start B: W_x gets none", 'is_zero({"W_y"})', '{"W_y"}'),
        Attempt("Start B: W_y does get", 'is_zero({"W_y"})', '{"W_x", "W_h", "b", "W_y"}'),
        Attempt("Start E: W_h gets none", "is_zero(set(), T=1)", "set()"),
    ],
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
    "a_perplexity_that_changes": [
        Attempt(
            "starts from the last state",
            code="""
import numpy as np

from unrolled import rnn
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
            "you divide by all places", "words += batch.mask.sum()", "words += batch.mask.size"
        ),
        Attempt(
            "Within a batch it is right",
            code="""
import numpy as np

from unrolled import language_model


def perplexity(p, batches):
    return np.exp(np.mean([language_model.loss(p, batch)[0] for batch in batches]))
""",
        ),
        Attempt(
            "not batch by batch",
            code="""
import numpy as np

from unrolled import language_model


def perplexity(p, batches):
    return np.mean([np.exp(language_model.loss(p, batch)[0]) for batch in batches])
""",
        ),
        Attempt("the perplexity is its exponential", "np.exp(total / words)", "total / words"),
    ],
    "two_steps_by_hand": [
        Attempt("4 knows step 1's own loss only", " + da_2 * w_h", ""),
        Attempt("5 leaves out step 1", "h0 * da_1 + h1 * da_2", "h1 * da_2"),
        Attempt("the slope of tanh at step 2", "dh_2 * (1 - h2**2)", "dh_2"),
        Attempt("5: at step t, w_h multiplied", "h0 * da_1 + h1 * da_2", "h1 * da_1 + h2 * da_2"),
        Attempt("1 is the mean loss", "-math.log(1 / 4) - math.log(1 / 4)", "math.log(4)"),
    ],
}
