"""The gradient of a shared weight as the sum over its copies, with numbers."""

from unrolled.exercises.judging import Wrong, array, close, is_close, number

TITLE = "Four copies of one weight"
CHAPTER = "01-introduction/how-they-are-trained"
SECTION = "one-gradient-for-a-shared-weight"
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

The network reads $x = (2, 1, 3, 1)$. The only loss is at the end, $L = \tfrac12 (h_4 - 1)^2$.

Give each step $k$ its own copy $w^{(k)}$ of the weight. Find on paper

- the gradient for each copy, $\partial L / \partial w^{(k)}$ for $k = 1, 2, 3, 4$, in this order,
- the gradient of $L$ with respect to $w$,
- the truncated gradient, which counts only the copies at steps 4 and 3.
"""

STUB = """
shares = [..., ..., ..., ...]  # of the copies at steps 1, 2, 3, 4
gradient = ...
truncated = ...
"""

HINTS = (
    "First compute the states $h_1, \\dots, h_4$ and $\\partial L / \\partial h_4 = h_4 - 1$. All "
    "of them are whole numbers.",
    "Copy $k$ multiplies $h_{k-1}$. A change in $h_k$ reaches $h_4$ through $4 - k$ further steps, "
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
The states are $h_1, \dots, h_4 = 2, 2, 4, 3$, and $\mathrm d h_4 = 3 - 1 = 2$. Copy $k$ multiplies
$h_{k-1}$, and its effect on $h_k$ passes through $4 - k$ further steps:

$$
\begin{aligned}
\frac{\partial L}{\partial w^{(k)}} &= \mathrm d h_4\, w^{4-k}\, h_{k-1} \\
&= 2 \cdot \bigl(\tfrac18 \cdot 0,\ \ \tfrac14 \cdot 2, \\
&\qquad\quad \tfrac12 \cdot 2,\ \ 1 \cdot 4\bigr) \\
&= (0,\ 1,\ 2,\ 8) .
\end{aligned}
$$

The sum is 11. We can check this sum without copies. The last state is a polynomial in the weight,
$h_4 = w^3 x_1 + w^2 x_2 + w x_3 + x_4$. Its derivative is $3 w^2 x_1 + 2 w x_2 + x_3 = 5.5$, and
$2 \cdot 5.5 = 11$.

At each step back, the gradient is multiplied by $w$. Here $w$ is one half, so the truncated
gradient, 10, is close to the full gradient. With $w = 1$ the gradient does not shrink on the way,
and with $w = 2$ it grows. Truncation may then cut off most of the gradient. Next, what happens for
$w = -1$?
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
            "The four numbers are right, but in the wrong order: step 1 comes first."
        )
    if is_close(shares, [0.0, 0.5, 1.0, 4.0]):
        raise Wrong(
            "Each share is half of the right number. Did you multiply by dL/dh_4 = h_4 - 1? And "
            "from step k to step 4 there are 4 - k steps, each with one factor w."
        )
    if is_close(shares, [0.5, 1.0, 4.0, 6.0]):
        raise Wrong(
            "At step k the weight multiplies the state *before*, h_{k-1}; you took h_k."
        )
    if is_close(shares, [0.0, 4.0, 4.0, 8.0]):
        raise Wrong(
            "Each copy's effect on its own h_k is right. On the way from h_k to h_4, this effect "
            "is multiplied by w at each step."
        )
    if is_close(shares, [0.5, 0.5, 3.0, 2.0]):
        raise Wrong("You multiplied by the inputs; the weight multiplies the states.")
    close(
        shares,
        right,
        "Each share is dL/dh_4, times w for each step on the way, times h_{k-1}.",
    )
    gradient = number(answers, "gradient")
    if is_close(gradient, 8.0):
        raise Wrong(
            "This is the share of the last copy only; a change in w changes all four copies."
        )
    if is_close(gradient, 11 / 4):
        raise Wrong("The copies' gradients are added, not averaged.")
    close(gradient, 11.0, "A change in w changes all copies: add up their gradients.")
    close(
        number(answers, "truncated"),
        10.0,
        "Only the shares of steps 4 and 3 are left.",
    )
    return "The gradient of a shared weight has one term for each use of the weight."
