"""The book's sentences as ids, for a machine without the packages that they come from.

    python -m experiments.gpu.corpus FILE.npz          writes them (4 MB), where the corpus is

Where neither the file nor the corpus is at hand, sentences are drawn from a chain of words whose
entropy is known, and the record says so.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from experiments import command_line
from unrolled.data import text

V = 4000
SUCCESSORS = 12  # words that may follow a word in the chain


class Corpus(NamedTuple):
    """Sentences of ids, each from START to END."""

    name: str
    train: list
    validation: list
    least: float | None  # the entropy of a word in nats, where it is known


def save(path):
    """Writes the corpus of the language models of Parts 2 and 4, in their vocabulary and split."""
    documents, _ = text.remove_duplicates(text.corpus())
    parts = text.split(documents)
    sentences = [text.tokens(s) for document in parts.train for s in document.sentences]
    vocabulary = text.Vocabulary.of(sentences, V)
    arrays = {}
    for part in ("train", "validation"):
        encoded = text.encode(getattr(parts, part), vocabulary)
        arrays[part] = np.concatenate(encoded).astype(np.uint16)
        arrays[f"{part}_lengths"] = np.array([len(ids) for ids in encoded], np.uint16)
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]


def load(path=None, sentences=20_000):
    """Returns the Corpus of a file, or one drawn from a chain.

    Raises:
        ValueError: not a file of ``save``.
    """
    if path is None:
        return drawn(sentences, V)
    try:
        with np.load(path) as stored:
            train, validation = (
                _cut(stored[p], stored[f"{p}_lengths"]) for p in ("train", "validation")
            )
    except (OSError, KeyError, ValueError) as error:
        raise ValueError(
            f"{path} is no file of experiments.gpu.corpus: {error}"
        ) from None
    return Corpus("the docstrings of Parts 2 and 4", train, validation, None)


def drawn(sentences, V, seed=0):
    """Returns sentences of a chain in which a word has few successors, with fixed probabilities."""
    rng = np.random.default_rng(seed)
    p = 0.7 ** np.arange(SUCCESSORS)
    p /= p.sum()
    follows = rng.integers(3, V, (V, SUCCESSORS))
    found = []
    for length in rng.integers(8, 40, sentences):
        picks, ids = rng.choice(SUCCESSORS, length, p=p), [1]
        for pick in picks:
            ids.append(follows[ids[-1], pick])
        found.append(np.array([*ids, 2]))
    cut = max(1, sentences // 20)
    name = f"{sentences} sentences of a chain of words"
    return Corpus(name, found[cut:], found[:cut], float(-(p * np.log(p)).sum()))


def _cut(ids, lengths):
    return np.split(ids.astype(np.int64), np.cumsum(lengths.astype(np.int64))[:-1])


if __name__ == "__main__":
    parser = command_line.parser(__doc__)
    parser.add_argument("file", type=Path, metavar="FILE.npz", help="where to")
    save(parser.parse_args().file)
