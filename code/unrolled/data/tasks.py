"""Generated tasks whose answer lies a known number of steps back.

In text the distance to the information that a prediction needs is unknown. Here the distance is a
setting, the answer is certain, and the score of a model without memory is known exactly. Every
function draws a new batch from the generator that it is given, so that no example is seen twice.
T time, B batch.
"""

from typing import NamedTuple

import numpy as np

from unrolled.arguments import fields, ids, mask, names_arguments
from unrolled.data.text import Batch

ADDING_CHANCE = 1 / 6
"""Mean squared error of always answering 1, the mean of the sum: its variance, 2 · 1/12."""

SYMBOLS = 8
"""Different symbols of the copy task: one in eight is right by chance."""
BLANK, GO = SYMBOLS, SYMBOLS + 1


class Regression(NamedTuple):
    """Sequences of vectors, each with one number as its answer."""

    x: np.ndarray  # (T, B, D)
    y: np.ndarray  # (B,)


@names_arguments
def adding_problem(rng, T, B, dtype=np.float32):
    """Draws sequences in which two marked numbers must be added at the end.

    Each step has a number, uniform on 0..1, and a mark, 0 or 1. Two steps
    are marked, one in each half of the sequence. The second mark comes T/2
    steps after the first on average. Between them, the network reads numbers
    that look the same and do not count.

    Source: Hochreiter & Schmidhuber (1997, section 5.4), with numbers in
    0..1 and one mark in each half as in Arjovsky, Shah & Bengio (2016,
    section 4.2). Chance: ``ADDING_CHANCE``.

    Args:
        rng: a ``numpy.random.Generator``.
        T: steps, at least 2.
        B: sequences.
        dtype: floating-point type.

    Returns:
        A Regression: x (T, B, 2) with the numbers in x[..., 0] and the marks
        in x[..., 1], and y (B,), the sum of the two marked numbers.

    Raises:
        ValueError: T below 2, or B below 1.
    """
    if T < 2 or B < 1:
        raise ValueError(
            f"the adding problem needs T >= 2 and B >= 1, got T={T} and B={B}"
        )
    x = np.zeros((T, B, 2), dtype)
    x[..., 0] = rng.uniform(size=(T, B))
    rows = np.arange(B)
    for mark in rng.integers(0, T // 2, B), rng.integers(T // 2, T, B):
        x[mark, rows, 1] = 1
    return Regression(x, x.prod(axis=2).sum(axis=0))


@names_arguments
def copy_task(rng, delay, B, length=3):
    """Draws sequences of symbols that must be repeated after a wait.

    The input is ``length`` symbols, ``delay`` blanks, a GO, and
    ``length - 1`` more blanks. From the GO on, the targets are the first
    symbol, the second, and so on, so each symbol must be kept for
    ``length + delay`` steps. The other steps have no target.

    Source: the idea is task 2 of Hochreiter & Schmidhuber (1997); the form is
    that of Arjovsky, Shah & Bengio (2016, section 4.1), who also ask for
    blanks before the GO. Chance: 1/SYMBOLS.

    Args:
        rng: a ``numpy.random.Generator``.
        delay: blanks between the last symbol and GO, at least 0.
        B: sequences, at least 1.
        length: symbols to copy, at least 1.

    Returns:
        A Batch (T, B), T = 2·length + delay: ids in 0..SYMBOLS+1; the mask is
        True at the last ``length`` steps.

    Raises:
        ValueError: a setting below its minimum.
    """
    if delay < 0 or B < 1 or length < 1:
        raise ValueError(
            f"need delay >= 0, B >= 1 and length >= 1, got {delay}, {B} and {length}"
        )
    T = 2 * length + delay
    symbols = rng.integers(0, SYMBOLS, (length, B))
    inputs = np.full((T, B), BLANK)
    inputs[:length] = symbols
    inputs[T - length] = GO
    targets = np.full((T, B), BLANK)
    targets[T - length :] = symbols
    return Batch(inputs, targets, targets != BLANK)


@names_arguments
def selective_copy(rng, T, B, length=4):
    """Draws sequences of blanks with some symbols at random positions, to be repeated in order.

    The first ``T`` inputs are ``length`` symbols, in increasing positions drawn at random, and
    blanks everywhere else. Then follow ``length`` inputs GO, and the targets of these steps are
    the symbols. The waits between the symbols differ from sequence to sequence, so a network must
    decide from the input itself what to keep.

    Source: Gu & Dao (2023, section 3.1), who use T = 4096 and 16 symbols. Chance: 1/SYMBOLS.

    Args:
        rng: a ``numpy.random.Generator``.
        T: steps before the first GO, at least ``length``.
        B: sequences, at least 1.
        length: symbols to copy, at least 1.

    Returns:
        A Batch (T + length, B): ids in 0..SYMBOLS+1; the mask is True at the last ``length`` steps.

    Raises:
        ValueError: a setting below its minimum.
    """
    if length < 1 or T < length or B < 1:
        raise ValueError(
            f"need length >= 1, T >= length and B >= 1, got {length}, {T} and {B}"
        )
    symbols = rng.integers(0, SYMBOLS, (length, B))
    order = rng.random((T, B)).argsort(axis=0)
    inputs = np.full((T + length, B), BLANK)
    np.put_along_axis(inputs, np.sort(order[:length], axis=0), symbols, axis=0)
    inputs[T:] = GO
    targets = np.full((T + length, B), BLANK)
    targets[T:] = symbols
    return Batch(inputs, targets, targets != BLANK)


class Recall(NamedTuple):
    """Pairs of a key and a value, and then questions for the values."""

    x: np.ndarray  # (T, B, D): the key and the value, one-hot, side by side
    values: np.ndarray  # (Q, B): ids of the values that the last Q steps ask for


@names_arguments
def associative_recall(rng, keys, B, K=64, V=16, writes=1, dtype=np.float32):
    """Draws sequences of pairs whose values must be recalled by their keys.

    A sequence has ``keys`` different keys. Each of them is written ``writes`` times, every time
    with a new random value: all keys in a random order, then all again in a new order, and so on.
    Then each key is asked once, in random order, and the answer is its latest value. A step has
    a key and a value, or, if it asks, a key and zeros.

    Source: the multi-query recall of Arora et al. (2024), in which keys and values are separate
    steps. Chance: 1/V.

    Args:
        rng: a ``numpy.random.Generator``.
        keys: different keys of a sequence, at least 1.
        B: sequences, at least 1.
        K: keys in all, at least ``keys``.
        V: values in all, at least 1.
        writes: how often each key is written, at least 1.
        dtype: floating-point type.

    Returns:
        A Recall: x ((writes + 1) · keys, B, K + V) and values (keys, B).

    Raises:
        ValueError: a setting below its minimum.
    """
    if keys < 1 or B < 1 or V < 1 or writes < 1 or K < keys:
        raise ValueError(
            "need keys >= 1, B >= 1, V >= 1, writes >= 1 and K >= keys, got "
            f"{keys}, {B}, {V}, {writes} and {K}"
        )
    chosen = rng.permuted(np.tile(np.arange(K)[:, None], B), axis=0)[:keys]
    rounds = [rng.permuted(chosen, axis=0) for _ in range(writes + 1)]
    ids = np.concatenate(rounds)
    values = rng.integers(0, V, (writes, keys, B))
    x = np.concatenate(
        [np.eye(K, dtype=dtype)[ids], np.zeros((*ids.shape, V), dtype)], 2
    )
    x[: writes * keys, :, K:] = np.eye(V, dtype=dtype)[values.reshape(-1, B)]
    latest = np.empty((K, B), int)
    np.put_along_axis(latest, rounds[-2], values[-1], axis=0)
    return Recall(x, np.take_along_axis(latest, rounds[-1], axis=0))


class Bits(NamedTuple):
    """Sequences of bits to be repeated."""

    x: np.ndarray  # (2·length + 1, B, bits + 1)
    y: np.ndarray  # (length, B, bits): the targets of the last ``length`` steps


@names_arguments
def copy_of_bits(rng, length, B, bits=8, dtype=np.float32):
    """Draws sequences of random rows of bits, to be repeated when the GO channel has been set.

    The input is ``length`` rows, one row with only the last channel set, and ``length`` rows of
    zeros. During the last ones, the first rows must be repeated in order. The bits are random, so
    they have no pattern to learn. Chance: one bit in two.

    Source: Graves, Wayne & Danihelka (2014, section 4.1).

    Args:
        rng: a ``numpy.random.Generator``.
        length: rows to copy, at least 1.
        B: sequences, at least 1.
        bits: bits in a row, at least 1.
        dtype: floating-point type.

    Raises:
        ValueError: a setting below 1.
    """
    if min(length, B, bits) < 1:
        raise ValueError(
            f"length, B and bits must be at least 1, got {length}, {B} and {bits}"
        )
    y = rng.integers(0, 2, (length, B, bits)).astype(dtype)
    x = np.zeros((2 * length + 1, B, bits + 1), dtype)
    x[:length, :, :bits] = y
    x[length, :, bits] = 1
    return Bits(x, y)


@names_arguments(logits="T B bits", batch=fields(Bits, x="T B D", y="L B bits"))
def bits_right(logits, batch):
    """Returns the fraction of the bits asked for that are right when a logit above 0 is a 1.

    Args:
        logits: (T, B, bits), of every step.
        batch: what ``copy_of_bits`` returned.
    """
    return float(((logits[-len(batch.y) :] > 0) == (batch.y > 0.5)).mean())


@names_arguments(
    logits="T B V", batch=fields(Batch, targets=ids("T B", "V"), mask=mask("T B"))
)
def symbols_right(logits, batch):
    """Returns the fraction of the symbols asked for whose logit is the largest; chance: 1/SYMBOLS.

    Args:
        logits: (T, B, SYMBOLS+2).
        batch: what ``copy_task`` returned.

    Raises:
        ValueError: shapes do not fit together, or a batch that asks for no symbol.
    """
    if not batch.mask.any():
        raise ValueError("the batch asks for no symbol: its mask is all False")
    return float((logits.argmax(axis=-1) == batch.targets)[batch.mask].mean())
