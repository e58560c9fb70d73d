"""Does a language model's verb agree with a subject some words back?

Every context stands in two forms that differ only in the number of the subject: "the values of the
array" and "the value of the array". The nouns between subject and verb are singular.
"""

from collections import Counter
from typing import NamedTuple

import numpy as np

from experiments.intervals import interval
from unrolled.cells import rnn

# A subject occurs at least so often in the training text directly before "is", and its plural at
# least so often directly before "are". The chapter on generating text has the same rule.
BEFORE_IS, BEFORE_ARE = 15, 10
FILLINGS = 8  # contexts of each subject at each distance
# What stands between the subject and the verb; {} is a noun in the singular.
BETWEEN = {
    1: "",
    4: "of the {}",
    7: "of the {} in the {}",
    10: "of the {} in the {} for the {}",
    13: "of the {} in the {} for the {} of the {}",
}


class Margins(NamedTuple):
    """log p(are) - log p(is) of N pairs of contexts."""

    subject: np.ndarray  # (N,) index of the subject
    plural: np.ndarray  # (N,) after the plural subject
    singular: np.ndarray  # (N,) after the singular subject


def subjects(encoded, vocabulary, before_is=BEFORE_IS, before_are=BEFORE_ARE):
    """Returns the nouns that the rule chooses from encoded training sentences, common ones first.

    Only nouns whose plural ends in -s are considered.
    """
    words, ids = np.concatenate(encoded), vocabulary.ids
    pairs = Counter(zip(words[:-1].tolist(), words[1:].tolist(), strict=True))
    return [
        word
        for word in vocabulary.words
        if word.isalpha()
        and word + "s" in vocabulary
        and pairs[ids[word], ids["is"]] >= before_is
        and pairs[ids[word + "s"], ids["are"]] >= before_are
    ]


def contexts(nouns, distance, rng):
    """Returns (indices of subjects, words of each context, with the plural subject)."""
    between = BETWEEN[distance]
    number, found = between.count("{}"), []
    for i, noun in enumerate(nouns):
        others = nouns[:i] + nouns[i + 1 :]
        for _ in range(FILLINGS if number else 1):
            fillers = rng.choice(others, number, replace=False)
            found.append((i, f"the {noun}s {between.format(*fillers)}".split()))
    return [i for i, _ in found], [words for _, words in found]


def margins(p, vocabulary, nouns, rng):
    """Returns {distance: Margins}."""
    are, is_ = vocabulary.ids["are"], vocabulary.ids["is"]
    found = {}
    for distance in BETWEEN:
        subject, plural = contexts(nouns, distance, rng)
        singular = [
            ["the", nouns[i], *w[2:]] for i, w in zip(subject, plural, strict=True)
        ]
        ids = np.stack([vocabulary.encode(w)[:-1] for w in plural + singular], axis=1)
        h, _ = rnn.forward(p.cell, ids)
        u = h[-1] @ p.W_y[:, [are, is_]] + p.b_y[[are, is_]]
        found[distance] = Margins(
            np.array(subject), *np.split((u[:, 0] - u[:, 1]).astype(np.float64), 2)
        )
    return found


def summary(found):
    """Returns what the record keeps of Margins; intervals resample subjects."""
    subject, plural, singular = found
    return {
        "shift": interval(plural - singular, subject),
        "right_way": interval(plural > singular, subject),
        "are_after_plural": interval(plural > 0, subject),
        "are_after_singular": interval(singular > 0, subject),
    }
