"""The equations of backpropagation through time, each computed as it is displayed."""

import tracemalloc

import numpy as np
import pytest

from tests.support.closeness import distance
from tests.support.counting import Counted, multiplications
from tests.support.output_network import EXACT, case, deltas, own_output
from unrolled import tree
from unrolled.cells import rnn
from unrolled.gradients import chain_rule, gradcheck, jacobians, recomputation

T, B, D, H = 7, 2, 3, 4


@pytest.fixture
def network():
    p, h0, x, targets = case(T, 21)
    cache, dh = own_output(p, h0, x, targets)
    return p.cell, h0, x, cache, dh


def loss_of_pushed(p, h0, x, dh, pre=None, post=None):
    """L = Σ dh_t · h_t, with pushes added before and after the nonlinearity of each step."""
    h, total = h0, 0.0
    for t in range(T):
        a = x[t] @ p.W_x + h @ p.W_h + p.b + (0 if pre is None else pre[t])
        h = np.tanh(a) + (0 if post is None else post[t])
        total = total + (dh[t] * h).sum()
    return total


@pytest.mark.equation("eq-delta-column")
def test_a_column_of_deltas_is_the_gradient_at_a_pre_activation(network):
    p, h0, x, cache, dh = network
    wanted = gradcheck.complex_step(
        lambda push: loss_of_pushed(p, h0, x, dh, pre=push), np.zeros((T, B, H))
    )
    assert distance(deltas(p, cache.h, dh).sum(axis=0), wanted) <= EXACT


def recursion(p, h, dh):
    delta, later = np.zeros_like(dh), np.zeros((B, H))
    for k in range(T - 1, -1, -1):
        delta[k] = (dh[k] + later @ p.W_h.T) * (1 - h[k] ** 2)
        later = delta[k]
    return delta


@pytest.mark.equation("eq-delta-recursion")
def test_one_walk_finds_every_column(network):
    p, _, _, cache, dh = network
    columns = deltas(p, cache.h, dh).sum(axis=0)
    assert distance(recursion(p, cache.h, dh), columns) <= EXACT
    _, dx, _ = rnn.backward(p, cache, dh)
    assert distance(dx, columns @ p.W_x.T) <= EXACT


@pytest.mark.equation("eq-delta-gradients", "eq-delta-batch")
def test_gradients_are_products_with_the_columns(network):
    p, h0, x, cache, dh = network
    delta = recursion(p, cache.h, dh)
    before = np.concatenate([h0[None], cache.h[:-1]])
    dp, dx, dh0 = rnn.backward(p, cache, dh)
    W_h, W_x, b = np.zeros((H, H)), np.zeros((D, H)), np.zeros(H)
    for k in range(T):
        for row in range(B):
            W_h += np.outer(before[k, row], delta[k, row])
            W_x += np.outer(x[k, row], delta[k, row])
            b += delta[k, row]
    assert distance(dp, rnn.Params(W_x, W_h, b)) <= EXACT
    assert (
        distance(dp.W_h, before.reshape(T * B, H).T @ delta.reshape(T * B, H)) <= EXACT
    )
    assert distance(dx, delta @ p.W_x.T) <= EXACT
    assert distance(dh0, delta[0] @ p.W_h.T) <= EXACT


def lagrangian(p, h, multipliers, h0, x, dh):
    """Σ [dh_t · h_t + λ_t · (F_t(h_{t-1}, θ) - h_t)], the states free."""
    total, before = 0.0, h0
    for t in range(T):
        F = np.tanh(x[t] @ p.W_x + before @ p.W_h + p.b)
        total = total + (dh[t] * h[t]).sum() + (multipliers[t] * (F - h[t])).sum()
        before = h[t]
    return total


def adjoints(p, h, dh):
    found, arriving = np.zeros_like(dh), np.zeros((B, H))
    for t in range(T - 1, -1, -1):
        found[t] = dh[t] + arriving
        arriving = np.einsum("bi,bij->bj", found[t], jacobians.of_step(p, h[t]))
    return found


@pytest.mark.equation("eq-lagrangian")
def test_on_the_trajectory_multipliers_change_nothing(network):
    p, h0, x, cache, dh = network
    rng = np.random.default_rng(22)
    plain = loss_of_pushed(p, h0, x, dh)
    for _ in range(3):
        any_multipliers = 10 * rng.standard_normal((T, B, H))
        value = lagrangian(p, cache.h, any_multipliers, h0, x, dh)
        assert value == pytest.approx(plain, rel=1e-12)
        off = lagrangian(p, cache.h + 0.1, any_multipliers, h0, x, dh)
        assert abs(off - plain) > 0.1  # off the trajectory they matter


@pytest.mark.equation("eq-adjoint")
def test_adjoints_make_the_lagrangian_stationary_in_the_states(network):
    p, h0, x, cache, dh = network
    found = adjoints(p, cache.h, dh)
    slope = gradcheck.complex_step(
        lambda weights: lagrangian(weights[0], weights[1], found, h0, x, dh),
        (p, cache.h),
    )[1]
    assert np.abs(slope).max() <= 1e-13
    pushed = gradcheck.complex_step(
        lambda push: loss_of_pushed(p, h0, x, dh, post=push), np.zeros((T, B, H))
    )
    assert distance(found, pushed) <= EXACT  # the price of a constraint: dL/dh_t


@pytest.mark.equation("eq-adjoint-gradient")
def test_what_is_left_is_the_immediate_dependence(network):
    p, h0, x, cache, dh = network
    found = adjoints(p, cache.h, dh)
    total = tree.map(np.zeros_like, p)
    for t in range(T):
        own_use = chain_rule.immediate(p, x[t], cache.h_previous[t], cache.h[t])
        step = tree.map(
            lambda d, row=found[t]: np.einsum("bj,b...j->...", row, d), own_use
        )
        total = tree.map(np.add, total, step)
    assert distance(total, rnn.backward(p, cache, dh)[0]) <= EXACT
    states_fixed = gradcheck.complex_step(
        lambda cell: lagrangian(cell, cache.h, found, h0, x, dh), p
    )
    assert distance(total, states_fixed) <= EXACT


@pytest.mark.equation("eq-bptt-cost")
@pytest.mark.parametrize(
    ("T", "B", "D", "H"), [(5, 2, 3, 4), (9, 1, 7, 2), (1, 3, 2, 6)]
)
def test_backward_costs_two_forwards(T, B, D, H):
    rng = np.random.default_rng(23)
    p = tree.map(lambda w: w.view(Counted), rnn.init(rng, D, H))
    x, dh = (rng.standard_normal((T, B, n)).view(Counted) for n in (D, H))
    _, cache = rnn.forward(p, x)
    assert multiplications(lambda: rnn.forward(p, x)) == T * B * H * (D + H)
    backward = multiplications(lambda: rnn.backward(p, cache, dh))
    assert backward == 2 * T * B * H * (D + H)
    walked = T * (T + 1) // 2 * 2 * B * H * (D + H)
    loops = multiplications(lambda: rnn.backward_loops(p, cache, dh))
    assert loops == walked + 2 * T * B * D * H


@pytest.mark.equation("eq-recomputation-memory")
@pytest.mark.claim(
    "recomputation-holds-five-arrays-of-a-segment",
    "Backpropagation with recomputed segments of s steps needs memory for about T/s + 5s states at "
    "its peak, which is least for segments of eight steps among powers of two.",
)
def test_memory_falls_to_the_root_of_the_length():
    """The peak of the traced memory in states, fitted by least squares: the coefficients of T/s
    and of s with 1 and 5. The formula for states alone with 2√T."""
    T, B, H = 256, 64, 32
    p = rnn.init(np.random.default_rng(24), 4, H)
    ids = np.random.default_rng(25).integers(0, 4, (T, B))
    dh = np.broadcast_to(np.ones((1, B, H)), (T, B, H))

    def peak(length):
        tracemalloc.start()
        recomputation.backward(p, ids, dh, length)
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most / (8 * B * H)  # in states

    def least_squares(lengths, peaks):
        terms = np.array([[T / s, s, 1] for s in lengths])
        return np.linalg.lstsq(terms, peaks, rcond=None)[0]

    lengths = [2, 4, 8, 16, 32, 64]
    peaks = [peak(s) for s in lengths]
    assert lengths[np.argmin(peaks)] == 8
    borders, segment, constant = least_squares(lengths, peaks)
    assert borders == pytest.approx(1, abs=0.3)  # one state is kept for each segment
    # and five arrays of one segment's length
    assert segment == pytest.approx(5, abs=0.3) and abs(constant) < 20
    counted = {s: T / s + s for s in range(1, T + 1)}
    assert min(counted, key=counted.get) == 16 and counted[16] == 2 * np.sqrt(T)
