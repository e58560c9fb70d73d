"""What the checks of arguments cost is measured against the same step without them."""

import numpy as np
import pytest

from experiments.speed import argument_checks
from unrolled import tree
from unrolled.data import text
from unrolled.models import language_model
from unrolled.speed import sgd_step


def test_a_step_without_checks_is_the_same_step():
    bare = argument_checks.without_checks("unrolled.speed.sgd_step")
    assert hasattr(sgd_step.step, "unchecked") and not hasattr(bare.step, "unchecked")
    ours = language_model.init(np.random.default_rng(0), 20, 4)
    p = bare.language_model.Params(
        bare.rnn.Params(*(w.copy() for w in ours.cell)),
        ours.W_y.copy(),
        ours.b_y.copy(),
    )
    batch = text.pad([np.array([3, 5, 3, 19, 7])])
    losses = (
        sgd_step.step(ours, batch, 0.5, sgd_step.Workspace()),
        bare.step(p, batch, 0.5, bare.Workspace()),
    )
    assert losses[0] == losses[1]
    for a, b in zip(tree.leaves(ours), tree.leaves(p), strict=True):
        assert (a == b).all()
    outside = batch._replace(inputs=batch.inputs - 19)
    with pytest.raises(ValueError, match="ids must lie in"):
        sgd_step.step(ours, outside, 0.5, sgd_step.Workspace())
    bare.step(p, outside, 0.5, bare.Workspace())  # -16 counts from the end, unnoticed


def test_a_slower_step_has_a_larger_ratio(monkeypatch):
    times = iter([2.0, 3.0, 3.0, 2.0] * 3)  # without checks first, then with them first
    monkeypatch.setattr(argument_checks, "steps", lambda: (None, None))
    monkeypatch.setattr(argument_checks, "seconds", lambda function, calls: next(times))
    found = argument_checks.measured(rounds=6)
    assert found["ratio"] == {"median": 1.5, "quartiles": [1.5, 1.5]}
    assert found["seconds"]["median"] == 3 and found["seconds_without"]["median"] == 2
