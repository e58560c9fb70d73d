"""Measurements that the comments of exercises speak of."""

import numpy as np

from unrolled.exercises.bptt import remember_a_bit


def scores(factor, **setting):
    def begin(rng, H):
        return factor * np.eye(H)

    return np.array([remember_a_bit.share_right(begin, seed, **setting) for seed in range(5)])


def test_accumulators_learn_to_remember_and_latches_remember():
    assert (scores(1) > 0.95).all() and (scores(4) > 0.95).all()
    assert (scores(1, T=100) < 0.6).all() and (scores(4, T=100) > 0.95).all()
    assert (scores(1, cue=0.0) > 0.95).all() and (scores(4, cue=0.0) < 0.6).all()


def test_what_a_step_of_the_latches_does_to_a_gradient():
    h = 0.5
    for _ in range(100):
        h = np.tanh(4 * h)
    assert round(4 * (1 - h**2), 3) == 0.005
