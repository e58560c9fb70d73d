"""The experiment on following states, run small."""

import json

import numpy as np
import pytest

from experiments.recurrences import following_states, word_problems
from unrolled import records, tree
from unrolled.data import groups


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Records in a folder of their own, and trainings of two updates."""
    monkeypatch.setattr(records, "ROOT", tmp_path)
    trained = following_states.trained
    monkeypatch.setattr(
        following_states,
        "trained",
        lambda *setting: trained(*setting, steps=2, check_every=1),
    )


def test_the_share_right_is_counted_at_each_step():
    cell, task = following_states.CELLS["RNN"], following_states.TASKS["parity"]
    p = word_problems.initial(0, 2, cell, 8)
    always_0 = p._replace(W_y=0 * p.W_y, b_y=np.array([1.0, 0], np.float32))
    share = word_problems.right(always_0, cell, task, 30, 400, 5)
    batch = groups.word_problem(np.random.default_rng(5), 30, 400, task.table)
    np.testing.assert_allclose(share, (batch.targets == 0).mean(axis=1))


@pytest.mark.parametrize("name", following_states.CELLS)
def test_a_run_tells_how_much_is_right_before_and_after_step_40(name, small):
    run = following_states.one("sum modulo 3", name, 1)
    windows = np.array(run["right_by_window"])
    assert len(windows) * word_problems.WINDOW == word_problems.LONG
    assert run["right_to_40"] == pytest.approx(windows[:5].mean())
    assert run["right_from_41"] == pytest.approx(windows[5:].mean())
    assert len(run["validation_errors"]) == 2


def test_networks_with_other_bounds_begin_with_the_same_weights():
    for pair in (
        ("diagonal, 0 to 1", "diagonal, -1 to 1"),
        (
            "reflections, 0 to 1",
            "reflections, 0 to 2",
        ),
    ):
        one, other = (
            tree.leaves(word_problems.initial(3, 6, following_states.CELLS[name], 32))
            for name in pair
        )
        for a, b in zip(one, other, strict=True):
            np.testing.assert_array_equal(a, b)


def test_a_finished_training_is_read_and_not_repeated(small, monkeypatch):
    monkeypatch.setattr(records, "digest", lambda run: "code")
    run, one = type("Run", (), {"name": "following_states"}), following_states.one
    first = word_problems.kept(run, {}, one, "parity", "RNN", 0)
    assert word_problems.kept(run, {}, None, "parity", "RNN", 0) == json.loads(
        json.dumps(first)
    )
    for settings, seed in (({}, 1), ({"steps": 1}, 0)):
        with pytest.raises(TypeError):
            word_problems.kept(run, settings, None, "parity", "RNN", seed)
