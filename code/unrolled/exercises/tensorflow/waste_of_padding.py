"""The share of padding, counted and expected."""

from unrolled.exercises.judging import Wrong, is_close, number

TITLE = "What padding wastes"
CHAPTER = "06-tensorflow/batching-and-padding"
SECTION = "padded-batches"
KIND = "derive"
LEVEL = 1
MINUTES = 20

TEXT = r"""
Twelve sequences have the lengths 3, 9, 4, 20, 5, 8, 6, 3, 18, 4, 7, 9. A batch holds four sequences
and is padded to the longest of them. The share of padding is the number of padded steps divided by
the number of computed steps ({eq}`eq-padded-share`). Find these shares:

- `as_they_come`: the batches are cut from the list in this order.

- `sorted_first`: the list is sorted, and then cut into batches.

- `one_batch`: all twelve sequences are in one array.

- `expected`: the expected share in batches of 32, if there are very many sequences in random order
  and their lengths have an exponential distribution with mean $m$,
  $P(\text{length} > t) = e^{-t/m}$. Use $1 - \mathbb E[T] / \mathbb E[\max_i T_i]$, as the chapter
  does. The result does not depend on $m$.
"""

STUB = """
lengths = [3, 9, 4, 20, 5, 8, 6, 3, 18, 4, 7, 9]

as_they_come = None
sorted_first = None
one_batch = None
expected = None
"""

HINTS = (
    "The longest sequences of the three batches have 20, 8 and 18 steps, and each "
    "batch has four rows.",
    "For `expected`, compute $\\mathbb E[\\max] = \\int_0^\\infty \\bigl(1 - (1 - "
    "e^{-t/m})^{32}\\bigr) \\mathrm d t$. Substitute $u = 1 - e^{-t/m}$. Then $(1 - "
    "u^{32})/(1 - u)$ is a sum of powers.",
)

SOLUTION = """
lengths = [3, 9, 4, 20, 5, 8, 6, 3, 18, 4, 7, 9]


def share(lengths, B):
    batches = [lengths[i : i + B] for i in range(0, len(lengths), B)]
    return 1 - sum(lengths) / sum(len(batch) * max(batch) for batch in batches)


as_they_come = share(lengths, 4)
sorted_first = share(sorted(lengths), 4)
one_batch = share(lengths, 12)
expected = 1 - 1 / sum(1 / j for j in range(1, 33))
print(as_they_come, sorted_first, one_batch, expected)
"""

COMMENT = r"""
With $u = 1 - e^{-t/m}$, we have $\mathrm d t = m\, \mathrm d u / (1 - u)$, and therefore

$$
\begin{aligned}
&\mathbb E[\max] \\
&= m \int_0^1 \frac{1 - u^B}{1 - u}\, \mathrm d u \\
&= m \int_0^1 \sum_{j=0}^{B-1} u^j\, \mathrm d u \\
&= m \sum_{j=1}^{B} \frac 1 j , \\
&\pi = 1 - \Bigl( \sum_{j=1}^{B} \frac 1 j \Bigr)^{-1} .
\end{aligned}
$$

The mean $m$ cancels. In batches of 32, three quarters of the computed steps are padding. In batches
of four, the share is already about half. The sum grows like $\log B$, so larger batches waste more,
and the share tends to 1.

If the lengths are distributed uniformly over $(0, N]$, the same calculation gives
$\pi = \frac 12 - \frac{1}{2B}$, which never exceeds one half. The difference is due to the tail of
long sequences. Sentences have such a tail, although it is not exactly exponential. Sorting saves
most if there is a tail, because it puts the long sequences together.
"""


def check(answers):
    """Four shares."""
    real = 96
    found = number(answers, "as_they_come")
    computed = 4 * (20 + 8 + 18)
    if is_close(found, real / computed, 3e-3):
        raise Wrong(
            "`as_they_come` is the share of real steps. The share of padding is the rest."
        )
    if is_close(found, (computed - real) / real, 1e-3):
        raise Wrong(
            "`as_they_come` divides the padding by the real steps. Divide it by all computed "
            "steps."
        )
    shares = [1 - 36 / 80, 1 - 22 / 32, 1 - 38 / 72]
    if is_close(found, sum(shares) / 3, 1e-3):
        raise Wrong(
            "`as_they_come` is the mean of the three batches' shares. A long batch has more steps, "
            "so add up all steps first, and divide once."
        )
    if not is_close(found, 1 - real / computed, 3e-3):
        raise Wrong(
            "`as_they_come`: 96 steps are real, and 4 · 20 + 4 · 8 + 4 · 18 are computed."
        )
    found = number(answers, "sorted_first")
    if not is_close(found, 0.25, 3e-3):
        raise Wrong(
            "`sorted_first`: sorted, the longest of the three batches are 4, 8 and 20."
        )
    if not is_close(number(answers, "one_batch"), 0.6, 3e-3):
        raise Wrong("`one_batch`: every row is as long as the longest of all.")
    found = number(answers, "expected")
    harmonic = sum(1 / j for j in range(1, 33))
    if is_close(found, 1 / harmonic, 1e-3):
        raise Wrong(
            "`expected` is the share of real steps. The share of padding is the rest."
        )
    if is_close(found, 0.5 - 1 / 64, 1e-3):
        raise Wrong(
            "`expected` is right for lengths that are spread evenly. An exponential has a tail."
        )
    if is_close(found, 31 / 32, 1e-3):
        raise Wrong(
            "`expected`: the longest of 32 is not 32 times the mean. It grows like log B."
        )
    if not is_close(found, 1 - 1 / harmonic, 4e-3):
        raise Wrong(
            "`expected`: the expected longest of B is the mean times 1 + 1/2 + … + 1/B."
        )
    return "A quarter is padding after sorting, and three quarters in random order with a tail."
