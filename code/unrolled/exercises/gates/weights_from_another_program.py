"""An LSTM's weights, moved here from PyTorch and from TensorFlow 1."""

import numpy as np

from unrolled.cells import lstm
from unrolled.exercises.judging import Wrong, array, call, close, function, is_close

TITLE = "Weights from another program"
CHAPTER = "04-gates/one-answer"
KIND = "write"
LEVEL = 2
MINUTES = 30

TEXT = r"""
Two people hand you the weights of trained LSTMs. Every block of them has the right number of
entries for our `lstm.Params` ($W_x$ $(D, 4H)$, $W_h$ $(H, 4H)$, $b$ $(4H,)$, blocks i, f, g, o),
and each has its own layout. Write the two functions that move them.

`from_pytorch(weight_ih, weight_hh, bias_ih, bias_hh)`. The shapes are $(4H, D)$, $(4H, H)$, $(4H,)$
and $(4H,)$; rows are stacked in the order i, f, g, o; a step computes

$$
\begin{aligned}
& W_{ih}\, x + b_{ih} \\
& + W_{hh}\, h + b_{hh}
\end{aligned}
$$

with columns $x$ and $h$.

`from_tensorflow_1(kernel, bias)`, for `BasicLSTMCell` as it came: kernel $(D + H, 4H)$, bias
$(4H,)$; a step computes $[\,x\;\;h\,]$ `kernel + bias` with rows, splits the result into **i, j, f,
o**, where j is our candidate, and then $c \leftarrow c\, \sigma(f + 1) + \sigma(i) \tanh(j)$: the
forget bias of 1 is added at every step and is not in `bias`.
"""

STUB = '''
import numpy as np

from unrolled.cells import lstm


def from_pytorch(weight_ih, weight_hh, bias_ih, bias_hh):
    """lstm.Params of a PyTorch LSTM's layer."""
    raise NotImplementedError


def from_tensorflow_1(kernel, bias):
    """lstm.Params of a TensorFlow 1 BasicLSTMCell with forget_bias=1."""
    raise NotImplementedError
'''

HINTS = (
    "PyTorch: our $x W_x$ with rows is its $W_{ih} x$ with columns. What does that make of "
    "$W_x$? And what do two biases in one sum amount to?",
    "TensorFlow: $[x\\;h]$ `kernel` is $x$ times its first $D$ rows plus $h$ times the others. "
    "$H$ is `len(bias) // 4`, and $D$ what is left.",
    "`np.split(w, 4, axis=-1)` gives the blocks; put them together in the order i, f, j, o. Then "
    "add 1 to the forget gate's block of the bias.",
)

SOLUTION = '''
import numpy as np

from unrolled.cells import lstm


def from_pytorch(weight_ih, weight_hh, bias_ih, bias_hh):
    """lstm.Params of a PyTorch LSTM's layer."""
    return lstm.Params(weight_ih.T, weight_hh.T, bias_ih + bias_hh)


def from_tensorflow_1(kernel, bias):
    """lstm.Params of a TensorFlow 1 BasicLSTMCell with forget_bias=1."""
    H = len(bias) // 4
    i, j, f, o = np.split(np.concatenate([kernel, bias[None]]), 4, axis=1)
    ours = np.concatenate([i, f, j, o], axis=1)
    b = ours[-1].copy()
    b[H : 2 * H] += 1.0
    return lstm.Params(ours[: -H - 1], ours[-H - 1 : -1], b)
'''

COMMENT = r"""
Nothing here can be seen from the shapes: for $D = H$ not even a forgotten transpose raises an
error. The conversion is a claim about equations, and the way to test it is to compute a step in
both conventions from random weights, with a batch and unequal sizes, as the check has done. The
forget bias is the part that costs most when it is missed: the network runs, is worse by a little,
and the difference is taken for one of training. Keras keeps it *in* the bias, as we do; so whoever
moves TensorFlow 1's weights to Keras has to add it, and whoever moves Keras's to us must not.

GRUs are harder. PyTorch's stacks r, z, n, and resets after the product, with two biases that cannot
be added up: write `from_pytorch_gru`, which returns `gru_reset_after.Params`, next.
"""


def _params(found, D, H, name):
    if not isinstance(found, tuple | list) or len(found) != 3:
        raise Wrong(f"`{name}` should return lstm.Params(W_x, W_h, b).")
    shapes = (D, 4 * H), (H, 4 * H), (4 * H,)
    return [
        array(a, s, f"`{w}` of `{name}`")
        for a, s, w in zip(found, shapes, ("W_x", "W_h", "b"), strict=True)
    ]


def check(answers):
    """Array by array, with the likely slips of each."""
    pytorch, tensorflow = (
        function(answers, "from_pytorch"),
        function(answers, "from_tensorflow_1"),
    )
    rng = np.random.default_rng(16)
    D, H = 3, 5
    p = lstm.Params(
        *(rng.standard_normal(s) for s in [(D, 4 * H), (H, 4 * H), (4 * H,)])
    )
    part = rng.standard_normal(4 * H)
    given = p.W_x.T.copy(), p.W_h.T.copy(), part.copy(), p.b - part
    W_x, W_h, b = _params(call(pytorch, *given), D, H, "from_pytorch")
    if is_close(b, part) or is_close(b, p.b - part):
        raise Wrong(
            "PyTorch: only one of the two biases has come along; both stand in the sum."
        )
    for found, right, name in ((W_x, p.W_x, "W_x"), (W_h, p.W_h, "W_h"), (b, p.b, "b")):
        if is_close(found, p.W_x.T.reshape(p.W_x.shape)) or is_close(
            found, p.W_h.T.reshape(p.W_h.shape)
        ):
            raise Wrong(
                "PyTorch: reshaping is not transposing; the numbers stand in other places."
            )
        close(
            found,
            right,
            f"PyTorch: `{name}` is wrong; its order i, f, g, o is ours already.",
        )

    def theirs(weight):
        i, f, g, o = np.split(weight, 4, axis=-1)
        return np.concatenate([i, g, f, o], axis=-1)

    one = np.repeat([0.0, 1.0, 0.0, 0.0], H)
    kernel, bias = theirs(np.concatenate([p.W_x, p.W_h])), theirs(p.b - one)
    W_x, W_h, b = _params(
        call(tensorflow, kernel.copy(), bias.copy()), D, H, "from_tensorflow_1"
    )
    if is_close(W_x, kernel[:D]) or is_close(W_x, theirs(theirs(kernel[:D]))[:, ::-1]):
        raise Wrong("TensorFlow: the blocks are still in its order i, j, f, o.")
    if is_close(W_h, kernel[:H]) or is_close(W_h, theirs(kernel[:H])):
        raise Wrong(
            "TensorFlow: the first D rows of the kernel belong to x, the others to h."
        )
    close(
        W_x,
        p.W_x,
        "TensorFlow: `W_x` is wrong. Which blocks, in which order, of which rows?",
    )
    close(W_h, p.W_h, "TensorFlow: `W_x` is right and `W_h` is not.")
    if is_close(b, p.b - one):
        raise Wrong(
            "TensorFlow: the forget bias of 1, added at every step there, is lost."
        )
    if is_close(b, p.b - one + 1):
        raise Wrong(
            "TensorFlow: 1 was added to all of the biases; only the forget gate has it."
        )
    if is_close(b, theirs(bias + one)) or is_close(b, p.b - one + theirs(one)):
        raise Wrong(
            "TensorFlow: the 1 was added to the candidate: mind the order when you add it."
        )
    close(b, p.b, "TensorFlow: the weights are right, the bias is not.")
    return "Weights of both programs compute here what they computed there."
