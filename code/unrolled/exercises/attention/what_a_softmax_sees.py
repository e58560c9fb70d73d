"""Six predictions on what changes attention's weights."""

from unrolled.exercises.judging import choice

TITLE = "What a softmax sees"
CHAPTER = "05-attention/attention"
KIND = "predict"
LEVEL = 1
MINUTES = 10

TEXT = r"""
One query $q$ attends to $S$ places with the dot product $q\,k_s^{\top}$ for a score (not scaled).
Predict, with pencil and paper, what each change does. Then try it in code.

1. `plus_five`: 5 is added to all scores of the row. The weights are then **(a)** the same; **(b)**
   more even; **(c)** more peaked.
2. `doubled`: the query is multiplied by 2. Then **(a)** nothing changes; **(b)** all weights
   double; **(c)** the ratio of any two weights is squared.
3. `permuted`: the places of the source change their order, keys and values together. Then **(a)**
   weights and context are the same; **(b)** the weights are permuted and the context is the same;
   **(c)** weights and context are permuted.
4. `copied`: a place of weight $w$ is put into the source a second time, key and value. Its two
   copies together then weigh **(a)** $w$; **(b)** $2w$; **(c)** $2w / (1 + w)$.
5. `moved`: the same row $m$ is added to all values. The context is then **(a)** the same; **(b)**
   moved by $m$; **(c)** moved by $m/S$.
6. `longer`: the entries of $q$ and of all $k_s$ are independent with mean 0 and variance 1,
   $S = 20$, and their number grows from 16 to 1024. The largest weight is then on average **(a)**
   about as large; **(b)** near $1/20$; **(c)** near 1.
"""

STUB = """
plus_five = None  # "a", "b" or "c"
doubled = None
permuted = None
copied = None
moved = None
longer = None
"""

HINTS = (
    "Write $w_s = e^{z_s} / \\sum_r e^{z_r}$ with $z$ for the scores, and put each change into it."
    " For ratios: $w_r / w_s = e^{z_r - z_s}$.",
    "For `copied` let $a = e^{z}$ of that place and $b$ be the sum of $e^{z}$ over the others. "
    "Then $w = a / (a + b)$. For `longer`: the variance of a sum of $E$ independent terms of "
    "variance 1.",
)

SOLUTION = """
import numpy as np

from unrolled.functional import softmax

plus_five = "a"
doubled = "c"
permuted = "b"
copied = "c"
moved = "b"
longer = "c"

rng = np.random.default_rng(0)
q, k = rng.normal(size=4), rng.normal(size=(6, 4))
w = softmax(k @ q)
print(np.abs(softmax(k @ q + 5) - w).max())
twice = softmax(np.append(k @ q, k[0] @ q))
print(twice[0] + twice[-1], 2 * w[0] / (1 + w[0]))
for E in (16, 1024):
    q, k = rng.normal(size=(100, E, 1)), rng.normal(size=(100, 20, E))
    print(E, softmax((k @ q)[..., 0]).max(axis=1).mean())
"""

COMMENT = r"""
A softmax sees differences: $w_r / w_s = e^{z_r - z_s}$. What is common to all scores is invisible
(1), which is why a bias of the keys never learns ({doc}`/book/05-attention/self-attention`). A
factor before the scores is an inverse *temperature* (2): it multiplies the differences and raises
the ratios to its power, and nothing in attention sets it but the lengths of query and keys. That is
what goes wrong in (6). The score is a sum of $E$ independent terms of variance 1, its standard
deviation is $\sqrt E$, 4 at first and then 32; the largest of twenty leads by far more than the
softmax needs to decide, before anything was learnt. Divided by $\sqrt E$ the spread is 1 at every
length.

In (3) the sum over places has its terms in another order. Attention by itself has no order; what
the translator knows of it, its encoder put into the keys. (4) is the case of a repeated word. With
$w = a/(a+b)$,

$$
\begin{aligned}
\frac{2a}{2a + b}
&= \frac{2 \frac{a}{a+b}}{1 + \frac{a}{a+b}} \\
&= \frac{2w}{1+w} ,
\end{aligned}
$$

more than $w$, and never more than 1: attention counts votes, and padding that is not masked votes
too. (5) holds because the weights sum to 1, and fails in a network whose mask comes after the
softmax.
"""

WHY_NOT = {
    "plus_five": (
        "a",
        {
            "b": "`plus_five`: more even would mean smaller differences between the scores. Adding "
            "5 to all of them leaves every difference as it was.",
            "c": "`plus_five`: every exponential grows by the factor e to the 5th, and so does "
            "their sum.",
        },
    ),
    "doubled": (
        "c",
        {
            "a": "`doubled`: all scores double, and so do their differences. Scores 1 and 0 become "
            "2 and 0.",
            "b": "`doubled`: a row of weights sums to 1 whatever the scores; they cannot all "
            "double.",
        },
    ),
    "permuted": (
        "b",
        {
            "a": "`permuted`: the weight of a place goes with its key; the row of weights is in "
            "the new order.",
            "c": "`permuted`: the context is one vector of F numbers, a sum over the places. A sum "
            "does not ask for an order.",
        },
    ),
    "copied": (
        "c",
        {
            "a": "`copied`: they do not share the old weight. Each copy adds its full exponential "
            "to the sum.",
            "b": "`copied`: with w = 0.6 that would be more than 1. The sum in the denominator has "
            "grown too.",
        },
    ),
    "moved": (
        "b",
        {
            "a": "`moved`: the weights do not depend on the values, but the context is made of "
            "them.",
            "c": "`moved`: every value moves by the whole of m, and a mean moves with what it is "
            "the mean of. The weights sum to 1, not each to 1/S.",
        },
    ),
    "longer": (
        "c",
        {
            "a": "`longer`: a score is a sum of E terms, and the more terms, the wider it is "
            "spread. The softmax sees the spread.",
            "b": "`longer`: even weights come from scores that hardly differ. What does the "
            "variance of a sum do when the number of its terms grows?",
        },
    ),
}


def check(answers):
    """Six choices."""
    for name, (right, why_not) in WHY_NOT.items():
        choice(answers, name, why_not, right)
    return "It sees differences of scores, and every exponential in the sum has a vote."
