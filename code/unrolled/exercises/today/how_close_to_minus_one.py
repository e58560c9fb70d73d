"""What is left of a sign after many flips, and what strengths below 1 can never do."""

import math

from unrolled.exercises.judging import Wrong, is_close, number

TITLE = "How close to −1?"
CHAPTER = "08-today/learning-to-follow"
SECTION = "six-networks-of-one-layer"
KIND = "derive"
LEVEL = 2
MINUTES = 20

TEXT = r"""
1. At each input 1, a trained network multiplies its state by −0.99, which changes the sign. At each
   input 0, it multiplies the state by 0.99. Set `left` to the share of the size of the state that
   is left after 256 steps.
2. The sign can be read reliably as long as at least a tenth of the size is left. Set `smallest` to
   the smallest size of the two factors for which this holds after 256 steps.
3. The factor is $\tanh(a/2)$, which is {eq}`eq-diagonal-factor` with $f_{\min} = -1$. Set
   `activation` to the pre-activation $a$ with which it has the size `smallest`.
4. A network makes two reflections in each step, with the strengths 0.9 and 0.5. Set `determinant`
   to the determinant of the matrix of ten such steps.
5. A network with real factors of either sign has five layers, and all inputs are equal. Set
   `longest` to the longest period that its output can have after many steps.
"""

STUB = """
import math

left = ...
smallest = ...
activation = ...
determinant = ...
longest = ...
"""

HINTS = (
    "The sizes of the factors multiply, whatever their signs are.",
    "$\\tanh(a/2) = y$ means $a = 2 \\operatorname{artanh}(y) = \\log\\frac{1 + y}{1 - y}$.",
    "The determinant of a product is the product of the determinants.",
)

SOLUTION = """
import math

left = 0.99**256
smallest = 0.1 ** (1 / 256)
activation = 2 * math.atanh(smallest)
determinant = ((1 - 0.9) * (1 - 0.5)) ** 10
longest = 2**5
print(left, smallest, activation, determinant, longest)
"""

COMMENT = r"""
With factors of size 0.99, only 8 % of the state is left after 256 steps. After 40 steps, the length
of the training sequences, it is still 67 %, so the output can still read the sign. A size of 0.9911
would be just enough for 256 steps, and longer sequences need more. Such a network has no attractor
that would restore the size: with factors below 1 in size and no new terms, every state approaches
0. So how far it is right beyond the lengths of its training depends on how large training has made
the pre-activations. The size 0.9911 needs $a = 5.4$.

The ten steps with strengths below 1 have the determinant $10^{-13}$. A rearrangement has 1 or −1.
"""


def check(answers):
    """Five numbers."""
    found = number(answers, "left")
    if is_close(found, 1 - 256 * 0.01, 1e-3):
        raise Wrong("`left`: the factors multiply; they do not each subtract 0.01.")
    if is_close(found, 0.99**40, 1e-3):
        raise Wrong("`left`: this is what is left after 40 steps.")
    if not is_close(found, 0.99**256, 1e-3):
        raise Wrong("`left`: 256 factors of size 0.99.")
    smallest = 0.1 ** (1 / 256)
    found = number(answers, "smallest")
    if is_close(found, 1 - 0.1 / 256, 1e-5):
        raise Wrong("`smallest`: its power 256 should be 0.1, not its distance from 1.")
    if not is_close(found, smallest, 2e-4):
        raise Wrong("`smallest`: its power 256 is 0.1.")
    found = number(answers, "activation")
    if is_close(found, math.atanh(smallest), 2e-2):
        raise Wrong("`activation`: the factor is tanh of half the pre-activation.")
    if is_close(abs(found), math.log(smallest / (1 - smallest)), 2e-2):
        raise Wrong("`activation`: this is for a sigmoid, whose values begin at 0.")
    if not is_close(abs(found), 2 * math.atanh(smallest), 2e-2):
        raise Wrong("`activation`: solve tanh(a / 2) = smallest for a.")
    found = number(answers, "determinant")
    if 0.4 < abs(found) ** 0.1 < 0.5 and found > 0:
        raise Wrong("`determinant`: a factor has the determinant 1 - β, not β.")
    if abs(found / 0.05 - 1) < 1e-6:
        raise Wrong("`determinant`: this is the determinant of one step.")
    if not abs(found / 0.05**10 - 1) < 1e-6:
        raise Wrong("`determinant`: 20 factors, each with the determinant 1 - β.")
    found = number(answers, "longest")
    if found == 10:
        raise Wrong("`longest`: each layer doubles the period; it does not add 2.")
    if found != 32:
        raise Wrong("`longest`: each layer at most doubles the period of its input.")
    return "A sign survives if the factors are close enough to -1 and 1."
