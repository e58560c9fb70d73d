"""What the page of the Transformer says about its cost and its memory."""

import numpy as np
import pytest

from tests.support.counting import Counted, multiplications
from unrolled import tree
from unrolled.cells import rnn
from unrolled.layers import attention, multi_head


@pytest.mark.equation("eq-self-attention-cost")
@pytest.mark.parametrize(("T", "N", "E"), [(3, 2, 4), (17, 1, 6), (9, 3, 3)])
def test_the_count_of_multiplications_is_that_of_the_page(T, N, E):
    D = N * E
    rng = np.random.default_rng(1)
    x = rng.standard_normal((1, T, D))
    p = tree.map(lambda w: w.view(Counted), multi_head.init(rng, D, N, E))
    counted = multiplications(lambda: multi_head.forward(p, x.view(Counted)))
    assert counted == 4 * T * D**2 + 2 * T**2 * D
    cell = tree.map(lambda w: w.view(Counted), rnn.init(rng, D, D))
    steps = x.swapaxes(0, 1).view(Counted)
    assert multiplications(lambda: rnn.forward(cell, steps)) == 2 * T * D**2


@pytest.mark.equation("eq-key-value-cache")
def test_earlier_steps_are_needed_again_as_keys_and_values_and_nothing_else_is():
    """One step at a time, with a store of 2 T N E numbers, is the whole causal sequence."""
    rng = np.random.default_rng(2)
    T, D, N, E = 6, 4, 2, 3
    p = tree.map(lambda w: rng.standard_normal(w.shape), multi_head.init(rng, D, N, E))
    x = rng.standard_normal((1, T, D))
    whole, _ = multi_head.forward(p, x, mask=multi_head.causal(T))
    keys, values = np.empty((1, N, 0, E)), np.empty((1, N, 0, E))
    for t in range(T):
        x_t = x[:, [t]]
        q, k, v = (
            np.einsum("btd,dne->bnte", x_t, W) + b[:, None]
            for W, b in ((p.W_q, p.b_q), (p.W_k, p.b_k), (p.W_v, p.b_v))
        )
        keys, values = (
            np.concatenate([keys, k], axis=2),
            np.concatenate([values, v], axis=2),
        )
        c, _ = attention.forward((), q, keys, values, score=attention.scaled_dot)
        y = np.einsum("bnte,ned->btd", c, p.W_o) + p.b_o
        np.testing.assert_allclose(y[:, 0], whole[:, t], rtol=1e-11)
        assert keys.size + values.size == 2 * (t + 1) * N * E
