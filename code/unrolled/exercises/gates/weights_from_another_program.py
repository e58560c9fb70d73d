"""Move the weights of an LSTM from PyTorch and from TensorFlow 1 to this book's code."""

import numpy as np

from unrolled.cells import lstm
from unrolled.exercises.judging import Wrong, array, call, close, function, is_close

TITLE = "Weights from another program"
CHAPTER = "04-gates/one-answer"
SECTION = "six-mistakes-that-raise-no-error"
KIND = "write"
LEVEL = 2
MINUTES = 30

TEXT = r"""
You get the weights of two trained LSTMs. One comes from PyTorch and the other from TensorFlow 1.
Write two functions that return them as our `lstm.Params`: $W_x$, $(D, 4H)$, $W_h$, $(H, 4H)$, and
$b$, $(4H,)$, with the blocks i, f, g, o side by side. Each program has its own layout.

**PyTorch.** Write `from_pytorch(weight_ih, weight_hh, bias_ih, bias_hh)`. The shapes are $(4H, D)$,
$(4H, H)$, $(4H,)$ and $(4H,)$. The blocks are stacked as rows, in the order i, f, g, o. With
column vectors $x$ and $h$, a step computes the sum

$$
\begin{aligned}
& W_{ih}\, x + b_{ih} \\
& + W_{hh}\, h + b_{hh} .
\end{aligned}
$$

**TensorFlow 1.** Write `from_tensorflow_1(kernel, bias)` for the weights of a `BasicLSTMCell`. The
shapes are $(D + H, 4H)$ and $(4H,)$. With row vectors $x$ and $h$, a step computes
$[\,x\;\;h\,]$ `kernel + bias`. It splits the result into the blocks **i, j, f, o**, where j is our
candidate g. The new cell state is

$$
\begin{aligned}
c_t &= c_{t-1} \odot \sigma(f + 1) \\
&\quad + \sigma(i) \odot \tanh(j) .
\end{aligned}
$$

The forget bias of 1 is added at every step, so `bias` does not contain it.
"""

STUB = '''
import numpy as np

from unrolled.cells import lstm


def from_pytorch(weight_ih, weight_hh, bias_ih, bias_hh):
    """lstm.Params from the weights of one LSTM layer in PyTorch."""
    raise NotImplementedError


def from_tensorflow_1(kernel, bias):
    """lstm.Params from a BasicLSTMCell of TensorFlow 1 with forget_bias=1."""
    raise NotImplementedError
'''

HINTS = (
    "PyTorch: our $x W_x$ with rows is the same as $W_{ih} x$ with columns. How are the two "
    "matrices related? Which single bias has the same effect as two biases in one sum?",
    "TensorFlow: $[x\\;h]$ `kernel` is $x$ times the first $D$ rows of the kernel, plus $h$ times "
    "the other $H$ rows. $H$ is `len(bias) // 4`.",
    "`np.split(w, 4, axis=-1)` returns the blocks. Put them together in the order i, f, j, o. Then "
    "add 1 to the block of the forget gate in the bias.",
)

SOLUTION = '''
import numpy as np

from unrolled.cells import lstm


def from_pytorch(weight_ih, weight_hh, bias_ih, bias_hh):
    """lstm.Params from the weights of one LSTM layer in PyTorch."""
    return lstm.Params(weight_ih.T, weight_hh.T, bias_ih + bias_hh)


def from_tensorflow_1(kernel, bias):
    """lstm.Params from a BasicLSTMCell of TensorFlow 1 with forget_bias=1."""
    H = len(bias) // 4
    i, j, f, o = np.split(np.concatenate([kernel, bias[None]]), 4, axis=1)
    ours = np.concatenate([i, f, j, o], axis=1)
    b = ours[-1].copy()
    b[H : 2 * H] += 1.0
    return lstm.Params(ours[: -H - 1], ours[-H - 1 : -1], b)
'''

COMMENT = r"""
Shapes do not show a wrong order of the blocks or a missing forget bias. If $D = H$, they do not
even show that the rows for $x$ and for $h$ have been exchanged. To test a conversion, compute a
step in both programs from the same random weights, and choose different numbers for $D$ and $H$.
The forget bias is the mistake that is hardest to notice: the network still runs, and its loss may
hardly change. Keras stores the forget bias in $b$, as we do. If you move weights from TensorFlow 1
to Keras, you have to add 1. If you move weights from Keras to our code, you must not add anything.

As a next step, write `from_pytorch_gru`, which returns `gru_reset_after.Params`. The GRU of PyTorch
stacks its blocks in the order r, z, n. It resets after the product, so its two biases cannot be
added.
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
    """Compares each array, and recognises the likely mistakes."""
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
            "PyTorch: your b contains only one of the two biases. The sum contains both."
        )
    for found, right, name in ((W_x, p.W_x, "W_x"), (W_h, p.W_h, "W_h"), (b, p.b, "b")):
        if is_close(found, p.W_x.T.reshape(p.W_x.shape)) or is_close(
            found, p.W_h.T.reshape(p.W_h.shape)
        ):
            raise Wrong(
                "PyTorch: you reshaped a matrix. Reshaping puts the numbers in different positions "
                "from transposing."
            )
        close(
            found,
            right,
            f"PyTorch: `{name}` is wrong. The blocks have the same order as ours, i, f, g, o.",
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
        raise Wrong("TensorFlow: the blocks are still in the order i, j, f, o.")
    if is_close(W_h, kernel[:H]) or is_close(W_h, theirs(kernel[:H])):
        raise Wrong(
            "TensorFlow: the first D rows of the kernel multiply x, and the other rows h."
        )
    close(
        W_x,
        p.W_x,
        "TensorFlow: `W_x` is wrong. Which rows does it need, and its blocks in which order?",
    )
    close(W_h, p.W_h, "TensorFlow: `W_x` is right, but `W_h` is wrong.")
    if is_close(b, p.b - one):
        raise Wrong(
            "TensorFlow: the forget bias is missing. TensorFlow 1 adds 1 at every step."
        )
    if is_close(b, p.b - one + 1):
        raise Wrong(
            "TensorFlow: you added 1 to all biases. Add it to the forget gate's biases only."
        )
    if is_close(b, theirs(bias + one)) or is_close(b, p.b - one + theirs(one)):
        raise Wrong(
            "TensorFlow: you added the 1 to the candidate. In which block is the forget gate?"
        )
    close(b, p.b, "TensorFlow: the weights are right, but the bias is wrong.")
    return "With these weights, our LSTM computes the same as the two other programs."
