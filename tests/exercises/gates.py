"""Wrong answers to the exercises on gates."""

from tests.exercises.attempt import Attempt

PREDICTIONS = """
lstm_forgets, lstm_forgets_alone, lstm_writes_nothing, lstm_shows_nothing = {}, {}, {}, {}
lstm_deaf, gru_keeps_all, gru_resets, gru_resets_and_replaces = {}, {}, {}, {}
"""


RECURSIVE_GRAD = """
import numpy as np


def grad(loss, wanted):
    gradients = {}

    def give(node, share):
        gradients[id(node)] = gradients.get(id(node), 0) + share
        for parent, pull in zip(node.parents, node.pull):
            give(parent, pull(share))

    give(loss, 1.0)
    return [gradients.get(id(node), np.zeros_like(node.value)) for node in wanted]
"""

EAGER_GRAD = """
import numpy as np


def grad(loss, wanted):
    gradients, waiting, done = {id(loss): 1.0}, [loss], set()
    while waiting:
        node = waiting.pop(0)
        if id(node) in done:
            continue
        done.add(id(node))
        for parent, pull in zip(node.parents, node.pull):
            share = pull(gradients[id(node)])
            gradients[id(parent)] = gradients.get(id(parent), 0) + share
            waiting.append(parent)
    return [gradients.get(id(node), np.zeros_like(node.value)) for node in wanted]
"""

RECURSIVE_ORDER = """
import numpy as np


def grad(loss, wanted):
    order, seen = [], set()

    def visit(node):
        if id(node) not in seen:
            seen.add(id(node))
            for parent in node.parents:
                visit(parent)
            order.append(node)

    visit(loss)
    gradients = {id(loss): 1.0}
    for node in reversed(order):
        for parent, pull in zip(node.parents, node.pull):
            share = pull(gradients[id(node)])
            gradients[id(parent)] = gradients.get(id(parent), 0) + share
    return [gradients.get(id(node), np.zeros_like(node.value)) for node in wanted]
"""

WRONG = {
    "a_half_life": [
        Attempt(
            "a hundred of them multiply", "np.exp(-1))) ** 100", "np.exp(-1))) * 100"
        ),
        Attempt("is the infinite sum", "1 / (1 - 0.99)", "0.99 ** 100"),
        Attempt(
            "is the argument of the sigmoid",
            "bias_50 = np.log(f_50 / (1 - f_50))",
            "bias_50 = f_50",
        ),
        Attempt("shares multiply", "f_50 = 0.5 ** (1 / 50)", "f_50 = 1 - 0.5 / 50"),
        Attempt(
            "this gate leaves 1/e", "f_50 = 0.5 ** (1 / 50)", "f_50 = np.exp(-1 / 50)"
        ),
        Attempt(
            "the wrong sign", "np.log(f_50 / (1 - f_50))", "np.log((1 - f_50) / f_50)"
        ),
        Attempt("is sigmoid(1) = 0.73", "(1 / (1 + np.exp(-1))) ** 100", "1.0"),
        Attempt("what a bias of 0 leaves", "(1 / (1 + np.exp(-1))) ** 100", "0.5**100"),
        Attempt(
            "the newest input counts in full", "1 / (1 - 0.99)", "0.99 / (1 - 0.99)"
        ),
    ],
    "half_of_the_memory_lost": [
        Attempt(
            "those of the whole sequence",
            "np.concatenate(found)",
            "np.concatenate(found[::-1])[:9]",
        ),
        Attempt(
            "in the second block of four", "b[H : 2 * H] = 1.0", "b[H : 2 * H] = -1.0"
        ),
        Attempt(
            "h is carried on and c is not",
            "h, c = states[-1], cache.c[-1]",
            "h, c = states[-1], 0 * states[-1]",
        ),
        Attempt(
            "nothing is carried on", "        h, c = states[-1], cache.c[-1]\n", ""
        ),
        Attempt(
            "a later line set them again", "b[H : 2 * H] = 1.0", "b[H : 2 * H] = 0.0"
        ),
        Attempt("in the block of the input gate", "b[H : 2 * H] = 1.0", "b[:H] = 1.0"),
        Attempt(
            "the other biases should be 0",
            "b = np.zeros(4 * H)",
            "b = 0.1 * np.ones(4 * H)",
        ),
        Attempt(
            "what is its c0",
            "h, c = states[-1], cache.c[-1]",
            "h, c = states[-1], cache.c[-1] if c is None else c",
        ),
    ],
    "adding_without_training": [
        Attempt(
            "The cell is empty",
            "small, 0.0],  # the number",
            "0.0, 0.0],  # the number",
        ),
        Attempt(
            "numbers that are not marked",
            "[-40.0, 40.0, 0.0, 40.0]",
            "[-4.0, 40.0, 0.0, 40.0]",
        ),
        Attempt(
            "is kept for 500 steps",
            "[-40.0, 40.0, 0.0, 40.0]",
            "[-40.0, 5.0, 0.0, 40.0]",
        ),
        Attempt("straight is tanh there", "small = 1e-3", "small = 0.3"),
        Attempt("undo the scaling", "W_y = np.array([1 / small])", "W_y = np.ones(1)"),
    ],
    "three_easy_mistakes": [
        Attempt("`dc` is wrong, but not as", "dc = dc_t * f", "dc = dc_t"),
        Attempt(
            "One mistake is left: the gradients of the gates that write",
            "1 - shown**2",
            "1 - c_after**2",
        ),
        Attempt(
            "One mistake is left: the forget gate's gradient",
            "dc_t * c * f",
            "dc_t * c_after * f",
        ),
        Attempt(
            "One mistake is left: the gradient of the cell before",
            "dc = dc_t * f",
            "dc = dc_after * f",
        ),
        Attempt(
            "gradient of o's bias is wrong",
            "dh_after * shown * o",
            "dh_after * c_after * o",
        ),
        Attempt(
            "`dh` was right and is now wrong",
            "da @ W_h.T, dc",
            "da @ W_h.T + dh_after, dc",
        ),
    ],
    "before_or_after_the_matrix": [
        Attempt("Multiply that row by W", "before = (r * h) @ W", "before = h @ W"),
        Attempt("gates multiply that row", "after = r * (h @ W)", "after = h @ W"),
        Attempt("is not invertible", "np.diag([1.0, 2.0])", "np.diag([1.0, 0.0])"),
        Attempt(
            "are exchanged",
            "before = (r * h) @ W\nafter = r * (h @ W)",
            "after = (r * h) @ W\nbefore = r * (h @ W)",
        ),
        Attempt("The vectors are rows", "(r * h) @ W", "W @ (r * h)"),
        Attempt("must both gates have in common", "[0.3, 0.3]", "[0.3, 0.4]"),
        Attempt("strictly between 0 and 1", "[0.3, 0.3]", "[1, 1]"),
        Attempt("other matrices agree, too", "np.diag([1.0, 2.0])", "2 * np.eye(2)"),
        Attempt(
            "with different gates and states",
            "np.diag([1.0, 2.0])",
            "np.array([[0, 1], [1, 0]])",
        ),
        Attempt("no longer 0", 'blind = "a"', 'blind = "b"'),
    ],
    "one_gate": [
        Attempt(
            "The last step alone is right",
            "+ dv * f[t] + da_f @",
            "+ dv * h[t] + da_f @",
        ),
        Attempt(
            "the gradient of the candidate's sum is wrong",
            "dh_t * f[t] * (1 - candidate[t] ** 2)",
            "dh_t * (1 - candidate[t] ** 2)",
        ),
        Attempt(
            "the gradient of the gate's sum is wrong",
            "df * f[t] * (1 - f[t])",
            "df * (1 - f[t] ** 2)",
        ),
        Attempt("nothing is carried back", "dh_t = dh[t] + arriving", "dh_t = dh[t]"),
        Attempt("the candidate reads f_t", " + dv * h[t]\n", "\n"),
        Attempt(
            "1 - f_t multiplies the old state", "(candidate[t] - h[t])", "candidate[t]"
        ),
        Attempt(
            "leaves out the direct path", "dh_t * (1 - f[t]) + dv * f[t]", "dv * f[t]"
        ),
        Attempt("the path through the candidate", "+ dv * f[t] + da_f", "+ da_f"),
        Attempt("the gate read it, too", " + da_f @ W_hf.T", ""),
        Attempt(
            "W_hh multiplied the reset state",
            "f * before, da[..., H:]",
            "before, da[..., H:]",
        ),
        Attempt("`dh0` does not follow", "da @ W_x.T, arriving", "da @ W_x.T, dh_t"),
    ],
    "gates_held": [
        Attempt(
            "h_{t-1} still enters the sums",
            code=PREDICTIONS.format(
                False, False, False, False, True, False, True, False
            ),
        ),
        Attempt(
            "the output gate does not change the cell",
            code=PREDICTIONS.format(
                True, False, False, False, True, False, True, False
            ),
        ),
        Attempt(
            "z keeps part of it directly",
            code=PREDICTIONS.format(
                True, False, False, True, True, False, False, False
            ),
        ),
        Attempt(
            "the new state is the old state",
            code=PREDICTIONS.format(True, False, False, True, True, True, True, False),
        ),
        Attempt(
            "to True or False",
            code=PREDICTIONS.format(
                "'yes'", False, False, True, True, True, True, False
            ),
        ),
    ],
    "leaky_units_inside": [
        Attempt(
            "the share that is *kept*",
            "np.log(alpha / (1 - alpha))",
            "np.log((1 - alpha) / alpha)",
        ),
        Attempt(
            "the bias is the argument of a sigmoid",
            "np.log(alpha / (1 - alpha))",
            "alpha",
        ),
        Attempt(
            "should read the whole state",
            "np.full(H, 40.0), p.b])",
            "np.zeros(H), p.b])",
        ),
        Attempt(
            "still read the input or the state",
            "[none((H, 2 * H)), p.W_h]",
            "[p.W_h, p.W_h, p.W_h]",
        ),
        Attempt("In the LSTM the gate f", "np.full(H, -40.0)", "np.zeros(H)"),
        Attempt(
            "In the LSTM the gate i",
            "[open_, shut, p.b, open_]",
            "[shut, open_, p.b, open_]",
        ),
        Attempt("Its candidate should have", "= p.W_x, p.W_h", "= p.W_x, p.W_h.T"),
        Attempt(
            "does not have the network's weights",
            "p.W_h], axis=1)",
            "p.W_h.T], axis=1)",
        ),
    ],
    "output_from_layer_one": [
        Attempt("`dW_y` is wrong", '"tbh,tbv->hv", y, du', '"tbh,tbv->hv", 2 * y, du'),
        Attempt(
            "the gradient of layer 2 is wrong",
            "own_2 = dy[..., -H:]",
            "own_2 = 2 * dy[..., -H:]",
        ),
        Attempt("the gradient of layer 1 is wrong", "own_1 + dx_2", "own_1 + 2 * dx_2"),
        Attempt(
            "no path leads from it",
            'own_2 = dy[..., -H:] if read != "first" else none',
            "own_2 = dy[..., -H:]",
        ),
        Attempt("lacks what layer 2 passes down", "own_1 + dx_2", "own_1"),
        Attempt(
            "reads it directly",
            'own_1 = dy[..., :H] if read != "second" else none',
            "own_1 = none",
        ),
        Attempt("joined in the other order", "[h_1, h_2]}[read]", "[h_2, h_1]}[read]"),
        Attempt(
            "is not the summed cross-entropy",
            "targets).sum(), dp_1",
            "targets).mean(), dp_1",
        ),
        Attempt(
            "zeros if nothing reads it",
            "sum(), dp_1, dp_2, dW_y",
            'sum(), dp_1, None if read == "first" else dp_2, dW_y',
        ),
    ],
    "one_state_for_two_cells": [
        Attempt(
            "A single layer",
            "states[k] = gru.step(p, shown, states[k])",
            "states[k] = np.tanh(gru.step(p, shown, states[k]))",
        ),
        Attempt("it should be divided by it", "mask / (1 - drop)", "mask * (1 - drop)"),
        Attempt(
            "does not read layer 1's states",
            "mask / (1 - drop)",
            "mask / (1 - drop) ** 2",
        ),
        Attempt(
            "does it read layer 2",
            "            shown = states[k] * mask",
            "            shown = states[0] * mask",
        ),
        Attempt(
            "else writes into its state",
            "states[k] = gru.step(p, shown, states[k])",
            "states[0] = states[k] = gru.step(p, shown, states[0])",
        ),
        Attempt(
            "should not be dropped or rescaled",
            "shown = states[k] * mask / (1 - drop)",
            "states[k] = shown = states[k] * mask / (1 - drop)",
        ),
        Attempt(
            "Dropout has no effect",
            "shown = states[k] * mask / (1 - drop)",
            "shown = states[k]",
        ),
        Attempt("so that it is right on average", "* mask / (1 - drop)", "* mask"),
        Attempt(
            "You use one mask for all steps",
            code="""
import numpy as np

from unrolled.cells import gru


def run(layers, x, drop, rng):
    masks = [rng.random((x.shape[1], len(p.W_h))) >= drop for p in layers]
    found = []
    for p, mask in zip(layers, masks):
        found.append(gru.forward(p, x)[0])
        x = found[-1] * mask / (1 - drop)
    return found
""",
        ),
    ],
    "a_small_theano": [
        Attempt(
            "the second term replaces the first",
            "gradients[id(parent)] = gradients.get(id(parent), 0) + share",
            "gradients[id(parent)] = share",
        ),
        Attempt("once for each path from the loss", code=RECURSIVE_GRAD),
        Attempt("used before it is complete", code=EAGER_GRAD),
        Attempt("too deep for recursion", code=RECURSIVE_ORDER),
        Attempt(
            "return an array of zeros",
            "gradients.get(id(n), np.zeros_like(n.value))",
            "gradients.get(id(n))",
        ),
        Attempt("a chain without branches", "{id(loss): 1.0}", "{id(loss): 0.0}"),
    ],
    "weights_from_another_program": [
        Attempt("only one of the two biases", "bias_ih + bias_hh", "bias_ih"),
        Attempt(
            "you reshaped a matrix",
            "weight_ih.T, weight_hh.T",
            "weight_ih.reshape(weight_ih.shape[::-1]), weight_hh.T",
        ),
        Attempt("the blocks are still in the order", "[i, f, j, o]", "[i, j, f, o]"),
        Attempt("the forget bias is missing", "    b[H : 2 * H] += 1.0\n", ""),
        Attempt("you added 1 to all biases", "b[H : 2 * H] += 1.0", "b += 1.0"),
        Attempt(
            "you added the 1 to the candidate",
            "b[H : 2 * H] += 1.0",
            "b[2 * H : 3 * H] += 1.0",
        ),
        Attempt(
            "rows of the kernel multiply x",
            "ours[: -H - 1], ours[-H - 1 : -1]",
            "ours[H:-1], ours[:H]",
        ),
    ],
    "where_the_parameters_are": [
        Attempt(
            "leaves out the bias of the output layer",
            "gru = parameters(H, 3)",
            "gru = parameters(H, 3) - V",
        ),
        Attempt(
            "is the number of the GRU model", "lstm = parameters(H, 4)", "lstm = gru"
        ),
        Attempt(
            "counts one GRU layer",
            "gru = parameters(H, 3)",
            "gru = parameters(H, 3, 1)",
        ),
        Attempt(
            "is too large by one",
            "parameters(n, 4) <= gru)",
            "parameters(n, 4) <= gru) + 1",
        ),
        Attempt(
            "leaves out both tables", "tied = gru - H * V", "tied = gru - 2 * H * V"
        ),
        Attempt(
            "the second biases of only one layer",
            "keras = gru + 2 * 3 * H",
            "keras = gru + 3 * H",
        ),
        Attempt(
            "Count E, the two layers, W_y and b_y",
            "gru = parameters(H, 3)",
            "gru = parameters(H, 3) + 1",
        ),
    ],
}
