"""Count the parameters of a two-layer GRU language model and of similar models."""

from unrolled.exercises.judging import Wrong, number

TITLE = "Where the parameters are"
CHAPTER = "04-gates/training-gated-language-models"
SECTION = "what-is-kept-the-same"
KIND = "derive"
LEVEL = 1
MINUTES = 20

TEXT = r"""
A language model has a vocabulary of 8,000 words, an embedding $E$, two GRU layers and the output
layer $u_t = h_t W_y + b_y$. Word vectors and layers have width 128, and all layers have biases.
Without making any arrays, count the parameters:

- `gru`: How many parameters does this model have?

- `lstm`: How many does it have with two LSTM layers instead?

- `width`: Now let $H$ be the width of $E$, of the LSTM layers and of the output layer. What is the
  largest $H$ for which the LSTM model has no more parameters than the GRU model of width 128?

- `tied`: How many parameters does the GRU model have if it uses $E^\top$ instead of a separate
  matrix $W_y$?

- `keras`: How many parameters does Keras report for the GRU model if its layers have the default
  `reset_after=True`?
"""

STUB = """
V, H = 8000, 128

gru = None
lstm = None
width = None
tied = None
keras = None
"""

HINTS = (
    "A layer with $m$ blocks and inputs of width $H$ has $m\\,(H \\cdot H + H \\cdot H + H)$ "
    "parameters. They are the weights of the inputs, the weights of the states, and the biases.",
    "For `width`, try all values of $H$ in a loop, or solve a quadratic equation.",
    "If the reset gate comes after the product, each block has two biases. One is added to "
    "$x W_x$ and one to $h W_h$.",
)

SOLUTION = """
V, H = 8000, 128


def parameters(H, blocks, layers=2):
    tables = V * H + H * V + V
    return tables + layers * blocks * (2 * H * H + H)


gru = parameters(H, 3)
lstm = parameters(H, 4)
width = max(n for n in range(1, H + 1) if parameters(n, 4) <= gru)
tied = gru - H * V
keras = gru + 2 * 3 * H
"""

COMMENT = r"""
$$
\begin{aligned}
n &= \underbrace{VH}_{E} + \underbrace{HV + V}_{W_y,\, b_y} \\
&\quad + \underbrace{2\, m\, (2 H^2 + H)}_{\text{layers}} \\
&= 1{,}024{,}000 \\
&\quad + 1{,}032{,}000 \\
&\quad + m \cdot 65{,}792 .
\end{aligned}
$$

The sum is 2,253,376 for $m = 3$ and 2,319,168 for $m = 4$. The LSTM has a third more parameters in
its layers, but only three per cent more in all, because nine tenths of the parameters are in $E$
and in the output layer. To have no more parameters than the GRU model, the LSTM model has to be
only a little narrower, $H = 124$. To make the model much smaller, use $E^\top$ as $W_y$, which
leaves 1,229,376 parameters.

Keras reports 768 more parameters. They are the second biases of the two layers,
$2 \cdot 3 \cdot 128$. Comparing counts is a quick test of whether two programs build the same
model. If the counts differ, divide the difference by $H$ to find out which arrays it comes from.
"""


def check(answers):
    """Compares the five counts, and recognises the likely mistakes."""
    found = {
        name: number(answers, name)
        for name in ("gru", "lstm", "width", "tied", "keras")
    }
    gru = 2253376
    slips: dict[str, dict[float, str]] = {
        "gru": {
            gru - 8000: "leaves out the bias of the output layer.",
            gru - 768: "leaves out the biases of the GRU layers.",
            gru - 98688: "counts one GRU layer, but there are two.",
            gru
            - 98304: "leaves out a matrix of each layer. One is for inputs, one for states.",
            gru - 8768: "leaves out all biases.",
            gru - 1024000: "counts only one of the two tables E and W_y.",
        },
        "lstm": {
            gru: "is the number of the GRU model, but an LSTM has four blocks.",
            2 * 128 * 8000
            + 8000
            + 4 * 32896: "counts one LSTM layer, but there are two.",
            gru
            * 4
            // 3: "multiplies all parameters by 4/3, but only the layers get one more block.",
            gru
            * 4
            / 3: "multiplies all parameters by 4/3, but only the layers get one more block.",
        },
        "width": {
            96: "makes only the layers equally large. The two tables get narrower, too.",
            125: "is too large by one. Count the parameters for 125.",
            128: "is too large. With 128, the LSTM model is larger than the GRU model.",
        },
        "tied": {
            gru
            - 8000 * 128
            - 8000: "leaves out the output bias, too. E does not contain it.",
            gru - 2 * 8000 * 128: "leaves out both tables, but E remains.",
        },
        "keras": {
            gru: "is the number for reset_after=False.",
            gru + 384: "counts the second biases of only one layer.",
            gru
            + 256: "counts a second bias for the candidate only. Keras has one for each block.",
            gru + 128: "counts a second bias for only one block of one layer.",
        },
    }
    right = {
        "gru": gru,
        "lstm": 2319168,
        "width": 124,
        "tied": 1229376,
        "keras": gru + 768,
    }
    general = {
        "gru": "is wrong. Count E, the two layers, W_y and b_y.",
        "lstm": "is wrong. Compared with the GRU model, each layer has one more block.",
        "width": "is not the largest H for which the LSTM model is no larger than the GRU model.",
        "tied": "is wrong. Compared with the GRU model, only the entries of W_y are missing.",
        "keras": "is wrong. Each block of each layer has a second bias.",
    }
    for name, value in found.items():
        if value == right[name]:
            continue
        for slip, message in slips[name].items():
            if value == slip:
                raise Wrong(f"`{name}` {message}")
        raise Wrong(f"`{name}` {general[name]}")
    return "Nine tenths of the parameters are in E and in the output layer."
