"""The comparison of the two objectives."""

import numpy as np

from experiments.language_models import objectives


def test_words_are_counted_by_the_length_of_their_sentence():
    lengths = np.array([3, 8, 9, 40])
    found = [objectives.words_between(lengths, *span) for span in objectives.LENGTHS]
    assert found == [11, 9, 0, 40]
