"""The equations of the chapter on remedies, and its claims of the recorded runs."""

import numpy as np
import pytest
from scipy import stats

from experiments.intervals import interval
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


TANH = ("tanh", "tanh, clipped", "orthogonal tanh")
RELU = ("ReLU, identity", "ReLU, identity, clipped")


def test_every_run_solves_the_adding_problem_at_10_and_20():
    for method in TANH + RELU:
        for T in (10, 20):
            assert runs("adding_problem", method, T, "solved").all()


@pytest.mark.claim(
    "tanh-networks-at-chance-at-150",
    "No tanh network solves the adding problem at T = 80, and at T = 150 all of them are at most "
    "slightly better than chance.",
    records="adding_problem",
)
@pytest.mark.parametrize("method", TANH)
def test_tanh_networks_find_next_to_nothing_at_150_steps(method):
    """The runs solved at T = 80; the lowest error of the five seeds at T = 150 with 1/6."""
    assert not runs("adding_problem", method, 80, "solved").any()
    assert runs("adding_problem", method, 150, "test_error").min() > 0.9 / 6


@pytest.mark.claim(
    "relu-adds-further-than-tanh",
    "With clipping, the ReLU network that starts at the identity solves the adding problem at "
    "T = 80, and no tanh network does.",
    records="adding_problem",
)
@pytest.mark.parametrize("method", TANH)
def test_the_relu_network_adds_over_80_steps_and_tanh_does_not(method):
    """The runs solved at T = 80 of each pair of methods, by Fisher's exact test: p < 0.05."""
    counts = []
    for name in ("ReLU, identity, clipped", method):
        solved = runs("adding_problem", name, 80, "solved")
        counts.append([solved.sum(), (~solved).sum()])
    assert stats.fisher_exact(counts, alternative="greater").pvalue < 0.05


@pytest.mark.claim(
    "clipping-lowers-the-error-of-tanh-at-80",
    "At T = 80 clipping lowers the error of the tanh network; at T = 40 the difference is within "
    "the spread of the seeds.",
    records="adding_problem",
)
def test_clipping_lowers_the_error_of_tanh_at_80_steps():
    """The interval of the differences, paired by seed, with 0."""
    differences = {
        T: interval(
            runs("adding_problem", "tanh", T, "test_error")
            - runs("adding_problem", "tanh, clipped", T, "test_error")
        )
        for T in (40, 80)
    }
    assert differences[80]["low"] > 0
    assert differences[40]["low"] <= 0 <= differences[40]["high"]


@pytest.mark.claim(
    "clipping-acts-on-most-relu-updates",
    "At T = 40 and above, nearly every gradient of the ReLU networks is longer than the limit. In "
    "the tanh networks, most gradients are longer at T = 20 and T = 40, and few at T = 150.",
    records="adding_problem",
)
def test_clipping_acts_on_nearly_every_update_of_the_relu_networks():
    """The shares of single seeds: the lowest of ReLU, the lowest and the highest of tanh."""
    for T in (40, 80, 150):
        for method in RELU:
            assert runs("adding_problem", method, T, "above_limit").min() > 0.8
    for method in TANH:
        for T in (20, 40):
            assert runs("adding_problem", method, T, "above_limit").min() > 0.5
        assert runs("adding_problem", method, 150, "above_limit").max() < 0.25


def test_the_largest_norms_of_the_relu_network_grow_with_the_sequence():
    relu = [
        np.median(runs("adding_problem", "ReLU, identity", T, "largest_norm"))
        for T in TS
    ]
    assert relu[0] < relu[1] < relu[2] < min(relu[3:]) and min(relu[3:]) > 1e6


@pytest.mark.claim(
    "orthogonal-copies-best-at-short-waits",
    "At waits of 5 and 10, the orthogonal network copies more symbols than every other network.",
    records="copy_task",
)
@pytest.mark.parametrize("wait", [5, 10])
@pytest.mark.parametrize("other", ["tanh", "tanh, clipped", *RELU])
def test_the_orthogonal_network_copies_best_at_short_waits(wait, other):
    """The interval of the differences, paired by seed, with 0."""
    best = runs("copy_task", "orthogonal tanh", wait, "right")
    assert interval(best - runs("copy_task", other, wait, "right"))["low"] > 0


@pytest.mark.claim(
    "uniform-tanh-guesses-from-a-wait-of-20",
    "At waits of 20 and longer, tanh networks with a uniform start only guess.",
    records="copy_task",
)
@pytest.mark.parametrize("method", ["tanh", "tanh, clipped"])
def test_tanh_networks_that_start_uniform_guess(method):
    """The share of right symbols of every seed with one in eight."""
    for wait in (20, 40, 80):
        right = runs("copy_task", method, wait, "right")
        assert right == pytest.approx([1 / tasks.SYMBOLS] * len(right), abs=0.03)


@pytest.mark.claim(
    "relu-copies-evenly-at-long-waits",
    "At a wait of 80, the runs of the ReLU networks agree and the runs of the orthogonal network "
    "do not; the means do not differ by more than this spread.",
    records="copy_task",
)
@pytest.mark.parametrize("method", RELU)
def test_at_a_wait_of_80_only_the_orthogonal_seeds_differ(method):
    """The ranges over seeds, and the interval of the differences, paired by seed, with 0."""
    relu = runs("copy_task", method, 80, "right")
    orthogonal = runs("copy_task", "orthogonal tanh", 80, "right")
    assert 0.4 < relu.min() and relu.max() < 0.5
    assert np.ptp(orthogonal) > 5 * np.ptp(relu)
    assert orthogonal.min() == pytest.approx(1 / tasks.SYMBOLS, abs=0.03)
    difference = interval(relu - orthogonal)
    assert difference["low"] <= 0 <= difference["high"]


def test_the_uniform_initialisation_has_a_radius_well_below_1():
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


@pytest.mark.claim(
    "clipping-does-not-help-the-copy",
    "On the copy task, clipping makes the ReLU network slightly worse at waits of 5 and 10, and no "
    "difference beyond the spread of the seeds at longer waits.",
    records="copy_task",
)
@pytest.mark.parametrize("wait", WAITS)
def test_clipping_does_not_help_the_relu_network_to_copy(wait):
    """The interval of the differences unclipped - clipped, paired by seed, with 0 and 0.1."""
    unclipped, clipped = (runs("copy_task", method, wait, "right") for method in RELU)
    difference = interval(unclipped - clipped)
    if wait <= 10:
        assert 0 < difference["low"] and difference["high"] < 0.1
    else:
        assert difference["low"] <= 0 <= difference["high"]


@pytest.mark.claim(
    "omega-prefers-a-larger-matrix",
    "Of four scales of an untrained tanh network's W_h, 0.5, 1, 1.5 and 2, the penalty of Pascanu "
    "et al. is smallest at 1.5.",
)
@pytest.mark.parametrize("seed", range(10))
def test_the_penalty_on_lengths_is_smallest_above_1(seed):
    """The scale with the smallest penalty, for each of ten networks."""
    rng = np.random.default_rng(seed)
    start = rnn.init(rng, 5, 50)
    x, dh_T = rng.standard_normal((30, 1, 5)), rng.standard_normal(50)
    penalty = {}
    for scale in (0.5, 1.0, 1.5, 2.0):
        p = start._replace(W_h=scale * start.W_h)
        norms = jacobians.backward_norms(p, rnn.forward(p, x)[0][:, 0], dh_T)
        penalty[scale] = ((norms[1:] / norms[:-1] - 1) ** 2).sum()
    assert min(penalty, key=lambda scale: penalty[scale]) == 1.5


def test_each_clipped_relu_run_at_150_is_solved_or_diverges():
    solved = runs("adding_problem", "ReLU, identity, clipped", 150, "solved")
    diverged = runs("adding_problem", "ReLU, identity, clipped", 150, "diverged")
    assert solved.sum() == 2
    assert [found is None for found in diverged] == solved.tolist()


def test_the_orthogonal_networks_are_clipped():
    for name in ("adding_problem", "copy_task"):
        assert records.load(name)["settings"]["clip"]["orthogonal tanh"] == 1


def test_the_orthogonal_start_solves_no_more_runs_than_the_uniform_start():
    for T in TS:
        orthogonal, *uniform = (
            runs("adding_problem", method, T, "solved").sum()
            for method in ("orthogonal tanh", "tanh", "tanh, clipped")
        )
        assert orthogonal <= min(uniform)
