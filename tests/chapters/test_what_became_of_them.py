"""The page on what became of them: its equations and the numbers of its cells."""

import numpy as np
import pytest

from tests.support.counting import Counted, multiplications
from tests.support.page_cells import defined
from unrolled import functional
from unrolled.cells import rnn

PAGE = "08-today/what-became-of-them.md"


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


def test_both_kinds_of_network_cost_what_the_equations_say():
    ns = defined(PAGE)
    H, t = ns["H"], ns["t"]
    np.testing.assert_allclose(ns["work"]["attention"], 4 * H * H + 2 * t * H)
    np.testing.assert_allclose(ns["work"]["RNN"], 2 * H * H)
    np.testing.assert_allclose(ns["memory"]["attention"] / ns["memory"]["RNN"], 2 * t)
