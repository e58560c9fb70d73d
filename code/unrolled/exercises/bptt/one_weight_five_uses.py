"""The gradient of a power, as a sum over the uses of one weight."""

from unrolled.exercises.judging import Wrong, number

TITLE = "One weight, five uses"
CHAPTER = "03-bptt/the-chain-rule-through-time"
SECTION = "one-weight-used-at-every-step"
KIND = "derive"
LEVEL = 1
MINUTES = 10

TEXT = r"""
A linear unit without inputs computes $h_t = w\, h_{t-1}$, with $h_0 = 1$. Its loss is its last
state, $L = h_T$. You can work out everything about its gradient on paper. For $T = 5$ and
$w = 0.9$, set

- `gradient` to $\mathrm d L / \mathrm d w$

- `second_use` to the contribution of the use of $w$ at step 2, which is the derivative with respect
  to the copy $w^{(2)}$ with all other copies held fixed

- `misread` to the value of the sum {eq}`eq-bptt-sum` if its last factor is read as the *total*
  derivative $\mathrm d h_k / \mathrm d w$ instead of the immediate derivative
"""

STUB = """
T, w = 5, 0.9

gradient = None
second_use = None
misread = None
"""

HINTS = (
    "$h_T = w^T$. Write it as a product of five copies, "
    "$w^{(5)} w^{(4)} w^{(3)} w^{(2)} w^{(1)}$, and differentiate with respect to one of them.",
    "In the sum, the factor before the last is $\\partial h_T / \\partial h_k = w^{T-k}$. The "
    "immediate derivative is $\\partial^+ h_k / \\partial w = h_{k-1} = w^{k-1}$. The total "
    "derivative is the derivative of $h_k = w^k$.",
)

SOLUTION = """
T, w = 5, 0.9

gradient = T * w ** (T - 1)
second_use = w ** (T - 1)
misread = sum(w ** (T - k) * k * w ** (k - 1) for k in range(1, T + 1))
"""

COMMENT = r"""
Each of the five copies is multiplied by four others, so each contributes $w^4 = 0.6561$. Together
they are the derivative of $w^5$:

$$
\begin{aligned}
\sum_{k=1}^{T} w^{T-k}\, w^{k-1} &= T\, w^{T-1} \\
&= 3.2805 .
\end{aligned}
$$

The total derivative of $h_k$ already contains all uses up to step $k$. If you put it into the sum,
the use at step $j$ is counted once for every $k \ge j$:

$$
\begin{aligned}
& \sum_{k=1}^{T} w^{T-k}\, k\, w^{k-1} \\
& = \tfrac12 T (T+1)\, w^{T-1} \\
& = 9.8415 .
\end{aligned}
$$

This is three times the gradient. In general the factor is $(T + 1)/2$, which is 1 for a sequence of
one step. So a check with $T = 1$ cannot tell the two readings apart. Next, try $w = 1.1$ and
$T = 100$. All uses still contribute equally, and all contributions have exploded.
"""


def check(answers):
    """Three numbers, and what else they may have come from."""
    T, w = 5, 0.9
    power = w ** (T - 1)
    gradient = number(answers, "gradient")
    second_use, misread = number(answers, "second_use"), number(answers, "misread")
    if abs(gradient - power) < 1e-6:
        raise Wrong(
            "`gradient` is what one copy of w contributes. The weight is used at every step, and "
            "the uses add up."
        )
    if abs(gradient - T * (T + 1) / 2 * power) < 1e-6:
        raise Wrong(
            "`gradient` counts early uses several times: L is w to the power 5."
        )
    if abs(gradient - T * power) > 1e-4:
        raise Wrong("`gradient` is not the derivative of w to the power 5 at w = 0.9.")
    if abs(second_use - w**0) < 1e-6 or abs(second_use - w) < 1e-6:
        raise Wrong(
            "`second_use` is the immediate derivative of h_2. Multiply it by the effect of h_2 on "
            "h_5."
        )
    if abs(second_use - w ** (T - 2)) < 1e-6:
        raise Wrong(
            "`second_use` has the three factors from step 2 to step 5. The use at step 2 is also "
            "multiplied by the state before it."
        )
    if abs(second_use - power) > 1e-4:
        raise Wrong(
            "`second_use`: write h_5 as a product of five copies. Four of them remain."
        )
    if abs(misread - gradient) < 1e-4:
        raise Wrong(
            "`misread` equals the gradient, so you took the immediate derivative, which is the "
            "right reading. For the wrong reading, take the derivative of h_k = w to the power k."
        )
    if abs(misread - T * (T + 1) / 2 * power) > 1e-4:
        raise Wrong("`misread` should be the sum over k of w^(5-k) times k w^(k-1).")
    return (
        "The five contributions are equal. With total derivatives, the sum counts them 5, 4, 3, "
        "2, 1 times."
    )
