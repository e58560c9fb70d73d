"""Counting the parameters of the post's model and of its rivals."""

from unrolled.exercises.judging import Wrong, number

TITLE = "Where the parameters are"
CHAPTER = "04-gates/training-gated-language-models"
KIND = "derive"
LEVEL = 1
MINUTES = 20

TEXT = r"""
The fourth post's model: 8,000 words, an embedding $E$, two GRU layers and an output layer
$u_t = h_t W_y + b_y$, all of width 128, biases everywhere. Without making any arrays, set

- `gru` to the number of its parameters;
- `lstm` to that of the same model with LSTM layers, the swap that the post proposes as an exercise;
- `width` to the largest $H$ with which the LSTM model, $E$ and output layer of width $H$ too, has
  no more parameters than the GRU model;
- `tied` to the number of the GRU model's parameters if $W_y$ is not an array of its own but
  $E^\top$;
- `keras` to the number that Keras reports for the GRU model if its layers are left at the default
  `reset_after=True`.
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
    "A layer with $m$ blocks, read by a layer of the same width, has $m\\,(H \\cdot H + H \\cdot "
    "H + H)$ parameters: from below, from the past, and biases.",
    "For `width`: a loop over $H$ will do. So will a quadratic equation.",
    "With the reset gate after the product there are two biases: that of $x W_x$ and that of "
    "$h W_h$.",
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
&\quad + m \cdot 65{,}792 ,
\end{aligned}
$$

that is 2,253,376 with $m = 3$ and 2,319,168 with $m = 4$: a third more in the layers is three per
cent more in all, because nine tenths of the parameters are words. So a fair comparison narrows the
LSTM by little, to $H = 124$; and whoever wants a small model has to look at the tables: tying them
leaves 1,229,376. The 768 parameters that Keras has more are the second biases of the two layers,
$2 \cdot 3 \cdot 128$. If a count differs by a number of this kind, divide it by $H$ and ask what
there are that many of; it is the cheapest test of whether two programs mean the same model.
"""


def check(answers):
    """Five counts, each with its likely slips."""
    found = {
        name: number(answers, name)
        for name in ("gru", "lstm", "width", "tied", "keras")
    }
    gru = 2253376
    slips: dict[str, dict[float, str]] = {
        "gru": {
            gru - 8000: "leaves out the output layer's bias.",
            gru - 768: "leaves out the biases of the layers.",
            gru - 98688: "has one GRU layer; there are two.",
            gru
            - 98304: "leaves out one of the matrices of each layer: from below, from the past.",
            gru
            - 8768: "has no biases at all; the post's equations have none, its code has.",
            gru - 1024000: "has one table of words; E and W_y are two.",
        },
        "lstm": {
            gru: "is the GRU's number: an LSTM has four blocks.",
            2 * 128 * 8000 + 8000 + 4 * 32896: "has one LSTM layer; there are two.",
            gru
            * 4
            // 3: "is four thirds of everything; only the layers have a fourth block.",
            gru
            * 4
            / 3: "is four thirds of everything; only the layers have a fourth block.",
        },
        "width": {
            96: "keeps the layers equal; the tables get narrower too.",
            125: "is one too many: count again with 125.",
            128: "with 128 the LSTM model is larger than the GRU's.",
        },
        "tied": {
            gru
            - 8000 * 128
            - 8000: "gives up the output bias too; it has no place in E.",
            gru - 2 * 8000 * 128: "gives up both tables; they share one.",
        },
        "keras": {
            gru: "is the number with reset_after=False.",
            gru + 384: "counts the second bias of one layer only.",
            gru
            + 256: "counts a second bias for the candidate only; Keras has it for every block.",
            gru + 128: "counts a second bias for one block of one layer.",
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
        "gru": "is not the number of the post's code: count E, two layers, W_y and b_y.",
        "lstm": "should differ from the GRU's by one more block in each of two layers.",
        "width": "does not give the largest LSTM model within the GRU model's count.",
        "tied": "should lack exactly the entries of W_y.",
        "keras": "should have a second bias for every block of each layer more than the GRU model.",
    }
    for name, value in found.items():
        if value == right[name]:
            continue
        for slip, message in slips[name].items():
            if value == slip:
                raise Wrong(f"`{name}` {message}")
        raise Wrong(f"`{name}` {general[name]}")
    return "Nine tenths of the model are two tables of words."
