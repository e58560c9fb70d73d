"""The share of padding, counted and foreseen."""

from unrolled.exercises.judging import Wrong, is_close, number

TITLE = "What padding wastes"
CHAPTER = "06-tensorflow/batching-and-padding"
KIND = "derive"
LEVEL = 1
MINUTES = 20

TEXT = r"""
Twelve sequences have the lengths 3, 9, 4, 20, 5, 8, 6, 3, 18, 4, 7, 9. A batch holds four, and is
padded to its longest. The share of padding is what is computed and is not real, divided by what is
computed, {eq}`eq-padded-share`. Find

- `as_they_come`, the share if the batches are cut from the list in this order;
- `sorted_first`, the share if the list is sorted and then cut;
- `one_batch`, the share if all twelve stand in one array;
- `foreseen`, the share to be expected in a batch of 32 of very many sequences in random order, if
  lengths are distributed exponentially, whatever their mean $m$: $P(\text{length} > t) = e^{-t/m}$.
  Use $1 - \mathbb E[T] / \mathbb E[\max_i T_i]$, as the chapter does.
"""

STUB = """
lengths = [3, 9, 4, 20, 5, 8, 6, 3, 18, 4, 7, 9]

as_they_come = None
sorted_first = None
one_batch = None
foreseen = None
"""

HINTS = (
    "The longest of the three batches are 20, 8 and 18, and each has four rows.",
    "For `foreseen`: "
    "$\\mathbb E[\\max] = \\int_0^\\infty \\bigl(1 - (1 - e^{-t/m})^{32}\\bigr) \\mathrm d t$. Put"
    " $u = 1 - e^{-t/m}$; then $(1 - u^{32})/(1 - u)$ is a sum of powers.",
)

SOLUTION = """
lengths = [3, 9, 4, 20, 5, 8, 6, 3, 18, 4, 7, 9]


def share(lengths, B):
    batches = [lengths[i : i + B] for i in range(0, len(lengths), B)]
    return 1 - sum(lengths) / sum(len(batch) * max(batch) for batch in batches)


as_they_come = share(lengths, 4)
sorted_first = share(sorted(lengths), 4)
one_batch = share(lengths, 12)
foreseen = 1 - 1 / sum(1 / j for j in range(1, 33))
print(as_they_come, sorted_first, one_batch, foreseen)
"""

COMMENT = r"""
With $u = 1 - e^{-t/m}$, so that $\mathrm d t = m\, \mathrm d u / (1 - u)$,

$$
\begin{aligned}
&\mathbb E[\max] \\
&= m \int_0^1 \frac{1 - u^B}{1 - u}\, \mathrm d u \\
&= m \int_0^1 \sum_{j=0}^{B-1} u^j\, \mathrm d u \\
&= m \sum_{j=1}^{B} \frac 1 j , \\
&\pi = 1 - \Bigl( \sum_{j=1}^{B} \frac 1 j \Bigr)^{-1} ,
\end{aligned}
$$

without $m$: three quarters of the work is for nothing in batches of 32, half of it already with
four sequences. The sum grows as $\log B$, so larger batches waste more, slowly, and without end.
For lengths spread evenly over $(0, N]$ the same integral gives $\pi = \frac 12 - \frac{1}{2B}$,
which ends at a half: what hurts is the tail. Sentences have one, if not quite an exponential one,
as the chapter measures. Sorting helps most where the tail is, because it puts the long ones
together.
"""


def check(answers):
    """Four shares."""
    real = 96
    found = number(answers, "as_they_come")
    computed = 4 * (20 + 8 + 18)
    if is_close(found, real / computed, 3e-3):
        raise Wrong(
            "`as_they_come` is the share that is real; the share of padding is the rest."
        )
    if is_close(found, (computed - real) / real, 1e-3):
        raise Wrong(
            "`as_they_come` compares padding with what is real; divide by all that is "
            "computed."
        )
    shares = [1 - 36 / 80, 1 - 22 / 32, 1 - 38 / 72]
    if is_close(found, sum(shares) / 3, 1e-3):
        raise Wrong(
            "`as_they_come` is the mean of the three batches' shares. A long batch has more steps: "
            "add up first, divide once."
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
    found = number(answers, "foreseen")
    harmonic = sum(1 / j for j in range(1, 33))
    if is_close(found, 1 / harmonic, 1e-3):
        raise Wrong(
            "`foreseen` is the share that is real; the share of padding is the rest."
        )
    if is_close(found, 0.5 - 1 / 64, 1e-3):
        raise Wrong(
            "`foreseen` is that of lengths spread evenly. An exponential has a tail."
        )
    if is_close(found, 31 / 32, 1e-3):
        raise Wrong(
            "`foreseen`: the longest of 32 is not 32 times the mean. It grows like log B."
        )
    if not is_close(found, 1 - 1 / harmonic, 4e-3):
        raise Wrong(
            "`foreseen`: the expected longest of B is the mean times 1 + 1/2 + … + 1/B."
        )
    return "Sorted, a quarter is waste; in random order, with a tail, three quarters."
