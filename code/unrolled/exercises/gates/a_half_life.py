"""How long a cell keeps what it has, and what forget bias that takes."""

import numpy as np

from unrolled.exercises.judging import Wrong, number

TITLE = "A half-life for the cell"
CHAPTER = "04-gates/the-lstm"
KIND = "derive"
LEVEL = 1
MINUTES = 15

TEXT = r"""
Let an LSTM's forget gate stay at a constant value $f = \sigma(b_f)$, as it roughly does before
training. Set

- `f_50` to the value of $f$ with which half of the cell is left after 50 steps;
- `bias_50` to the forget bias that gives it;
- `left_1` to the share of the gradient along the cell that is left after 100 steps with the usual
  bias of 1;
- `memory` to what $c_t$ tends to when $f = 0.99$ and $i_t \odot g_t = 1$ at every step. It is
  called the effective memory: how many steps' worth of input the cell holds at a time.
"""

STUB = """
f_50 = None
bias_50 = None
left_1 = None
memory = None
"""

HINTS = (
    "After $k$ steps the share $f^k$ is left. Solve $f^{50} = \\tfrac12$.",
    "The inverse of the logistic function is $\\ln \\frac{f}{1 - f}$.",
    "In the limit the cell does not change any more: $c = f c + 1$.",
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

A bias of 1 sounds like an open gate and is one for two steps. To keep half for $k$ steps takes
$b_f \approx \ln(k / \ln 2)$, which grows slowly: 4.3 for 50 steps, 7.3 for a thousand.
{cite:t}`tallec2018` draw the biases from $\ln \operatorname{uniform}(1, T_{\max} - 1)$, so that the
cells of one layer have memories of all lengths; see {ref}`how long a trained cell remembers
<gates-memory>`. The number $1/(1-f)$ is also $-1/\ln f$ to first order in $1 - f$, the steps after
which $1/e$ is left. The two part where memories are short: compare them at $f = \tfrac12$.
"""


def _off(found, expected):
    return abs(found / expected - 1) > 2e-3


def check(answers):
    """Four numbers, each with the likely slips."""
    f_50, bias_50 = number(answers, "f_50"), number(answers, "bias_50")
    left_1, memory = number(answers, "left_1"), number(answers, "memory")
    f = 0.5 ** (1 / 50)
    if not _off(f_50, 1 - 0.5 / 50):
        raise Wrong(
            "`f_50` takes away one hundredth a step of the *first* value; shares multiply."
        )
    if not _off(f_50, np.exp(-1 / 50)):
        raise Wrong(
            "`f_50`: with that gate 1/e is left after 50 steps. One half is asked."
        )
    if abs(f_50 - f) > 1e-5:
        raise Wrong(
            "`f_50`: raise your value to the power 50; one half should come out."
        )
    if abs(bias_50 - f) < 1e-3:
        raise Wrong(
            "`bias_50` is the gate's value; the bias stands inside of the sigmoid."
        )
    if not _off(bias_50, -np.log(f / (1 - f))):
        raise Wrong("`bias_50` has the wrong sign: a negative bias shuts the gate.")
    if _off(bias_50, np.log(f / (1 - f))):
        raise Wrong("`bias_50`: which b has sigmoid(b) equal to your `f_50`?")
    if not _off(left_1, 1.0):
        raise Wrong(
            "`left_1`: with a bias of 1 the gate is sigmoid(1) = 0.73, and not 1."
        )
    if not _off(left_1, 0.5**100):
        raise Wrong("`left_1`: one half a step is what a bias of 0 leaves.")
    if _off(left_1, (1 / (1 + np.exp(-1))) ** 100):
        raise Wrong(
            "`left_1`: the factor of a step is sigmoid(1), and a hundred of them multiply."
        )
    if not _off(memory, 99):
        raise Wrong(
            "`memory` leaves out one term of the sum: the newest input counts whole."
        )
    if _off(memory, 100):
        raise Wrong(
            "`memory` is the sum of 0.99 to the powers 0, 1, 2, … without an end."
        )
    return "Half a memory of 50 steps costs a bias of 4.3, not of 1."
