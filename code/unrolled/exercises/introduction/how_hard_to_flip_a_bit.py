"""One unit with feedback: what it stores, which input flips it, which gradient is left."""

import math

from unrolled.exercises.judging import Wrong, close, is_close, number

TITLE = "How hard is it to flip a bit?"
CHAPTER = "01-introduction/sequences-and-memory"
SECTION = "one-bit-of-memory"
KIND = "derive"
LEVEL = 2
MINUTES = 25

TEXT = r"""
One hidden unit has feedback, $h_t = \tanh(w\, h_{t-1} + x)$, with a constant input $x$ and $w > 0$.
We say that the unit *stores* a value if the state converges to this value from every nearby initial
state.

1. Let $x = 0$. If $w$ is larger than a certain number, the unit can store two values, one positive
   and one negative. What is this number?
2. Let $w = 2$. The unit rests at its negative value. Then an input $x > 0$ is switched on and stays
   on. If $x$ is small, the state moves a little and stays negative. If $x$ is large, the state
   becomes positive. Find the border: what value must $x$ exceed to make the state positive?
3. Let $w = 2$ and $x = 0$. The unit rests at its positive value $h^\ast$. What is the derivative of
   $h_{t+10}$ with respect to $h_t$ there? You need $h^\ast$ to four digits; iterate the equation on
   a calculator or in Python to find it.
"""

STUB = """
import math

smallest_w = ...
border = ...
derivative_over_ten_steps = ...
"""

HINTS = (
    "A resting point solves $h = \\tanh(w h + x)$. It is an attractor if the slope of the right "
    "side at this point, $w\\,(1 - h^2)$, is less than 1.",
    "Solve the equation for the input: $x = \\operatorname{artanh}(h) - w h$. Draw $x$ against $h$ "
    "for $w = 2$. As $x$ grows, the resting point on the negative side moves until it meets a "
    "second resting point. What is $\\mathrm d x / \\mathrm d h$ there?",
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
1\. The value $h = 0$ is always a resting point, and the slope of the map there is $w$. If $w > 1$,
this point is not an attractor. The curve is then steeper than the diagonal at 0 and flat far from
0, so it must cross the diagonal once more on each side. The number that we want is 1.

2\. Solve for the input that makes $h$ a resting point, $x(h) = \operatorname{artanh}(h) - w h$, and
find its extremum:

$$
\begin{aligned}
x'(h) &= \frac{1}{1 - h^2} - w = 0 \\
h &= -\sqrt{1 - \tfrac1w} , \\
x &= w \sqrt{1 - \tfrac1w} \\
&\quad - \operatorname{artanh} \sqrt{1 - \tfrac1w} .
\end{aligned}
$$

For $w = 2$ this gives $1.4142 - 0.8814 = 0.5328$. For larger inputs there is no resting point on
the negative side. At the border, the slope of the map is exactly 1. A small change then passes from
step to step at its full size, but at this input the unit stops storing the negative value.

3\. $h^\ast = 0.9575$, the slope is $2(1 - h^{\ast 2}) = 0.166$, and its tenth power is
$1.6 \cdot 10^{-8}$. This unit keeps its bit as long as the input is at most 0.53 in size, but
almost nothing is left of a small change after ten steps. With this equation, a unit that stores a
bit robustly passes on very little gradient. {cite:t}`bengio1994` proved this for a large class of
networks. Next, plot the results of 2 and 3 against $w$ between 1 and 4, and look for a compromise.
The gated cells of Part 4 use a different equation.
"""


def check(answers):
    """Three numbers, with the usual wrong ones named."""
    smallest = number(answers, "smallest_w")
    if is_close(smallest, 0.0):
        raise Wrong(
            "1: for a small w the state goes to 0 from every start. Compare the slope at 0 with 1."
        )
    if is_close(smallest, 2.0):
        raise Wrong("1: w = 2 does store two values, and so do smaller values of w.")
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
            "2: the size is right, but the sign is not. A negative state needs a positive input."
        )
    if is_close(border, 2 * rest, 5e-3):
        raise Wrong(
            "2: this input would cancel the feedback of the resting state in a single step. A "
            "smaller input that stays on moves the state a little each step, until it is positive."
        )
    if is_close(border, math.sqrt(2), 2e-3):
        raise Wrong("2: w h is only one part of x = artanh(h) - w h.")
    if is_close(border, math.sqrt(0.5), 2e-3):
        raise Wrong(
            "2: 0.707 is the size of the state at the border. Which input lets the unit rest there?"
        )
    if is_close(border, math.sqrt(2) + math.atanh(math.sqrt(0.5)), 2e-3):
        raise Wrong("2: check the signs in x = artanh(h) - w h; h is negative.")
    if not is_close(border, exact, 2e-3):
        raise Wrong(
            "2: at the border the negative resting point meets a second one and both disappear. "
            "At this point the slope of the map, 2 (1 - h²), is exactly 1. Which x gives this h?"
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
    return "The small slope that protects the bit also shrinks the gradient."
