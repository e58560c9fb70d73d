"""DeltaNet with shares up to 2: the gradient, what the share 2 does, and settings refused."""

import numpy as np
import pytest

from tests.support.cell_cases import cell_case
from tests.support.closeness import assert_same
from unrolled.cells import delta_net
from unrolled.gradients import gradcheck

T, B, D, H = 6, 3, 4, 5


@pytest.mark.parametrize("high", [0.5, 1.0, 2.0])
def test_forward_is_repeated_steps_and_backward_its_gradient(high):
    cell = delta_net.below(high)
    p, x, (h0, S0), dh = cell_case(cell, T, B, D, H)
    outputs, cache = cell.forward(p, x, h0, S0)
    S = S0
    for t in range(T):
        h, S = cell.step(p, x[t], h0, S)
        assert_same(outputs[t], h, 1e-12)
    assert cache.beta.max() < high and (cache.beta.max() > high / 2)

    def loss(everything):
        p, x, S0 = everything
        return float((cell.forward(p, x, h0, S0)[0] * dh).sum())

    dp, dx, _, dS0 = cell.backward(p, cache, dh)
    gradcheck.check(loss, (p, x, S0), (dp, dx, dS0), 1e-7)


def test_the_shares_are_below_1_unless_told():
    p, x, state, dh = cell_case(delta_net, T, B, D, H)
    one = delta_net.below(1.0)
    (h, cache), (h_one, cache_one) = (
        cell.forward(p, x, *state) for cell in (delta_net, one)
    )
    np.testing.assert_array_equal(h, h_one)
    for a, b in zip(
        delta_net.backward(p, cache, dh), one.backward(p, cache_one, dh), strict=True
    ):
        assert_same(a, b, 0)


def test_the_share_2_reflects_what_is_stored_under_the_key():
    """With the value 0, k S becomes -k S, and the rest of the state stays."""
    p = delta_net.init(np.random.default_rng(0), D, H)
    p.W_x[:, 2 * H : 3 * H] = 0  # the value
    p.b[-1] = 1000  # a share of 2
    x_t = np.random.default_rng(1).standard_normal((B, D))
    S = np.random.default_rng(2).standard_normal((B, H, H))
    cell = delta_net.below(2.0)
    _, _, k, _, beta = delta_net.inputs(p, x_t, 2.0)
    _, after = cell.step(p, x_t, np.zeros((B, H)), S)
    assert (beta == 2).all()
    reflection = np.eye(H) - 2 * k[:, :, None] * k[:, None, :]
    np.testing.assert_allclose(after, reflection @ S, atol=1e-14)
    np.testing.assert_allclose(cell.step(p, x_t, k, after)[1], S, atol=1e-14)


@pytest.mark.parametrize("high", [0.0, -1.0, 2.5, np.nan])
def test_shares_that_let_the_state_grow_are_refused(high):
    with pytest.raises(ValueError, match="need 0 < high <= 2, got"):
        delta_net.below(high)
