"""The equations of the LSTM, unit by unit, and what its chapter claims of hand-set weights."""

import numpy as np
import pytest

from experiments.intervals import interval
from tests.support.cell_cases import cell_case, logistic
from tests.support.counting import Counted, multiplications
from unrolled import tree
from unrolled.cells import lstm, rnn
from unrolled.functional import sigmoid
from unrolled.gradients import gradcheck

SIZES = T, B, D, H = 5, 3, 4, 6


@pytest.mark.equation("eq-lstm-gates", "eq-lstm-cell", "eq-lstm-state")
def test_step_and_forward_are_the_equations_unit_by_unit():
    p, x, (h0, c0), _ = cell_case(lstm, *SIZES)
    h_all, cache = lstm.forward(p, x, h0, c0)
    for b in range(B):
        h, c = h0[b], c0[b]
        for t in range(T):
            found = {}
            for block, (gate, function) in enumerate(
                zip("ifgo", [logistic, logistic, np.tanh, logistic], strict=True)
            ):
                sums = np.zeros(H)
                for j in range(H):
                    column = block * H + j
                    sums[j] = sum(x[t, b, k] * p.W_x[k, column] for k in range(D))
                    sums[j] += (
                        sum(h[k] * p.W_h[k, column] for k in range(H)) + p.b[column]
                    )
                found[gate] = function(sums)
                np.testing.assert_allclose(
                    getattr(cache, gate)[t, b], found[gate], rtol=1e-12
                )
            h_step, c_step = lstm.step(p, x[t, b], h, c)
            c = np.array(
                [found["f"][j] * c[j] + found["i"][j] * found["g"][j] for j in range(H)]
            )
            h = np.array([found["o"][j] * np.tanh(c[j]) for j in range(H)])
            np.testing.assert_allclose(h_all[t, b], h, rtol=1e-11, atol=1e-14)
            np.testing.assert_allclose(cache.c[t, b], c, rtol=1e-11, atol=1e-14)
            np.testing.assert_allclose(h_step, h, rtol=1e-11, atol=1e-14)
            np.testing.assert_allclose(c_step, c, rtol=1e-11, atol=1e-14)


@pytest.mark.equation("eq-lstm-blocks")
def test_one_product_is_the_four_side_by_side():
    p, x, (h0, _), _ = cell_case(lstm, *SIZES)
    whole = x[0] @ p.W_x + h0 @ p.W_h + p.b
    for block in range(4):
        own = slice(block * H, (block + 1) * H)
        alone = x[0] @ p.W_x[:, own].copy() + h0 @ p.W_h[:, own].copy() + p.b[own]
        np.testing.assert_allclose(whole[:, own], alone, rtol=1e-12)


@pytest.mark.equation("eq-lstm-count")
@pytest.mark.parametrize(
    ("T", "B", "D", "H"), [(5, 2, 3, 4), (9, 1, 7, 2), (1, 3, 2, 6)]
)
def test_four_times_the_work_and_the_weights_of_a_plain_network(T, B, D, H):
    rng = np.random.default_rng(3)
    cost, sizes = {}, {}
    for cell in (rnn, lstm):
        p = tree.map(lambda w: w.view(Counted), cell.init(rng, D, H))
        x = rng.standard_normal((T, B, D)).view(Counted)
        cost[cell] = multiplications(lambda cell=cell, p=p, x=x: cell.forward(p, x))
        sizes[cell] = sum(leaf.size for leaf in tree.leaves(p))
    assert cost[lstm] == 4 * T * B * H * (D + H) == 4 * cost[rnn]
    assert sizes[lstm] == 4 * (D * H + H**2 + H) == 4 * sizes[rnn]


@pytest.mark.equation("eq-one-unit-product")
def test_the_gradient_of_one_unit_is_a_product_of_its_slopes():
    rng = np.random.default_rng(4)
    w, a, s0, k = 1.3, rng.standard_normal(7), np.array([0.4]), 7

    def last(s, function=np.tanh):
        for a_t in a:
            s = function(w * s + a_t)
        return s[0]

    states, product = s0, 1.0
    for a_t in a[:k]:
        slope = 1 - np.tanh(w * states + a_t) ** 2
        product, states = product * w * slope[0], np.tanh(w * states + a_t)
    assert product == pytest.approx(gradcheck.complex_step(last, s0)[0], rel=1e-12)


@pytest.mark.equation("eq-carousel-condition", "eq-carousel")
def test_a_sum_passes_its_gradient_on_unchanged_and_tanh_does_not():
    a, s0 = np.random.default_rng(5).standard_normal(50), np.array([0.3])

    def last(s, function, w):
        for a_t in a:
            s = function(w * s + a_t)
        return s[0]

    for w in (0.5, 1.0, 3.0):  # φ(s) = s / w, whatever w is
        slope = gradcheck.complex_step(lambda s, w=w: last(s, lambda v: v / w, w), s0)
        assert slope[0] == pytest.approx(1, rel=1e-12)
    assert gradcheck.complex_step(lambda s: last(s, lambda v: v, 1.0), s0)[0] == 1
    assert gradcheck.complex_step(lambda s: last(s, np.tanh, 1.0), s0)[0] < 1e-6
    assert gradcheck.complex_step(lambda s: last(s, lambda v: v, 1.1), s0)[0] > 100


@pytest.mark.equation("eq-forget-half-life")
@pytest.mark.parametrize("bias", [-1.0, 0.0, 1.0, 5.0])
def test_half_of_the_cell_is_left_after_the_half_life(bias):
    k = np.log(2) / np.log1p(np.exp(-bias))
    assert logistic(bias) ** k == pytest.approx(0.5, rel=1e-12)
    assert k == pytest.approx(np.log(2) / -np.log(sigmoid(bias)), rel=1e-12)


@pytest.mark.claim(
    "untrained-cells-forget-faster",
    "The cells of an untrained LSTM forget faster than a constant gate with the same bias: half is "
    "left after about two steps with a bias of 1, and after about 80 steps with a bias of 5.",
)
@pytest.mark.parametrize(("bias", "steps"), [(1, 2), (5, 80)])
def test_untrained_cells_forget_faster_than_a_constant_gate(bias, steps):
    """The half-lives of ten networks of the size of the figure: the 95 % interval lies below that
    of a constant gate, and within a tenth of the number on the page."""
    found = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        p = lstm.init(rng, 32, 32, forget_bias=bias)
        _, cache = lstm.forward(p, rng.standard_normal((30, 16, 32)))
        found.append(-np.log(2) / np.log(cache.f).mean())
    between = interval(found)
    assert between["high"] < np.log(2) / np.log1p(np.exp(-bias))
    assert 0.9 * steps < between["low"] < between["high"] < 1.1 * steps


def test_from_three_upwards_each_step_of_the_bias_multiplies_the_half_life():
    """The networks of the figure, for each bias that the knob offers."""
    found = []
    for bias in range(3, 9):
        p = lstm.init(np.random.default_rng(1), 32, 32, forget_bias=bias)
        x = np.random.default_rng(2).standard_normal((30, 16, 32))
        found.append(-np.log(2) / np.log(lstm.forward(p, x)[1].f).mean())
    factors = np.divide(found[1:], found[:-1])
    assert factors.min() > 2.5 and factors.max() < np.e


def test_init_opens_the_forget_gate_and_no_other():
    p = lstm.init(np.random.default_rng(0), 9, 5)
    np.testing.assert_array_equal(p.b, np.repeat([0, 1, 0, 0], 5))
    assert not lstm.init(np.random.default_rng(0), 9, 5, forget_bias=0).b.any()
    assert np.abs(p.W_x).max() <= 1 / 3
    for block in np.split(p.W_h, 4, axis=1):
        np.testing.assert_allclose(block @ block.T, np.eye(5), atol=1e-12)


TANH_LATCH = rnn.Params(np.array([[24.0]]), np.array([[8.0]]), np.array([-4.0]))


def latch():
    """The latch of the chapter."""
    W_x = np.array([[80.0, -80.0, 0.0, 0.0], [0.0, -80.0, 0.0, 0.0]])
    return lstm.Params(W_x, np.zeros((1, 4)), np.array([-40.0, 40.0, 20.0, 40.0]))


@pytest.mark.claim(
    "latch-keeps-bit-and-gradient",
    "A hand-set LSTM cell keeps its bit, and its gradient is the same after any number of steps; "
    "the gradient of a latch of one tanh unit vanishes.",
)
def test_the_latch_keeps_its_bit_exactly_and_passes_the_gradient_back():
    """The cell equals the bit at all of 400 steps. The slope over 1 and over 1,000 steps is the
    same number; that of the tanh unit is below 1e-15 after 10."""
    rng, T = np.random.default_rng(6), 400
    x = np.zeros((T, 1, 2))
    for t in range(5, T, 37):
        x[t, 0, rng.integers(2)] = 1
    _, cache = lstm.forward(latch(), x)
    bit = 0
    for t in range(T):
        bit = 1 if x[t, 0, 0] else 0 if x[t, 0, 1] else bit
        assert cache.c[t, 0, 0] == bit
    assert 0 < cache.c.mean() < 1
    one = np.ones((1, 1))
    slopes = []
    for k in (1, 1000):
        h, cache = lstm.forward(latch(), np.zeros((k, 1, 2)), one, one)
        dh = np.zeros_like(h)
        dh[-1] = 1
        *_, dc0 = lstm.backward(latch(), cache, dh)
        slopes.append(dc0[0, 0])
    assert slopes[0] == slopes[1] == 1 - np.tanh(1) ** 2
    h, cache = rnn.forward(TANH_LATCH, np.zeros((10, 1, 1)), one)
    dh = np.zeros_like(h)
    dh[-1] = 1
    assert h[-1] > 0.99
    assert np.abs(rnn.backward(TANH_LATCH, cache, dh)[-1]) < 1e-15


@pytest.mark.claim(
    "counter-is-exact",
    "A hand-set LSTM cell counts brackets exactly, in double precision up to a depth of 2 to the "
    "power of 53.",
)
def test_the_counter_counts_to_any_depth():
    """The cell equals the count at each of 3,000 random steps, and at the largest depth; one more
    bracket is lost."""
    W_x = np.array([[0.0, 0.0, 20.0, 0.0], [0.0, 0.0, -20.0, 0.0], [0.0] * 4])
    p = lstm.Params(W_x, np.zeros((1, 4)), np.array([40.0, 40.0, 0.0, 40.0]))
    moves = np.random.default_rng(7).integers(0, 3, 3000)
    c = lstm.forward(p, moves[:, None])[1].c[:, 0, 0]
    np.testing.assert_array_equal(c, np.cumsum(np.array([1, -1, 0])[moves]))
    opening, h = np.zeros((2, 1), int), np.zeros((1, 1))
    deep = lstm.forward(p, opening, h, np.full((1, 1), 2.0**53 - 1))[1].c[:, 0, 0]
    np.testing.assert_array_equal(deep, [2.0**53, 2.0**53])
