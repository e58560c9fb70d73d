"""How long a cell keeps its content, and which forget bias that needs."""

import numpy as np

from unrolled.exercises.judging import Wrong, number

TITLE = "A half-life for the cell"
CHAPTER = "04-gates/the-lstm"
SECTION = "where-training-starts-the-forget-bias"
KIND = "derive"
LEVEL = 1
MINUTES = 15

TEXT = r"""
Suppose that the forget gate of an LSTM stays at a constant value $f = \sigma(b_f)$. (Before
training, the gates vary around this value, and the cell forgets a little faster.) Compute four
numbers:

- `f_50`: Which value of $f$ leaves half of the cell's content after 50 steps?

- `bias_50`: Which forget bias gives this value?

- `left_1`: With a bias of 1, what share of a gradient is left after it has passed back through 100
  steps of the cell?

- `memory`: What is the limit of $c_t$ if $f = 0.99$ and $i_t \odot g_t = 1$ at every step? This
  number is called the *effective memory*. It says how many steps' worth of input the cell holds.
"""

STUB = """
f_50 = None
bias_50 = None
left_1 = None
memory = None
"""

HINTS = (
    "After $k$ steps, a fraction $f^k$ of the content is left. Solve $f^{50} = \\tfrac12$.",
    "The inverse of the logistic function is $\\ln \\frac{f}{1 - f}$.",
    "In the limit the cell no longer changes: $c = f c + 1$.",
)

SOLUTION = """
import numpy as np

f_50 = 0.5 ** (1 / 50)
bias_50 = np.log(f_50 / (1 - f_50))
left_1 = (1 / (1 + np.exp(-1))) ** 100
memory = 1 / (1 - 0.99)
"""

COMMENT = r"""
$$
\begin{aligned}
f &= 2^{-1/50} = 0.98623, \\
b_f &= \ln \frac{f}{1 - f} = 4.271, \\
\sigma(1)^{100} &= 2.5 \cdot 10^{-14}, \\
c &= f c + 1 \\
\Rightarrow c &= \frac{1}{1 - f} = 100 .
\end{aligned}
$$

With a forget bias of 1, half of the cell's content is left after about two steps. For half of it to
be left after $k$ steps, the bias has to be about $\ln(k / \ln 2)$. This number grows slowly: it is
4.3 for 50 steps and 7.3 for 1,000 steps. {cite:t}`tallec2018` draw the biases from
$\ln \operatorname{uniform}(1, T_{\max} - 1)$, which gives the cells of one layer memories of
different lengths. {ref}`What gates do <gates-memory>` measures how long trained cells remember.

For $f$ near 1, the number $1/(1-f)$ is close to $-1/\ln f$, the number of steps after which $1/e$
of the content is left. For short memories the two differ. Compare them at $f = \tfrac12$.
"""


def _off(found, expected):
    return abs(found / expected - 1) > 2e-3


def check(answers):
    """Compares the four numbers, and recognises the likely mistakes."""
    f_50, bias_50 = number(answers, "f_50"), number(answers, "bias_50")
    left_1, memory = number(answers, "left_1"), number(answers, "memory")
    f = 0.5 ** (1 / 50)
    if not _off(f_50, 1 - 0.5 / 50):
        raise Wrong(
            "`f_50` subtracts one hundredth of the *first* value at every step; shares multiply."
        )
    if not _off(f_50, np.exp(-1 / 50)):
        raise Wrong(
            "`f_50`: this gate leaves 1/e after 50 steps. The exercise asks for one half."
        )
    if abs(f_50 - f) > 1e-5:
        raise Wrong(
            "`f_50`: raise your value to the power 50. The result should be one half."
        )
    if abs(bias_50 - f) < 1e-3:
        raise Wrong(
            "`bias_50` is the gate's value; the bias is the argument of the sigmoid."
        )
    if not _off(bias_50, -np.log(f / (1 - f))):
        raise Wrong("`bias_50` has the wrong sign: a negative bias closes the gate.")
    if _off(bias_50, np.log(f / (1 - f))):
        raise Wrong("`bias_50`: which b has sigmoid(b) equal to your `f_50`?")
    if not _off(left_1, 1.0):
        raise Wrong("`left_1`: with a bias of 1 the gate is sigmoid(1) = 0.73, not 1.")
    if not _off(left_1, 0.5**100):
        raise Wrong("`left_1`: a factor of one half is what a bias of 0 leaves.")
    if _off(left_1, (1 / (1 + np.exp(-1))) ** 100):
        raise Wrong(
            "`left_1`: the factor of one step is sigmoid(1), and a hundred of them multiply."
        )
    if not _off(memory, 99):
        raise Wrong(
            "`memory` leaves out one term of the sum: the newest input counts in full."
        )
    if _off(memory, 100):
        raise Wrong("`memory` is the infinite sum of 0.99 to the powers 0, 1, 2, …")
    return "To keep half of the cell for 50 steps takes a bias of 4.3."
