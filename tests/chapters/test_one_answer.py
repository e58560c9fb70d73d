"""The measure by which answers are compared, and the conventions that the chapter lists."""

import numpy as np
import pytest

from unrolled import functional, tree
from unrolled.cells import gru, gru_reset_after, lstm
from unrolled.frameworks import agreement
from unrolled.models import language_model


@pytest.mark.equation("eq-agreement-gap")
@pytest.mark.parametrize("name", agreement.CELLS)
def test_the_gap_is_the_worst_entry_of_the_worst_array(name):
    cell, p, batch = agreement.case(name)
    loss, d = agreement.in_numpy(cell, p, batch)
    rng = np.random.default_rng(0)
    other = tree.map(lambda g: g + 1e-6 * rng.standard_normal(g.shape), d)
    worst = 0.0
    for ours, theirs in zip(tree.leaves(other), tree.leaves(d), strict=True):
        pairs = list(zip(ours.flat, theirs.flat, strict=True))
        largest = max(abs(y) for _, y in pairs)
        worst = max(worst, max(abs(x - y) for x, y in pairs) / largest)
    found = agreement.gap((loss, other), (loss, d))
    assert found.gradient == pytest.approx(worst, rel=1e-12) and found.loss == 0


def test_a_wrong_bias_is_not_hidden_behind_many_right_numbers():
    cell, p, batch = agreement.case("lstm")
    loss, d = agreement.in_numpy(cell, p, batch)
    wrong = d._replace(b_y=2 * d.b_y)
    found = agreement.gap((loss, wrong), (loss, d))
    assert found.gradient == pytest.approx(1) and found.worst == "b_y"


def test_two_biases_are_one_but_for_the_one_that_is_reset():
    """b_x + b_h is all that matters for z and r; for the candidate each matters by itself."""
    rng = np.random.default_rng(1)
    D, H, T, B = 3, 4, 5, 2
    p = tree.map(
        lambda w: w + 0.4 * rng.standard_normal(w.shape),
        gru_reset_after.init(rng, D, H),
    )
    x = rng.standard_normal((T, B, D))
    h, _ = gru_reset_after.forward(p, x)
    moved = 0.3 * np.stack([np.ones(3 * H), -np.ones(3 * H)])
    gates, candidate = moved.copy(), moved.copy()
    gates[:, 2 * H :] = 0
    candidate[:, : 2 * H] = 0
    same, _ = gru_reset_after.forward(p._replace(b=p.b + gates), x)
    other, _ = gru_reset_after.forward(p._replace(b=p.b + candidate), x)
    np.testing.assert_allclose(same, h, rtol=1e-12)
    assert np.abs(other - h).max() > 0.01


def test_three_sigmoids_have_three_losses():
    _, p, batch = agreement.case("lstm")

    def loss(gate):
        h, _ = lstm.forward(p.cell, batch.inputs, gate=gate)
        return functional.cross_entropy(h @ p.W_y + p.b_y, batch.targets)[
            batch.mask
        ].mean()

    found = [
        loss(functional.sigmoid),
        loss(functional.hard_sigmoid),
        loss(lambda a: functional.hard_sigmoid(a, 0.2)),
    ]
    assert found[0] == pytest.approx(language_model.loss(p, batch, lstm)[0], rel=1e-12)
    assert len({round(value, 4) for value in found}) == 3


def test_the_two_kinds_of_reset_are_two_cells():
    _, p, batch = agreement.case("gru")
    b = np.stack([p.cell.b, 0 * p.cell.b])
    other = p._replace(cell=gru_reset_after.Params(p.cell.W_x, p.cell.W_h, b))
    one, _ = language_model.loss(p, batch, gru)
    two, _ = language_model.loss(other, batch, gru_reset_after)
    assert abs(one - two) > 1e-4
