"""Six predictions: which changes of the inputs change the weights of attention?"""

from unrolled.exercises.judging import choice

TITLE = "What changes the weights?"
CHAPTER = "05-attention/attention"
SECTION = "four-scores"
KIND = "predict"
LEVEL = 1
MINUTES = 10

TEXT = r"""
One query $q$ attends to $S$ positions. The score is the dot product $q\,k_s^{\top}$, without
scaling. Predict with pencil and paper what each change does. Then try it in code.

1. `plus_five`: we add 5 to all scores. The weights are then **(a)** the same; **(b)**
   more even; **(c)** more peaked.
2. `doubled`: we multiply the query by 2. Then **(a)** nothing changes; **(b)** all weights double;
   **(c)** the ratio of any two weights is squared.
3. `permuted`: we change the order of the positions, for keys and values together. Then **(a)**
   weights and context are the same; **(b)** the weights are permuted and the context is the same;
   **(c)** weights and context are permuted.
4. `copied`: we add a second copy of one position, with the same key and value. Its weight was $w$.
   The weights of the two copies then sum to **(a)** $w$; **(b)** $2w$; **(c)** $2w / (1 + w)$.
5. `moved`: we add the same row $m$ to all values. The context is then **(a)** the same; **(b)**
   moved by $m$; **(c)** moved by $m/S$.
6. `longer`: the entries of $q$ and of all $k_s$ are independent with mean 0 and variance 1, and
   $S = 20$. The number of entries grows from 16 to 1024. The largest weight is then on average
   **(a)** about as large as before; **(b)** near $1/20$; **(c)** near 1.
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
    "Write $w_s = e^{z_s} / \\sum_r e^{z_r}$, where $z$ stands for the scores, and apply each "
    "change. For ratios, use $w_r / w_s = e^{z_r - z_s}$.",
    "For `copied`, let $a = e^{z}$ for the copied position, and let $b$ be the sum of $e^{z}$ "
    "over the other positions. Then $w = a / (a + b)$. For `longer`, what is the variance of a "
    "sum of $E$ independent terms with variance 1?",
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
The weights depend only on differences of scores, because $w_r / w_s = e^{z_r - z_s}$. A number that
is added to all scores has no effect (1). For this reason a bias of the keys gets no gradient
({doc}`/book/05-attention/self-attention`). If all scores are multiplied by a factor $\beta$, every
ratio of two weights is raised to the power $\beta$ (2). This factor is called an inverse
*temperature*.

The norms of the query and the keys act as such a factor, which explains (6). The score is a sum of
$E$ terms with mean 0 and variance 1. Its standard deviation is $\sqrt E$, which grows from 4 to 32.
The largest of the twenty scores is then so far above the others that it gets nearly all the weight,
before anything has been learnt. If the score is divided by $\sqrt E$, its standard deviation is 1
for every number of entries.

In (3), only the order of the terms of a sum changes. Attention itself does not depend on the order
of the source. The translator gets the order from its encoder, whose states serve as keys. (4) is
the case of a repeated word. With $w = a/(a+b)$,

$$
\begin{aligned}
\frac{2a}{2a + b}
&= \frac{2 \frac{a}{a+b}}{1 + \frac{a}{a+b}} \\
&= \frac{2w}{1+w} ,
\end{aligned}
$$

which lies between $w$ and 1 if there are other positions. Every position adds to the denominator,
and padding that is not masked adds to it too. (5) holds because the weights sum to 1. It fails in a
network that applies the mask after the softmax.
"""

WHY_NOT = {
    "plus_five": (
        "a",
        {
            "b": "`plus_five`: the weights are more even if the differences between the scores are "
            "smaller. Adding 5 to all scores leaves every difference unchanged.",
            "c": "`plus_five`: every exponential grows by the factor e to the 5th, and so does "
            "their sum.",
        },
    ),
    "doubled": (
        "c",
        {
            "a": "`doubled`: all scores double, and so do their differences. Scores of 1 and 0 "
            "become 2 and 0.",
            "b": "`doubled`: a row of weights sums to 1 for any scores, so the weights cannot all "
            "double.",
        },
    ),
    "permuted": (
        "b",
        {
            "a": "`permuted`: the weight of a position depends on its key, so the weights are in "
            "the new order too.",
            "c": "`permuted`: the context is one vector of F numbers, a sum over the positions. A "
            "sum does not depend on the order of its terms.",
        },
    ),
    "copied": (
        "c",
        {
            "a": "`copied`: the copies do not share the old weight. Each copy adds its full "
            "exponential to the sum.",
            "b": "`copied`: with w = 0.6, this would be more than 1. The sum in the denominator "
            "grows too.",
        },
    ),
    "moved": (
        "b",
        {
            "a": "`moved`: the weights do not depend on the values, but the context is their mean.",
            "c": "`moved`: every value moves by m, so their mean moves by m too.",
        },
    ),
    "longer": (
        "c",
        {
            "a": "`longer`: a score is a sum of E terms, and its spread grows with the number of "
            "terms. The weights depend on this spread.",
            "b": "`longer`: even weights come from scores that hardly differ. What happens to the "
            "variance of a sum if the number of its terms grows?",
        },
    ),
}


def check(answers):
    """Six choices."""
    for name, (right, why_not) in WHY_NOT.items():
        choice(answers, name, why_not, right)
    return "The weights depend on differences of scores, and every position adds to the sum."
