"""Both directions over padded sequences: exact gradients, and no trace of the padding."""

import numpy as np
import pytest

from tests.support import registered_cells
from tests.support.cell_cases import with_long_steps
from unrolled import tree
from unrolled.cells import gru
from unrolled.gradients import gradcheck
from unrolled.layers import bidirectional

T, B, D, H = 6, 3, 2, 4
LENGTHS = np.array([6, 1, 4])
MASK = np.arange(T)[:, None] < LENGTHS
CELLS = registered_cells.cells()
every_cell = pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)


@every_cell
def test_both_directions_have_the_exact_gradient(cell):
    rng = np.random.default_rng(3)
    p = bidirectional.init(rng, D, H, cell)
    p = bidirectional.Params(*map(with_long_steps, p))
    x, dh = rng.standard_normal((T, B, D)), rng.standard_normal((T, B, 2 * H))
    _, cache = bidirectional.forward(p, x, cell, LENGTHS)

    def loss(everything):
        return float((bidirectional.forward(*everything, cell, LENGTHS)[0] * dh).sum())

    gradcheck.check(
        loss, (p, x), bidirectional.backward(p, cache, dh, cell), tolerance=1e-7
    )


@every_cell
def test_a_padded_batch_gives_what_each_sequence_gives_alone(cell):
    rng = np.random.default_rng(3)
    p = bidirectional.init(rng, D, H, cell)
    x = rng.standard_normal((T, B, D))
    h, cache = bidirectional.forward(p, x, cell, LENGTHS)
    dh = rng.standard_normal(h.shape) * MASK[..., None]
    dp, dx = bidirectional.backward(p, cache, dh, cell)
    total = tree.map(np.zeros_like, p)
    for b, length in enumerate(LENGTHS):
        alone = x[:length, b : b + 1]
        h_alone, cache_alone = bidirectional.forward(p, alone, cell)
        np.testing.assert_allclose(
            h[:length, b : b + 1], h_alone, rtol=1e-12, atol=1e-14
        )
        dp_alone, dx_alone = bidirectional.backward(
            p, cache_alone, dh[:length, b : b + 1], cell
        )
        np.testing.assert_allclose(
            dx[:length, b : b + 1], dx_alone, rtol=1e-11, atol=1e-13
        )
        total = tree.map(np.add, total, dp_alone)
    for actual, expected in zip(tree.leaves(dp), tree.leaves(total), strict=True):
        np.testing.assert_allclose(actual, expected, rtol=1e-10, atol=1e-12)
    assert not dx[~MASK].any()


def test_the_state_read_from_the_end_knows_the_end_alone():
    rng = np.random.default_rng(4)
    p = bidirectional.init(rng, D, H, gru)
    x = rng.standard_normal((T, B, D))
    h, _ = bidirectional.forward(p, x, gru, LENGTHS)
    first, _ = gru.forward(p.reverse, x[3:4, 2:3])
    np.testing.assert_allclose(h[3, 2, H:], first[0, 0], rtol=1e-12)


def test_ids_have_no_gradient_in_both_directions():
    rng = np.random.default_rng(5)
    p = bidirectional.init(rng, D, H, gru)
    h, cache = bidirectional.forward(p, rng.integers(0, D, (T, B)), gru, LENGTHS)
    assert bidirectional.backward(p, cache, np.ones_like(h), gru)[1] is None
