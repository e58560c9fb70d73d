"""Wrong answers to the exercises on recurrent networks in TensorFlow."""

from tests.exercises.attempt import Attempt

WRONG = {
    "bytes_of_a_record": [
        Attempt(
            "100 fits into seven bits",
            "small, large = step(100)",
            "small, large = step(300)",
        ),
        Attempt("a byte has room for seven", "step(300)\nids", "step(100)\nids"),
        Attempt(
            "leaves out the frame that", "record = 16 + field(0)", "record = field(0)"
        ),
        Attempt(
            "leaves out the empty context", "record = 16 + field(0) +", "record = 16 +"
        ),
        Attempt(
            "leaves out the name of the list", "field(3) + field(steps)", "field(steps)"
        ),
        Attempt("one byte for every length", "1 + v(m) + m", "2 + m"),
        Attempt("START and END are below 128", "[1] + 18 * [300] + [2]", "20 * [300]"),
        Attempt("an Example has no context", "plain = 16 +", "plain = 16 + field(0) +"),
        Attempt(
            "does not fit into one byte",
            "vector = field(field(field(256 * 4)))",
            "vector = 1030",
        ),
        Attempt("in one packed list", "field(field(field(256 * 4)))", "256 * step(1)"),
    ],
    "waste_of_padding": [
        Attempt("is the share of real steps", "return 1 - sum", "return sum"),
        Attempt(
            "the mean of the three batches' shares",
            "print(",
            "as_they_come = (1 - 36 / 80 + 1 - 22 / 32 + 1 - 38 / 72) / 3\nprint(",
        ),
        Attempt(
            "the longest of the three batches are 4, 8 and 20",
            "sorted(lengths)",
            "lengths",
        ),
        Attempt(
            "as long as the longest of all", "share(lengths, 12)", "share(lengths, 6)"
        ),
        Attempt(
            "An exponential has a tail",
            "1 - 1 / sum(1 / j for j in range(1, 33))",
            "(32 - 1) / (2 * 32)",
        ),
        Attempt(
            "It grows like log B",
            "1 - 1 / sum(1 / j for j in range(1, 33))",
            "1 - 1 / 32",
        ),
    ],
    "bucket_plan": [
        Attempt(
            "With equal numbers of sequences",
            code="""
import numpy as np


def limits(lengths, buckets):
    shares = np.arange(1, buckets + 1) / buckets
    return np.unique(np.quantile(lengths, shares, method="higher")).tolist()
""",
        ),
        Attempt(
            "Less than 10 % is",
            code="""
import numpy as np


def limits(lengths, buckets):
    edges = np.geomspace(lengths.min(), lengths.max(), buckets + 1)[1:]
    return np.unique(np.ceil(edges).astype(int)).tolist()
""",
        ),
        Attempt(
            "would have no bucket",
            code="def limits(lengths, buckets):\n    return [7, 22, 49, 120]\n",
        ),
        Attempt(
            "limits for 2 buckets",
            "return found[::-1]",
            "return [7, 22, 49, max(lengths)]",
        ),
        Attempt(
            "The limits must increase",
            code="def limits(lengths, buckets):\n    return [131, 49, 22, 7]\n",
        ),
        Attempt(
            "padding, more than limits",
            "return found[::-1]",
            "return found[::-1] if max(lengths) == 131 else [max(lengths)]",
        ),
    ],
    "padded_in_front": [
        Attempt("The short sentences begin with padding", ', padding="post"', ""),
        Attempt("The long sentence has lost its beginning", ', truncating="post"', ""),
        Attempt(
            "The unknown words have no weight",
            "(ids[:, 1:] != -1).astype(np.float32)",
            "np.sign(np.maximum(ids[:, 1:], 0))",
        ),
        Attempt(
            "learns to write padding",
            "(ids[:, 1:] != -1).astype(np.float32)",
            "0 * ids[:, 1:] + 1",
        ),
        Attempt("An id is negative", "ids = np.where(ids == -1, 2, ids)", "pass"),
        Attempt(
            "is not the sentence shifted by one word",
            "return ids[:, :-1], ids[:, 1:], weights",
            "return ids[:, :-1], ids[:, :-1], weights",
        ),
    ],
    "how_many_graphs": [
        Attempt("each graph is", "plain = len(set(lengths))", "plain = 1"),
        Attempt("in the second epoch", "plain = len(set(lengths))", "plain = 16"),
        Attempt("one graph is enough", "signature = 1", "signature = 8"),
        Attempt(
            "but 9 does not",
            "multiples = len({-(-T // 8) * 8 for T in lengths})",
            "multiples = 1",
        ),
        Attempt(
            "XLA generates code for fixed sizes",
            "compiled = len(set(lengths))",
            "compiled = 1",
        ),
        Attempt("Its value is built into", "python_rates = 6", "python_rates = 1"),
        Attempt("an input of the graph", "tensor_rates = 1", "tensor_rates = 6"),
    ],
    "where_a_sequence_ends": [
        Attempt(
            "from the last step of the array", "h[lengths - 1, np.arange(B)]", "h[-1]"
        ),
        Attempt(
            "off by one", "h[lengths - 1, np.arange(B)]", "h[lengths % T, np.arange(B)]"
        ),
        Attempt(
            "The mean still counts the padding",
            "np.where(real, h, 0).sum(axis=0) / lengths[:, None]",
            "h.mean(axis=0)",
        ),
        Attempt(
            "divided by T instead of",
            ".sum(axis=0) / lengths[:, None]",
            ".mean(axis=0)",
        ),
    ],
    "masks_that_get_lost": [
        Attempt("an operator makes a new tensor", '"2 * e": False', '"2 * e": True'),
        Attempt(
            "this sum is a layer",
            '"layers.Add()([e, e])": True',
            '"layers.Add()([e, e])": False',
        ),
        Attempt("removes the mask from the tensor", '(e, e)": False', '(e, e)": True'),
        Attempt(
            "no steps to mask",
            '"layers.LSTM(3)(e)": False',
            '"layers.LSTM(3)(e)": True',
        ),
        Attempt(
            "(5 of 10 lines are not right yet.)",
            code="""
keeps = dict.fromkeys([
    "layers.Dense(3)(e)",
    "layers.Dropout(0.1)(e)",
    "2 * e",
    "layers.Add()([e, e])",
    "layers.Conv1D(3, 3, padding='same')(e)",
    "layers.LSTM(3, return_sequences=True)(e)",
    "layers.LSTM(3)(e)",
    "keras.ops.tanh(e)",
    "layers.Activation('tanh')(e)",
    "e, after layers.MultiHeadAttention(2, 4)(e, e)",
], True)
""",
        ),
    ],
    "turn_around_at_the_end": [
        Attempt(
            "reversed together with its padding",
            "return x[source, np.arange(x.shape[1])]",
            "return x[::-1]",
        ),
        Attempt(
            "The padding should stay as it was",
            "lengths - 1 - t, t)",
            "lengths - 1 - t, 0)",
        ),
        Attempt(
            "the padding is in reverse order",
            "np.where(t < lengths, lengths - 1 - t, t)",
            "lengths - 1 - t",
        ),
        Attempt(
            "off by one: step 0", "lengths - 1 - t, t)", "(lengths - t) % len(x), t)"
        ),
        Attempt(
            "in the order of reading",
            "reverse(backward(reverse(x, lengths)), lengths)",
            "backward(reverse(x, lengths))",
        ),
        Attempt(
            "begins with the padding",
            "reverse(backward(reverse(x, lengths)), lengths)",
            "backward(x[::-1])[::-1]",
        ),
        Attempt(
            "like the first",
            "reverse(backward(reverse(x, lengths)), lengths)",
            "backward(x)",
        ),
        Attempt("The halves are exchanged", "[past, future]", "[future, past]"),
    ],
    "one_cell_four_times": [
        Attempt(
            "as many as a single cell",
            "[keras.layers.LSTMCell(H) for _ in range(K)]",
            "[keras.layers.LSTMCell(H)] * K",
        ),
        Attempt("3 cells have 3", "for _ in range(K)", "for _ in range(K - 1)"),
        Attempt(
            "The stack returns only its last output", ", return_sequences=True", ""
        ),
        Attempt(
            "The layer of the stub has one cell",
            "4 * (8 + 8 + 1) * 8",
            "4 * 4 * (8 + 8 + 1) * 8",
        ),
        Attempt("leaves out the biases", "4 * (8 + 8 + 1) * 8", "4 * (8 + 8) * 8"),
    ],
    "loss_per_word": [
        Attempt(
            "also divided by all positions.)",
            code="""
import numpy as np


def loss_per_word(losses, targets, lengths):
    return (losses * np.sign(targets)).mean()
""",
        ),
        Attempt(
            "divided by all positions, B T", "lengths.sum()\n\n", "losses.size\n\n"
        ),
        Attempt(
            "from the sum and from the number",
            "losses[real].sum() / lengths.sum()",
            "losses[targets != 0].mean()",
        ),
        Attempt("0 · ∞ is NaN", "losses[real].sum()", "(losses * real).sum()"),
        Attempt(
            "every sequence has the same weight",
            "losses[real].sum() / lengths.sum()",
            "(np.where(real, losses, 0).sum(axis=1) / lengths).mean()",
        ),
        Attempt(
            "a mean of perplexities",
            "np.exp(total / sum(lengths.sum() for _, _, lengths in batches))",
            "np.mean([np.exp(loss_per_word(*triple)) for triple in batches])",
        ),
        Attempt(
            "gives every batch the same weight",
            "np.exp(total / sum(lengths.sum() for _, _, lengths in batches))",
            "np.exp(np.mean([loss_per_word(*triple) for triple in batches]))",
        ),
        Attempt(
            "still in nats",
            "np.exp(total / sum(lengths.sum() for _, _, lengths in batches))",
            "total / sum(lengths.sum() for _, _, lengths in batches)",
        ),
    ],
    "numbers_to_expect": [
        Attempt("the bias of the Dense layer", "dense = H * V + V", "dense = H * V"),
        Attempt(
            "the bias of the GRU", "3 * (H * H + H * H + H)", "3 * (H * H + H * H)"
        ),
        Attempt("four blocks, as an LSTM", "gru = 3 *", "gru = 4 *"),
        Attempt("one of the two large matrices", "words + gru + dense", "gru + dense"),
        Attempt("as large as the first", "parameters + 3 * H", "parameters + H"),
        Attempt("neither as a perplexity nor in bits", "math.log(V)", "math.log2(V)"),
        Attempt(
            "has only the weights", "3 * parameters * 4 / 1e6", "parameters * 4 / 1e6"
        ),
        Attempt("the second two, the last 25", "sum(range(1, 26))", "sum(range(25))"),
    ],
    "weights_from_before_keras_3": [
        Attempt(
            "the candidate g has a tanh", "[1.2, 1.2, 1.0, 1.2]", "[1.2, 1.2, 1.2, 1.2]"
        ),
        Attempt(
            "the wrong way round", "[1.2, 1.2, 1.0, 1.2]", "np.array([5, 5, 6, 5]) / 6"
        ),
        Attempt("The bias is inside the gate", "factor * b", "b"),
        Attempt("of the state and the bias", "factor * W_h, factor * b", "W_h, b"),
        Attempt(
            "the third block, not the last",
            "[1.2, 1.2, 1.0, 1.2]",
            "[1.2, 1.2, 1.2, 1.0]",
        ),
    ],
}
