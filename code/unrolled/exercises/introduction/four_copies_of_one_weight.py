"""The gradient of a tied weight as the sum over its copies, with numbers."""

from unrolled.exercises.judging import Wrong, array, close, is_close, number

TITLE = "Four copies of one weight"
CHAPTER = "01-introduction/how-they-are-trained"
KIND = "derive"
LEVEL = 1
MINUTES = 12

TEXT = r"""
This recurrent network has one unit, one weight and no nonlinearity:

$$
\begin{aligned}
h_t &= w\, h_{t-1} + x_t , \\
h_0 &= 0 , \qquad w = \tfrac12 .
\end{aligned}
$$

It reads $x = (2, 1, 3, 1)$. The only loss is at the end, $L = \tfrac12 (h_4 - 1)^2$.

Give each step $k$ its own copy $w^{(k)}$ of the weight. Find on paper

- the gradient for each copy, $\partial L / \partial w^{(k)}$ for $k = 1, 2, 3, 4$, in this order,
- the gradient of $L$ with respect to $w$,
- the truncated gradient, for which the way back from the output stops after the steps 4 and 3.
"""

STUB = """
shares = [..., ..., ..., ...]  # of the copies at steps 1, 2, 3, 4
gradient = ...
truncated = ...
"""

HINTS = (
    "First go forward: $h_1, \\dots, h_4$ and $\\partial L / \\partial h_4 = h_4 - 1$ are whole "
    "numbers.",
    "Copy $k$ multiplies $h_{k-1}$. A change of $h_k$ reaches $h_4$ through $4 - k$ further steps, "
    "and each of them multiplies it by $w$.",
)

SOLUTION = """
w, x = 1 / 2, [2, 1, 3, 1]
h = [0]
for x_t in x:
    h.append(w * h[-1] + x_t)  # h[1] ... h[4]

d = h[4] - 1  # dL/dh_4
shares = [d * w ** (4 - k) * h[k - 1] for k in (1, 2, 3, 4)]
gradient = sum(shares)
truncated = shares[3] + shares[2]
"""

COMMENT = r"""
Going forward gives $h = (2,\ 2,\ 4,\ 3)$ and $\mathrm d h_4 = 3 - 1 = 2$. Copy $k$ multiplies
$h_{k-1}$, and its effect on $h_k$ passes through $4 - k$ further steps:

$$
\begin{aligned}
\frac{\partial L}{\partial w^{(k)}} &= \mathrm d h_4\, w^{4-k}\, h_{k-1} \\
&= 2 \cdot \bigl(\tfrac18 \cdot 0,\ \ \tfrac14 \cdot 2, \\
&\qquad\quad \tfrac12 \cdot 2,\ \ 1 \cdot 4\bigr) \\
&= (0,\ 1,\ 2,\ 8) .
\end{aligned}
$$

The sum is 11. We can check it without copies. The last state is a polynomial in the weight,
$h_4 = w^3 x_1 + w^2 x_2 + w x_3 + x_4$. Its derivative is $3 w^2 x_1 + 2 w x_2 + x_3 = 5.5$, and
$2 \cdot 5.5 = 11$.

Each step back multiplies by $w$. Here $w$ is one half, so the truncated gradient, 10, is close to
the full one. With $w = 1$ nothing shrinks on the way, and with $w = 2$ the gradient grows. What is
cut off may then be most of the gradient. Next, what happens for $w = -1$?
"""


def check(answers):
    """The shares, their sum, and the sum over the last two."""
    found = answers.get("shares")
    if (
        found is None
        or not isinstance(found, list | tuple)
        or any(s is ... for s in found)
    ):
        raise Wrong("Set `shares` to a list of four numbers, for the steps 1, 2, 3, 4.")
    shares = array(found, (4,), "shares")
    right = [0.0, 1.0, 2.0, 8.0]
    if is_close(shares, right[::-1]):
        raise Wrong(
            "The four numbers are right, in the wrong order: step 1 comes first."
        )
    if is_close(shares, [0.0, 0.5, 1.0, 4.0]):
        raise Wrong(
            "Each is half of what it should be. Is dL/dh_4 = h_4 - 1 in it? And from step k to "
            "step 4 there are 4 - k steps, each with one factor w."
        )
    if is_close(shares, [0.5, 1.0, 4.0, 6.0]):
        raise Wrong(
            "At step k the weight multiplies the state *before*, h_{k-1}; you took h_k."
        )
    if is_close(shares, [0.0, 4.0, 4.0, 8.0]):
        raise Wrong(
            "Each copy's effect on its own h_k is right. On the way from h_k to h_4 it is "
            "multiplied by w once a step."
        )
    if is_close(shares, [0.5, 0.5, 3.0, 2.0]):
        raise Wrong("These are the shares of the inputs; the weight multiplies states.")
    close(
        shares,
        right,
        "Each share is dL/dh_4, times w for each step on the way, times h_{k-1}.",
    )
    gradient = number(answers, "gradient")
    if is_close(gradient, 8.0):
        raise Wrong(
            "The gradient is the last copy's share only; moving w moves all four copies."
        )
    if is_close(gradient, 11 / 4):
        raise Wrong("The copies' gradients are added, not averaged.")
    close(gradient, 11.0, "Moving w moves all copies together: their gradients add up.")
    close(
        number(answers, "truncated"),
        10.0,
        "Stopped after steps 4 and 3, two shares are left.",
    )
    return "Right. The gradient of a shared weight has one term for each use of the weight."
