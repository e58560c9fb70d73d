"""Which networks can follow which states: six predictions."""

from unrolled.exercises.judging import choice

TITLE = "Can it follow?"
CHAPTER = "08-today/what-a-state-can-follow"
SECTION = "parity-with-one-number"
KIND = "predict"
LEVEL = 2
MINUTES = 20

TEXT = r"""
Each network reads bits and has finite precision. Between its layers are nonlinear functions that
work on each step by themselves. The output of a step is any function of the last layer's state.
Is there a choice of weights with which the output is right for all lengths? Choose **a** if there
is, and **b** if there is none.

1. `any_one`: one diagonal layer with factors between 0 and 1. Has there been a one so far?
2. `latest`: one diagonal layer with factors between 0 and 1. What was the previous bit?
3. `even_length`: three diagonal layers with factors between 0 and 1. Is the number of steps so far
   even?
4. `modulo_4`: two diagonal layers with factors between −1 and 1. How many ones so far, modulo 4?
5. `modulo_5`: ten diagonal layers with factors between −1 and 1. How many ones so far, modulo 5?
6. `turning`: one diagonal layer with complex factors. How many ones so far, modulo 3? Here,
   suppose that numbers are exact.
"""

STUB = """
any_one = None
latest = None
even_length = None
modulo_4 = None
modulo_5 = None
turning = None
"""

HINTS = (
    "What does {prf:ref}`thm-no-parity` say about the sequence of ones, or of any other equal "
    "inputs?",
    "A counter with two binary digits: the low digit changes at each one. When does the high digit "
    "change? Can the factor of the second layer depend on this?",
    "For `latest`: the state may hold two bits in one number.",
)

SOLUTION = """
any_one = "a"
latest = "a"
even_length = "b"
modulo_4 = "a"
modulo_5 = "b"
turning = "a"
"""

COMMENT = r"""
1\. The state is 0 until a one sets it: $h_t = (1 - x_t)\, h_{t-1} + x_t$.

2\. With $h_t = \tfrac14 h_{t-1} + x_t$, the state is a number whose digits to the base 4 are the
bits, the latest first. The output reads the second digit. Older bits change only later digits.

3\. If all bits are equal, the inputs of the first layer are the same at every step. By the
theorem, the output is constant from some step on, but the answer alternates.

4\. The first layer computes parity, the low digit. The high digit changes when the low digit goes
from 1 to 0: when $x_t = 1$ and the parity after the step is 0. A unit with the factor 0 passes
$x_t$ on to the second layer, so its factor can be −1 there and 1 elsewhere. In the same way, $j$
layers can count modulo $2^j$.

5\. If all bits are 1, the output of ten layers has a period $2^j$ from some step on. The count
modulo 5 has the period 5, and a sequence with both periods is constant.

6\. One number that is multiplied by $e^{2\pi i/3}$ at each one. In floating-point numbers with 64
bits, its angle drifts, but only by about $10^{-16}$ at each step.
"""

RIGHT = {
    "any_one": ("a", "keep the state at a zero, and set it at a one."),
    "latest": (
        "a",
        "a state may be a number with two digits. What does a small factor do?",
    ),
    "even_length": (
        "b",
        "let all bits be 1. What does the theorem say about the output?",
    ),
    "modulo_4": (
        "a",
        "the theorem allows periods 1, 2 and 4 here. The second layer may read the parity.",
    ),
    "modulo_5": ("b", "which periods can the output have if all bits are 1?"),
    "turning": ("a", "what does a factor of size 1 do to a complex number?"),
}


def check(answers):
    """Each of six choices; what speaks against a wrong one."""
    for name, (right, why) in RIGHT.items():
        wrong = {option: f"`{name}`: {why}" for option in "ab" if option != right}
        choice(answers, name, wrong, right)
    return "A sequence of equal inputs shows what a diagonal layer cannot do."
