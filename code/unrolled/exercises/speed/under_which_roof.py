"""Which calls of a step wait for memory, and how many rows a product needs to compute."""

from unrolled.exercises.judging import Wrong, choice, is_close, number

TITLE = "Memory or arithmetic?"
CHAPTER = "07-gpu/batches-threads-libraries"
SECTION = "where-is-the-limit"
KIND = "derive"
LEVEL = 1
MINUTES = 15

TEXT = r"""
A processor computes matrix products at $R = 100$ GFLOP/s and moves data at $\beta = 20$ GB/s. We
ignore exponentials and the fixed cost of a call. The training step has the sizes of the chapter:
$N = 45$ words, $H = 100$ units, $V = 8000$ words in the vocabulary, and 4 bytes per number. Each
call reads each of its inputs once and writes its result once. Set these names:

- `product_ms`: the time of $u = h W_y$ by {eq}`eq-call-time`, in milliseconds.

- `update_ms`: the time of the two passes that follow when $\mathrm dW_y$ is known. The first pass
  scales $\mathrm dW_y$ in place by $\eta$, and the second pass subtracts it from $W_y$.

- `least_rows`: the smallest whole number $N$ for which the arithmetic of $u = h W_y$ takes longer
  than moving its data.

- `most`: the limit of the number of operations per byte in this product, as the number of rows
  grows.

- `narrowest`: the smallest whole number $H$ for which, at $V = 8000$ and with enough rows, the
  arithmetic of the product takes longer than moving its data.

- `helps`: the letter of the one change that makes the product with 45 rows faster.
  **a** Twice the bandwidth.
  **b** Kernels with twice the rate.
  **c** Numbers of 2 bytes at the same rate.
  **d** One array for $u$ that every step uses again. (Do not count page faults.)
"""

STUB = """
R, beta, itemsize = 100e9, 20e9, 4
N, H, V = 45, 100, 8000

product_ms = None
update_ms = None
least_rows = None
most = None
narrowest = None
helps = None
"""

HINTS = (
    "The product does $2NHV$ operations and touches $NH + HV + NV$ numbers. The pass "
    "that scales in "
    "place touches each number twice, and the pass that subtracts touches three "
    "numbers.",
    "Arithmetic and memory take the same time if there are $R / \\beta = 5$ "
    "operations for each "
    "byte. Set the ratio of operations to bytes equal to 5 and solve for $N$.",
    "For many rows, $HV$ is small compared with $NH + NV$, and $N$ cancels.",
)

SOLUTION = """
import math

R, beta, itemsize = 100e9, 20e9, 4
N, H, V = 45, 100, 8000
ridge = R / beta  # operations a byte

operations = 2 * N * H * V
size = itemsize * (N * H + H * V + N * V)
product_ms = 1e3 * max(operations / R, size / beta)
update_ms = 1e3 * itemsize * (2 + 3) * H * V / beta

k = itemsize * ridge  # 2 N H V = k (N H + H V + N V)
least_rows = math.floor(k * H * V / (2 * H * V - k * (H + V))) + 1
most = 2 * H * V / (itemsize * (H + V))
narrowest = math.floor(k * V / (2 * V - k)) + 1  # 2 H V > k (H + V)
helps = "b"
print(product_ms, update_ms, least_rows, most, narrowest)
"""

COMMENT = r"""
The product has 72 million operations, which take 0.72 ms, and moves 4.7 MB, which takes 0.23 ms. So
arithmetic limits it. The update moves 16 MB and has almost no arithmetic. It takes 0.8 ms, more
than the product, for a matrix that need not be written. Rung 6 of the ladder avoids this matrix.
Under the flat part of the roof, neither bandwidth nor bytes matter, so only **b** helps. A single
row has only 0.5 operations per byte. With a single row, **a** and **c** would help, and **b** would
not.

With $s$ bytes per number and $I^* = R/\beta$, arithmetic is the limit if

$$
\begin{aligned}
2NHV &> s I^* (NH \\
&\quad + HV + NV), \\
N &> \frac{s I^* HV}{2HV - s I^* (H + V)} \\
&= \frac{16 \cdot 10^6}{1.438 \cdot 10^6} \\
&= 11.1 ,
\end{aligned}
$$

that is, for 12 rows or more. One more row uses $W_y$ once more, but it also writes a row of $V$
logits. The ratio of operations to bytes therefore has the limit

$$
\frac{2HV}{s\,(H + V)} = 49.4 .
$$

For a large $V$ this is about $2H/s$: each logit is written once and needs only $2H$ operations. Up
to $H = 10$ the limit is below 5, so no batch is large enough.

Now let $R$ become ten times as large and keep $\beta$, as if the processor got a matrix unit. How
many rows does the product need then? And what happens at $H = 100$?
"""


def check(answers):
    """Checks five numbers and a letter, at the sizes of the text."""
    R, beta, s, N, H, V = 100e9, 20e9, 4, 45, 100, 8000
    found = number(answers, "product_ms")
    operations, numbers = 2 * N * H * V, N * H + H * V + N * V
    if is_close(found, 1e3 * operations / R / 2, 1e-3):
        raise Wrong(
            "`product_ms`: a multiplication and an addition are two operations."
        )
    if is_close(found, 1e3 * s * numbers / beta, 1e-3):
        raise Wrong(
            "`product_ms` is the time of the bytes. Does memory or arithmetic take "
            "longer?"
        )
    if is_close(found, 1e3 * (operations / R + s * numbers / beta), 1e-3):
        raise Wrong(
            "`product_ms`: memory and arithmetic work at the same time, so the "
            "slower one decides."
        )
    if not is_close(found, 1e3 * operations / R, 1e-3):
        raise Wrong(
            "`product_ms` is the longer of two times: 2NHV operations at rate R, and "
            "the bytes at β."
        )
    found = number(answers, "update_ms")
    one = 1e3 * s * H * V / beta
    if is_close(found, 2 * one, 1e-3):
        raise Wrong(
            "`update_ms` counts each pass once, but a pass reads its inputs and "
            "writes its result."
        )
    if is_close(found, 2 * 1e3 * H * V / R, 1e-3):
        raise Wrong(
            "`update_ms`: these passes hardly compute. How long does it take to move "
            "the numbers?"
        )
    if is_close(found, 5 * one / s, 1e-3):
        raise Wrong("`update_ms` counts numbers, and each number has 4 bytes.")
    if not is_close(found, 5 * one, 1e-3):
        raise Wrong("`update_ms`: one pass touches 2HV numbers, the other 3HV.")
    found = number(answers, "least_rows")
    if 10 <= found < 11:
        raise Wrong(
            "`least_rows`: this would be right if W_y alone were read, but u is also "
            "written."
        )
    if 11 <= found < 12:
        raise Wrong(
            "`least_rows` is a whole number, and with 11 rows memory still takes "
            "longer."
        )
    if found != 12:
        raise Wrong(
            "`least_rows`: set 2NHV / R equal to the bytes over β, solve for N, and "
            "round up."
        )
    found = number(answers, "most")
    if is_close(found, 2 * V / s, 1e-3) or is_close(found, 2 * H * V / (H + V), 1e-3):
        raise Wrong(
            "`most`: count operations per *byte*, and let HV be small compared with "
            "NH + NV."
        )
    if is_close(found, 2 * H / s, 1e-3):
        raise Wrong(
            "`most` is close, but the states h are read too, and V is not infinite."
        )
    if not is_close(found, 2 * H * V / (s * (H + V)), 1e-3):
        raise Wrong("`most` is the limit of 2NHV / (4 (NH + HV + NV)) as N grows.")
    found = number(answers, "narrowest")
    if found == 10 or 10 < found < 11:
        raise Wrong(
            "`narrowest`: with H = 10 the limit is 4.99 operations per byte, and 5 "
            "are needed."
        )
    if found != 11:
        raise Wrong("`narrowest`: the limit for many rows must exceed R / β = 5.")
    why_not = {
        "a": "`helps`: with 45 rows arithmetic is the limit. The bytes take only a "
        "third of that time.",
        "c": "`helps`: this halves the bytes, but bytes are not the limit of the "
        "product.",
        "d": "`helps`: without page faults, an old array has as many bytes to write "
        "as a new one.",
    }
    choice(answers, "helps", why_not, "b")
    return "With 12 rows or more, arithmetic limits the product. Memory always limits the update."
