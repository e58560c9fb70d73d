"""The page on training: its equation and the numbers of its cells."""

import numpy as np
import pytest

from tests.support.page_cells import defined
from unrolled import functional
from unrolled.cells import rnn
from unrolled.models import language_model

PAGE = "01-introduction/how-they-are-trained.md"


@pytest.mark.equation("eq-tied-gradient")
def test_the_gradient_of_a_shared_weight_is_the_sum_over_its_copies():
    """Each copy's gradient by the complex-step method, exact to rounding; the sum by BPTT."""
    rng = np.random.default_rng(3)
    p = language_model.init(rng, V=5, H=4, dtype=np.float64)
    x, y = rng.integers(0, 5, (6, 1)), np.array([3])
    parts = np.zeros((6, 4, 4))
    for k, i, j in np.ndindex(parts.shape):
        copies = np.stack([p.cell.W_h] * 6).astype(complex)
        copies[k, i, j] += 1e-30j
        h = np.zeros((1, 4), complex)
        for W_h, x_t in zip(copies, x, strict=True):
            h = np.tanh(p.cell.W_x[x_t] + h @ W_h + p.cell.b)
        u = h @ p.W_y + p.b_y
        parts[k, i, j] = (np.log(np.exp(u).sum()) - u[0, 3]).imag / 1e-30
    h, cache = rnn.forward(p.cell, x)
    du = functional.dcross_entropy(h[-1] @ p.W_y + p.b_y, y, np.ones(1))
    dh = np.zeros_like(h)
    dh[-1] = du @ p.W_y.T
    dp, *_ = rnn.backward(p.cell, cache, dh)
    np.testing.assert_allclose(parts.sum(axis=0), dp.W_h, rtol=1e-11, atol=1e-16)
    assert not np.allclose(parts[1:-1].sum(axis=0), dp.W_h, rtol=1e-3)
    assert not parts[0].any()  # the first copy multiplies h_0 = 0


@pytest.mark.slow
def test_what_the_training_page_says_of_its_runs():
    ns = defined(PAGE)
    echoes, truncated = ns["echoes"], ns["truncated"]
    assert echoes["lag 1"][30:].max() < 0.05 and echoes["lag 8"][150:].max() < 0.05
    assert 0.1 < echoes["lag 32"][-20:].mean() < np.log(2) - 0.1
    assert abs(echoes["lag 32, $W_h/2$"] - np.log(2)).max() < 0.03
    assert truncated["8 steps back"][-50:].max() < 0.05
    for steps in (7, 4):
        assert truncated[f"{steps} steps back"][-50:].mean() > np.log(2) - 0.05
    assert ns["parts"].shape == (6, 4, 4) and not ns["parts"][0].any()


@pytest.mark.slow
@pytest.mark.claim(
    "one-bit-is-easy-over-32-steps",
    "A network with an orthogonal W_h learns to hold one bit over 32 steps within 50 updates; with "
    "W_h halved it needs more than twice as many or does not learn it within 300. With W_h halved, "
    "32 steps take more updates than 8 steps, and over 64 steps four of five do not learn.",
)
def test_one_bit_is_held_over_32_steps_and_a_halved_matrix_makes_this_harder():
    """The updates until the loss is below 0.1, for five seeds, paired by seed."""
    whole, near, halved, far = defined(PAGE)["needed"].values()
    assert all(n is not None and n < 50 for n in whole)
    for n, over_8, after_halving in zip(whole, near, halved, strict=True):
        assert over_8 is not None
        assert after_halving is None or after_halving > max(2 * n, over_8)
    assert sum(n is None for n in far) == 4


@pytest.mark.slow
@pytest.mark.claim(
    "a-window-shorter-than-the-lag-fails",
    "An echo with a lag of 8 is learnt from gradients that go back 8 steps, and not from gradients "
    "that go back 7 or 4 steps.",
)
def test_a_window_shorter_than_the_lag_does_not_learn_the_echo():
    """The mean loss of the last 50 of 300 updates, for each of five seeds, with log 2."""
    ns = defined(PAGE)
    for window, low, high in ((8, 0, 0.05), (7, 0.65, 0.75), (4, 0.65, 0.75)):
        for seed in range(5):
            backward = ns["windowed"](window)
            _, losses = ns["train"](
                ns["echo"], T=24, lag=8, seed=seed, backward=backward
            )
            assert low < losses[-50:].mean() < high


@pytest.mark.slow
@pytest.mark.claim(
    "one-parity-network-forgets",
    "Of five networks that learn parity on 12 bits, four hold it for 1,000 steps. One is right up "
    "to step 16 and then loses the bit; its training loss is the largest, and small as well.",
)
def test_one_of_five_parity_networks_forgets():
    """The share of right answers of each network, up to step 12 and at step 1,000."""
    right = defined(PAGE)["right"]
    assert all(accuracy[:12].min() == 1 for accuracy in right.values())
    last = sorted(accuracy[-1] for accuracy in right.values())
    assert last[0] < 0.7 and last[1:] == [1, 1, 1, 1]
    forgets = min(right, key=lambda name: right[name][-1])
    assert right[forgets][:16].min() == 1 > right[forgets][16:].max()
    ends = {
        name: defined(PAGE)["train"](
            defined(PAGE)["parity"], T=12, updates=800, seed=int(name.split()[1])
        )[1][-1]
        for name in right
    }
    assert max(ends.values()) == ends[forgets] < 0.01
