"""Counting what attention computes and stores."""

from unrolled.exercises.judging import Wrong, is_close, number

TITLE = "What attention costs"
CHAPTER = "05-attention/the-cost-of-attention"
SECTION = "the-cost-counted"
KIND = "derive"
LEVEL = 1
MINUTES = 15

TEXT = r"""
A pair of sentences with 50 words each needs $50 \cdot 50 = 2{,}500$ weights. Continue the count for
a batch of $B = 32$ pairs with $T = S = 50$ words. Keys have $E = 512$ numbers, values have
$F = 512$, the additive score has $A = 512$ units, and a number takes 4 bytes.

- `weights` is the number of weights in the batch.

- `additive_megabytes` is the memory for the values of tanh that the additive score stores for the
  backward pass, in megabytes of $10^6$ bytes.

- `dot_megabytes` is the memory for the weights, in the same megabytes. With the dot product, no
  other array whose size grows with $T S$ is stored.

- `characters` is the factor by which the first three numbers grow if both sides consist of
  characters instead of words, with five characters for each word.

- `break_even` is the length $T = S$ at which attention with the dot product needs as many
  multiplications as a GRU that reads the source. For attention, count the scores and the context.
  The GRU has $D = 256$ inputs and $H = 512$ units, and needs $3\, S H (D + H)$ multiplications.
"""

STUB = """
B, T, S, E, F, A = 32, 50, 50, 512, 512, 512

weights = None
additive_megabytes = None
dot_megabytes = None
characters = None
break_even = None
"""

HINTS = (
    "The additive score computes a tanh for every sequence, query, position and hidden unit. "
    "This is an array with axes B, T, S, A.",
    "Attention needs $T S (E + F)$ multiplications. Set $T = S$ and make this equal to the "
    "count of the GRU. One factor $S$ cancels.",
)

SOLUTION = """
B, T, S, E, F, A = 32, 50, 50, 512, 512, 512

weights = B * T * S
additive_megabytes = weights * A * 4 / 1e6
dot_megabytes = weights * 4 / 1e6
characters = 5 * 5
D, H = 256, 512
break_even = 3 * H * (D + H) / (E + F)
print(weights, additive_megabytes, dot_megabytes, characters, break_even)
"""

COMMENT = r"""
The two scores need similar numbers of multiplications, $T S A$ and $T S E$. The additive score
needs $A$ times as much memory. A matrix product sums over the entries without storing each term,
but the additive score needs the tanh of every term. The tanh values take 164 megabytes for one
layer and one batch of words, and 4 gigabytes for characters. Vaswani et al. (2017), who chose the
dot product for the Transformer, give two reasons: in practice it is faster and needs less memory.

Solving $T^2 (E + F) = 3\, T H (D + H)$ gives $T = 3 H (D + H) / (E + F) = 1152$. For shorter
sequences, attention needs fewer multiplications than the GRU. With these sizes, the square of the
length matters for sequences of a thousand steps or more: characters, speech, whole documents. This
count ignores that the steps of the GRU have to wait for each other, while the products of attention
do not.
"""


def check(answers):
    """Five numbers."""
    pairs = 32 * 50 * 50
    found = number(answers, "weights")
    if found == 2500:
        raise Wrong(
            "`weights` is the number for one pair of sentences. The batch has 32 pairs."
        )
    if found != pairs:
        raise Wrong(
            "`weights`: there is one for each step of the answer and each position, in each "
            "sequence."
        )
    found = number(answers, "additive_megabytes")
    right = pairs * 512 * 4 / 1e6
    if is_close(found, right / 4, 1e-3):
        raise Wrong(
            "`additive_megabytes` counts millions of numbers, but a number has 4 bytes."
        )
    if is_close(found, 2 * 32 * 50 * 512 * 4 / 1e6, 1e-3):
        raise Wrong(
            "`additive_megabytes` counts the two projections, T + S rows of A numbers. But "
            "there is a tanh for every pair of a query and a key."
        )
    if is_close(found, right * 1e6 / 2**20, 1e-3):
        raise Wrong(
            "`additive_megabytes`: here a megabyte is 10 to the 6th bytes, not 2 to the 20th."
        )
    if not is_close(found, right, 1e-3):
        raise Wrong(
            "`additive_megabytes` is B T S A numbers of 4 bytes each, divided by a million."
        )
    found = number(answers, "dot_megabytes")
    if is_close(found, right, 1e-3):
        raise Wrong(
            "`dot_megabytes`: the matrix product sums the terms q_i k_i without storing them. "
            "The stored array has no axis E."
        )
    if not is_close(found, pairs * 4 / 1e6, 1e-4):
        raise Wrong("`dot_megabytes` is the memory of the weights alone, 4 bytes each.")
    found = number(answers, "characters")
    if found in (5, 10):
        raise Wrong("`characters`: T becomes five times as large, and S does too.")
    if found != 25:
        raise Wrong(
            "`characters` is the factor by which T S grows if T and S become five times as "
            "large."
        )
    found = number(answers, "break_even")
    if is_close(found, 3 * 512, 1e-3):
        raise Wrong(
            "`break_even` is T = 3H, which the chapter finds for D = H. Here D is 256."
        )
    if is_close(found, 3 * 512 * 768 / 512, 1e-3):
        raise Wrong(
            "`break_even` counts only the scores or only the context. Attention computes "
            "both."
        )
    if not is_close(found, 1152, 1e-3):
        raise Wrong("`break_even` solves T² (E + F) = 3 T H (D + H) for T.")
    return (
        "Up to about a thousand steps, attention needs fewer multiplications than the "
        "GRU, but the values of tanh need memory."
    )
