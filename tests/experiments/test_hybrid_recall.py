"""The experiment on stacks with and without attention, run small."""

import numpy as np
import pytest

from experiments.recurrences import hybrid_recall as experiment
from tests.support.cell_cases import shaken
from unrolled import records, tree
from unrolled.frameworks.jax_cells import precision_of
from unrolled.functional import as_rows, cross_entropy, dcross_entropy
from unrolled.models import residual_stack
from unrolled.models.transformer import dnormalise, normalise

pytestmark = pytest.mark.usefixtures("jax_compilation_cache")

KEYS = 3


def case(stack):
    """Returns float64 parameters away from their initial values, and a small batch."""
    p = tree.map(lambda w: w.astype(np.float64), experiment.init(0, stack))
    batch = experiment.drawn(1, KEYS, 1, 2)
    return shaken(p, np.random.default_rng(0), 0.1), batch


def by_hand(p, batch, stack):
    """Returns the loss and its gradient, by the recurrent forms and their backward passes."""
    x = batch.x.astype(np.float64)
    logits, caches = experiment.logits(p, x, stack, KEYS)
    losses = cross_entropy(logits, batch.values)
    even = np.full(losses.shape, 1 / losses.size)
    dlogits = dcross_entropy(logits, batch.values, even)

    h = x @ p.stack.W_in
    for block, cell in zip(p.stack.blocks, experiment.cells(stack), strict=True):
        h, _ = residual_stack.forward_block(block, h, cell)
    asked, of_norm = normalise(p.stack.norm, h[-KEYS:])
    dh = np.zeros_like(h)
    dh[-KEYS:], dnorm = dnormalise(p.stack.norm, of_norm, dlogits @ p.W_y.T)
    dblocks: tuple = ()
    for block, cache, cell in zip(
        p.stack.blocks[::-1], caches[::-1], experiment.cells(stack)[::-1], strict=True
    ):
        dblock, dh = residual_stack.backward_block(block, cache, dh, cell)
        dblocks = (dblock, *dblocks)
    dstack = residual_stack.Params(as_rows(x).T @ as_rows(dh), dblocks, dnorm)
    dW_y = as_rows(asked).T @ as_rows(dlogits)
    return losses.mean(), experiment.Params(dstack, dW_y, dlogits.sum(axis=(0, 1)))


def test_jax_finds_the_gradient_of_the_recurrent_forms():
    stack = "3 linear, 1 softmax"  # has both layers
    p, batch = case(stack)
    with precision_of(p):
        loss, found = experiment.gradient(stack)(
            p, batch.x.astype(np.float64), batch.values
        )
    wanted_loss, wanted = by_hand(p, batch, stack)
    assert float(loss) == pytest.approx(wanted_loss, rel=1e-12)
    for (name, one), other in zip(
        tree.named_leaves(wanted), tree.leaves(found), strict=True
    ):
        # the gradient of b_k is 0: a shift of all scores changes no softmax
        np.testing.assert_allclose(other, one, rtol=1e-10, atol=1e-13, err_msg=name)


def test_the_stacks_differ_in_their_layers_only():
    shapes = {
        stack: tree.map(np.shape, experiment.init(0, stack))
        for stack in experiment.STACKS
    }
    without = [
        [block._replace(cell=None, W_o=None) for block in p.stack.blocks]
        for p in shapes.values()
    ]
    assert without[0] == without[1] == without[2]
    layers = [experiment.STACKS[stack] for stack in experiment.STACKS]
    assert [stack.count(experiment.ATTENTION) for stack in layers] == [0, 1, 4]
    assert layers[1].index(experiment.ATTENTION) == 2


def test_a_run_tells_what_is_right_for_each_number_of_keys(monkeypatch):
    monkeypatch.setattr(
        experiment,
        "trained",
        lambda stack, rate, seed: (experiment.init(seed, stack), [2.8]),
    )
    run = experiment.one("4 linear", 0.01, 1)
    assert [int(keys) for keys in run["right_by_keys"]] == list(experiment.TESTED)
    assert all(0 <= share <= 1 for share in run["right_by_keys"].values())
    assert (run["stack"], run["rate"], run["seed"]) == ("4 linear", 0.01, 1)


def test_the_record_has_every_setting_and_seed():
    runs = records.load("hybrid_recall")["results"]["runs"]
    found = [(run["stack"], run["rate"], run["seed"]) for run in runs]
    assert found == [
        (*setting, seed) for setting in experiment.RUNS for seed in experiment.SEEDS
    ]
