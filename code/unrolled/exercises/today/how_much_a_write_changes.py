"""What is left of a difference after several writes, and what a write does to another key."""

from unrolled.exercises.judging import Wrong, number

TITLE = "How much a write changes"
CHAPTER = "08-today/the-delta-rule"
SECTION = "write-what-is-missing"
KIND = "derive"
LEVEL = 1
MINUTES = 15

TEXT = r"""
A state $S$ is written by the delta rule, $S \leftarrow S + \beta\, k^\top (v - k S)$. Values are
single numbers. Compute four numbers:

- `left`: The key has length 1 and $\beta = \tfrac12$. The same pair is written five times. What
  share of the first difference $v - k S$ is left?

- `exact`: The key has length 3. Which $\beta$ makes the answer exactly $v$ after one write?

- `limit`: The key has length 2, and the same pair is written again and again. Below which $\beta$
  does the answer approach $v$?

- `change`: Two keys $a$ and $b$ of length 1 have the product $a b^\top = 0.6$. The state answers
  $0.5$ for $a$. The value 2 is written under $a$ with $\beta = 1$. By how much does the answer for
  $b$ change?
"""

STUB = """
left = None
exact = None
limit = None
change = None
"""

HINTS = (
    "Multiply the update by $k$ from the left. What is the new difference $v - k S$, as a multiple "
    "of the old one?",
    "For a key of any length, $k k^\\top = \\lVert k \\rVert^2$, so the factor of one write is "
    "$1 - \\beta \\lVert k \\rVert^2$. A product of such factors goes to 0 if each of them lies "
    "between $-1$ and 1.",
    "For `change`, multiply the update by $b$ from the left.",
)

SOLUTION = """
left = 0.5**5
exact = 1 / 3**2
limit = 2 / 2**2
change = 0.6 * (2 - 0.5)
"""

COMMENT = r"""
One write multiplies the difference by $1 - \beta \lVert k \rVert^2$:

$$
\begin{aligned}
\text{left} &= (1 - \tfrac12)^5 = \tfrac{1}{32}, \\
1 - 9 \beta = 0 &\Rightarrow \beta = \tfrac19, \\
|1 - 4 \beta| < 1 &\Leftrightarrow 0 < \beta < \tfrac12, \\
\text{change} &= a b^\top\, (2 - 0.5) = 0.9 .
\end{aligned}
$$

DeltaNet divides its keys by their lengths, so that a share of 1 is exact for every key, and all
shares between 0 and 2 are safe. The last number shows how one write disturbs a key that is not
orthogonal: in proportion to the product of the two keys, and to the difference that is written. The
difference of a pair that is known already is 0, so writing it again disturbs nothing.
"""


def check(answers):
    """Compares the four numbers, and recognises the likely mistakes."""
    left, exact = number(answers, "left"), number(answers, "exact")
    limit, change = number(answers, "limit"), number(answers, "change")
    if _same(left, 1 - 0.5**5):
        raise Wrong("`left`: this is the share that has been written by then.")
    if not _same(left, 0.5**5):
        raise Wrong("`left`: each write halves the difference. Five of them multiply.")
    if _same(exact, 1):
        raise Wrong("`exact`: a share of 1 is exact for a key of length 1.")
    if _same(exact, 1 / 3):
        raise Wrong(
            "`exact`: the key appears twice in a write, once to look up and once to write."
        )
    if not _same(exact, 1 / 9):
        raise Wrong("`exact`: for which β is the factor of one write 0?")
    if _same(limit, 1 / 4):
        raise Wrong(
            "`limit`: this β is exact after one write. With a larger β the answer overshoots, and "
            "may still come nearer with each write."
        )
    if _same(limit, 2):
        raise Wrong("`limit`: this is the limit for a key of length 1.")
    if not _same(limit, 1 / 2):
        raise Wrong("`limit`: for which β is the factor of one write -1?")
    if _same(change, 1.5):
        raise Wrong("`change`: this is the change of the answer for a itself.")
    if _same(change, 1.2):
        raise Wrong("`change`: the difference is written, and not the whole value 2.")
    if not _same(change, 0.9):
        raise Wrong("`change`: b S changes by β b aᵀ (v - a S).")
    return "A write disturbs other keys in proportion to their product with its key."


def _same(found, expected):
    return abs(found - expected) < 2e-3
