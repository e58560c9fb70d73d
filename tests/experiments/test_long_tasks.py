"""The recorded runs on long-distance tasks: resumed without repeating, and repeated when due."""

from types import SimpleNamespace

import numpy as np
import pytest

from experiments.long_range import (
    adding_problem,
    copy_task,
    gated_long_tasks,
    long_tasks,
)
from experiments.long_range.methods import METHODS, Method
from unrolled import records
from unrolled.cells import irnn, rnn
from unrolled.cells import recurrent_weights as weights

TWO = {name: METHODS[name] for name in ("tanh", "ReLU, identity")}


@pytest.fixture
def calls(tmp_path, monkeypatch):
    """A place of its own for the runs, two seeds; the list of runs that were made."""
    monkeypatch.setattr(long_tasks, "RUNS", tmp_path)
    monkeypatch.setattr(long_tasks, "SEEDS", range(2))
    monkeypatch.setattr(long_tasks, "tqdm", Silent)
    return []


class Silent(list):
    def __init__(self, wanted, desc):
        super().__init__(wanted)

    def set_postfix_str(self, text):
        pass


def recorder(calls, stop_after=99):
    def one(method, T, seed):
        if len(calls) == stop_after:
            raise KeyboardInterrupt
        calls.append((method.cell, T, seed))
        return {"result": len(calls)}

    return one


def test_an_interrupted_round_goes_on_where_it_stopped(calls):
    run = records.begin("adding_problem")
    with pytest.raises(KeyboardInterrupt):
        long_tasks.all_runs(run, "x", TWO, [10, 20], recorder(calls, stop_after=3))
    found = long_tasks.all_runs(run, "x", TWO, [10, 20], recorder(calls))
    # 2 methods, 2 lengths, 2 seeds
    assert len(calls) == len(set(calls)) == len(found) == 8
    assert [run["result"] for run in found] == list(range(1, 9))
    assert found[0] == {"method": "tanh", "T": 10, "seed": 0, "result": 1}


def test_changed_code_and_another_task_run_again(calls, monkeypatch):
    run = records.begin("adding_problem")
    long_tasks.all_runs(run, "x", TWO, [10], recorder(calls))
    calls.clear()
    long_tasks.all_runs(run, "y", TWO, [10], recorder(calls))
    assert len(calls) == 4
    calls.clear()
    monkeypatch.setattr(records, "digest", lambda run: "changed")
    long_tasks.all_runs(run, "x", TWO, [10], recorder(calls))
    assert len(calls) == 4


def test_initial_puts_the_methods_matrix_in_place():
    def make(rng, cell):
        return adding_problem.readout.init(rng, 2, long_tasks.HIDDEN, cell)

    p = long_tasks.initial(Method(rnn, weights.uniform, None), 3, make)
    assert abs(p.cell.W_h).max() <= 1 / np.sqrt(long_tasks.HIDDEN) + 1e-7
    assert p.cell.W_h.dtype == np.float32 and len(np.unique(p.cell.W_h)) > 1000
    p = long_tasks.initial(Method(irnn, None, None), 3, make)
    assert np.array_equal(p.cell.W_h, np.eye(long_tasks.HIDDEN))


def test_a_run_learns_an_easy_case_and_stops():
    result = adding_problem.one(METHODS["ReLU, identity, clipped"], 4, 0, steps=600)
    assert (
        result["solved"] and result["test_error"] < 0.01 and result["diverged"] is None
    )
    assert result["steps"] < 600 and result["largest_norm"] > 0


def test_a_run_of_the_copy_task_beats_chance():
    method = METHODS["orthogonal tanh"]
    best, _ = copy_task.trained(method, 1, 0, steps=300)
    assert 1 - copy_task.wrong(best, copy_task.tested_on(1, 2000), method.cell) > 0.6


def test_divergence_is_a_result_and_no_failure(monkeypatch):
    monkeypatch.setattr(long_tasks, "LEARNING_RATE", 10.0)
    result = adding_problem.one(METHODS["ReLU, identity"], 40, 0, steps=200)
    assert result["diverged"].startswith("step ") and not result["solved"]


@pytest.mark.parametrize("script", [adding_problem, copy_task])
def test_a_record_rests_on_the_cells_of_its_methods_and_on_no_other(script):
    (name,) = script.RECORDS
    rests_on = records.begin(name).house.rests_on(name)
    assert {
        "unrolled.cells.rnn.forward",
        "unrolled.cells.irnn.backward",
    } <= rests_on.keys()
    assert not any(
        piece.startswith(("unrolled.cells.gru.", "unrolled.cells.lstm."))
        for piece in rests_on
    )


def test_gated_methods_rest_on_no_choice_of_recurrent_weights():
    rests_on = records.begin("gated_long_tasks").house.rests_on("gated_long_tasks")
    assert {
        "unrolled.cells.gru.forward",
        "unrolled.cells.lstm.backward",
    } <= rests_on.keys()
    assert not any("recurrent_weights" in piece for piece in rests_on)
    assert "experiments.long_range.methods.METHODS" not in rests_on


@pytest.mark.parametrize("script", [adding_problem, copy_task, gated_long_tasks])
def test_a_short_run_repeats_and_shows_a_changed_rate_and_seed(script, monkeypatch):
    (name,) = script.RECORDS
    numbers = script.witness(name)
    assert script.witness(name) == numbers
    for changed in ("LEARNING_RATE", 1.01 * long_tasks.LEARNING_RATE), ("SEEDS", [1]):
        with monkeypatch.context() as patch:
            patch.setattr(long_tasks, *changed)
            found = np.array(script.witness(name))
        assert abs(found / numbers - 1).max() > 1e-4


@pytest.mark.parametrize("norms", [[0.5, 2, 3, 0.1], [1.0, 1.5], []])
@pytest.mark.parametrize("clip", [None, 1.0, 0.05])
def test_the_share_of_updates_above_the_limit_is_counted(monkeypatch, norms, clip):
    steps = [
        SimpleNamespace(best=None, step=i + 1, gradient_norm=n, validation_loss=None)
        for i, n in enumerate(norms)
    ]
    monkeypatch.setattr(long_tasks.train, "train", lambda *args, **more: iter(steps))
    method = METHODS["tanh"]._replace(clip=clip)
    _, happened = long_tasks.run(method, 0, None, None, lambda: 0, lambda p: 0, 0)
    share = 1.0 if clip == 0.05 else 0.5
    assert happened["above_limit"] == share * bool(norms)
