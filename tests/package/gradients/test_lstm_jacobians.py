"""The Jacobian of (h, c) -> (h, c), and its two ways through the cell and around it."""

import numpy as np
import pytest

from unrolled import tree
from unrolled.cells import lstm
from unrolled.gradients import gradcheck, lstm_jacobians

T, B, D, H = 6, 2, 3, 4


@pytest.fixture
def network():
    rng = np.random.default_rng(31)
    p = tree.map(lambda w: 0.8 * rng.standard_normal(w.shape), lstm.init(rng, D, H))
    x = rng.standard_normal((T, B, D))
    h0, c0 = rng.standard_normal((2, B, H))
    return p, x, h0, c0, lstm.forward(p, x, h0, c0)[1]


def numeric(p, x, b, h, c):
    """d(h, c)/d(h, c) over the steps of x for row b, by complex steps: (2H, 2H)."""
    rows = []
    for k in range(2 * H):

        def after(state, k=k):
            h_t, c_t = state
            for x_t in x:
                h_t, c_t = lstm.step(p, x_t[b], h_t, c_t)
            return np.concatenate([h_t, c_t])[k]

        rows.append(np.concatenate(gradcheck.complex_step(after, (h[b], c[b]))))
    return np.array(rows)


@pytest.mark.equation("eq-lstm-jacobian", "eq-lstm-jacobian-parts")
def test_the_jacobian_of_a_step_is_what_a_push_does(network):
    p, x, _, _, cache = network
    for t in range(T):
        J = lstm_jacobians.of_step(p, cache, t)
        for b in range(B):
            h, c = cache.h_previous[t], cache.c_previous[t]
            wanted = numeric(p, x[[t]], b, h, c)
            np.testing.assert_allclose(J[b], wanted, rtol=1e-12, atol=1e-14)


def test_products_reach_from_any_state_to_the_last(network):
    p, x, _, _, cache = network
    found = lstm_jacobians.products(p, cache)
    for k in range(T + 1):
        for b in range(B):
            h = cache.h_previous[T - k] if k else cache.h[-1]
            c = cache.c_previous[T - k] if k else cache.c[-1]
            wanted = numeric(p, x[T - k :], b, h, c)
            np.testing.assert_allclose(found[k, b], wanted, rtol=1e-11, atol=1e-13)


@pytest.mark.equation("eq-direct-path")
def test_the_direct_path_is_the_product_of_the_forget_gates(network):
    """With gates and candidate held at their values, c_T moves by exactly Π f."""
    p, x, _, _, cache = network
    direct, rest = lstm_jacobians.split(p, cache)

    def held(c_start, k, b, j):
        c = c_start
        for t in range(T - k, T):
            c = cache.f[t, b] * c + cache.i[t, b] * cache.g[t, b]
        return c[j]

    for k in range(T + 1):
        for b in range(B):
            c = cache.c_previous[T - k, b] if k else cache.c[-1, b]
            wanted = np.array(
                [
                    gradcheck.complex_step(lambda c, at=(k, b, j): held(c, *at), c)
                    for j in range(H)
                ]
            )
            np.testing.assert_allclose(direct[k, b], wanted, rtol=1e-13, atol=1e-15)
    np.testing.assert_array_equal(rest[0], 0)
    np.testing.assert_allclose(rest[1], 0, atol=1e-16)  # one step: f and nothing else
    assert np.abs(rest[2]).max() > 0.01  # two steps: there is a way around


@pytest.mark.equation("eq-cell-split")
def test_the_two_ways_make_the_whole(network):
    p, x, _, _, cache = network
    direct, rest = lstm_jacobians.split(p, cache)
    J = [lstm_jacobians.of_step(p, cache, t) for t in range(T)]
    for k in range(T + 1):
        # Paths of k steps through {h, c}, summed one by one; the direct one never is in h.
        around = np.zeros((B, H, H))
        for places in np.ndindex(*[2] * max(k - 1, 0)):
            if not k or all(places):
                continue
            way = [1, *places, 1]  # 0: in h, 1: in c; from the first to the last state
            product = np.eye(H)
            for step, (before, after) in enumerate(zip(way, way[1:], strict=False)):
                block = J[T - k + step].reshape(B, 2, H, 2, H)[:, after, :, before]
                product = block @ product
            around += product
        np.testing.assert_allclose(rest[k], around, rtol=1e-11, atol=1e-14)


def test_a_gradient_through_the_products_is_backward(network):
    p, x, h0, c0, cache = network
    rng = np.random.default_rng(32)
    dh_T, dc_T = rng.standard_normal((2, B, H))
    dh, dc = np.zeros((2, T, B, H))
    dh[-1], dc[-1] = dh_T, dc_T
    _, _, dh0, dc0 = lstm.backward(p, cache, dh, dc)
    row = np.concatenate([dh_T, dc_T], axis=1)
    found = np.einsum("bj,bji->bi", row, lstm_jacobians.products(p, cache)[T])
    np.testing.assert_allclose(found, np.concatenate([dh0, dc0], axis=1), rtol=1e-11)
