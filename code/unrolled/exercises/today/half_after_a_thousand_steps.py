"""Size, step length, angle and scale of a factor that remembers for 1,000 steps."""

import math

from unrolled.exercises.judging import Wrong, is_close, number

TITLE = "Half is left after 1,000 steps"
CHAPTER = "08-today/state-space-models"
SECTION = "the-linear-recurrent-unit"
KIND = "derive"
LEVEL = 1
MINUTES = 15

TEXT = r"""
In a linear recurrence with one factor $\lambda$, an input should have half of its initial weight in
the state after 1,000 steps. Compute to four digits:

- `size`: the size $|\lambda|$.
- `nu`: the parameter $\nu$ of a linear recurrent unit with this size, by
  {eq}`eq-lru-eigenvalues`.
- `step_length`: the $\Delta$ with which the rate $a = -\tfrac12$ gives this size, by the zero-order
  hold {eq}`eq-ssm-hold`.
- `scale`: the initial $\gamma = \sqrt{1 - |\lambda|^2}$.
- `angle`: the angle of $\lambda$, in radians, for which the state makes a quarter turn in these
  1,000 steps.
"""

STUB = """
import math

size = ...
nu = ...
step_length = ...
scale = ...
angle = ...
"""

HINTS = (
    "After $k$ steps the weight is $|\\lambda|^k$.",
    "$|\\lambda| = \\exp(-e^{\\nu}) = \\exp(\\Delta a)$, so "
    "$e^{\\nu} = -\\Delta a = (\\log 2) / 1000$.",
)

SOLUTION = """
import math

size = 0.5 ** (1 / 1000)
nu = math.log(math.log(2) / 1000)
step_length = (math.log(2) / 1000) / 0.5
scale = math.sqrt(1 - size**2)
angle = (math.pi / 2) / 1000
print(size, nu, step_length, scale, angle)
"""

COMMENT = r"""
The size is 0.99931. A change of the fourth digit after the point matters: with $|\lambda| = 0.999$
only 37 % is left after 1,000 steps, and with 0.9999 it is 90 %. This is one reason why the LRU and
S4 do not train $\lambda$ itself, but the logarithm of a rate, here $\nu = -7.27$. A small
change of $\nu$ changes the distance of the size from 1 by a small fraction.

The scale is 0.037. If the inputs are independent and have a variance of 1, the variance of the
state approaches $1/(1 - |\lambda|^2) = 722$, and $\gamma$ undoes this growth. The angle is small,
0.0016: a state that turns faster says more precisely when an input was read, but inputs at
different times then cancel in its sum.
"""


def check(answers):
    """Five numbers."""
    size = 0.5 ** (1 / 1000)
    found = number(answers, "size")
    if is_close(found, 1 - 0.5 / 1000, 1e-6):
        raise Wrong("`size`: the steps multiply. They do not each subtract a part.")
    if not is_close(found, size, 5e-5):
        raise Wrong("`size`: its power 1,000 should be one half.")
    found = number(answers, "nu")
    if is_close(found, math.log(2) / 1000, 1e-5):
        raise Wrong("`nu`: this is e to the power nu. One logarithm is missing.")
    if not is_close(found, math.log(math.log(2) / 1000), 1e-4):
        raise Wrong("`nu`: solve size = exp(-exp(nu)) for nu.")
    found = number(answers, "step_length")
    if is_close(found, math.log(2) / 1000, 1e-5):
        raise Wrong("`step_length`: this would be right for a = -1.")
    if not is_close(found, 2 * math.log(2) / 1000, 1e-6):
        raise Wrong("`step_length`: solve size = exp(Δ a) for Δ, with a = -1/2.")
    found = number(answers, "scale")
    if is_close(found, 1 - size**2, 1e-5):
        raise Wrong("`scale`: this is its square.")
    if not is_close(found, math.sqrt(1 - size**2), 5e-5):
        raise Wrong("`scale`: the root of 1 - size².")
    found = number(answers, "angle")
    if is_close(found, 2 * math.pi / 1000, 1e-6):
        raise Wrong("`angle`: this makes a full turn in 1,000 steps.")
    if is_close(found, 0.09, 1e-6):
        raise Wrong("`angle`: these are degrees. The angle should be in radians.")
    if not is_close(found, math.pi / 2000, 1e-6):
        raise Wrong("`angle`: 1,000 steps together turn by a quarter of 2π.")
    return "A long memory needs a factor whose fourth digit is right."
