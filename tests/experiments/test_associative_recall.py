"""The experiment on recall, run small: its gradient, what it counts, and its witness."""

import numpy as np
import pytest

from experiments.recurrences import associative_recall as recall
from tests.support.cell_cases import shaken
from unrolled import records, tree
from unrolled.gradients import gradcheck

EVERY = [*recall.CELLS, recall.ATTENTION]


@pytest.mark.parametrize("network", EVERY)
def test_the_gradient_of_each_network_is_exact(network):
    setting = recall.Setting(network, 3, 2, 1)
    rng = np.random.default_rng(0)
    p = tree.map(lambda w: w.astype(np.float64), recall.init(0, setting))
    p = shaken(p, rng, 0.2)
    batch = recall.drawn(1, 2, 1, 3)
    cell = recall.CELLS.get(network)
    _, dp = recall.gradient(p, batch, cell)
    along = tree.map(lambda w: rng.standard_normal(w.shape), p)
    numeric = gradcheck.directional_difference(
        lambda p: recall.gradient(p, batch, cell)[0], p, along
    )
    pairs = zip(tree.leaves(dp), tree.leaves(along), strict=True)
    assert sum(float((g * d).sum()) for g, d in pairs) == pytest.approx(
        numeric, rel=1e-6
    )


def test_a_delta_net_set_by_hand_recalls_every_latest_value():
    K, V = recall.K, recall.V
    setting = recall.Setting("DeltaNet", K, 8, 2)
    p = tree.map(np.zeros_like, recall.init(0, setting))
    W_x = p.layer.W_x
    W_x[:K, :K] = W_x[:K, K : 2 * K] = np.eye(K)  # the key is its own query
    W_x[K:, 2 * K : 2 * K + V] = np.eye(V)  # the value
    W_x[K:, -1], p.layer.b[-1] = 100, -50  # a step with a value writes all of it
    p.W_y[:V] = np.eye(V)
    assert recall.right(p, setting, 8, 50) == 1
    p.layer.b[-1] = 50  # a question erases what it asks for
    assert recall.right(p, setting, 8, 50) < 0.2


def test_the_record_has_every_setting_and_seed():
    runs = records.load("associative_recall")["results"]["runs"]
    settings = recall.ONCE + recall.TWICE + recall.CONTROLS
    found = [
        (*(run[name] for name in recall.Setting._fields), run["seed"]) for run in runs
    ]
    assert found == [(*s, seed) for s in settings for seed in recall.SEEDS]
    assert all(
        0 <= share <= 1 for run in runs for share in run["right_by_keys"].values()
    )
