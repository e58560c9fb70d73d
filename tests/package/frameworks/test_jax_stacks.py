"""Cells with settings and stacks of them in JAX, against NumPy's forward and backward."""

import numpy as np
import pytest

from tests.support.closeness import gap
from unrolled import tree
from unrolled.cells import delta_net, gated_delta_net, reflections
from unrolled.data import text
from unrolled.frameworks import jax_stacks
from unrolled.frameworks.jax_cells import precision_of
from unrolled.models import language_model, residual_stack

pytestmark = pytest.mark.usefixtures("jax_compilation_cache")

T, B, V = 9, 4, 7
NETWORKS = {
    "DeltaNet": (delta_net, 5),
    "shares below 2": (delta_net.below(2.0), 5),
    "Gated DeltaNet": (gated_delta_net, 5),
    "reflections": (reflections.below(2.0, 3), 5),
    "blocks of DeltaNet": (residual_stack.of(delta_net.below(2.0), 3, 4, 9), 6),
    "blocks of Gated DeltaNet": (residual_stack.of(gated_delta_net, 2, 4, 9), 6),
}
networks = pytest.mark.parametrize(("cell", "H"), NETWORKS.values(), ids=NETWORKS)


def words(cell, H):
    rng = np.random.default_rng(0)
    p = language_model.Params(
        cell.init(rng, V, H), rng.normal(size=(H, V)), rng.normal(size=V)
    )
    p = tree.map(lambda w: w + 0.3 * rng.normal(size=w.shape), p)
    ids = rng.integers(0, V, (2, T, B))
    return p, text.Batch(*ids, np.arange(T)[:, None] < np.array([9, 8, 3, 1]))


@networks
def test_the_step_scanned_is_forward(cell, H):
    p, batch = words(cell, H)
    with precision_of(p):
        found = jax_stacks.forward(p.cell, batch.inputs, cell=cell)
    assert gap(found, cell.forward(p.cell, batch.inputs)[0]) < 1e-12


@networks
def test_jax_finds_the_gradient_written_by_hand(cell, H, measured):
    p, batch = words(cell, H)
    loss, by_hand = language_model.loss_and_gradient(p, batch, cell)
    found_loss, found = jax_stacks.compiled(cell)(p, batch)
    assert found_loss == pytest.approx(loss, rel=1e-12)
    measured("JAX", "gradient", gap(found, by_hand), 1e-10)
    assert gap(found, tree.map(lambda d: 1.0005 * d, by_hand)) > 1e-4


def test_other_settings_give_another_network():
    p, batch = words(*NETWORKS["shares below 2"])
    one, two = (
        jax_stacks.compiled(delta_net.below(high))(p, batch)[0] for high in (1.0, 2.0)
    )
    assert abs(one - two) > 1e-3


def test_targets_outside_the_vocabulary_and_empty_masks_are_refused():
    cell, H = NETWORKS["DeltaNet"]
    p, batch = words(cell, H)
    compute = jax_stacks.compiled(cell)
    with pytest.raises(ValueError, match="targets: ids must lie in 0..6, got"):
        compute(p, batch._replace(targets=batch.targets + V))
    with pytest.raises(ValueError, match="its mask is all False"):
        compute(p, batch._replace(mask=np.zeros((T, B), bool)))
