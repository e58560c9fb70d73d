"""The equations of the chapter on remedies, and its claims of the recorded runs."""

import numpy as np
import pytest
from scipy import stats

from unrolled import records
from unrolled.cells import recurrent_weights as weights
from unrolled.cells import rnn
from unrolled.data import tasks
from unrolled.gradients import jacobians

TS, WAITS = (10, 20, 40, 80, 150), (5, 10, 20, 40, 80)


@pytest.mark.equation("eq-adding-chance")
def test_the_chance_level_is_the_integral():
    n = 10_000
    v = (np.arange(n) + 0.5) / n
    assert tasks.ADDING_CHANCE == pytest.approx(2 * np.mean((v - 0.5) ** 2), rel=1e-7)
    assert tasks.ADDING_CHANCE == pytest.approx(1 / 6)


def runs(name, method, T, value):
    found = [
        run[value]
        for run in records.load(name)["results"]["runs"]
        if run["method"] == method and run["T"] == T
    ]
    assert len(found) >= 5
    return np.array(found)


def test_a_run_is_called_solved_by_its_error_alone():
    results = records.load("adding_problem")["results"]
    for run in results["runs"]:
        assert run["solved"] == (run["test_error"] < results["solved_below"])
    assert results["chance"] == pytest.approx(1 / 6)


def test_omega_is_zero_for_a_gradient_that_keeps_its_length():
    p = rnn.Params(np.zeros((1, 3)), np.eye(3)[[1, 2, 0]], np.zeros(3))
    norms = jacobians.backward_norms(p, np.zeros((5, 3)), np.array([1.0, 2, 2]))
    assert ((norms[1:] / norms[:-1] - 1) ** 2).sum() == 0


def test_the_recorded_adding_problem_is_what_the_chapter_says():
    methods = list(records.load("adding_problem")["settings"]["clip"])
    solved = {
        m: [runs("adding_problem", m, T, "solved").sum() for T in TS] for m in methods
    }
    assert all(solved[m][:2] == [5, 5] for m in methods)
    for name in ("tanh", "tanh, clipped", "orthogonal tanh", "ReLU, identity"):
        assert solved[name][3:] == [0, 0]
    assert solved["ReLU, identity, clipped"][:4] == [5] * 4
    assert 1 <= solved["ReLU, identity, clipped"][4] <= 4
    assert solved["tanh, clipped"][2] < solved["tanh"][2]
    assert solved["orthogonal tanh"][2] < min(
        solved[m][2] for m in methods if m[:2] != "or"
    )
    tanh = runs("adding_problem", "tanh", 150, "test_error")
    assert abs(tanh - 1 / 6).max() < 0.01  # nothing found
    assert np.median(runs("adding_problem", "tanh, clipped", 80, "test_error")) < 0.1


def test_the_recorded_explosions_are_what_the_chapter_says():
    relu = [
        np.median(runs("adding_problem", "ReLU, identity", T, "largest_norm"))
        for T in TS
    ]
    tanh = [np.median(runs("adding_problem", "tanh", T, "largest_norm")) for T in TS]
    assert max(tanh) < 100 and relu[0] < 100 and min(relu[3:]) > 1e6
    lost = [
        d
        for d in runs("adding_problem", "ReLU, identity, clipped", 150, "diverged")
        if d
    ]
    assert len(lost) == 3
    assert all(int(line.split(":")[0].removeprefix("step ")) < 400 for line in lost)


def test_the_recorded_copy_task_is_what_the_chapter_says():
    methods = list(records.load("copy_task")["settings"]["clip"])
    right = {
        m: [np.median(runs("copy_task", m, T, "right")) for T in WAITS] for m in methods
    }
    chance = tasks.SYMBOLS**-1
    assert min(right["orthogonal tanh"][:2]) > 0.97
    far = np.sort(runs("copy_task", "orthogonal tanh", 80, "right"))
    assert far[:2] == pytest.approx([chance] * 2, abs=0.03) and far[2] > 0.2
    assert far[4] == pytest.approx(2 / 3, abs=0.05)
    for name in ("tanh", "tanh, clipped"):
        assert right[name][2:] == pytest.approx([chance] * 3, abs=0.03)
    for name in ("ReLU, identity", "ReLU, identity, clipped"):
        assert 0.8 < right[name][0] < 0.99  # less than right where orthogonal is right
        far = runs("copy_task", name, 80, "right")
        assert 0.4 < far.min() and far.max() < 0.5  # a little under half, every seed


def test_the_uniform_beginning_loses_a_third_a_step():
    radii = [
        weights.spectral_radius(weights.uniform(np.random.default_rng(seed), 32))
        for seed in range(20)
    ]
    assert max(radii) < 0.75 and np.mean(radii) < 2 / 3


@pytest.mark.claim(
    "relu-needs-clipping",
    "At T = 80 the ReLU network that starts at the identity solves the adding problem only if its "
    "gradients are clipped.",
    records="adding_problem",
)
def test_the_relu_network_needs_clipping_at_80_steps():
    """The runs solved at T = 80, with and without clipping, by Fisher's exact test: p < 0.05."""
    counts = []
    for method in ("ReLU, identity, clipped", "ReLU, identity"):
        solved = runs("adding_problem", method, 80, "solved")
        counts.append([solved.sum(), (~solved).sum()])
    assert stats.fisher_exact(counts, alternative="greater").pvalue < 0.05
