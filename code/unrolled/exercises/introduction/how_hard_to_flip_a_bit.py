"""One unit with feedback: when it remembers, what it takes to flip it, what gradient is left."""

import math

from unrolled.exercises.judging import Wrong, close, is_close, number

TITLE = "How hard is it to flip a bit?"
CHAPTER = "01-introduction/sequences-and-memory"
KIND = "derive"
LEVEL = 2
MINUTES = 25

TEXT = r"""
One hidden unit feeds itself, $h_t = \tanh(w\, h_{t-1} + x)$, with a constant input $x$ and
$w > 0$. A value is *stored* if the unit, started near it, comes to rest there.

1. With $x = 0$ the unit can store two values, one positive and one negative, if $w$ is larger than
   some number. Which?
2. Let $w = 2$. The unit rests at its negative value when an input $x > 0$ is switched on and left
   on. If $x$ is small, the state moves a little and stays negative; if it is large, the state goes
   over to the positive side. Where is the border?
3. With $w = 2$ and $x = 0$ the unit rests at its positive value $h^\ast$. What is the derivative
   of $h_{t+10}$ with respect to $h_t$ there? You need $h^\ast$ to four digits; iterate on a
   calculator, or in Python.
"""

STUB = """
import math

smallest_w = ...
border = ...
derivative_over_ten_steps = ...
"""

HINTS = (
    "A resting point solves $h = \\tanh(w h + x)$. It attracts if the slope of the right side "
    "there, $w\\,(1 - h^2)$, is below 1.",
    "Turn the equation round: $x = \\operatorname{artanh}(h) - w h$. Draw $x$ against $h$ for "
    "$w = 2$. As $x$ grows, the resting point on the negative side moves until it meets another. "
    "What is $\\mathrm d x / \\mathrm d h$ there?",
    "At the border $w\\,(1 - h^2) = 1$, so $h^2 = 1 - 1/w$.",
)

SOLUTION = """
import math

smallest_w = 1

h = -math.sqrt(1 - 1 / 2)  # where the slope 2 (1 - h^2) is 1
border = math.atanh(h) - 2 * h

h = 1.0
for _ in range(100):
    h = math.tanh(2 * h)
derivative_over_ten_steps = (2 * (1 - h**2)) ** 10
"""

COMMENT = r"""
1\. $h = 0$ is always a resting point. Its slope is $w$; above 1 it repels, and the curve, which is
steeper than the diagonal at 0 and flat further out, must cross it again on either side. So
$w > 1$.

2\. Solve for the input that makes $h$ a resting point, $x(h) = \operatorname{artanh}(h) - w h$,
and look for its extremum:

$$
\begin{aligned}
x'(h) &= \frac{1}{1 - h^2} - w = 0 \\
h &= -\sqrt{1 - \tfrac1w} , \\
x &= w \sqrt{1 - \tfrac1w} \\
&\quad - \operatorname{artanh} \sqrt{1 - \tfrac1w} .
\end{aligned}
$$

For $w = 2$ that is $1.4142 - 0.8814 = 0.5328$. Above it there is no resting point on the negative
side any more. The slope of the map is exactly 1 there: a change passes unweakened at the very
input at which the memory ends.

3\. $h^\ast = 0.9575$, the slope is $2(1 - h^{\ast 2}) = 0.166$, and its tenth power
$1.6 \cdot 10^{-8}$. A unit that keeps its bit against every push up to 0.53 passes hardly anything
of a change on: robust storage and a useful gradient exclude each other, which is the theorem of
{cite:t}`bengio1994`. Next, plot 2 and 3 against $w$ between 1 and 4, and look for a compromise.
There is none in this equation; gates are another equation.
"""


def check(answers):
    """Three numbers, with the usual wrong ones named."""
    smallest = number(answers, "smallest_w")
    if is_close(smallest, 0.0):
        raise Wrong(
            "1: for a small w every start runs to 0. Compare the slope at 0 with 1."
        )
    if is_close(smallest, 2.0):
        raise Wrong("1: w = 2 does store two values, and so do smaller ones.")
    close(
        smallest,
        1.0,
        "1: when does h = 0 stop attracting? Look at the slope of tanh(w h).",
    )

    border = number(answers, "border")
    exact = math.sqrt(2) - math.atanh(math.sqrt(0.5))
    rest = 1.0
    for _ in range(200):
        rest = math.tanh(2 * rest)
    if is_close(border, -exact, 2e-3):
        raise Wrong(
            "2: the size is right. A state that is negative is pushed by a positive input."
        )
    if is_close(border, 2 * rest, 5e-3):
        raise Wrong(
            "2: that input would cancel the feedback of the resting state in a single step. A "
            "smaller one, left on, moves the state a little each step, until it goes over."
        )
    if is_close(border, math.sqrt(2), 2e-3):
        raise Wrong("2: w h is only one part of x = artanh(h) - w h.")
    if is_close(border, math.sqrt(0.5), 2e-3):
        raise Wrong(
            "2: 0.707 is the size of the state at the border; which input rests there?"
        )
    if is_close(border, math.sqrt(2) + math.atanh(math.sqrt(0.5)), 2e-3):
        raise Wrong("2: mind the signs in x = artanh(h) - w h, with h negative.")
    if not is_close(border, exact, 2e-3):
        raise Wrong(
            "2: at the border the resting point on the negative side meets another and is gone. "
            "There the slope of the map, 2 (1 - h²), is exactly 1. Which x belongs to that h?"
        )

    derivative = number(answers, "derivative_over_ten_steps")
    slope = 2 * (1 - rest**2)
    for value, message in (
        (
            slope,
            "3 is the derivative over one step; over ten steps the slopes are multiplied.",
        ),
        (10 * slope, "3: slopes in a row are multiplied (chain rule), not added."),
        ((1 - rest**2) ** 10, "3 leaves out w: each step multiplies by w (1 - h²)."),
        (
            2 * (1 - rest**2) ** 10,
            "3 counts w once; every one of the ten steps multiplies by it.",
        ),
        (
            2.0**10,
            "3 is the derivative at h = 0; the unit rests near 0.96, where tanh is flat.",
        ),
    ):
        if abs(derivative / value - 1) < 1e-2:
            raise Wrong(message)
    if not abs(derivative / slope**10 - 1) < 0.05:
        raise Wrong(
            "3: the tenth power of the slope w (1 - h²), at the h where tanh(2h) = h."
        )
    return "What keeps a bit safe is what lets no gradient through."
