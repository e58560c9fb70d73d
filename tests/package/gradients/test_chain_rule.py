"""The pieces of the sum over pairs, each against a definition that shares no code with it."""

import numpy as np
import pytest

from tests.support.closeness import distance
from tests.support.output_network import EXACT, case, own_output
from unrolled.cells import rnn
from unrolled.gradients import chain_rule, gradcheck


def test_jacobian_product_reaches_from_any_state_to_any_later_one():
    p, h0, x, _ = case(6, 1)
    h, _ = rnn.forward(p.cell, x, h0)
    product = chain_rule.jacobian_product(p.cell, h, 4, 1)
    for unit in range(4):

        def state(start, unit=unit):
            for t in (2, 3, 4):
                start = rnn.step(p.cell, x[t], start)
            return start[0, unit]

        assert (
            distance(product[0, unit], gradcheck.complex_step(state, h[1])[0]) <= EXACT
        )
    assert np.array_equal(chain_rule.jacobian_product(p.cell, h, 3, 3)[0], np.eye(4))


def test_a_batch_of_steps_is_its_rows():
    p, h0, x, _ = case(1, 2)
    h = rnn.step(p.cell, x[0], h0)
    batch = chain_rule.immediate(p.cell, x[0], h0, h)
    for row in range(2):
        alone = chain_rule.immediate(p.cell, x[0, row], h0[row], h[row])
        for whole, part in zip(batch, alone, strict=True):
            assert np.array_equal(whole[row], part)


def test_keep_chooses_pairs():
    p, h0, x, targets = case(5, 3)
    cache, dh = own_output(p, h0, x, targets)
    one = np.zeros((5, 5), bool)
    one[3, 1] = True
    found, dh0 = chain_rule.gradient(p.cell, cache, dh, one)
    wanted = chain_rule.contribution(p.cell, cache, dh[3], 3, 1)
    assert distance(found, wanted) == 0 and np.abs(wanted.W_h).max() > 1e-3
    assert not dh0.any()


@pytest.mark.parametrize("t", [0, 2])
def test_contribution_of_the_last_step_is_its_own_use(t):
    p, h0, x, targets = case(3, 4)
    cache, dh = own_output(p, h0, x, targets)
    found = chain_rule.contribution(p.cell, cache, dh[t], t, t)
    da = dh[t] * (1 - cache.h[t] ** 2)
    assert distance(found.W_h, cache.h_previous[t].T @ da) <= EXACT
