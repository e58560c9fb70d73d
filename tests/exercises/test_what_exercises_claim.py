"""Measurements that the comments of exercises speak of."""

import numpy as np
import pytest

from unrolled import exercises, tree
from unrolled.cells import gru, rnn
from unrolled.exercises.bptt import remember_a_bit
from unrolled.exercises.introduction import more_bits_than_units
from unrolled.exercises.language_model import (
    a_gradient_that_almost_fits,
    beat_the_bigram,
    the_price_of_unknown,
)
from unrolled.functional import softmax
from unrolled.models import language_model


def scores(factor, **setting):
    def begin(rng, H):
        return factor * np.eye(H)

    return np.array(
        [remember_a_bit.share_right(begin, seed, **setting) for seed in range(5)]
    )


def test_accumulators_learn_to_remember_and_latches_remember():
    assert (scores(1) > 0.95).all() and (scores(4) > 0.95).all()
    assert (scores(1, T=100) < 0.6).all() and (scores(4, T=100) > 0.95).all()
    assert (scores(1, cue=0.0) > 0.95).all() and (scores(4, cue=0.0) < 0.6).all()


def read_before_training(factor, T, seed):
    """Share of the signs that a linear readout of the untrained states gets right."""
    rng = np.random.default_rng(seed)
    W_h = factor * np.eye(8)
    p = rnn.Params(rng.uniform(-0.5, 0.5, (2, 8)), W_h, np.zeros(8))
    x, sign = np.zeros((T, 4000, 2)), rng.choice([-1.0, 1.0], 4000)
    x[0, :, 0], x[1:, :, 1] = sign, 2 * rng.standard_normal((T - 1, 4000))
    h = rnn.forward(p, x)[0][-1]
    readout = np.linalg.lstsq(h[:2000], sign[:2000], rcond=None)[0]
    return np.mean(np.sign(h[2000:] @ readout) == sign[2000:])


def test_accumulators_leak_the_bit_before_training_and_latches_hold_it():
    for factor, T, low, high in (
        (1, 30, 0.64, 1),
        (1, 100, 0, 0.77),
        (4, 100, 0.99, 1),
    ):
        found = [read_before_training(factor, T, seed) for seed in range(5)]
        assert low <= min(found) and max(found) <= high


def test_what_a_step_of_the_latches_does_to_a_gradient():
    h = 0.5
    for _ in range(100):
        h = np.tanh(4 * h)
    assert round(4 * (1 - h**2), 3) == 0.005


def run_cell(code, *edit):
    answers = {}
    exec(code.replace(*edit) if edit else code, answers)
    return answers


def test_the_faulty_gradient_points_to_the_right_side():
    backward = run_cell(a_gradient_that_almost_fits.STUB)["backward"]
    V, H, T = 30, 8, 12
    often = 1 / np.arange(1, V + 1)
    for seed in range(100):
        rng = np.random.default_rng(seed)
        p = rnn.init(rng, V, H, input_scale=1.0)
        ids = rng.choice(V, T, p=often / often.sum())
        h0, dh = rng.uniform(-0.5, 0.5, H), rng.normal(size=(T, H))
        h, cache = rnn.forward(p, ids[:, None], h0[None])
        right, _, _ = rnn.backward(p, cache, dh[:, None])
        for array, faulty in zip(right, backward(p, ids, h0, h[:, 0], dh), strict=True):
            assert np.vdot(array, faulty) > 0
            assert not np.allclose(array, faulty)


def test_noise_takes_the_digits_and_not_the_register():
    digits = run_cell(more_bits_than_units.SOLUTION)["network"]
    register = run_cell(more_bits_than_units.STUB)["network"]
    assert more_bits_than_units.accuracy(digits, 52) == 1
    assert more_bits_than_units.accuracy(digits, 60) < 0.6
    assert abs(more_bits_than_units.accuracy(digits, 16, noise=1e-3) - 0.5) < 0.05
    assert more_bits_than_units.accuracy(register, 7, noise=1e-3) == 1
    assert more_bits_than_units.accuracy(register, 8) < 0.99


def test_what_the_network_that_beats_the_bigram_still_loses():
    log_probabilities = run_cell(beat_the_bigram.SOLUTION)["log_probabilities"]
    rng, lost = (
        np.random.default_rng(5),
        {(past, k): [] for past in (0, 1) for k in range(4)},
    )
    for _ in range(1500):
        ids = beat_the_bigram.sentence(rng)
        past, prepositions = ids[1] - 3, (len(ids) - 5) // 2
        # the first of the three verbs in this form
        form = 14 + 3 * ((ids[-2] - 14) // 3)
        of_verbs = np.exp(log_probabilities(ids[:-1])[-2][14:])
        right = of_verbs[form - 14 : form - 11].sum() / of_verbs.sum()
        if prepositions < 4:
            lost[past, prepositions].append(1 - right)
    mean = {case: np.mean(values) for case, values in lost.items()}
    assert all(mean[0, k] > 2 * mean[1, k] for k in range(4))
    assert mean[0, 3] < 2 * mean[0, 0]


@pytest.mark.slow
def test_too_long_a_training_misses_the_target():
    answers = run_cell(beat_the_bigram.SOLUTION, "epochs=30", "epochs=120")
    assert "80 % is the target" in exercises.judge("beat_the_bigram", answers).message


def test_equal_weights_give_the_cell_no_gradient_in_the_first_update_only():
    rng = np.random.default_rng(0)
    start = language_model.init(rng, 7, 4, dtype=np.float64)
    p = tree.map(lambda w: np.full_like(w, 0.01), start)
    ids, largest = rng.integers(0, 7, 7), []
    for _ in range(2):
        _, d = language_model.loss_and_gradient_loops(p, ids[:-1], ids[1:])
        largest.append({name: np.abs(g).max() for name, g in tree.named_leaves(d)})
        assert np.ptp(d.cell.W_x, axis=1).max() < 1e-15
        p = tree.map(lambda w, g: w - 0.1 * g, p, d)
    first, second = largest
    small = {name for name, size in first.items() if size < 1e-15}
    assert small == {"cell.W_x", "cell.W_h", "cell.b"}
    assert min(second.values()) > 1e-5


def test_the_loss_with_unknown_never_rises_and_stays_if_one_word_is_left_out():
    unknown = run_cell(the_price_of_unknown.SOLUTION)["unknown"]
    counts = np.array([50, 20, 10, 9, 5, 3, 3, 1])
    losses, paid = np.transpose([unknown(counts, kept)[1:] for kept in range(1, 9)])
    assert (np.diff(losses) >= -1e-12).all() and losses[-1] == pytest.approx(losses[-2])
    assert (np.diff(paid) <= 1e-12).all()


def test_a_past_verb_does_not_tell_the_number():
    verbs = {}
    for seed in range(300):
        ids = beat_the_bigram.sentence(np.random.default_rng(seed))
        past, plural = ids[1] == 4, ids[2] >= 8
        verbs.setdefault((past, plural), set()).add(int(ids[-2]))
    assert verbs[True, False] == verbs[True, True]
    assert not verbs[False, False] & verbs[False, True]


def test_only_gates_that_are_not_saturated_can_be_trained():
    """The GRU that computes the plain network: the gradient of its gates with biases ±40 and ±5."""
    rng = np.random.default_rng(0)
    p = rnn.init(rng, 3, 4)
    x, dh = rng.standard_normal((6, 2, 3)), rng.standard_normal((6, 2, 4))
    h, _ = rnn.forward(p, x)
    apart, largest = {}, {}
    for bias in (40.0, 5.0):
        none = [np.zeros((len(weight), 8)) for weight in (p.W_x, p.W_h)]
        embedded = gru.Params(
            np.concatenate([none[0], p.W_x], axis=1),
            np.concatenate([none[1], p.W_h], axis=1),
            np.concatenate([np.full(4, -bias), np.full(4, bias), p.b]),
        )
        states, cache = gru.forward(embedded, x)
        dp, *_ = gru.backward(embedded, cache, dh)
        apart[bias] = abs(states - h).max()
        largest[bias] = abs(dp.b[:8]).max()
    assert largest[40.0] == 0 < 1e-3 < largest[5.0]
    assert apart[40.0] < 1e-14 and 0 < apart[5.0] < 0.1


def largest_weight(factor, E):
    """The mean of the largest of five weights, of random queries and keys with E entries."""
    rng = np.random.default_rng(0)
    q, k = rng.standard_normal((2000, 1, E)), rng.standard_normal((2000, 5, E))
    return softmax(factor * (q @ k.swapaxes(1, 2))).max(axis=-1).mean()


def test_a_wrong_scale_gives_one_position_nearly_all_the_weight_if_entries_are_many():
    """With the 4 entries of the exercise, the largest weight is not yet near 1."""
    assert largest_weight(np.sqrt(4), 4) < 0.95
    assert largest_weight(np.sqrt(64), 64) > 0.98
