"""Sequences of unequal length: their lengths, their reversal, their last states."""

import numpy as np
import pytest

from unrolled.gradients import gradcheck
from unrolled.layers import padding

T, B, D, H = 6, 3, 2, 4
LENGTHS = np.array([6, 1, 4])
MASK = np.arange(T)[:, None] < LENGTHS


def test_lengths_are_the_counts_of_real_steps():
    np.testing.assert_array_equal(padding.lengths(MASK), LENGTHS)


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (MASK[0], r"must be \(T, B\) booleans, got \(3,\)"),
        (MASK.astype(float), "got .* of float64"),
        (~MASK, "after padding"),
        (np.array([[True], [False], [True]]), "after padding"),
        (np.array([[True, False]]), "sequence 1 of the batch has no real step"),
    ],
)
def test_masks_that_are_no_padding_are_refused(mask, message):
    with pytest.raises(ValueError, match=message):
        padding.lengths(mask)


@pytest.mark.parametrize(
    "lengths", [np.array([6, 1]), np.array([7, 1, 1]), np.array([6, 0, 1])]
)
def test_lengths_that_do_not_fit_are_refused(lengths):
    x = np.zeros((T, B, D))
    for function in (padding.reverse, padding.last):
        with pytest.raises(ValueError, match=r"need 3 lengths in 1..6"):
            function(x, lengths)


def test_reverse_turns_real_steps_round_and_leaves_padding_in_place():
    x = np.arange(T)[:, None] + 10 * np.arange(B)
    turned = padding.reverse(x, LENGTHS)
    assert turned[:, 0].tolist() == [5, 4, 3, 2, 1, 0]
    assert turned[:, 1].tolist() == [10, 11, 12, 13, 14, 15]
    assert turned[:, 2].tolist() == [23, 22, 21, 20, 24, 25]
    np.testing.assert_array_equal(padding.reverse(turned, LENGTHS), x)


def test_last_and_its_backward():
    h = np.random.default_rng(0).standard_normal((T, B, H))
    np.testing.assert_array_equal(padding.last(h, LENGTHS), [h[5, 0], h[0, 1], h[3, 2]])
    weights = np.random.default_rng(1).standard_normal((B, H))
    gradcheck.check(
        lambda h: float((padding.last(h, LENGTHS) * weights).sum()),
        h,
        padding.dlast(h, LENGTHS, weights),
    )
