"""The chapter's counts: how many states a copy needs, how far a symbol is from its copy."""

from fractions import Fraction

import numpy as np
import pytest

from unrolled import seq2seq


@pytest.mark.equation("eq-bottleneck-count")
@pytest.mark.parametrize(("V", "r", "H"), [(10, 2, 48), (10, 100, 48), (7, 3, 5), (2, 2, 9)])
def test_the_longest_copy_is_where_sequences_outnumber_states(V, r, H):
    bound = H * np.log(r) / np.log(V)
    longest = next(n for n in range(200) if V ** (n + 1) > r**H)
    assert longest == int(np.floor(bound + 1e-9))


class Clock:
    """A recurrent chain that carries nothing but the number of its steps."""

    def __init__(self):
        self.steps = 0

    def step(self):
        self.steps += 1
        return self.steps


def steps_apart(n, fed):
    """Steps from each reading of a symbol to the step that writes it, counted on a chain."""
    chain = Clock()
    read = [(symbol, chain.step()) for symbol in fed]
    written = {k: chain.step() for k in range(1, n + 1)}
    return {k: sorted(written[k] - at for symbol, at in read if symbol == k) for k in written}


@pytest.mark.equation("eq-bottleneck-distance")
@pytest.mark.parametrize("n", [1, 2, 7, 12])
def test_distances_of_the_three_ways_to_feed(n):
    source = list(range(1, n + 1))
    assert steps_apart(n, source) == {k: [n] for k in source}
    reversed_ = steps_apart(n, source[::-1])
    assert reversed_ == {k: [2 * k - 1] for k in source}
    assert Fraction(sum(d for (d,) in reversed_.values()), n) == n  # the mean is what it was
    assert steps_apart(n, source * 2) == {k: [n, 2 * n] for k in source}


def test_without_attention_the_answer_depends_on_the_source_through_h0_alone():
    rng = np.random.default_rng(0)
    p = seq2seq.init(rng, 5, 5, 8, None, False, both_ends=False, dtype=np.float64)
    inputs = rng.integers(0, 5, (4, 1))
    h0 = rng.standard_normal((1, 8))
    one, other = (
        seq2seq.decode(p, None, inputs, h0, None, None, feeding=False).combined for _ in range(2)
    )
    np.testing.assert_array_equal(one, other)
    encoded = seq2seq.encode(p, np.array([[1], [2]]), np.ones((2, 1), bool), None)
    assert encoded.memory is None and encoded.h0.shape == (1, 8)
