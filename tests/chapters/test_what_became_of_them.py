"""The page on what became of them: its equations and the numbers of its cells."""

import numpy as np
import pytest

from tests.support.counting import Counted, multiplications
from tests.support.page_cells import defined
from unrolled import functional
from unrolled.cells import rnn

PAGE = "01-introduction/what-became-of-them.md"


def array(*shape):
    return np.ones(shape).view(Counted)


@pytest.mark.equation("eq-cost-rnn")
@pytest.mark.parametrize("d", [4, 32])
def test_an_rnn_step_costs_two_square_matrices_and_keeps_one_vector(d):
    p = rnn.Params(array(d, d), array(d, d), array(d))
    h = array(d)
    assert multiplications(lambda: rnn.step(p, array(d), h)) == 2 * d * d
    assert rnn.step(p, array(d), h).size == d


@pytest.mark.equation("eq-cost-attention")
@pytest.mark.parametrize(("d", "t"), [(4, 1), (4, 9), (32, 100)])
def test_an_attention_step_costs_four_matrices_and_two_looks_at_the_cache(d, t):
    W_q, W_k, W_v, W_o = (array(d, d) for _ in range(4))
    cache = [array(t - 1, d), array(t - 1, d)]

    def step():
        x = array(d)
        for i, W in enumerate((W_k, W_v)):
            cache[i] = np.concatenate([cache[i], (x @ W)[None]]).view(Counted)
        weights = functional.softmax(cache[0] @ (x @ W_q)).view(Counted)
        return weights @ cache[1] @ W_o

    assert multiplications(step) == 4 * d * d + 2 * t * d
    assert cache[0].size + cache[1].size == 2 * t * d


@pytest.mark.equation("eq-linear-recurrence", "eq-scan")
@pytest.mark.parametrize("T", [1, 2, 3, 64, 65, 1000])
def test_the_scan_gives_the_states_of_the_loop_in_log_T_rounds(T):
    rng = np.random.default_rng(T)
    a, b = rng.uniform(-1, 1, (T, 3)), rng.normal(size=(T, 3))
    states, rounds = defined(PAGE)["scan"](a, b)
    h = np.zeros(3)
    for t in range(T):
        h = a[t] * h + b[t]
        np.testing.assert_allclose(states[t], h, rtol=1e-9, atol=1e-12)
    assert rounds == int(np.ceil(np.log2(T)))


@pytest.mark.equation("eq-scan")
def test_composing_steps_is_associative_and_is_applying_them_in_turn():
    rng = np.random.default_rng(2)

    def compose(later, first):
        return later[0] * first[0], later[0] * first[1] + later[1]

    def apply(step, h):
        return step[0] * h + step[1]

    one, two, three = rng.normal(size=(3, 2, 5))
    h = rng.normal(size=5)
    np.testing.assert_allclose(apply(compose(two, one), h), apply(two, apply(one, h)))
    left, right = compose(compose(three, two), one), compose(three, compose(two, one))
    np.testing.assert_allclose(left, right)


@pytest.mark.equation("eq-linear-attention")
def test_linear_attention_is_a_recurrence_with_a_matrix_as_state():
    rng = np.random.default_rng(4)
    q, k, v = rng.normal(size=(3, 12, 5))
    S = np.zeros((5, 5))
    for t in range(12):
        S = S + np.outer(k[t], v[t])
        looked_back = sum((q[t] @ k[s]) * v[s] for s in range(t + 1))
        np.testing.assert_allclose(q[t] @ S, looked_back, rtol=1e-10)
    ns = defined(PAGE)
    np.testing.assert_allclose(ns["attention"], ns["recurrent"], rtol=1e-9, atol=1e-10)


def test_a_gate_between_0_and_1_cannot_turn_a_state_and_minus_1_can():
    ns = defined(PAGE)
    assert np.array_equal(ns["h"] < 0, np.cumsum(ns["bits"], axis=0) % 2 == 1)
    rng = np.random.default_rng(0)
    kept, _ = ns["scan"](
        rng.uniform(0, 1, (50, 4)), np.vstack([np.ones((1, 4)), np.zeros((49, 4))])
    )
    assert (kept >= 0).all()
