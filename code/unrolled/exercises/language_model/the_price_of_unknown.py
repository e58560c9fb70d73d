"""The rate of unknown words, and what a smaller vocabulary only seems to gain."""

import numpy as np

from unrolled.exercises.judging import Wrong, call, function, is_close

TITLE = "The price of UNKNOWN"
CHAPTER = "02-language-model/text-to-tensors"
KIND = "write"
LEVEL = 2
MINUTES = 25

TEXT = r"""
The second post suggests a try with another vocabulary size. The loss then changes, and it is easy
to be fooled by it. Study that on the simplest model there is, the unigram model, which gives each
word its share of the text.

You are given `counts`, how often each different word occurs in a text, in any order, all above 0,
and the number `kept` of words that the vocabulary keeps: the most frequent ones, at least one. All
other words become UNKNOWN, which is one more entry. (No START and END here; where words are
equally frequent it does not matter which of them are kept.) Write `unknown(counts, kept)`. It is
to return three numbers:

1. the share of the text's words that become UNKNOWN;
2. the loss of the unigram model on this text, in nats a word, with UNKNOWN as a word like any
   other;
3. the loss in nats a word if, after each UNKNOWN, the model must also say *which* word it is, and
   holds all words outside the vocabulary equally likely.

If nothing is left out, 1 is 0 and there is no UNKNOWN to pay for.
"""

STUB = '''
import numpy as np


def unknown(counts, kept):
    """Returns (share of UNKNOWN, loss, loss that pays for the words left out)."""
    raise NotImplementedError


zipf = np.round(100_000 / np.arange(1, 30_001))  # counts of 30,000 words
# for kept in (100, 1000, 8000, 30_000):
#     print(kept, unknown(zipf, kept))
'''

HINTS = (
    "The loss of a unigram model on the text it was counted on is $-\\sum_w q_w \\log q_w$ with "
    "the shares $q_w$ of its entries, UNKNOWN among them.",
    "If $R$ words are left out, saying which one it is costs $\\log R$ nats, and it is paid once "
    "for each UNKNOWN.",
    "Where nothing is left out, $q \\log q$ for UNKNOWN is $0 \\cdot \\log 0$: NaN in NumPy, 0 in "
    "mathematics. Leave the entry away.",
)

SOLUTION = '''
import numpy as np


def unknown(counts, kept):
    """Returns (share of UNKNOWN, loss, loss that pays for the words left out)."""
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
The second number falls as the vocabulary shrinks, down to 0 for a model that knows nothing but
UNKNOWN. The third goes the other way: it is smallest when every word is kept, and each word that
is thrown out can only raise it. The reason is the grouping property of entropy. Write $q_u$ for
the share of UNKNOWN and $r_w = q_w / q_u$ for the shares *among* the words left out. Then

$$
\begin{aligned}
&-\sum_{w} q_w \log q_w \\
&= -\sum_{\text{kept}} q_w \log q_w \\
&\quad - q_u \log q_u \\
&\quad + q_u \Bigl(-\sum_{\text{out}} r_w \log r_w\Bigr) .
\end{aligned}
$$

The first two terms on the right are the loss with UNKNOWN, and the bracket is at most $\log R$.
The left side does not know about vocabularies. What a smaller one gains in the first bill comes
back in the second, to the last digit if the words left out are spelled with their true shares, and
with interest if they are held equally likely. So a loss may be compared only between models that
predict the same strings. What a small vocabulary does buy is speed, $W_x$ and $W_y$ being most of
the parameters, and a row for each word that has been seen often enough to be learnt. Next, spell
the words letter by letter, as {doc}`/book/02-language-model/language-modelling` does.
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
    return "What a small vocabulary saves on words it pays again for UNKNOWN, and more."


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
                + "you keep the *first* words; the most frequent ones are to be kept."
            )
        if is_close(share, len(outside) / len(counts)):
            raise Wrong(
                case
                + "1 is the share of the *different* words. Count every occurrence: a rare "
                "word is a whole entry of the list and hardly any of the text."
            )
        if is_close(share, 1 - rest):
            raise Wrong(
                case + "1 is the share that is kept; the share of UNKNOWN is asked."
            )
        raise Wrong(
            case + "1, the share of the text's words that become UNKNOWN, is wrong."
        )
    if not np.isfinite([loss, paid]).all():
        raise Wrong(
            case
            + "a loss is NaN or infinite. If nothing is UNKNOWN, 0 log 0 counts as 0, and no "
            "choice among no words is to be paid for."
        )
    if not is_close(loss, h_inside + h_unknown):
        if len(outside) and is_close(loss, h_inside):
            raise Wrong(
                case
                + "2 leaves out the entry UNKNOWN itself: predicting it costs, too."
            )
        if len(outside) and is_close(
            loss, h_inside / inside.sum() + np.log(inside.sum())
        ):
            raise Wrong(
                case
                + "2 is the loss on the kept words alone; UNKNOWN is a word like them."
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
                case
                + "3 pays for the choice at every word; it is due after UNKNOWN only."
            )
        if is_close(paid, -np.sum(q * np.log(q))):
            raise Wrong(
                case
                + "3 spells the words left out with their true shares. That is the ideal, "
                "and the same for every vocabulary; here all of them count as equally likely."
            )
        raise Wrong(
            case
            + "3 should be 2 and, for each UNKNOWN, the logarithm of how many words it may be."
        )
