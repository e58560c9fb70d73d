"""The share of unknown words, and what a smaller vocabulary only seems to gain."""

import numpy as np

from unrolled.exercises.judging import Wrong, call, function, is_close

TITLE = "The price of UNKNOWN"
CHAPTER = "02-language-model/held-out-text"
SECTION = "the-vocabulary-changes-the-number"
KIND = "write"
LEVEL = 2
MINUTES = 25

TEXT = r"""
If the size of the vocabulary changes, the loss of a model changes too, and the change is easily
misread. This exercise studies the change for the simplest model, the unigram model. It gives each
word a probability equal to the word's share of the text.

You are given `counts`, an array that says how often each distinct word occurs in a text. The counts
are in any order, and all are above 0. You are also given `kept`, the number of words that the
vocabulary keeps. It keeps the most frequent words, and `kept` is at least 1. All other words become
UNKNOWN, which is one more entry of the vocabulary. (There is no START and no END. If words are
equally frequent, it does not matter which of them are kept.) Write `unknown(counts, kept)`. It
should return three numbers:

1. the share of the words of the text that become UNKNOWN

2. the loss of the unigram model on this text, in nats per word, with UNKNOWN as a word like any
   other

3. the loss in nats per word if the model also has to predict, after each UNKNOWN, *which* word it
   is, where all words outside the vocabulary have the same probability

If no word is left out, the first number is 0, and the other two are equal.
"""

STUB = '''
import numpy as np


def unknown(counts, kept):
    """Returns (share of UNKNOWN, loss, loss with the choice of the word)."""
    raise NotImplementedError


zipf = np.round(100_000 / np.arange(1, 30_001))  # counts of 30,000 words
# for kept in (100, 1000, 8000, 30_000):
#     print(kept, unknown(zipf, kept))
'''

HINTS = (
    "The loss of a unigram model on the text it was counted on is $-\\sum_w q_w \\log q_w$ with "
    "the shares $q_w$ of its entries, UNKNOWN among them.",
    "If $R$ words are left out, predicting which of them it is costs $\\log R$ nats, once for "
    "each UNKNOWN.",
    "If no word is left out, $q \\log q$ for UNKNOWN is $0 \\cdot \\log 0$. This is NaN in NumPy, "
    "and its limit is 0. Treat this case separately.",
)

SOLUTION = '''
import numpy as np


def unknown(counts, kept):
    """Returns (share of UNKNOWN, loss, loss with the choice of the word)."""
    shares = np.sort(counts)[::-1] / np.sum(counts)
    inside, outside = shares[:kept], shares[kept:]
    share = outside.sum()
    loss = -np.sum(inside * np.log(inside))
    if len(outside) == 0:
        return 0.0, loss, loss
    loss -= share * np.log(share)
    return share, loss, loss + share * np.log(len(outside))


zipf = np.round(100_000 / np.arange(1, 30_001))  # counts of 30,000 words
for kept in (100, 1000, 8000, 30_000):
    print(kept, *(f"{value:.3f}" for value in unknown(zipf, kept)))
'''

COMMENT = r"""
The second number never rises as the vocabulary shrinks. It would be 0 for a model that has no entry
except UNKNOWN. The third number is smallest if every word is kept, and it never falls if a word is
left out. The reason is the grouping property of entropy. Write $q_u$ for the share of UNKNOWN,
and $r_w = q_w / q_u$ for the shares *among* the words that are left out. Then

$$
\begin{aligned}
&-\sum_{w} q_w \log q_w \\
&= -\sum_{\text{kept}} q_w \log q_w \\
&\quad - q_u \log q_u \\
&\quad + q_u \Bigl(-\sum_{\text{out}} r_w \log r_w\Bigr) .
\end{aligned}
$$

The first two terms on the right are the loss with UNKNOWN, and the bracket is at most $\log R$.
The left side does not depend on the vocabulary. If a smaller vocabulary lowers the first two terms,
the third term rises by the same amount. If the words that are left out are considered equally
likely, $\log R$ replaces the bracket, and the sum is at least as large as the left side. So you can
compare losses only between models that predict the same strings.

A small vocabulary does have an advantage: a network is faster, because nearly all of its
multiplications are those with $W_y$. Next, let the model spell the words letter by letter, as
{doc}`/book/02-language-model/held-out-text` does.
"""


def check(answers):
    """Counts out of order, ties, nothing left out."""
    reader = function(answers, "unknown")
    rng = np.random.default_rng(0)
    counts = np.ceil(200 / rng.permutation(np.arange(1, 41)))
    _judge(reader, counts, 7)
    _judge(reader, counts, 39)
    _judge(reader, counts, 40)
    _judge(reader, np.array([3, 9, 1, 1, 1, 5]), 1)
    return "A small vocabulary saves nothing if the model must also predict the unknown words."


def _judge(reader, counts, kept):
    given = np.array(counts)
    with np.errstate(all="ignore"):
        found = call(reader, given, kept)
    case = f"For {len(counts)} different words, {kept} of them kept: "
    try:
        share, loss, paid = (float(value) for value in found)
    except (TypeError, ValueError):
        raise Wrong("Return three numbers: the share and the two losses.") from None
    q = np.sort(counts)[::-1] / np.sum(counts)
    inside, outside = q[:kept], q[kept:]
    rest = outside.sum()
    h_inside = -np.sum(inside * np.log(inside))
    h_unknown = -rest * np.log(rest) if len(outside) else 0.0
    unsorted = np.asarray(counts)[kept:].sum() / np.sum(counts)
    if not is_close(share, rest):
        if is_close(share, unsorted):
            raise Wrong(
                case
                + "you keep the *first* words; the most frequent words should be kept."
            )
        if is_close(share, len(outside) / len(counts)):
            raise Wrong(
                case
                + "1 is the share of the *different* words. Count every occurrence: a rare word "
                "is one entry of the list, but only a tiny part of the text."
            )
        if is_close(share, 1 - rest):
            raise Wrong(
                case + "1 is the share that is kept; return the share of UNKNOWN."
            )
        raise Wrong(
            case + "1, the share of the text's words that become UNKNOWN, is wrong."
        )
    if not np.isfinite([loss, paid]).all():
        raise Wrong(
            case
            + "a loss is NaN or infinite. If nothing is UNKNOWN, 0 log 0 counts as 0, and there "
            "is no word to choose."
        )
    if not is_close(loss, h_inside + h_unknown):
        if len(outside) and is_close(loss, h_inside):
            raise Wrong(
                case
                + "2 leaves out the entry UNKNOWN itself: predicting it has a loss too."
            )
        if len(outside) and is_close(
            loss, h_inside / inside.sum() + np.log(inside.sum())
        ):
            raise Wrong(
                case
                + "2 is the loss on the kept words alone; UNKNOWN counts as a word."
            )
        if is_close(loss, (h_inside + h_unknown) / np.log(2)):
            raise Wrong(case + "2 is in bits; natural logarithms give nats.")
        if len(outside) and is_close(loss, -np.sum(q * np.log(q))):
            raise Wrong(case + "2 is the loss of a model that keeps every word.")
        raise Wrong(
            case
            + "2 is not minus the sum of q log q over the entries, UNKNOWN included."
        )
    expected = loss + (rest * np.log(len(outside)) if len(outside) else 0.0)
    if not is_close(paid, expected):
        if len(outside) and is_close(paid, loss + np.log(len(outside))):
            raise Wrong(
                case + "3 adds the choice at every word; it is due after UNKNOWN only."
            )
        if is_close(paid, -np.sum(q * np.log(q))):
            raise Wrong(
                case
                + "3 predicts the words left out with their true shares. Here all of them should "
                "be equally likely."
            )
        raise Wrong(
            case
            + "3 should be 2 plus, for each UNKNOWN, the logarithm of the number of words left out."
        )
