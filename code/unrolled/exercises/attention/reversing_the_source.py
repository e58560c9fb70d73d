"""Why reversing the source helps though it brings nothing nearer on average."""

from unrolled.exercises.judging import Wrong, is_close, number

TITLE = "Nothing nearer, and yet better"
CHAPTER = "05-attention/the-bottleneck"
KIND = "derive"
LEVEL = 2
MINUTES = 20

TEXT = r"""
A network copies $n = 20$ symbols through one vector. Between reading symbol $k$ and writing it lie
$d_k$ steps: $d_k = n$ if the source is read as it is, $d_k = 2k - 1$ if it is read reversed,
$k = 1, \dots, n$. Suppose every step that the gradient goes back multiplies it by $\gamma = 0.9$,
so that what reaches symbol $k$ from its output is $\gamma^{d_k}$.

Find four numbers:

- `mean_distance`, the mean of $d_k$ over the symbols when the source is reversed;
- `first`, by what factor the gradient that reaches symbol 1 changes when the source is reversed
  (above 1 if it grows);
- `last`, the same for symbol 20;
- `total`, the same for the sum of the gradients over all symbols.

Before you look at the comment, try to say why `total` comes out on the side of 1 where it does, and
whether it would for another $\gamma < 1$.
"""

STUB = """
n, gamma = 20, 0.9

mean_distance = None
first = None
last = None
total = None
"""

HINTS = (
    "A factor is the gradient with the source reversed, divided by the gradient with the source as"
    " it is, which is $\\gamma^{20}$ for every symbol.",
    "The sum over the symbols is a geometric series: "
    "$\\sum_k \\gamma^{2k-1} = \\gamma\\,(1 - \\gamma^{2n}) / (1 - \\gamma^2)$. Or let Python add "
    "it up.",
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
The mean of the odd numbers up to $2n - 1$ is $n$: on average nothing has come nearer. What training
gets is a sum of $\gamma^{d}$, though, and not $\gamma$ to a mean. The function $d \mapsto \gamma^d$
is convex, so by Jensen's inequality

$$
\begin{aligned}
\frac 1 n \sum_{k} \gamma^{d_k}
&\ge \gamma^{\frac 1 n \sum_k d_k} \\
&= \gamma^{n} ,
\end{aligned}
$$

with equality only if all distances are equal, or $\gamma = 1$. Any way of reading that spreads the
distances and keeps their mean increases the gradient's sum, for every $\gamma \ne 1$; here it is
nearly doubled. Symbol 1 gains the factor 7.4 that symbol 20 loses, since $d_1 + d_{20} = 2n$; but
seven times as much is more than a seventh is less. This is a statement about the start of training,
when nothing has been learnt. {cite:t}`sutskever2014` offered a similar guess for why reversing
helped their translator. With attention every symbol is one step from its copy, and all twenty have
what symbol 1 alone gains here. Try $\gamma = 0.99$ and $0.5$: where is reversing worth most?
"""


def check(answers):
    """Four numbers."""
    gamma, n = 0.9, 20
    turned = [2 * k - 1 for k in range(1, n + 1)]
    mean = number(answers, "mean_distance")
    if is_close(mean, 21.0):
        raise Wrong(
            "`mean_distance` is that of 2k. The nearest symbol is one step away, not two."
        )
    if not is_close(mean, 20.0):
        raise Wrong("`mean_distance` is the mean of 1, 3, 5, …, 39, twenty numbers.")
    ratios = [gamma ** (turned[0] - n), gamma ** (turned[-1] - n)]
    for name, right in zip(("first", "last"), ratios, strict=True):
        found = number(answers, name)
        if is_close(found, 1 / right, 1e-3):
            raise Wrong(
                f"`{name}` is upside down: reversed over as it is, not the other way."
            )
        if is_close(found, right * gamma**n, 1e-3):
            raise Wrong(
                f"`{name}` is the gradient itself; divide by what it was, γ to the 20th."
            )
        if not is_close(found, right, 2e-3):
            raise Wrong(
                f"`{name}` is γ to the power of a difference: the distance of that symbol when the "
                "source is reversed, less 20."
            )
    total = number(answers, "total")
    right = sum(gamma**d for d in turned) / (n * gamma**n)
    if is_close(total, 1 / right, 2e-3):
        raise Wrong("`total` is upside down: reversed over as it is.")
    if is_close(total, 1.0, 1e-9):
        raise Wrong(
            "`total` is not 1. You have put the mean distance into the exponent; the mean of "
            "powers is not the power of the mean."
        )
    if is_close(total, sum(gamma**d for d in turned) / gamma**n, 2e-3):
        raise Wrong("`total` compares a sum of twenty gradients with a single one.")
    if is_close(total, sum(ratios), 2e-3) or is_close(total, sum(ratios) / 2, 2e-3):
        raise Wrong("`total` is over all twenty symbols, not the first and the last.")
    if not is_close(total, right, 2e-3):
        raise Wrong(
            "`total` is the sum of γ to 1, 3, …, 39, divided by twenty times γ to the 20th."
        )
    return (
        "The mean distance is what it was, and the gradient's sum has nearly doubled: powers are "
        "convex, and the spread of the distances pays."
    )
