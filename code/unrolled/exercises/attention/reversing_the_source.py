"""Why reversing the source helps although the mean distance stays the same."""

from unrolled.exercises.judging import Wrong, is_close, number

TITLE = "Why reversing the source helps"
CHAPTER = "05-attention/the-bottleneck"
SECTION = "how-far-does-the-gradient-have-to-go"
KIND = "derive"
LEVEL = 2
MINUTES = 20

TEXT = r"""
A network copies $n = 20$ symbols through one vector. It reads symbol $k$ and writes it $d_k$ steps
later. If the source is read in its usual order, $d_k = n$. If it is read in reverse,
$d_k = 2k - 1$, for $k = 1, \dots, n$. Suppose that each step multiplies the gradient by
$\gamma = 0.9$ on its way back, so that $\gamma^{d_k}$ is left when the gradient of output $k$
reaches symbol $k$.

Find four numbers:

- `mean_distance` is the mean of $d_k$ over the symbols when the source is reversed.

- `first` is the factor by which reversing the source changes the gradient that reaches symbol 1
  (above 1 if the gradient grows).

- `last` is the same factor for symbol 20.

- `total` is the same factor for the sum of the gradients over all symbols.

Before you look at the solution, try to explain why `total` is larger or smaller than 1. Would your
explanation hold for a different $\gamma < 1$?
"""

STUB = """
n, gamma = 20, 0.9

mean_distance = None
first = None
last = None
total = None
"""

HINTS = (
    "A factor is the gradient with the reversed source, divided by the gradient with the source "
    "in its own order. The second gradient is $\\gamma^{20}$ for every symbol.",
    "The sum over the symbols is a geometric series: $\\sum_k \\gamma^{2k-1} = \\gamma\\,(1 - "
    "\\gamma^{2n}) / (1 - \\gamma^2)$. You can also let Python add it up.",
)

SOLUTION = """
n, gamma = 20, 0.9
as_it_is = [n for k in range(1, n + 1)]
turned = [2 * k - 1 for k in range(1, n + 1)]

mean_distance = sum(turned) / n
first = gamma ** (turned[0] - n)
last = gamma ** (turned[-1] - n)
total = sum(gamma**d for d in turned) / sum(gamma**d for d in as_it_is)
print(mean_distance, first, last, total)
"""

COMMENT = r"""
The mean of the odd numbers up to $2n - 1$ is $n$, so the mean distance is unchanged. But the sum of
the gradients contains the powers $\gamma^{d_k}$, not the power of the mean distance. The function
$d \mapsto \gamma^d$ is convex, so by Jensen's inequality

$$
\begin{aligned}
\frac 1 n \sum_{k} \gamma^{d_k}
&\ge \gamma^{\frac 1 n \sum_k d_k} \\
&= \gamma^{n} ,
\end{aligned}
$$

with equality only if all distances are equal or $\gamma = 1$. If the mean distance stays the same,
any spread of the distances increases the sum of the gradients, for every $\gamma \ne 1$. Here the
sum nearly doubles. The gradient of symbol 1 grows by a factor of 7.4, and the gradient of symbol 20
shrinks by the same factor, because $d_1 + d_{20} = 2n$. In the sum, the gain is larger than the
loss.

The calculation describes the start of training. {cite:t}`sutskever2014` gave a similar explanation
for why reversing helped their translator, and called it incomplete. With attention, every symbol is
one step from its copy. If all the weight were on the right position, all twenty symbols would gain
what only symbol 1 gains here. Try $\gamma = 0.99$ and $0.5$. For which $\gamma$ does reversing help
most?
"""


def check(answers):
    """Four numbers."""
    gamma, n = 0.9, 20
    turned = [2 * k - 1 for k in range(1, n + 1)]
    mean = number(answers, "mean_distance")
    if is_close(mean, 21.0):
        raise Wrong(
            "`mean_distance` is the mean of 2k. The nearest symbol is one step away, not two."
        )
    if not is_close(mean, 20.0):
        raise Wrong("`mean_distance` is the mean of 1, 3, 5, …, 39, twenty numbers.")
    ratios = [gamma ** (turned[0] - n), gamma ** (turned[-1] - n)]
    for name, right in zip(("first", "last"), ratios, strict=True):
        found = number(answers, name)
        if is_close(found, 1 / right, 1e-3):
            raise Wrong(
                f"`{name}` is inverted: divide the reversed value by the value as it is."
            )
        if is_close(found, right * gamma**n, 1e-3):
            raise Wrong(
                f"`{name}` is the gradient itself. Divide it by its old value, γ to the 20th."
            )
        if not is_close(found, right, 2e-3):
            raise Wrong(
                f"`{name}` is γ to the power of a difference: the distance of this symbol in the "
                "reversed source, minus 20."
            )
    total = number(answers, "total")
    right = sum(gamma**d for d in turned) / (n * gamma**n)
    if is_close(total, 1 / right, 2e-3):
        raise Wrong("`total` is inverted: divide the reversed sum by the sum as it is.")
    if is_close(total, 1.0, 1e-9):
        raise Wrong(
            "`total` is not 1. You used the mean distance as the exponent, but the mean of "
            "powers is not the power of the mean."
        )
    if is_close(total, sum(gamma**d for d in turned) / gamma**n, 2e-3):
        raise Wrong(
            "`total` compares a sum of twenty gradients with a single gradient."
        )
    if is_close(total, sum(ratios), 2e-3) or is_close(total, sum(ratios) / 2, 2e-3):
        raise Wrong(
            "`total` is the sum over all twenty symbols, not over the first and the last."
        )
    if not is_close(total, right, 2e-3):
        raise Wrong(
            "`total` is the sum of γ to 1, 3, …, 39, divided by twenty times γ to the 20th."
        )
    return (
        "The mean distance is unchanged, but the sum of the gradients has nearly doubled, "
        "because powers are convex."
    )
