"""The page on sequences and memory: its equations and the numbers of its cells."""

import itertools

import numpy as np
import pytest

from tests.support.page_cells import defined
from unrolled.cells import rnn

PAGE = "01-introduction/sequences-and-memory.md"


@pytest.mark.equation("eq-parity")
def test_parity_is_a_running_exclusive_or():
    for bits in itertools.product([0, 1], repeat=6):
        running = list(itertools.accumulate(bits, lambda a, b: a ^ b))
        assert running == [sum(bits[: t + 1]) % 2 for t in range(6)]


@pytest.mark.equation("eq-window-parity")
@pytest.mark.parametrize("w", range(6))
def test_a_window_that_misses_one_bit_says_nothing_about_the_parity(w):
    """Over all sequences of 6 bits, each content of the window goes with as many 0 as 1."""
    ones, seen = {}, {}
    for bits in itertools.product([0, 1], repeat=6):
        window = bits[6 - w :]
        seen[window] = seen.get(window, 0) + 1
        ones[window] = ones.get(window, 0) + sum(bits) % 2
    assert len(seen) == 2**w
    assert all(2 * ones[window] == seen[window] for window in seen)


def test_with_all_bits_in_the_window_the_parity_is_known():
    answers = {bits: {sum(bits) % 2} for bits in itertools.product([0, 1], repeat=6)}
    assert all(len(a) == 1 for a in answers.values())


def test_the_tables_of_the_page_are_at_chance_until_the_last_bit():
    accuracy = defined(PAGE)["accuracy"]
    assert all(abs(a - 0.5) < 0.02 for a in accuracy[:11])
    assert accuracy[11] > 0.98


def test_the_parity_network_is_right_on_every_sequence_of_ten_bits():
    ns = defined(PAGE)
    bits = np.array(list(itertools.product([0, 1], repeat=10))).T
    h, _ = rnn.forward(ns["parity_network"](10), bits[:, :, None].astype(float))
    says = (h @ ns["W_y"] + ns["b_y"])[..., 0] > 0.5
    np.testing.assert_array_equal(says, np.cumsum(bits, axis=0) % 2 == 1)


def test_the_parity_network_makes_no_error_in_100_000_steps():
    assert defined(PAGE)["network_accuracy"](100_000, 5) == 1


@pytest.mark.parametrize("gain", np.arange(1, 10.5, 0.5))
def test_the_bit_is_kept_if_the_curve_crosses_the_diagonal_three_times(gain):
    """For every gain that the reader can choose, after 40 steps."""
    ns = defined(PAGE)
    m = np.linspace(0, 1, 10_001)
    crossings = np.sum(np.diff(np.sign(ns["next_m"](m, gain) - m + 1e-12)) != 0)
    h, _ = rnn.forward(ns["parity_network"](gain), ns["one_then_zeros"])
    assert ((h @ ns["W_y"])[-1, 0, 0] > 0.5) == (crossings == 3)


@pytest.mark.parametrize(("gain", "keeps"), [(10, True), (3, True), (2, False)])
def test_the_bit_is_kept_exactly_where_the_page_says(gain, keeps):
    carried = defined(PAGE)["carried"][f"γ = {gain}"]
    assert carried[0] > 0.7
    assert (carried[-1] > 0.5) == keeps
    assert (abs(carried[-1] - carried[-2]) < 1e-3) and (
        keeps or abs(carried[-1] - 0.3) < 0.05
    )


@pytest.mark.equation("eq-parity-map")
@pytest.mark.parametrize("gain", [2.0, 3.0, 10.0])
def test_the_parity_map_is_the_network_at_input_0(gain):
    ns = defined(PAGE)
    p = ns["parity_network"](gain)
    for m in np.linspace(-0.2, 1.2, 15):
        h = np.array([0.3 + m, 0.3 - m])  # any state with (h[1] - h[2]) / 2 = m
        h = rnn.step(p, np.zeros(1), h)
        assert (h @ ns["W_y"])[0] == pytest.approx(ns["next_m"](m, gain), abs=1e-12)


def test_the_maps_cross_the_diagonal_once_or_three_times():
    next_m, m = defined(PAGE)["next_m"], np.linspace(0, 1, 10_001)
    for gain, crossings in ((10, 3), (3, 3), (2, 1)):
        assert np.sum(np.diff(np.sign(next_m(m, gain) - m + 1e-12)) != 0) == crossings
