"""Which calls of a step wait for memory, and from how many rows on a product does not."""

from unrolled.exercises.judging import Wrong, choice, is_close, number

TITLE = "Under which roof"
CHAPTER = "07-gpu/the-ladder"
KIND = "derive"
LEVEL = 1
MINUTES = 15

TEXT = r"""
A processor does $R = 100$ GFLOP/s in products and moves $\beta = 20$ GB/s; exponentials and the
price of a call are left out. The step is that of the chapter: $N = 45$ words, $H = 100$ units,
$V = 8000$ words in the vocabulary, 4 bytes a number. A call reads each of its inputs once and
writes its result once. Set

- `product_ms`, the time of $u = h W_y$ by {eq}`eq-call-time`, in milliseconds;
- `update_ms`, that of the two passes after $\mathrm dW_y$ is known: scale it in place by $\eta$,
  then subtract it from $W_y$;
- `least_rows`, the smallest whole $N$ for which arithmetic takes longer than memory in
  $u = h W_y$;
- `most`, the operations for each byte that this product comes near and never reaches, however
  many rows it has;
- `narrowest`, the smallest whole $H$ with which, at $V = 8000$, enough rows bring the product
  under the flat part of the roof;
- `helps`, the one change that makes the product with 45 rows faster: **a** twice the bandwidth ·
  **b** kernels with twice the rate · **c** numbers of 2 bytes at the same rate · **d** an array for
  $u$ that is made once and used at every step, page faults being left out here.
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
    "The product does $2NHV$ operations and touches $NH + HV + NV$ numbers. A pass that scales in "
    "place touches each number twice, and one that subtracts touches three.",
    "Arithmetic and memory take equally long where there are $R / \\beta = 5$ operations for each "
    "byte. Set the intensity equal to that and solve for $N$.",
    "For many rows $HV$ is small against $NH + NV$, and $N$ falls out of the quotient.",
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
The product has 72 million operations, 0.72 ms, and 4.7 MB, 0.23 ms: it computes. The update has
16 MB and next to no arithmetic, 0.8 ms: more than the product, for a matrix that nobody wants to
see, and that is what rung 6 of the ladder takes away. Under the flat roof neither bandwidth nor
bytes count any more, so only **b** helps here; for a single row, at 0.5 operations a byte, **a**
and **c** would help and **b** would not.

With $s$ bytes a number and $I^* = R/\beta$, arithmetic decides where

$$
\begin{aligned}
2NHV &> s I^* (NH \\
&\quad + HV + NV), \\
N &> \frac{s I^* HV}{2HV - s I^* (H + V)} \\
&= \frac{16 \cdot 10^6}{1.438 \cdot 10^6} \\
&= 11.1 ,
\end{aligned}
$$

from 12 rows on. A row more uses $W_y$ once more, but it also writes a row of $V$ logits, and the
intensity comes near

$$
\frac{2HV}{s\,(H + V)} = 49.4 .
$$

For a large $V$ this is $2H/s$, set by the smallest of the three sizes: each logit is written once
and has only $2H$ operations in it. Up to $H = 10$ it is below 5, and no batch helps.
Now let $R$ grow tenfold at the same $\beta$, as from a processor to a matrix unit: how many rows
does the product need then, and what becomes of $H = 100$?
"""


def check(answers):
    """Five numbers and a letter, on the sizes of the text."""
    R, beta, s, N, H, V = 100e9, 20e9, 4, 45, 100, 8000
    found = number(answers, "product_ms")
    operations, numbers = 2 * N * H * V, N * H + H * V + N * V
    if is_close(found, 1e3 * operations / R / 2, 1e-3):
        raise Wrong(
            "`product_ms`: a multiplication and an addition are two operations."
        )
    if is_close(found, 1e3 * s * numbers / beta, 1e-3):
        raise Wrong(
            "`product_ms` is the time of its bytes. Which of the two takes longer?"
        )
    if is_close(found, 1e3 * (operations / R + s * numbers / beta), 1e-3):
        raise Wrong(
            "`product_ms`: memory and arithmetic go on at once; the slower one decides."
        )
    if not is_close(found, 1e3 * operations / R, 1e-3):
        raise Wrong(
            "`product_ms` is the longer of 2NHV operations at R and the bytes at β."
        )
    found = number(answers, "update_ms")
    one = 1e3 * s * H * V / beta
    if is_close(found, 2 * one, 1e-3):
        raise Wrong(
            "`update_ms` counts each pass once; a pass reads its inputs and writes."
        )
    if is_close(found, 2 * 1e3 * H * V / R, 1e-3):
        raise Wrong(
            "`update_ms`: these passes hardly compute; what does it take to move them?"
        )
    if is_close(found, 5 * one / s, 1e-3):
        raise Wrong("`update_ms` counts numbers; each has 4 bytes.")
    if not is_close(found, 5 * one, 1e-3):
        raise Wrong("`update_ms`: one pass touches 2HV numbers, the other 3HV.")
    found = number(answers, "least_rows")
    if 10 <= found < 11:
        raise Wrong(
            "`least_rows`: that would do if W_y alone were read; u is written as well."
        )
    if 11 <= found < 12:
        raise Wrong(
            "`least_rows` is a whole number, and with 11 rows memory still takes longer."
        )
    if found != 12:
        raise Wrong(
            "`least_rows`: set 2NHV / R equal to the bytes over β, solve for N, round up."
        )
    found = number(answers, "most")
    if is_close(found, 2 * V / s, 1e-3) or is_close(found, 2 * H * V / (H + V), 1e-3):
        raise Wrong(
            "`most`: operations for each *byte*, with HV small against NH + NV."
        )
    if is_close(found, 2 * H / s, 1e-3):
        raise Wrong(
            "`most`: near, but the states h are read too, and V is not infinite."
        )
    if not is_close(found, 2 * H * V / (s * (H + V)), 1e-3):
        raise Wrong("`most` is the limit of 2NHV / (4 (NH + HV + NV)) as N grows.")
    found = number(answers, "narrowest")
    if found == 10 or 10 < found < 11:
        raise Wrong(
            "`narrowest`: with H = 10 the limit is 4.99 operations a byte; 5 are needed."
        )
    if found != 11:
        raise Wrong("`narrowest`: your limit for many rows has to exceed R / β = 5.")
    why_not = {
        "a": "`helps`: with 45 rows the product waits for arithmetic, and its bytes take a third "
        "of that time already.",
        "c": "`helps`: half the bytes, and bytes are not what the product waits for.",
        "d": "`helps`: without page faults an old array has as many bytes to be written as a new.",
    }
    choice(answers, "helps", why_not, "b")
    return "It computes from 12 rows on; the update of a matrix never does."
