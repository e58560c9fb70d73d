r"""Interpolated Kneser-Ney n-grams, the baseline of the language models.

    P_1(w)       = (max(c(w) - d, 0) + d |distinct words| / V) / c
    P_n(w | v u) = max(c(v u w) - d, 0) / c(v u)  +  d N(v u ·) / c(v u) · P_{n-1}(w | u)
                                                                        (eq-kneser-ney)

The discount d is subtracted from every count. What is subtracted from the N(v u ·) distinct
followers of a context v u goes to the next shorter context. In the shorter models the count of a
word is not how often it occurred, but after how many different words (Kneser & Ney, 1995;
interpolated: Chen & Goodman, 1999, section 3).
"""

from typing import NamedTuple

import numpy as np

from unrolled.arguments import names_arguments, shaped


class Order(NamedTuple):
    """The counts of one order: sorted n-grams, and sums over the words after each context."""

    grams: np.ndarray  # (G, n), rows in lexicographic order
    counts: np.ndarray  # (G,)
    contexts: np.ndarray  # (C, n-1)
    totals: np.ndarray  # (C,) sum of the counts after each context
    followers: np.ndarray  # (C,) number of distinct words after each context


class Model(NamedTuple):
    """An interpolated Kneser-Ney model."""

    V: int
    discount: float
    orders: tuple[Order, ...]  # 1-grams first


@names_arguments
def fit(encoded, V, n, discount=0.75):
    """Counts a text.

    Args:
        encoded: a list of int arrays, each START, words, END.
        V: number of ids.
        n: order: 1 unigram, 2 bigram, …
        discount: d, between 0 and 1.

    Returns:
        A Model.

    Raises:
        ValueError: an order below 1, a discount outside 0..1, an id out of range, or no text.
    """
    if n < 1 or not 0 < discount < 1 or not encoded:
        raise ValueError(
            f"need n >= 1, 0 < discount < 1 and a text, got {n}, {discount}, {len(encoded)}"
        )
    check_ids(encoded, V)
    grams, _, counts = unique_rows(windows(encoded, n))
    orders = [order_of(grams, counts)]
    for _ in range(n - 1):
        # a shorter gram counts the different words it has been seen after
        grams, _, counts = unique_rows(grams[:, 1:])
        orders.append(order_of(grams, counts))
    return Model(V, discount, tuple(reversed(orders)))


@names_arguments
def log_probabilities(model, encoded):
    """Returns log P of every word after START, END included, of all sentences in a row, in nats."""
    check_ids(encoded, model.V)
    n = len(model.orders)
    grams = windows(encoded, n)
    d = model.discount
    p = np.full(len(grams), 1 / model.V)
    for k, order in enumerate(model.orders, start=1):
        gram = grams[:, n - k :]
        count = look_up(order.grams, order.counts, gram)
        total = look_up(order.contexts, order.totals, gram[:, :-1])
        followers = look_up(order.contexts, order.followers, gram[:, :-1])
        seen = total > 0
        interpolated = np.maximum(count - d, 0) + d * followers * p
        p = np.where(seen, interpolated / np.maximum(total, 1), p)
    return np.log(p)


@names_arguments
def perplexity(model, encoded):
    """Returns exp of the mean negative log probability per word, END included."""
    return float(np.exp(-log_probabilities(model, encoded).mean()))


@names_arguments
def windows(encoded, n):
    """Returns (N, n) ids: every word after START with the n-1 ids before it.

    Where fewer than n-1 ids come before a word, START is repeated.
    """
    text = np.concatenate(encoded)
    lengths = np.array([len(ids) for ids in encoded])
    place = np.arange(len(text))
    # steps from its START
    behind = place - np.repeat(np.cumsum(lengths) - lengths, lengths)
    back = np.minimum(np.arange(n - 1, -1, -1), behind[:, None])
    return text[(place[:, None] - back)[behind > 0]]


@names_arguments(rows=shaped("N n"))
def unique_rows(rows):
    """Returns (the different rows in order, which of them each row is, how often each occurs).

    Packs a row of ids into one integer, so that sorting compares numbers and not rows: several
    times faster than ``np.unique(rows, axis=0)``.

    Args:
        rows: (N, n) integers, none negative.
    """
    key, bound = np.zeros(len(rows), np.int64), 1
    for column in rows.T:
        size = int(column.max()) + 1
        if bound * size > 2**62:
            key = np.unique(key, return_inverse=True)[1]
            key, bound = key.astype(np.int64), len(rows)  # from 32 bits in a browser
        key, bound = key * size + column, bound * size
    _, first, which, counts = np.unique(
        key, return_index=True, return_inverse=True, return_counts=True
    )
    return rows[first], which, counts


@names_arguments(grams=shaped("G n"), counts=shaped("G"))
def order_of(grams, counts):
    """Returns the Order of n-grams (rows, n) of one length, given the count of each."""
    contexts, which, _ = unique_rows(grams[:, :-1])
    return Order(
        grams,
        counts,
        contexts,
        np.bincount(which, counts),
        np.bincount(which).astype(float),
    )


@names_arguments(keys=shaped("G n"), values=shaped("G"), wanted=shaped("N n"))
def look_up(keys, values, wanted):
    """Returns values[i] where keys[i] equals the wanted row, 0 where none does."""
    if keys.shape[1] == 0:
        return np.full(len(wanted), values[0], float)
    rows, index, _ = unique_rows(np.concatenate([keys, wanted]))
    table = np.zeros(len(rows))
    table[index[: len(keys)]] = values
    return table[index[len(keys) :]]


def check_ids(encoded, V):
    """Raises ValueError unless every sentence is a row of ids in 0..V-1, and not empty."""
    for i, ids in enumerate(encoded):
        if np.ndim(ids) != 1 or not len(ids) or not hasattr(ids, "dtype"):
            raise ValueError(
                f"encoded[{i}] must be an array (T,) of ids, got {type(ids).__name__} of"
                f" {np.shape(ids)}"
            )
        if ids.dtype.kind not in "iu":
            raise ValueError(f"encoded[{i}] must hold integers, got {ids.dtype}")
    top = max(int(ids.max()) for ids in encoded)
    if top >= V:
        raise ValueError(f"encoded: ids must lie in 0..{V - 1}, got {top}")
    if (least := min(int(ids.min()) for ids in encoded)) < 0:
        raise ValueError(f"encoded: ids must lie in 0..{V - 1}, got {least}")
