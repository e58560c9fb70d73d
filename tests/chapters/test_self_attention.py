"""The equations of self-attention that the module's own tests do not check."""

import numpy as np
import pytest

from unrolled import tree
from unrolled.data import tasks
from unrolled.layers import attention, multi_head
from unrolled.training import optimizers


@pytest.mark.equation("eq-heads-dx")
def test_a_step_collects_what_its_three_roles_bring():
    rng = np.random.default_rng(0)
    B, T, D, N, E = 2, 4, 5, 3, 2
    p = tree.map(lambda w: rng.standard_normal(w.shape), multi_head.init(rng, D, N, E))
    x, dy = rng.standard_normal((B, T, D)), rng.standard_normal((B, T, D))
    _, dx, _ = multi_head.backward(p, multi_head.forward(p, x)[1], dy)
    expected = np.zeros_like(x)
    for n in range(N):
        q, k, v = (
            x @ W[:, n] + b[n]
            for W, b in ((p.W_q, p.b_q), (p.W_k, p.b_k), (p.W_v, p.b_v))
        )
        _, read = attention.forward((), q, k, v, score=attention.scaled_dot)
        _, dq, dk, dv = attention.backward(
            (), read, dy @ p.W_o[n].T, attention.scaled_dot
        )
        expected += dq @ p.W_q[:, n].T + dk @ p.W_k[:, n].T + dv @ p.W_v[:, n].T
    np.testing.assert_allclose(dx, expected, rtol=1e-11, atol=1e-13)


def test_one_head_adds_two_marked_numbers_however_far_apart():
    rng = np.random.default_rng(3)
    question = np.broadcast_to(np.float32([0, 0, 1]), (32, 1, 3))

    def source(batch):
        x = batch.x.swapaxes(0, 1)
        return np.concatenate([x, np.zeros_like(x[..., :1])], axis=2)

    p, state = multi_head.init(rng, 3, 1, 8, np.float32), None
    for _ in range(400):
        batch = tasks.adding_problem(rng, 60, 32)
        y, cache = multi_head.forward(p, question, source(batch))
        dy = np.zeros_like(y)
        dy[:, 0, 0] = (y[:, 0, 0] - batch.y) * 2 / 32
        dp, *_ = multi_head.backward(p, cache, dy)
        dp, _ = optimizers.clip_by_global_norm(dp, 1.0)
        p, state = optimizers.adam(p, dp, state, 0.01)
    for T in (60, 600):
        batch = tasks.adding_problem(np.random.default_rng(4), T, 32)
        y, cache = multi_head.forward(p, question, source(batch))
        assert np.mean((y[:, 0, 0] - batch.y) ** 2) < 0.01 < tasks.ADDING_CHANCE
        marked = cache.weights[:, 0, 0][batch.x[..., 1].T == 1]
        assert marked.min() > 0.4 and marked.max() < 0.6
