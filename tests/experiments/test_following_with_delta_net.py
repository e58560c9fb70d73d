"""The experiment on DeltaNet's shares, run small."""

import numpy as np
import pytest

from experiments.recurrences import following_with_delta_net as experiment
from experiments.recurrences import word_problems
from unrolled.data import groups

pytestmark = pytest.mark.usefixtures("jax_compilation_cache")


def test_the_swaps_exchange_two_cups():
    swaps = groups.swaps(experiment.ORDERS)
    assert experiment.ORDERS[swaps].tolist() == [[0, 2, 1], [1, 0, 2], [2, 1, 0]]
    batch = experiment.TASKS["one swap a step"].drawn(0, 50, 20)
    assert set(batch.inputs.ravel()) == {*swaps}
    even = np.isin(batch.targets, swaps, invert=True)
    assert not even[::2].any() and even[1::2].all()  # so chance is one in three


@pytest.mark.parametrize("network", experiment.RATES)
@pytest.mark.parametrize("high", experiment.HIGHS)
def test_a_run_tells_how_much_is_right_before_and_after_step_40(
    network, high, monkeypatch
):
    trained = experiment.trained
    monkeypatch.setattr(
        experiment,
        "trained",
        lambda *setting: trained(*setting, steps=2, check_every=1),
    )
    run = experiment.one("three cups", network, high, 1)
    windows = np.array(run["right_by_window"])
    assert len(windows) * word_problems.WINDOW == word_problems.LONG
    assert run["right_to_40"] == pytest.approx(windows[:5].mean())
    assert (run["network"], run["shares_below"]) == (network, high)
    assert len(run["validation_errors"]) == 2
