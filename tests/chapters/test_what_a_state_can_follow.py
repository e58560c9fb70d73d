"""What a state can follow: equations, the proof's steps, the numbers of cells."""

import numpy as np
import pytest

from tests.support.cell_cases import cell_case, logistic
from tests.support.page_cells import defined
from unrolled.cells import diagonal, reflections
from unrolled.data import groups

PAGE = "08-today/what-a-state-can-follow.md"
T, B, D, H = 6, 3, 4, 5


@pytest.mark.equation("eq-parity-flip")
def test_a_sign_that_every_one_turns_is_the_parity():
    bits = np.random.default_rng(0).integers(0, 2, 500)
    h = np.cumprod(1 - 2 * bits)
    np.testing.assert_array_equal(h, 1 - 2 * (np.cumsum(bits) % 2))


@pytest.mark.equation("eq-diagonal-factor", "eq-diagonal-state")
@pytest.mark.parametrize("low", [0.0, -1.0, -0.3])
def test_a_diagonal_recurrence_unit_by_unit(low):
    p, x, (h0,), _ = cell_case(diagonal, T, B, D, H)
    states, cache = diagonal.forward(p, x, h0, low=low)
    before = h0
    for t in range(T):
        for b in range(B):
            for i in range(H):
                a = [
                    sum(x[t, b, d] * p.W_x[d, n] for d in range(D)) + p.b[n]
                    for n in (i, H + i)
                ]
                f = low + (1 - low) * logistic(a[0])
                assert cache.f[t, b, i] == pytest.approx(f, rel=1e-12)
                assert states[t, b, i] == pytest.approx(f * before[b, i] + a[1])
        before = states[t]


def matrix(k, beta):
    """I - β k^T k / (k k^T), as the equation writes it."""
    return np.eye(len(k)) - beta * np.outer(k, k) / np.dot(k, k)


@pytest.mark.equation("eq-reflection", "eq-reflection-inputs", "eq-reflection-product")
@pytest.mark.equation("eq-reflection-state")
@pytest.mark.parametrize(("high", "n"), [(1.0, 1), (2.0, 2), (2.0, 3)])
def test_a_step_is_a_product_of_matrices(high, n):
    cell = reflections.below(high, n)
    p, x, (h0,), _ = cell_case(cell, T, B, D, H)
    states, _ = cell.forward(p, x, h0)
    before = h0
    for t in range(T):
        for b in range(B):
            a = x[t, b] @ p.W_x + p.b
            M = np.eye(H)
            one_by_one = before[b]
            for j in range(n):
                k = a[j * H : (j + 1) * H]
                beta = high * logistic(a[(n + 1) * H + j])
                M = M @ matrix(k, beta)
                along = one_by_one @ k / (k @ k)
                one_by_one = one_by_one - beta * along * k
            g = a[n * H : (n + 1) * H]
            np.testing.assert_allclose(states[t, b], before[b] @ M + g, rtol=1e-11)
            np.testing.assert_allclose(states[t, b], one_by_one + g, rtol=1e-11)
        before = states[t]


@pytest.mark.equation("eq-reflection-determinant")
@pytest.mark.parametrize("beta", [0.0, 0.4, 1.0, 1.5, 2.0])
def test_the_determinant_of_a_factor(beta):
    k = np.random.default_rng(1).standard_normal(4)
    assert np.linalg.det(matrix(k, beta)) == pytest.approx(1 - beta, abs=1e-12)


@pytest.mark.parametrize("n", [2, 3, 4])
def test_every_rearrangement_is_a_product_of_at_most_n_minus_1_swaps(n):
    for order in groups.permutations(n):
        M, swaps, cups = np.eye(n), 0, np.arange(n)
        for i in range(n):
            j = int(np.flatnonzero(cups == order[i])[0])
            if i != j:
                M = M @ matrix(np.eye(n)[i] - np.eye(n)[j], 2)
                cups[[i, j]] = cups[[j, i]]
                swaps += 1
        np.testing.assert_array_equal(np.arange(n) @ M, order)
        assert swaps <= n - 1
        assert abs(np.linalg.det(M)) == pytest.approx(1)


def test_products_of_reflections_follow_five_cups():
    """The word problem of the even rearrangements, by at most four swaps in a step."""
    orders = groups.permutations(5, even=True)
    batch = groups.word_problem(np.random.default_rng(0), 500, 1, groups.table(orders))
    h, most = np.arange(5.0), 0
    for element, target in zip(batch.inputs[:, 0], batch.targets[:, 0], strict=True):
        cups, n = np.arange(5), 0
        for i in range(5):
            j = int(np.flatnonzero(cups == orders[element][i])[0])
            if i != j:
                h = h @ matrix(np.eye(5)[i] - np.eye(5)[j], 2)
                cups[[i, j]] = cups[[j, i]]
                n += 1
        most = max(most, n)
        np.testing.assert_array_equal(h, orders[target])
    assert most == 4


def stack(low, x, layers, dtype, rng, H=8):
    """States of a stack with random weights and a nonlinearity between the layers."""
    cell = diagonal.between(low)
    for _ in range(layers):
        h, _ = cell.forward(cell.init(rng, x.shape[-1], H, dtype), x)
        x = np.tanh(h)
    return h


@pytest.mark.parametrize("seed", range(5))
def test_without_a_sign_the_state_of_ones_becomes_constant(seed):
    rng = np.random.default_rng(seed)
    h = stack(0.0, np.ones((5000, 1, 4), np.float16), 3, np.float16, rng)
    np.testing.assert_array_equal(h[-500:], np.broadcast_to(h[-1], h[-500:].shape))


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_with_a_sign_the_period_of_ones_is_a_power_of_2(layers):
    rng = np.random.default_rng(7)
    h = stack(-1.0, np.ones((6000, 1, 4), np.float16), layers, np.float16, rng, H=16)
    end = h[-600:]
    period = 2**layers
    np.testing.assert_array_equal(end[period:], end[:-period])


def test_one_layer_with_a_factor_of_minus_1_has_the_period_2():
    p = diagonal.Params(np.array([[0.0, 1.0]]), np.array([-1000.0, 0.0]))
    h, _ = diagonal.forward(p, np.ones((10, 1, 1)))
    np.testing.assert_array_equal(h[:, 0, 0], [1, 0] * 5)


def test_the_cells_of_the_page_are_right():
    ns = defined(PAGE)
    assert ns["right"] == 10_000
    assert np.array_equal(ns["h"], ns["orders"][ns["target"]])
    # what the description of the figure with the eigenvalue says
    sizes = np.abs(np.ravel(ns["rows"]))
    assert 0.05 < sizes[18] and sizes[19:].max() < 0.052
    assert len(ns["wrong"]) == 12 and ns["wrong"][0] == 30


def test_mamba_becomes_constant_where_the_recurrence_of_delta_net_is_right():
    ns = defined(PAGE)
    frozen = np.flatnonzero(ns["moved"]).max() + 2
    assert frozen < 3000 < ns["steps"]
    assert np.isfinite(ns["outputs"]).all() and ns["outputs"].dtype == np.float16
    assert ns["agree"].all() and len(ns["agree"]) == ns["steps"]
    np.testing.assert_array_equal(ns["S"][-1, 0, :, 0], ns["cups"])
