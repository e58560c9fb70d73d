"""The recorded runs on long-distance tasks: resumed without repeating, and repeated when due."""

import numpy as np
import pytest

from experiments import adding_problem, copy_task, long_tasks
from experiments.methods import METHODS, Method
from unrolled import irnn, records, rnn
from unrolled import recurrent_weights as weights

FILES = ["experiments/adding_problem.py"]


@pytest.fixture
def calls(tmp_path, monkeypatch):
    """A place of its own for the runs, two methods, two seeds; the list of runs that were made."""
    monkeypatch.setattr(long_tasks, "RUNS", tmp_path)
    monkeypatch.setattr(long_tasks, "SEEDS", range(2))
    monkeypatch.setattr(long_tasks, "METHODS", {m: METHODS[m] for m in ("tanh", "ReLU, identity")})
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
    with pytest.raises(KeyboardInterrupt):
        long_tasks.all_runs("x", [10, 20], recorder(calls, stop_after=3), FILES)
    found = long_tasks.all_runs("x", [10, 20], recorder(calls), FILES)
    assert len(calls) == len(set(calls)) == len(found) == 8  # 2 methods, 2 lengths, 2 seeds
    assert [run["result"] for run in found] == list(range(1, 9))
    assert found[0] == {"method": "tanh", "T": 10, "seed": 0, "result": 1}


def test_a_new_method_runs_alone(calls, monkeypatch):
    long_tasks.all_runs("x", [10], recorder(calls), FILES)
    calls.clear()
    more = long_tasks.METHODS | {"new": Method(rnn, weights.orthogonal, None)}
    monkeypatch.setattr(long_tasks, "METHODS", more)
    found = long_tasks.all_runs("x", [10], recorder(calls), FILES)
    assert len(calls) == 2 and len(found) == 6


def test_a_changed_method_or_file_runs_again(calls, monkeypatch):
    long_tasks.all_runs("x", [10], recorder(calls), FILES)
    calls.clear()
    other = long_tasks.METHODS | {"tanh": Method(rnn, weights.uniform, 5.0)}
    monkeypatch.setattr(long_tasks, "METHODS", other)
    long_tasks.all_runs("x", [10], recorder(calls), FILES)
    assert calls == [(rnn, 10, 0), (rnn, 10, 1)]
    calls.clear()
    long_tasks.all_runs("x", [10], recorder(calls), [*FILES, "code/unrolled/readout.py"])
    assert len(calls) == 4


def test_initial_puts_the_methods_matrix_in_place():
    def make(rng, cell):
        return adding_problem.readout.init(rng, 2, long_tasks.HIDDEN, cell)

    p = long_tasks.initial(Method(rnn, weights.uniform, None), 3, make)
    assert abs(p.cell.W_h).max() <= 1 / np.sqrt(long_tasks.HIDDEN) + 1e-7
    assert p.cell.W_h.dtype == np.float32 and len(np.unique(p.cell.W_h)) > 1000
    p = long_tasks.initial(Method(irnn, None, None), 3, make)
    assert np.array_equal(p.cell.W_h, np.eye(long_tasks.HIDDEN))


def test_a_run_learns_an_easy_case_and_stops(monkeypatch):
    monkeypatch.setattr(long_tasks, "STEPS", 600)
    result = adding_problem.one(METHODS["ReLU, identity, clipped"], 4, 0)
    assert result["solved"] and result["test_error"] < 0.01 and result["diverged"] is None
    assert result["steps"] < 600 and result["largest_norm"] > 0


def test_a_run_of_the_copy_task_beats_chance(monkeypatch):
    monkeypatch.setattr(long_tasks, "STEPS", 300)
    assert copy_task.one(METHODS["orthogonal tanh"], 1, 0)["right"] > 0.6


def test_divergence_is_a_result_and_no_failure(monkeypatch):
    monkeypatch.setattr(long_tasks, "LEARNING_RATE", 10.0)
    monkeypatch.setattr(long_tasks, "STEPS", 200)
    result = adding_problem.one(METHODS["ReLU, identity"], 40, 0)
    assert result["diverged"].startswith("step ") and not result["solved"]


def test_the_records_name_the_code_that_made_them():
    for code in adding_problem.CODE, copy_task.CODE:
        assert {"code/unrolled/rnn.py", "code/unrolled/irnn.py"} <= set(code.paths)
        assert all((records.ROOT / path).is_file() for path in code.paths)
