"""A layer in the form of a cell: its gradient, and that nothing is remembered."""

import numpy as np
import pytest

from unrolled import tree
from unrolled.gradients import gradcheck
from unrolled.layers import feed_forward

T, B, D, H = 4, 3, 5, 6


def case(seed=0):
    rng = np.random.default_rng(seed)
    p = tree.map(lambda w: rng.standard_normal(w.shape), feed_forward.init(rng, D, H))
    return p, rng.standard_normal((T, B, D)), rng.standard_normal((T, B, H))


def test_each_output_is_the_layer_of_its_own_input():
    p, x, _ = case()
    h, _ = feed_forward.forward(p, x)
    assert feed_forward.initial_state(p, B) == ()
    for t, b in np.ndindex(T, B):
        np.testing.assert_allclose(h[t, b], np.tanh(x[t, b] @ p.W_x + p.b), rtol=1e-13)
        np.testing.assert_allclose(h[t, b], feed_forward.step(p, x[t, b]), rtol=1e-13)


def test_a_step_sees_no_other_step():
    p, x, _ = case(1)
    changed = x.copy()
    changed[1] += 1
    before, after = feed_forward.forward(p, x)[0], feed_forward.forward(p, changed)[0]
    assert (before[1] != after[1]).any()
    np.testing.assert_array_equal(
        np.delete(before, 1, axis=0), np.delete(after, 1, axis=0)
    )


def test_backward_is_the_gradient_of_forward():
    p, x, dh = case(2)

    def loss(everything):
        return float((feed_forward.forward(*everything)[0] * dh).sum())

    _, cache = feed_forward.forward(p, x)
    gradcheck.check(loss, (p, x), feed_forward.backward(p, cache, dh), tolerance=1e-7)


def test_what_does_not_fit_is_named():
    p, x, _ = case()
    with pytest.raises(ValueError, match=r"x must be \(T, B, 5\)"):
        feed_forward.forward(p, x[..., :-1])
    with pytest.raises(ValueError, match="sizes must be at least 1"):
        feed_forward.init(np.random.default_rng(0), 0, 3)
