"""The equations of the chapter on exploding gradients and clipping, and its claim."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from unrolled.cells import rnn
from unrolled.training import optimizers


@pytest.mark.equation("eq-one-unit")
@given(st.floats(0.1, 2.5), st.floats(-1, 1), st.integers(1, 20))
def test_the_one_unit_network_and_its_gradient(w, b, T):
    h, dh_dw, dh_db = 0.5, 0.0, 0.0
    for _ in range(T):  # forward mode: the derivatives of h_t go along with it
        slope = 1 - math.tanh(w * h + b) ** 2
        h, dh_dw, dh_db = (
            math.tanh(w * h + b),
            slope * (h + w * dh_dw),
            slope * (1 + w * dh_db),
        )
    p = rnn.Params(np.zeros((1, 1)), np.array([[w]]), np.array([b]))
    states, cache = rnn.forward(p, np.zeros((T, 1, 1)), np.full((1, 1), 0.5))
    assert states[-1, 0, 0] == pytest.approx(h, abs=1e-9)
    dh = np.zeros_like(states)
    dh[-1] = 2 * (states[-1] - 0.2)
    gradient = rnn.backward(p, cache, dh)[0]
    assert gradient.W_h[0, 0] == pytest.approx(
        2 * (h - 0.2) * dh_dw, rel=1e-6, abs=1e-9
    )
    assert gradient.b[0] == pytest.approx(2 * (h - 0.2) * dh_db, rel=1e-6, abs=1e-9)


vectors = st.lists(
    st.floats(-1e3, 1e3).filter(lambda v: v == 0 or abs(v) > 1e-3), min_size=3
)


@pytest.mark.equation("eq-clip-norm")
@given(vectors, st.floats(0.1, 1e3))
def test_clipping_by_norm(values, c):
    g = np.array(values)
    norm = math.sqrt(sum(v * v for v in values))
    expected = [v * (min(1, c / norm) if norm else 1) for v in values]
    # split over two leaves: the norm is that of all of them together
    (first, rest), before = optimizers.clip_by_global_norm(
        (g[:1].copy(), g[1:].copy()), c
    )
    assert before == pytest.approx(norm)
    np.testing.assert_allclose([*first, *rest], expected, rtol=1e-12)


@pytest.mark.equation("eq-clip-value")
@given(vectors, st.floats(0.1, 1e3))
def test_clipping_by_value(values, c):
    (clipped,), _ = optimizers.clip_by_value((np.array(values),), c)
    assert clipped.tolist() == [max(-c, min(c, v)) for v in values]


def descend(clip, w, b, steps=100):
    """Gradient descent on (h_20 - 0.2)², as on the page; returns the last loss and gradient."""
    x, h0 = np.zeros((20, 1, 1)), np.full((1, 1), 0.5)
    for step in range(steps + 1):
        p = rnn.Params(np.zeros((1, 1)), np.array([[w]]), np.array([b]))
        h, cache = rnn.forward(p, x, h0)
        dh = np.zeros_like(h)
        dh[-1] = 2 * (h[-1] - 0.2)
        gradient = rnn.backward(p, cache, dh)[0]
        norm = optimizers.global_norm(gradient)
        if step < steps:
            if clip is not None:
                clip(gradient, 1.0)
            w, b = w - 0.1 * gradient.W_h[0, 0], b - 0.1 * gradient.b[0]
    return (h[-1, 0, 0] - 0.2) ** 2, norm


@pytest.mark.claim(
    "clipping-saves-the-run-on-the-cliff",
    "From the start that the page shows, the run without clipping ends where the gradient is "
    "almost zero and the loss is high; both kinds of clipping reach a loss near zero.",
)
def test_both_kinds_of_clipping_save_the_run():
    """The last loss of each of the three runs, and the last gradient of the unclipped one."""
    lost, norm = descend(None, 2.2, -0.1)
    assert lost > 0.5 and norm < 1e-6
    for clip in (optimizers.clip_by_global_norm, optimizers.clip_by_value):
        assert descend(clip, 2.2, -0.1)[0] < 1e-3
