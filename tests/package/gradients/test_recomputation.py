"""Recomputing states changes the memory and nothing else."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.closeness import distance
from tests.support.output_network import case, own_output
from unrolled.cells import rnn
from unrolled.gradients import recomputation


@given(T=st.integers(0, 12), length=st.integers(1, 14), seed=st.integers(0, 100))
@settings(max_examples=40, deadline=None)
def test_any_segment_length_gives_the_same_gradient(T, length, seed):
    p, h0, x, targets = case(T, seed)
    cache, dh = own_output(p, h0, x, targets)
    before = dh.copy()
    found = recomputation.backward(p.cell, x, dh, length, h0)
    assert distance(found, rnn.backward(p.cell, cache, dh)) <= 1e-13
    assert np.array_equal(dh, before)


def test_integer_inputs_have_no_gradient():
    rng = np.random.default_rng(0)
    p, ids, dh = (
        rnn.init(rng, 5, 3),
        rng.integers(0, 5, (7, 2)),
        rng.standard_normal((7, 2, 3)),
    )
    dp, dx, dh0 = recomputation.backward(p, ids, dh, 3)
    wanted, _, wanted_h0 = rnn.backward(p, rnn.forward(p, ids)[1], dh)
    assert dx is None and distance((dp, dh0), (wanted, wanted_h0)) <= 1e-13


@pytest.mark.parametrize("length", [0, -1])
def test_a_segment_has_a_step(length):
    p, h0, x, targets = case(3, 1)
    with pytest.raises(ValueError, match=f"at least 1 step, got length={length}"):
        recomputation.backward(p.cell, x, np.zeros((3, 2, 4)), length, h0)


def test_it_stores_fewer_states():
    T, B, H = 1024, 8, 64
    p = rnn.init(np.random.default_rng(2), 4, H)
    ids = np.zeros((T, B), int)
    dh = np.broadcast_to(np.ones(1), (T, B, H))  # takes no memory itself

    def peak(function):
        tracemalloc.start()
        result = function()
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most / (8 * B * H), result

    whole, wanted = peak(lambda: rnn.backward(p, rnn.forward(p, ids)[1], dh))
    segments, found = peak(lambda: recomputation.backward(p, ids, dh, 32))
    assert distance(found[0], wanted[0]) <= 1e-12
    assert whole > 2 * T  # states and their gradients, in numbers of states
    assert segments < whole / 5
