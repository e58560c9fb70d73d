"""Counting what attention computes and keeps."""

from unrolled.exercises.judging import Wrong, is_close, number

TITLE = "What looking costs"
CHAPTER = "05-attention/the-cost-of-attention"
KIND = "derive"
LEVEL = 1
MINUTES = 15

TEXT = r"""
The post counts $50 \cdot 50 = 2{,}500$ weights for one pair of sentences. Count further, for a
batch of $B = 32$ pairs with $T = S = 50$ words, keys of $E = 512$ and values of $F = 512$ numbers,
an additive score of $A = 512$ units, and 4 bytes a number:

- `weights`, the number of weights in the batch;
- `additive_megabytes`, what the additive score has to keep for the backward pass, the tanhs, in
  megabytes of $10^6$ bytes;
- `dot_megabytes`, the same for the dot product, which keeps nothing but the weights;
- `characters`, the factor by which the first three grow if both sides are written in characters,
  five to a word, in the place of words;
- `break_even`, the length $T = S$ at which attention with the dot product, scores and context,
  needs as many multiplications as a GRU over the source with $D = 256$ inputs and $H = 512$ units,
  $3\, S H (D + H)$.
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
    "The additive score has a tanh for every pair of a query and a place, in every sequence and "
    "every hidden unit: an array with axes B, T, S, A.",
    "Attention needs $T S (E + F)$ multiplications. Set $T = S$, set it equal to the GRU's, and "
    "one $S$ falls out.",
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
In arithmetic the two scores are alike, $T S A$ against $T S E$. In memory they are a factor $A$
apart, since a sum over the units that is a product of matrices never exists entry by entry, and a
sum of tanhs has to. 164 megabytes for one layer and one batch, 4 gigabytes in characters: this, and
the speed of products, is why the dot product has won, with $1/\sqrt E$ for what it lacks.

Solving $T^2 (E + F) = 3\, T H (D + H)$ gives $T = 3 H (D + H) / (E + F) = 1152$. Below it attention
is the cheaper half of the network. The objection that 2,500 weights are a burden for one sentence
is about the square, then, and the square begins to hurt at a thousand steps: with characters, with
speech, with whole documents. What the count leaves out is that the GRU's steps wait for each other
and the products do not.
"""


def check(answers):
    """Five numbers."""
    pairs = 32 * 50 * 50
    found = number(answers, "weights")
    if found == 2500:
        raise Wrong("`weights` is for one pair of sentences; the batch has 32.")
    if found != pairs:
        raise Wrong(
            "`weights`: one for each step of the answer and each place, in each sequence."
        )
    found = number(answers, "additive_megabytes")
    right = pairs * 512 * 4 / 1e6
    if is_close(found, right / 4, 1e-3):
        raise Wrong(
            "`additive_megabytes` counts millions of numbers; a number has 4 bytes."
        )
    if is_close(found, 2 * 32 * 50 * 512 * 4 / 1e6, 1e-3):
        raise Wrong(
            "`additive_megabytes` has the two projections, T + S rows of A numbers. The tanh is "
            "taken of every sum of the one and the other."
        )
    if is_close(found, right * 1e6 / 2**20, 1e-3):
        raise Wrong(
            "`additive_megabytes`: here a megabyte is 10 to the 6th bytes, not 2 to the "
            "20th."
        )
    if not is_close(found, right, 1e-3):
        raise Wrong(
            "`additive_megabytes` is B T S A tanhs of 4 bytes each, over a million."
        )
    found = number(answers, "dot_megabytes")
    if is_close(found, right, 1e-3):
        raise Wrong(
            "`dot_megabytes`: the products q_i k_i are summed inside the matrix product and never "
            "stored. What is kept has no axis E."
        )
    if not is_close(found, pairs * 4 / 1e6, 1e-4):
        raise Wrong("`dot_megabytes` is the weights alone, 4 bytes each.")
    found = number(answers, "characters")
    if found in (5, 10):
        raise Wrong("`characters`: T grows fivefold, and S as well.")
    if found != 25:
        raise Wrong(
            "`characters` is the factor by which T S grows if T and S grow fivefold."
        )
    found = number(answers, "break_even")
    if is_close(found, 3 * 512, 1e-3):
        raise Wrong("`break_even` is the chapter's T = 3H, for D = H. Here D is 256.")
    if is_close(found, 3 * 512 * 768 / 512, 1e-3):
        raise Wrong(
            "`break_even` counts the scores or the context; attention computes both."
        )
    if not is_close(found, 1152, 1e-3):
        raise Wrong("`break_even` solves T² (E + F) = 3 T H (D + H) for T.")
    return "Cheap in arithmetic up to a thousand steps; what the tanhs cost is memory."
